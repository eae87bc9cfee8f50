/** Many seeds, each with troubles of its own: every rule of the world holds in all of them. */
import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { effort, seed as firstSeed } from "../support/effort.ts";
import { runSmall } from "./simulated-worlds.ts";

/** A world is the same on both runtimes (simulated-same.test.ts); the bulk runs where it costs less. */
const isBun = process.versions.bun !== undefined;
const seeds = isBun ? effort("simulated worlds", 200, 10_000) : effort("simulated worlds on Deno", 20, 500);
/** Worlds of one test, so that a failure comes soon and names its seed. */
const AT_ONCE = 25;

describe("every rule holds in a simulated world of", () => {
  for (const chain of ["bitcoin", "chia"] as const) {
    for (let from = 0; from < seeds / 2; from += AT_ONCE) {
      const [first, end] = [firstSeed + from, firstSeed + Math.min(from + AT_ONCE, seeds / 2)];
      test(`${chain}, seeds ${first} to ${end - 1}`, { timeout: 600_000 }, async () => {
        for (let seed = first; seed < end; seed++) {
          const { report, told } = await runSmall({ chain, seed });
          // `told` has the command that plays the world again; with --shrink it looks for a smaller one.
          assert.equal(report.breach_count, 0, told);
          assert.ok(report.blocks.best_height > 0, told);
        }
      });
    }
  }
});
