/** Transactions between whole nodes and peers that are played by hand. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fullValidator } from "../../lib/bitcoin/chain/full-validator.ts";
import { ScriptCache } from "../../lib/bitcoin/chain/script-cache.ts";
import { scriptVerdict } from "../../lib/bitcoin/chain/script-job.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { DEFAULT_POLICY } from "../../lib/bitcoin/mempool/mod.ts";
import { poolScripts } from "../../lib/bitcoin/mempool/script-job.ts";
import { InvType, NO_ADDRESS, type Transaction } from "../../lib/bitcoin/types/mod.ts";
import {
  type AnyMessage,
  type BodyOf,
  FeeFilter,
  GetData,
  Inv,
  MemPool,
  NotFound,
  Tx,
  Verack,
  Version,
  WtxidRelay,
} from "../../lib/bitcoin/wire/mod.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { InlineWorkers } from "../../lib/core/work/inline-workers.ts";
import { WorldBlocks } from "../../lib/sim/bitcoin/blocks.ts";
import { coinsOf, openOutput, spendOpen, type WorldCoin } from "../../lib/sim/bitcoin/wallet.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { type Actor, BitcoinWorld, type NodeOptions, Recording } from "./bitcoin-world.ts";

const [NODE, OTHER, PEER, WATCHER] = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"] as const;
/** Coinbases of the first ten may be spent. */
const BLOCKS = 110;

/** A node that validates and relays. */
function relaying(random = new SeededRandom(4)): Pick<NodeOptions, "mempool" | "validator"> {
  const scripts = { workers: new InlineWorkers(), engine: "wide", cache: new ScriptCache(random) } as const;
  return { validator: fullValidator(scripts), mempool: { ...scripts, policy: DEFAULT_POLICY, isKept: false } };
}

/** A world, a chain whose coins anybody may spend, and those that are old enough. */
async function scene() {
  // Loading code takes real time, which is not on the test's clock.
  const nothing = { spends: new Uint8Array(), flags: 0, engine: "wide" } as const;
  await scriptVerdict.run(nothing);
  await poolScripts.run({ ...nothing, blockFlags: 0 });
  const world = new BitcoinWorld();
  const chain = new Recording(world.now);
  for (let i = 0; i < BLOCKS; i++) chain.extend(1, openOutput(`block ${i}`));
  const coins: WorldCoin[] = chain.blocks.slice(0, BLOCKS - 100).flatMap(({ transactions }) =>
    coinsOf(transactions[0]!)
  );
  const node = (host: string, options: NodeOptions = {}) =>
    world.node(host, { ...relaying(), blocks: chain.blocks, ...options });
  return { world, chain, coins, node };
}

const bodies = (actor: Actor, message: AnyMessage) =>
  actor.received.filter((each) => each.message === message).map(({ body }) => body);
const told = (actor: Actor) =>
  bodies(actor, Inv).flatMap((body) => (body as BodyOf<typeof Inv>).inventory)
    .filter(({ type }) => type === InvType.WTX).map(({ hash }) => toHex(hash));

/** A peer that dials a node and speaks of transactions by wtxid; it gives what `has` has. */
async function relayPeer(
  world: BitcoinWorld,
  from: string,
  to: string,
  has: readonly Transaction[] = [],
  said: Partial<BodyOf<typeof Version>> = {},
): Promise<Actor> {
  const actor = await world.dialIn(from, to, async (self, message, body) => {
    if (message !== GetData) return;
    for (const { hash } of (body as BodyOf<typeof GetData>).inventory) {
      const found = has.find(({ txid, wtxid }) => [txid, wtxid].some((id) => toHex(id) === toHex(hash)));
      if (found !== undefined) await self.send(Tx, found);
    }
  }, false);
  await actor.send(Version, {
    ...{ version: 70_016, services: 9n, timestamp: BigInt(world.now), addrRecv: NO_ADDRESS, addrFrom: NO_ADDRESS },
    ...{ nonce: 9n, userAgent: "/actor/", startHeight: 0, relay: true, ...said },
  });
  await actor.send(WtxidRelay, {});
  await actor.send(Verack, {});
  await world.until(() => bodies(actor, Verack).length > 0);
  return actor;
}

const wtx = (...all: readonly Transaction[]) => ({
  inventory: all.map(({ wtxid }) => ({ type: InvType.WTX, hash: wtxid })),
});

