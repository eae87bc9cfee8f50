/** Snapshots that turn out to be false, branches that a snapshot is not on, and restarts in the middle of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitcoinChain } from "../../../lib/bitcoin/chain/chain.ts";
import { Snapshots } from "../../../lib/bitcoin/chain/snapshots.ts";
import type { BlockValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { refuse } from "../../../lib/bitcoin/headers/verdict.ts";
import { coinStatistics } from "../../../lib/bitcoin/coins/statistics.ts";
import type { CoinReading } from "../../../lib/bitcoin/store.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { equalBytes } from "../../../lib/codec/sized.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { MemoryFolder } from "../../contract/memory-folder.ts";
import { snapshotOf, type TreeSnapshot } from "../../support/coin-snapshot.ts";
import { CoinTree, type TreeBlock, treeValidator } from "../../support/coin-tree.ts";
import { simClock } from "../core/sim.ts";

const START_MS = 1_750_000_000_000;

/** A tree with a trunk. */
function grown(length: number) {
  const tree = new CoinTree(regtest, new SeededRandom(11), START_MS);
  const trunk: TreeBlock[] = [];
  for (let i = 0; i < length; i++) trunk.push(tree.mine(trunk.at(-1)?.row ?? 0));
  return { tree, trunk };
}

interface Options {
  readonly store?: MemoryBitcoinStore;
  readonly validator?: BlockValidator;
  readonly bytesMax?: number;
}

/** A chain that knows the headers of some blocks and may take a snapshot. */
async function opened(tree: CoinTree, known: readonly TreeBlock[], snapshot: TreeSnapshot, options: Options = {}) {
  const clock = simClock(START_MS);
  const store = options.store ?? new MemoryBitcoinStore();
  const [told, wrong]: [string[], string[]] = [[], []];
  const chain = await clock.until(BitcoinChain.load({
    ...{ network: regtest, store, clock, headersOnly: false },
    validator: options.validator ?? treeValidator(tree, (text) => void wrong.push(text)),
    coins: { random: new SeededRandom(5), bytesMax: options.bytesMax ?? 1024 * 1024 },
    onActivation: (level, text) => void told.push(`${level} ${text}`),
  }));
  chain.start();
  const tell = (blocks: readonly TreeBlock[]) => {
    for (const { block } of blocks) chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
  };
  tell(known);
  const folder = new MemoryFolder();
  folder.files.set("/data/utxo.dat", { bytes: snapshot.bytes, synced: snapshot.bytes.length });
  const snapshots = new Snapshots({
    chain,
    store,
    clock,
    files: folder.named("/data"),
    assumedCoins: [snapshot.assumed],
  });
  const rowOf = ({ block }: TreeBlock) => chain.headers.find(block.hash);
  return {
    ...{ chain, store, told, wrong, tell, rowOf },
    until: <T>(work: Promise<T>) => clock.until(work),
    sleep: (ms: number) => clock.sleep(ms),
    load: () => clock.until(snapshots.load("utxo.dat", new AbortController().signal)),
    /** Gives blocks, and lets everything come to rest. */
    give: async (blocks: readonly TreeBlock[]) => {
      tell(blocks);
      for (const each of blocks) chain.addBlock(rowOf(each), each.block);
      await clock.until(clock.sleep(30_000));
    },
    height: () => chain.headers.height(chain.tip),
    tipIs: ({ block }: TreeBlock) => equalBytes(chain.headers.hash(chain.tip), block.hash),
    hash: async () => toDisplayHex((await clock.until(chain.coinStatistics("hash_serialized_3")))!.hash!),
    topics: () => store.events.read(0, 1_000),
    close: () => clock.until(chain.close()),
  };
}

