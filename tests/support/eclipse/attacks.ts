/**
 * The attacks of the eclipse experiment, as a list of what happens to an address book. The same list goes to our book and
 * to the reference's.
 *
 * The honest network is the baseline's: 8,000 addresses in the new table, 400 of which have answered. Addresses are drawn
 * at random from the routable part of IPv4, so that few share a /16.
 */
import type { Random } from "../../../lib/core/ports.ts";

/** An address of the experiment. */
export interface Told {
  readonly host: string;
  readonly port: number;
  /** The host that tells of it. */
  readonly source: string;
}

/** One attack: A floods the tried table, B also fills the new table with trash, C comes from a corner of the network. */
export interface Attack {
  readonly name: "A" | "B" | "C";
  readonly text: string;
  readonly groups: number;
  readonly perGroup: number;
  readonly trash: number;
  readonly sources: number;
}

/** The attacks whose figures are to be beaten, and one that few groups and one source make. */
export const ATTACKS: readonly Attack[] = [
  { name: "A", text: "1,000 groups x 10, 64 source groups", groups: 1_000, perGroup: 10, trash: 0, sources: 64 },
  {
    ...{ name: "B", text: "1,000 groups x 8 and 50,000 trash addresses, 64 source groups" },
    ...{ groups: 1_000, perGroup: 8, trash: 50_000, sources: 64 },
  },
  { name: "C", text: "4 groups x 2,000, 1 source group", groups: 4, perGroup: 2_000, trash: 0, sources: 1 },
];

/** Everything that takes part in one world. */
export interface Cast {
  readonly honest: readonly Told[];
  /** Those of the honest that have answered before the attack. */
  readonly reached: readonly Told[];
  /** Nodes of the attacker: they answer whenever they are dialled. */
  readonly attackers: readonly Told[];
  /** Addresses that the attacker tells and where nobody answers. */
  readonly trash: readonly Told[];
}

const HONEST = 8_000;
const REACHED = 400;
const HONEST_SOURCES = 64;
const PORT = 8444;

/** Draws the addresses of one world. */
export function castOf(attack: Attack, random: Random): Cast {
  const used = new Set<string>();
  /** First bytes that neither reference refuses. */
  const first = () => {
    for (;;) {
      const byte = 1 + random.below(222);
      if (![10, 100, 127, 169, 172, 192, 198, 203].includes(byte)) return byte;
    }
  };
  const group = () => `${first()}.${random.below(256)}`;
  const hostIn = (prefix: string) => {
    for (;;) {
      const host = `${prefix}.${random.below(256)}.${1 + random.below(254)}`;
      if (used.has(host)) continue;
      used.add(host);
      return host;
    }
  };
  const sources = (count: number) => Array.from({ length: count }, () => hostIn(group()));
  const told = (count: number, from: readonly string[], prefix: (i: number) => string): Told[] =>
    Array.from({ length: count }, (_, i) => ({ host: hostIn(prefix(i)), port: PORT, source: from[i % from.length]! }));
  const honest = told(HONEST, sources(HONEST_SOURCES), group);
  const own = sources(attack.sources);
  const groups = new Set<string>();
  while (groups.size < attack.groups) groups.add(group());
  const prefixes = [...groups];
  return {
    honest,
    reached: honest.slice(0, REACHED),
    attackers: told(attack.groups * attack.perGroup, own, (i) => prefixes[i % prefixes.length]!),
    trash: told(attack.trash, own, group),
  };
}
