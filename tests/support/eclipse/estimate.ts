/**
 * The probability that every outbound slot comes to the attacker after a restart, from the slots of real tables. Nothing
 * is counted: for each slot the exact share of the attacker among what may be dialled is taken, then one of his addresses
 * is drawn by its weight (for the rules that depend on who is connected already) and the shares are multiplied. The mean
 * over many such restarts is the probability, without bias, however small it is.
 */
import { type AddressRules, BOOK, selectionChance, type TableName } from "../../../lib/core/addresses/book.ts";
import type { Random } from "../../../lib/core/ports.ts";

/** An occupied slot. Times are unix seconds. */
export interface DumpedSlot {
  readonly table: TableName;
  readonly slot: number;
  readonly host: string;
  readonly group: string;
  readonly isAttacker: boolean;
  readonly lastTryS: number;
  readonly attempts: number;
}

/** How outbound slots are filled after the restart. */
export interface RestartRules {
  /** Outbound slots, all of which the attacker needs. */
  readonly slots: number;
  readonly onePerGroup: boolean;
  /** Peers of before the restart that are dialled first. They are honest, and each answers with this probability. */
  readonly anchors: { readonly count: number; readonly answers: number };
}

/** What may be dialled as a whole: a group when it gets one connection, else one host. */
interface Unit {
  attacker: number;
  honest: number;
}

/** The chance of each slot of a table to be drawn, in the order of `slots`. Exact for both ways of drawing. */
export function slotChances(
  draw: AddressRules["draw"],
  table: TableName,
  slots: readonly number[],
): number[] {
  const buckets = table === "new" ? BOOK.newBuckets : BOOK.triedBuckets;
  const size = BOOK.bucketSize;
  const inBucket = new Map<number, number[]>();
  for (const slot of slots) {
    const bucket = Math.floor(slot / size);
    const known = inBucket.get(bucket);
    if (known === undefined) inBucket.set(bucket, [slot % size]);
    else known.push(slot % size);
  }
  if (draw.kind === "scan") {
    // An entry is hit from every position since the entry before it.
    const chances = new Map<number, number>();
    for (const [bucket, positions] of inBucket) {
      positions.sort((a, b) => a - b);
      for (const [i, position] of positions.entries()) {
        const before = positions[i - 1] ?? positions.at(-1)! - size;
        chances.set(bucket * size + position, (position - before) / size / inBucket.size);
      }
    }
    return slots.map((slot) => chances.get(slot)!);
  }
  const steps = draw.steps[table];
  if (slots.length < Math.sqrt(buckets * size) || steps >= buckets) return slots.map(() => 1 / slots.length);
  // A walk over the buckets, each look at a random position; how often each bucket is looked into before the first hit.
  const filled = Array.from({ length: buckets }, (_, bucket) => (inBucket.get(bucket)?.length ?? 0) / size);
  let here = new Array<number>(buckets).fill(1 / buckets);
  const looks = new Array<number>(buckets).fill(0);
  for (let left = 1; left > 1e-12;) {
    const next = new Array<number>(buckets).fill(0);
    left = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      looks[bucket]! += here[bucket]!;
      const on = here[bucket]! * (1 - filled[bucket]!);
      left += on;
      for (let step = 0; step < steps; step++) next[(bucket + step) % buckets]! += on / steps;
    }
    here = next;
  }
  return slots.map((slot) => looks[Math.floor(slot / size)]! / size);
}

/** How much likelier than its slots an entry of each chance is to be taken: what was refused before raises the rest. */
function acceptance(weights: ReadonlyMap<number, number>): Map<number, number> {
  const taken = new Map([...weights.keys()].map((chance) => [chance, 0]));
  for (let going = 1, factor = 1; going > 1e-12; factor *= 1.2) {
    let now = 0;
    for (const [chance, weight] of weights) {
      const accepted = Math.min(1, chance * factor);
      taken.set(chance, taken.get(chance)! + going * accepted);
      now += weight * accepted;
    }
    going *= 1 - now;
  }
  return taken;
}

