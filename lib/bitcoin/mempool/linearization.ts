/**
 * The order in which the transactions of a cluster go into blocks: parents before children, and as much fee as early as can
 * be.
 *
 * It is found by a spanning forest of dependencies. An active dependency holds a parent and a child together; what hangs
 * together so is a chunk, which goes into a block as a whole. A chunk that needs one with a lower feerate is joined with
 * it; a chunk whose upper part has a higher feerate than its lower part is split between them. When neither is left to be
 * done, no order is better. The steps are bounded: beyond the bound the order is good and not proven to be the best.
 *
 * @see https://delvingbitcoin.org/t/spanning-forest-cluster-linearization/1419; Bitcoin Core `cluster_linearize.h`
 * @module
 */

/** A transaction as the order sees it. */
export interface OrderedItem {
  /** Satoshi; may be below 0. */
  readonly fee: number;
  /** Weight units. */
  readonly weight: number;
}

/** Splits that are tried for each dependency. Clusters of a mempool were never seen to need five. */
const STEPS_PER_DEPENDENCY = 32;

interface Dependency {
  readonly parent: number;
  readonly child: number;
  isActive: boolean;
}

interface Part {
  readonly members: readonly number[];
  readonly fee: number;
  readonly weight: number;
}

/**
 * Doubles compare feerates exactly, as long as fee × weight is below 2^53: up to 200 coins for the weight of a cluster. Beyond
 * that equal feerates may look different, which costs a step.
 */
const rate = ({ fee, weight }: OrderedItem): number => fee / weight;

/** The forest over one cluster. */
class Forest {
  readonly #items: readonly OrderedItem[];
  readonly #dependencies: Dependency[] = [];
  /** Dependencies of each item, in both directions. */
  readonly #of: Dependency[][];
  /** The chunk of each item. */
  readonly #chunk: Part[];

  constructor(items: readonly OrderedItem[], parents: readonly (readonly number[])[]) {
    this.#items = items;
    this.#of = items.map(() => []);
    this.#chunk = items.map(({ fee, weight }, i) => ({ members: [i], fee, weight }));
    for (const [child, needed] of parents.entries()) {
      for (const parent of needed) {
        const dependency = { parent, child, isActive: false };
        this.#dependencies.push(dependency);
        this.#of[parent]!.push(dependency);
        this.#of[child]!.push(dependency);
      }
    }
  }

  /** Joins and splits until nothing is better, or as often as may be. */
  improve(): void {
    for (let i = 0; i < this.#items.length; i++) this.#settle(this.#chunk[i]!);
    let left = STEPS_PER_DEPENDENCY * this.#dependencies.length;
    for (let isBetter = true; isBetter;) {
      isBetter = false;
      for (const dependency of this.#dependencies) {
        if (!dependency.isActive || left <= 0) continue;
        if (this.#split(dependency)) {
          isBetter = true;
          left -= 1;
        }
      }
    }
  }

  /** The chunks, the highest feerate first. */
  chunks(): Part[] {
    return [...new Set(this.#chunk)].sort((a, b) => rate(b) - rate(a));
  }

  /** Joins a chunk with others until it needs none whose feerate is not higher, and none needs it whose feerate is not lower. */
  #settle(chunk: Part): void {
    for (let now: Part | undefined = chunk; now !== undefined;) {
      now = this.#joined(now, "up") ?? this.#joined(now, "down");
    }
  }

  /** The chunk joined with the worst that it needs (up), or with the best that needs it (down); undefined when all is in order. */
  #joined(chunk: Part, way: "up" | "down"): Part | undefined {
    let best: { readonly dependency: Dependency; readonly other: Part } | undefined;
    for (const member of chunk.members) {
      for (const dependency of this.#of[member]!) {
        if ((way === "up" ? dependency.child : dependency.parent) !== member) continue;
        const other = this.#chunk[way === "up" ? dependency.parent : dependency.child]!;
        if (other === chunk) continue;
        const isWrong = way === "up" ? rate(other) <= rate(chunk) : rate(other) >= rate(chunk);
        if (!isWrong) continue;
        const isWorse = best === undefined ||
          (way === "up" ? rate(other) < rate(best.other) : rate(other) > rate(best.other));
        if (isWorse) best = { dependency, other };
      }
    }
    if (best === undefined) return undefined;
    best.dependency.isActive = true;
    return this.#assign({
      members: [...chunk.members, ...best.other.members],
      fee: chunk.fee + best.other.fee,
      weight: chunk.weight + best.other.weight,
    });
  }

  /** Splits the chunk of an active dependency there if its upper part has the higher feerate. */
  #split(dependency: Dependency): boolean {
    const whole = this.#chunk[dependency.parent]!;
    dependency.isActive = false;
    const top = this.#part(dependency.parent);
    const bottom = this.#part(dependency.child);
    if (top.members.length === whole.members.length || rate(top) <= rate(bottom)) {
      dependency.isActive = true;
      return false;
    }
    this.#assign(top);
    this.#assign(bottom);
    this.#settle(top);
    // It may have been joined with the other half again, by another dependency.
    this.#settle(this.#chunk[dependency.child]!);
    return true;
  }

  /** What hangs together with an item by active dependencies. */
  #part(from: number): Part {
    const members = [from];
    const seen = new Set(members);
    let [fee, weight] = [0, 0];
    for (const member of members) {
      fee += this.#items[member]!.fee;
      weight += this.#items[member]!.weight;
      for (const { parent, child, isActive } of this.#of[member]!) {
        if (!isActive) continue;
        for (const next of [parent, child]) {
          if (seen.has(next)) continue;
          seen.add(next);
          members.push(next);
        }
      }
    }
    return { members, fee, weight };
  }

  #assign(chunk: Part): Part {
    for (const member of chunk.members) this.#chunk[member] = chunk;
    return chunk;
  }
}

/**
 * The order of a cluster, as indices.
 * @param parents of each item, the direct parents as indices; there is no cycle
 */
export function linearize(items: readonly OrderedItem[], parents: readonly (readonly number[])[]): number[] {
  if (items.length === 1) return [0];
  const forest = new Forest(items, parents);
  forest.improve();
  const order: number[] = [];
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
  return order;
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
