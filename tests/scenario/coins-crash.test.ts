/**
 * The power fails at one write after another while blocks come, branches overtake one another and coins are written back.
 * Whatever was torn or dropped: after the next start, or the one after that, the coins are those of a run that nothing
 * disturbed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { CoinTree, type TreeBlock } from "../support/coin-tree.ts";
import { effort, seed } from "../support/effort.ts";
import { type Life, overPowerLosses, START_MS } from "../support/power-losses.ts";

const BLOCKS = 90;

/** Where a run of the chain ended. */
interface End {
  readonly hash: string;
  readonly at: number;
  readonly lives: number;
}

interface Story {
  readonly tree: CoinTree;
  readonly blocks: readonly TreeBlock[];
  /** Memory for coins: 0 writes after every block. */
  readonly bytesMax: number;
  /** Blocks after which the coins are brought to disk for a reason of their own, as pruning does. */
  readonly flushEvery: number;
  /** How long it takes to lay coins ready: blocks are connected and committed meanwhile. */
  readonly stagingMs: number;
}

/** One life of a chain: until all blocks are connected. */
async function tell({ blocks, bytesMax, flushEvery, stagingMs }: Story, life: Life) {
  const { clock, store } = life;
  const stage = store.stageCoins.bind(store);
  store.stageCoins = async (changes) => {
    const staged = await stage(changes);
    await clock.sleep(stagingMs);
    return staged;
  };
  const chain = await life.load({ coins: { random: new SeededRandom(5), bytesMax } });
  chain.start();
  for (const [i, { block }] of blocks.entries()) {
    const { last } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
    chain.addBlock(last, block);
    await clock.sleep(20);
    if (i % flushEvery === flushEvery - 1) chain.flushCoins();
  }
  await clock.sleep(2_000);
  const found = await chain.coinStatistics("hash_serialized_3");
  const end = {
    hash: toDisplayHex(found!.hash!),
    tip: chain.headers.hash(chain.tip),
    at: chain.headers.hash(found!.at),
  };
  await chain.close();
  await life.close();
  return end;
}

/** Tells the story over losses of power. */
async function run(story: Story, random: SeededRandom, writes: readonly number[]): Promise<End> {
  const { end, lives } = await overPowerLosses(story.tree, random, writes, (life) => tell(story, life));
  assert.deepEqual(end.at, end.tip, "the coins are the tip's");
  return { hash: end.hash, at: story.tree.headers.find(end.tip), lives };
}

describe("coins over losses of power", () => {
  const random = new SeededRandom(seed);
  const tree = new CoinTree(regtest, random.fork("tree"), START_MS);
  const blocks = tree.story(BLOCKS);
  const stories: Record<string, Omit<Story, "tree" | "blocks">> = {
    "written after every block": { bytesMax: 0, flushEvery: 1_000, stagingMs: 3 },
    "written now and then": { bytesMax: 64 * 1024 * 1024, flushEvery: 7, stagingMs: 70 },
    "written at the end": { bytesMax: 64 * 1024 * 1024, flushEvery: 1_000, stagingMs: 0 },
  };
  for (const [name, how] of Object.entries(stories)) {
    test(`${name}: the set is that of an undisturbed run, which is a plain Map's`, async () => {
      const story = { tree, blocks, ...how };
      const calm = await run(story, random.fork("calm"), []);
      assert.equal(calm.hash, await tree.hashAfter(calm.at));
      assert.ok(tree.headers.height(calm.at) > BLOCKS / 3);
      const count = effort(`losses of power while coins are ${name}`, 10, 700);
      let lives = 0;
      for (let i = 0; i < count; i++) {
        const fate = random.fork(`${name} ${i}`);
        // One after the other, and then again at some write of the lives that follow.
        const writes = [i * 7 % 400, ...Array.from({ length: fate.below(4) }, () => fate.below(120))];
        const end = await run(story, fate, writes);
        assert.deepEqual([end.hash, end.at], [calm.hash, calm.at], `loss ${i}, after ${writes} writes`);
        lives += end.lives;
      }
      assert.ok(lives > count * 1.4, `${lives} lives`);
    });
  }
});
