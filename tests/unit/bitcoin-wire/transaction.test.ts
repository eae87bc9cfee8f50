/** Transactions and blocks at their edges: both forms, flags, laziness, sharing of memory, the commitment. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { merkleNode, sha256dOf } from "./support.ts";
import {
  Block,
  isWitnessCommitment,
  merkleRoot,
  NULL_VOUT,
  Transaction,
  type TransactionParts,
} from "../../../lib/bitcoin/types/mod.ts";

const txid = new Uint8Array(32).fill(0xaa);
const input = { prevout: { txid, vout: 1 }, scriptSig: fromHex("51"), sequence: 0xffff_fffe, witness: [] };
const output = { value: 5n, scriptPubKey: fromHex("51") };
const parts: TransactionParts = { version: 2, inputs: [input], outputs: [output], lockTime: 500 };
const withWitness: TransactionParts = { ...parts, inputs: [{ ...input, witness: [fromHex("01"), new Uint8Array()] }] };

const INPUT = "aa".repeat(32) + "01000000" + "0151" + "feffffff";
const OUTPUT = "0500000000000000" + "0151";
const STRIPPED = "02000000" + "01" + INPUT + "01" + OUTPUT + "f4010000";
const EXTENDED = "02000000" + "0001" + "01" + INPUT + "01" + OUTPUT + "02" + "0101" + "00" + "f4010000";

describe("Transaction", () => {
  test("has the form without witness when it has none", () => {
    const tx = Transaction.of(parts);
    assert.equal(toHex(tx.raw), STRIPPED);
    assert.equal(tx.hasWitness, false);
    assert.equal(toHex(tx.txid), toHex(sha256dOf(STRIPPED)));
    assert.equal(tx.wtxid, tx.txid);
    assert.deepEqual([tx.size, tx.strippedSize, tx.weight, tx.vsize], [62, 62, 248, 62]);
  });

  test("has marker, flag and witnesses when it has one, and the txid ignores them", () => {
    const tx = Transaction.of(withWitness);
    assert.equal(toHex(tx.raw), EXTENDED);
    assert.equal(toHex(tx.stripped), STRIPPED);
    assert.equal(toHex(tx.txid), toHex(sha256dOf(STRIPPED)));
    assert.equal(toHex(tx.wtxid), toHex(sha256dOf(EXTENDED)));
    assert.deepEqual([tx.size, tx.strippedSize, tx.weight, tx.vsize], [68, 62, 254, 64]);
    assert.deepEqual(tx.inputs, withWitness.inputs);
    assert.deepEqual(tx.outputs, withWitness.outputs);
    assert.deepEqual([tx.version, tx.lockTime], [2, 500]);
    assert.equal(tx.inputs, tx.inputs, "made once");
  });

  test("a txid of many parts and a long one agree with the hash of the whole", () => {
    const long = Transaction.of({
      ...withWitness,
      outputs: [{ value: 0n, scriptPubKey: new Uint8Array(9_000).fill(7) }],
    });
    assert.equal(toHex(long.txid), toHex(sha256dOf(toHex(long.stripped))));
    assert.equal(toHex(long.wtxid), toHex(sha256dOf(toHex(long.raw))));
  });

  test("version and values keep their bits", () => {
    const tx = Transaction.of({ ...parts, version: 0xffff_ffff, outputs: [{ ...output, value: -1n }] });
    assert.equal(tx.version, 0xffff_ffff);
    assert.equal(tx.outputs[0]!.value, -1n);
  });

  test("decoding shares the bytes, detach() does not", () => {
    const bytes = fromHex(EXTENDED);
    const tx = Transaction.decode(bytes);
    assert.equal(tx.raw.buffer, bytes.buffer);
    assert.equal(tx.inputs[0]!.scriptSig.buffer, bytes.buffer);
    const copy = tx.detach();
    assert.notEqual(copy.raw.buffer, bytes.buffer);
    assert.deepEqual([copy.raw, copy.txid, copy.wtxid], [tx.raw, tx.txid, tx.wtxid]);
    for (const odd of [parts, { ...parts, inputs: [] }, { ...parts, inputs: [], outputs: [] }]) {
      const lone = Transaction.of(odd);
      assert.deepEqual(lone.detach().raw, lone.raw);
    }
  });

  test("isCoinbase is about one input that spends nothing", () => {
    const none = { ...input, prevout: { txid: new Uint8Array(32), vout: NULL_VOUT } };
    assert.equal(Transaction.of({ ...parts, inputs: [none] }).isCoinbase, true);
    assert.equal(Transaction.of({ ...withWitness, inputs: [{ ...none, witness: [txid] }] }).isCoinbase, true);
    assert.equal(Transaction.of({ ...parts, inputs: [none, input] }).isCoinbase, false);
    assert.equal(
      Transaction.of({ ...parts, inputs: [{ ...none, prevout: { txid, vout: NULL_VOUT } }] }).isCoinbase,
      false,
    );
    assert.equal(
      Transaction.of({ ...parts, inputs: [{ ...none, prevout: { ...none.prevout, vout: 0 } }] }).isCoinbase,
      false,
    );
    assert.equal(Transaction.of({ ...parts, inputs: [] }).isCoinbase, false);
  });

  test("no inputs: a transaction of nothing, and the old form on request", () => {
    const nothing = Transaction.decode(fromHex("01000000" + "00" + "00" + "00000000"));
    assert.deepEqual([nothing.inputs, nothing.outputs, nothing.lockTime], [[], [], 0]);
    const old = "01000000" + "00" + "01" + OUTPUT + "00000000";
    assert.throws(() => Transaction.decode(fromHex(old)), { name: "CodecError" });
    const read = Transaction.decode(fromHex(old), { witness: false });
    assert.deepEqual(read.outputs, [output]);
    assert.equal(toHex(Transaction.of(read).raw), old);
  });

  const broken: [what: string, hex: string, code: string, message: string][] = [
    [
      "unknown flags",
      "02000000" + "0002" + "01" + INPUT + "00" + "00000000",
      "witness",
      "transaction.flags: unknown flags 2",
    ],
    [
      "flags 3",
      "02000000" + "0003" + "01" + INPUT + "00" + "00000000",
      "witness",
      "transaction.flags: unknown flags 3",
    ],
    [
      "only empty witnesses",
      "02000000" + "0001" + "01" + INPUT + "00" + "00" + "00000000",
      "witness",
      "transaction.flags: ",
    ],
    [
      "the extended form without inputs",
      "02000000" + "0001" + "00" + "00" + "00000000",
      "witness",
      "transaction.flags: ",
    ],
    ["no version", "0200", "short", "transaction.version: 2 bytes short at offset 0"],
    ["no count", "02000000", "short", "transaction.inputs: 1 byte short at offset 4"],
    ["no flags", "02000000" + "00", "short", "transaction.flags: 1 byte short at offset 5"],
    ["more inputs than bytes", "02000000" + "02" + INPUT + "00000000", "count", "transaction.inputs: 2 elements"],
    [
      "more outputs than bytes",
      STRIPPED.replace("01" + OUTPUT, "09" + OUTPUT),
      "count",
      "transaction.outputs: 9 elements",
    ],
    [
      "a longer form of a count",
      STRIPPED.replace("01" + INPUT, "fd0100" + INPUT),
      "minimal",
      "transaction.inputs: 1 in",
    ],
    [
      "a longer form of a length",
      STRIPPED.replace("0151fe", "fd010051fe"),
      "minimal",
      "transaction.inputs[0].scriptSig: 1 in",
    ],
    ["a script over the end", STRIPPED.replace("0151fe", "f051fe"), "short", "transaction.inputs[0].scriptSig: "],
    [
      "a script of 2^63",
      STRIPPED.replace("0151fe", "ff000000000000008051fe"),
      "count",
      "transaction.inputs[0].scriptSig: ",
    ],
    ["a witness over the end", EXTENDED.replace("020101", "02f001"), "short", "transaction.inputs[0].witness[0]: "],
    [
      "more items than bytes",
      EXTENDED.replace("020101", "f00101"),
      "count",
      "transaction.inputs[0].witness: 240 elements",
    ],
    ["no lock time", STRIPPED.slice(0, -4), "short", "transaction.lockTime: 2 bytes short at offset 58"],
    ["a byte more", STRIPPED + "00", "trailing", "transaction: 1 byte left over at offset 62"],
  ];
  for (const [what, hex, code, message] of broken) {
    test(`${what}: ${code}`, () => {
      assert.throws(() => Transaction.decode(fromHex(hex)), (error: Error & { code?: string }) => {
        assert.equal(error.code, code, error.message);
        assert.ok(error.message.startsWith(message), error.message);
        return true;
      });
    });
  }
});

describe("Block", () => {
  const header = {
    version: 4,
    prevBlockHash: txid,
    merkleRoot: txid,
    time: 1,
    bits: 0x207fffff,
    nonce: 0,
  };
  const nonce = new Uint8Array(32).fill(9);
  const none = { prevout: { txid: new Uint8Array(32), vout: NULL_VOUT }, scriptSig: fromHex("5151"), sequence: 0 };
  const spender = Transaction.of(withWitness);
  const commitment = (root: Uint8Array) => ({
    value: 0n,
    scriptPubKey: fromHex("6a24aa21a9ed" + toHex(merkleNode(root, nonce)) + "51"),
  });
  const root = merkleNode(new Uint8Array(32), spender.wtxid);
  const coinbase = (witness: readonly Uint8Array[], ...outputs: { value: bigint; scriptPubKey: Uint8Array }[]) =>
    Transaction.of({ version: 1, inputs: [{ ...none, witness }], outputs: [output, ...outputs], lockTime: 0 });

  test("witnessCommitment() takes the last output that looks like one", () => {
    const good = commitment(root);
    const bad = commitment(txid);
    const of = (tx: Transaction) => Block.of(header, [tx, spender]).witnessCommitment();
    assert.deepEqual(of(coinbase([nonce], good)), { kind: "present", matches: true });
    assert.deepEqual(of(coinbase([nonce], bad, good)), { kind: "present", matches: true });
    assert.deepEqual(of(coinbase([nonce], good, bad)), { kind: "present", matches: false });
    assert.deepEqual(of(coinbase([])), { kind: "absent" });
    assert.deepEqual(of(coinbase([], good)), { kind: "bad-nonce" });
    assert.deepEqual(of(coinbase([nonce, nonce], good)), { kind: "bad-nonce" });
    assert.deepEqual(of(coinbase([nonce.subarray(1)], good)), { kind: "bad-nonce" });
    assert.deepEqual(Block.of(header, []).witnessCommitment(), { kind: "absent" });
  });

  test("a commitment has 38 bytes at least", () => {
    const script = fromHex("6a24aa21a9ed" + "00".repeat(32));
    assert.equal(isWitnessCommitment(script), true);
    assert.equal(isWitnessCommitment(script.subarray(0, 37)), false);
    assert.equal(isWitnessCommitment(Uint8Array.of(...script, 0x51)), true);
  });

  test("weight counts the stripped bytes three times more", () => {
    const block = Block.of(header, [coinbase([nonce], commitment(root)), spender]);
    assert.equal(block.weight, 3 * block.stripped.length + block.raw.length);
    assert.equal(Block.decode(block.stripped).weight, 4 * block.stripped.length);
    assert.deepEqual(Block.decode(block.raw).txids(), block.txids());
  });

  test("decoding shares the bytes and names the place of an error", () => {
    const { raw } = Block.of(header, [coinbase([nonce]), spender]);
    const block = Block.decode(raw);
    assert.equal(block.transactions[1]!.raw.buffer, raw.buffer);
    assert.throws(() => Block.decode(raw.subarray(0, -1)), {
      code: "short",
      message: /^block\.transactions\[1\]\.lockTime: 1 byte short at offset \d+$/,
    });
    const many = raw.slice();
    many[80] = 0xfc;
    assert.throws(() => Block.decode(many), { code: "count", message: /^block\.transactions: 252 elements/ });
    assert.throws(() => Block.decode(raw.subarray(0, 79)), { message: /^block\.header/ });
  });
});

describe("merkleRoot()", () => {
  const leaves = (n: number) => Array.from({ length: n }, (_, i) => new Uint8Array(32).fill(i + 1));

  test("of one leaf is the leaf, of none zeros, of three pairs the third with itself", () => {
    const [a, b, c] = leaves(3) as [Uint8Array, Uint8Array, Uint8Array];
    assert.deepEqual(merkleRoot([a]).root, a);
    assert.deepEqual(merkleRoot([]).root, new Uint8Array(32));
    assert.deepEqual(merkleRoot([a, b, c]).root, merkleNode(merkleNode(a, b), merkleNode(c, c)));
  });

  test("every list whose tail is repeated to the same root is called mutated (CVE-2012-2459)", () => {
    let found = 0;
    for (let n = 1; n <= 40; n++) {
      const honest = leaves(n);
      assert.equal(merkleRoot(honest).mutated, false, `${n} distinct leaves`);
      for (let repeat = 1; repeat <= n; repeat *= 2) {
        const longer = [...honest, ...honest.slice(n - repeat)];
        const { root, mutated } = merkleRoot(longer);
        if (toHex(root) !== toHex(merkleRoot(honest).root)) continue;
        assert.equal(mutated, true, `${n} leaves and the last ${repeat} again`);
        found++;
      }
    }
    assert.ok(found >= 30, `${found} forgeries`);
  });
});
