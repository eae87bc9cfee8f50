/**
 * A chain of Chia that one process writes and another follows, over one database on every driver: the two are the same
 * after each step. What the steps are comes from a seed; GEMEL_SEED sets another.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { clock } from "#platform";
import { ChiaChain } from "../../../lib/chia/chain/chain.ts";
import { LinkageValidator } from "../../../lib/chia/chain/linkage.ts";
import { openFollowedChiaStore, openSqlChiaStore, type SqlChiaStore } from "../../../lib/chia/store/sql.ts";
import type { FollowedChiaStore } from "../../../lib/chia/store.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { network, type WorldBlock, WorldBlocks } from "../../../lib/sim/chia/blocks.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import type { DatabaseDriver } from "../../contract/databases.ts";
import { everyDriver } from "../../contract/every-database.ts";
import { branch, given, HeldValidator } from "./held-validator.ts";

const SEED = Number(process.env.GEMEL_SEED ?? 20261201);
const STEPS = Number(process.env.GEMEL_FOLLOW_STEPS ?? 30);
const identity = { network: network.name, genesisChallenge: network.constants.GENESIS_CHALLENGE };
const parts = () => ({ network, clock, validator: new LinkageValidator(network.constants) });

interface Pair {
  readonly store: SqlChiaStore;
  readonly followed: FollowedChiaStore;
  /** A chain over the store of the writer, and one over that of the reader, as the database is now. */
  writer(): Promise<ChiaChain>;
  reader(): Promise<ChiaChain>;
}

async function withPair(driver: DatabaseDriver, work: (pair: Pair) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gemel-following-"));
  const path = join(folder, "chain.sqlite");
  const [database, other] = [await driver.open(path), await driver.open(path)];
  try {
    assert.equal(await openFollowedChiaStore(other, identity), "its tables are not there yet");
    const store = await openSqlChiaStore(database, identity);
    const followed = await openFollowedChiaStore(other, identity);
    assert.ok(typeof followed === "object");
    await work({
      store,
      followed,
      writer: () => ChiaChain.load({ ...parts(), store }),
      reader: () => ChiaChain.load({ ...parts(), store: followed, followed }),
    });
  } finally {
    await other.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything that RPC tells of a chain is the same. */
async function same(writer: ChiaChain, reader: ChiaChain): Promise<void> {
  assert.deepEqual(reader.peak, writer.peak);
  assert.deepEqual(
    [reader.validation, reader.owed, reader.tipTime],
    [writer.validation, writer.owed, writer.tipTime],
  );
  assert.deepEqual(reader.pace(), writer.pace());
  for (let height = 0; height <= (writer.peak?.height ?? -1) + 1; height++) {
    const hash = await writer.hashAt(height);
    assert.deepEqual(await reader.hashAt(height), hash);
    if (hash !== undefined) assert.deepEqual(await reader.record(hash), await writer.record(hash));
  }
}

describe("ChiaChain.following", () => {
  for (const driver of everyDriver) {
    test(`is as the writer after each of ${STEPS} steps, on ${driver.name}, seed ${SEED}`, () =>
      withPair(driver, async ({ store, followed, writer: openWriter, reader }) => {
        const random = new SeededRandom(SEED);
        const blocks = new WorldBlocks();
        const follower = await reader();
        assert.equal(follower.peak, undefined);
        let writer = await openWriter();
        let made = 0;
        const tip = () => blocks.find(toHex(writer.peak!.headerHash))!;
        const below = (depth: number) => {
          let block = tip();
          for (let i = 0; i < depth && block.parent !== undefined; i++) block = block.parent;
          return block;
        };
        const add = (added: readonly WorldBlock[]) => writer.add(given(added), null);
        const extend = (from: WorldBlock, count: number) => add(branch(blocks, from, count, `${++made}`));
        await add([blocks.genesis]);
        const gone: Uint8Array[] = [];
        const done = new Set<string>();
        const steps: Record<string, () => Promise<unknown>> = {
          extend: () => extend(tip(), 1 + random.below(3)),
          much: () => extend(tip(), 40),
          reorganise: () => {
            const depth = 1 + random.below(12);
            return extend(below(depth), Math.min(depth, tip().height) + 1);
          },
          side: () => extend(below(3), 1),
          // As when blocks are validated again, further, and one is wrong.
          cut: async () => {
            const { height, headerHash, parent } = tip();
            if (parent === undefined) return;
            const main = { fromHeight: height, hashes: [] };
            await store.commit({ blocks: [], main, removed: [headerHash], events: [] });
            gone.push(headerHash);
            writer = await openWriter();
          },
          raise: () =>
            store.commit({
              blocks: [],
              raised: { hashes: [blocks.genesis.headerHash], validation: "full" },
              events: [],
            }),
        };
        const names = Object.keys(steps);
        let taken = 0;
        for (let step = 0; step < STEPS; step++) {
          const name = names[random.below(names.length)]!;
          await steps[name]!();
          done.add(name);
          // As a node does: what is not told by the number is not looked for.
          const commits = await followed.commits();
          if (commits !== taken) taken = await follower.following!.follow();
          assert.equal(taken, commits);
          await same(writer, follower);
          for (const hash of gone) assert.equal(await followed.block(hash), await store.block(hash));
        }
        assert.equal(done.size, names.length, "every kind of step was taken");
        await same(writer, await reader());
      }));
  }

  const [driver] = everyDriver;
  test("knows from which height on blocks were checked less far than this program would", () =>
    withPair(driver!, async ({ store, writer, followed }) => {
      const blocks = new WorldBlocks();
      const main = [blocks.genesis, ...branch(blocks, blocks.genesis, 3, "main")];
      await (await writer()).add(given(main), null);
      const validator = new HeldValidator("full");
      const follower = await ChiaChain.load({ network, clock, validator, store: followed, followed });
      assert.deepEqual([follower.owed, follower.validation], [0, "linkage"]);
      const hashes = main.slice(0, 2).map(({ headerHash }) => headerHash);
      await store.commit({ blocks: [], raised: { hashes, validation: "full" }, events: [] });
      await follower.following!.follow();
      assert.equal(follower.owed, 2);
    }));

  test("adds nothing itself", () =>
    withPair(driver!, async ({ writer, reader, followed }) => {
      const blocks = new WorldBlocks();
      await (await writer()).add(given([blocks.genesis]), null);
      const follower = await reader();
      const commits = await followed.commits();
      const [block] = branch(blocks, blocks.genesis, 1, "own");
      await assert.rejects(follower.add(given([block!]), null), { code: "stopped" });
      assert.equal(await followed.commits(), commits);
    }));
});
