/** Stories of whose word counts: a chain that strangers tell, peers that only fetch, and a clock that is wrong. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Block as BlockMessage, GetData, GetHeaders } from "../../lib/bitcoin/wire/mod.ts";
import { InvType } from "../../lib/bitcoin/types/mod.ts";
import { LinkageValidator } from "../../lib/chia/chain/linkage.ts";
import type { BlockValidator } from "../../lib/chia/chain/validator.ts";
import type { Candidate } from "../../lib/chia/chain/verdict.ts";
import {
  newPeak,
  rejectBlock,
  rejectBlocks,
  requestBlock,
  requestBlocks,
  respondBlock,
  respondBlocks,
} from "../../lib/chia/protocol/mod.ts";
import { candidateOf } from "../../lib/chia/chain/raw-blocks.ts";
import { FullBlock } from "../../lib/chia/types/mod.ts";
import type { ChiaSession, Incoming } from "../../lib/chia/peers/session.ts";
import { BitcoinWorld, mine, serving } from "./bitcoin-world.ts";
import { hashAt, network, recorded, tipOf, World } from "./world.ts";

const PEER = "10.0.0.1";
const STRANGER = "10.0.0.66";
const NODE = "10.0.0.9";

const syncsSaid = (events: readonly { readonly topic: string; readonly data: unknown }[], topic: string) =>
  events.filter((event) => event.topic === topic).map(({ data }) => (data as { synced: boolean }).synced);

describe("a Chia chain that only strangers tell", () => {
  test("neither becomes the peak nor is announced, until a peer of our choice stands on it", async () => {
    const world = new World();
    const chosen = await world.node(PEER, { blocks: 60 });
    const node = await world.node(NODE, { connect: [PEER] });
    await world.until(() => node.service.state().synced);
    const stranger = await world.node(STRANGER, { connect: [NODE], blocks: 63 });
    await world.clock.advance(120_000);
    assert.equal(stranger.service.peers().length, 1);
    assert.equal(node.height(), 59);
    assert.deepEqual(await node.store.counts().then(({ blocks }) => blocks), 60, "nothing of it is kept");
    assert.equal(chosen.service.peers()[0]?.peakHeight, 59, "nothing of it was announced");
    assert.ok(node.service.state().synced);
    assert.equal(node.service.state().bestPeerHeight, 59, "nor does it make us look behind");
    assert.equal(node.notices.filter((each) => /waits until a peer that we dialled/.test(each)).length, 1);
    await world.clock.until(chosen.node.feed(recorded(60, 63)));
    await world.until(() => tipOf(node) === hashAt(62));
    assert.deepEqual([...node.service.bans(), ...chosen.service.bans()], []);
    await world.end();
  });

  for (const strangers of [1, 3]) {
    test(`is not taken in with the last batch of a sync either, from ${strangers} that announce our choice's tip`, async () => {
      const world = new World();
      const blocks = recorded(0, 192);
      const tip = blocks.at(-1)!;
      const { foliage, ...rest } = FullBlock.decode(tip.raw);
      const foliageBlockData = { ...foliage.foliageBlockData, extensionData: new Uint8Array(32).fill(7) };
      const forged = candidateOf(FullBlock.encode({ ...rest, foliage: { ...foliage, foliageBlockData } }));
      const sessions: ChiaSession[] = [];
      const end = await world.actor(
        PEER,
        giving(blocks),
        (session) => Promise.resolve(void sessions.push(session)),
      );
      const node = await world.node(NODE, { connect: [PEER] });
      await world.until(() => sessions.length === 1);
      const announced = { ...placeOf(191), unfinishedRewardBlockHash: new Uint8Array(32) };
      for (let i = 1; i <= strangers; i++) {
        const stranger = await world.dialIn(`10.0.1.${i}`, NODE);
        void stranger.run((incoming) => giving([...blocks.slice(0, -1), forged])(stranger, incoming));
        await world.clock.until(stranger.send(newPeak, announced));
      }
      await world.clock.advance(1_000);
      assert.equal(node.height(), -1, "nothing is fetched for strangers");
      await world.clock.until(sessions[0]!.send(newPeak, announced));
      await world.until(() => tipOf(node) === hashAt(191), 60_000);
      await world.until(() => node.service.state().synced, 60_000);
      assert.deepEqual(node.service.bans(), []);
      await end();
      await node.stop();
      await world.end();
    });
  }

  test("becomes the peak at once where blocks are validated in full", async () => {
    const world = new World();
    const linkage = new LinkageValidator(network.constants);
    const validator: BlockValidator = {
      level: "full",
      link: (candidate, view) => linkage.link(candidate, view),
      prove: (frames) => linkage.prove(frames),
      spend: () => linkage.spend(),
    };
    await world.node(PEER, { blocks: 60 });
    const node = await world.node(NODE, { connect: [PEER], validator });
    await world.until(() => node.height() === 59);
    await world.node(STRANGER, { connect: [NODE], blocks: 63 });
    await world.until(() => tipOf(node) === hashAt(62), 10_000);
    await world.end();
  });
});

/** Where a recorded block stands, as an announcement tells it. */
const placeOf = (height: number) => {
  const [{ block, headerHash }] = recorded(height, height + 1) as [Candidate];
  const { weight } = block.rewardChainBlock;
  return { headerHash, height, weight, forkPointWithPreviousPeak: height - 1 };
};

