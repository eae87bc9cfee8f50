/** Blocks of more transactions than a valid one has: what is said of them without taking them apart. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { checkBlock } from "../../../lib/bitcoin/chain/block-checks.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { Block, encodeHeader, merkleRoot } from "../../../lib/bitcoin/types/mod.ts";
import { CROWD_MIN, rootOfCrowd } from "../../../lib/bitcoin/types/crowd.ts";
import { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { Writer } from "../../../lib/codec/writer.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { concat, solve } from "./mining.ts";

const random = new SeededRandom(5);
const { header } = regtest.genesis;

/** A transaction of one of four kinds: nothing in it, an input and an output, with a witness, with a long script. */
function transaction(kind: number): Uint8Array {
  if (kind === 0) return concat(random.bytes(4), new Uint8Array(2), random.bytes(4));
  const script = random.bytes(kind === 3 ? 300 : 3);
  const size = kind === 3 ? Uint8Array.of(0xfd, 300 & 0xff, 300 >> 8) : Uint8Array.of(3);
  const body = concat(
    Uint8Array.of(1),
    random.bytes(36),
    size,
    script,
    random.bytes(4),
    Uint8Array.of(1),
    random.bytes(8),
    Uint8Array.of(0),
  );
  const witness = Uint8Array.of(1, 2, 7, 9);
  return kind === 2
    ? concat(random.bytes(4), Uint8Array.of(0, 1), body, witness, random.bytes(4))
    : concat(random.bytes(4), body, random.bytes(4));
}

function blockOf(transactions: readonly Uint8Array[], merkle: Uint8Array = new Uint8Array(32)): Block {
  const writer = new Writer(80);
  encodeHeader(writer, solve({ ...header, merkleRoot: merkle }, regtest));
  const { length } = transactions;
  const count = length < 0xfd
    ? Uint8Array.of(length)
    : length <= 0xffff
    ? Uint8Array.of(0xfd, length & 0xff, length >> 8)
    : Uint8Array.of(0xfe, ...new Uint8Array(Uint32Array.of(length).buffer));
  return Block.decode(concat(writer.finish(), count, ...transactions));
}

describe("rootOfCrowd()", () => {
  test("is the root over the txids, for any number of transactions of any kind", () => {
    for (let count = 1; count <= 40; count++) {
      const all = Array.from({ length: count }, (_, i) => transaction(i % 4));
      const bytes = concat(...all);
      const expected = merkleRoot(all.map((each) => Transaction.decode(each).txid));
      assert.deepEqual(rootOfCrowd(bytes, 0, count), { root: expected.root, mutated: false });
      // From another place, too.
      assert.deepEqual(rootOfCrowd(concat(random.bytes(7), bytes), 7, count).root, expected.root);
    }
  });

  test("says that a repeated end is mutated, and leaves the root as it is", () => {
    const all = Array.from({ length: 6 }, (_, i) => transaction(i % 4));
    const repeated = [...all, all[4]!, all[5]!];
    const { root, mutated } = rootOfCrowd(concat(...repeated), 0, 8);
    assert.deepEqual([root, mutated], [rootOfCrowd(concat(...all), 0, 6).root, true]);
    assert.equal(rootOfCrowd(concat(all[0]!, all[0]!), 0, 2).mutated, true);
  });
});

describe("a block of more transactions than a valid one has", () => {
  const thin = Array.from({ length: CROWD_MIN }, () => transaction(0));

  test("has the sizes, the root and the transactions that it would have", () => {
    const mixed = thin.with(3, transaction(2)).with(9, transaction(3));
    const block = blockOf(mixed);
    assert.equal(block.transactionCount, CROWD_MIN);
    assert.deepEqual(block.merkleRoot(), merkleRoot(mixed.map((each) => Transaction.decode(each).txid)));
    const { transactions } = block;
    assert.equal(block.transactions, transactions);
    assert.deepEqual(transactions.map((each) => each.raw), mixed);
    assert.equal(block.strippedSize, transactions.reduce((sum, each) => sum + each.strippedSize, 83));
    assert.equal(block.stripped.length, block.strippedSize);
    // One less is taken apart at once, and says the same.
    const less = blockOf(mixed.slice(1));
    assert.deepEqual([less.transactionCount, less.transactions.length], [CROWD_MIN - 1, CROWD_MIN - 1]);
    assert.deepEqual(less.merkleRoot(), merkleRoot(less.txids()));
    assert.equal(less.strippedSize, less.transactions.reduce((sum, each) => sum + each.strippedSize, 83));
  });

  test("is refused as Core refuses it: for its root, then for its length, then for its transactions", () => {
    const reason = (block: Block) => checkBlock(block, regtest)?.reason;
    const rooted = (all: readonly Uint8Array[]) => blockOf(all, blockOf(all).merkleRoot().root);
    assert.equal(reason(blockOf(thin)), "bad-txnmrklroot");
    assert.equal(reason(rooted(thin)), "bad-cb-missing");
    assert.equal(reason(rooted([...thin, thin.at(-1)!])), "bad-txns-duplicate");
    const long = Array.from({ length: CROWD_MIN }, (_, i) => (i % 6 === 0 ? transaction(3) : transaction(1)));
    assert.equal(reason(rooted(long)), "bad-blk-length");
  });

  test("gives its first transaction alone", () => {
    const mixed = thin.with(0, transaction(2));
    assert.deepEqual(blockOf(mixed).first?.raw, mixed[0]);
    assert.deepEqual(blockOf(mixed.slice(0, 3)).first?.raw, mixed[0]);
    assert.equal(blockOf([]).first, undefined);
  });

  test("is malformed where one of its transactions is, and says which", () => {
    assert.throws(
      () => blockOf(thin.with(16_000, Uint8Array.of(1, 0, 0, 0, 0, 7, 0, 0, 0, 0))),
      /transactions\[16000\]/,
    );
  });
});
