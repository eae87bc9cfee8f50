/** Stories of a node that serves block filters, its peers, and light clients of our own beside it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BlockValidator } from "../../lib/bitcoin/chain/validator.ts";
import { structureValidator } from "../../lib/bitcoin/chain/validator.ts";
import type { Coin } from "../../lib/bitcoin/coins/coin.ts";
import { changesOf, outsideInputs } from "../../lib/bitcoin/coins/changes.ts";
import { filterHeaders } from "../../lib/bitcoin/filters/mod.ts";
import { ZERO_HASH } from "../../lib/bitcoin/hash.ts";
import { MemoryFilterStore } from "../../lib/bitcoin/indexes/filter-store.ts";
import { ServiceFlag } from "../../lib/bitcoin/types/mod.ts";
import {
  type AnyMessage,
  type BodyOf,
  CFCheckpt,
  CFHeaders,
  CFilter,
  GetCFCheckpt,
  GetCFHeaders,
  GetCFilters,
  type Message,
  Ping,
  Version,
} from "../../lib/bitcoin/wire/mod.ts";
import { type Actor, BitcoinWorld, type Member, type NodeOptions } from "./bitcoin-world.ts";
import { line, PayingChain, scriptOf, truth } from "./paying-chain.ts";

const FULL = "10.0.0.1";
const PEER = "10.0.0.5";
const MINE = [1, 2, 3].map(scriptOf);

/** Keeps coins, and believes all that is said of them. */
const keepsCoins: BlockValidator = {
  level: "full",
  needsCoins: true,
  check: structureValidator.check,
  async connect(connecting, coins) {
    const block = await connecting.load();
    const found = await coins.getMany(outsideInputs(block));
    assert.ok(found.every((coin) => coin !== undefined));
    return { ok: true, changes: changesOf(block, connecting.view.height, found as readonly Coin[]) };
  },
};

/** So many blocks, some of which pay and spend. */
function someChain(world: BitcoinWorld, height: number): PayingChain {
  const chain = new PayingChain(world.now);
  const [, reward] = [chain.extend(3), chain.pay([], MINE[0])[0]!];
  const [, paid, other] = chain.pay([{ spends: [reward], pays: [MINE[1]!, scriptOf(901)] }]);
  chain.pay([{ spends: [paid!], pays: [MINE[2]!] }, { spends: [other!, { payment: 0, vout: 0 }], pays: [MINE[0]!] }]);
  return chain.extend(height - chain.height);
}

/** A full node with the blocks of a chain, which serves their filters. */
async function serving(world: BitcoinWorld, chain: PayingChain, options: NodeOptions = {}): Promise<Member> {
  const node = await world.node(FULL, {
    validator: keepsCoins,
    filters: new MemoryFilterStore(),
    blocks: chain.recording.blocks,
    inboundMax: 32,
    ...options,
  });
  await world.until(() => node.node.service.filters?.isSynced ?? true);
  return node;
}

const answers = <T>(actor: Actor, message: Message<string, T>): T[] =>
  actor.received.filter((each) => each.message === message).map(({ body }) => body as T);

/** Asks as a peer of its own, and resolves when the node has dealt with it: it has answered, or hung up. */
async function ask<T>(world: BitcoinWorld, message: Message<string, T>, body: T, from = PEER): Promise<Actor> {
  const actor = await world.dialIn(from, FULL);
  await world.until(() => answers(actor, Version).length > 0);
  await actor.send(message, body);
  await actor.send(Ping, { nonce: 5n });
  const isDone = () => actor.isClosed() || actor.received.some((each) => each.message.type === "pong");
  await world.until(isDone);
  return actor;
}

const offered = (actor: Actor) => ((answers(actor, Version)[0]!.services) & ServiceFlag.COMPACT_FILTERS) !== 0n;

