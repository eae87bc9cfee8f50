import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryLightStore } from "../../../lib/bitcoin/light/mod.ts";
import { WATCHED_MAX, WatchList } from "../../../lib/bitcoin/light/watch-list.ts";

const script = (n: number) => Uint8Array.of(0x51, n >> 16, n >> 8, n);
const open = async () => {
  const store = new MemoryLightStore(() => Promise.resolve());
  return { store, list: await WatchList.load(store) };
};

describe("WatchList", () => {
  test("what is next is searched for one set of scripts, up to where another one joins", async () => {
    const { list } = await open();
    assert.equal(list.nextHeight, Infinity);
    await list.add([script(1), script(2)], 10);
    list.reached(100);
    await list.add([script(3)], 40);
    assert.deepEqual(list.next(), { scripts: [script(3)], from: 40, to: 100 });
    list.reached(100);
    assert.deepEqual(list.next(), { scripts: [script(1), script(2), script(3)], from: 101, to: Infinity });
  });

  test("an earlier birth searches again, a later one changes nothing", async () => {
    const { store, list } = await open();
    await list.add([script(1)], 50);
    list.reached(80);
    assert.deepEqual(await list.add([script(1)], 60), [{ script: script(1), from: 50, scanned: 80 }]);
    assert.deepEqual(await list.add([script(1)], 20), [{ script: script(1), from: 20, scanned: 19 }]);
    assert.deepEqual((await WatchList.load(store)).list(), list.list());
  });

  test("each change makes the search that runs another one", async () => {
    const { list } = await open();
    const seen = [list.generation];
    await list.add([script(1)], 0);
    seen.push(list.generation);
    list.reached(5);
    seen.push(list.generation);
    list.rewind(3);
    seen.push(list.generation);
    await list.remove([script(2)]);
    seen.push(list.generation);
    await list.remove([script(1)]);
    seen.push(list.generation);
    assert.deepEqual(seen, [0, 1, 1, 2, 2, 3]);
  });

  test("a script that no filter contains is refused: it would be missed without a word", async () => {
    const { list } = await open();
    for (const bad of [new Uint8Array(), Uint8Array.of(0x6a, 1, 2), new Uint8Array(10_001).fill(0x51)]) {
      await assert.rejects(list.add([bad], 0), RangeError);
    }
    assert.equal(list.size, 0);
  });

  test("there is room for so many and no more", async () => {
    const { list } = await open();
    const many = Array.from({ length: WATCHED_MAX }, (_, i) => script(i));
    await list.add(many, 0);
    await list.add([script(5)], 0);
    await assert.rejects(list.add([script(WATCHED_MAX)], 0), { code: "WATCH_FULL" });
  });
});
