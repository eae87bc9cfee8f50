/** Every store of block filters, held to the same behaviour. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type FilterEntry, type FilterStore, MemoryFilterStore } from "../../lib/bitcoin/indexes/filter-store.ts";
import { openSqlFilterStore } from "../../lib/bitcoin/indexes/sql-filter-store.ts";
import { type BitcoinNetwork, mainnet, regtest } from "../../lib/bitcoin/networks/mod.ts";
import { everyDriver, postgresSkip } from "./every-database.ts";

function entryOf(n: number, bytes = 30): FilterEntry {
  const of = (kind: number) => {
    const hash = new Uint8Array(32).fill(kind);
    new DataView(hash.buffer).setUint32(0, n);
    return hash;
  };
  return { blockHash: of(1), filterHash: of(2), filterHeader: of(3), filter: new Uint8Array(bytes).fill(n) };
}
const headOf = ({ filterHash, filterHeader }: FilterEntry) => ({ filterHash, filterHeader });

/** Runs a test with a new store. */
type With = (work: (store: FilterStore) => Promise<void>) => Promise<void>;

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gemel-filter-store-"));
  try {
    await work(join(folder, "filters.sqlite"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const drivers: readonly (readonly [name: string, withStore: With])[] = [
  ["memory", (work) => work(new MemoryFilterStore())],
  ...everyDriver.map((driver): readonly [string, With] => [
    driver.name,
    (work) =>
      inFolder(async (path) => {
        const database = await driver.open(path);
        try {
          await work(await openSqlFilterStore(database, { network: regtest }));
        } finally {
          await database.close();
        }
      }),
  ]),
];

for (const [name, withStore] of drivers) {
  describe(`FilterStore: ${name}`, () => {
    test("entry() gives what put() was given, long or short, and undefined for other blocks", () =>
      withStore(async (store) => {
        const entries = [entryOf(1), entryOf(2, 1), entryOf(3, 500_000)];
        await store.put(entries);
        await store.put([]);
        for (const entry of entries) assert.deepEqual(await store.entry(entry.blockHash), entry);
        assert.equal(await store.entry(entryOf(4).blockHash), undefined);
      }));

    test("put() replaces the filter of a block", () =>
      withStore(async (store) => {
        await store.put([entryOf(1), entryOf(2)]);
        const other = { ...entryOf(7, 90), blockHash: entryOf(1).blockHash };
        await store.put([other]);
        assert.deepEqual(await store.entry(other.blockHash), other);
        assert.deepEqual(await store.heads([other.blockHash]), [headOf(other)]);
        assert.deepEqual(await store.entry(entryOf(2).blockHash), entryOf(2));
      }));

    test("heads() answers in the order of the question, with gaps, for as many as a peer may ask for", () =>
      withStore(async (store) => {
        const entries = Array.from({ length: 2_001 }, (_, n) => entryOf(n));
        await store.put(entries);
        const asked = [entryOf(9_999), ...entries.toReversed(), entryOf(5_000), entryOf(3)];
        const heads = await store.heads(asked.map(({ blockHash }) => blockHash));
        const known = [undefined, ...entries.toReversed().map(headOf), undefined, headOf(entryOf(3))];
        assert.deepEqual(heads, known);
        assert.deepEqual(await store.heads([]), []);
      }));
  });
}

test("a PostgreSQL server can be started here", { skip: postgresSkip }, () => {});

for (const driver of everyDriver) {
  describe(`openSqlFilterStore() on ${driver.name}`, () => {
    test("keeps filters over a restart, forgets them to reindex, and refuses those of another network", () =>
      inFolder(async (path) => {
        const within = async (
          work: (store: FilterStore) => Promise<void>,
          reindex = false,
          network: BitcoinNetwork = regtest,
        ) => {
          const database = await driver.open(path);
          try {
            await work(await openSqlFilterStore(database, { network, reindex }));
          } finally {
            await database.close();
          }
        };
        await within((store) => store.put([entryOf(1)]));
        await within(async (store) => assert.deepEqual(await store.entry(entryOf(1).blockHash), entryOf(1)));
        await assert.rejects(within(() => Promise.resolve(), false, mainnet), { code: "DATABASE_FOREIGN" });
        await within(async (store) => assert.equal(await store.entry(entryOf(1).blockHash), undefined), true);
      }));
  });
}
