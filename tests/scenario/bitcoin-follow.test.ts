/** Stories of Bitcoin nodes that follow one another. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import { InvType, ServiceFlag } from "../../lib/bitcoin/types/mod.ts";
import { Block as BlockMessage, GetData, GetHeaders } from "../../lib/bitcoin/wire/mod.ts";
import { MemoryEventLog } from "../../lib/storage/event-log.ts";
import { BitcoinWorld, mine, serving } from "./bitcoin-world.ts";

describe("a Bitcoin node that follows", () => {
  for (const v2 of [false, true]) {
    test(`from genesis over two peers, and each new block after that (${v2 ? "v2" : "v1"})`, async () => {
      const world = new BitcoinWorld();
      const chain = world.recording().extend(1_300);
      const a = await world.node("10.0.0.1", { blocks: chain.blocks, v2 });
      const b = await world.node("10.0.0.2", { connect: ["10.0.0.1"], v2 });
      const c = await world.node("10.0.0.3", { connect: ["10.0.0.1", "10.0.0.2"], v2 });
      await world.until(() => c.tip() === chain.tip && b.tip() === chain.tip);
      await world.until(() => c.node.service.state().synced);
      assert.equal(c.node.service.peers()[0]?.transport, v2 ? "v2" : "v1");
      for (let i = 0; i < 5; i++) {
        const [block] = chain.extend(1).blocks.slice(-1);
        assert.ok(block);
        await world.clock.until(a.node.service.submitBlock(block.raw));
        await world.until(() => c.tip() === chain.tip, 10_000);
      }
      assert.equal((await c.store.counts()).blocks, 1_306);
      assert.deepEqual([...a.bans(), ...b.bans(), ...c.bans()], []);
      await world.end();
    });
  }

  test("goes over to the branch of more work, whatever came first, with one event before its blocks", async () => {
    const world = new BitcoinWorld();
    const trunk = world.recording().extend(30);
    const short = trunk.fork(30).extend(10);
    const long = trunk.fork(30).extend(11, Uint8Array.of(0x52));
    const a = await world.node("10.0.0.1", { blocks: short.blocks });
    const b = await world.node("10.0.0.2", { blocks: long.blocks });
    const follower = await world.node("10.0.0.9", { connect: [a.host] });
    await world.until(() => follower.tip() === short.tip);
    follower.node.service.addNode("10.0.0.2:18444");
    await world.until(() => follower.tip() === long.tip);
    await world.until(() => a.tip() === long.tip);
    const events = await follower.store.events.read(0, 1_000);
    const at = events.findIndex(({ topic }) => topic === "bitcoin.reorg");
    assert.deepEqual([events[at]?.data.depth, events[at]?.data.fork_height], [10, 30]);
    assert.deepEqual(
      events.slice(at + 1).map(({ topic, data }) => [topic, data.height]),
      Array.from(
        { length: 11 },
        (_, i) => ["bitcoin.block", 31 + i],
      ),
    );
    const tips = follower.node.service.chainTips();
    assert.deepEqual(tips.map(({ status, branchLength }) => [status, branchLength]), [["active", 0], [
      "valid-fork",
      10,
    ]]);
    assert.equal(b.tip(), long.tip);
    await world.end();
  });

  test("restarts where it stood and asks for no stored block again", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(200);
    const store = new MemoryBitcoinStore({ events: new MemoryEventLog() });
    const asked: number[] = [];
    const count = { asked: 0 };
    await world.actor("10.0.0.1", async (actor, message, body) => {
      if (message === GetData) count.asked += (body as { inventory: unknown[] }).inventory.length;
      await serving(chain)(actor, message, body);
    });
    const first = await world.node("10.0.0.9", { connect: ["10.0.0.1"], store });
    await world.until(() => first.height() === 200);
    await first.stop();
    asked.push(count.asked);
    chain.extend(3);
    const second = await world.node("10.0.0.9", { connect: ["10.0.0.1"], store });
    assert.equal(second.height(), 200);
    await world.until(() => second.height() === 203);
    assert.deepEqual([asked[0], count.asked], [200, 203]);
    await world.end();
  });

  test("asks who came to us when the only peer of our choice gives no blocks", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(10);
    await world.actor("10.0.0.1", serving(chain, () => false));
    const follower = await world.node("10.0.0.8", { connect: ["10.0.0.1"] });
    await world.until(() => follower.node.service.peers().length === 1);
    assert.ok(follower.node.service.state().initialBlockDownload);
    await world.dialIn("10.0.0.2", "10.0.0.8", serving(chain));
    await world.until(() => follower.tip() === chain.tip, 60_000);
    assert.deepEqual(follower.bans(), []);
    await world.end();
  });

  test("stays synced while newcomers are asked what they have, though they never answer", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(10);
    await world.actor("10.0.0.1", serving(chain));
    const follower = await world.node("10.0.0.9", { connect: ["10.0.0.1"] });
    await world.until(() => follower.node.service.state().synced);
    for (let i = 2; i < 6; i++) {
      const newcomer = await world.dialIn(`10.0.0.${i}`, "10.0.0.9");
      await world.until(() => newcomer.received.some(({ message }) => message === GetHeaders));
      assert.equal(follower.node.service.state().synced, true);
      await world.clock.advance(3_000);
    }
    const said = follower.events.filter(({ topic }) => topic === "bitcoin.sync").map(({ data }) => data.synced);
    assert.deepEqual(said, [true]);
    await world.end();
  });

  test("asks again for a header that was ahead of its clock, of whoever told of it, without a new block", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(10);
    // Two hours and a minute ahead.
    const future = mine(chain.headers, chain.headers.best, world.now, { header: { time: world.now + 7_260 } });
    const longer = chain.fork(10);
    longer.blocks.push(future);
    let asked = 0;
    await world.actor("10.0.0.1", async (actor, message, body) => {
      if (message === GetHeaders) asked += 1;
      await serving(longer)(actor, message, body);
    });
    const follower = await world.node("10.0.0.9", { connect: ["10.0.0.1"] });
    await world.until(() => follower.height() === 10);
    await world.until(() => follower.height() === 11, 600_000);
    assert.ok(asked >= 2 && asked < 8, `${asked} questions`);
    assert.deepEqual(follower.bans(), []);
    await world.end();
  });

  test("a pruned node drops its oldest blocks, says so, and ends who asks for one that it does not offer", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(400);
    await world.actor("10.0.0.1", serving(chain));
    const size = chain.blocks.slice(-300).reduce((sum, { raw }) => sum + raw.length, 0);
    const pruned = await world.node("10.0.0.9", { connect: ["10.0.0.1"], pruneTarget: size });
    await world.until(() => pruned.tip() === chain.tip);
    await world.until(() => pruned.node.service.state().pruneHeight > 50);
    const { service } = pruned.node;
    assert.equal(service.services & ServiceFlag.NETWORK, 0n);
    assert.ok((await pruned.store.counts()).blockBytes <= size);
    assert.equal(await service.block(service.activeAt(3)), undefined);
    assert.ok(await service.block(service.activeAt(150)));

    const asking = await world.dialIn("10.0.0.2", "10.0.0.9");
    const ask = (height: number) =>
      asking.send(GetData, { inventory: [{ type: InvType.WITNESS_BLOCK, hash: chain.blocks[height - 1]!.hash }] });
    await ask(400 - 290);
    await world.until(() => asking.received.some(({ message }) => message === BlockMessage));
    assert.ok(!asking.isClosed());
    await ask(400 - 291);
    await world.until(() => asking.isClosed());
    assert.deepEqual(pruned.bans(), []);
    // It is still of use to who wants the newest blocks, and goes on itself.
    chain.extend(2);
    const [next] = chain.blocks.slice(-1);
    await world.clock.until(service.submitBlock(chain.blocks.at(-2)!.raw));
    await world.clock.until(service.submitBlock(next!.raw));
    assert.equal(pruned.height(), 402);
    const before = service.state().pruneHeight;
    await pruned.stop();
    const again = await world.node("10.0.0.9", { store: pruned.store, pruneTarget: size });
    assert.equal(again.node.service.state().pruneHeight, before);
    await world.end();
  });

  test("a headers-only node has the headers and asks for no block", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(2_100);
    let blocks = 0;
    await world.actor("10.0.0.1", async (actor, message, body) => {
      if (message === GetData) blocks += 1;
      await serving(chain)(actor, message, body);
    });
    const light = await world.node("10.0.0.9", { connect: ["10.0.0.1"], mode: "headers" });
    await world.until(() => light.tip() === chain.tip);
    await world.until(() => light.node.service.state().synced);
    assert.deepEqual([blocks, light.node.service.state().validation], [0, "headers"]);
    assert.equal(light.node.service.services, 0n);
    await world.end();
  });

  test(
    "a headers-only node syncs 20,000 headers, and reads them twice where work is demanded",
    { timeout: 120_000 },
    async () => {
      const world = new BitcoinWorld();
      const chain = world.recording().extend(20_000);
      const asked: number[] = [];
      await world.actor("10.0.0.1", async (actor, message, body) => {
        if (message === GetHeaders) asked.push(1);
        await serving(chain)(actor, message, body);
      });
      const plain = await world.node("10.0.0.8", { connect: ["10.0.0.1"], mode: "headers" });
      await world.until(() => plain.tip() === chain.tip);
      const once = asked.length;
      assert.ok(once >= 10 && once <= 14, `${once} questions for ten full answers`);
      // Each header of regtest is worth two hashes: this is the work of the first 19,000.
      const wary = await world.node("10.0.0.9", { connect: ["10.0.0.1"], mode: "headers", minimumWork: 38_000n });
      await world.until(() => wary.tip() === chain.tip);
      assert.ok(asked.length - once >= 2 * 10, `${asked.length - once} questions`);
      assert.equal(wary.height(), 20_000);
      await world.end();
    },
  );
});
