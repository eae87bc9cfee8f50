/** What peers handed over and what waits is part of the memory that they may hold together. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import { memoryOf } from "../../lib/chia/sync/waiting.ts";
import { MemoryBudget } from "../../lib/core/peers/memory-budget.ts";
import { MemoryEventLog } from "../../lib/storage/event-log.ts";
import { BitcoinWorld } from "./bitcoin-world.ts";
import { hashAt, recorded, slowed, tipOf, World } from "./world.ts";

/** What a batch of them counts for. */
const BATCH_BYTES = recorded(32, 64).reduce((sum, block) => sum + memoryOf(block), 0);

/** Two sources of a Chia chain, of which the first has become slow, so that what the second gives has to wait. */
async function waitingSync(bytesMax?: number) {
  const world = new World();
  const memory = new MemoryBudget(world.clock, bytesMax);
  const [a, b] = [await world.node("10.0.0.1", { blocks: 600 }), await world.node("10.0.0.2", { blocks: 600 })];
  world.links.set(a.host, (duplex) => slowed(duplex, world.clock, (chunk) => (chunk === 8 ? 1_900 : 20)));
  world.links.set(b.host, (duplex) => slowed(duplex, world.clock, () => 20));
  const node = await world.node("10.0.0.9", { connect: [a.host, b.host], memory });
  return { world, node, memory };
}

describe("the memory that peers may hold", () => {
  test("counts Chia's batches that wait for an earlier one, and nothing is left of it after the sync", async () => {
    const { world, node, memory } = await waitingSync();
    let most = 0;
    await world.until(() => {
      most = Math.max(most, memory.used);
      return tipOf(node) === hashAt(599);
    }, 120_000);
    assert.ok(most > 2.2 * BATCH_BYTES, `${most} bytes at most`);
    await world.clock.advance(5_000);
    assert.equal(memory.used, 0);
    await world.end();
    assert.equal(memory.used, 0);
  });

  /** Until batches wait for one that is on a slow line, and for none that is just being added. */
  async function stalled({ world, node, memory }: Awaited<ReturnType<typeof waitingSync>>) {
    let height = -1;
    let since = 0;
    await world.until(() => {
      if (height !== node.height() || memory.used < 1.2 * BATCH_BYTES) since = world.clock.monotonic();
      height = node.height();
      return world.clock.monotonic() - since > 500;
    }, 120_000);
  }

  test("has nothing left of a Chia sync that ended while batches waited", async () => {
    const { world, node, memory } = await waitingSync();
    await stalled({ world, node, memory });
    await node.stop();
    assert.equal(memory.used, 0);
    await world.end();
  });

  test("asks the announcer for a Chia batch that was dropped, and blames nobody", async () => {
    const { world, node, memory } = await waitingSync();
    await stalled({ world, node, memory });
    memory.charge(memory.bytesMax - memory.used + 1)();
    assert.ok(memory.used < BATCH_BYTES, "what waited is dropped");
    await world.until(() => tipOf(node) === hashAt(599), 600_000);
    const told = node.notices.filter((text) => /chia\.sync|left/.test(text)).map((text) => text.replace(/^\d+ /, ""));
    assert.equal(told.length, 2, told.join("\n"));
    assert.match(told[0]!, /syncing from height 0 to 599/);
    assert.match(told[1]!, /10\.0\.0\.2.* left: held .* bytes that all peers may hold/);
    assert.deepEqual(node.service.bans(), []);
    await world.end();
  });

  test("a Chia sync whose batches are dropped for it still ends at the tip", async () => {
    // Not eight of them, and more than one.
    const { world, node, memory } = await waitingSync(2.5 * BATCH_BYTES);
    await world.until(() => tipOf(node) === hashAt(599), 600_000);
    assert.deepEqual(node.service.bans(), [], "nobody is blamed for what was dropped");
    await world.end();
    assert.equal(memory.used, 0);
    assert.ok(node.notices.some((text) => /bytes that all peers may hold/.test(text)), "somebody had to go");
  });

  test("counts Bitcoin's blocks until they are on disk", async () => {
    const world = new BitcoinWorld();
    const recording = world.recording().extend(5);
    const source = await world.node("10.0.0.1", { blocks: recording.blocks });
    const store = new MemoryBitcoinStore({ events: new MemoryEventLog() });
    const commit = store.commit.bind(store);
    const disk = Promise.withResolvers<void>();
    let asked = 0;
    store.commit = async (step) => {
      asked += step.blocks?.length ?? 0;
      // The first block of the network is there before there is a peer.
      if (asked > 1) await disk.promise;
      return await commit(step);
    };
    const memory = new MemoryBudget(world.clock);
    const node = await world.node("10.0.0.2", { connect: [source.host], store, memory });
    await world.until(() => asked > 1, 60_000);
    await world.clock.advance(5_000);
    const bytes = recording.blocks.reduce((sum, { raw }) => sum + raw.length, 0);
    assert.equal(memory.used, bytes);
    disk.resolve();
    await world.until(() => node.node.service.state().tip === 5, 60_000);
    assert.equal(memory.used, 0);
    await world.end();
  });
});