describe("the relay of transactions", () => {
  test("goes from a peer through two nodes to a peer that asks for what it is told of", async () => {
    const { world, coins, node } = await scene();
    await node(OTHER);
    await node(NODE, { connect: [OTHER] });
    const payment = spendOpen(coins.slice(0, 1), 5_000, 2);
    const giver = await relayPeer(world, PEER, NODE, [payment]);
    const watcher = await relayPeer(world, WATCHER, OTHER);
    await giver.send(Inv, wtx(payment));
    await world.until(() => told(watcher).length > 0);
    assert.deepEqual(told(watcher), [toHex(payment.wtxid)]);
    assert.deepEqual(told(giver), []);
    await watcher.send(GetData, wtx(payment));
    await world.until(() => bodies(watcher, Tx).length > 0);
    assert.deepEqual((bodies(watcher, Tx)[0] as Transaction).raw, payment.raw);
    await world.end();
  });

  test("has a parent that pays nothing come with its child that pays for both", async () => {
    const { world, coins, node } = await scene();
    const { node: { service } } = await node(NODE);
    const truc = { version: 3 };
    const parent = spendOpen(coins.slice(0, 1), 0, 2, truc);
    const child = spendOpen(coinsOf(parent).slice(0, 1), 5_000, 1, truc);
    const giver = await relayPeer(world, PEER, NODE, [parent, child]);
    await giver.send(Inv, wtx(child));
    await world.until(() => service.mempool?.get(child.txid) !== undefined);
    assert.ok(service.mempool?.get(parent.txid));
    assert.deepEqual(service.relay?.orphans(), []);
    await world.end();
  });

  test("gives nobody what it was not told of, and tells all to those who may ask for it", async () => {
    const { world, coins, node } = await scene();
    const { node: { service } } = await node(NODE, { whitelist: [`mempool@${WATCHER}`] });
    const payment = spendOpen(coins.slice(0, 1), 5_000, 1);
    assert.equal((await world.clock.until(service.mempool!.accept(payment))).ok, true);
    const stranger = await relayPeer(world, PEER, NODE);
    await stranger.send(GetData, wtx(payment));
    await world.until(() => bodies(stranger, NotFound).length > 0);
    assert.deepEqual(bodies(stranger, Tx), []);
    const trusted = await relayPeer(world, WATCHER, NODE);
    await trusted.send(MemPool, {});
    await world.until(() => told(trusted).length > 0);
    await trusted.send(GetData, wtx(payment));
    await world.until(() => bodies(trusted, Tx).length > 0);
    await stranger.send(MemPool, {});
    await world.until(() => stranger.isClosed());
    await world.end();
  });

  test("tells a peer that wants none of nothing, and does not answer what it asks for", async () => {
    const { world, coins, node } = await scene();
    const { node: { service } } = await node(NODE);
    const quiet = await relayPeer(world, PEER, NODE, [], { relay: false });
    const payment = spendOpen(coins.slice(0, 1), 5_000, 1);
    await world.clock.until(service.mempool!.accept(payment));
    service.relay!.broadcast(payment.txid);
    await quiet.send(GetData, wtx(payment));
    await world.clock.advance(120_000);
    assert.deepEqual([told(quiet), bodies(quiet, NotFound), bodies(quiet, Tx)], [[], [], []]);
    assert.equal(service.peers()[0]?.relayTransactions, false);
    await world.end();
  });

  for (
    const [what, options, relay] of [
      ["one that relays", {}, true],
      ["one that takes blocks only", { blocksOnly: true }, false],
    ] as const
  ) {
    test(`its version says whether a node takes transactions: ${what}`, async () => {
      const { world, coins, node } = await scene();
      const { node: { service } } = await node(NODE, options);
      const payment = spendOpen(coins.slice(0, 1), 5_000, 1);
      const peer = await relayPeer(world, PEER, NODE, [payment]);
      assert.equal((bodies(peer, Version)[0] as BodyOf<typeof Version>).relay, relay);
      await peer.send(Inv, wtx(payment));
      // A peer that was told not to is sent away.
      await world.until(() => (relay ? service.mempool?.size === 1 : peer.isClosed()));
      assert.equal(bodies(peer, FeeFilter).length, relay ? 1 : 0);
      await world.end();
    });
  }

  test("a transaction that is mined is not asked for again, and the newest block's may still be asked for", async () => {
    const { world, chain, coins, node } = await scene();
    const { node: { service } } = await node(NODE);
    const payment = spendOpen(coins.slice(0, 1), 5_000, 1);
    await world.clock.until(service.mempool!.accept(payment));
    const block = mined(world, chain, payment);
    assert.equal((await world.clock.until(service.submitBlock(block.raw))).kind, "accepted");
    const peer = await relayPeer(world, PEER, NODE, [payment]);
    await peer.send(Inv, wtx(payment));
    await world.clock.advance(60_000);
    assert.deepEqual(bodies(peer, GetData), []);
    await peer.send(GetData, wtx(payment));
    await world.until(() => bodies(peer, Tx).length > 0);
    await world.end();
  });
});

/** A block of a payment on a chain. */
function mined(world: BitcoinWorld, chain: Recording, payment: Transaction) {
  const blocks = new WorldBlocks(world.clock.now(), { history: 0, scriptOf: openOutput });
  for (const { raw } of chain.blocks) blocks.headers.accept(HeaderBatch.fromBytes(raw.slice(0, 80)), world.now);
  return blocks.mine(blocks.headers.best, world.clock.now(), "mined", "valid", [payment]).block;
}
