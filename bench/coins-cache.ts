/**
 * What does a coin cost in memory that waits to be written: in a Map, in a Map of hexadecimal text, and in the table that
 * the node has? And does memory stay where it is while a chain makes millions of coins?
 *
 * Run: `bun bench/coins-cache.ts table|map|hex [COINS]`, or `bun bench/coins-cache.ts grow [COINS] [MIB]`.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { clock, openDatabase, openFileFolder, random } from "#platform";
import { CoinFlush } from "../lib/bitcoin/chain/coin-flush.ts";
import { CoinState } from "../lib/bitcoin/chain/coins.ts";
import { ChainCommit } from "../lib/bitcoin/chain/commit.ts";
import type { PlacedCoin } from "../lib/bitcoin/coins/changes.ts";
import { HeaderChain } from "../lib/bitcoin/headers/header-chain.ts";
import { regtest } from "../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore } from "../lib/bitcoin/store/sql.ts";
import { toHex } from "../lib/codec/hex.ts";
import { ByteTable, TABLE_SECRET_BYTES } from "../lib/storage/byte-table.ts";
import { coinOf, keyOf } from "./coins-workload.ts";

const print = (line: string) => process.stdout.write(line + "\n");
const [kind = "table", coinsText = "2000000", memoryText = "64"] = process.argv.slice(2);
const COINS = Number(coinsText);
const LOOKUPS = 1_000_000;
const rss = () => process.memoryUsage.rss();

interface Cache {
  set(key: Uint8Array, coin: Uint8Array): void;
  get(key: Uint8Array): Uint8Array | undefined;
}

function tableCache(): Cache {
  const table = new ByteTable(random.bytes(TABLE_SECRET_BYTES));
  return {
    set: (key, coin) => table.set(key, key.length, coin, coin.length),
    get: (key) => {
      const address = table.find(key, key.length);
      return address === 0 ? undefined : table.value(address);
    },
  };
}

function mapCache(name: (key: Uint8Array) => string): Cache {
  const map = new Map<string, Uint8Array>();
  return { set: (key, coin) => void map.set(name(key), coin), get: (key) => map.get(name(key)) };
}

const CACHES: Record<string, () => Cache> = {
  table: tableCache,
  map: () => mapCache((key) => String.fromCharCode(...key)),
  hex: () => mapCache(toHex),
};

function measure(cache: Cache): void {
  Bun.gc(true);
  const before = rss();
  const began = performance.now();
  for (let i = 0; i < COINS; i++) cache.set(keyOf(i), coinOf(i));
  const filled = performance.now() - began;
  Bun.gc(true);
  const held = rss() - before;
  const keys = Array.from({ length: 10_000 }, (_, i) => keyOf((i * 7_919) % COINS));
  const absent = Array.from({ length: 10_000 }, (_, i) => keyOf(COINS + i));
  const time = (asked: readonly Uint8Array[]) => {
    const start = performance.now();
    let found = 0;
    for (let i = 0; i < LOOKUPS; i++) if (cache.get(asked[i % asked.length]!) !== undefined) found += 1;
    return { ns: Math.round((performance.now() - start) * 1e6 / LOOKUPS), found };
  };
  const [there, not] = [time(keys), time(absent)];
  if (there.found !== LOOKUPS || not.found !== 0) throw new Error("a coin is not there");
  print(
    `${kind}: ${COINS / 1e6} million coins; ${Math.round(held / COINS)} bytes a coin; ` +
      `${
        Math.round(filled * 1e6 / COINS)
      } ns to make and add one; ${there.ns} ns to find one, ${not.ns} ns to miss one`,
  );
}

/** Blocks of 6,000 new coins, of which 5,500 are spent, most of them young, until so many are there. */
async function grow(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gemel-bench-grow-"));
  try {
    const database = await openDatabase(join(folder, "bitcoin.sqlite"));
    const blocks = new BlockFiles(await openFileFolder(join(folder, "blocks")), { magic: regtest.magic });
    const openCoins = () => openFileFolder(join(folder, "coins"));
    const store = await openSqlBitcoinStore(database, { network: regtest, blocks, openCoins });
    const headers = new HeaderChain(regtest);
    const commit = new ChainCommit({ headers, store, clock, moved: () => {} });
    const coins = new CoinState(0, { store, waitingUndo: () => undefined, secret: random.bytes(TABLE_SECRET_BYTES) });
    const bytesMax = Number(memoryText) * 2 ** 20;
    const flush = new CoinFlush({ coins, store, commit, clock, name: "coins", bytesMax: () => bytesMax });
    const placed = (n: number): PlacedCoin => ({
      outpoint: { txid: keyOf(n).slice(0, 32), vout: n % 2 },
      coin: { value: BigInt(n % 1_000_000), scriptPubKey: coinOf(n).subarray(5), height: n >>> 13, isCoinbase: false },
    });
    /** Numbers of coins that are there. Its memory is taken at once, so that it is not what grows. */
    const there = new Uint32Array(COINS + 10_000).fill(1);
    let [size, next, spent, told, worst, height] = [0, 0, 0, 0, 0, 0];
    const began = performance.now();
    const hash = new Uint8Array(32);
    let last = performance.now();
    const watch = setInterval(() => {
      worst = Math.max(worst, performance.now() - last);
      last = performance.now();
    }, 1);
    while (next - spent < COINS) {
      if (flush.isFull) await flush.room();
      // The set grows faster than on mainnet, where a tenth of this is left.
      const gone: number[] = [];
      for (let i = 0; i < 3_000 && size > 6_000; i++) {
        const young = size - 1 - ((i * 7_919 + height) % 6_000);
        const at = i % 10 === 0 ? (i * 104_729 + height * 31) % size : young;
        gone.push(there[at]!);
        there[at] = there[--size]!;
      }
      const inputs = gone.map(placed);
      const found = await coins.getMany(inputs.map(({ outpoint }) => outpoint));
      if (found.some((coin) => coin === undefined)) throw new Error("a coin is not there");
      const created = Array.from({ length: 6_000 }, () => {
        there[size++] = next;
        return placed(next++);
      });
      coins.apply(0, hash, { created, spent: inputs }, undefined);
      flush.moved(true);
      spent += gone.length;
      height += 1;
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (next - spent < told + 1_000_000) continue;
      told = next - spent;
      Bun.gc(true);
      print(
        `${(told / 1e6).toFixed(1)} million coins, ${height} blocks, ${
          ((performance.now() - began) / 1000).toFixed(0)
        } s: ` +
          `RSS ${Math.round(rss() / 2 ** 20)} MiB, of which the bench's own list ${
            Math.round(there.byteLength / 2 ** 20)
          }; ` +
          `coins in memory ${(coins.bytesHeld / 2 ** 20).toFixed(1)} MiB of ${memoryText}; loop stood ${
            Math.round(worst)
          } ms`,
      );
      worst = 0;
    }
    clearInterval(watch);
    await flush.settle();
    await store.close();
    await database.close();
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (kind === "grow") await grow();
else measure(CACHES[kind]!());
