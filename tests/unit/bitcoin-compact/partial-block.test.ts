import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BlockParts } from "../../../lib/bitcoin/compact/block-parts.ts";
import { type Begun, PartialBlock } from "../../../lib/bitcoin/compact/partial-block.ts";
import {
  Block,
  type CompactBlock,
  compactBlock,
  merkleRoot,
  shortIdKey,
  shortIdOf,
  Transaction,
} from "../../../lib/bitcoin/types/mod.ts";
import { ListedPool, many, numbered } from "./listed-pool.ts";

/** A block of these transactions; nobody has mined it. */
function blockOf(transactions: readonly Transaction[]): Block {
  const { root } = merkleRoot(transactions.map(({ txid }) => txid));
  const header = { version: 4, prevBlockHash: new Uint8Array(32), merkleRoot: root, time: 1, bits: 1, nonce: 0 };
  return Block.of(header, transactions);
}

function begin(compact: CompactBlock, pool: readonly Transaction[], extra: readonly Transaction[] = []): Begun {
  const parts = new BlockParts(new ListedPool().add(...pool));
  for (const transaction of extra) parts.keep(transaction);
  return PartialBlock.begin(compact, parts);
}

function begun(compact: CompactBlock, pool: readonly Transaction[], extra: readonly Transaction[] = []): PartialBlock {
  const result = begin(compact, pool, extra);
  assert.ok(result.kind === "begun", result.kind);
  return result.partial;
}

const coinbase = numbered(0xffff_ffff);

