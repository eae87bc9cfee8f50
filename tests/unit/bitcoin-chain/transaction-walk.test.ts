import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { TransactionWalk } from "../../../lib/bitcoin/chain/transaction-walk.ts";
import { sigOpCount } from "../../../lib/bitcoin/types/script.ts";
import { NULL_VOUT, Transaction } from "../../../lib/bitcoin/types/transaction.ts";

// Scripts of few opcodes, so that pushes, malformed ones too, and signature checks come often.
const opcode = fc.constantFrom(0, 1, 3, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x51, 0xac, 0xad, 0xae, 0xaf, 0xff);
const script = fc.oneof(
  fc.array(opcode, { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes)),
  fc.constantFrom(0xfc, 0xfd, 0x100, 0x1_0000).map((length) => new Uint8Array(length).fill(0xac)),
);
const outpoint = fc.record({
  txid: fc.constantFrom(new Uint8Array(32), new Uint8Array(32).fill(1), Uint8Array.from({ length: 32 }, (_, i) => i)),
  vout: fc.constantFrom(0, 1, NULL_VOUT),
});
const witness = fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 2 });
const input = fc.record({ prevout: outpoint, scriptSig: script, sequence: fc.nat(0xffff_ffff), witness });
const output = fc.record({ value: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), scriptPubKey: script });
const transaction = fc.record({
  version: fc.nat(3),
  inputs: fc.array(input, { maxLength: 24, minLength: 1 }),
  outputs: fc.array(output, { maxLength: 4 }),
  lockTime: fc.nat(),
}).map(Transaction.of);

test("TransactionWalk finds what the transaction's objects tell", () => {
  const walk = new TransactionWalk();
  fc.assert(fc.property(transaction, (transaction) => {
    const { inputs, outputs } = transaction;
    const isNull = ({ txid, vout }: (typeof inputs)[number]["prevout"]) =>
      vout === NULL_VOUT && txid.every((b) => b === 0);
    const scripts = [...inputs.map(({ scriptSig }) => scriptSig), ...outputs.map(({ scriptPubKey }) => scriptPubKey)];
    walk.over(transaction);
    assert.equal(walk.inputCount, inputs.length);
    assert.equal(walk.outputCount, outputs.length);
    assert.equal(walk.firstScriptBytes, inputs[0]!.scriptSig.length);
    assert.equal(walk.hasNullPrevout, inputs.some(({ prevout }) => isNull(prevout)));
    assert.deepEqual(walk.values, outputs.map(({ value }) => Number(value)));
    assert.equal(walk.sigOps, scripts.reduce((sum, script) => sum + sigOpCount(script, false), 0));
    const keys = new Set(inputs.map(({ prevout: { txid, vout } }) => `${txid}/${vout}`));
    assert.equal(walk.spendsTwice(), keys.size < inputs.length);
  }));
});
