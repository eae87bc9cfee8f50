/** Stories of a light node among peers that serve block filters, some of them false. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryLightStore } from "../../lib/bitcoin/light/mod.ts";
import { filterHeaders } from "../../lib/bitcoin/filters/mod.ts";
import { toDisplayHex, ZERO_HASH } from "../../lib/bitcoin/hash.ts";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import { Block, InvType } from "../../lib/bitcoin/types/mod.ts";
import {
  Block as BlockMessage,
  type BodyOf,
  CFilter,
  GetCFCheckpt,
  GetCFHeaders,
  GetCFilters,
  GetData,
  Inv,
} from "../../lib/bitcoin/wire/mod.ts";
import { MemoryEventLog } from "../../lib/storage/event-log.ts";
import { type Actor, BitcoinWorld, type Member, type NodeOptions, serving } from "./bitcoin-world.ts";
import {
  FILTER_SERVICES,
  filterPeer,
  line,
  type Manner,
  PayingChain,
  scriptOf,
  servingFilters,
  truth,
} from "./paying-chain.ts";

const NODE = "10.0.0.9";
const MINE = [1, 2, 3].map(scriptOf);
/** A payment to {@link MINE} that a liar hides. */
const PAID_AT = 12;

/** 20 blocks; our scripts are paid in blocks 5, 12 and 15, and spent from in 15 and 18. */
function someChain(world: BitcoinWorld): PayingChain {
  const chain = new PayingChain(world.now);
  chain.extend(3);
  const [first] = chain.pay([], scriptOf(900));
  const [reward] = chain.pay([], MINE[0]);
  chain.extend(PAID_AT - 6);
  const [other, paid] = chain.pay([{ spends: [first!], pays: [MINE[1]!, scriptOf(901)] }]);
  chain.extend(2);
  const [, change] = chain.pay([{ spends: [reward!], pays: [MINE[2]!] }]);
  chain.extend(2);
  chain.pay([{ spends: [paid!, change!], pays: [scriptOf(902)] }, { spends: [other!], pays: [scriptOf(903)] }]);
  return chain.extend(2);
}

/** A light node. */
function light(world: BitcoinWorld, connect: readonly string[], options: NodeOptions = {}): Promise<Member> {
  return world.node(NODE, { connect, mode: "filters", ...options });
}

async function found(world: BitcoinWorld, { node }: Member): Promise<string[]> {
  const matches = await world.clock.until(node.service.light!.matches(0, 1_000));
  return matches.map(({ height, direction, txid, vout, spend }) => line(height, direction, txid, spend?.vin ?? vout));
}

/** Tells of the tip. */
async function announce(actor: Actor | undefined, chain: PayingChain): Promise<void> {
  await actor?.send(Inv, { inventory: [{ type: InvType.BLOCK, hash: chain.block(chain.height).hash }] });
}

const synced = ({ node }: Member) => node.service.light!.progress().synced;
/** Whether all was done for this chain. */
const syncedWith = (member: Member, chain: PayingChain) => member.tip() === chain.tip && synced(member);
const asksFor = <T extends { readonly message: unknown }>(asked: readonly T[], message: unknown) =>
  asked.filter((each) => each.message === message);