/** What one draw comes to: weights that sum to one. */
function units(dump: readonly DumpedSlot[], rules: AddressRules, nowS: number, onePerGroup: boolean): Unit[] {
  const found = new Map<string, Unit>();
  const tables = (["new", "tried"] as const).map((table) => dump.filter((each) => each.table === table));
  const present = tables.filter((slots) => slots.length > 0).length;
  for (const slots of tables) {
    if (slots.length === 0) continue;
    const chances = slotChances(rules.draw, slots[0]!.table, slots.map(({ slot }) => slot));
    const weights = new Map<number, number>();
    const chanceOf = (each: DumpedSlot) => selectionChance({ ...each, timeS: 0, lastSuccessS: 0 }, nowS);
    for (const [i, each] of slots.entries()) {
      weights.set(chanceOf(each), (weights.get(chanceOf(each)) ?? 0) + chances[i]!);
    }
    const taken = acceptance(weights);
    for (const [i, each] of slots.entries()) {
      const name = onePerGroup ? each.group : each.host;
      let unit = found.get(name);
      if (unit === undefined) found.set(name, unit = { attacker: 0, honest: 0 });
      unit[each.isAttacker ? "attacker" : "honest"] += chances[i]! * taken.get(chanceOf(each))! / present;
    }
  }
  return [...found.values()];
}

/** The products of the attacker's shares, one for each simulated restart. */
export function restartProducts(
  dump: readonly DumpedSlot[],
  rules: AddressRules,
  nowS: number,
  restart: RestartRules,
  restarts: number,
  random: Random,
): number[] {
  const all = units(dump, rules, nowS, restart.onePerGroup);
  const attackers = all.filter((unit) => unit.attacker > 0);
  const sums: number[] = [];
  let attacker = 0;
  for (const unit of attackers) sums.push(attacker += unit.attacker);
  const honest = all.reduce((sum, unit) => sum + unit.honest, 0);
  const uniform = () => (random.below(2 ** 32) + 0.5) / 2 ** 32;
  const anchorsFail = (1 - restart.anchors.answers) ** restart.anchors.count;
  return Array.from({ length: restarts }, () => {
    const connected = new Set<Unit>();
    let product = anchorsFail;
    for (let slot = 0; slot < restart.slots && product > 0; slot++) {
      // What is left beside the units that are connected.
      let [own, others] = [attacker, honest];
      for (const unit of connected) {
        own -= unit.attacker;
        others -= unit.honest;
      }
      // Sums of fractions are never quite nothing again.
      if (connected.size === attackers.length) return 0;
      const share = Math.max(0, own) / (Math.max(0, own) + Math.max(0, others));
      if (!(share > 0)) return 0;
      product *= share;
      connected.add(drawUnit(attackers, sums, connected, uniform));
    }
    return product;
  });
}

/** One of the attacker's units by its weight, none that is connected. */
function drawUnit(
  attackers: readonly Unit[],
  /** Of the weights up to each of them. */
  sums: readonly number[],
  connected: ReadonlySet<Unit>,
  uniform: () => number,
): Unit {
  for (;;) {
    const at = uniform() * sums.at(-1)!;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! > at) high = middle;
      else low = middle + 1;
    }
    const unit = attackers[low]!;
    if (!connected.has(unit)) return unit;
  }
}

/** The attacker's share of one draw. */
export function shareOf(dump: readonly DumpedSlot[], rules: AddressRules, nowS: number): number {
  return units(dump, rules, nowS, true).reduce((sum, { attacker }) => sum + attacker, 0);
}

/** A mean with its bootstrap interval. */
export interface Estimate {
  readonly mean: number;
  /** The middle 95 % of the means of samples drawn again. */
  readonly low: number;
  readonly high: number;
  readonly restarts: number;
}

/**
 * The mean of all products. Restarts of one world share its tables, so worlds are drawn again as a whole, and then the
 * restarts within each.
 */
export function estimate(worlds: readonly (readonly number[])[], random: Random, rounds = 1_000): Estimate {
  const meanOf = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const means = Array.from({ length: rounds }, () =>
    meanOf(worlds.map(() => {
      const world = worlds[random.below(worlds.length)]!;
      // Within a world a few hundred redrawn products tell as much as all of them, and cost less.
      return meanOf(Array.from({ length: Math.min(world.length, 300) }, () => world[random.below(world.length)]!));
    }))).sort((a, b) => a - b);
  return {
    mean: meanOf(worlds.map(meanOf)),
    low: means[Math.floor(rounds * 0.025)]!,
    high: means[Math.floor(rounds * 0.975)]!,
    restarts: worlds.reduce((sum, { length }) => sum + length, 0),
  };
}
