/** Sorted runs, held against a Map over random lives: writes, merges, restarts, damage. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import type { NodeError } from "../../../lib/core/errors.ts";
import { BLOCK_TAIL_BYTES, checksum, PAGE_BYTES } from "../../../lib/storage/runs/format.ts";
import { entriesOf } from "../../../lib/storage/runs/entries.ts";
import { SortedRuns } from "../../../lib/storage/runs/sorted-runs.ts";
import { MemoryFolder } from "../../contract/memory-folder.ts";

type Model = Map<string, Uint8Array>;

/** Changes of a few hundred keys, many of which begin alike, in the order of their keys. */
function changesOf(random: SeededRandom, model: Model): [Uint8Array, Uint8Array | undefined][] {
  const changes = new Map<string, Uint8Array | undefined>();
  const known = [...model.keys()];
  for (let i = random.below(400); i >= 0; i--) {
    if (known.length > 0 && random.chance(0.4)) changes.set(random.pick(known), undefined);
    else {
      const key = random.bytes(9 + random.below(25));
      if (random.chance(0.5)) key.fill(3, 0, 8);
      changes.set(toHex(key), random.bytes(random.chance(0.02) ? 9_000 : random.below(60)));
    }
  }
  for (const [key, value] of changes) {
    if (value === undefined) model.delete(key);
    else model.set(key, value);
  }
  return [...changes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [fromHex(key), value]);
}

async function contents(runs: SortedRuns): Promise<[string, string][]> {
  const found: [string, string][] = [];
  await runs.all(({ key, keyLength, bytes, valueAt, valueLength }) =>
    void found.push([toHex(key.subarray(0, keyLength)), toHex(bytes.subarray(valueAt, valueAt + valueLength))])
  );
  return found;
}

const sortedOf = (model: Model) =>
  [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, toHex(value)]);

async function requireSame(runs: SortedRuns, model: Model): Promise<void> {
  assert.deepEqual(await contents(runs), sortedOf(model));
  const keys = [...model.keys()];
  const absent = keys.map((key) => `${key}00`).filter((key) => !model.has(key));
  assert.deepEqual(await runs.getMany(keys.map(fromHex)), [...model.values()]);
  const found = await runs.getMany(absent.map(fromHex));
  assert.ok(found.every((value) => value === undefined));
}

async function mergeAll(runs: SortedRuns): Promise<number> {
  let merges = 0;
  for (let due = runs.due(); due !== undefined; due = runs.due()) {
    const record = await runs.merge(due);
    await runs.replace(due, record);
    await runs.remove(due);
    merges += 1;
  }
  return merges;
}

