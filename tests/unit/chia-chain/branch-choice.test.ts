/** What goes with a stored block that cannot be spent: all that is stored above it, however much that is. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BranchChoice, type BranchParts } from "../../../lib/chia/chain/branch-choice.ts";
import { Flight, Step } from "../../../lib/chia/chain/flight.ts";
import { RecentProofs } from "../../../lib/chia/chain/recent-proofs.ts";
import { refuse } from "../../../lib/chia/chain/verdict.ts";
import { RecordWindow } from "../../../lib/chia/chain/window.ts";
import type { BlockRecord } from "../../../lib/chia/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { hashOf, recordOf } from "../../contract/store-blocks.ts";

/** A block whose hash is made from a number. */
const numbered = (height: number, number: number, parent: Uint8Array) =>
  recordOf(2, height, { headerHash: hashOf(7, number), prevHash: parent, weight: 20n });
const foul = numbered(2, 1, hashOf(1, 1));
const hashes = (records: readonly BlockRecord[]) => new Set(records.map(({ headerHash }) => toHex(headerHash)));

/** What is removed when `foul` cannot be spent, and `above` is stored beside the main chain; and how that was read. */
async function removed(above: readonly BlockRecord[]) {
  const peak = recordOf(1, 1, { weight: 10n });
  const tip = above.at(-1)!;
  const reads: number[] = [];
  const parts = {
    validator: { level: "full" },
    flight: new Flight(new RecordWindow(10)),
    recent: new RecentProofs(),
    linker: { relink: () => Promise.resolve(refuse("INVALID_WEIGHT", "told so")) },
    committer: { branch: () => Promise.resolve([foul, tip]) },
    store: {
      coinsAt: () => undefined,
      sideRecords: (from: number, limit: number) => {
        reads.push(from);
        return Promise.resolve(above.filter(({ height }) => height >= from).slice(0, limit));
      },
    },
  } as unknown as BranchParts;
  const step = new Step([], null, {});
  step.known.push(tip);
  const move = await new BranchChoice(parts).bestMove(step, { peak, owed: undefined }, new AbortController().signal);
  assert.deepEqual([move, step.known, step.refusals.map(({ height }) => height)], [undefined, [], [2]]);
  return { gone: hashes(step.removed), reads };
}

describe("BranchChoice.bestMove()", () => {
  for (const count of [1, 999, 1_000, 1_001, 2_500]) {
    test(`takes ${count} blocks away with the stored one on which they are built, and no other`, async () => {
      const all = [foul];
      for (let i = 0; i < count; i++) all.push(numbered(3 + i, 2 + i, all.at(-1)!.headerHash));
      const { gone } = await removed([recordOf(3, 3), ...all.slice(1)]);
      assert.deepEqual(gone, hashes(all));
    });
  }

  test("goes on above a height that has more blocks than are read at once", async () => {
    const many = Array.from({ length: 1_500 }, (_, i) => numbered(3, 10 + i, foul.headerHash));
    const above = numbered(4, 5_000, many[0]!.headerHash);
    const { gone, reads } = await removed([...many, above]);
    assert.deepEqual([gone, reads], [hashes([foul, ...many.slice(0, 1_000), above]), [3, 4]]);
  });
});
