/**
 * The simulated world: whole nodes by the hundred in one process, under a virtual clock and one seed.
 *
 * @module
 */
import { PayingPlay, type PaymentOptions } from "./bitcoin/paying-play.ts";
import { BitcoinPlay } from "./bitcoin/play.ts";
import { ChiaPlay } from "./chia/play.ts";
import { BAD_DAY, drawPlan, FAIR, type FaultKind, type FaultPlan, without as planWithout } from "./faults.ts";
import { SeededRandom } from "./random.ts";
import type { SimReport } from "./report.ts";
import { World, type WorldDrivers, type WorldOptions } from "./world.ts";

export { FAULT_KINDS, type FaultKind, type FaultPlan } from "./faults.ts";
export type { Breach, SimReport } from "./report.ts";
export { commandOf, shrink, type Shrunk } from "./shrink.ts";
export type { WorldDrivers } from "./world.ts";

/**
 * What goes wrong in a world: everything at the rate of a bad day, what the seed draws (often and not everything), or
 * nothing.
 */
export type FaultChoice = "bad-day" | "drawn" | "none";

/** What is simulated. */
export interface SimulateOptions extends Omit<WorldOptions, "play" | "faults"> {
  readonly chain: "chia" | "bitcoin";
  /** `bad-day` by default. */
  readonly faults?: FaultChoice | FaultPlan;
  /** Payments that are made and relayed; none when absent. Bitcoin only. */
  readonly payments?: PaymentOptions | undefined;
  /** Kinds of faults that are left out. */
  readonly without?: readonly FaultKind[];
}

/** How much more often than on a bad day faults happen that a seed draws: such worlds are short. */
const DRAWN_TIMES = 24;

function planOf(choice: FaultChoice | FaultPlan, seed: number): FaultPlan {
  if (choice === "bad-day") return BAD_DAY;
  if (choice === "none") return FAIR;
  return choice === "drawn" ? drawPlan(new SeededRandom(seed).fork("plan"), DRAWN_TIMES) : choice;
}

/** Makes a world of one chain. */
export function makeWorld(
  { chain, faults = "bad-day", without = [], payments, ...options }: SimulateOptions,
  drivers: WorldDrivers,
): World {
  const play: WorldOptions["play"] = (clock, hosts, random) => {
    if (chain === "chia") return new ChiaPlay(clock, hosts);
    return payments === undefined
      ? new BitcoinPlay(clock, hosts, random)
      : new PayingPlay(clock, hosts, random, payments);
  };
  return new World({ ...options, faults: planWithout(planOf(faults, options.seed), without), play }, drivers);
}

/** Runs a world of one chain to its end. */
export function runWorld(options: SimulateOptions, drivers: WorldDrivers): Promise<SimReport> {
  return makeWorld(options, drivers).run();
}
