/** Stories of nodes that follow one another. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ByteDuplex } from "../../lib/core/ports.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { newPeak, requestBlock, respondBlock } from "../../lib/chia/protocol/mod.ts";
import { LinkageValidator } from "../../lib/chia/chain/linkage.ts";
import type { BlockValidator } from "../../lib/chia/chain/validator.ts";
import type { Incoming } from "../../lib/chia/peers/session.ts";
import { hashAt, network, recorded, slowed, tipOf, World } from "./world.ts";

describe("a node that follows", () => {
  test("from genesis over three peers, one slow and one that dies on the way", async () => {
    const world = new World();
    const [a, b, c] = [
      await world.node("10.0.0.1", { blocks: 1_200 }),
      await world.node("10.0.0.2", { blocks: 1_200 }),
      await world.node("10.0.0.3", { blocks: 1_200 }),
    ];
    let dying: ByteDuplex | undefined;
    world.links.set(a.host, (duplex) => slowed(duplex, world.clock, () => 20));
    // Quick until it is trusted with batches, then so slow that they are given to others as well.
    world.links.set(b.host, (duplex) => slowed(duplex, world.clock, (chunk) => (chunk < 8 ? 20 : 20_000)));
    world.links.set(c.host, (duplex) => slowed(dying = duplex, world.clock, () => 20));
    const follower = await world.node("10.0.0.9", { connect: [a.host, b.host, c.host] });
    await world.until(() => follower.height() >= 200);
    assert.equal(follower.service.state().syncMode, true);
    assert.equal(follower.service.peers().length, 3);
    dying?.destroy();
    await c.stop();
    await world.until(() => follower.height() === 1_199);
    assert.ok(world.clock.monotonic() < 15_000, "no batch of the slow peer was waited for until it timed out");
    assert.equal(tipOf(follower), hashAt(1_199));
    assert.equal((await follower.store.counts()).blocks, 1_200);
    assert.deepEqual(follower.service.bans(), []);
    assert.deepEqual(follower.service.state().agreement, { agree: 2, of: 3 });
    assert.equal(follower.service.state().synced, false, "one of three wanted peers is gone");
    await world.end();
  });

  test("a dial by hand to a peer that is connected, or being dialled, does nothing and says so", async () => {
    const world = new World();
    const other = await world.node("10.0.0.1", { blocks: 3 });
    const node = await world.node("10.0.0.2");
    const { port } = other.node.peerNetwork.listenAddress!;
    const dials = [1, 2, 3].map(() =>
      node.service.connect(other.host, port).then(() => "made", (e: Error) => e.message)
    );
    const ends = await world.clock.until(Promise.all(dials));
    const again = `already connected to ${other.host}:${port}`;
    assert.deepEqual(ends.toSorted(), [again, again, "made"]);
    await assert.rejects(world.clock.until(node.service.connect(other.host, port)), { code: "ALREADY_CONNECTED" });
    assert.equal(node.service.peers().length, 1);
    await world.end();
  });

  test("is synced when all named peers agree, keeps up with new tips, and passes them on", async () => {
    const world = new World();
    const first = await world.node("10.0.0.1", { blocks: 300 });
    const second = await world.node("10.0.0.2", { blocks: 300 });
    const middle = await world.node("10.0.0.3", { connect: [first.host, second.host] });
    const last = await world.node("10.0.0.4", { connect: [middle.host] });
    await world.until(() => middle.service.state().synced && last.service.state().synced);
    for (let height = 300; height < 310; height++) {
      await world.clock.until(first.node.feed(recorded(height, height + 1)));
      await world.clock.until(second.node.feed(recorded(height, height + 1)));
      await world.until(() => last.height() === height && last.service.state().synced && middle.service.state().synced);
    }
    assert.equal(tipOf(last), hashAt(309));
    const events = await last.store.events.read(0, 10_000);
    assert.equal(events.filter(({ topic }) => topic === "chia.block").length, 310);
    assert.ok(events.some(({ topic, data }) => topic === "chia.sync" && data.synced === true));
    await world.end();
  });

  test("over a connection in both directions of two that name each other, which they keep", async () => {
    const world = new World();
    const a = await world.node("10.0.0.1", { connect: ["10.0.0.2"], blocks: 50 });
    const b = await world.node("10.0.0.2", { connect: ["10.0.0.1"] });
    await world.until(() => a.service.state().synced && b.service.state().synced);
    await world.clock.advance(20_000);
    const joined = async () =>
      (await b.store.events.read(0, 10_000)).filter(({ topic }) => topic === "p2p.handshake").length;
    const before = await joined();
    await world.clock.advance(120_000);
    assert.equal(await joined(), before, "the connection stands");
    assert.equal(b.service.peers().length, 1);
    assert.ok(a.service.state().synced && b.service.state().synced);
    await world.end();
  });

  test("says how far the chain in its store was checked, not how far it would check", async () => {
    const world = new World();
    const before = await world.node("10.0.0.1", { blocks: 60 });
    await before.stop();
    const linkage = new LinkageValidator(network.constants);
    const validator: BlockValidator = {
      level: "full",
      link: (candidate, view) => linkage.link(candidate, view),
      prove: (frames) => linkage.prove(frames),
      spend: () => linkage.spend(),
    };
    const after = await world.node("10.0.0.1", { store: before.store, validator });
    assert.equal(after.service.state().validation, "linkage");
    await world.clock.until(after.node.feed(recorded(60, 70)));
    assert.equal(after.service.state().validation, "linkage");
    const anew = await world.node("10.0.0.2", { blocks: 10, validator });
    assert.equal(anew.service.state().validation, "full");
    await world.end();
  });

  test("restarts where it stood and asks for no stored block again", async () => {
    const world = new World();
    const source = await world.node("10.0.0.1", { blocks: 400 });
    const before = await world.node("10.0.0.9", { connect: [source.host] });
    await world.until(() => before.height() === 399);
    await before.stop();
    for (let at = 400; at < 500; at += 100) await world.clock.until(source.node.feed(recorded(at, at + 100)));

    let bytes = 0;
    world.links.set(source.host, (duplex) => {
      const readable = duplex.readable.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            bytes += chunk.length;
            controller.enqueue(chunk);
          },
        }),
      );
      return Object.create(duplex, { readable: { value: readable } }) as ByteDuplex;
    });
    const after = await world.node("10.0.0.9", { connect: [source.host], store: before.store });
    assert.equal(after.height(), 399);
    await world.until(() => after.height() === 499);
    const wanted = recorded(400, 500).reduce((sum, { raw }) => sum + raw.length, 0);
    assert.ok(bytes < wanted + 12_000, `${bytes} bytes for blocks of ${wanted}`);
    const events = await after.store.events.read(0, 10_000);
    const heights = events.filter(({ topic }) => topic === "chia.block").map(({ data }) => data.height);
    assert.deepEqual(heights, Array.from({ length: 500 }, (_, height) => height), "each block once, over both lives");
    await world.end();
  });

  test("tells others of a tip with its fork point, and not the peer that gave it", async () => {
    const world = new World();
    const given = recorded(0, 45);
    const heard: string[] = [];
    const hear = (name: string, { message, data }: Incoming) => {
      if (message.id === newPeak.id) heard.push(`${name} ${newPeak.body.decode(data).forkPointWithPreviousPeak}`);
    };
    const tip = given[44] ?? assert.fail("no block");
    const { height, weight } = tip.block.rewardChainBlock;
    const unfinishedRewardBlockHash = tip.block.foliage.foliageBlockData.unfinishedRewardBlockHash;
    const endGiver = await world.actor("10.0.0.1", async (session, incoming) => {
      hear("giver", incoming);
      if (incoming.message.id !== requestBlock.id) return;
      const asked = given[requestBlock.body.decode(incoming.data).height];
      if (asked !== undefined) await session.sendBytes(respondBlock, asked.raw, incoming.id);
    }, (session) =>
      session.send(newPeak, {
        headerHash: tip.headerHash,
        height,
        weight,
        forkPointWithPreviousPeak: height - 1,
        unfinishedRewardBlockHash,
      }));
    const endHearer = await world.actor("10.0.0.2", (_, incoming) => hear("hearer", incoming), () => Promise.resolve());
    const follower = await world.node("10.0.0.9", { connect: ["10.0.0.2"], blocks: 40 });
    await world.until(() => heard.length === 1);
    await world.clock.until(follower.service.connect("10.0.0.1", 8444));
    await world.until(() => follower.height() === 44);
    await world.clock.advance(1_000);
    assert.deepEqual(heard.sort(), ["giver 39", "hearer 39", "hearer 39"], "greetings, and one new tip to one of them");
    await endGiver();
    await endHearer();
    await world.end();
  });

  test("waits for a peer that is not there yet, and for one that comes back", async () => {
    const world = new World();
    const follower = await world.node("10.0.0.9", { connect: ["10.0.0.1"] });
    await world.clock.advance(60_000);
    assert.equal(follower.service.peers().length, 0);
    const source = await world.node("10.0.0.1", { blocks: 40 });
    await world.until(() => follower.service.state().synced);
    await source.stop();
    await world.until(() => !follower.service.state().synced);
    const again = await world.node("10.0.0.1", { store: source.store });
    await world.clock.until(again.node.feed(recorded(40, 60)));
    await world.until(() => follower.height() === 59);
    assert.equal(toHex(follower.chain.peak?.headerHash ?? new Uint8Array()), hashAt(59));
    await world.end();
  });
});
