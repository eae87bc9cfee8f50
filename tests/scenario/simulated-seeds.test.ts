/** Many seeds, each with troubles of its own: every rule of the world holds in all of them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { effort, seed as firstSeed } from "../support/effort.ts";
import { runSmall } from "./simulated-worlds.ts";

const seeds = effort("simulated worlds", 60, 400);
/** Worlds of one test, so that a failure comes soon and names its seed. */
const AT_ONCE = 25;

describe("every rule holds in a simulated world of", () => {
  for (const chain of ["bitcoin", "chia"] as const) {
    for (let from = 0; from < seeds / 2; from += AT_ONCE) {
      test(
        `${chain}, seeds ${firstSeed + from} to ${firstSeed + from + AT_ONCE - 1}`,
        { timeout: 600_000 },
        async () => {
          for (let seed = firstSeed + from; seed < firstSeed + Math.min(from + AT_ONCE, seeds / 2); seed++) {
            const { report, told } = await runSmall({ chain, seed });
            assert.equal(report.breach_count, 0, told);
            assert.ok(report.blocks.best_height > 0, told);
          }
        },
      );
    }
  }
});