describe("PartialBlock.begin()", () => {
  test("finds everything in the mempool, whatever else is there, and gives the block byte for byte", () => {
    const transactions = many(300);
    const block = blockOf([coinbase, ...transactions]);
    const partial = begun(compactBlock(block, 9n), [...many(9_000, 1_000), ...transactions.toReversed()]);
    assert.deepEqual(partial.missing, []);
    assert.deepEqual(partial.counts, { prefilled: 1, pool: 300, extra: 0, asked: 0 });
    assert.deepEqual(partial.fill([])!.raw, block.raw);
  });

  test("takes what is missing from the transactions that are kept beside, and asks for the rest by place", () => {
    const transactions = many(10);
    const block = blockOf([coinbase, ...transactions]);
    const partial = begun(compactBlock(block, 9n), transactions.slice(0, 5), [transactions[7]!, transactions[2]!]);
    assert.deepEqual(partial.missing, [6, 7, 9, 10]);
    assert.deepEqual(partial.counts, { prefilled: 1, pool: 5, extra: 1, asked: 0 });
    const rest = [5, 6, 8, 9].map((i) => transactions[i]!);
    assert.equal(partial.bytes, block.raw.length - 80 - 1 - rest.reduce((sum, { size }) => sum + size, 0));
    assert.deepEqual(partial.fill(rest)!.raw, block.raw);
    assert.equal(partial.counts.asked, 4);
  });

  test("takes transactions by their witnesses: another witness is another transaction", () => {
    const right = numbered(1, { witness: [Uint8Array.of(1)] });
    const other = numbered(1, { witness: [Uint8Array.of(2)] });
    assert.deepEqual(begun(compactBlock(blockOf([coinbase, right]), 9n), [other]).missing, [1]);
  });

  test("puts transactions that came whole into their places", () => {
    const all = many(6);
    const block = blockOf(all);
    const { header } = block;
    const key = shortIdKey(header, 1n);
    const compact = {
      header,
      nonce: 1n,
      shortIds: [0, 2, 4].map((i) => shortIdOf(key, all[i]!.wtxid)),
      prefilled: [1, 3, 5].map((index) => ({ index, transaction: all[index]! })),
    };
    const partial = begun(compact, [all[0]!, all[4]!]);
    assert.deepEqual(partial.missing, [2]);
    assert.deepEqual(partial.fill([all[2]!])!.raw, block.raw);
  });

  test("finds fault with no transactions, with too many, with an empty one, and with places that nothing leads to", () => {
    const compact = compactBlock(blockOf([coinbase, ...many(3)]), 9n);
    const kindOf = (change: Partial<CompactBlock>) => begin({ ...compact, ...change }, []).kind;
    const at = (index: number) => ({ index, transaction: coinbase });
    assert.equal(kindOf({}), "begun");
    assert.equal(kindOf({ shortIds: [], prefilled: [] }), "malformed");
    assert.equal(kindOf({ shortIds: [] }), "begun");
    assert.equal(kindOf({ shortIds: new Array<number>(100_000).fill(0) }), "malformed");
    assert.equal(kindOf({ shortIds: new Array<number>(99_999).fill(0) }), "ambiguous");
    const empty = Transaction.of({ version: 1, inputs: [], outputs: [], lockTime: 0 });
    assert.equal(kindOf({ prefilled: [{ index: 0, transaction: empty }] }), "malformed");
    // Three ids: a transaction may be the fourth, a second one the fifth.
    assert.equal(kindOf({ prefilled: [at(3)] }), "begun");
    assert.equal(kindOf({ prefilled: [at(4)] }), "malformed");
    assert.equal(kindOf({ prefilled: [at(3), at(4)] }), "begun");
    assert.equal(kindOf({ prefilled: [at(3), at(5)] }), "malformed");
    const ids = Array.from({ length: 65_536 }, (_, i) => i);
    assert.equal(kindOf({ shortIds: ids, prefilled: [at(65_536)] }), "malformed");
    assert.equal(kindOf({ shortIds: ids.slice(1), prefilled: [at(65_535)] }), "begun");
  });

  test("cannot tell ids apart that are the same, or that share a bucket", () => {
    const compact = compactBlock(blockOf([coinbase, ...many(3)]), 9n);
    assert.equal(begin({ ...compact, shortIds: [1, 2, 1] }, []).kind, "ambiguous");
    const alike = Array.from({ length: 13 }, (_, i) => 2 ** 40 * i);
    assert.equal(begin({ ...compact, shortIds: alike }, []).kind, "ambiguous");
    assert.equal(begin({ ...compact, shortIds: alike.slice(1) }, []).kind, "begun");
  });

  test("asks for a transaction when two fit its id, and a third does not change that", () => {
    const transactions = many(3);
    const block = blockOf([coinbase, ...transactions]);
    // No two are known whose ids are the same: these are told by another's id while they are taken in.
    const others = many(2, 70).map((transaction) => ({ transaction, wtxid: transaction.wtxid.slice() }));
    for (const { transaction } of others) transaction.wtxid.set(transactions[1]!.wtxid);
    const pool = new BlockParts(
      new ListedPool().add(...transactions, ...others.map(({ transaction }) => transaction)),
    );
    const kept = new BlockParts(new ListedPool().add(...transactions.slice(0, 2)));
    for (const { transaction } of others) kept.keep(transaction);
    for (const { transaction, wtxid } of others) transaction.wtxid.set(wtxid);
    for (const [parts, missing] of [[pool, [2]], [kept, [2, 3]]] as const) {
      const result = PartialBlock.begin(compactBlock(block, 9n), parts);
      assert.ok(result.kind === "begun");
      const { counts } = result.partial;
      assert.deepEqual([result.partial.missing, counts.pool, counts.extra], [missing, 3 - missing.length, 0]);
      assert.deepEqual(result.partial.fill(missing.map((i) => transactions[i - 1]!))!.raw, block.raw);
    }
  });

  test("asks for nothing that is at hand twice", () => {
    const transactions = many(3);
    const compact = compactBlock(blockOf([coinbase, ...transactions]), 9n);
    const partial = begun(compact, transactions.slice(0, 2), transactions.slice(0, 2));
    assert.deepEqual([partial.missing, partial.counts.pool, partial.counts.extra], [[3], 2, 0]);
  });

  test("holds no more than a block may have, whatever its ids stand for", () => {
    const large = [1, 2, 3, 4].map((n) => numbered(n, { bytes: 1_000_000 }));
    const compact = compactBlock(blockOf([coinbase, ...large]), 9n);
    assert.equal(begin(compact, large).kind, "ambiguous");
    assert.equal(begin(compact, large.slice(1)).kind, "begun");
    const rest = 4_000_000 - coinbase.size - large.slice(1).reduce((sum, { size }) => sum + size, 0);
    const sized = (size: number) => numbered(5, { bytes: size - numbered(5, { bytes: 900_000 }).size + 900_000 });
    for (const [more, kind] of [[0, "begun"], [1, "ambiguous"]] as const) {
      const all = [...large.slice(1), sized(rest + more)];
      assert.equal(begin(compactBlock(blockOf([coinbase, ...all]), 9n), all).kind, kind);
    }
  });
});

describe("PartialBlock.fill()", () => {
  test("takes the number that is missing, and is of use once", () => {
    const transactions = many(4);
    const compact = compactBlock(blockOf([coinbase, ...transactions]), 9n);
    const partial = () => begun(compact, transactions.slice(2));
    assert.equal(partial().fill([transactions[0]!]), undefined);
    assert.equal(partial().fill(transactions.slice(0, 3)), undefined);
    const once = partial();
    assert.notEqual(once.fill(transactions.slice(0, 2)), undefined);
    assert.equal(once.fill(transactions.slice(0, 2)), undefined);
    assert.equal(once.bytes, 0);
  });

  test("puts what came in its place, whatever it is: the header tells whether it is right", () => {
    const transactions = many(4);
    const block = blockOf([coinbase, ...transactions]);
    const filled = begun(compactBlock(block, 9n), transactions.slice(1)).fill([numbered(99)])!;
    assert.notDeepEqual(filled.raw, block.raw);
    assert.notDeepEqual(filled.merkleRoot().root, block.header.merkleRoot);
  });
});