describe("a light node with one honest peer", () => {
  test("finds payments and what spends them, in order, and fetches only those blocks", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const peer = await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, ["10.0.0.1"]);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(node, chain));
    assert.deepEqual(await found(world, node), truth(chain, MINE));
    assert.equal(truth(chain, MINE).length, 6);
    const blocks = asksFor(peer.asked, GetData).length;
    assert.equal(blocks, 4);
    const said = node.events.filter(({ topic }) => topic === "bitcoin.filters_synced");
    assert.deepEqual(said.map(({ data }) => data.height), [chain.height]);
    const events = await node.store.events.read(0, 100);
    assert.equal(events.filter(({ topic }) => topic === "bitcoin.match").length, 6);
    assert.equal(node.node.service.services, 0n);
    assert.equal(node.node.service.state().validation, "headers");
    await world.end();
  });

  test("follows new blocks", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const { actors } = await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, ["10.0.0.1"]);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(node, chain));
    const begun = chain.height;
    const [coin] = chain.pay([], MINE[0]);
    await announce(actors[0], chain);
    await world.until(() => syncedWith(node, chain), 20_000);
    chain.pay([{ spends: [coin!], pays: [MINE[1]!, scriptOf(77)] }]);
    await announce(actors[0], chain);
    await world.until(() => syncedWith(node, chain), 20_000);
    assert.deepEqual(await found(world, node), truth(chain, MINE));
    const told = node.events.filter(({ topic }) => topic === "bitcoin.filters_synced");
    assert.deepEqual(told.map(({ data }) => data.height), [begun, begun + 1, begun + 2]);
    await world.end();
  });

  test("without anything to watch it fetches no filter; what is added later is searched from its birth", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const peer = await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, ["10.0.0.1"]);
    await world.until(() => syncedWith(node, chain));
    assert.equal(asksFor(peer.asked, GetCFilters).length, 0);
    const service = node.node.service.light!;
    await world.clock.until(service.watch([MINE[0]!], 6));
    await world.until(() => synced(node));
    assert.deepEqual(await found(world, node), truth(chain, [MINE[0]!], 6));
    const [span] = asksFor(peer.asked, GetCFilters);
    assert.equal((span!.body as BodyOf<typeof GetCFilters>).startHeight, 6);
    // An earlier birth, and another script: each has its own way to go.
    await world.clock.until(service.watch([MINE[0]!], 0));
    await world.clock.until(service.watch([MINE[1]!], 12));
    await world.until(() => synced(node));
    assert.deepEqual((await found(world, node)).sort(), truth(chain, MINE.slice(0, 2)).sort());
    assert.equal(await world.clock.until(service.unwatch([MINE[0]!])), 1);
    assert.deepEqual(await found(world, node), truth(chain, [MINE[1]!]));
    await world.end();
  });
});

describe("one honest peer against three liars", () => {
  /** Ways to hide block {@link PAID_AT}'s payment. */
  const lies = (chain: PayingChain): Manner[] => [
    { filters: new Map([[PAID_AT, chain.falseFilter(PAID_AT, [MINE[1]!])]]) },
    { filters: new Map([[PAID_AT, chain.falseFilter(PAID_AT, [MINE[1]!], [scriptOf(5)])]]) },
    { filters: new Map([[PAID_AT, Uint8Array.of(0)]]) },
  ];

  test("all at once: the liars are banned and the payment is found", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const hosts = ["10.0.0.61", "10.0.0.62", "10.0.0.63"];
    for (const [i, manner] of lies(chain).entries()) await filterPeer(world, hosts[i]!, chain, manner);
    await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, [...hosts, "10.0.0.1"]);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(node, chain) && node.bans().length === 3);
    assert.deepEqual((await found(world, node)).sort(), truth(chain, MINE).sort());
    for (const ban of node.bans()) assert.match(ban, /told wrong block filters: output_missing/);
    await world.end();
  });

  test("the same lie from all three, believed while they are alone: the honest one turns it over", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const hosts = ["10.0.0.61", "10.0.0.62", "10.0.0.63"];
    const [lie] = lies(chain);
    for (const host of hosts) await filterPeer(world, host, chain, lie);
    const node = await light(world, hosts);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(node, chain));
    assert.notDeepEqual(await found(world, node), truth(chain, MINE));
    await filterPeer(world, "10.0.0.1", chain);
    node.node.service.addNode("10.0.0.1:18444");
    await world.until(() => syncedWith(node, chain) && node.bans().length === 3);
    assert.deepEqual((await found(world, node)).sort(), truth(chain, MINE).sort());
    await world.end();
  });

  test("far behind: the checkpoints tell where to look", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    chain.extend(1_480);
    const [coin] = chain.pay([], MINE[0]);
    chain.extend(999);
    chain.pay([{ spends: [coin!], pays: [scriptOf(50)] }]);
    chain.extend(30);
    const hosts = ["10.0.0.61", "10.0.0.62", "10.0.0.63"];
    const liars: Manner[] = [
      { filters: new Map([[1_501, Uint8Array.of(0)]]) },
      { checkpoints: (headers) => headers.with(1, new Uint8Array(32)) },
      { checkpoints: (headers) => headers.slice(1) },
    ];
    for (const [i, manner] of liars.entries()) await filterPeer(world, hosts[i]!, chain, manner);
    const { asked } = await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, [...hosts, "10.0.0.1"]);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(node, chain) && node.bans().length === 3);
    assert.deepEqual(await found(world, node), truth(chain, MINE));
    assert.ok(asksFor(asked, GetCFCheckpt).length > 0);
    await world.end();
  });
});

