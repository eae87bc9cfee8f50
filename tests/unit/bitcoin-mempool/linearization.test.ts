/** Orders of clusters, held against all orders that there are. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isBetterDiagram } from "../../../lib/bitcoin/mempool/diagram.ts";
import { chunksOf, linearize, type OrderedItem } from "../../../lib/bitcoin/mempool/linearization.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

interface Graph {
  readonly items: readonly OrderedItem[];
  readonly parents: readonly (readonly number[])[];
}

/** A graph whose items hang together, for the most part. */
function graphOf(random: SeededRandom, size: number, feeMax: number): Graph {
  const names = random.shuffle(Array.from({ length: size }, (_, i) => i));
  const parents: number[][] = names.map(() => []);
  for (let i = 1; i < size; i++) {
    for (let left = random.pick([1, 1, 1, 2, 3]); left > 0; left--) {
      const [parent, child] = [names[random.below(i)]!, names[i]!];
      if (!parents[child]!.includes(parent)) parents[child]!.push(parent);
    }
  }
  const items = names.map(() => ({
    fee: random.below(feeMax) - random.pick([0, 0, 0, 3]),
    weight: 1 + random.below(5),
  }));
  return { items, parents };
}

function isTopological({ parents }: Graph, order: readonly number[]): boolean {
  const place = new Map(order.map((item, i) => [item, i]));
  return place.size === parents.length &&
    parents.every((needed, child) => needed.every((parent) => place.get(parent)! < place.get(child)!));
}

/** Every order in which parents come first. */
function* ordersOf({ parents }: Graph, placed: number[] = []): Generator<readonly number[]> {
  if (placed.length === parents.length) yield placed;
  for (let item = 0; item < parents.length; item++) {
    if (placed.includes(item) || !parents[item]!.every((parent) => placed.includes(parent))) continue;
    yield* ordersOf({ items: [], parents }, [...placed, item]);
  }
}

const chunksIn = ({ items }: Graph, order: readonly number[]) => chunksOf(order.map((i) => items[i]!));

describe("linearize()", () => {
  test("finds an order than which none is better, for every small graph", () => {
    const random = new SeededRandom(16);
    for (let round = 0; round < 400; round++) {
      const graph = graphOf(random, 1 + random.below(7), random.pick([2, 10, 1_000]));
      const { order, isOptimal } = linearize(graph.items, graph.parents);
      assert.ok(isTopological(graph, order) && isOptimal);
      const chunks = chunksIn(graph, order);
      for (const other of ordersOf(graph)) {
        assert.ok(!isBetterDiagram(chunksIn(graph, other), chunks), JSON.stringify({ graph, order, other }));
      }
    }
  });

  test("keeps the other chunks as they are when whole chunks go that nothing left needs", () => {
    const random = new SeededRandom(17);
    let dropped = 0;
    for (let round = 0; round < 300; round++) {
      const graph = graphOf(random, 2 + random.below(12), random.pick([3, 1_000]));
      const { order: places } = linearize(graph.items, graph.parents);
      let at = 0;
      const chunks = chunksIn(graph, places).map((chunk) => places.slice(at, at += chunk.items.length));
      const kept = new Set<number>();
      for (const chunk of chunks) {
        const isNeeded = chunk.every((item) =>
          graph.parents[item]!.every((parent) => kept.has(parent) || chunk.includes(parent))
        );
        if (isNeeded && random.chance(0.7)) { for (const item of chunk) kept.add(item); }
        else dropped += 1;
      }
      const names = [...kept].sort((a, b) => a - b);
      const rest = {
        items: names.map((item) => graph.items[item]!),
        parents: names.map((item) => graph.parents[item]!.map((parent) => names.indexOf(parent))),
      };
      if (names.length === 0) continue;
      const anew = chunksIn(rest, linearize(rest.items, rest.parents).order);
      const same = chunks.filter(([item]) => kept.has(item!)).map((chunk) => ({
        fee: chunk.reduce((sum, item) => sum + graph.items[item]!.fee, 0),
        weight: chunk.reduce((sum, item) => sum + graph.items[item]!.weight, 0),
      }));
      assert.ok(!isBetterDiagram(anew, same) && !isBetterDiagram(same, anew));
    }
    assert.ok(dropped > 300);
  });

  test("puts parents first in clusters of 64, and pays as early as an order by ancestors would", () => {
    const random = new SeededRandom(64);
    for (let round = 0; round < 60; round++) {
      const graph = graphOf(random, 64, random.pick([3, 100_000]));
      const { order, isOptimal } = linearize(graph.items, graph.parents);
      assert.ok(isTopological(graph, order) && isOptimal);
      assert.ok(!isBetterDiagram(chunksIn(graph, byAncestors(graph)), chunksIn(graph, order)));
    }
  });

  test("a child that pays for its parent makes one chunk with it; one that pays less stands by itself", () => {
    const { order } = linearize([{ fee: 0, weight: 1 }, { fee: 4, weight: 1 }, { fee: 1, weight: 1 }], [[], [0], [0]]);
    assert.deepEqual(order, [0, 1, 2]);
    const items = [{ fee: 0, weight: 1 }, { fee: 4, weight: 1 }, { fee: 1, weight: 1 }];
    assert.deepEqual(chunksOf(items).map(({ fee, weight }) => [fee, weight]), [[4, 2], [1, 1]]);
  });

  test("within a chunk what pays best comes first, after what it needs", () => {
    const items = [{ fee: 10, weight: 1 }, { fee: 0, weight: 1 }, { fee: 12, weight: 1 }];
    assert.deepEqual(linearize(items, [[1], [], [1]]).order, [1, 2, 0]);
    assert.deepEqual(linearize([...items].reverse(), [[1], [], [1]]).order, [1, 0, 2]);
  });

  test("the worst that 64 transactions can ask for is found within its steps, and what is not is said", () => {
    const random = new SeededRandom(5);
    const worst = (count: number) => {
      // Half of them parents of nearly all of the others.
      const above = Array.from({ length: count / 2 }, (_, parent) => parent);
      const parents = Array.from(
        { length: count },
        (_, i) => i < count / 2 ? [] : above.filter(() => random.chance(0.5)),
      );
      return linearize(
        parents.map(() => ({ fee: random.below(1_000_000), weight: 400 + random.below(4_000) })),
        parents,
      );
    };
    for (let round = 0; round < 40; round++) assert.ok(worst(64).isOptimal);
    // As a reorganisation may leave one.
    const { order, isOptimal } = worst(600);
    assert.deepEqual([new Set(order).size, isOptimal], [600, false]);
  });

  test("more than a cluster may have are put in an order at once: parents first, then what pays best", () => {
    const random = new SeededRandom(18);
    const graph = graphOf(random, 2_000, 1_000);
    const { order, isOptimal } = linearize(graph.items, graph.parents);
    assert.ok(isTopological(graph, order) && !isOptimal);
    const star = { items: Array.from({ length: 65 }, (_, i) => ({ fee: i, weight: 1 })), parents: [[]] as number[][] };
    while (star.parents.length < 65) star.parents.push([0]);
    assert.deepEqual(linearize(star.items, star.parents).order, [0, ...Array.from({ length: 64 }, (_, i) => 64 - i)]);
  });
});