describe("a snapshot", () => {
  test("is worked on from both its ends, over restarts, and in the end the coins are those of all blocks", async () => {
    const { tree, trunk } = grown(40);
    const snapshot = await snapshotOf(tree, trunk[29]!.row, regtest);
    let node = await opened(tree, trunk, snapshot, { store: new MemoryBitcoinStore({ transactionIndex: true }) });
    await node.give(trunk.slice(0, 5));
    assert.equal(node.height(), 5);
    await node.load();
    assert.deepEqual([node.height(), await node.hash()], [30, await tree.hashAfter(trunk[29]!.row)]);
    await node.give([...trunk.slice(30, 35), ...trunk.slice(5, 15)]);
    assert.deepEqual([node.height(), node.chain.headers.height(node.chain.states.background!.head)], [35, 15]);
    const standing =
      "the chain stands on a snapshot at height 30 that is not validated: the blocks up to height 15 are";
    assert.deepEqual(node.chain.warnings, [standing]);
    await node.close();

    node = await opened(tree, [], snapshot, { store: node.store });
    assert.deepEqual([node.height(), node.chain.headers.height(node.chain.states.background!.head)], [35, 15]);
    assert.equal(await node.hash(), await tree.hashAfter(trunk[34]!.row));
    await node.give([...trunk.slice(15, 30), ...trunk.slice(35)]);
    assert.deepEqual([node.height(), node.chain.states.background], [40, undefined]);
    assert.equal(await node.hash(), await tree.hashAfter(trunk[39]!.row));
    assert.deepEqual([node.chain.validation, node.chain.warnings], ["full", []]);
    // The index of transactions has all of them, those from before the snapshot also.
    for (const { block } of trunk) {
      const row = node.chain.headers.find(block.hash);
      assert.deepEqual(await node.store.transaction(block.transactions[0]!.txid), { row, index: 0 });
    }
    assert.match(node.told.join("\n"), /info the snapshot at height 30 is validated/);
    assert.deepEqual(node.wrong, []);
    await node.close();
    node = await opened(tree, [], snapshot, { store: node.store });
    assert.deepEqual([node.height(), node.chain.states.background], [40, undefined]);
    await node.close();
  });

  test("that was on another branch than we were leaves that, and its blocks are taken back behind it", async () => {
    const { tree, trunk } = grown(20);
    const branch: TreeBlock[] = [];
    for (let i = 0; i < 6; i++) branch.push(tree.mine(branch.at(-1)?.row ?? trunk[7]!.row));
    const snapshot = await snapshotOf(tree, trunk[17]!.row, regtest);
    const node = await opened(tree, [...trunk, ...branch], snapshot);
    await node.give([...trunk.slice(0, 8), ...branch]);
    assert.equal(node.tipIs(branch[5]!), true);
    await node.load();
    assert.equal(node.tipIs(trunk[17]!), true);
    await node.give(trunk.slice(8));
    assert.deepEqual([node.height(), node.chain.states.background, node.wrong], [20, undefined, []]);
    assert.equal(await node.hash(), await tree.hashAfter(trunk[19]!.row));
    await node.close();
  });

  test("holds a heavier branch off that it is not on, until it is validated", async () => {
    const { tree, trunk } = grown(20);
    const branch: TreeBlock[] = [];
    for (let i = 0; i < 20; i++) branch.push(tree.mine(branch.at(-1)?.row ?? trunk[7]!.row));
    const snapshot = await snapshotOf(tree, trunk[14]!.row, regtest);
    const node = await opened(tree, trunk, snapshot);
    await node.load();
    await node.give([...trunk.slice(15), ...trunk.slice(0, 8), ...branch]);
    assert.deepEqual([node.tipIs(trunk[19]!), node.chain.headers.height(node.chain.states.background!.head)], [
      true,
      8,
    ]);
    assert.match(
      node.chain.warnings.join("\n"),
      /a better branch, up to height 28, does not have the snapshot's block/,
    );
    // Nor does the operator get it there, and what is verified ends above the snapshot's block.
    await assert.rejects(node.until(node.chain.orders.invalidate(node.rowOf(trunk[5]!))), { code: "BLOCK_PRUNED" });
    assert.equal(node.tipIs(trunk[19]!), true);
    const verified = await node.until(node.chain.inspection.verify(3, 0, new AbortController().signal));
    assert.deepEqual([verified!.blocks, verified!.problem], [5, "not all blocks were verified: some are pruned"]);
    await node.give(trunk.slice(8, 15));
    assert.deepEqual([node.chain.states.background, node.tipIs(branch[19]!), node.wrong], [undefined, true, []]);
    assert.equal(await node.hash(), await tree.hashAfter(branch[19]!.row));
    await node.close();
  });

  test("has the newest blocks connected first", async () => {
    const { tree, trunk } = grown(40);
    const snapshot = await snapshotOf(tree, trunk[29]!.row, regtest);
    const heights: number[] = [];
    const fair = treeValidator(tree, assert.fail);
    let sleep = (_ms: number) => Promise.resolve();
    const connect: BlockValidator["connect"] = async (connecting, coins, signal) => {
      heights.push(connecting.view.height);
      if (connecting.view.height > 30) await sleep(100);
      return await fair.connect(connecting, coins, signal);
    };
    const node = await opened(tree, trunk, snapshot, { validator: { ...fair, connect } });
    sleep = node.sleep;
    await node.load();
    await node.give(trunk);
    assert.equal(node.chain.states.background, undefined);
    const newest = heights.indexOf(40);
    // The first was there alone for a moment.
    assert.deepEqual(heights.slice(0, newest).filter((height) => height <= 30), [1]);
    await node.close();
  });

  test("whose block is found to be invalid while its coins are read is not taken", async () => {
    const { tree, trunk } = grown(30);
    const snapshot = await snapshotOf(tree, trunk[19]!.row, regtest);
    const node = await opened(tree, trunk, snapshot);
    const base = node.rowOf(trunk[19]!);
    const coins = { at: base, staged: { count: 0 }, transactions: undefined };
    node.chain.condemn(base);
    await assert.rejects(
      node.until(node.chain.states.take({ base, hash: new Uint8Array(32) }, coins)),
      /is part of an invalid chain/,
    );
    assert.deepEqual([node.height(), node.chain.states.background], [0, undefined]);
    await node.close();
  });

  test("that is false is set aside when all blocks are there, and the chain goes on without it", async () => {
    const { tree, trunk } = grown(30);
    const change = (
      coin: { value: bigint; scriptPubKey: Uint8Array; height: number; isCoinbase: boolean },
      i: number,
    ) => i === 3 ? { ...coin, value: coin.value + 1n } : coin;
    const snapshot = await snapshotOf(tree, trunk[19]!.row, regtest, change);
    let node = await opened(tree, trunk, snapshot);
    await node.load();
    await node.give([...trunk.slice(20), ...trunk.slice(0, 12)]);
    assert.equal(node.height(), 30);
    const before = node.wrong.length;
    await node.close();
    node = await opened(tree, [], snapshot, { store: node.store });
    await node.give(trunk.slice(12, 20));
    assert.deepEqual([node.height(), node.chain.states.background], [30, undefined]);
    assert.equal(await node.hash(), await tree.hashAfter(trunk[29]!.row), "made of the blocks");
    assert.match(
      node.told.join("\n"),
      /error the snapshot of block \w+ at height 20 is NOT VALID and is set aside: its coins/,
    );
    assert.match(String(node.chain.warnings), /^the snapshot of block \w+ at height 20 is NOT VALID and is set aside/);
    assert.deepEqual(node.wrong, [], `${before} blocks were held against false coins`);
    const told = await node.topics();
    const states = told.filter(({ topic }) => topic === "bitcoin.snapshot").map(({ data }) => data.state);
    assert.deepEqual(states, ["loaded", "refused"]);
    assert.equal(told.filter(({ topic }) => topic === "bitcoin.reorg").length, 1);
    await node.close();
    node = await opened(tree, [], snapshot, { store: node.store });
    assert.deepEqual([node.height(), node.chain.states.background], [30, undefined]);
    await node.close();
  });

  const BAD = refuse("consensus", "bad-test", "for the test");
  const late = { ok: true, scripts: Promise.resolve(BAD) } as const;
  for (const [what, verdict] of [["breaks a rule", BAD], ["has a bad script", late]] as const) {
    test(`whose chain has a block that ${what} is set aside with it`, async () => {
      const { tree, trunk } = grown(30);
      const snapshot = await snapshotOf(tree, trunk[19]!.row, regtest);
      const fair = treeValidator(tree, assert.fail);
      const validator: BlockValidator = {
        ...fair,
        connect: async (connecting, coins, signal) =>
          connecting.view.height === 9 ? verdict : await fair.connect(connecting, coins, signal),
      };
      const node = await opened(tree, trunk, snapshot, { validator });
      await node.load();
      await node.give(trunk.slice(20));
      assert.equal(node.height(), 30);
      await node.give(trunk.slice(0, 20));
      assert.deepEqual([node.height(), node.chain.states.background], [8, undefined]);
      assert.equal(await node.hash(), await tree.hashAfter(trunk[7]!.row));
      assert.match(
        node.told.join("\n"),
        /NOT VALID and is set aside: block \w+ at height 9, on which it is built, is refused/,
      );
      await node.close();
    });
  }
});

