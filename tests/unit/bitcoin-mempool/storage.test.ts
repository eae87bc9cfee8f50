/** The file in which transactions wait for the next run. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MempoolDatReader, MempoolDatWriter } from "../../../lib/bitcoin/mempool/mempool-dat.ts";
import { type LoadOptions, MempoolStorage, type StoredPool } from "../../../lib/bitcoin/mempool/storage.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import type { Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { Writer } from "../../../lib/codec/writer.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { MemoryFolder } from "../../contract/memory-folder.ts";
import { coinOf, idOf, PoolWorld, spend } from "./pool-world.ts";

const PATH = "/data/mempool.dat";
const NEVER = new AbortController().signal;

/** The parts of a file as it would be without a key, in the order in which Core has them. */
function plain(
  transactions: readonly { raw: Uint8Array; time: number; delta: bigint }[],
  rest: Uint8Array,
): Uint8Array {
  const writer = new Writer();
  writer.u64Le(BigInt(transactions.length));
  for (const { raw, time, delta } of transactions) {
    writer.raw(raw);
    writer.u64Le(BigInt(time));
    writer.u64Le(BigInt.asUintN(64, delta));
  }
  writer.raw(rest);
  return writer.finish();
}

const join = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

describe("MempoolStorage", () => {
  test("writes Core's file: version, key, and all behind it combined with the key by its place", async () => {
    const folder = new MemoryFolder();
    const world = await PoolWorld.open({ files: folder.named("/data") });
    const parent = spend([world.takeCoin()], 1_000);
    const child = spend([coinOf(parent)], 2_000);
    for (const each of [parent, child]) assert.equal(await world.says(each), "ok");
    const time = Math.floor(world.ledger.clock.now() / 1_000);
    world.pool.prioritise(child.txid, -500);
    const absent = new Uint8Array(32).fill(7);
    world.pool.prioritise(absent, 9);
    world.pool.storage.unbroadcast = { list: () => [parent.txid], add: () => {} };
    assert.equal(await world.ledger.until(world.pool.storage.save()), PATH);
    const { bytes } = folder.files.get(PATH)!;
    const key = bytes.subarray(9, 17);
    assert.deepEqual([...bytes.subarray(0, 9)], [2, 0, 0, 0, 0, 0, 0, 0, 8]);
    const nine = [9, 0, 0, 0, 0, 0, 0, 0];
    const rest = join(Uint8Array.of(1), absent, Uint8Array.from(nine), Uint8Array.of(1), parent.txid);
    const expected = plain([{ raw: parent.raw, time, delta: 0n }, { raw: child.raw, time, delta: -500n }], rest);
    const found = bytes.subarray(17).map((byte, i) => byte ^ key[(17 + i) % 8]!);
    assert.equal(toHex(found), toHex(expected));
    assert.ok(!folder.files.has(`${PATH}.new`));
    await world.close();
  });

  test("has what is here when it is asked for, also of a caller that comes while another file is written", async () => {
    const files = new MemoryFolder().named("/data");
    let failures = 0;
    const create = (path: string) =>
      failures-- > 0 ? Promise.reject(new Error("the disk is full")) : files.create(path);
    const world = await PoolWorld.open({ files: { ...files, create } });
    const { pool: { storage }, ledger } = world;
    const [first, second] = [spend([world.takeCoin()], 1_000), spend([world.takeCoin()], 1_000)];
    assert.equal(await world.says(first), "ok");
    const countOf = () => files.open(PATH).then((file) => new MempoolDatReader(file).begin());
    const before = storage.save();
    // The first has begun, and does not know of the second transaction.
    await world.says(second);
    const after = [storage.save(), storage.save()];
    assert.deepEqual(await ledger.until(before.then(countOf)), 1);
    assert.deepEqual(await ledger.until(Promise.all(after)), [PATH, PATH]);
    assert.equal(await ledger.until(countOf()), 2);
    // One that fails does not take the next with it.
    failures = 1;
    const failing = storage.save();
    const next = storage.save();
    await assert.rejects(ledger.until(failing));
    assert.equal(await ledger.until(next), PATH);
    await world.close();
  });

  test("is read whatever was added to fees", async () => {
    const folder = new MemoryFolder();
    const world = await PoolWorld.open({ files: folder.named("/data") });
    const transactions = [1, 2, 3].map((n) => spend([world.takeCoin()], n * 1_000));
    for (const each of transactions) assert.equal(await world.says(each), "ok");
    const [great, small, other] = transactions as [Transaction, Transaction, Transaction];
    for (let i = 0; i < 2; i++) {
      world.pool.prioritise(great.txid, Number.MAX_SAFE_INTEGER);
      world.pool.prioritise(small.txid, -(2 ** 63));
    }
    const money = 2_100_000_000_000_000;
    assert.deepEqual([...world.pool.deltas.values()], [money, -money]);
    await world.ledger.until(world.pool.storage.save());
    const next = world.anotherPool(new InlineWorkers(), {}, folder.named("/data"));
    next.start();
    await world.ledger.rest(1_000);
    assert.deepEqual(
      [...next.entries()].map(idOf).sort(),
      [great, other].map(idOf).sort(),
      "one counts as paying too little",
    );
    assert.deepEqual([next.get(great.txid)?.modifiedFee, next.deltas.size], [money + 1_000, 2]);
    // Core's own file may have any number of 64 bits.
    const time = Math.floor(world.ledger.clock.now() / 1_000);
    const head = new Writer();
    head.u64Le(1n);
    const body = plain(
      [{ raw: other.raw, time, delta: -(2n ** 63n) }, { raw: great.raw, time, delta: 2n ** 62n }],
      new Uint8Array(2),
    );
    folder.files.set("/core.dat", { bytes: join(head.finish(), body), synced: 0 } as never);
    const third = world.anotherPool(new InlineWorkers(), {}, folder.named("/data"));
    const figures = await world.ledger.until(third.storage.load("/core.dat", NEVER, { appliesDeltas: true }));
    assert.deepEqual([figures.accepted, figures.refused, third.deltas.size], [1, 1, 2]);
    await world.close();
  });

  test("is read by the next run, with what was added to fees and what no peer had asked for", async () => {
    const folder = new MemoryFolder();
    const world = await PoolWorld.open({ files: folder.named("/data") });
    const parent = spend([world.takeCoin()], 1_000);
    const child = spend([coinOf(parent)], 2_000);
    const mined = spend([world.takeCoin()], 1_000);
    for (const each of [parent, child, mined]) assert.equal(await world.says(each), "ok");
    world.pool.prioritise(child.txid, 700);
    world.pool.storage.unbroadcast = { list: () => [parent.txid, mined.txid], add: () => {} };
    world.pool.start();
    await world.ledger.rest();
    assert.ok(world.pool.storage.isLoaded);
    await world.ledger.until(world.pool.close());
    await world.mine([mined]);
    await world.ledger.rest(60_000);
    const heard: string[] = [];
    const next = world.anotherPool(new InlineWorkers(), {}, folder.named("/data"));
    next.storage.unbroadcast = { list: () => [], add: (txid) => void heard.push(toHex(txid)) };
    next.start();
    await world.ledger.rest(1_000);
    assert.deepEqual([...next.entries()].map(idOf), [parent, child].map(idOf));
    const entry = next.get(child.txid)!;
    assert.deepEqual([entry.modifiedFee, entry.time], [2_700, world.pool.get(child.txid)?.time]);
    assert.deepEqual(heard, [idOf(parent)]);
    assert.match(world.told.join(), /2 transactions of the last run; 1 refused, 0 expired, 0 known/);
  });

  test("reads version 1 as well, takes nothing that is too old, and what it is told to", async () => {
    const folder = new MemoryFolder();
    const world = await PoolWorld.open({ files: folder.named("/data") });
    const [old, young] = [spend([world.takeCoin()], 1_000), spend([world.takeCoin()], 1_000)];
    const now = Math.floor(world.ledger.clock.now() / 1_000);
    const file = await folder.named("/data").create("/elsewhere/mempool.dat");
    const version = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
    const entries = [
      { raw: old.raw, time: now - 336 * 3_600, delta: 5n },
      { raw: young.raw, time: now - 336 * 3_600 + 1, delta: 6n },
    ];
    await file.append([join(version, plain(entries, Uint8Array.of(0, 0)))]);
    const load = (usesCurrentTime: boolean) =>
      world.ledger.until(world.pool.storage.load("/elsewhere/mempool.dat", NEVER, { usesCurrentTime }));
    assert.deepEqual(await load(false), { accepted: 1, refused: 0, expired: 1, known: 0, unbroadcast: 0 });
    assert.deepEqual([...world.pool.entries()].map(({ time, modifiedFee }) => [time, modifiedFee]), [[
      now - 336 * 3_600 + 1,
      1_000,
    ]]);
    assert.deepEqual(await load(true), { accepted: 1, refused: 0, expired: 0, known: 1, unbroadcast: 0 });
  });

  test("says what is no such file, keeps what came before the damage, and goes on without it", async () => {
    const folder = new MemoryFolder();
    const named = folder.named("/data");
    const world = await PoolWorld.open({ files: named });
    const good = spend([world.takeCoin()], 1_000);
    const file = await named.create(PATH);
    const writer = new MempoolDatWriter(file, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    await writer.begin(2);
    await writer.take({ transaction: good, time: Math.floor(world.ledger.clock.now() / 1_000), delta: 0 });
    await writer.finish({ deltas: [], unbroadcast: [] });
    await assert.rejects(world.ledger.until(world.pool.storage.load(PATH, NEVER)), { code: "MEMPOOL_FILE_INVALID" });
    world.pool.start();
    await world.ledger.rest(1_000);
    assert.match(
      world.told.join(),
      /warning transactions of the last run are lost: \/data\/mempool\.dat is no mempool\.dat/,
    );
    assert.ok(world.pool.storage.isLoaded);
    for (
      const bytes of [
        Uint8Array.of(),
        Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0),
        Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 200),
      ]
    ) {
      const broken = await named.create("/data/broken");
      await broken.append([bytes]);
      await assert.rejects(world.ledger.until(world.pool.storage.load("broken", NEVER)), {
        code: "MEMPOOL_FILE_INVALID",
      });
    }
    await assert.rejects(world.ledger.until(world.pool.storage.load("missing", NEVER)), /is not there/);
  });

  test("takes all of a file of many, and of what it has beside them what it is told to", async () => {
    const folder = new MemoryFolder();
    const world = await PoolWorld.open({ files: folder.named("/data"), blocks: 103 });
    const root = spend([world.takeCoin()], 0, { count: 70 });
    await world.mine([root]);
    const all = Array.from({ length: 70 }, (_, i) => spend([coinOf(root, i)], 1_000));
    for (const each of all) assert.equal(await world.says(each), "ok");
    const absent = new Uint8Array(32).fill(7);
    world.pool.prioritise(absent, 9);
    world.pool.storage.unbroadcast = { list: () => [all[3]!.txid, absent], add: () => {} };
    await world.ledger.until(world.pool.storage.save());
    assert.equal(folder.files.get(PATH)!.synced, folder.files.get(PATH)!.bytes.length, "a loss of power takes nothing");
    const loaded = async (options: LoadOptions) => {
      const pool = world.anotherPool(new InlineWorkers(), {}, folder.named("/data"));
      const heard: string[] = [];
      pool.storage.unbroadcast = { list: () => [], add: (txid) => void heard.push(toHex(txid)) };
      const { accepted, unbroadcast } = await world.ledger.until(pool.storage.load(PATH, NEVER, options));
      return [accepted, unbroadcast, heard, pool.size, pool.deltas.size];
    };
    assert.deepEqual(await loaded({}), [70, 0, [], 70, 0]);
    assert.deepEqual(await loaded({ appliesUnbroadcast: true }), [70, 1, [idOf(all[3]!)], 70, 0]);
    assert.deepEqual(await loaded({ appliesDeltas: true }), [70, 0, [], 70, 1]);
  });

  test("reads and writes nothing by itself where it is not kept", async () => {
    const folder = new MemoryFolder();
    const world = await PoolWorld.open({ files: folder.named("/data") });
    assert.equal(await world.says(spend([world.takeCoin()], 1_000)), "ok");
    await world.ledger.until(world.pool.storage.save());
    const pool = new MempoolStorage(
      { files: folder.named("/data"), random: new SeededRandom(4), isKept: false },
      new Proxy({} as StoredPool, { get: (_, name) => assert.fail(`asked for ${String(name)}`) }),
    );
    const before = folder.files.get(PATH)!.bytes;
    await assert.doesNotReject(pool.leave());
    assert.equal(pool.isLoaded, true);
    assert.equal(folder.files.get(PATH)!.bytes, before);
    await world.close();
  });

  test("leaves no file open, and says what could not be kept", async () => {
    const files = new MemoryFolder().named("/data");
    let open = 0;
    let isFull = false;
    const watched = <T extends { close(): Promise<void> }>(file: T): T => {
      open += 1;
      return Object.assign(Object.create(file), {
        close: () => Promise.resolve(void (open -= 1)),
        ...(isFull && { append: () => Promise.reject(new Error("the disk is full")) }),
        ...(isFull && { read: () => Promise.reject(new Error("the disk is gone")) }),
      }) as T;
    };
    const world = await PoolWorld.open({
      files: {
        ...files,
        create: (path) => files.create(path).then(watched),
        open: (path) => files.open(path).then(watched),
      },
    });
    world.pool.start();
    await world.ledger.rest(1_000);
    assert.equal(await world.says(spend([world.takeCoin()], 1_000)), "ok");
    await world.ledger.until(world.pool.storage.save());
    await world.ledger.until(world.pool.storage.load(PATH, NEVER));
    assert.equal(open, 0);
    isFull = true;
    // A disk that fails is no damage of the file.
    await assert.rejects(world.ledger.until(world.pool.storage.load(PATH, NEVER)), { message: "the disk is gone" });
    await world.ledger.until(world.pool.close());
    assert.equal(open, 0);
    assert.match(world.told.join(), /error transactions are not kept for the next run: the disk is full/);
  });

  test("does not write over what it could not read yet", async () => {
    const folder = new MemoryFolder();
    const world = await PoolWorld.open({ files: folder.named("/data") });
    await world.ledger.until(world.pool.close());
    assert.ok(!folder.files.has(PATH));
  });
});

describe("MempoolDatReader", () => {
  test("reads a file of more than it reads at a time", async () => {
    const folder = new MemoryFolder();
    const file = await folder.named("/data").create(PATH);
    const world = await PoolWorld.open({ blocks: 101 });
    const data = new Uint8Array(99_000).fill(0x51);
    data[0] = 0x6a;
    const large = spend([world.takeCoin()], 0, { outputs: [{ value: 0n, scriptPubKey: data }] });
    const writer = new MempoolDatWriter(file, Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1));
    const count = 200;
    await writer.begin(count);
    for (let i = 0; i < count; i++) await writer.take({ transaction: large, time: i, delta: 0 - i });
    await writer.finish({ deltas: [[large.txid, 3]], unbroadcast: [large.wtxid] });
    const reader = new MempoolDatReader(file);
    assert.equal(await reader.begin(), count);
    let read = 0;
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next(), read++) {
      assert.deepEqual([entry.time, entry.delta, idOf(entry.transaction)], [read, 0 - read, idOf(large)]);
    }
    assert.equal(read, count);
    const { deltas, unbroadcast } = await reader.tail();
    assert.deepEqual([[...deltas], [...unbroadcast]], [[[large.txid, 3]], [large.wtxid]]);
  });
});
