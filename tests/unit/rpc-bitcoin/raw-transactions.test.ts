/** Transactions as callers put them together, and PSBTs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { base64 } from "@scure/base";
import { HDKey } from "@scure/bip32";
import { NETWORK, p2wpkh, SigHash, TEST_NETWORK, Transaction as SignedTransaction } from "@scure/btc-signer";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { ADDRESS, bitcoinNode } from "./support.ts";

const TXID = "0011223344556677889900112233445566778899aabbccddeeff001122334455";
type Told = Record<string, unknown>;

describe("createrawtransaction", () => {
  test("makes the transaction that Core makes", async () => {
    const { call } = await bitcoinNode();
    const make = async (...args: unknown[]) =>
      Transaction.decode(fromHex(await call<string>("createrawtransaction", ...args)));
    const one = await make([{ txid: TXID, vout: 1 }], [{ [ADDRESS]: 0.5 }, { data: "00ff" }]);
    assert.deepEqual([one.version, one.lockTime, one.inputs[0]!.sequence, one.inputs[0]!.prevout.vout], [
      2,
      0,
      0xffff_fffd,
      1,
    ]);
    assert.deepEqual(one.outputs.map(({ value, scriptPubKey }) => [value, toHex(scriptPubKey)]), [
      [50_000_000n, "00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260"],
      [0n, "6a0200ff"],
    ]);
    const other = await make([{ txid: TXID, vout: 0 }], { [ADDRESS]: "1e-8" }, 7, false, 3);
    assert.deepEqual([other.version, other.lockTime, other.inputs[0]!.sequence, other.outputs[0]!.value], [
      3,
      7,
      0xffff_fffe,
      1n,
    ]);
    assert.equal((await make([{ txid: TXID, vout: 0 }], [], 0, false)).inputs[0]!.sequence, 0xffff_ffff);
    assert.equal((await make([{ txid: TXID, vout: 0, sequence: 5 }], [])).inputs[0]!.sequence, 5);
  });

  test("has Core's errors", async () => {
    const { failure } = await bitcoinNode();
    const input = { txid: TXID, vout: 0 };
    const cases: readonly (readonly [args: unknown[], message: string])[] = [
      [[[input], null], "-8 Invalid parameter, output argument must be non-null"],
      [[[input], [], -1], "-8 Invalid parameter, locktime out of range"],
      [[[input], [], 0, true, 4], "-8 Invalid parameter, version out of range(1~3)"],
      [[[{ txid: TXID }], []], "-8 Invalid parameter, missing vout key"],
      [[[{ txid: TXID, vout: -1 }], []], "-8 Invalid parameter, vout cannot be negative"],
      [[[{ txid: "ab", vout: 0 }], []], "-8 txid must be of length 64 (not 2, for 'ab')"],
      [[[{ ...input, sequence: -1 }], []], "-8 Invalid parameter, sequence number is out of range"],
      [[["x"], []], "-3 JSON value of type string is not of expected type object"],
      [[[input], ["x"]], "-8 Invalid parameter, key-value pair not an object as expected"],
      [[[input], [{ a: 1, b: 1 }]], "-8 Invalid parameter, key-value pair must contain exactly one key"],
      [[[input], [{ data: "00" }, { data: "01" }]], "-8 Invalid parameter, duplicate key: data"],
      [[[input], [{ data: "0" }]], "-8 Data must be hexadecimal string (not '0')"],
      [[[input], [{ [ADDRESS]: 1 }, { [ADDRESS]: 2 }]], `-8 Invalid parameter, duplicated address: ${ADDRESS}`],
      [[[input], { nobody: 1 }], "-5 Invalid Bitcoin address: nobody"],
      [[[input], { [ADDRESS]: -1 }], "-3 Amount out of range"],
      [
        [[{ ...input, sequence: 0xffff_fffe }], [], 0, true],
        "-8 Invalid parameter combination: Sequence number(s) contradict replaceable option",
      ],
    ];
    for (const [args, message] of cases) {
      const told = await failure("createrawtransaction", ...args);
      assert.equal(`${told.code} ${told.message}`, message, JSON.stringify(args));
    }
  });
});

describe("PSBTs", () => {
  test("are made, signed by another library, combined, and taken apart with Core's fields", async () => {
    const { call, failure } = await bitcoinNode();
    const root = HDKey.fromMasterSeed(
      new Uint8Array(32).fill(7),
      { ...NETWORK, private: 0x04358394, public: 0x043587cf } as never,
    );
    const [one, two] = [root.deriveChild(0), root.deriveChild(1)];
    const outputs = [one, two].map(({ publicKey }) => p2wpkh(publicKey!, TEST_NETWORK));
    const made = await call<string>("createpsbt", [{ txid: TXID, vout: 0 }, { txid: TXID, vout: 1 }], [{
      [ADDRESS]: 1.5,
    }]);
    const bare = await call<Told>("decodepsbt", made);
    assert.deepEqual(Object.keys(bare), [
      "tx",
      "global_xpubs",
      "psbt_version",
      "proprietary",
      "unknown",
      "inputs",
      "outputs",
    ]);
    assert.deepEqual([bare.inputs, bare.outputs, bare.psbt_version], [[{}, {}], [{}], 0]);
    const signedBy = (index: number) => {
      const psbt = SignedTransaction.fromPSBT(base64.decode(made));
      for (const i of [0, 1]) {
        psbt.updateInput(i, {
          witnessUtxo: { amount: 80_000_000n, script: outputs[i]!.script },
          sighashType: SigHash.ALL,
          bip32Derivation: [[[one, two][i]!.publicKey!, { fingerprint: root.fingerprint, path: [i, 2 ** 31 + 5] }]],
        });
      }
      psbt.signIdx([one, two][index]!.privateKey!, index);
      return base64.encode(psbt.toPSBT());
    };
    const combined = await call<string>("combinepsbt", [signedBy(0), signedBy(1)]);
    const told = await call<Told>("decodepsbt", combined);
    assert.equal(told.fee, 0.1);
    const [first, second] = told.inputs as [Told, Told];
    assert.deepEqual(Object.keys(first), ["witness_utxo", "partial_signatures", "sighash", "bip32_derivs"]);
    assert.deepEqual(first.bip32_derivs, [{
      pubkey: toHex(one.publicKey!),
      master_fingerprint: root.fingerprint.toString(16).padStart(8, "0"),
      path: "m/0/5h",
    }]);
    assert.deepEqual(Object.keys(second.partial_signatures as Told), [toHex(two.publicKey!)]);
    assert.deepEqual([first.sighash, (first.witness_utxo as Told).amount], ["ALL", 0.8]);
    assert.equal((told.tx as Told).txid, (bare.tx as Told).txid);
    const other = await call<string>("createpsbt", [{ txid: TXID, vout: 0 }], []);
    assert.equal(
      (await failure("combinepsbt", [made, other])).message,
      "PSBTs not compatible (different transactions)",
    );
    for (const text of ["", "x", base64.encode(new Uint8Array(20))]) {
      const { code, message } = await failure("decodepsbt", text);
      assert.match(`${code} ${message}`, /^-22 TX decode failed /);
    }
  });
});
