/**
 * Transactions that hang together one after another: quick for any number of them, and not the best order.
 *
 * @module
 */
import { type Due, DueHeap } from "../../core/work/due-heap.ts";
import type { OrderedItem } from "./linearization.ts";

/** An item whose parents are taken; what pays best is due first. */
interface Ready extends Due {
  readonly item: number;
}

/**
 * Offers items, as indices: parents before children, and of those whose parents are taken the one with the highest feerate. What
 * depends on an item that is not taken is not offered.
 * @param parents of each item, the direct parents as indices; there is no cycle
 */
export function offerBestFirst(
  items: readonly OrderedItem[],
  parents: readonly (readonly number[])[],
  take: (item: number) => boolean,
): void {
  const children: number[][] = items.map(() => []);
  const missing = parents.map(({ length }) => length);
  for (const [child, needed] of parents.entries()) for (const parent of needed) children[parent]!.push(child);
  const ready = new DueHeap<Ready>();
  const add = (item: number) => {
    const { fee, weight } = items[item]!;
    ready.add({ item, dueAt: -fee / weight, place: -1 });
  };
  for (const [item, count] of missing.entries()) if (count === 0) add(item);
  for (let { next } = ready; next !== undefined; next = ready.next) {
    ready.remove(next);
    if (!take(next.item)) continue;
    for (const child of children[next.item]!) {
      missing[child]! -= 1;
      if (missing[child] === 0) add(child);
    }
  }
}
