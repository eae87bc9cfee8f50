/** Each kind of trouble by itself, much of it: nodes live through it, keep their peers, and go on afterwards. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FAIR, type FaultPlan } from "../../lib/sim/faults.ts";
import { seed as firstSeed, someWorlds } from "../support/effort.ts";
import { runSmall } from "./simulated-worlds.ts";

const MINUTE = 60_000;
const SEEDS = 3;
/** Nodes that lose power every other minute. */
const restless = { uptimeMs: 2 * MINUTE, downtimeMs: MINUTE / 3, steady: 0 };

const kinds: readonly {
  readonly name: string;
  readonly plan: Partial<FaultPlan>;
  /** What must have happened, and how often in all seeds together, at least. */
  readonly happens: Readonly<Record<string, number>>;
  readonly hours?: number;
}[] = [
  {
    name: "power that fails at a write",
    plan: { ...restless, torn: 1 },
    happens: { torn: 10, steps_lost: 10 },
  },
  {
    name: "files that come back damaged",
    plan: { ...restless, rot: 1 },
    happens: { rot: 10 },
  },
  {
    name: "disks that are full for minutes",
    plan: { diskFullEveryMs: 2 * MINUTE, partitionMs: 2 * MINUTE },
    happens: { disk_full: 6 },
  },
  {
    name: "full disks and crashes at once",
    plan: { ...restless, torn: 1, diskFullEveryMs: 2 * MINUTE, partitionMs: 2 * MINUTE },
    happens: { disk_full: 6, torn: 10 },
  },
  {
    name: "wall clocks that jump by hours, or back to 1970",
    plan: { clockJumpEveryMs: 3 * MINUTE, partitionMs: 5 * MINUTE },
    happens: { clock_jump: 12 },
    hours: 1,
  },
];

describe("every rule holds with", () => {
  for (const { name, plan, happens, hours } of someWorlds("kinds of faults", kinds)) {
    for (const chain of ["bitcoin", "chia"] as const) {
      test(`${name}, on ${chain}`, { timeout: 300_000 }, async () => {
        const sum: Record<string, number> = {};
        for (let seed = firstSeed; seed < firstSeed + SEEDS; seed++) {
          const faults = { ...FAIR, ...plan };
          const { report, told } = await runSmall({ chain, seed, faults, ...(hours !== undefined && { hours }) });
          assert.equal(report.breach_count, 0, told);
          for (const [kind, count] of Object.entries(report.faults)) sum[kind] = (sum[kind] ?? 0) + count;
        }
        for (const [kind, least] of Object.entries(happens)) {
          assert.ok((sum[kind] ?? 0) >= least, `${kind}: ${sum[kind] ?? 0} of ${least}`);
        }
      });
    }
  }
});

test("a wall clock that jumps ends no connection", { timeout: 300_000 }, async () => {
  for (const chain of ["bitcoin", "chia"] as const) {
    const left: string[] = [];
    const { report } = await runSmall({
      chain,
      seed: firstSeed,
      hours: 1.5,
      malicious: 0,
      faults: { ...FAIR, clockJumpEveryMs: 4 * MINUTE, partitionMs: 6 * MINUTE },
      keep: (line) => void (/ left: .*(nothing for|unanswered|no answer)/.test(line) && left.push(line)),
    });
    assert.ok(report.faults.clock_jump! >= 5);
    assert.deepEqual(left, []);
  }
});
