/** A node that begins with a snapshot gets the newest blocks first, then the old ones, of those that serve them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { equalBytes } from "../../lib/codec/sized.ts";
import { Block as BlockMessage } from "../../lib/bitcoin/wire/mod.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import { MemoryFilterStore } from "../../lib/bitcoin/indexes/filter-store.ts";
import { MemoryEventLog } from "../../lib/storage/event-log.ts";
import { ServiceFlag } from "../../lib/bitcoin/types/mod.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { MemoryFolder } from "../contract/memory-folder.ts";
import { snapshotOf } from "../support/coin-snapshot.ts";
import { CoinTree, type TreeBlock, treeValidator } from "../support/coin-tree.ts";
import { BitcoinWorld, serving } from "./bitcoin-world.ts";

describe("a snapshot in a network", () => {
  test("the tip is reached before the old blocks are, and those come of peers that serve the whole chain", async () => {
    const world = new BitcoinWorld();
    const { clock } = world;
    const tree = new CoinTree(regtest, new SeededRandom(3), clock.now());
    const trunk: TreeBlock[] = [];
    for (let i = 0; i < 420; i++) trunk.push(tree.mine(trunk.at(-1)?.row ?? 0));
    const wrong: string[] = [];
    const validator = treeValidator(tree, (text) => void wrong.push(text));
    const blocks = trunk.map(({ block }) => block);
    const whole = await world.node("10.0.0.1", { blocks, validator });
    const limited = await world.node("10.0.0.2", { blocks, validator, pruneTarget: 1 << 30 });
    const snapshot = await snapshotOf(tree, trunk[399]!.row, regtest);
    const folder = new MemoryFolder();
    folder.files.set("/data/utxo.dat", { bytes: snapshot.bytes, synced: 0 });
    const store = new MemoryBitcoinStore({ events: new MemoryEventLog() });
    const options = {
      ...{ validator, store, files: folder.named("/data"), assumedCoins: [snapshot.assumed] },
      filters: new MemoryFilterStore(),
    };
    let young = await world.node("10.0.0.3", options);
    for (const { raw } of blocks) {
      assert.equal(await young.node.service.submitHeader(raw.slice(0, 80)), undefined);
    }
    const listener = await world.dialIn("10.0.0.9", "10.0.0.3");
    await clock.until(young.node.service.snapshots.load("utxo.dat", new AbortController().signal));
    assert.equal(young.height(), 400);
    await clock.until(clock.sleep(5_000));
    assert.equal(young.node.service.state().initialBlockDownload, false);
    const told = listener.received.map(({ message }) => message.type);
    assert.ok(
      !told.includes("inv") && told.every((name) => name !== "headers"),
      `a block that is not here is told of: ${told}`,
    );
    listener.end();
    await young.stop();
    young = await world.node("10.0.0.3", options);
    const { snapshots, headers } = young.node.service;
    assert.equal(young.height(), 400);
    assert.equal(young.node.service.services & ServiceFlag.NETWORK, 0n);

    // One that serves the last blocks only can bring us to the tip, and no further down.
    await clock.until(young.node.service.connect("10.0.0.2", regtest.defaultPort));
    await clock.until(clock.sleep(60_000));
    assert.deepEqual([young.height(), headers.height(snapshots.background!.head)], [420, 0]);
    assert.equal(young.node.service.peers().length, 1, "it was not asked for what it does not serve");

    await clock.until(young.node.service.connect("10.0.0.1", regtest.defaultPort));
    await clock.until(clock.sleep(60_000));
    assert.deepEqual([young.height(), snapshots.background], [420, undefined]);
    assert.ok(young.notices.some((text) => text.includes("the snapshot at height 400 is validated")));
    assert.notEqual(young.node.service.services & ServiceFlag.NETWORK, 0n);
    await world.until(() => young.node.service.filters?.isSynced === true);
    assert.equal(young.node.service.filters?.height, 420);
    const ends = [whole, limited, young].map(({ node }) => node.service.headers.hash(node.service.tip));
    assert.ok(ends.every((hash) => equalBytes(hash, ends[0]!)));
    assert.deepEqual(wrong, []);
    await world.end();
  });
});

describe("a snapshot in the middle of a sync", () => {
  test("has a peer that was asked for old blocks asked for the newest next", async () => {
    const world = new BitcoinWorld();
    const { clock } = world;
    const tree = new CoinTree(regtest, new SeededRandom(5), clock.now());
    const recording = world.recording();
    const trunk: TreeBlock[] = [];
    for (let i = 0; i < 300; i++) {
      trunk.push(tree.mine(trunk.at(-1)?.row ?? 0));
      recording.add(trunk[i]!.block);
    }
    const asked: number[] = [];
    let isGiving = false;
    const { connections } = await world.actor(
      "10.0.0.1",
      serving(recording, (height) => {
        asked.push(height);
        return isGiving;
      }),
    );
    const snapshot = await snapshotOf(tree, trunk[279]!.row, regtest);
    const folder = new MemoryFolder();
    folder.files.set("/data/utxo.dat", { bytes: snapshot.bytes, synced: 0 });
    const young = await world.node("10.0.0.3", {
      ...{ validator: treeValidator(tree, assert.fail), connect: ["10.0.0.1"] },
      ...{ files: folder.named("/data"), assumedCoins: [snapshot.assumed] },
    });
    await world.until(() => asked.length === 16);
    const { snapshots } = young.node.service;
    await clock.until(snapshots.load("utxo.dat", new AbortController().signal));
    isGiving = true;
    for (const { block } of trunk.slice(0, 16)) await connections[0]!.send(BlockMessage, block);
    await world.until(() => snapshots.background === undefined);
    const heights = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
    const sorted = (some: readonly number[]) => [...some].sort((a, b) => a - b);
    assert.deepEqual(sorted(asked), heights(1, 300), "each once");
    assert.deepEqual(asked.slice(0, 16), heights(1, 16));
    // Of the questions that are under way together the peer answers in an order of its own.
    const next = new Set(asked.slice(16, 16 + 20 + 16));
    assert.deepEqual(heights(281, 300).filter((height) => !next.has(height)), []);
    assert.deepEqual([...next].filter((height) => height > 16 + 32 && height < 281), [], "and the lowest after them");
    assert.equal(young.height(), 300);
    await world.end();
  });
});

describe("a pruned node with a snapshot", () => {
  test("keeps blocks until the chain behind the snapshot has taken them in, and no longer", async () => {
    const world = new BitcoinWorld();
    const { clock } = world;
    const tree = new CoinTree(regtest, new SeededRandom(4), clock.now());
    const trunk: TreeBlock[] = [];
    for (let i = 0; i < 420; i++) trunk.push(tree.mine(trunk.at(-1)?.row ?? 0));
    const wrong: string[] = [];
    const validator = treeValidator(tree, (text) => void wrong.push(text));
    const blocks = trunk.map(({ block }) => block);
    const snapshot = await snapshotOf(tree, trunk[409]!.row, regtest);
    const folder = new MemoryFolder();
    folder.files.set("/data/utxo.dat", { bytes: snapshot.bytes, synced: 0 });
    const young = await world.node("10.0.0.3", {
      ...{ validator, files: folder.named("/data"), assumedCoins: [snapshot.assumed], pruneTarget: 1 },
    });
    const { service } = young.node;
    for (const { raw } of blocks) await service.submitHeader(raw.slice(0, 80));
    await clock.until(service.snapshots.load("utxo.dat", new AbortController().signal));
    const give = async (from: number, to: number) => {
      for (const { raw } of blocks.slice(from, to)) await clock.until(service.submitBlock(raw));
      await clock.until(clock.sleep(5_000));
    };
    const isStored = (height: number) => young.store.block(service.activeAt(height)).then((raw) => raw !== undefined);
    // Every second block is there, and so none but the first can be connected.
    for (let height = 1; height < 410; height += 2) await give(height - 1, height);
    await give(410, 420);
    assert.deepEqual([young.height(), await isStored(411), await isStored(409), await isStored(3)], [
      420,
      true,
      true,
      true,
    ]);
    for (let height = 2; height <= 410; height += 2) await give(height - 1, height);
    await clock.until(service.pruneTo(1_000));
    assert.equal(service.snapshots.background, undefined);
    assert.deepEqual([await isStored(100), await isStored(140), await isStored(420), wrong], [false, true, true, []]);
    await world.end();
  });
});
