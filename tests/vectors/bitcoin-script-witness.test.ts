/**
 * Witness programs, by every engine: the examples of BIP143, and the taproot spends that Bitcoin Core's fuzzer has chosen.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { sha256d } from "../../lib/bitcoin/hash.ts";
import {
  ImmediateChecker,
  ScriptFlag,
  SpendingTransaction,
  verifyInput,
  verifyTransaction,
  witnessV0Digest,
} from "../../lib/bitcoin/script/mod.ts";
import { Transaction, type TxOutput } from "../../lib/bitcoin/types/mod.ts";
import { ENGINES } from "../../lib/engine/engine.ts";
import { parseFlags } from "../support/script-text.ts";
import { secp256k1Of } from "../support/secp256k1-engines.ts";
import { outputOf } from "./bitcoin-blocks-spent.ts";
import { bitcoinDataMissing, bitcoinJson, bitcoinText } from "./bitcoin-data.ts";

const BIP143 = "bips/bip143-examples.json";
const ASSETS = "taproot/script_assets_part1.ndjson";
const CONSENSUS = ScriptFlag.P2SH | ScriptFlag.DERSIG | ScriptFlag.NULLDUMMY | ScriptFlag.CHECKLOCKTIMEVERIFY |
  ScriptFlag.CHECKSEQUENCEVERIFY | ScriptFlag.WITNESS | ScriptFlag.TAPROOT;

interface Example {
  readonly example: string;
  readonly prevouts: readonly { readonly scriptPubKey: string; readonly value: string }[];
  readonly preimages: readonly string[];
  readonly sigHashes: readonly string[];
  readonly signedTx: string;
}

function satoshi(text: string): bigint {
  const [whole = "0", part = ""] = text.split(".");
  return BigInt(whole + part.padEnd(8, "0"));
}

/** What the transaction spends; the extraction has the outputs of a second transaction behind them in one example. */
function spentIn(prevouts: Example["prevouts"], { inputCount }: Transaction): TxOutput[] {
  return prevouts.slice(0, inputCount).map(({ value, scriptPubKey }) => ({
    value: satoshi(value),
    scriptPubKey: fromHex(scriptPubKey),
  }));
}

/** Every set of flags of consensus that can be. */
const SETS = Array.from({ length: 128 }, (_, bits) =>
  [
    ScriptFlag.P2SH,
    ScriptFlag.DERSIG,
    ScriptFlag.NULLDUMMY,
    ScriptFlag.CHECKLOCKTIMEVERIFY,
    ScriptFlag.CHECKSEQUENCEVERIFY,
    ScriptFlag.WITNESS,
    ScriptFlag.TAPROOT,
  ].reduce<number>((flags, flag, i) => (bits >> i) & 1 ? flags | flag : flags, 0)).filter((flags) =>
    ((flags & ScriptFlag.WITNESS) === 0 || (flags & ScriptFlag.P2SH) !== 0) &&
    ((flags & ScriptFlag.TAPROOT) === 0 || (flags & ScriptFlag.WITNESS) !== 0)
  );

interface Asset {
  readonly tx: string;
  readonly prevouts: readonly string[];
  readonly index: number;
  readonly flags: string;
  readonly comment: string;
  readonly success: Spend;
  readonly failure?: Spend;
  readonly final?: boolean;
}

interface Spend {
  readonly scriptSig: string;
  readonly witness: readonly string[];
}

/** The transaction of an asset with this spend in it, of that input alone. */
function withSpend({ tx, index }: Asset, { scriptSig, witness }: Spend): Transaction {
  const { version, inputs, outputs, lockTime } = Transaction.decode(fromHex(tx));
  return Transaction.of({
    version,
    outputs,
    lockTime,
    inputs: inputs.map((input, i) =>
      i === index ? { ...input, scriptSig: fromHex(scriptSig), witness: witness.map((item) => fromHex(item)) } : input
    ),
  });
}

for (const engine of ENGINES) {
  describe(`witness programs, ${engine}`, () => {
    const secp = secp256k1Of(engine);

    test("verifyTransaction() passes the examples of BIP143", { skip: bitcoinDataMissing(BIP143) }, () => {
      const examples = bitcoinJson<Example[]>(BIP143);
      for (const { example, prevouts, signedTx } of examples) {
        const transaction = Transaction.decode(fromHex(signedTx));
        const spent = spentIn(prevouts, transaction);
        assert.equal(verifyTransaction(transaction, spent, CONSENSUS, secp), undefined, example);
        const other = spent.map(({ value, scriptPubKey }) => ({ value: value + 1n, scriptPubKey }));
        assert.notEqual(verifyTransaction(transaction, other, CONSENSUS, secp), undefined, `${example}, other values`);
      }
      assert.ok(examples.length >= 5);
    });

    test(
      "verifyInput() judges the taproot spends as Core does",
      { skip: bitcoinDataMissing(ASSETS), timeout: 300_000 },
      () => {
        const assets = bitcoinText(ASSETS).trim().split("\n").map((line) => JSON.parse(line) as Asset);
        let runs = 0;
        for (const asset of assets) {
          const { index, comment, success, failure, final } = asset;
          const spent = asset.prevouts.map(outputOf);
          const own = parseFlags(asset.flags);
          const judge = (spend: Spend, flags: number) => {
            runs++;
            const transaction = new SpendingTransaction(withSpend(asset, spend), spent);
            return verifyInput({ transaction, input: index, flags, checker: new ImmediateChecker(secp) });
          };
          // The slow engine does without the sets that differ in what is no matter of signatures.
          const sets = SETS.filter((flags) =>
            engine !== "portable" || flags === own || flags === CONSENSUS || flags === 0
          );
          for (const flags of sets.filter((some) => final === true || (some & own) === some)) {
            assert.equal(judge(success, flags), undefined, `${comment}, ${flags}`);
          }
          for (const flags of failure === undefined ? [] : sets.filter((some) => (some & own) === own)) {
            assert.notEqual(judge(failure!, flags), undefined, `${comment}, ${flags}`);
          }
        }
        assert.ok(assets.length > 700 && runs > 2 * assets.length, `${assets.length} spends, ${runs} runs`);
      },
    );
  });
}

describe("digests of BIP143", () => {
  test("witnessV0Digest() gives those of the examples", { skip: bitcoinDataMissing(BIP143) }, () => {
    let digests = 0;
    for (const { example, prevouts, preimages, signedTx } of bitcoinJson<Example[]>(BIP143)) {
      const transaction = Transaction.decode(fromHex(signedTx));
      const spent = spentIn(prevouts, transaction);
      const outpoints = transaction.inputs.map(({ prevout: { txid, vout } }) =>
        toHex(txid) + toHex(Uint8Array.of(vout, vout >> 8, vout >> 16, vout >> 24))
      );
      const inputOf = (preimage: Uint8Array) => outpoints.indexOf(toHex(preimage.subarray(68, 104)));
      for (const preimage of preimages.map((hex) => fromHex(hex)).filter((each) => inputOf(each) >= 0)) {
        const input = inputOf(preimage);
        const length = preimage[104]!;
        assert.ok(length < 0xfd);
        const hashType = new DataView(preimage.buffer, preimage.byteOffset).getInt32(preimage.length - 4, true);
        const code = preimage.subarray(105, 105 + length);
        const digest = witnessV0Digest(new SpendingTransaction(transaction, spent), input, code, hashType);
        assert.deepEqual(digest, sha256d(preimage), example);
        digests++;
      }
    }
    assert.ok(digests >= 5, `${digests} digests`);
  });
});
