/** Whose turn it is to move the main chain. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { heavier, heaviest, Settling } from "../../../lib/chia/chain/settling.ts";
import type { BlockRecord } from "../../../lib/chia/types/mod.ts";
import { recordOf } from "../../contract/store-blocks.ts";

const tip = (weight: bigint, totalIters = 100n): BlockRecord => recordOf(1, 5, { weight, totalIters });

/** Work that ends when it is told to, or as soon as it is overtaken. */
function scene() {
  const settling = new Settling();
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const run = (name: string, record: BlockRecord | undefined) =>
    settling.run(record, (overtaken) => {
      begun.push(name);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      ends.set(name, () => resolve(name));
      overtaken.addEventListener("abort", () => reject(overtaken.reason));
      return promise;
    });
  const rest = () => new Promise((resolve) => setImmediate(resolve));
  const end = async (name: string) => {
    ends.get(name)!();
    await rest();
  };
  return { settling, begun, run, rest, end };
}

describe("Settling.run()", () => {
  test("takes the heaviest first, and what moves no tip last", async () => {
    const { begun, run, rest, end } = scene();
    const all = [
      run("first", tip(50n)),
      run("none", undefined),
      run("light", tip(10n)),
      run("heavy", tip(30n)),
      run("middle", tip(20n)),
    ];
    await rest();
    assert.deepEqual(begun, ["first"], "one at a time");
    for (const name of ["first", "heavy", "middle", "light", "none"]) await end(name);
    assert.deepEqual(begun, ["first", "heavy", "middle", "light", "none"]);
    assert.deepEqual(await Promise.all(all), ["first", "none", "light", "heavy", "middle"]);
  });

  test("lets a heavier one overtake, and does the one that was overtaken again", async () => {
    const { begun, run, rest, end } = scene();
    const light = run("light", tip(10n));
    await rest();
    const all = [light, run("heavy", tip(20n))];
    await rest();
    await end("heavy");
    await end("light");
    assert.deepEqual([begun, await Promise.all(all)], [["light", "heavy", "light"], ["light", "heavy"]]);
  });

  test("lets nothing overtake that is as heavy, nor one that moves no tip; and such a one is not overtaken", async () => {
    const { begun, run, rest, end } = scene();
    const all = [run("none", undefined), run("first", tip(10n)), run("second", tip(10n)), run("third", undefined)];
    await rest();
    assert.deepEqual(begun, ["none"]);
    for (const name of ["none", "first", "second", "third"]) await end(name);
    assert.deepEqual(begun, ["none", "first", "second", "third"]);
    await Promise.all(all);
  });

  test("goes on with the next when one fails by itself", async () => {
    const { settling, begun, run, rest, end } = scene();
    const failing = settling.run(tip(10n), () => Promise.reject(new Error("disk full")));
    const next = run("next", tip(5n));
    await assert.rejects(failing, /disk full/);
    await rest();
    await end("next");
    assert.deepEqual([begun, await next], [["next"], "next"]);
  });
});

test("heavier() goes by weight, and by fewer iterations where weights are equal", () => {
  assert.ok(heavier(tip(1n), undefined));
  assert.ok(heavier(tip(2n), tip(1n)) && !heavier(tip(1n), tip(2n)));
  assert.ok(heavier(tip(1n, 9n), tip(1n, 10n)) && !heavier(tip(1n, 10n), tip(1n, 9n)));
  assert.ok(!heavier(tip(1n), tip(1n)), "none is heavier than its equal");
  assert.ok(!heavier(tip(1n, 9n), tip(2n, 10n)), "iterations decide nothing where weights differ");
});

test("heaviest() gives the first of equal ones, and nothing of none", () => {
  const [first, second] = [tip(7n), tip(7n)];
  assert.equal(heaviest([tip(1n), first, second, tip(6n)]), first);
  assert.equal(heaviest([]), undefined);
});
