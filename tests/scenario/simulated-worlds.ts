/** Small simulated worlds for tests: a few whole nodes, much trouble, twenty virtual minutes. */
import { sha256 } from "#platform";
import { useSha256 } from "../../lib/codec/sha256.ts";
import { commandOf, makeWorld, type SimulateOptions } from "../../lib/sim/mod.ts";
import type { World } from "../../lib/sim/world.ts";
import { databaseDrivers } from "../contract/databases.ts";
import { turn } from "../unit/core/sim.ts";

/** What a small world is made of. */
export type SmallWorld = Pick<SimulateOptions, "chain" | "seed"> & Partial<SimulateOptions>;

/** The options of a small world, of which some are given. */
export function wholeOptions(options: SmallWorld): SimulateOptions {
  return { nodes: 6, hours: 0.33, malicious: 0.2, faults: "drawn", blockEveryMs: 60_000, ...options };
}

/** A world that is small enough to be run by the hundred. */
export function smallWorld(options: SmallWorld): World {
  useSha256(sha256);
  return makeWorld(wholeOptions(options), {
    turn,
    realMs: () => 0,
    memoryUsage: () => 0,
    openDatabase: databaseDrivers.at(-1)!.open,
  });
}

/** Runs one, and gives its report with what a failure needs: how to run it again. */
export async function runSmall(options: SmallWorld) {
  const report = await smallWorld(options).run();
  const told = report.breaches.map(({ at, host, rule, detail }) => `${at.toFixed(0)} ${host} ${rule}: ${detail}`);
  return { report, told: [commandOf(wholeOptions(options)), ...told].join("\n") };
}
