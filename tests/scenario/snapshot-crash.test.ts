/**
 * The power fails at one write after another while a snapshot is taken in, blocks are connected from both its ends, and the
 * coins behind it go. After each start there is the state of before the snapshot, or that of after it; in the end the coins
 * are those of a run that nothing disturbed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Snapshots } from "../../lib/bitcoin/chain/snapshots.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { MemoryFolder } from "../contract/memory-folder.ts";
import { snapshotOf, type TreeSnapshot } from "../support/coin-snapshot.ts";
import { CoinTree, type TreeBlock } from "../support/coin-tree.ts";
import { effort, seed } from "../support/effort.ts";
import { type Life, overPowerLosses, START_MS } from "../support/power-losses.ts";

interface Story {
  readonly tree: CoinTree;
  readonly trunk: readonly TreeBlock[];
  /** Blocks that are there before the snapshot comes. */
  readonly before: number;
  readonly snapshot: TreeSnapshot;
}

/** One life of a chain: until the snapshot is validated and all blocks are connected. */
async function tell({ trunk, before, snapshot }: Story, life: Life) {
  const { clock, mount, store, hear } = life;
  const chain = await life.load();
  chain.start();
  for (const { block } of trunk) chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
  const rowOf = ({ block }: TreeBlock) => chain.headers.find(block.hash);
  const { height } = snapshot.assumed;
  const isTaken = chain.headers.height(chain.tip) >= height;
  if (chain.states.background !== undefined && !isTaken) hear("a snapshot was taken and the tip is below it");
  const give = async (blocks: readonly TreeBlock[]) => {
    for (const each of blocks) {
      chain.addBlock(rowOf(each), each.block);
      await clock.sleep(20);
    }
  };
  await give(trunk.slice(0, before));
  if (!isTaken) {
    const folder = new MemoryFolder();
    folder.files.set("/utxo.dat", { bytes: snapshot.bytes, synced: 0 });
    const parts = { chain, store, clock, files: folder.named("/"), assumedCoins: [snapshot.assumed] };
    await new Snapshots(parts).load("/utxo.dat", new AbortController().signal);
  }
  await give([...trunk.slice(height, height + 8), ...trunk.slice(before, height), ...trunk.slice(height + 8)]);
  await clock.sleep(2_000);
  if (chain.states.background !== undefined) hear("the snapshot is not validated");
  const found = await chain.coinStatistics("hash_serialized_3");
  const end = { hash: toDisplayHex(found!.hash!), height: chain.headers.height(found!.at) };
  await chain.close();
  await life.close();
  return { ...end, spare: (await (await mount.openFileFolder("coins-0")).list()).length };
}

/** Tells the story over losses of power. */
async function run(story: Story, random: SeededRandom, writes: readonly number[]) {
  const { end, lives } = await overPowerLosses(story.tree, random, writes, (life) => tell(story, life));
  assert.equal(end.spare, 0, "the coins behind the snapshot are gone");
  return { hash: end.hash, height: end.height, lives };
}

describe("a snapshot over losses of power", () => {
  test("is taken or is not, and ends as the coins of all blocks", { timeout: 3_000_000 }, async () => {
    const random = new SeededRandom(seed);
    const tree = new CoinTree(regtest, random.fork("tree"), START_MS);
    const trunk: TreeBlock[] = [];
    for (let i = 0; i < 60; i++) trunk.push(tree.mine(trunk.at(-1)?.row ?? 0));
    const story = { tree, trunk, before: 7, snapshot: await snapshotOf(tree, trunk[39]!.row, regtest) };
    const calm = await run(story, random.fork("calm"), []);
    assert.deepEqual([calm.hash, calm.height], [await tree.hashAfter(trunk[59]!.row), 60]);
    const count = effort("losses of power while a snapshot is taken in and validated", 12, 600);
    let lives = 0;
    for (let i = 0; i < count; i++) {
      const fate = random.fork(`fate ${i}`);
      const writes = [i * 7 % 331, ...Array.from({ length: fate.below(4) }, () => fate.below(120))];
      const end = await run(story, fate, writes);
      assert.deepEqual([end.hash, end.height], [calm.hash, calm.height], `loss ${i}, after ${writes} writes`);
      lives += end.lives;
    }
    assert.ok(lives > count * 1.4, `${lives} lives`);
  });
});
