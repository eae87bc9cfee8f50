/**
 * A cluster: transactions that hang together by what they spend of each other. Its order is made when somebody asks for it.
 *
 * @see Bitcoin Core `txgraph.cpp`
 * @module
 */
import type { PoolEntry } from "./entry.ts";
import { type Chunk, chunksOf, linearize, type OrderedItem } from "./linearization.ts";

/** An entry as the order sees it. */
export class OrderedEntry implements OrderedItem {
  readonly entry: PoolEntry;
  readonly fee: number;
  readonly weight: number;

  constructor(entry: PoolEntry) {
    this.entry = entry;
    this.fee = entry.modifiedFee;
    this.weight = entry.weight;
  }
}

/** Entries that go into a block as one. */
export type EntryChunk = Chunk<OrderedEntry>;

/** Entries in the order in which they go into blocks. */
interface EntryOrder {
  readonly chunks: readonly EntryChunk[];
  readonly isOptimal: boolean;
}

/** The chunks of entries that hang together; `parentsOf` may name entries that are not among them. */
export function chunksOfEntries(
  entries: readonly PoolEntry[],
  parentsOf?: (entry: PoolEntry) => readonly PoolEntry[],
): readonly EntryChunk[] {
  return orderOf(entries, parentsOf).chunks;
}

function orderOf(
  entries: readonly PoolEntry[],
  parentsOf: (entry: PoolEntry) => readonly PoolEntry[] = ({ parents }) => parents,
): EntryOrder {
  const items = entries.map((entry) => new OrderedEntry(entry));
  if (items.length === 1) return { chunks: chunksOf(items), isOptimal: true };
  const index = new Map(entries.map((entry, i) => [entry, i]));
  const parents = entries.map((entry) =>
    parentsOf(entry).map((parent) => index.get(parent)).filter((parent) => parent !== undefined)
  );
  const { order, isOptimal } = linearize(items, parents);
  return { chunks: chunksOf(order.map((i) => items[i]!)), isOptimal };
}

/** Parts of entries that hang together, each in the order in which they were given. */
export function componentsOf(
  entries: readonly PoolEntry[],
  parentsOf: (entry: PoolEntry) => readonly PoolEntry[] = ({ parents }) => parents,
): PoolEntry[][] {
  const root = new Map(entries.map((entry) => [entry, entry]));
  const rootOf = (entry: PoolEntry): PoolEntry => {
    let top = entry;
    for (let above = root.get(top)!; above !== top; above = root.get(top)!) top = above;
    // What was walked over is short next time.
    for (let at = entry; at !== top;) {
      const above = root.get(at)!;
      root.set(at, top);
      at = above;
    }
    return top;
  };
  for (const entry of entries) {
    for (const parent of parentsOf(entry)) if (root.has(parent)) root.set(rootOf(entry), rootOf(parent));
  }
  const parts = new Map<PoolEntry, PoolEntry[]>();
  for (const entry of entries) {
    const top = rootOf(entry);
    const part = parts.get(top);
    if (part === undefined) parts.set(top, [entry]);
    else part.push(entry);
  }
  return [...parts.values()];
}

/** A cluster of the pool. */
export class Cluster {
  /** Its transactions, in the order in which they came. */
  readonly entries: PoolEntry[];
  /** The sum of their weights. */
  weight: number;
  /** Grows whenever its order may be another. */
  version = 0;
  #order: EntryOrder | undefined;

  constructor(entries: PoolEntry[]) {
    this.entries = entries;
    this.weight = entries.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** Its chunks, the best first. */
  get chunks(): readonly EntryChunk[] {
    return (this.#order ??= orderOf(this.entries)).chunks;
  }

  /** Whether no order is better, as far as that is known by now: nobody may have asked for the order yet. */
  get isOptimal(): boolean {
    return this.entries.length === 1 || this.#order?.isOptimal === true;
  }

  /** Takes an entry in. */
  add(entry: PoolEntry): void {
    this.entries.push(entry);
    this.weight += entry.weight;
    this.changed();
  }

  /** The order is to be made anew. */
  changed(): void {
    this.version += 1;
    this.#order = undefined;
  }
}