describe("rolledBack()", () => {
  const signal = new AbortController().signal;
  const none = { bytes: new Uint8Array(), assumed: { height: 0, block: new Uint8Array(32), hash: new Uint8Array(32) } };

  test("tells the coins of every block before, also while others are connected", async () => {
    const { tree, trunk } = grown(60);
    const node = await opened(tree, trunk, none as unknown as TreeSnapshot);
    await node.give(trunk.slice(0, 50));
    const found = await node.until(node.chain.readCoins(async (now) => {
      const hashes: string[] = [];
      for (let height = 0; height <= 50; height += 7) {
        const reading = await node.chain.states.rolledBack(now, node.chain.activeAt(height), signal);
        assert.equal(node.chain.headers.height(reading.at!), height);
        hashes.push(await hashOf(reading));
        for (const each of trunk.slice(50, 55)) node.chain.addBlock(node.rowOf(each), each.block);
      }
      return hashes;
    }));
    const rows = found!.map((_, i) => i === 0 ? 0 : trunk[7 * i - 1]!.row);
    assert.deepEqual(found, await Promise.all(rows.map((row) => tree.hashAfter(row))));
    await node.give(trunk.slice(55));
    assert.deepEqual([node.height(), node.wrong], [60, []]);
    await node.close();
  });

  test("refuses blocks of other branches, blocks that are gone, and more than the memory holds", async () => {
    const { tree, trunk } = grown(40);
    const branch = tree.mine(trunk[20]!.row);
    const node = await opened(tree, [...trunk, branch], none as unknown as TreeSnapshot);
    await node.give(trunk);
    const back = (row: number) =>
      node.until(node.chain.readCoins((now) => node.chain.states.rolledBack(now, row, signal)));
    await assert.rejects(back(node.rowOf(branch)), { code: "ROLLBACK_IMPOSSIBLE", message: /requested height\.$/ });
    node.chain.dropData([node.chain.activeAt(30)]);
    await assert.rejects(back(node.chain.activeAt(20)), { code: "ROLLBACK_IMPOSSIBLE", message: /already pruned\.$/ });
    await back(node.chain.activeAt(30));
    await node.close();
    const small = await opened(tree, trunk, none as unknown as TreeSnapshot, { bytesMax: 5_000 });
    await small.give(trunk);
    const far = small.chain.readCoins((now) => small.chain.states.rolledBack(now, small.chain.activeAt(1), signal));
    await assert.rejects(small.until(far), { code: "ROLLBACK_TOO_FAR", message: /\(--coins-cache\)/ });
    await small.close();
  });
});

/** The hash of the coins of a reading, as people see it. */
async function hashOf({ all }: CoinReading): Promise<string> {
  const { hash } = await coinStatistics(all, "hash_serialized_3", () => Promise.resolve());
  return toDisplayHex(hash!);
}
