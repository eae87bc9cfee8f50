/**
 * A chain that one process writes and another follows, over one database on every driver: the two are the same after each
 * step. What the steps are comes from a seed; GEMEL_SEED sets another.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { clock as systemClock } from "#platform";
import { BitcoinChain } from "../../../lib/bitcoin/chain/chain.ts";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { Snapshots } from "../../../lib/bitcoin/chain/snapshots.ts";
import { MemoryFolder } from "../../contract/memory-folder.ts";
import { snapshotOf } from "../../support/coin-snapshot.ts";
import { CoinTree, type TreeBlock, treeValidator } from "../../support/coin-tree.ts";
import { chainTips } from "../../../lib/bitcoin/headers/chain-tips.ts";
import { HeaderStatus } from "../../../lib/bitcoin/headers/header-chain.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { type FollowedBitcoinStore, openFollowedStore } from "../../../lib/bitcoin/store/followed.ts";
import type { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { openSqlBitcoinStore, type SqlBitcoinStore } from "../../../lib/bitcoin/store/sql.ts";
import type { Block } from "../../../lib/bitcoin/types/block.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import type { Database } from "../../../lib/core/ports.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { type DatabaseDriver } from "../../contract/databases.ts";
import { everyDriver } from "../../contract/every-database.ts";
import type { simClock } from "../core/sim.ts";
import { Ledger, type Spendable } from "./ledger.ts";

const SEED = Number(process.env.GEMEL_SEED ?? 20261201);
const STEPS = Number(process.env.GEMEL_FOLLOW_STEPS ?? 40);

/** Real time, as databases take it. */
const clock = { ...bound(systemClock), until: <T>(work: Promise<T>) => work } as unknown as ReturnType<typeof simClock>;

function bound({ now, monotonic, sleep, after }: typeof systemClock) {
  return { now, monotonic, sleep, after };
}

const validator = () => fullValidator({ workers: new InlineWorkers(), engine: "wide" });
const coins = { random: new SeededRandom(2), bytesMax: 64 * 1024 * 1024 };

/** The bits that are stored of a status. */
const stored = (status: number) => status & ~HeaderStatus.hasChild;

interface Pair {
  readonly writer: Ledger;
  readonly store: SqlBitcoinStore;
  readonly database: Database;
  readonly follower: BitcoinChain;
  readonly followed: FollowedBitcoinStore;
  /** Moves that the follower has told of. */
  readonly moves: { readonly tip: number; readonly fork: number }[];
  /** Opens one more that begins as the store is now. */
  fresh(): Promise<BitcoinChain>;
}

