/**
 * Who of the inbound peers makes room for a newcomer. Peers that an attacker cannot easily imitate in number are kept:
 * those of unpredictable groups, near ones, useful ones, and the old half. Of the rest the youngest of the most crowded
 * group goes. A pure choice: the connection engine acts on it.
 *
 * @see Bitcoin Core `node/eviction.cpp` SelectNodeToEvict, ProtectEvictionCandidatesByRatio; spec section f.3
 * @module
 */

/** What counts of a peer. Times are milliseconds of one clock, 0 when never. */
export interface EvictionCandidate {
  readonly id: number;
  readonly direction: "in" | "out";
  /** Our own configuration keeps it. */
  readonly isExempt: boolean;
  /**
   * The group of its address, hashed under a secret key: who does not know the key cannot choose a group that ranks high.
   * Equal for peers of one group.
   */
  readonly keyedGroup: bigint;
  readonly sinceMs: number;
  /** The least round trip that was measured; Infinity before the first. */
  readonly pingMinMs: number;
  /** When it last gave us one of the items that are relayed all the time, new and valid. */
  readonly lastNewsMs: number;
  /** When it last gave us an extension of the chain, new and valid. */
  readonly lastHeadMs: number;
  /** Whether it takes part in the relay of those items. */
  readonly relaysNews: boolean;
  /** Whether it has the relay filtered, which makes it a client rather than a node. */
  readonly filtersNews: boolean;
  /** Whether it offers what we look for in a node. */
  readonly isUseful: boolean;
  /** Discouraged: it goes before the others. */
  readonly goesFirst: boolean;
  /** Short name of its network, such as `ipv4`. */
  readonly network: string;
  readonly isLocal: boolean;
}

/** How many peers each protection keeps. */
export const EVICTION_KEEPS = { group: 4, ping: 8, news: 4, headOnly: 8, head: 4 } as const;

/** Networks whose peers are slow by nature, and local ones; a quarter of the rest is kept for them. In Core's order. */
const DISADVANTAGED = ["cjdns", "i2p", "local", "onion"] as const;

/**
 * What a peer has done for us, as it bears on who stays. Times are unix milliseconds, 0 when never.
 *
 * @see EvictionCandidate for each
 */
export type Merits = Pick<
  EvictionCandidate,
  "pingMinMs" | "lastNewsMs" | "lastHeadMs" | "relaysNews" | "filtersNews" | "isUseful"
>;

type Compare = (a: EvictionCandidate, b: EvictionCandidate) => number;

/** The first comparison that tells two apart decides. */
const by = (...keys: readonly ((candidate: EvictionCandidate) => number | bigint | boolean)[]): Compare => (a, b) => {
  for (const key of keys) {
    const left = key(a);
    const right = key(b);
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
};

/** Longest connected last. */
const age = (candidate: EvictionCandidate) => -candidate.sinceMs;

/**
 * The id of the peer to close, or undefined when every one is protected.
 */
export function chooseEviction(peers: readonly EvictionCandidate[]): number | undefined {
  let left = peers.filter(({ isExempt, direction }) => !isExempt && direction === "in");
  left = withoutLast(left, by(({ keyedGroup }) => keyedGroup), EVICTION_KEEPS.group);
  left = withoutLast(left, by(({ pingMinMs }) => -pingMinMs), EVICTION_KEEPS.ping);
  const news = by(
    ({ lastNewsMs }) => lastNewsMs,
    ({ relaysNews }) => relaysNews,
    ({ filtersNews }) => !filtersNews,
    age,
  );
  left = withoutLast(left, news, EVICTION_KEEPS.news);
  const headOnly = by(({ relaysNews }) => !relaysNews, ({ lastHeadMs }) => lastHeadMs, ({ isUseful }) => isUseful, age);
  left = withoutLast(left, headOnly, EVICTION_KEEPS.headOnly, ({ relaysNews, isUseful }) => !relaysNews && isUseful);
  left = withoutLast(left, by(({ lastHeadMs }) => lastHeadMs, ({ isUseful }) => isUseful, age), EVICTION_KEEPS.head);
  left = withoutOldHalf(left);
  if (left.some(({ goesFirst }) => goesFirst)) left = left.filter(({ goesFirst }) => goesFirst);
  return youngestOfFullestGroup(left)?.id;
}

/** Sorts, and takes those of the last `count` out for which `matches` holds. */
function withoutLast(
  candidates: readonly EvictionCandidate[],
  compare: Compare,
  count: number,
  matches: (candidate: EvictionCandidate) => boolean = () => true,
): EvictionCandidate[] {
  const sorted = candidates.toSorted(compare);
  const kept = sorted.length - Math.min(count, sorted.length);
  return sorted.filter((candidate, i) => i < kept || !matches(candidate));
}

/**
 * Half of the candidates without those that are protected for their age: up to a quarter of all for the disadvantaged
 * networks, shared between those of which there are any, the rarest first; the remainder whatever their network.
 */
function withoutOldHalf(candidates: readonly EvictionCandidate[]): EvictionCandidate[] {
  const protectAll = Math.floor(candidates.length / 2);
  const protectByNetwork = Math.floor(protectAll / 2);
  const networks = DISADVANTAGED.map((name) => {
    const matches = (candidate: EvictionCandidate) => name === "local" ? candidate.isLocal : candidate.network === name;
    return { matches, count: candidates.filter(matches).length };
  }).sort((a, b) => a.count - b.count);
  let left: EvictionCandidate[] = [...candidates];
  let protectedCount = 0;
  for (let found = true; found && protectedCount < protectByNetwork;) {
    const present = networks.filter(({ count }) => count > 0);
    if (present.length === 0) break;
    const share = Math.max(1, Math.floor((protectByNetwork - protectedCount) / present.length));
    found = false;
    for (const network of present) {
      const before = left.length;
      left = withoutLast(left, by(network.matches, age), share, network.matches);
      const taken = before - left.length;
      if (taken === 0) continue;
      found = true;
      network.count -= taken;
      protectedCount += taken;
      if (protectedCount >= protectByNetwork) break;
    }
  }
  return withoutLast(left, by(age), protectAll - protectedCount);
}

function youngestOfFullestGroup(candidates: readonly EvictionCandidate[]): EvictionCandidate | undefined {
  const groups = new Map<bigint, { readonly youngest: EvictionCandidate; count: number }>();
  for (const candidate of candidates.toSorted(by(age))) {
    const group = groups.get(candidate.keyedGroup);
    if (group === undefined) groups.set(candidate.keyedGroup, { youngest: candidate, count: 1 });
    else group.count += 1;
  }
  const ranked = [...groups.values()].sort((a, b) => b.count - a.count || b.youngest.sinceMs - a.youngest.sinceMs);
  return ranked[0]?.youngest;
}
