/**
 * The order in which the transactions of a cluster go into blocks: parents before children, and as much fee as early as can
 * be.
 *
 * It is found by a spanning forest of dependencies. An active dependency holds a parent and a child together; what hangs
 * together so is a chunk, which goes into a block as a whole. A chunk that needs one with a lower feerate is joined with
 * it; a chunk whose upper part has a higher feerate than its lower part is split between them. When neither is left to be
 * done, no order is better. The steps are bounded: beyond the bound the order is good and not proven to be the best. More
 * transactions than a cluster may have are put in a plain order at once.
 *
 * @see https://delvingbitcoin.org/t/spanning-forest-cluster-linearization/1419; Bitcoin Core `cluster_linearize.h`
 * @module
 */
import { offerBestFirst } from "./best-first.ts";

/** A transaction as the order sees it. */
export interface OrderedItem {
  /** Satoshi; may be below 0. */
  readonly fee: number;
  /** Weight units. */
  readonly weight: number;
}

/** As many as a cluster may have. There are more only while what a reorganisation has left is not trimmed. */
const ITEMS_MAX = 64;
/** How many dependencies may be examined before an order is left as it is: some hundredths of a second. No cluster was seen to need as many. */
const WORK_MAX = 4_000_000;

/** Doubles compare feerates exactly as long as fee × weight is below 2^53: up to 200 coins for the weight of a cluster. */
const rate = ({ fee, weight }: OrderedItem): number => fee / weight;

/** Items that hang together by active dependencies. */
interface Part {
  readonly members: readonly number[];
  readonly fee: number;
  readonly weight: number;
  readonly rate: number;
}

/** The forest over one cluster. Dependencies are numbers: places in {@link Forest.#parent} and {@link Forest.#child}. */
class Forest {
  readonly #items: readonly OrderedItem[];
  readonly #parent: number[] = [];
  readonly #child: number[] = [];
  readonly #isActive: Uint8Array;
  /** Dependencies of each item on its parents, and of its children on it. */
  readonly #up: number[][];
  readonly #down: number[][];
  /** The chunk of each item. */
  readonly #chunk: Part[];
  /** When each item was last visited. */
  readonly #visited: Uint32Array;
  #visits = 0;
  /** How many dependencies were examined. */
  #work = 0;

  constructor(items: readonly OrderedItem[], parents: readonly (readonly number[])[]) {
    this.#items = items;
    this.#up = items.map(() => []);
    this.#down = items.map(() => []);
    this.#chunk = items.map((item, i) => ({ members: [i], fee: item.fee, weight: item.weight, rate: rate(item) }));
    for (const [child, needed] of parents.entries()) {
      for (const parent of needed) {
        const dependency = this.#parent.push(parent) - 1;
        this.#child.push(child);
        this.#up[child]!.push(dependency);
        this.#down[parent]!.push(dependency);
      }
    }
    this.#isActive = new Uint8Array(this.#parent.length);
    this.#visited = new Uint32Array(items.length);
  }

