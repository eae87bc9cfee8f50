/**
 * Bitcoin Core's own cases of scripts and transactions, by every engine: script_tests.json, tx_valid.json, tx_invalid.json,
 * sighash.json.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { secp256k1 as curve } from "@noble/curves/secp256k1.js";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { checkTransaction } from "../../lib/bitcoin/chain/transaction-checks.ts";
import { fromDisplayHex, taggedHash, toDisplayHex } from "../../lib/bitcoin/hash.ts";
import {
  ALL_FLAGS,
  legacyDigest,
  NO_FLAGS,
  ScriptFlag,
  SpendingTransaction,
  verifyTransaction,
} from "../../lib/bitcoin/script/mod.ts";
import { Transaction, type TxOutput } from "../../lib/bitcoin/types/mod.ts";
import { ENGINES } from "../../lib/engine/engine.ts";
import { fillFlags, parseFlags, parseScript, spendOf, trimFlags } from "../support/script-text.ts";
import { secp256k1Of } from "../support/secp256k1-engines.ts";
import { bitcoinDataMissing, bitcoinJson } from "./bitcoin-data.ts";

/** Errors that the data files name in another way than `SCRIPT_ERR_` and the name. */
const NAMES: Readonly<Record<string, string>> = { NULLFAIL: "SIG_NULLFAIL" };
/** A point that nobody knows the secret of (BIP341). */
const NOBODY = fromHex("50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0");
const FLAGS: readonly number[] = Object.values(ScriptFlag);

type ScriptCase = readonly (string | readonly (string | number)[])[];

/** The control block and the key of an output that has this leaf alone. */
function taprootOf(leaf: Uint8Array): { readonly control: Uint8Array; readonly output: Uint8Array } {
  assert.ok(leaf.length < 0xfd);
  const root = taggedHash("TapLeaf", Uint8Array.of(0xc0, leaf.length), leaf);
  const tweak = BigInt(`0x${toHex(taggedHash("TapTweak", NOBODY, root))}`);
  const point = curve.Point.fromBytes(Uint8Array.of(2, ...NOBODY)).add(curve.Point.BASE.multiply(tweak)).toBytes(true);
  return { control: Uint8Array.of(0xc0 | (point[0]! & 1), ...NOBODY), output: point.subarray(1) };
}

/** The witness of a case, and the key that its output has if it is one of taproot. */
function witnessOf(
  elements: readonly string[],
): { readonly witness: readonly Uint8Array[]; readonly output?: Uint8Array } {
  const witness: Uint8Array[] = [];
  let output: Uint8Array | undefined;
  for (const element of elements) {
    if (element.startsWith("#SCRIPT#")) witness.push(parseScript(element.slice("#SCRIPT#".length)));
    else if (element === "#CONTROLBLOCK#") {
      const taproot = taprootOf(witness.at(-1)!);
      witness.push(taproot.control);
      output = taproot.output;
    } else witness.push(fromHex(element));
  }
  return output === undefined ? { witness } : { witness, output };
}

const SCRIPTS = "core/script_tests.json";
const VALID = "core/tx_valid.json";
const INVALID = "core/tx_invalid.json";
const SIGHASH = "core/sighash_part1.json";

type TransactionCase = readonly [
  prevouts: readonly (readonly [txid: string, vout: number, script: string, value?: number])[],
  hex: string,
  flags: string,
];

function transactionCases(name: string): TransactionCase[] {
  return bitcoinJson<(TransactionCase | [string])[]>(name).filter((row): row is TransactionCase => row.length > 1);
}

/** What the inputs spend, in their order. */
function spentBy(transaction: Transaction, prevouts: TransactionCase[0]): TxOutput[] {
  const outputs = new Map(prevouts.map(([txid, vout, script, value = 0]) => [
    `${txid}:${vout >>> 0}`,
    { value: BigInt(value), scriptPubKey: parseScript(script) },
  ]));
  return transaction.inputs.map(({ prevout: { txid, vout } }) => outputs.get(`${toDisplayHex(txid)}:${vout}`)!);
}

/** Every set that lacks one of these flags, and those that need it. */
function withoutOne(flags: number): number[] {
  return FLAGS.map((flag) => trimFlags(flags & ~flag)).filter((less) => less !== flags);
}

