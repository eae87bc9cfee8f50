/** Small simulated worlds for tests: a few whole nodes, much trouble, twenty virtual minutes. */
import { makeWorld, type SimulateOptions } from "../../lib/sim/mod.ts";
import type { World } from "../../lib/sim/world.ts";
import { turn } from "../unit/core/sim.ts";

/** What a small world is made of. */
export type SmallWorld = Pick<SimulateOptions, "chain" | "seed"> & Partial<SimulateOptions>;

/** A world that is small enough to be run by the hundred. */
export function smallWorld(options: SmallWorld): World {
  const defaults = { nodes: 6, hours: 1 / 3, malicious: 0.2, faults: "drawn", blockEveryMs: 60_000 } as const;
  return makeWorld({ ...defaults, ...options }, { turn, realMs: () => 0, memoryUsage: () => 0 });
}

/** Runs one, and gives its report with what a failure needs: how to run it again. */
export async function runSmall(options: SmallWorld) {
  const report = await smallWorld(options).run();
  const again = `gemel simulate --chain ${report.chain} --seed ${report.seed} --nodes ${report.nodes}`;
  const told = report.breaches.map(({ at, host, rule, detail }) => `${at.toFixed(0)} ${host} ${rule}: ${detail}`);
  return { report, told: [again, ...told].join("\n") };
}
