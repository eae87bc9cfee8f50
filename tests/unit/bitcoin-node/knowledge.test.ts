import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HeaderChain } from "../../../lib/bitcoin/headers/header-chain.ts";
import { PeerChainKnowledge } from "../../../lib/bitcoin/peers/knowledge.ts";

/** A tree of headers of equal work: rows 0 to 9 are one chain, rows 10 to 12 leave it after row 4. */
const parents = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 4, 10, 11];
const height = (row: number): number => (row <= 0 ? 0 : height(parents[row]!) + 1);
const ancestor = (row: number, at: number): number => (height(row) <= at ? row : ancestor(parents[row]!, at));
const headers = {
  height,
  ancestor,
  hasMoreWork: (row: number, than: number) => height(row) > height(than),
} as unknown as HeaderChain;

/** The rows that a peer has, or told of. */
const rowsOf = (holds: (row: number) => boolean) => parents.map((_, row) => row).filter(holds);

describe("PeerChainKnowledge", () => {
  test("tells() keeps the header of most work, and with it all that lie below", () => {
    const knowledge = new PeerChainKnowledge();
    assert.equal(knowledge.best, -1);
    assert.deepEqual(rowsOf((row) => knowledge.told(headers, row)), []);
    knowledge.tells(headers, -1);
    assert.equal(knowledge.best, -1);
    knowledge.tells(headers, 11);
    assert.deepEqual(rowsOf((row) => knowledge.told(headers, row)), [0, 1, 2, 3, 4, 10, 11]);
    // Of less work, and of the same: what it told of first stands.
    knowledge.tells(headers, 5);
    knowledge.tells(headers, 6);
    assert.equal(knowledge.best, 11);
    knowledge.tells(headers, 7);
    assert.deepEqual(rowsOf((row) => knowledge.told(headers, row)), [0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("has() counts what we gave it, which is no word of its own", () => {
    const knowledge = new PeerChainKnowledge();
    knowledge.receives(headers, 6);
    knowledge.receives(headers, 5);
    knowledge.receives(headers, 11);
    assert.deepEqual(rowsOf((row) => knowledge.has(headers, row)), [0, 1, 2, 3, 4, 5, 6]);
    assert.deepEqual(rowsOf((row) => knowledge.told(headers, row)), []);
    assert.equal(knowledge.best, -1);
    knowledge.tells(headers, 10);
    assert.deepEqual(rowsOf((row) => knowledge.has(headers, row)), [0, 1, 2, 3, 4, 5, 6, 10]);
  });

  test("hearsOfTip() has it know our tip, of however much work", () => {
    const knowledge = new PeerChainKnowledge();
    knowledge.receives(headers, 9);
    knowledge.hearsOfTip(11);
    assert.deepEqual(rowsOf((row) => knowledge.has(headers, row)), [0, 1, 2, 3, 4, 10, 11]);
  });
});
