/**
 * What goes wrong in a world, and how often. Each seed turns whole kinds of faults on or off, so that some worlds know
 * churn without partitions and others the other way round.
 *
 * @module
 */
import type { SeededRandom } from "./random.ts";
import type { WeatherOptions } from "./weather.ts";

/** Means of times are in milliseconds; 0 for never. */
export interface FaultPlan extends WeatherOptions {
  /** How long a node runs until it stops, is killed or loses power. */
  readonly uptimeMs: number;
  readonly downtimeMs: number;
  /** Share of nodes that never go down before the world calms. */
  readonly steady: number;
  /** Time between two partitions, and how long one lasts. */
  readonly partitionEveryMs: number;
  readonly partitionMs: number;
  /** Time between two moments at which a host hears nothing for a while. */
  readonly deafEveryMs: number;
  /** How far clocks are wrong, at most. */
  readonly clockWrongMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Everything at once, at a rate that a public network has on a bad day. */
export const BAD_DAY: FaultPlan = {
  uptimeMs: 6 * HOUR,
  downtimeMs: 5 * MINUTE,
  steady: 0.2,
  partitionEveryMs: 4 * HOUR,
  partitionMs: 20 * MINUTE,
  deafEveryMs: HOUR,
  loss: 0.01,
  reset: 1e-4,
  damagedLines: 0.02,
  damage: 0.002,
  clockWrongMs: 20_000,
};

/** Nothing goes wrong. */
export const FAIR: FaultPlan = {
  uptimeMs: 0,
  downtimeMs: 0,
  steady: 1,
  partitionEveryMs: 0,
  partitionMs: 0,
  deafEveryMs: 0,
  loss: 0,
  reset: 0,
  damagedLines: 0,
  damage: 0,
  clockWrongMs: 0,
};

/** A plan in which some kinds of faults happen `times` as often as on a bad day, and others do not. */
export function drawPlan(random: SeededRandom, times: number): FaultPlan {
  const on = (value: number) => (random.chance(0.6) ? value : 0);
  return {
    uptimeMs: on(BAD_DAY.uptimeMs / times),
    downtimeMs: BAD_DAY.downtimeMs / 5,
    steady: random.fraction() / 2,
    partitionEveryMs: on(BAD_DAY.partitionEveryMs / times),
    partitionMs: BAD_DAY.partitionMs / 4,
    deafEveryMs: on(BAD_DAY.deafEveryMs / times),
    loss: on(0.05),
    reset: on(0.002),
    damagedLines: on(0.2),
    damage: 0.02,
    clockWrongMs: on(BAD_DAY.clockWrongMs),
  };
}
