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
  /** Time between two moments at which a host's wall clock jumps far, to be set right after a while. */
  readonly clockJumpEveryMs: number;
  /** Share of the losses of power that come at a write, which then is there in part. */
  readonly torn: number;
  /** Chance that a host comes back from a loss of power with a damaged file. */
  readonly rot: number;
  /** Time between two moments at which a host's disk is full for a while. */
  readonly diskFullEveryMs: number;
}

/** Kinds of faults and how each is switched off; `--without` and the shrinking of a failing world know them by name. */
export const FAULT_KINDS = {
  churn: { uptimeMs: 0 },
  torn: { torn: 0 },
  rot: { rot: 0 },
  "full-disks": { diskFullEveryMs: 0 },
  partitions: { partitionEveryMs: 0 },
  deaf: { deafEveryMs: 0 },
  loss: { loss: 0 },
  resets: { reset: 0 },
  damage: { damagedLines: 0 },
  clocks: { clockWrongMs: 0 },
  "clock-jumps": { clockJumpEveryMs: 0 },
} as const satisfies Record<string, Partial<FaultPlan>>;

/** The name of a kind of fault. */
export type FaultKind = keyof typeof FAULT_KINDS;

/** The plan without these kinds. */
export function without(plan: FaultPlan, kinds: readonly FaultKind[]): FaultPlan {
  return kinds.reduce((left, kind) => ({ ...left, ...FAULT_KINDS[kind] }), plan);
}

/** The kinds that a plan has. */
export function kindsOf(plan: FaultPlan): FaultKind[] {
  return (Object.keys(FAULT_KINDS) as FaultKind[]).filter((kind) =>
    Object.keys(FAULT_KINDS[kind]).every((key) => plan[key as keyof FaultPlan] !== 0)
  );
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
  clockJumpEveryMs: 4 * HOUR,
  torn: 0.5,
  rot: 0.1,
  diskFullEveryMs: 4 * HOUR,
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
  clockJumpEveryMs: 0,
  torn: 0,
  rot: 0,
  diskFullEveryMs: 0,
};

/** A plan in which some kinds of faults happen `times` as often as on a bad day, and others do not. */
export function drawPlan(random: SeededRandom, times: number): FaultPlan {
  const on = (value: number) => (random.chance(0.6) ? value : 0);
  return {
    uptimeMs: on(BAD_DAY.uptimeMs / (2 * times)),
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
    clockJumpEveryMs: on(BAD_DAY.clockJumpEveryMs / times),
    torn: on(BAD_DAY.torn),
    rot: on(0.3),
    diskFullEveryMs: on(BAD_DAY.diskFullEveryMs / times),
  };
}
