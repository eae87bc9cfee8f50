import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Due, DueHeap } from "../../../lib/core/work/due-heap.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

function drained(heap: DueHeap<Due>): number[] {
  const times: number[] = [];
  for (let next = heap.next; next !== undefined; next = heap.next) {
    times.push(next.dueAt);
    heap.remove(next);
  }
  return times;
}

describe("DueHeap", () => {
  test("next is what is due first, whatever is taken out in between", () => {
    const random = new SeededRandom(5);
    const heap = new DueHeap<Due>();
    const things = Array.from({ length: 500 }, () => ({ dueAt: random.below(100), place: -1 }));
    for (const thing of things) heap.add(thing);
    const left = things.filter(() => !random.chance(0.5));
    for (const thing of things) if (!left.includes(thing)) heap.remove(thing);
    assert.equal(heap.size, left.length);
    assert.deepEqual(drained(heap), left.map(({ dueAt }) => dueAt).sort((a, b) => a - b));
  });

  test("remove() does nothing with what is not in, and what was taken out can be put in again", () => {
    const heap = new DueHeap<Due>();
    const thing = { dueAt: 3, place: -1 };
    heap.remove(thing);
    heap.add(thing);
    heap.remove(thing);
    heap.remove(thing);
    assert.equal(heap.next, undefined);
    thing.dueAt = 1;
    heap.add({ dueAt: 2, place: -1 });
    heap.add(thing);
    assert.deepEqual(drained(heap), [1, 2]);
  });
});
