/** What a block does to the coins, and the record that takes it back. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { changesOf, leftOutputs, outsideInputs } from "../../../lib/bitcoin/coins/changes.ts";
import { type Coin, encodeCoin } from "../../../lib/bitcoin/coins/coin.ts";
import { decodeUndo, encodeUndo } from "../../../lib/bitcoin/coins/undo.ts";
import type { Block } from "../../../lib/bitcoin/types/block.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const id = (n: number) => new Uint8Array(32).fill(n);
const SPENDABLE = Uint8Array.of(0x51);
type Made = readonly [
  n: number,
  inputs: readonly (readonly [n: number, vout: number])[],
  outputs: readonly Uint8Array[],
];

/** A block of these transactions, the first of which is the coinbase. */
const blockOf = (...transactions: readonly Made[]) =>
  ({
    hash: id(0xbb),
    transactions: transactions.map(([n, inputs, outputs]) => ({
      txid: id(n),
      inputs: inputs.map(([n, vout]) => ({ prevout: { txid: id(n), vout } })),
      outputs: outputs.map((scriptPubKey, vout) => ({ value: BigInt(n * 10 + vout), scriptPubKey })),
    })),
  }) as unknown as Block;
const names = (outpoints: readonly { readonly txid: Uint8Array; readonly vout: number }[]) =>
  outpoints.map(({ txid, vout }) => `${txid[0]}:${vout}`);

const coin = (value: bigint): Coin => ({ value, scriptPubKey: SPENDABLE, height: 5, isCoinbase: false });
const OP_RETURN = Uint8Array.of(0x6a, 1, 2);
const block = blockOf(
  [1, [[0, 0xffff_ffff]], [SPENDABLE, OP_RETURN]],
  [2, [[90, 3], [91, 0]], [SPENDABLE, SPENDABLE, SPENDABLE]],
  // Spends an output of its own block, and one of an older transaction.
  [3, [[2, 1], [92, 7]], [SPENDABLE, new Uint8Array(10_001)]],
  [4, [[3, 0]], [SPENDABLE]],
);
const spent = [coin(1n), coin(2n), coin(3n)];

describe("changesOf()", () => {
  test("spends what was there before, creates what is left after, and leaves out what comes and goes within", () => {
    assert.deepEqual(names(outsideInputs(block)), ["90:3", "91:0", "92:7"]);
    const { created, spent: gone } = changesOf(block, 9, spent);
    assert.deepEqual(names(created.map(({ outpoint }) => outpoint)), ["1:0", "2:0", "2:2", "4:0"]);
    assert.deepEqual(names(leftOutputs(block)), ["1:0", "2:0", "2:2", "4:0"]);
    assert.deepEqual(created.map(({ coin: { isCoinbase, height, value } }) => [isCoinbase, height, value]), [
      [true, 9, 10n],
      [false, 9, 20n],
      [false, 9, 22n],
      [false, 9, 40n],
    ]);
    assert.deepEqual(gone.map(({ coin }) => coin), spent);
    assert.deepEqual(names(gone.map(({ outpoint }) => outpoint)), ["90:3", "91:0", "92:7"]);
  });

  test("genesis makes no coin", () => {
    const genesis = blockOf([1, [[0, 0xffff_ffff]], [SPENDABLE]]);
    assert.deepEqual(changesOf(genesis, 0, []), { created: [], spent: [] });
    assert.equal(changesOf(genesis, 1, []).created.length, 1);
  });

  test("does not judge whether the coins are there", () => {
    assert.throws(() => changesOf(block, 9, spent.slice(1)), TypeError);
  });

  test("an output of a transaction that comes later in the block is one of before it", () => {
    // The same id may be that of an older transaction, as with the two pairs of coinbases.
    const early = blockOf([1, [], [SPENDABLE]], [2, [[3, 0]], [SPENDABLE]], [3, [[2, 0]], [SPENDABLE]]);
    assert.deepEqual(names(outsideInputs(early)), ["3:0"]);
    assert.deepEqual(names(leftOutputs(early)), ["1:0", "3:0"]);
  });
});

describe("encodeUndo()", () => {
  const { spent: placed } = changesOf(block, 9, spent);
  const expected = placed.map(({ outpoint, coin }) => ({ outpoint, bytes: encodeCoin(coin) }));

  test("needs no outpoints when they are those of the block's inputs, and spells them out otherwise", () => {
    const implied = encodeUndo(block.hash, placed, block);
    assert.equal(implied.length, 8 + 1 + 1 + expected.reduce((sum, { bytes }) => sum + bytes.length, 0));
    assert.deepEqual(decodeUndo(block.hash, implied, block), expected);
    for (const [coins, of] of [[placed.toReversed(), block], [placed, undefined], [placed.slice(1), block]] as const) {
      const spelt = encodeUndo(block.hash, coins, of);
      const wanted = coins.map(({ outpoint, coin }) => ({ outpoint, bytes: encodeCoin(coin) }));
      assert.deepEqual(decodeUndo(block.hash, spelt, block), wanted);
    }
    const none = encodeUndo(block.hash, [], undefined);
    assert.deepEqual(decodeUndo(block.hash, none, blockOf([1, [], []])), []);
  });

  test("a record with any byte changed, cut or added, or of another block, is never read", () => {
    const random = new SeededRandom(2);
    for (const record of [encodeUndo(block.hash, placed, block), encodeUndo(block.hash, placed, undefined)]) {
      for (let i = 0; i < record.length; i++) {
        const spoiled = record.slice();
        spoiled[i]! ^= 1 << random.below(8);
        assert.throws(() => decodeUndo(block.hash, spoiled, block), { name: "CodecError" });
        assert.throws(() => decodeUndo(block.hash, record.slice(0, i), block), { name: "CodecError" });
      }
      assert.throws(() => decodeUndo(block.hash, Uint8Array.of(...record, 0), block), { name: "CodecError" });
      assert.throws(() => decodeUndo(id(1), record, block), { name: "CodecError" });
    }
    const other = blockOf([1, [], []], [2, [[90, 3]], [SPENDABLE]]);
    assert.throws(() => decodeUndo(block.hash, encodeUndo(block.hash, placed, block), other), { code: "count" });
  });
});