/** A writer of an empty store, and one that follows it, over connections of their own. */
async function withPair(driver: DatabaseDriver, work: (pair: Pair) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gemel-following-"));
  const path = join(folder, "chain.sqlite");
  const [database, other] = [await driver.open(path), await driver.open(path)];
  try {
    const store = await openSqlBitcoinStore(database, { network: regtest });
    assert.equal(await openFollowedStore(other, { network: regtest }), "it has no block yet");
    const writer = await Ledger.open(regtest, { store: store as unknown as MemoryBitcoinStore, clock });
    const moves: { tip: number; fork: number }[] = [];
    const open = async (onMove: (move: { tip: number; fork: number }) => void = () => {}) => {
      const followed = await openFollowedStore(other, { network: regtest, cacheBytesMax: 1 << 20 });
      assert.ok(typeof followed === "object");
      const parts = { network: regtest, clock, headersOnly: false, validator: validator(), coins, onMove };
      return { followed, chain: await BitcoinChain.load({ ...parts, store: followed, followed }) };
    };
    const { followed, chain: follower } = await open((move) => void moves.push(move));
    const fresh = async () => (await open()).chain;
    await work({ writer, store, database, follower, followed, moves, fresh });
    await follower.close();
    await writer.chain.close();
    await store.close();
  } finally {
    await other.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything that RPC tells of a chain is the same. */
async function same(writer: BitcoinChain, reader: BitcoinChain): Promise<void> {
  const { headers } = writer;
  assert.equal(reader.headers.length, headers.length);
  for (let row = 0; row < headers.length; row++) {
    assert.deepEqual(reader.headers.headerBytes(row), headers.headerBytes(row));
    assert.equal(stored(reader.headers.status(row)), stored(headers.status(row)), `status of row ${row}`);
  }
  assert.deepEqual([reader.tip, reader.connected, reader.headers.best], [writer.tip, writer.tip, headers.best]);
  for (let height = 0; height <= headers.height(writer.tip) + 1; height++) {
    assert.equal(reader.activeAt(height), writer.activeAt(height));
  }
  assert.deepEqual([reader.validation, reader.validating], [writer.validation, undefined]);
  assert.deepEqual(chainTips(reader.headers, reader.tip), chainTips(headers, writer.tip));
  assert.deepEqual(await reader.blocks.bytes(reader.tip), await writer.blocks.bytes(writer.tip));
}

describe("BitcoinChain.following", () => {
  for (const driver of everyDriver) {
    test(`is as the writer after each of ${STEPS} steps, on ${driver.name}, seed ${SEED}`, () =>
      withPair(driver, async ({ writer, store, follower, followed, moves, fresh }) => {
        const random = new SeededRandom(SEED);
        const { chain } = writer;
        const blocks: Block[] = [];
        const found: Spendable[] = [];
        const done = new Map<string, number>();
        const extend = async (parent: Block | undefined, count: number) => {
          let above = parent;
          for (let i = 0; i < count; i++) {
            const block = writer.block([], { salt: blocks.length & 0xff, ...(above && { parent: above }) });
            assert.match(await writer.add(block), /^(ok|invalid_prev|bad-prevblk|duplicate-invalid)$/);
            blocks.push(block);
            const { txid, outputs } = block.transactions[0]!;
            found.push({ txid, vout: 0, value: outputs[0]!.value });
            above = block;
          }
        };
        const blockAt = (height: number) => {
          const row = chain.activeAt(height);
          return blocks.find(({ hash }) => chain.headers.find(hash) === row);
        };
        const heightNow = () => chain.headers.height(chain.tip);
        const steps: Record<string, () => Promise<unknown>> = {
          extend: () => extend(blockAt(heightNow()), 1 + random.below(4)),
          reorganise: () => {
            const depth = Math.min(heightNow(), 1 + random.below(10));
            return extend(blockAt(heightNow() - depth), depth + 1);
          },
          branch: () => extend(blockAt(Math.max(0, heightNow() - 3)), 1),
          headers: () => {
            writer.tellHeaders([writer.block([], { salt: 200, ...spread(blockAt(heightNow())) })]);
            return chain.flush();
          },
          invalidate: () => chain.orders.invalidate(chain.activeAt(Math.max(1, heightNow() - random.below(4)))),
          reconsider: () => chain.orders.reconsider(chain.headers.length - 1),
          prune: async () => chain.dropData(await store.prune(0, Math.max(0, heightNow() - 12))),
          flush: () => chain.states.flush!.settle(),
        };
        const names = Object.keys(steps);
        await extend(undefined, 20);
        let taken = 0;
        for (let step = 0; step < STEPS; step++) {
          const name = names[random.below(names.length)]!;
          await steps[name]!();
          done.set(name, (done.get(name) ?? 0) + 1);
          await chain.flush();
          // As a node does: what is not told by the number is not looked for.
          const commits = await followed.commits();
          if (commits !== taken) taken = await follower.following!.follow();
          assert.equal(taken, commits);
          await same(chain, follower);
          // Coins are told with the block that they are of.
          const asked = found.slice(-5);
          const told = await follower.coins(asked);
          assert.equal(told?.at, await store.coinsAt() ?? 0);
          if (told?.at === chain.tip) assert.deepEqual(told.coins, (await chain.coins(asked))?.coins);
        }
        assert.ok([...done.values()].length >= names.length - 1, "nearly every kind of step was taken");
        await chain.states.flush!.settle();
        await follower.following!.follow();
        assert.equal((await follower.coins([]))?.at, chain.tip);
        const [own, theirs] = [
          await follower.coinStatistics("hash_serialized_3"),
          await chain.coinStatistics("hash_serialized_3"),
        ];
        assert.deepEqual(own, theirs);
        assert.ok(moves.length > 5);
        await same(chain, await fresh());
      }));
  }

  const [driver] = everyDriver;
  test("tells each move of the tip with what both chains share", () =>
    withPair(driver!, async ({ writer, follower, moves }) => {
      await writer.mine(3);
      await follower.following!.follow();
      const fork = writer.chain.tip;
      const parent = { block: undefined as Block | undefined };
      parent.block = writer.block();
      await writer.add(parent.block);
      await follower.following!.follow();
      const left = writer.chain.tip;
      await writer.chain.orders.invalidate(left);
      await follower.following!.follow();
      assert.deepEqual(moves, [{ tip: fork, fork: 0 }, { tip: left, fork }, { tip: fork, fork }]);
      assert.ok(follower.headers.isInvalid(left));
    }));

  test("says nothing new when nothing was committed, and connects and stores nothing itself", () =>
    withPair(driver!, async ({ writer, database, follower, followed }) => {
      await writer.mine(2);
      const commits = await follower.following!.follow();
      const news = await followed.news();
      assert.deepEqual([news.headers.length, news.statuses, news.commit], [0, [], commits]);
      follower.start();
      await follower.flush();
      assert.equal(await followed.commits(), commits);
      assert.equal(follower.figures?.connectedBlocks ?? 0, 0);
      assert.equal((await database.get("SELECT MAX(id) AS newest FROM events"))?.newest, 2);
    }));

  test("a store that was begun anew is told as such", () =>
    withPair(driver!, async ({ writer, database, follower }) => {
      await writer.mine(2);
      await follower.following!.follow();
      await database.run("UPDATE bitcoin_state SET value = 0 WHERE name = 'commits'");
      await assert.rejects(follower.following!.follow(), { code: "STORE_REPLACED" });
    }));

  test("a snapshot of the coins that the writer takes is taken over, and so is that it is validated", async () => {
    const tree = new CoinTree(regtest, new SeededRandom(11), 1_750_000_000_000);
    const trunk: TreeBlock[] = [];
    for (let i = 0; i < 40; i++) trunk.push(tree.mine(trunk.at(-1)?.row ?? 0));
    const taken = await snapshotOf(tree, trunk[29]!.row, regtest);
    const folder = await mkdtemp(join(tmpdir(), "gemel-following-"));
    const [database, other] = [
      await driver!.open(join(folder, "chain.sqlite")),
      await driver!.open(join(folder, "chain.sqlite")),
    ];
    const store = await openSqlBitcoinStore(database, { network: regtest });
    const parts = { network: regtest, clock, headersOnly: false, validator: treeValidator(tree, assert.fail), coins };
    const chain = await BitcoinChain.load({ ...parts, store });
    const followed = await openFollowedStore(other, { network: regtest });
    assert.ok(typeof followed === "object");
    const reader = await BitcoinChain.load({ ...parts, store: followed, followed });
    const give = (blocks: readonly TreeBlock[]) => {
      for (const { block } of blocks) {
        chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
        chain.addBlock(chain.headers.find(block.hash), block);
      }
    };
    const settled = async (isSettled: () => boolean) => {
      for (let i = 0; i < 2_000 && !isSettled(); i++) await clock.sleep(5);
      assert.ok(isSettled());
      await chain.flush();
      await chain.states.flush!.settle();
      await chain.states.background?.settle();
      await reader.following!.follow();
      assert.equal(reader.tip, chain.tip);
      assert.deepEqual(reader.warnings, chain.warnings);
      const [own, theirs] = [
        await reader.coinStatistics("hash_serialized_3"),
        await chain.coinStatistics("hash_serialized_3"),
      ];
      assert.deepEqual([own?.at, own?.hash], [theirs?.at, theirs?.hash]);
    };
    const height = () => chain.headers.height(chain.tip);
    chain.start();
    for (const { block } of trunk) chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
    give(trunk.slice(0, 5));
    await settled(() => height() === 5);
    const files = new MemoryFolder();
    files.files.set("/data/utxo.dat", { bytes: taken.bytes, synced: taken.bytes.length });
    const snapshots = new Snapshots({
      chain,
      store,
      clock,
      files: files.named("/data"),
      assumedCoins: [taken.assumed],
    });
    await snapshots.load("utxo.dat", new AbortController().signal);
    give([...trunk.slice(30, 35), ...trunk.slice(5, 15)]);
    const behind = () => chain.states.background && chain.headers.height(chain.states.background.head);
    await settled(() => height() === 35 && behind() === 15);
    assert.match(reader.warnings[0]!, /snapshot at height 30 that is not validated: the blocks up to height 15 are/);
    give([...trunk.slice(15, 30), ...trunk.slice(35)]);
    await settled(() => height() === 40 && chain.states.background === undefined);
    assert.deepEqual([reader.warnings, reader.validation], [[], "full"]);
    await chain.close();
    await store.close();
    await other.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("blocks that were checked less far are told as such until the writer has validated them", async () => {
    const folder = await mkdtemp(join(tmpdir(), "gemel-following-"));
    const database = await driver!.open(join(folder, "chain.sqlite"));
    const other = await driver!.open(join(folder, "chain.sqlite"));
    const store = await openSqlBitcoinStore(database, { network: regtest });
    const parts = { store: store as unknown as MemoryBitcoinStore, clock };
    const before = await Ledger.open(regtest, { ...parts, validator: structureValidator });
    await before.mine(5);
    await before.chain.close();
    const followed = await openFollowedStore(other, { network: regtest });
    assert.ok(typeof followed === "object");
    const reader = await BitcoinChain.load({
      ...{ network: regtest, clock, headersOnly: false, validator: validator(), coins },
      ...{ store: followed, followed },
    });
    assert.deepEqual([reader.validation, reader.validating], ["structure", undefined]);
    const after = await Ledger.open(regtest, parts);
    after.chain.start();
    while (after.chain.validation !== "full") await clock.sleep(5);
    await after.chain.flush();
    await reader.following!.follow();
    assert.deepEqual([reader.validation, reader.tip], ["full", after.chain.tip]);
    await after.chain.close();
    await other.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });
});

const spread = (parent: Block | undefined) => parent === undefined ? {} : { parent };