describe("SortedRuns", () => {
  test("hold what a Map holds over random writes, merges and restarts", async () => {
    let merges = 0;
    for (const seed of [1, 2, 3, 4]) {
      const random = new SeededRandom(seed);
      const folder = new MemoryFolder();
      const model: Model = new Map();
      let runs = await SortedRuns.open(folder.view(), []);
      for (let round = 0; round < 25; round++) {
        runs.add(await runs.write(entriesOf(changesOf(random, model))));
        if (random.chance(0.5)) merges += await mergeAll(runs);
        if (random.chance(0.3)) {
          const { records } = runs;
          await runs.close();
          runs = await SortedRuns.open(folder.view(), records);
        }
        if (round % 5 === 4) await requireSame(runs, model);
      }
      await mergeAll(runs);
      await requireSame(runs, model);
      assert.ok(runs.records.length < 8, `${runs.records.length} runs`);
      assert.equal(folder.files.size, runs.records.length, "no file is left behind");
    }
    assert.ok(merges > 10, `${merges}`);
  });

  test("a file that the list does not name is removed at the start, and its number is not used again", async () => {
    const folder = new MemoryFolder();
    const runs = await SortedRuns.open(folder.view(), []);
    const kept = await runs.write(entriesOf([[Uint8Array.of(1), Uint8Array.of(2)]]));
    const lost = await runs.write(entriesOf([[Uint8Array.of(1), Uint8Array.of(3)]]));
    const again = await SortedRuns.open(folder.view(), [kept.record]);
    assert.deepEqual([...folder.files.keys()], ["run000000.dat"]);
    assert.deepEqual(await again.getMany([Uint8Array.of(1)]), [Uint8Array.of(2)]);
    assert.ok((await again.write(entriesOf([]))).record.run > lost.record.run);
  });

  test("a key that is gone in the newest run is gone, and a merge with the oldest forgets it", async () => {
    const runs = await SortedRuns.open(new MemoryFolder().view(), []);
    const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)];
    runs.add(await runs.write(entriesOf([[a, a], [b, b]])));
    runs.add(await runs.write(entriesOf([[a, undefined]])));
    assert.deepEqual(await runs.getMany([a, b]), [undefined, b]);
    const { records } = runs;
    await runs.replace(records, await runs.merge(records));
    assert.deepEqual(runs.records.map(({ entries }) => entries), [1]);
    assert.deepEqual(await runs.getMany([a, b]), [undefined, b]);
  });

  test("readings that began before a merge get what was there", async () => {
    const folder = new MemoryFolder();
    const runs = await SortedRuns.open(folder.view(), []);
    const random = new SeededRandom(9);
    const model: Model = new Map();
    for (let i = 0; i < 3; i++) runs.add(await runs.write(entriesOf(changesOf(random, model))));
    const found: string[] = [];
    let isMerged = false;
    await runs.all(({ key, keyLength }) => {
      found.push(toHex(key.subarray(0, keyLength)));
      if (isMerged) return undefined;
      isMerged = true;
      return mergeAll(runs).then(() => {});
    });
    assert.deepEqual(found, sortedOf(model).map(([key]) => key));
  });

  test("a byte that changed anywhere in a file is damage, never another answer", async () => {
    const random = new SeededRandom(5);
    const folder = new MemoryFolder();
    const model: Model = new Map();
    const runs = await SortedRuns.open(folder.view(), []);
    runs.add(await runs.write(entriesOf(changesOf(random, model))));
    runs.add(await runs.write(entriesOf(changesOf(random, model))));
    const { records } = runs;
    for (const name of folder.files.keys()) {
      const { length } = folder.files.get(name)!.bytes;
      for (let i = 0; i < 60; i++) {
        const copy = folder.copy();
        const content = copy.files.get(name)!;
        if (i % 10 === 0) content.bytes = content.bytes.slice(0, random.below(length));
        else content.bytes[random.below(length)]! ^= 1 << random.below(8);
        const read = async () => await contents(await SortedRuns.open(copy.view(), records));
        await assert.rejects(read(), { code: "DATABASE_DAMAGED", message: /start with --reindex/ });
      }
    }
    folder.files.delete("run000000.dat");
    await assert.rejects(SortedRuns.open(folder.view(), records), /run000000.dat is damaged: it is missing/);
  });

  test("values of every length around those where a length takes another byte come back", async () => {
    const runs = await SortedRuns.open(new MemoryFolder().view(), []);
    const lengths = [0, 1, 125, 126, 127, 128, 129, 255, 256, 4_070, 4_080, 4_090, 16_382, 16_383, 16_384, 40_000];
    const entries = lengths.map((length, i) => [Uint8Array.of(i, 7), new Uint8Array(length).fill(i)] as const);
    for (let i = 0; i < 2; i++) runs.add(await runs.write(entriesOf(entries)));
    const keys = entries.map(([key]) => key);
    assert.deepEqual(await runs.getMany(keys), entries.map(([, value]) => value));
    const { records } = runs;
    await runs.replace(records, await runs.merge(records));
    assert.deepEqual(await runs.getMany(keys), entries.map(([, value]) => value));
    const found = await contents(runs);
    assert.deepEqual(found, entries.map(([key, value]) => [toHex(key), toHex(value)]));
  });

  test("a block that says it is longer than it is, with a checksum that fits, is damage", async () => {
    for (const [said, isDamage] of [[PAGE_BYTES - BLOCK_TAIL_BYTES + 1, true], [5, false]] as const) {
      const folder = new MemoryFolder();
      const runs = await SortedRuns.open(folder.view(), []);
      const key = Uint8Array.of(1);
      runs.add(await runs.write(entriesOf([[key, key]])));
      const page = folder.files.get("run000000.dat")!.bytes.subarray(0, PAGE_BYTES);
      const view = new DataView(page.buffer, page.byteOffset, PAGE_BYTES);
      view.setUint32(PAGE_BYTES - 8, said, true);
      view.setUint32(PAGE_BYTES - 4, checksum(page, PAGE_BYTES - 4), true);
      const reading = runs.getMany([key]).then(() => false, (thrown: NodeError) => thrown.code === "DATABASE_DAMAGED");
      assert.equal(await reading, isDamage, `${said}`);
    }
  });

  test("checksum() is the same wherever the bytes lie in memory, and another one for each length", () => {
    const random = new SeededRandom(8);
    const seen = new Set<number>();
    for (let length = 0; length < 100; length++) {
      const bytes = random.bytes(length);
      const beside = new Uint8Array(length + 1);
      beside.set(bytes, 1);
      assert.equal(checksum(beside.subarray(1)), checksum(bytes), `${length}`);
      seen.add(checksum(new Uint8Array(length)));
    }
    assert.equal(seen.size, 100);
  });

  test("a merge that is withdrawn leaves nothing behind", async () => {
    const folder = new MemoryFolder();
    const runs = await SortedRuns.open(folder.view(), []);
    const model: Model = new Map();
    for (let i = 0; i < 2; i++) {
      runs.add(await runs.write(entriesOf(changesOf(new SeededRandom(i), model))));
    }
    const gone = AbortSignal.abort(new Error("stopped"));
    await assert.rejects(runs.merge(runs.records, gone), /stopped/);
    assert.equal(folder.files.size, 2);
    await requireSame(runs, model);
  });
});