describe("a peer of filters that misbehaves", () => {
  /** Bans after a liar and an honest peer have been with the node. */
  async function besideHonest(manner: Manner, watch = true): Promise<{ bans: readonly string[]; complete: boolean }> {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    await filterPeer(world, "10.0.0.66", chain, manner);
    await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, ["10.0.0.66", "10.0.0.1"]);
    if (watch) await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(node, chain));
    await world.clock.advance(30_000);
    const complete = JSON.stringify(await found(world, node)) === JSON.stringify(truth(chain, MINE));
    const bans = node.bans();
    await world.end();
    return { bans, complete };
  }

  test("sends other filters than it told the hashes of: banned", async () => {
    const sends = new Map(Array.from({ length: 21 }, (_, height) => [height, Uint8Array.of(0)] as const));
    const { bans, complete } = await besideHonest({ sends });
    assert.match(bans.join(), /10\.0\.0\.66.*is not the one it told the hash of/);
    assert.ok(complete);
  });

  test("tells fewer headers than asked for: banned", async () => {
    const { bans, complete } = await besideHonest({ headers: (hashes) => hashes.slice(1) });
    assert.match(bans.join(), /10\.0\.0\.66.*19 filter headers where 20 were asked for/);
    assert.ok(complete);
  });

  test("tells headers that follow on others than it agreed to: banned", async () => {
    const { bans, complete } = await besideHonest({ previous: () => new Uint8Array(32) });
    assert.match(bans.join(), /10\.0\.0\.66.*do not follow on what it told before/);
    assert.ok(complete);
  });

  test("tells true checkpoints and false headers between them: banned, and others are asked", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world).extend(2_100);
    await filterPeer(world, "10.0.0.66", chain, { headers: (hashes) => hashes.with(7, new Uint8Array(32)) });
    await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, ["10.0.0.66", "10.0.0.1"]);
    await world.until(() => syncedWith(node, chain));
    assert.match(node.bans().join(), /10\.0\.0\.66.*do not lead to its own checkpoint/);
    const said = node.events.findLast(({ topic }) => topic === "bitcoin.filters_synced");
    assert.equal(said?.data.filter_header, toDisplayHex(filterHeaders(ZERO_HASH, chain.hashesWith()).at(-1)!));
    await world.end();
  });

  test("falls silent: the next block does not wait for it again", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    await filterPeer(world, "10.0.0.66", chain, { ignores: (message) => message === GetCFHeaders });
    const { actors } = await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, ["10.0.0.66", "10.0.0.1"]);
    await world.until(() => syncedWith(node, chain));
    chain.extend(1);
    await announce(actors[0], chain);
    await world.until(() => syncedWith(node, chain), 5_000);
    await world.end();
  });

  for (const silent of [GetCFHeaders, GetCFilters, GetData]) {
    test(`never answers ${silent.type}: others are asked, and nobody is banned`, async () => {
      const { bans, complete } = await besideHonest({ ignores: (message) => message === silent });
      assert.deepEqual(bans, []);
      assert.ok(complete);
    });
  }

  test("hides what only its transaction's giver could tell: it is outvoted, and rests", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    // Block 18 spends from our scripts, whose inputs give nothing away.
    const lie = { filters: new Map([[18, chain.falseFilter(18, MINE)]]) };
    await filterPeer(world, "10.0.0.66", chain, lie);
    await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, ["10.0.0.66", "10.0.0.1"]);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    // One against one: nobody can tell who is right, so nothing is believed.
    await world.clock.advance(45_000);
    assert.equal(node.node.service.light!.progress().filterHeaders, 0);
    await filterPeer(world, "10.0.0.2", chain);
    node.node.service.addNode("10.0.0.2:18444");
    await world.until(() => syncedWith(node, chain));
    await world.clock.advance(120_000);
    assert.deepEqual(await found(world, node), truth(chain, MINE));
    assert.deepEqual(node.bans(), []);
    const { agreeing, offering } = node.node.service.light!.progress().peers;
    assert.deepEqual([agreeing, offering], [2, 3]);
    await world.end();
  });

  test("honest newcomers who are more than the liars: the vote goes over, and nobody is banned for having lost it", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const lie = { filters: new Map([[18, chain.falseFilter(18, MINE)]]) };
    const liars = ["10.0.0.66", "10.0.0.67"];
    for (const host of liars) await filterPeer(world, host, chain, lie);
    const node = await light(world, liars);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(node, chain));
    assert.notDeepEqual(await found(world, node), truth(chain, MINE));
    for (const host of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) {
      await filterPeer(world, host, chain);
      node.node.service.addNode(`${host}:18444`);
    }
    await world.until(() => syncedWith(node, chain) && node.node.service.light!.progress().peers.agreeing === 3);
    assert.deepEqual(await found(world, node), truth(chain, MINE));
    // The liars come back from their rest, are heard again, and lose again.
    await world.clock.advance(300_000);
    assert.deepEqual(node.node.service.light!.progress().peers, { offering: 5, agreeing: 3 });
    assert.ok(node.notices.filter((each) => /10\.0\.0\.66.*outvoted/.test(each)).length > 1);
    assert.deepEqual(node.bans(), []);
    assert.deepEqual(await found(world, node), truth(chain, MINE));
    await world.end();
  });

  test("gives a block whose transactions are not its header's: banned, and the block comes from another", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const honest = servingFilters(chain);
    await world.actor(
      "10.0.0.66",
      async (actor, message, body) => {
        if (message !== GetData) return await honest(actor, message, body);
        const real = chain.block(PAID_AT);
        const [coinbase] = real.transactions;
        await actor.send(BlockMessage, Block.of(real.header, [coinbase!]));
      },
      () => {},
      FILTER_SERVICES,
    );
    const node = await light(world, ["10.0.0.66"]);
    await world.clock.until(node.node.service.light!.watch([MINE[1]!], PAID_AT));
    await world.until(() => node.bans().length === 1);
    assert.match(node.bans().join(), /bad-txnmrklroot/);
    await filterPeer(world, "10.0.0.1", chain);
    node.node.service.addNode("10.0.0.1:18444");
    await world.until(() => syncedWith(node, chain));
    assert.deepEqual(await found(world, node), truth(chain, [MINE[1]!]));
    await world.end();
  });

  test("has a branch of most work with a block that breaks a rule: the reader leaves the branch", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const good = chain.fork(chain.height);
    const [coin] = chain.pay([]);
    chain.pay([{ spends: [coin!, coin!], pays: [MINE[0]!] }]);
    chain.extend(2);
    await filterPeer(world, "10.0.0.66", chain);
    const node = await light(world, ["10.0.0.66"]);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => node.bans().length === 1);
    assert.match(node.bans().join(), /bad-txns-inputs-duplicate/);
    await world.until(() => node.height() === good.height + 1);
    assert.deepEqual(await found(world, node), truth(good, MINE));
    await filterPeer(world, "10.0.0.1", good.extend(3, Uint8Array.of(0x52)));
    node.node.service.addNode("10.0.0.1:18444");
    await world.until(() => syncedWith(node, good));
    assert.deepEqual(await found(world, node), truth(good, MINE));
    await world.end();
  });

  test("offers no filters: asked for headers only", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const { connections } = await world.actor("10.0.0.2", serving(chain.recording));
    await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, ["10.0.0.2", "10.0.0.1"]);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(node, chain));
    const types = connections.flatMap(({ received }) => received.map(({ message }) => message.type as string));
    assert.equal(types.filter((type) => type.startsWith("getcf")).length, 0);
    await world.end();
  });
});

