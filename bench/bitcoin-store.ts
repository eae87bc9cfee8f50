/**
 * Where should block bytes lie: in flat files beside SQLite, or in SQLite? And what do headers cost?
 *
 * Run: `bun bench/bitcoin-store.ts`, `deno run -A bench/bitcoin-store.ts`. Files go below `$TMPDIR`.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { arch, cpus, platform, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { openDatabase, openFileFolder, runtime, sha256 } from "#platform";
import { regtest } from "../lib/bitcoin/networks/regtest.ts";
import { BlockFiles, type BlockPlace } from "../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore } from "../lib/bitcoin/store/sql.ts";
import { useSha256 } from "../lib/codec/sha256.ts";

const ROUNDS = 3;
const SIZES = [
  { name: "2 MB blocks, 8 a batch", bytes: 2_000_000, batch: 8, batches: 16 },
  { name: "2 MB blocks, 1 a batch", bytes: 2_000_000, batch: 1, batches: 64 },
  { name: "300-byte blocks, 500 a batch", bytes: 300, batch: 500, batches: 40 },
  { name: "300-byte blocks, 1 a batch", bytes: 300, batch: 1, batches: 500 },
];
type Size = (typeof SIZES)[number];

const print = (line: string) => process.stdout.write(line + "\n");
const INDEX = "CREATE TABLE place (row INTEGER PRIMARY KEY, file INTEGER, start BIGINT, bytes INTEGER)";
const BODY = "CREATE TABLE body (row INTEGER PRIMARY KEY, raw BYTEA NOT NULL)";

/** One way of keeping blocks, each batch on disk before the next. */
interface Keeper {
  write(firstRow: number, blocks: readonly Uint8Array[]): Promise<void>;
  read(row: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

async function flat(folder: string): Promise<Keeper> {
  const database = await openDatabase(join(folder, "index.sqlite"));
  await database.script(INDEX);
  const files = new BlockFiles(await openFileFolder(join(folder, "blocks")), { magic: Uint8Array.of(1, 2, 3, 4) });
  await files.resume(new Map(), false);
  return {
    async write(firstRow, blocks) {
      const places = await files.write(blocks);
      await database.transaction(async (within) => {
        for (const [i, { file, offset, length }] of places.entries()) {
          await within.run("INSERT INTO place VALUES (?, ?, ?, ?)", [firstRow + i, file, offset, length]);
        }
      });
      files.keep();
    },
    async read(row) {
      const found = (await database.get("SELECT * FROM place WHERE row = ?", [row]))!;
      const place: BlockPlace = {
        file: Number(found.file),
        offset: Number(found.start),
        length: Number(found.bytes),
      };
      return await files.read(place);
    },
    async close() {
      await files.close();
      await database.close();
    },
  };
}

async function blobs(folder: string): Promise<Keeper> {
  const database = await openDatabase(join(folder, "blobs.sqlite"), { synchronous: "full" });
  await database.script(BODY);
  return {
    write: (firstRow, blocks) =>
      database.transaction(async (within) => {
        for (const [i, raw] of blocks.entries()) {
          await within.run("INSERT INTO body VALUES (?, ?)", [firstRow + i, raw]);
        }
      }),
    read: async (row) => (await database.get("SELECT raw FROM body WHERE row = ?", [row]))!.raw as Uint8Array,
    close: () => database.close(),
  };
}

/** Blocks that no file system compresses. */
function blocksOf({ bytes, batch }: Size): Uint8Array[] {
  let state = 1;
  return Array.from({ length: batch }, () => {
    const words = new Uint32Array(bytes / 4);
    for (let i = 0; i < words.length; i++) words[i] = state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return new Uint8Array(words.buffer);
  });
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

/** Milliseconds to write a block and to read one, and the longest that the event loop stood still meanwhile. */
async function measure(open: (folder: string) => Promise<Keeper>, size: Size) {
  const folder = await mkdtemp(join(tmpdir(), "gemel-bench-store-"));
  try {
    const keeper = await open(folder);
    const blocks = blocksOf(size);
    const total = size.batch * size.batches;
    let last = performance.now();
    let stall = 0;
    const watch = setInterval(() => {
      const now = performance.now();
      stall = Math.max(stall, now - last);
      last = now;
    }, 1);
    let write = 0;
    for (let i = 0; i < size.batches; i++) {
      const began = performance.now();
      await keeper.write(i * size.batch, blocks);
      write += (performance.now() - began) / total;
      // Timers run between batches, as they would between messages of peers.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    clearInterval(watch);
    const reads = Math.min(500, total * 4);
    const start = performance.now();
    for (let i = 0; i < reads; i++) await keeper.read((i * 7_919) % total);
    const read = (performance.now() - start) / reads;
    await keeper.close();
    return { write, read, stall };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const HEADERS = 1_000_000;
const BATCH = 2_000;
const TRANSACTIONS = 2_500;
const INDEXED_BLOCKS = 200;

/** What a million headers cost, and an index of half a million transactions. */
async function measureStore() {
  const folder = await mkdtemp(join(tmpdir(), "gemel-bench-store-"));
  try {
    const path = join(folder, "bitcoin.sqlite");
    const open = async () => {
      const database = await openDatabase(path);
      const blocks = new BlockFiles(await openFileFolder(join(folder, "blocks")), { magic: regtest.magic });
      const store = await openSqlBitcoinStore(database, { network: regtest, blocks, transactionIndex: true });
      return { store, database };
    };
    let { store, database } = await open();
    const bytes = new Uint8Array(BATCH * 80);
    const commits: number[] = [];
    const timed = async (into: number[], work: () => Promise<unknown>) => {
      const began = performance.now();
      await work();
      into.push(performance.now() - began);
    };
    for (let firstRow = 0; firstRow < HEADERS; firstRow += BATCH) {
      crypto.getRandomValues(bytes.subarray(0, 65_536));
      await timed(commits, () => store.commit({ headers: { firstRow, bytes } }));
    }
    const single: number[] = [];
    for (let i = 0; i < 512; i++) {
      const row = HEADERS + i;
      const headers = { firstRow: row, bytes: bytes.slice(0, 80) };
      await timed(single, () => store.commit({ headers, statuses: new Map([[row, 28]]), tip: row }));
    }
    await store.close();
    await database.close();
    const began = performance.now();
    ({ store, database } = await open());
    let count = 0;
    for await (const page of store.headers()) count += page.statuses.length;
    const load = performance.now() - began;
    const sizeOf = async () => {
      const pages = Number((await database.get("PRAGMA page_count"))?.page_count);
      return pages * Number((await database.get("PRAGMA page_size"))?.page_size);
    };
    const before = await sizeOf();
    const indexing: number[] = [];
    for (let row = 0; row < INDEXED_BLOCKS; row++) {
      const random = crypto.getRandomValues(new Uint8Array(TRANSACTIONS * 16));
      const txids = Array.from({ length: TRANSACTIONS }, (_, i) => random.subarray(16 * i, 16 * i + 16));
      await timed(indexing, () => store.commit({ transactions: { joined: [{ row, txids }], left: [] } }));
    }
    const perRow = (await sizeOf() - before) / (TRANSACTIONS * INDEXED_BLOCKS);
    await store.close();
    await database.close();
    print(`headers: ${count} loaded in ${load.toFixed(0)} ms, ${(before / count).toFixed(1)} bytes each`);
    print(
      `commit of ${BATCH} headers: ${median(commits).toFixed(2)} ms; of one header and its status: ${
        median(single).toFixed(2)
      } ms`,
    );
    print(
      `transaction index: ${median(indexing).toFixed(1)} ms for a block of ${TRANSACTIONS}, ${
        perRow.toFixed(1)
      } bytes a transaction`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

useSha256(sha256);
const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
print(`${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}, ${runtime}, commit ${commit}`);
print(`median of ${ROUNDS}; every batch on disk before the next; reads are random and from the page cache`);
print("");
print("| blocks | kept in | write, ms a block | MB/s | read, ms a block | longest stall, ms |");
print("|---|---|---:|---:|---:|---:|");
for (const size of SIZES) {
  for (const [name, open] of [["flat files, checksum", flat], ["SQLite BLOBs", blobs]] as const) {
    const results = [];
    for (let round = 0; round < ROUNDS; round++) results.push(await measure(open, size));
    const write = median(results.map((each) => each.write));
    const read = median(results.map((each) => each.read));
    const stall = median(results.map((each) => each.stall));
    const rate = (size.bytes / 1e3 / write).toFixed(size.bytes > 1_000 ? 0 : 2);
    print(`| ${size.name} | ${name} | ${write.toFixed(3)} | ${rate} | ${read.toFixed(3)} | ${stall.toFixed(0)} |`);
  }
}
print("");
await measureStore();
