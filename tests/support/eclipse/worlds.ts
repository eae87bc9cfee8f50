/** Runs an attack against our address book, with each defence on or off, and gives the slots of its tables. */
import { AddressBook, type AddressRules, BOOK } from "../../../lib/core/addresses/book.ts";
import { ADDRESS_BUDGET } from "../../../lib/core/addresses/budgets.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { HandClock } from "../../unit/core-addresses/book.ts";
import { type Attack, type Cast, castOf, type Told } from "./attacks.ts";
import type { DumpedSlot } from "./estimate.ts";

/** What can be switched off. */
export interface Defences {
  /** Sources may tell a tenth of an address a second; without, everything is told at once. */
  readonly tokenBucket: boolean;
  /** The source of an address decides its bucket; without, the address itself does. */
  readonly sourceGroups: boolean;
  /** A tried entry is tested before it is displaced. */
  readonly testBeforeEvict: boolean;
  /**
   * An address gets into the tried table when a feeler has reached it, one every two minutes; without, the attacker's
   * get there the moment they are told, which is the worst case that the reference's figures assume.
   */
  readonly feelers: boolean;
  /** Four peers of before the restart are dialled first. */
  readonly anchors: boolean;
  readonly onePerGroup: boolean;
}

/** The names of the defences. */
export const DEFENCES = [
  "tokenBucket",
  "sourceGroups",
  "testBeforeEvict",
  "feelers",
  "anchors",
  "onePerGroup",
] as const;

/** All of them on, or all of them off but the one that both references' tables are built on. */
export const ALL_ON = Object.fromEntries(DEFENCES.map((name) => [name, true])) as unknown as Defences;
export const ALL_OFF: Defences = {
  ...(Object.fromEntries(DEFENCES.map((name) => [name, false])) as unknown as Defences),
  sourceGroups: true,
};

/** Mean seconds between two feelers (Core's). */
const FEELER_S = 120;
/** When the attack begins; the honest addresses were told in the days before. */
export const ATTACK_S = 1_750_000_000;
/** After so long nothing counts as tried a moment ago any more. */
export const RESTART_S = 700;

/** What a world comes to. */
export interface World {
  readonly dump: readonly DumpedSlot[];
  readonly nowS: number;
  readonly cast: Cast;
}

/** The key of a world's book. */
export function keyOf(seed: number): Uint8Array {
  return new SeededRandom(seed ^ 0x5eed).bytes(32);
}

/** Runs one world: the honest network, then `hours` of attack, and `pauseS` seconds later the first draw. */
export function runWorld(
  attack: Attack,
  rules: AddressRules,
  on: Defences,
  hours: number,
  seed: number,
  pauseS = RESTART_S,
): World {
  const random = new SeededRandom(seed);
  const cast = castOf(attack, random);
  const clock = new HandClock();
  const book = new AddressBook({
    ...{ rules, clock, random, key: keyOf(seed) },
    budget: on.tokenBucket ? ADDRESS_BUDGET : false,
    limitsSources: on.sourceGroups,
  });
  clock.nowS = ATTACK_S - 86_400;
  const tell = ({ host, port, source }: Told, unlimited: boolean) =>
    book.learn([{ host, port, timeS: clock.nowS - 3_600 }], source, { unlimited });
  for (const each of cast.honest) tell(each, true);
  clock.nowS = ATTACK_S;
  for (const each of cast.reached) book.good(each, { testBeforeEvict: false });
  const good = (each: { readonly host: string; readonly port: number }) =>
    book.good(each, { testBeforeEvict: on.testBeforeEvict });
  const waiting = waitingBySource([...cast.attackers, ...cast.trash]);
  const dead = new Set(cast.trash.map(({ host }) => host));
  /** Each source tells as much as it may. What the book refused is told again later. */
  const gossip = (): void => {
    for (const [source, list] of waiting) {
      while (list.length > 0) {
        const next = list.at(-1)!;
        if (tell(next, false).limited > 0) break;
        list.pop();
        if (!on.feelers && !dead.has(next.host)) good(next);
      }
      if (list.length === 0) waiting.delete(source);
    }
  };
  gossip();
  const endS = ATTACK_S + hours * 3_600;
  while (clock.nowS < endS) {
    // One feeler, and before it what was told since the last one.
    clock.nowS += Math.max(1, Math.round(-Math.log((random.below(2 ** 32) + 1) / 2 ** 32) * FEELER_S));
    gossip();
    if (!on.feelers) continue;
    book.resolveCollisions();
    const target = book.selectCollision() ?? book.select({ newOnly: true });
    if (target === undefined) continue;
    book.attempt(target, true);
    if (!dead.has(target.host)) good(target);
  }
  clock.nowS += pauseS;
  const own = new Set([...cast.attackers, ...cast.trash].map(({ host }) => host));
  const dump = [...book.entries()].flatMap(({ host, groupName, lastTryS, attempts, slots }) =>
    slots.map(({ table, bucket, position }): DumpedSlot => ({
      ...{ table, slot: bucket * BOOK.bucketSize + position, host, group: groupName },
      ...{ isAttacker: own.has(host), lastTryS, attempts },
    }))
  );
  return { dump, nowS: clock.nowS, cast };
}

function waitingBySource(told: readonly Told[]): Map<string, Told[]> {
  const waiting = new Map<string, Told[]>();
  for (const each of told.toReversed()) {
    const known = waiting.get(each.source);
    if (known === undefined) waiting.set(each.source, [each]);
    else known.push(each);
  }
  return waiting;
}
