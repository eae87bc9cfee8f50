/**
 * The power fails at one write after another while blocks come, branches overtake one another, and filters of blocks are
 * made and written, or are made up for. Whatever was torn or dropped: after the next start every block of the chain has the
 * filter and the filter header that follow from the blocks alone.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { coinKey } from "../../lib/bitcoin/coins/key.ts";
import { buildBasicFilter, filterHash, filterHeader } from "../../lib/bitcoin/filters/mod.ts";
import { toDisplayHex, ZERO_HASH } from "../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { FilterIndex } from "../../lib/bitcoin/indexes/filter-index.ts";
import { openSqlFilterStore } from "../../lib/bitcoin/indexes/sql-filter-store.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { Block } from "../../lib/bitcoin/types/block.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { CoinTree, type TreeBlock } from "../support/coin-tree.ts";
import { effort, seed } from "../support/effort.ts";
import { type Life, overPowerLosses, START_MS } from "../support/power-losses.ts";

const BLOCKS = 60;

interface Story {
  readonly tree: CoinTree;
  readonly blocks: readonly TreeBlock[];
  /** Milliseconds between two blocks: filters are written once in a while, so that much waits or nothing. */
  readonly everyMs: number;
  /** In which lives filters are kept; in the last one they always are. */
  readonly keeps: (life: number) => boolean;
}

/** Filters and their headers by row of a tree, from its blocks and the coins that it knows. */
class TreeFilters {
  readonly #tree: CoinTree;
  readonly #blocks: ReadonlyMap<number, Block>;
  readonly #known = new Map<number, { readonly filter: Uint8Array; readonly header: Uint8Array }>();

  constructor(tree: CoinTree, blocks: readonly TreeBlock[]) {
    this.#tree = tree;
    this.#blocks = new Map(blocks.map(({ row, block }) => [row, block]));
  }

  of(row: number): { readonly filter: Uint8Array; readonly header: Uint8Array } {
    const known = this.#known.get(row);
    if (known !== undefined) return known;
    const { headers } = this.#tree;
    const block = this.#blocks.get(row) ?? Block.decode(regtest.genesis.blockBytes);
    const parent = row === 0 ? undefined : headers.parent(row);
    const before = parent === undefined ? new Map() : this.#tree.coinsAfter(parent);
    // What is spent within the block is among its outputs.
    const spent = block.transactions.slice(1).flatMap(({ inputs }) =>
      inputs.flatMap(({ prevout }) => before.get(toHex(coinKey(prevout)))?.coin.scriptPubKey ?? [])
    );
    const filter = buildBasicFilter(block, spent).bytes;
    const header = filterHeader(filterHash(filter), parent === undefined ? ZERO_HASH : this.of(parent).header);
    this.#known.set(row, { filter, header });
    return { filter, header };
  }
}

/** One life of a chain with its index. Resolves with what is on disk, without what the index remembers; undefined when none is kept. */
async function tell({ blocks, everyMs, keeps }: Story, life: Life) {
  const { clock, mount, hear } = life;
  const isKept = !life.isMortal || keeps(life.number);
  const made: { index?: FilterIndex } = {};
  const chain = await life.load({ onConnected: (connected) => made.index?.connected(connected) });
  const filters = await mount.openDatabase("filters.sqlite");
  const kept = await openSqlFilterStore(filters, { network: regtest });
  if (isKept) {
    made.index = await FilterIndex.open({ chain, store: kept, clock, notice: (_level, text) => hear(text) });
  }
  chain.start();
  made.index?.start();
  for (const { block } of blocks) {
    const { last } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
    chain.addBlock(last, block);
    await clock.sleep(everyMs);
  }
  await clock.sleep(2_000);
  if (isKept) assert.ok(made.index?.isSynced);
  await made.index?.close();
  await chain.close();
  const end: { hash: Uint8Array; filter: string; header: string }[] = [];
  for (let height = 0; isKept && height <= chain.headers.height(chain.tip); height++) {
    const hash = chain.headers.hash(chain.activeAt(height));
    const { filter, filterHeader } = (await kept.entry(hash))!;
    end.push({ hash, filter: toHex(filter), header: toDisplayHex(filterHeader) });
  }
  await filters.close();
  await life.close();
  return isKept ? end : undefined;
}

/** Tells the story over losses of power; after how many lives the filters are right. */
async function run(
  story: Story,
  expected: TreeFilters,
  random: SeededRandom,
  writes: readonly number[],
): Promise<number> {
  const { end, lives } = await overPowerLosses(story.tree, random, writes, (life) => tell(story, life));
  assert.ok(end.length > BLOCKS / 3, `${end.length} blocks`);
  for (const { hash, filter, header } of end) {
    const row = story.tree.headers.find(hash);
    const right = expected.of(row);
    assert.deepEqual([filter, header], [toHex(right.filter), toDisplayHex(right.header)], `row ${row}`);
  }
  return lives;
}

describe("filters over losses of power", () => {
  const random = new SeededRandom(seed);
  const tree = new CoinTree(regtest, random.fork("tree of filters"), START_MS);
  const blocks = tree.story(BLOCKS);
  const expected = new TreeFilters(tree, blocks);
  const stories: Record<string, Omit<Story, "tree" | "blocks">> = {
    "written with every block": { everyMs: 700, keeps: () => true },
    "written many at once": { everyMs: 20, keeps: () => true },
    "switched off now and then": { everyMs: 90, keeps: (life) => life % 2 === 0 },
  };
  for (const [name, how] of Object.entries(stories)) {
    test(`${name}: they are those that follow from the blocks`, async () => {
      const story = { tree, blocks, ...how };
      assert.equal(await run(story, expected, random.fork("calm"), []), 1);
      const count = effort(`losses of power while filters are ${name}`, 12, 700);
      let lives = 0;
      for (let i = 0; i < count; i++) {
        const fate = random.fork(`filters ${name} ${i}`);
        // One after the other, and then again at some write of the lives that follow.
        const writes = [i * 7 % 300, ...Array.from({ length: fate.below(4) }, () => fate.below(100))];
        lives += await run(story, expected, fate, writes);
      }
      assert.ok(lives > count * 1.4, `${lives} lives`);
    });
  }
});
