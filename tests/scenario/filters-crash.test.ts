/**
 * The power fails at one write after another while blocks come, branches overtake one another, and filters of blocks are
 * made and written, or are made up for. Whatever was torn or dropped: after the next start every block of the chain has the
 * filter and the filter header that follow from the blocks alone.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openDatabase } from "#platform";
import { BitcoinChain } from "../../lib/bitcoin/chain/chain.ts";
import { coinKey } from "../../lib/bitcoin/coins/key.ts";
import { buildBasicFilter, filterHash, filterHeader } from "../../lib/bitcoin/filters/mod.ts";
import { toDisplayHex, ZERO_HASH } from "../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { FilterIndex } from "../../lib/bitcoin/indexes/filter-index.ts";
import { openSqlFilterStore } from "../../lib/bitcoin/indexes/sql-filter-store.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { Block } from "../../lib/bitcoin/types/block.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { SimDisk } from "../../lib/sim/disk.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { CoinTree, type TreeBlock, treeValidator } from "../support/coin-tree.ts";
import { effort, seed } from "../support/effort.ts";
import { simClock } from "../unit/core/sim.ts";

const START_MS = 1_750_000_000_000;
const BLOCKS = 60;
/** What no run does more often: each start gets further. */
const LIVES_MAX = 12;

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

/** One life of a chain with its index on a disk: until the story is told, or the power fails. */
async function live(disk: SimDisk, { tree, blocks, everyMs }: Story, keeps: boolean, wrong: string[]) {
  const clock = simClock(START_MS);
  const mount = disk.mount(clock);
  let isDead = false;
  // What a process says after its end is heard by nobody.
  const hear = (text: string) => void (isDead || wrong.push(text));
  const tell = async () => {
    const database = await mount.openDatabase("bitcoin.sqlite");
    const files = new BlockFiles(await mount.openFileFolder("blocks"), { magic: regtest.magic, fileBytesMax: 20_000 });
    const openCoins = (place: number) => mount.openFileFolder(`coins-${place}`);
    const store = await openSqlBitcoinStore(database, { network: regtest, blocks: files, openCoins });
    const made: { index?: FilterIndex } = {};
    const chain = await BitcoinChain.load({
      network: regtest,
      store,
      validator: treeValidator(tree, hear),
      clock,
      headersOnly: false,
      coins: { random: new SeededRandom(5), bytesMax: 0 },
      onActivation: (level, text) => void (level === "info" || hear(text)),
      onConnected: (connected) => made.index?.connected(connected),
    });
    const filters = await mount.openDatabase("filters.sqlite");
    const kept = await openSqlFilterStore(filters, { network: regtest });
    if (keeps) {
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
    if (keeps) assert.ok(made.index?.isSynced);
    await made.index?.close();
    await chain.close();
    // What is on disk, without what the index remembers.
    const end: { row: number; filter: string; header: string }[] = [];
    for (let height = 0; keeps && height <= chain.headers.height(chain.tip); height++) {
      const hash = chain.headers.hash(chain.activeAt(height));
      const { filter, filterHeader } = (await kept.entry(hash))!;
      end.push({ row: tree.headers.find(hash), filter: toHex(filter), header: toDisplayHex(filterHeader) });
    }
    await store.close();
    await filters.close();
    await database.close();
    return end;
  };
  const died = Promise.withResolvers<undefined>();
  return {
    end: () => clock.until(Promise.race([tell(), died.promise])),
    dies: () => {
      isDead = true;
      disk.losePower();
      died.resolve(undefined);
    },
  };
}

/** Tells the story on a new disk; the power fails after so many writes of each of the first lives. Returns how many there were. */
async function run(
  story: Story,
  expected: TreeFilters,
  random: SeededRandom,
  writes: readonly number[],
): Promise<number> {
  const disk = new SimDisk(random, () => openDatabase(":memory:"));
  const wrong: string[] = [];
  for (let lives = 1; lives <= LIVES_MAX; lives++) {
    const left = writes[lives - 1];
    const keeps = left === undefined || story.keeps(lives);
    const life = await live(disk, story, keeps, wrong);
    if (left !== undefined) disk.failPowerAfter(left, life.dies);
    const end = await life.end();
    disk.keepPower();
    assert.deepEqual(wrong, []);
    if (end === undefined || !keeps) continue;
    assert.ok(end.length > BLOCKS / 3, `${end.length} blocks`);
    for (const { row, filter, header } of end) {
      const right = expected.of(row);
      assert.deepEqual([filter, header], [toHex(right.filter), toDisplayHex(right.header)], `row ${row}`);
    }
    return lives;
  }
  throw new Error("the story was never told to its end");
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