describe("a node that serves block filters", () => {
  test("gives the filters, their hashes and every thousandth header, as they follow from the blocks", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world, 2_010);
    const node = await serving(world, chain);
    const headers = filterHeaders(ZERO_HASH, chain.hashesWith());
    const stopHash = chain.block(8).hash;

    const one = await ask(world, GetCFilters, { filterType: 0, startHeight: 4, stopHash });
    assert.ok(offered(one));
    assert.deepEqual(
      answers(one, CFilter),
      [4, 5, 6, 7, 8].map((height) => ({
        ...{ filterType: 0, blockHash: chain.block(height).hash, filter: chain.filters[height]! },
      })),
    );
    const most = await ask(world, GetCFilters, {
      filterType: 0,
      startHeight: 1_011,
      stopHash: chain.block(2_010).hash,
    });
    assert.deepEqual(answers(most, CFilter).map(({ filter }) => filter), chain.filters.slice(1_011));

    for (const [startHeight, stopHeight] of [[0, 0], [0, 8], [5, 5], [11, 2_010]] as const) {
      const stopHash = chain.block(stopHeight).hash;
      const asked = await ask(world, GetCFHeaders, { filterType: 0, startHeight, stopHash });
      assert.deepEqual(answers(asked, CFHeaders), [{
        filterType: 0,
        stopHash,
        previousFilterHeader: startHeight === 0 ? ZERO_HASH : headers[startHeight - 1]!,
        filterHashes: chain.hashesWith().slice(startHeight, stopHeight + 1),
      }]);
    }
    for (const [stopHeight, points] of [[999, []], [1_000, [1_000]], [2_010, [1_000, 2_000]]] as const) {
      const stopHash = chain.block(stopHeight).hash;
      const asked = await ask(world, GetCFCheckpt, { filterType: 0, stopHash });
      const filterHeaders = points.map((height) => headers[height]!);
      assert.deepEqual(answers(asked, CFCheckpt), [{ filterType: 0, stopHash, filterHeaders }]);
    }
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("disconnects who asks for too much, backwards, for another type or up to an unknown block", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world, 2_010);
    const node = await serving(world, chain);
    const stopHash = chain.block(2_010).hash;
    const unknown = new Uint8Array(32).fill(7);
    const [other, missing] = ["filters of type 1 were asked for", "up to a block that we do not have"];
    const wrong: readonly (readonly [AnyMessage, unknown, string])[] = [
      [GetCFilters, { filterType: 0, startHeight: 1_010, stopHash }, "1001 filters or their headers"],
      [GetCFHeaders, { filterType: 0, startHeight: 10, stopHash }, "2001 filters or their headers"],
      ...[GetCFilters, GetCFHeaders].flatMap((message) => [
        [message, { filterType: 0, startHeight: 2_011, stopHash }, "from height 2011 to 2010"] as const,
        [message, { filterType: 1, startHeight: 2_010, stopHash }, other] as const,
        [message, { filterType: 0, startHeight: 0, stopHash: unknown }, missing] as const,
      ]),
      [GetCFCheckpt, { filterType: 1, stopHash }, other],
      [GetCFCheckpt, { filterType: 0, stopHash: unknown }, missing],
    ];
    for (const [message, body, reason] of wrong) {
      const told = node.notices.length;
      const actor = await ask(world, message as Message<string, unknown>, body);
      assert.ok(actor.isClosed(), `${message.type} ${JSON.stringify(body)}`);
      const reasons = node.notices.slice(told).filter((text) => text.includes(reason));
      assert.ok(reasons.length > 0, `${reason}: ${node.notices.slice(told).join("; ")}`);
      assert.equal(actor.received.filter(({ message: { type } }) => type.startsWith("cf")).length, 0);
    }
    assert.deepEqual(node.bans(), [], "that is no misbehaviour");
    await world.end();
  });

  test("says nothing of a filter that is lost, as Core", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world, 1_010);
    const filters = new MemoryFilterStore();
    await serving(world, chain, { filters });
    await world.until(() => world.clock.monotonic() > 5_000);
    const heads = filters.heads.bind(filters);
    filters.entry = () => Promise.resolve(undefined);
    filters.heads = async (hashes) => (await heads(hashes)).map((head, i) => (i === 0 ? undefined : head));
    const stopHash = chain.block(1_010).hash;
    for (const message of [GetCFilters, GetCFHeaders]) {
      const asked = await ask(world, message, { filterType: 0, startHeight: 1_000, stopHash });
      assert.ok(!asked.isClosed());
      assert.equal(asked.received.filter(({ message: { type } }) => type.startsWith("cf")).length, 0);
    }
    const asked = await ask(world, GetCFCheckpt, { filterType: 0, stopHash });
    assert.ok(!asked.isClosed() && answers(asked, CFCheckpt).length === 0);
    await world.end();
  });

  test("serves a branch that was left for as long as its blocks", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world, 20);
    const other = chain.fork(15);
    other.pay([], scriptOf(77));
    other.extend(6, scriptOf(78));
    const node = await serving(world, chain);
    for (const block of other.recording.blocks.slice(15)) {
      await world.clock.until(node.node.service.submitBlock(block.raw));
    }
    assert.equal(node.tip(), other.tip);
    for (const branch of [chain, other]) {
      const stopHash = branch.block(branch.height).hash;
      const asked = await ask(world, GetCFHeaders, { filterType: 0, startHeight: 0, stopHash });
      assert.deepEqual(answers(asked, CFHeaders).map(({ filterHashes }) => filterHashes), [branch.hashesWith()]);
    }
    await world.end();
  });

  test("offers none before all are made, or when it keeps none: it disconnects who asks", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world, 20);
    const plain = await serving(world, chain, { filters: undefined });
    assert.equal(plain.node.service.services & ServiceFlag.COMPACT_FILTERS, 0n);
    const body = { filterType: 0, startHeight: 0, stopHash: chain.block(5).hash };
    for (const message of [GetCFilters, GetCFHeaders]) {
      const asked = await ask(world, message, body);
      assert.ok(asked.isClosed() && !offered(asked));
    }
    const { store } = plain;
    await plain.stop();
    // Switched on late, with a disk that it cannot write to.
    const filters = new MemoryFilterStore();
    const put = filters.put.bind(filters);
    filters.entry = () => Promise.resolve(undefined);
    let isFull = true;
    filters.put = (entries) => isFull ? Promise.reject(new Error("no room on the disk")) : put(entries);
    const late = await world.node(FULL, { validator: keepsCoins, filters, store });
    await world.until(() => late.notices.some((text) => text.includes("no room on the disk")));
    const early = await ask(world, GetCFHeaders, body);
    assert.ok(early.isClosed() && !offered(early));
    isFull = false;
    await world.until(() => late.node.service.filters!.isSynced, 20_000);
    const asked = await ask(world, GetCFHeaders, body);
    assert.ok(offered(asked));
    assert.equal((answers(asked, CFHeaders)[0] as BodyOf<typeof CFHeaders>).filterHashes.length, 6);
    await world.end();
  });

  test("is all that a light client of ours needs, to the last block and through a reorganisation", async () => {
    const world = new BitcoinWorld();
    const chain = someChain(world, 1_200);
    const full = await serving(world, chain);
    const light = await world.node("10.0.0.9", { connect: [FULL], mode: "filters" });
    const { light: service } = light.node.service;
    await world.clock.until(service!.watch(MINE, 0));
    const found = async () => {
      const matches = await world.clock.until(service!.matches(0, 1_000));
      return matches.map(({ height, direction, txid, vout, spend }) =>
        line(height, direction, txid, spend?.vin ?? vout)
      );
    };
    await world.until(() => light.tip() === chain.tip && service!.progress().synced, 60_000);
    assert.deepEqual(await found(), truth(chain, MINE));
    assert.equal(truth(chain, MINE).length, 7);

    const other = chain.fork(1_198);
    const [coin] = other.pay([], MINE[0]);
    other.pay([{ spends: [coin!], pays: [scriptOf(5)] }]);
    other.extend(2, scriptOf(6));
    for (const block of other.recording.blocks.slice(1_198)) {
      await world.clock.until(full.node.service.submitBlock(block.raw));
    }
    await world.until(() => light.tip() === other.tip && service!.progress().synced, 60_000);
    assert.deepEqual(await found(), truth(other, MINE));
    assert.deepEqual([full.bans(), light.bans()], [[], []]);
    await world.end();
  });
});