/** Answers like a node that has these blocks. */
const giving = (blocks: readonly Candidate[]) => async (session: ChiaSession, { message, data, id }: Incoming) => {
  if (message.id === requestBlock.id) {
    const { height } = requestBlock.body.decode(data);
    const block = blocks[height];
    if (block === undefined) await session.send(rejectBlock, { height }, id);
    else await session.sendBytes(respondBlock, block.raw, id);
  } else if (message.id === requestBlocks.id) {
    const { startHeight, endHeight } = requestBlocks.body.decode(data);
    const range = blocks.slice(startHeight, endHeight + 1).map(({ block }) => block);
    if (range.length <= endHeight - startHeight) await session.send(rejectBlocks, { startHeight, endHeight }, id);
    else await session.send(respondBlocks, { startHeight, endHeight, blocks: range }, id);
  }
};

describe("a Chia peer that takes our peak from us", () => {
  /** A peer of our choice that fetches what we announce, and may keep it. */
  async function fetching(keeps: boolean) {
    const world = new World();
    const held = new Map(recorded(0, 60).map(({ raw }, height) => [height, raw]));
    let fetched = 0;
    const end = await world.actor(PEER, async (session: ChiaSession, { message, data, id }: Incoming) => {
      if (message.id === requestBlock.id) {
        const { height } = requestBlock.body.decode(data);
        const raw = held.get(height);
        if (raw === undefined) await session.send(rejectBlock, { height }, id);
        else await session.sendBytes(respondBlock, raw, id);
      } else if (message.id === newPeak.id) {
        const { height } = newPeak.body.decode(data);
        if (held.has(height)) return;
        const reply = await session.request(requestBlock, { height, includeTransactionBlock: true }, 10_000);
        fetched += 1;
        if (keeps) held.set(height, reply.data);
      }
    }, (session) => session.send(newPeak, { ...placeOf(59), unfinishedRewardBlockHash: new Uint8Array(32) }));
    const node = await world.node(NODE, { connect: [PEER], blocks: 60 });
    await world.until(() => node.service.state().synced);
    await world.clock.until(node.node.feed(recorded(60, 61)));
    await world.until(() => fetched === 1, 5_000);
    return { world, node, end };
  }
  test("does not agree with it for that, and a minute later the node is not synced", async () => {
    const { world, node, end } = await fetching(false);
    assert.deepEqual(node.service.state().agreement, { agree: 0, of: 1 });
    assert.ok(node.service.state().synced, "for a moment it may be on its way");
    await world.clock.advance(70_000);
    assert.deepEqual(node.service.state().agreement, { agree: 0, of: 1 });
    assert.equal(node.service.state().synced, false);
    await end();
    await world.end();
  });

  test("is asked for its word, which counts", async () => {
    const { world, node, end } = await fetching(true);
    assert.deepEqual(node.service.state().agreement, { agree: 0, of: 1 });
    await world.until(() => node.service.state().agreement.agree === 1, 15_000);
    await world.clock.advance(120_000);
    assert.deepEqual(syncsSaid(await node.store.events.read(0, 10_000), "chia.sync"), [true]);
    await end();
    await world.end();
  });
});

describe("a Bitcoin peer that takes our tip from us", () => {
  for (const keeps of [false, true]) {
    test(keeps ? "is asked for its word, which counts" : "does not agree with it for that", async () => {
      const world = new BitcoinWorld();
      const chain = world.recording().extend(20);
      const theirs = chain.fork(20);
      let fetched = 0;
      const { connections } = await world.actor(PEER, async (actor, message, body) => {
        if (message === BlockMessage) fetched += 1;
        await serving(theirs)(actor, message, body);
      });
      const node = await world.node(NODE, { connect: [PEER] });
      await world.until(() => node.node.service.state().synced);
      const block = mine(chain.headers, chain.headers.best, world.now);
      await world.clock.until(node.node.service.submitBlock(block.raw));
      await world.clock.advance(0);
      await connections[0]!.send(GetData, { inventory: [{ type: InvType.WITNESS_BLOCK, hash: block.hash }] });
      await world.until(() => fetched === 1, 5_000);
      if (keeps) theirs.add(block);
      const { state } = { state: () => node.node.service.state() };
      assert.deepEqual(state().agreement, { agree: 0, of: 1 });
      assert.ok(state().synced, "for a moment it may be on its way");
      await world.clock.advance(100_000);
      assert.deepEqual(state().agreement, { agree: Number(keeps), of: 1 });
      assert.deepEqual(syncsSaid(node.events, "bitcoin.sync"), keeps ? [true] : [true, false]);
      await world.end();
    });
  }
});

