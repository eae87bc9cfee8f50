/**
 * A cluster: transactions that hang together by what they spend of each other. Its order is made when somebody asks for it.
 *
 * @see Bitcoin Core `txgraph.cpp`
 * @module
 */
import type { PoolEntry } from "./entry.ts";
import { Groups } from "./groups.ts";
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

/** Who needs whom, where it is not as the pool has it. */
type ParentsOf = (entry: PoolEntry) => readonly PoolEntry[];

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
  parentsOf?: ParentsOf,
): readonly EntryChunk[] {
  return orderOf(entries, parentsOf).chunks;
}

/** Entries as an order sees them: what each pays and weighs, and its parents among them, as indices. */
export function graphOf(
  entries: readonly PoolEntry[],
  parentsOf: ParentsOf = ({ parents }) => parents,
): { readonly items: readonly OrderedEntry[]; readonly parents: readonly (readonly number[])[] } {
  const index = new Map(entries.map((entry, i) => [entry, i]));
  return {
    items: entries.map((entry) => new OrderedEntry(entry)),
    parents: entries.map((entry) =>
      parentsOf(entry).map((parent) => index.get(parent)).filter((parent) => parent !== undefined)
    ),
  };
}

function orderOf(entries: readonly PoolEntry[], parentsOf?: ParentsOf): EntryOrder {
  if (entries.length === 1) return { chunks: chunksOf([new OrderedEntry(entries[0]!)]), isOptimal: true };
  const { items, parents } = graphOf(entries, parentsOf);
  const { order, isOptimal } = linearize(items, parents);
  return { chunks: chunksOf(order.map((i) => items[i]!)), isOptimal };
}

/** Parts of entries that hang together, each in the order in which they were given. */
export function componentsOf(entries: readonly PoolEntry[], parentsOf?: ParentsOf): PoolEntry[][] {
  const { items, parents } = graphOf(entries, parentsOf);
  const groups = new Groups(items);
  for (const [child, needed] of parents.entries()) for (const parent of needed) groups.join(child, parent);
  const parts = Map.groupBy(entries.keys(), (i) => groups.of(i));
  return [...parts.values()].map((part) => part.map((i) => entries[i]!));
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
