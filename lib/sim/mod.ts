/**
 * The simulated world: whole nodes by the hundred in one process, under a virtual clock and one seed.
 *
 * @module
 */
import { BitcoinPlay } from "./bitcoin/play.ts";
import { ChiaPlay } from "./chia/play.ts";
import { BAD_DAY } from "./faults.ts";
import type { SimReport } from "./report.ts";
import { World, type WorldDrivers, type WorldOptions } from "./world.ts";

export type { SimReport } from "./report.ts";
export type { WorldDrivers } from "./world.ts";

/** What is simulated. */
export interface SimulateOptions extends Omit<WorldOptions, "play" | "faults"> {
  readonly chain: "chia" | "bitcoin";
  readonly faults?: WorldOptions["faults"];
}

/** Runs a world of one chain to its end. */
export function runWorld({ chain, ...options }: SimulateOptions, drivers: WorldDrivers): Promise<SimReport> {
  const play: WorldOptions["play"] = (clock) => (chain === "chia" ? new ChiaPlay() : new BitcoinPlay(clock));
  return new World({ faults: BAD_DAY, ...options, play }, drivers).run();
}