describe("a light node in the course of time", () => {
  test("a reorganisation takes back what was in the old branch, and finds what is in the new one", async () => {
    const world = new BitcoinWorld();
    const trunk = someChain(world).fork(14);
    const short = trunk.fork(14);
    short.pay([], MINE[0]);
    short.extend(2);
    const long = trunk.fork(14);
    long.extend(2, Uint8Array.of(0x52));
    long.pay([], MINE[1]);
    long.extend(2);
    await filterPeer(world, "10.0.0.1", short);
    const node = await light(world, ["10.0.0.1"]);
    await world.clock.until(node.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(node, short));
    assert.deepEqual(await found(world, node), truth(short, MINE));
    await filterPeer(world, "10.0.0.2", long);
    node.node.service.addNode("10.0.0.2:18444");
    await world.until(() => syncedWith(node, long));
    assert.deepEqual(await found(world, node), truth(long, MINE));
    const events = await node.store.events.read(0, 100);
    const taken = events.filter(({ topic }) => topic === "bitcoin.unmatch");
    assert.deepEqual(taken.map(({ data }) => [data.height, data.direction]), [[15, "in"]]);
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("restarts where it stood: filter headers, scripts and matches are there, and nothing is asked for again", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const store = new MemoryBitcoinStore({ events: new MemoryEventLog() });
    const kept = { store, light: new MemoryLightStore((added) => store.events.append(added)) };
    const { asked } = await filterPeer(world, "10.0.0.1", chain);
    const first = await light(world, ["10.0.0.1"], kept);
    await world.clock.until(first.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(first, chain));
    await first.stop();
    const before = [asksFor(asked, GetCFilters).length, asksFor(asked, GetData).length];
    const [coin] = chain.pay([], MINE[2]);
    chain.pay([{ spends: [coin!], pays: [scriptOf(1_000)] }]);
    const second = await light(world, ["10.0.0.1"], kept);
    assert.equal(second.node.service.light!.progress().filterHeaders, 20);
    assert.equal(second.node.service.light!.watched().length, 3);
    await world.until(() => syncedWith(second, chain));
    assert.deepEqual(await found(world, second), truth(chain, MINE));
    assert.deepEqual([asksFor(asked, GetCFilters).length, asksFor(asked, GetData).length], [
      before[0]! + 1,
      before[1]! + 2,
    ]);
    const last = asksFor(asked, GetCFHeaders).at(-1)!.body as BodyOf<typeof GetCFHeaders>;
    assert.equal(last.startHeight, 21);
    await second.stop();
    await world.end();
  });

  test("died between the chain's step and its own, in a reorganisation: the old branch goes at the next start", async () => {
    const world = new BitcoinWorld();
    const trunk = someChain(world).fork(14);
    const short = trunk.fork(14);
    short.pay([], MINE[0]);
    const long = trunk.fork(14).extend(3, Uint8Array.of(0x52));
    const store = new MemoryBitcoinStore({ events: new MemoryEventLog() });
    const kept = { store, light: new MemoryLightStore((added) => store.events.append(added)) };
    await filterPeer(world, "10.0.0.1", short);
    const first = await light(world, ["10.0.0.1"], kept);
    await world.clock.until(first.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(first, short));
    await first.stop();
    // The chain moves on without the light client.
    await filterPeer(world, "10.0.0.2", long);
    const headersOnly = await world.node(NODE, { connect: ["10.0.0.2"], mode: "headers", store });
    await world.until(() => headersOnly.tip() === long.tip);
    await headersOnly.stop();
    const second = await light(world, ["10.0.0.2"], kept);
    assert.equal(second.node.service.light!.progress().filterHeaders, 14);
    await world.until(() => syncedWith(second, long));
    assert.deepEqual(await found(world, second), truth(long, MINE));
    await world.end();
  });

  test("the chain on disk was told by liars who are gone: a newcomer that proves its own is believed", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const store = new MemoryBitcoinStore({ events: new MemoryEventLog() });
    const kept = { store, light: new MemoryLightStore((added) => store.events.append(added)) };
    const lie = { filters: new Map([[PAID_AT, chain.falseFilter(PAID_AT, [MINE[1]!])]]) };
    await filterPeer(world, "10.0.0.66", chain, lie);
    const first = await light(world, ["10.0.0.66"], kept);
    await world.clock.until(first.node.service.light!.watch(MINE, 0));
    await world.until(() => syncedWith(first, chain));
    await first.stop();
    await filterPeer(world, "10.0.0.1", chain);
    const second = await light(world, ["10.0.0.1"], kept);
    await world.until(() => second.notices.some((each) => /nobody stands for ours/.test(each)));
    await world.until(() => syncedWith(second, chain));
    assert.deepEqual((await found(world, second)).sort(), truth(chain, MINE).sort());
    await second.stop();
    // And the liar, alone with the truth on disk, is found out.
    const third = await light(world, ["10.0.0.66"], kept);
    await world.until(() => third.bans().length === 1);
    assert.equal(third.node.service.light!.progress().filterHeaders, chain.height);
    await world.end();
  });

  test("filters that nobody asked for are no answer and no burden", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world);
    const { actors } = await filterPeer(world, "10.0.0.1", chain);
    const node = await light(world, ["10.0.0.1"]);
    await world.until(() => syncedWith(node, chain));
    await actors[0]!.send(CFilter, { filterType: 0, blockHash: chain.block(3).hash, filter: Uint8Array.of(9, 9, 9) });
    await world.clock.advance(1_000);
    assert.equal(node.node.service.peers().length, 1);
    await world.end();
  });
});