for (const engine of ENGINES) {
  describe(`Bitcoin Core's cases, ${engine}`, () => {
    const secp = secp256k1Of(engine);

    test("verifyTransaction() gives the error of script_tests.json", { skip: bitcoinDataMissing(SCRIPTS) }, () => {
      const cases = bitcoinJson<ScriptCase[]>(SCRIPTS).filter((row) => row.length > 1);
      for (const row of cases) {
        const isWitness = typeof row[0] !== "string";
        const [elements, [scriptSig, script, flags, expected]] = isWitness
          ? [row[0] as readonly (string | number)[], row.slice(1) as string[]]
          : [[0], row as string[]];
        const { witness, output } = witnessOf(elements.slice(0, -1) as string[]);
        const value = BigInt(Math.round(Number(elements.at(-1)) * 1e8));
        const scriptPubKey = parseScript(script!.replace("#TAPROOTOUTPUT#", () => `0x${toHex(output!)}`));
        const { transaction, spent } = spendOf(scriptPubKey, parseScript(scriptSig!), { witness, value });
        const error = verifyTransaction(transaction, [spent], fillFlags(parseFlags(flags!)), secp)?.error ?? "OK";
        const wanted = expected === "OK" ? "OK" : `SCRIPT_ERR_${NAMES[expected!] ?? expected}`;
        assert.equal(error, wanted, JSON.stringify(row));
      }
      assert.ok(cases.length > 1_200, `${cases.length} cases`);
    });

    test(
      "verifyTransaction() passes tx_valid.json, and not with one flag more",
      { skip: bitcoinDataMissing(VALID) },
      () => {
        const cases = transactionCases(VALID);
        for (const [prevouts, hex, excludedNames] of cases) {
          const transaction = Transaction.decode(fromHex(hex));
          const spent = spentBy(transaction, prevouts);
          const excluded = parseFlags(excludedNames);
          const verify = (flags: number) => verifyTransaction(transaction, spent, flags & ALL_FLAGS, secp)?.error;
          assert.equal(checkTransaction(transaction), undefined, hex);
          assert.equal(verify(~excluded), undefined, hex);
          for (const flag of FLAGS) {
            assert.equal(verify(trimFlags(~(excluded | flag))), undefined, `${hex} without ${flag}`);
          }
          for (const fewer of withoutOne(excluded)) {
            assert.notEqual(verify(~fewer), undefined, `${hex} with ${~fewer}`);
          }
        }
        assert.ok(cases.length > 100, `${cases.length} cases`);
      },
    );

    test("verifyTransaction() refuses tx_invalid.json, and not with one flag less", {
      skip: bitcoinDataMissing(INVALID),
    }, () => {
      const cases = transactionCases(INVALID);
      for (const [prevouts, hex, names] of cases) {
        const transaction = Transaction.decode(fromHex(hex));
        if (names === "BADTX") {
          assert.notEqual(checkTransaction(transaction), undefined, hex);
          continue;
        }
        const spent = spentBy(transaction, prevouts);
        const flags = parseFlags(names);
        const verify = (some: number) => verifyTransaction(transaction, spent, some, secp)?.error;
        assert.equal(checkTransaction(transaction), undefined, hex);
        assert.notEqual(verify(flags), undefined, hex);
        for (const flag of FLAGS) assert.notEqual(verify(fillFlags(flags | flag)), undefined, `${hex} with ${flag}`);
        for (const fewer of withoutOne(flags)) assert.equal(verify(fewer), undefined, `${hex} with ${fewer} alone`);
      }
      assert.ok(cases.length > 80, `${cases.length} cases`);
    });
  });
}

describe("Bitcoin Core's digests", () => {
  test("legacyDigest() gives those of sighash.json", { skip: bitcoinDataMissing(SIGHASH) }, () => {
    type Row = readonly [hex: string, script: string, input: number, hashType: number, digest: string];
    const rows = bitcoinJson<(Row | [string])[]>(SIGHASH).filter((row): row is Row => row.length > 1);
    for (const [hex, script, input, hashType, digest] of rows) {
      const transaction = Transaction.decode(fromHex(hex));
      const nothing = transaction.inputs.map(() => ({ value: 0n, scriptPubKey: new Uint8Array(0) }));
      const spending = new SpendingTransaction(transaction, nothing);
      assert.deepEqual(
        legacyDigest(spending, input, fromHex(script), hashType),
        fromDisplayHex(digest),
        `${hex} ${script}`,
      );
    }
    assert.ok(rows.length >= 200, `${rows.length} rows`);
  });

  test("a set without flags has none", () => assert.equal(parseFlags("NONE"), NO_FLAGS));
});