  /** Joins and splits until nothing is better, or as often as may be. Tells whether no order is better. */
  improve(): boolean {
    for (let i = 0; i < this.#items.length; i++) this.#settle(this.#chunk[i]!);
    for (let isBetter = true; isBetter;) {
      isBetter = false;
      for (let dependency = 0; dependency < this.#parent.length; dependency++) {
        if (this.#isActive[dependency] === 0) continue;
        if (this.#work > WORK_MAX) return false;
        if (this.#split(dependency)) isBetter = true;
      }
    }
    return true;
  }

  /** The chunks, the highest feerate first. */
  chunks(): Part[] {
    return [...new Set(this.#chunk)].sort((a, b) => b.rate - a.rate);
  }

  /** Joins a chunk with others until it needs none whose feerate is not higher, and none needs it whose feerate is not lower. */
  #settle(chunk: Part): void {
    for (let now: Part | undefined = chunk; now !== undefined;) now = this.#joinedUp(now) ?? this.#joinedDown(now);
  }

  /** The chunk joined with the worst that it needs, if that is no better; undefined when all are better. */
  #joinedUp(chunk: Part): Part | undefined {
    let [best, limit] = [-1, chunk.rate];
    for (const member of chunk.members) {
      this.#work += this.#up[member]!.length;
      for (const dependency of this.#up[member]!) {
        const other = this.#chunk[this.#parent[dependency]!]!;
        if (other === chunk || other.rate > limit || (best >= 0 && other.rate === limit)) continue;
        [best, limit] = [dependency, other.rate];
      }
    }
    return best < 0 ? undefined : this.#join(best, chunk, this.#chunk[this.#parent[best]!]!);
  }

  /** The chunk joined with the best that needs it, if that is no worse; undefined when all are worse. */
  #joinedDown(chunk: Part): Part | undefined {
    let [best, limit] = [-1, chunk.rate];
    for (const member of chunk.members) {
      this.#work += this.#down[member]!.length;
      for (const dependency of this.#down[member]!) {
        const other = this.#chunk[this.#child[dependency]!]!;
        if (other === chunk || other.rate < limit || (best >= 0 && other.rate === limit)) continue;
        [best, limit] = [dependency, other.rate];
      }
    }
    return best < 0 ? undefined : this.#join(best, chunk, this.#chunk[this.#child[best]!]!);
  }

  #join(dependency: number, a: Part, b: Part): Part {
    this.#isActive[dependency] = 1;
    const [fee, weight] = [a.fee + b.fee, a.weight + b.weight];
    return this.#assign({ members: [...a.members, ...b.members], fee, weight, rate: fee / weight });
  }

  /** Splits the chunk of an active dependency there if its upper part has the higher feerate. */
  #split(dependency: number): boolean {
    const [parent, child] = [this.#parent[dependency]!, this.#child[dependency]!];
    this.#isActive[dependency] = 0;
    const top = this.#part(parent);
    const bottom = this.#part(child);
    if (top.rate <= bottom.rate) {
      this.#isActive[dependency] = 1;
      return false;
    }
    this.#assign(top);
    this.#assign(bottom);
    this.#settle(top);
    // It may have been joined with the other half again, by another dependency.
    this.#settle(this.#chunk[child]!);
    return true;
  }

  /** What hangs together with an item by active dependencies. */
  #part(from: number): Part {
    const members = [from];
    const visit = ++this.#visits;
    this.#visited[from] = visit;
    let [fee, weight] = [0, 0];
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      fee += this.#items[member]!.fee;
      weight += this.#items[member]!.weight;
      this.#visit(this.#up[member]!, this.#parent, members, visit);
      this.#visit(this.#down[member]!, this.#child, members, visit);
    }
    return { members, fee, weight, rate: fee / weight };
  }

  #visit(dependencies: readonly number[], ends: readonly number[], members: number[], visit: number): void {
    this.#work += dependencies.length;
    for (const dependency of dependencies) {
      const next = ends[dependency]!;
      if (this.#isActive[dependency] === 0 || this.#visited[next] === visit) continue;
      this.#visited[next] = visit;
      members.push(next);
    }
  }

  #assign(chunk: Part): Part {
    for (const member of chunk.members) this.#chunk[member] = chunk;
    return chunk;
  }
}

/** The order of a cluster. */
export interface Linearization {
  /** Indices of the items. */
  readonly order: readonly number[];
  /** Whether no order is better; otherwise that is not known. */
  readonly isOptimal: boolean;
}

/**
 * The order of a cluster.
 * @param parents of each item, the direct parents as indices; there is no cycle
 */
export function linearize(items: readonly OrderedItem[], parents: readonly (readonly number[])[]): Linearization {
  if (items.length === 1) return { order: [0], isOptimal: true };
  const order: number[] = [];
  if (items.length > ITEMS_MAX) {
    offerBestFirst(items, parents, (item) => order.push(item) > 0);
    return { order, isOptimal: false };
  }
  const forest = new Forest(items, parents);
  const isOptimal = forest.improve();
  const isPlaced = new Uint8Array(items.length);
  for (const { members } of forest.chunks()) {
    // Within a chunk the best that has all it needs comes next.
    const left = [...members].sort((a, b) => rate(items[b]!) - rate(items[a]!));
    while (left.length > 0) {
      const at = left.findIndex((item) => parents[item]!.every((parent) => isPlaced[parent] === 1));
      const [next] = left.splice(at, 1);
      isPlaced[next!] = 1;
      order.push(next!);
    }
  }
  return { order, isOptimal };
}

/** Items that follow one another and go into a block as one. */
export interface Chunk<T extends OrderedItem> extends OrderedItem {
  readonly items: readonly T[];
}

/** The chunks of an order: each as long as it makes the feerate of its beginning higher. Their feerates do not rise. */
export function chunksOf<T extends OrderedItem>(order: readonly T[]): Chunk<T>[] {
  const chunks: { items: T[]; fee: number; weight: number }[] = [];
  for (const item of order) {
    let last = { items: [item], fee: item.fee, weight: item.weight };
    for (let above = chunks.at(-1); above !== undefined && rate(last) > rate(above); above = chunks.at(-1)) {
      chunks.pop();
      last = { items: [...above.items, ...last.items], fee: above.fee + last.fee, weight: above.weight + last.weight };
    }
    chunks.push(last);
  }
  return chunks;
}
