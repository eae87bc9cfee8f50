/** A simulated disk loses, tears, refuses and damages what real ones do, and nothing else. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { NodeError } from "../../../lib/core/errors.ts";
import type { Database } from "../../../lib/core/ports.ts";
import { SimDisk } from "../../../lib/sim/disk.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { databaseDrivers } from "../../contract/databases.ts";
import { simClock, turn } from "../core/sim.ts";

const PATH = "/data/some.sqlite";
const FOLDER = "/data/blocks";
const openMemory = () => databaseDrivers.at(-1)!.open(":memory:");

function makeDisk(seed = 1) {
  const clock = simClock();
  const disk = new SimDisk(new SeededRandom(seed), openMemory);
  return { clock, disk, mount: () => disk.mount(clock) };
}

const rowsOf = async (database: Database) =>
  (await database.all("SELECT id FROM things ORDER BY id")).map(({ id }) => Number(id));
const put = (database: Database, id: number, bytes = new Uint8Array(8)) =>
  database.transaction((within) => within.run("INSERT INTO things (id, bytes) VALUES (?, ?)", [id, bytes]));
const SCHEMA = "CREATE TABLE IF NOT EXISTS things (id INTEGER PRIMARY KEY, bytes BYTEA NOT NULL)";

/** Whether a promise has settled after all that can happen without a timer has happened. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => (settled = true), () => (settled = true));
  await turn();
  return settled;
}

describe("a database on a simulated disk", () => {
  test("is there as it was after a stop and after a kill", async () => {
    const { disk, mount } = makeDisk();
    for (const end of [() => disk.close(), () => disk.crash()]) {
      const database = await mount().openDatabase(PATH);
      await database.script(SCHEMA);
      const before = await rowsOf(database);
      for (let i = 1; i <= 5; i++) await put(database, before.length + i);
      await end();
      assert.deepEqual((await rowsOf(await mount().openDatabase(PATH))).length, before.length + 5);
      disk.crash();
    }
  });

  test("loses its newest transactions with the power, whole ones, and none before the last checkpoint", async () => {
    const left = new Set<number>();
    for (let seed = 0; seed < 30; seed++) {
      const { disk, mount } = makeDisk(seed);
      const database = await mount().openDatabase(PATH);
      await database.script(SCHEMA);
      for (let i = 1; i <= 4; i++) await put(database, i);
      assert.equal(await database.checkpoint(), true);
      for (let i = 5; i <= 9; i++) {
        await database.transaction(async (within) => {
          await within.run("INSERT INTO things (id, bytes) VALUES (?, ?)", [2 * i, new Uint8Array(1)]);
          await within.run("INSERT INTO things (id, bytes) VALUES (?, ?)", [2 * i + 1, new Uint8Array(1)]);
        });
      }
      const lost = disk.losePower();
      const rows = await rowsOf(await mount().openDatabase(PATH));
      assert.deepEqual(rows, [1, 2, 3, 4, ...[10, 11, 12, 13, 14, 15, 16, 17, 18, 19].slice(0, 2 * (5 - lost))]);
      left.add(rows.length);
      disk.crash();
    }
    assert.ok(left.size > 3, "not always the same is lost");
  });

  test("takes nothing of a transaction at whose end the power fails, and does not answer", async () => {
    const { disk, mount } = makeDisk();
    const database = await mount().openDatabase(PATH);
    await database.script(SCHEMA);
    assert.equal(await database.checkpoint(), true);
    let died = 0;
    disk.failPowerAfter(0, () => {
      died += 1;
      disk.losePower();
    });
    assert.equal(await isSettled(put(database, 1)), false);
    assert.equal(await isSettled(put(database, 2)), false, "a dead node is not answered");
    assert.equal(died, 1);
    assert.deepEqual(await rowsOf(await mount().openDatabase(PATH)), []);
  });

  test("refuses a transaction while the disk is full, changes nothing, and takes it when there is room", async () => {
    const { disk, mount } = makeDisk();
    const database = await mount().openDatabase(PATH);
    await database.script(SCHEMA);
    disk.fill(1);
    await put(database, 1);
    await assert.rejects(put(database, 2), (error: NodeError) => error.code === "DATABASE_UNAVAILABLE");
    assert.deepEqual(await rowsOf(database), [1]);
    disk.clear();
    await put(database, 2);
    disk.crash();
    assert.deepEqual(await rowsOf(await mount().openDatabase(PATH)), [1, 2]);
  });

  test("keeps its rows when its journal is written anew, and keeps the journal small", async () => {
    const { disk, mount } = makeDisk();
    const database = await mount().openDatabase(PATH);
    await database.script(SCHEMA);
    await database.script("CREATE INDEX things_bytes ON things (bytes)");
    for (let i = 0; i < 100; i++) {
      const bytes = new Uint8Array(32 * 1024).fill(i);
      await database.run(
        "INSERT INTO things (id, bytes) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes",
        [i % 3, bytes],
      );
    }
    assert.ok(disk.journals.get(PATH)!.transactions.length < 40);
    disk.crash();
    const again = await mount().openDatabase(PATH);
    const rows = await again.all("SELECT id, bytes FROM things ORDER BY id");
    assert.deepEqual(rows.map(({ bytes }) => (bytes as Uint8Array)[0]), [99, 97, 98]);
    assert.equal((await again.all("SELECT name FROM sqlite_schema WHERE type = 'index'")).length, 1);
  });
});

describe("a file that grows on a simulated disk", () => {
  test("keeps what was synced, and of the rest a part, whose end may be zeros", async () => {
    const sizes = new Set<number>();
    let zeros = 0;
    for (let seed = 0; seed < 40; seed++) {
      const { disk, mount } = makeDisk(seed);
      const file = (await (await mount().openFileFolder(FOLDER)).open("blk00000.dat", { create: true }))!;
      await file.append([new Uint8Array(100).fill(1)]);
      await file.sync();
      await file.append([new Uint8Array(50).fill(2), new Uint8Array(50).fill(2)]);
      disk.losePower();
      const again = (await (await mount().openFileFolder(FOLDER)).open("blk00000.dat"))!;
      const bytes = await again.read(0, 1_000);
      assert.ok(bytes.length >= 100 && bytes.length <= 200 && bytes.length === again.size);
      assert.ok(bytes.subarray(0, 100).every((byte) => byte === 1), "what was synced is as it was");
      if (bytes.subarray(100).includes(0)) zeros += 1;
      sizes.add(bytes.length);
    }
    assert.ok(sizes.size > 10 && zeros > 5, `${sizes.size} sizes, ${zeros} with zeros`);
  });

  test("is what was appended after a kill, synced or not", async () => {
    const { disk, mount } = makeDisk();
    const file = (await (await mount().openFileFolder(FOLDER)).open("a", { create: true }))!;
    await file.append([Uint8Array.of(1, 2, 3)]);
    disk.crash();
    const folder = await mount().openFileFolder(FOLDER);
    assert.deepEqual(await folder.list(), [{ name: "a", size: 3 }]);
  });

  test("has a part of the write at which the power failed", async () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const { disk, mount } = makeDisk(seed);
      const file = (await (await mount().openFileFolder(FOLDER)).open("a", { create: true }))!;
      disk.failPowerAfter(0, () => void disk.losePower());
      assert.equal(await isSettled(file.append([new Uint8Array(1_000)])), false);
      sizes.add((await (await mount().openFileFolder(FOLDER)).list())[0]!.size);
    }
    assert.ok([...sizes].some((size) => size > 0 && size < 1_000), [...sizes].join(" "));
  });

  test("does not grow while the disk is full", async () => {
    const { disk, mount } = makeDisk();
    const file = (await (await mount().openFileFolder(FOLDER)).open("a", { create: true }))!;
    disk.fill(0);
    await assert.rejects(file.append([Uint8Array.of(1)]), (error: NodeError) => error.code === "DISK_FULL");
    assert.equal(file.size, 0);
    disk.clear();
    assert.equal(await file.append([Uint8Array.of(1)]), 0);
  });
});

describe("a file that is replaced on a simulated disk", () => {
  test("is the old one or the new one after a crash", async () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const { clock, disk, mount } = makeDisk(seed);
      const life = mount();
      await clock.until(life.writeFileAtomic("/data/x.json", Uint8Array.of(1)));
      void life.writeFileAtomic("/data/x.json", Uint8Array.of(2));
      await turn();
      disk.crash();
      const bytes = await mount().readFile("/data/x.json");
      assert.equal(bytes?.length, 1);
      seen.add(bytes![0]!);
    }
    assert.deepEqual([...seen].sort(), [1, 2]);
  });
});

describe("damage()", () => {
  test("changes one file of those that are there, or makes a database unreadable", async () => {
    const hit = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const { clock, disk, mount } = makeDisk(seed);
      const life = mount();
      const database = await life.openDatabase(PATH);
      await database.script(SCHEMA);
      await clock.until(life.writeFileAtomic("/data/x-bans.json", new Uint8Array(100)));
      const file = (await (await life.openFileFolder(FOLDER)).open("blk00000.dat", { create: true }))!;
      await file.append([new Uint8Array(100)]);
      await file.sync();
      await disk.close();
      const path = disk.damage()!;
      hit.add(path);
      const later = mount();
      const isWhole = (bytes?: Uint8Array) => bytes?.length === 100 && bytes.every((byte) => byte === 0);
      const bans = await later.readFile("/data/x-bans.json");
      const blocks = await (await (await later.openFileFolder(FOLDER)).open("blk00000.dat"))!.read(0, 200);
      assert.equal(isWhole(bans), path !== "/data/x-bans.json");
      assert.equal(isWhole(blocks), path !== `${FOLDER}/blk00000.dat`);
      const opening = later.openDatabase(PATH);
      if (path === PATH) await assert.rejects(opening, (error: NodeError) => error.code === "DATABASE_DAMAGED");
      else assert.deepEqual(await rowsOf(await opening), []);
      disk.crash();
    }
    assert.equal(hit.size, 3);
  });
});

test("a folder is locked until it is released or its holder dies", async () => {
  const { disk, mount } = makeDisk();
  const lock = await mount().lockDir("/data");
  await assert.rejects(mount().lockDir("/data"), (error: NodeError) => error.code === "DATA_FOLDER_IN_USE");
  await lock.release();
  await mount().lockDir("/data");
  disk.crash();
  await mount().lockDir("/data");
});
