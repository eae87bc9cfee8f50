/**
 * Whether transactions may take the place of others that spend the same.
 *
 * @see Bitcoin Core `policy/rbf.cpp`, `doc/policy/mempool-replacements.md`
 * @module
 */
import { toDisplayHex } from "../hash.ts";
import { chunksOfEntries, type Cluster, componentsOf, type EntryChunk } from "./cluster.ts";
import { isBetterDiagram } from "./diagram.ts";
import { type PoolEntry, withDescendants } from "./entry.ts";
import { feeAt, moneyText } from "./fee-rate.ts";
import type { MempoolPolicy } from "./policy.ts";

/** Clusters that a replacement may touch. */
const CLUSTERS_MAX = 100;

/** Transactions that would come, and those that would go for them. */
export interface Exchange {
  /** What comes, parents before children. */
  readonly added: readonly PoolEntry[];
  /** What each of them spends outputs of: transactions of the mempool, or others of {@link added}. */
  readonly parents: ReadonlyMap<PoolEntry, readonly PoolEntry[]>;
  /** What goes, with all that needs it. */
  readonly removed: ReadonlySet<PoolEntry>;
}

/** All that goes with what is replaced; why that is too much when it is. */
export function removedBy(conflicts: ReadonlySet<PoolEntry>, by: PoolEntry): ReadonlySet<PoolEntry> | string {
  const clusters = new Set([...conflicts].map(({ cluster }) => cluster));
  if (clusters.size > CLUSTERS_MAX) {
    const name = toDisplayHex(by.transaction.txid);
    return `rejecting replacement ${name}; too many conflicting clusters (${clusters.size} > ${CLUSTERS_MAX})`;
  }
  return withDescendants(conflicts);
}

/** What is wrong with what a replacement pays; undefined when it pays enough. */
export function feeFault(
  fee: number,
  vsize: number,
  removed: ReadonlySet<PoolEntry>,
  by: PoolEntry,
  incrementalRate: number,
): string | undefined {
  const name = `rejecting replacement ${toDisplayHex(by.transaction.txid)}`;
  let before = 0;
  for (const { modifiedFee } of removed) before += modifiedFee;
  if (fee < before) {
    return `${name}, less fees than conflicting txs; ${moneyText(fee)} < ${moneyText(before)}`;
  }
  const least = feeAt(incrementalRate, vsize);
  if (fee - before >= least) return undefined;
  return `${name}, not enough additional fees to relay; ${moneyText(fee - before)} < ${moneyText(least)}`;
}

/** The clusters of the mempool that an exchange changes. */
function touched({ parents, removed }: Exchange): Set<Cluster> {
  const clusters = new Set<Cluster>();
  for (const { cluster } of removed) clusters.add(cluster!);
  for (const needed of parents.values()) for (const { cluster } of needed) if (cluster) clusters.add(cluster);
  return clusters;
}

/** The clusters that there would be in the place of those. */
function after(exchange: Exchange): PoolEntry[][] {
  const { added, removed } = exchange;
  const kept = [...touched(exchange)].flatMap(({ entries }) => entries).filter((entry) => !removed.has(entry));
  return componentsOf([...kept, ...added], parentsIn(exchange));
}

const parentsIn = ({ parents }: Exchange) => (entry: PoolEntry): readonly PoolEntry[] =>
  parents.get(entry) ?? entry.parents;

/** Whether no cluster would be larger than it may be. */
export function isWithinClusterLimits(
  exchange: Exchange,
  { clusterCountMax, clusterVbytesMax }: Pick<MempoolPolicy, "clusterCountMax" | "clusterVbytesMax">,
): boolean {
  const weightMax = clusterVbytesMax * 4;
  let [count, weight] = [0, 0];
  for (const cluster of touched(exchange)) {
    count += cluster.entries.length;
    weight += cluster.weight;
  }
  for (const entry of exchange.added) {
    count += 1;
    weight += entry.weight;
  }
  // All of them in one cluster would be within the limits: no need to look which are.
  if (count <= clusterCountMax && weight <= weightMax) return true;
  return after(exchange).every((entries) =>
    !exchange.added.some((entry) => entries.includes(entry)) ||
    (entries.length <= clusterCountMax && entries.reduce((sum, each) => sum + each.weight, 0) <= weightMax)
  );
}

/**
 * Whether the mempool would be better for miners, however many bytes they take of it. A cluster that loses nothing but whole
 * chunks keeps the others as they are: most replacements need no new order.
 */
export function improvesDiagram(exchange: Exchange): boolean {
  const { added, parents, removed } = exchange;
  const joined = new Set([...parents.values()].flat().map(({ cluster }) => cluster));
  const [before, kept]: [EntryChunk[], EntryChunk[]] = [[], []];
  const open = [...added];
  for (const cluster of touched(exchange)) {
    before.push(...cluster.chunks);
    const left = cluster.chunks.filter(({ items }) => !items.every(({ entry }) => removed.has(entry)));
    const isWhole = left.every(({ items }) => items.every(({ entry }) => !removed.has(entry)));
    if (isWhole && !joined.has(cluster)) kept.push(...left);
    else open.push(...cluster.entries.filter((entry) => !removed.has(entry)));
  }
  const parentsOf = parentsIn(exchange);
  const parts = componentsOf(open, parentsOf).flatMap((entries) => [...chunksOfEntries(entries, parentsOf)]);
  return isBetterDiagram([...kept, ...parts], before);
}