describe("a clock that is three hours slow", () => {
  test("of a Bitcoin node: a warning, and not synced, until it is set", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(10);
    const ahead = mine(chain.headers, chain.headers.best, world.now, { header: { time: world.now + 10_800 } });
    const longer = chain.fork(10);
    longer.blocks.push(ahead);
    let asked = 0;
    await world.actor(PEER, async (actor, message, body) => {
      if (message === GetHeaders) asked += 1;
      await serving(longer)(actor, message, body);
    });
    const node = await world.node(NODE, { connect: [PEER] });
    await world.until(() => node.height() === 10);
    const { warnings, synced } = node.node.service.state();
    assert.match(warnings.join(), /10800 s ahead of our clock/);
    assert.equal(synced, false);
    assert.equal(node.notices.filter((each) => /warning .*ahead of/.test(each)).length, 1);
    await world.until(() => node.height() === 11, 6 * 3_600_000);
    assert.ok(asked < 100, `${asked} questions`);
    assert.deepEqual(node.node.service.state().warnings, []);
    await world.until(() => node.node.service.state().synced);
    await world.end();
  });

  test("of a Bitcoin node, slipping while it runs: a warning, and no longer synced, until it is set", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(10);
    await world.actor(PEER, serving(chain));
    let slippedMs = 0;
    const { clock } = world;
    const node = await world.node(NODE, {
      connect: [PEER],
      clock: {
        now: () => clock.now() - slippedMs,
        monotonic: () => clock.monotonic(),
        sleep: (ms, signal) => clock.sleep(ms, signal),
        after: (ms, call) => clock.after(ms, call),
      },
    });
    const state = () => node.node.service.state();
    await world.until(() => state().synced);
    slippedMs = 3 * 3_600_000;
    await clock.advance(60_000);
    assert.match(state().warnings.join(), /180 minutes behind/);
    assert.equal(state().synced, false);
    slippedMs = 0;
    await clock.advance(60_000);
    assert.deepEqual(state().warnings, []);
    assert.deepEqual(syncsSaid(node.events, "bitcoin.sync"), [true, false, true]);
    await world.end();
  });

  test("of a Chia node: a warning, and not synced", async () => {
    const world = new World(1_750_000_000_000 - 3 * 3_600_000);
    await world.node(PEER, { blocks: 60 });
    const node = await world.node(NODE, { connect: [PEER] });
    await world.until(() => node.height() === 59);
    assert.match(node.service.state().warnings.join(), /minutes behind/);
    assert.deepEqual(node.service.state().agreement, { agree: 1, of: 1 });
    assert.equal(node.service.state().synced, false);
    await world.clock.advance(4 * 3_600_000);
    assert.deepEqual(node.service.state().warnings, []);
    assert.ok(node.service.state().synced);
    await world.end();
  });
});

describe("a node that is synced", () => {
  test("stays so while blocks come, and says so once: Bitcoin", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(20);
    const first = await world.node(PEER, { blocks: chain.blocks });
    const node = await world.node(NODE, { connect: [PEER] });
    await world.until(() => node.node.service.state().synced);
    for (let i = 0; i < 10; i++) {
      const [block] = chain.extend(1).blocks.slice(-1);
      await world.clock.until(first.node.service.submitBlock(block!.raw));
      await world.until(() => node.tip() === chain.tip, 10_000);
      await world.clock.advance(20_000);
    }
    assert.deepEqual(syncsSaid(node.events, "bitcoin.sync"), [true]);
    await world.end();
  });

  test("stays so while blocks come, and says so once: Chia", async () => {
    const world = new World();
    const first = await world.node(PEER, { blocks: 60 });
    const node = await world.node(NODE, { connect: [PEER] });
    await world.until(() => node.service.state().synced);
    for (let height = 60; height < 80; height++) {
      await world.clock.until(first.node.feed(recorded(height, height + 1)));
      await world.until(() => node.height() === height, 10_000);
      await world.clock.advance(20_000);
    }
    assert.deepEqual(syncsSaid(await node.store.events.read(0, 10_000), "chia.sync"), [true]);
    await world.end();
  });
});

test("two names of --connect that turn out to be one peer have one voice", async () => {
  const world = new BitcoinWorld();
  const chain = world.recording().extend(10);
  await world.actor(PEER, serving(chain));
  const resolve = (name: string) => Promise.resolve([name === "alias.example" ? PEER : name]);
  const node = await world.node(NODE, { connect: [PEER, "alias.example"], resolve });
  await world.until(() => node.node.service.state().synced, 60_000);
  assert.deepEqual(node.node.service.state().agreement, { agree: 1, of: 1 });
  await world.end();
});