/** Again and again the item that, with all it needs, has the highest feerate. */
function byAncestors({ items, parents }: Graph): number[] {
  const order: number[] = [];
  const needed = (item: number): Set<number> => {
    const all = new Set([item]);
    for (const each of all) for (const parent of parents[each]!) if (!order.includes(parent)) all.add(parent);
    return all;
  };
  while (order.length < items.length) {
    const left = items.map((_, i) => i).filter((i) => !order.includes(i)).map(needed);
    const rate = (set: Set<number>) => {
      const all = [...set].map((i) => items[i]!);
      return all.reduce((sum, { fee }) => sum + fee, 0) / all.reduce((sum, { weight }) => sum + weight, 0);
    };
    const best = left.reduce((a, b) => (rate(b) > rate(a) ? b : a));
    for (let added = true; added;) {
      const next = [...best].find((item) =>
        !order.includes(item) && parents[item]!.every((parent) => order.includes(parent))
      );
      added = next !== undefined;
      if (next !== undefined) order.push(next);
    }
  }
  return order;
}

describe("isBetterDiagram()", () => {
  const diagram = (...chunks: readonly (readonly [fee: number, weight: number])[]) =>
    chunks.map(([fee, weight]) => ({ fee, weight }));
  const cases: readonly (readonly [string, ReturnType<typeof diagram>, ReturnType<typeof diagram>, boolean])[] = [
    ["something than nothing", diagram([1, 1]), diagram(), true],
    ["nothing than nothing", diagram(), diagram(), false],
    ["the same", diagram([10, 5]), diagram([10, 5]), false],
    ["the same in two parts", diagram([5, 5], [5, 5]), diagram([10, 10]), false],
    ["more fee for the same weight", diagram([11, 5]), diagram([10, 5]), true],
    ["more fee for more weight at a lower rate", diagram([11, 100]), diagram([10, 5]), false],
    ["the same fee for less weight", diagram([10, 4]), diagram([10, 5]), true],
    ["less fee for much less weight", diagram([9, 1]), diagram([10, 5]), false],
    ["better at first and worse later", diagram([20, 5]), diagram([10, 5], [11, 10]), false],
    ["in another order of chunks", diagram([1, 5], [20, 5]), diagram([10, 5], [1, 5]), true],
  ];
  for (const [name, chunks, than, isBetter] of cases) {
    test(`${name}: ${isBetter}`, () => assert.equal(isBetterDiagram(chunks, than), isBetter));
  }
});
