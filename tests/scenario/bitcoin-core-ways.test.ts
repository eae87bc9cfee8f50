/** Stories in which a node does as Bitcoin Core does where other ways would be as good: what Core's own tests look at. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { type Block, InvType, NO_ADDRESS } from "../../lib/bitcoin/types/mod.ts";
import {
  Addr,
  type BodyOf,
  Feature,
  GetBlockTxn,
  GetData,
  GetHeaders,
  packV1,
  Ping,
  Pong,
  SendCmpct,
  SendTxRcncl,
  Verack,
  Version,
} from "../../lib/bitcoin/wire/mod.ts";
import { type Actor, BitcoinWorld, type Member, mine, type Recording, serving } from "./bitcoin-world.ts";

const NODE = "10.0.0.9";
const PEER = "10.0.0.66";
const DAY_S = 86_400;
/** WITNESS, NETWORK and NETWORK_LIMITED. */
const WITNESS = 8n;
const LIMITED = 8n | 1_024n;

const said = (more: Partial<BodyOf<typeof Version>> = {}): BodyOf<typeof Version> => ({
  version: 70_016,
  services: 9n,
  timestamp: 1_750_000_000n,
  addrRecv: NO_ADDRESS,
  addrFrom: NO_ADDRESS,
  nonce: 5n,
  userAgent: "/by hand/",
  startHeight: 0,
  relay: true,
  ...more,
});

/** Whether the node still answers this peer. */
async function answersPing(world: BitcoinWorld, actor: Actor): Promise<boolean> {
  const nonce = BigInt(actor.received.length + 1_000);
  await actor.send(Ping, { nonce });
  await world.clock.advance(10);
  return actor.received.some(({ message, body }) => message === Pong && (body as BodyOf<typeof Pong>).nonce === nonce);
}

describe("blocks beside the active chain", () => {
  /** A node that left a block for a branch of two, all of them `ageS` old. */
  async function reorganised(
    ageS: number,
  ): Promise<{ world: BitcoinWorld; stale: Block; node: Member; chain: Recording }> {
    const world = new BitcoinWorld();
    const on = (chain: Recording, payTo: number) =>
      chain.add(mine(chain.headers, chain.headers.best, world.now - ageS, { payTo: Uint8Array.of(payTo) }));
    const base = world.recording();
    for (let i = 0; i < 3; i++) on(base, 0x51);
    const left = on(base.fork(3), 0x52);
    const chain = on(on(base.fork(3), 0x53), 0x53);
    const stale = left.blocks[3]!;
    const node = await world.node(NODE, { blocks: [...base.blocks, stale, ...chain.blocks.slice(3)] });
    assert.equal(node.height(), 5);
    return { world, stale, node, chain };
  }

  /** What the node answers a peer that asks for the block, by hash, and for its header. */
  async function ask(world: BitcoinWorld, { hash }: Block): Promise<readonly string[]> {
    const actor = await world.dialIn(PEER, NODE);
    await world.clock.advance(100);
    await actor.send(GetData, { inventory: [{ type: InvType.WITNESS_BLOCK, hash }] });
    await actor.send(GetHeaders, { version: 70_016, locator: [], stop: hash });
    assert.ok(await answersPing(world, actor), "nobody is disconnected for asking");
    return actor.received.map(({ message }) => message.type).filter((type) => ["block", "headers"].includes(type));
  }

  test("a recent one is given, and so is its header", async () => {
    const { world, stale } = await reorganised(29 * DAY_S);
    assert.deepEqual(await ask(world, stale), ["block", "headers"]);
    await world.end();
  });

  test("one that is a month older than the best header is not, so that nobody is known by what he remembers", async () => {
    const { world, stale, node, chain } = await reorganised(31 * DAY_S);
    assert.deepEqual(await ask(world, stale), ["block", "headers"], "the best header is as old");
    const fresh = mine(chain.headers, chain.headers.best, world.now);
    await world.clock.until(node.node.service.submitBlock(fresh.raw));
    assert.deepEqual(await ask(world, stale), []);
    assert.deepEqual(await ask(world, chain.blocks[0]!), ["block", "headers"], "the active chain is always served");
    await world.end();
  });

  test("nor by its transactions, once it is too deep for these to be given one by one", async () => {
    const { world, stale, node, chain } = await reorganised(31 * DAY_S);
    for (let i = 0; i < 12; i++) {
      const next = mine(chain.headers, chain.headers.best, world.now);
      chain.add(next);
      await world.clock.until(node.node.service.submitBlock(next.raw));
    }
    const actor = await world.dialIn(PEER, NODE);
    await world.clock.advance(100);
    const given = () => actor.received.filter(({ message }) => ["block", "blocktxn"].includes(message.type)).length;
    await actor.send(GetBlockTxn, { blockHash: stale.hash, indexes: [0] });
    assert.ok(await answersPing(world, actor));
    assert.equal(given(), 0);
    await actor.send(GetBlockTxn, { blockHash: chain.blocks[0]!.hash, indexes: [0] });
    await world.until(() => given() === 1);
    await world.end();
  });

  test("a node whose chain has too little work serves no header at all, and says so at once", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(3);
    const whitelist = ["download@10.0.0.70"];
    await world.node(NODE, { blocks: chain.blocks, minimumWork: 1_000_000n, whitelist });
    const { hash } = chain.blocks[1]!;
    for (const [from, count] of [[PEER, 0], ["10.0.0.70", 1]] as const) {
      const actor = await world.dialIn(from, NODE);
      await world.clock.advance(100);
      await actor.send(GetHeaders, { version: 70_016, locator: [], stop: hash });
      assert.ok(await answersPing(world, actor));
      const answers = actor.received.filter(({ message }) => message.type === "headers");
      assert.deepEqual(answers.map(({ body }) => (body as { headers: unknown[] }).headers.length), [count]);
    }
    await world.end();
  });

  test("one that never was on the active chain is not given, however recent it is", async () => {
    const { world, chain, node } = await reorganised(DAY_S);
    const other = chain.fork(4);
    const beside = mine(other.headers, other.headers.best, world.now - DAY_S, { payTo: Uint8Array.of(0x54) });
    await world.clock.until(node.node.service.submitBlock(beside.raw));
    assert.deepEqual(await ask(world, beside), []);
    await world.end();
  });
});

describe("the peers that blocks are asked of", () => {
  /** What a peer with these services is asked for when it announces what it has. */
  async function askedOf(services: bigint, known: number, ahead: number): Promise<readonly number[]> {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(known + ahead);
    const heights = new Map(chain.blocks.map(({ hash }, i) => [toDisplayHex(hash), i + 1]));
    const asked: number[] = [];
    const serve = serving(chain);
    await world.actor(
      PEER,
      async (actor, message, body) => {
        if (message === GetData) {
          for (const { hash } of (body as BodyOf<typeof GetData>).inventory) {
            asked.push(heights.get(toDisplayHex(hash))!);
          }
        }
        await serve(actor, message, body);
      },
      () => {},
      services,
    );
    const node = await world.node(NODE, { blocks: chain.blocks.slice(0, known) });
    node.node.service.addNode(`${PEER}:18444`);
    await world.until(() => node.node.service.peers()[0]?.syncedHeaders === known + ahead);
    await world.clock.advance(2_000);
    await world.end();
    return asked;
  }

  test("a peer that serves the last blocks only is asked for those less than 286 deep", async () => {
    const asked = await askedOf(LIMITED, 1, 400);
    assert.equal(Math.min(...asked), 401 - 285);
  });

  test("a peer that offers no blocks is asked for those that it announces near the tip", async () => {
    assert.deepEqual(await askedOf(WITNESS, 5, 2), [6, 7]);
  });

  test("and for none when they are many, or when they would come without witnesses", async () => {
    assert.deepEqual(await askedOf(WITNESS, 5, 17), []);
    assert.deepEqual(await askedOf(0n, 5, 2), []);
  });
});

describe("what is negotiated", () => {
  /** A node and a peer between version and verack, or after both. */
  async function greeted(
    version: number,
    isDone: boolean,
  ): Promise<{ world: BitcoinWorld; node: Member; actor: Actor }> {
    const world = new BitcoinWorld();
    const node = await world.node(NODE);
    const actor = await world.dialIn(PEER, NODE, () => {}, false);
    await actor.send(Version, said({ version }));
    if (isDone) await actor.send(Verack, {});
    await world.clock.advance(100);
    return { world, node, actor };
  }

  test("reconciliation is not ours: an offer of it means nothing, before verack and after", async () => {
    for (const isDone of [false, true]) {
      const { world, actor } = await greeted(70_016, isDone);
      await actor.send(SendTxRcncl, { version: 1, salt: 5n });
      if (!isDone) await actor.send(Verack, {});
      assert.ok(await answersPing(world, actor));
      await world.end();
    }
  });

  test("sendcmpct that announces in a way that there is not: discouraged, before verack and after, in any version", async () => {
    for (const [isDone, version] of [[false, 2n], [true, 2n], [true, 1n]] as const) {
      const { world, node, actor } = await greeted(70_016, isDone);
      await actor.send(SendCmpct, { announce: 2, version });
      await world.until(() => actor.isClosed());
      assert.match(node.bans().join(), /invalid sendcmpct announce field/);
      await world.end();
    }
    const { world, actor } = await greeted(70_016, true);
    await actor.send(SendCmpct, { announce: 1, version: 2n });
    await actor.send(SendCmpct, { announce: 0, version: 1n });
    assert.ok(await answersPing(world, actor));
    await world.end();
  });

  // Core's test/functional/p2p_bip434_feature.py.
  test("feature: unknown ones are ignored, also with an id that is no ASCII", async () => {
    const { world, actor } = await greeted(70_017, false);
    for (const featureId of ["abcd", "a".repeat(80), "\u0000\u00ff\u0001\u007f"]) {
      await actor.send(Feature, { featureId, data: new Uint8Array(512) });
    }
    await actor.send(Verack, {});
    assert.ok(await answersPing(world, actor));
    await world.end();
  });

  test("feature: disconnected when it is malformed, after verack, or from a peer of an older version", async () => {
    const good = Feature.encode({ featureId: "abcd", data: new Uint8Array() });
    const cases: readonly (readonly [string, number, boolean, Uint8Array])[] = [
      ["an older version", 70_016, false, good],
      ["an older version, after verack", 70_016, true, good],
      ["after verack", 70_017, true, good],
      ["a byte more", 70_017, false, Uint8Array.of(...good, 0)],
      ["an id of three", 70_017, false, Uint8Array.of(3, 0x61, 0x61, 0x61, 0)],
      ["an id cut short", 70_017, false, Uint8Array.of(10, 0x61, 0x61)],
      ["data cut short", 70_017, false, Uint8Array.of(...good.subarray(0, 5), 10, 1, 2)],
    ];
    for (const [what, version, isDone, payload] of cases) {
      const { world, node, actor } = await greeted(version, isDone);
      await actor.raw(packV1(world.network.magic, "feature", payload));
      await world.clock.advance(100);
      assert.ok(actor.isClosed(), what);
      assert.deepEqual(node.bans(), [], what);
      await world.end();
    }
  });

  test("a user agent is shown with Core's set of characters only", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE);
    const actor = await world.dialIn(PEER, NODE, () => {}, false);
    await actor.send(Version, said({ userAgent: '/<script>"x"</script>\u0007\u00e4:1(ok; _@-?)/' }));
    await actor.send(Verack, {});
    await world.until(() => node.node.service.peers().length === 1);
    const shown = "/scriptx/script:1(ok; _@-?)/";
    assert.equal(node.node.service.peers()[0]?.userAgent, shown);
    assert.equal(node.events.find(({ topic }) => topic === "p2p.handshake")?.data.agent, shown);
    assert.ok(node.notices.some((line) => line.includes(shown)));
    await world.end();
  });
});

describe("connections as RPC counts them", () => {
  test("one whose hands are not shaken is listed, under the id that it keeps, and can be ended", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE, { v2: true });
    const { service } = node.node;
    const actor = await world.dialIn(PEER, NODE, () => {}, false);
    const [first] = service.opening();
    assert.deepEqual([first?.version, first?.userAgent, first?.transport, first?.direction], [
      0,
      "",
      "detecting",
      "in",
    ]);
    await actor.send(Version, said());
    assert.ok((service.opening()[0]?.bytesReceived ?? 0) > 100, "what came counts before anything is agreed on");
    await actor.send(Verack, {});
    await world.until(() => service.peers().length === 1);
    assert.deepEqual([service.opening().length, service.peers()[0]?.id], [0, first?.id]);
    const other = await world.dialIn("10.0.0.67", NODE, () => {}, false);
    assert.ok(service.disconnect(service.opening()[0]!.id));
    await world.until(() => other.isClosed());
    await world.until(() => service.opening().length === 0);
    await world.end();
  });

  test("bytes count as they come: those of a message that is not whole, and of one that is thrown away", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE);
    const { service } = node.node;
    const actor = await world.dialIn(PEER, NODE);
    await world.until(() => service.peers().length === 1);
    const before = service.peers()[0]!.bytesReceived;
    const other = () => service.peers()[0]!.traffic.received.byKind.get("*other*")?.bytes ?? 0;
    const frame = packV1(world.network.magic, "ping", new Uint8Array(8));
    await actor.raw(frame.with(20, frame[20]! ^ 1));
    assert.equal(other(), 32, "a bad checksum");
    await actor.raw(packV1(world.network.magic, "made up", new Uint8Array(100)));
    assert.equal(other(), 32 + 124, "a type that nobody knows");
    await actor.raw(frame.subarray(0, 10));
    assert.equal(service.peers()[0]!.bytesReceived - before, 32 + 124 + 10);
    assert.equal(service.traffic.received.bytes, service.peers()[0]!.bytesReceived, "and so does the sum");
    await world.end();
  });
});

describe("a dial by hand", () => {
  test("to a place that is connected, or being dialled, does nothing and says so", async () => {
    const world = new BitcoinWorld();
    await world.node(PEER);
    const node = await world.node(NODE);
    const { service } = node.node;
    const dials = Array.from(
      { length: 5 },
      () => service.connect(PEER, 18_444).then(() => "made", (e: Error) => e.message),
    );
    const ends = await world.clock.until(Promise.all(dials));
    assert.deepEqual(
      ends.toSorted(),
      [...Array<string>(4).fill(`already connected to ${PEER}:18444`), "made"].toSorted(),
    );
    assert.equal(service.peers().length, 1);
    await assert.rejects(world.clock.until(service.connect(PEER, 18_444)), { code: "ALREADY_CONNECTED" });
    assert.ok(node.notices.some((line) => line.includes(`already connected to ${PEER}:18444`)));
    // A node that is added later is the peer that stands there.
    assert.ok(service.addNode(`${PEER}:18444`));
    await world.clock.advance(60_000);
    assert.equal(service.peers().length, 1);
    await world.end();
  });

  test("with the old transport only goes without a try of the other", async () => {
    const world = new BitcoinWorld();
    await world.node(PEER, { v2: true });
    const node = await world.node(NODE, { v2: true });
    const { service } = node.node;
    assert.equal((await world.clock.until(service.connect(PEER, 18_444, { v1Only: true }))).transport, "v1");
    service.disconnect(service.peers()[0]!.id);
    service.addNode(`${PEER}:18444`, { v1Only: true });
    await world.until(() => service.peers()[0]?.transport === "v1");
    service.removeNode(`${PEER}:18444`);
    service.disconnect(service.peers()[0]!.id);
    await world.until(() => service.peers().length === 0);
    assert.equal((await world.clock.until(service.connect(PEER, 18_444))).transport, "v2");
    await world.end();
  });
});

describe("what the operator allows", () => {
  const old = (world: BitcoinWorld, count: number): Recording => {
    const chain = world.recording();
    for (let i = 0; i < count; i++) chain.add(mine(chain.headers, chain.headers.best, world.now - 20 * DAY_S));
    return chain.add(mine(chain.headers, chain.headers.best, world.now));
  };

  test("noban, download: old blocks of a node that has used up its upload, and deep ones of a pruned node", async () => {
    const world = new BitcoinWorld();
    const chain = old(world, 400);
    const whitelist = ["download@10.0.0.70", "noban@10.0.0.71", "addr,in@10.0.0.72"];
    const limited = await world.node(NODE, { blocks: chain.blocks, uploadMax: 1, whitelist });
    const pruned = await world.node("10.0.0.10", { blocks: chain.blocks, pruneTarget: 1 << 30, whitelist });
    const asks = async (from: string, { host, node: { service } }: Member) => {
      const before = service.peers().length;
      const actor = await world.dialIn(from, host);
      await world.until(() => service.peers().length === before + 1);
      await actor.send(GetData, { inventory: [{ type: InvType.WITNESS_BLOCK, hash: chain.blocks[0]!.hash }] });
      await world.clock.advance(200);
      const isGiven = actor.received.some(({ message }) => message.type === "block");
      return isGiven ? "given" : actor.isClosed() ? "disconnected" : "nothing";
    };
    assert.equal(await asks(PEER, limited), "disconnected");
    assert.equal(await asks("10.0.0.70", limited), "given");
    assert.equal(await asks("10.0.0.71", limited), "given", "noban means download, too");
    assert.equal(await asks("10.0.0.72", limited), "disconnected");
    assert.equal(await asks("10.0.0.70", pruned), "disconnected");
    assert.equal(await asks("10.0.0.71", pruned), "given");
    assert.deepEqual(pruned.node.service.peers().map(({ permissions }) => permissions), [["noban", "download"]]);
    await world.end();
  });

  test("noban: a peer that has it is not put out for a newcomer", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE, { inboundMax: 40, whitelist: ["noban@10.3.0.0/16"] });
    const kept = await Promise.all(Array.from({ length: 40 }, (_, i) => world.dialIn(`10.3.${i}.1`, NODE)));
    await world.until(() => node.node.service.peers().length === 40);
    const late = await world.dialIn("10.4.0.1", NODE);
    await world.until(() => late.isClosed());
    assert.ok(kept.every((actor) => !actor.isClosed()));
    await world.end();
  });

  test("addr: its addresses are taken without a bound", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE, { whitelist: ["addr@10.0.0.70"] });
    const addresses = Array.from({ length: 50 }, (_, i) => ({
      time: world.now - 600,
      services: 9n,
      ip: Uint8Array.of(...new Array<number>(10).fill(0), 0xff, 0xff, 20 + i, 1, 0, 1),
      port: 18_444,
    }));
    for (const [from, processed] of [[PEER, 1], ["10.0.0.70", 50]] as const) {
      const actor = await world.dialIn(from, NODE);
      await world.clock.advance(100);
      await actor.send(Addr, { addresses });
      await world.clock.advance(100);
      const peer = node.node.service.peers().find(({ host }) => host === from);
      assert.equal(peer?.addressesProcessed, processed);
    }
    await world.end();
  });
});

describe("--peer-timeout", () => {
  test("is the time that a peer has for the handshake", async () => {
    for (const [timeout, atLeast, atMost] of [[3_000, 3_000, 4_000], [90_000, 90_000, 91_000]] as const) {
      const world = new BitcoinWorld();
      await world.node(NODE, { peerTimeoutMs: timeout });
      const actor = await world.dialIn(PEER, NODE, () => {}, false);
      await world.until(() => actor.isClosed());
      assert.ok(
        world.clock.monotonic() >= atLeast && world.clock.monotonic() <= atMost,
        `${world.clock.monotonic()} ms`,
      );
      await world.end();
    }
  });

  test("and for so long nobody is ended for silence either", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE, { peerTimeoutMs: 3_600_000 });
    const actor = await world.dialIn(PEER, NODE);
    await world.until(() => node.node.service.peers().length === 1);
    // It stops to answer.
    actor.received.push = () => {
      throw new Error("does not read");
    };
    await world.clock.advance(50 * 60_000);
    assert.equal(node.node.service.peers().length, 1);
    await world.until(() => node.node.service.peers().length === 0, 15 * 60_000);
    await world.end();
  });
});

describe("blocks that are dropped and had again", () => {
  test("pruneTo() drops what may go, and fetchBlock() asks a peer for one of them", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(300);
    await world.actor(PEER, serving(chain));
    await world.actor("10.0.0.67", () => {}, () => {}, 1n);
    const node = await world.node(NODE, { blocks: chain.blocks, pruneTarget: 1 << 30 });
    const { service } = node.node;
    assert.equal(await world.clock.until(service.pruneTo(5)), 5);
    assert.equal(await world.clock.until(service.pruneTo(1_000)), 11, "the last 288 stay");
    assert.equal(service.state().pruneHeight, 12);
    const row = service.activeAt(3);
    assert.equal(await service.block(row), undefined);
    service.addNode(`${PEER}:18444`);
    service.addNode("10.0.0.67:18444");
    await world.until(() => service.peers().length === 2);
    const id = (host: string) => service.peers().find((peer) => peer.host === host)!.id;
    assert.equal(service.fetchBlock(row, 99), "Peer does not exist");
    assert.equal(service.fetchBlock(row, id("10.0.0.67")), "Pre-SegWit peer");
    assert.equal(service.fetchBlock(row, id(PEER)), undefined);
    assert.equal(service.fetchBlock(row, id(PEER)), undefined, "asked anew");
    for (let i = 0; i < 100; i++) await world.clock.advance(10);
    assert.deepEqual(await service.block(row), chain.blocks[2]!.raw);
    assert.equal(node.tip(), chain.tip);
    await world.end();
  });
});

describe("a network that is switched off", () => {
  test("has no connections, dials nobody and takes nobody, until it is switched on again", async () => {
    const world = new BitcoinWorld();
    const other = await world.node(PEER);
    const node = await world.node(NODE, { connect: [PEER] });
    const { service } = node.node;
    await world.dialIn("10.0.0.7", NODE);
    await world.dialIn("10.0.0.8", NODE, () => {}, false);
    await world.until(() => service.peers().length === 2 && service.opening().length === 1);
    service.setNetworkActive(false);
    await world.until(() => service.peers().length + service.opening().length === 0);
    const late = await world.dialIn("10.0.0.7", NODE);
    await world.clock.advance(60_000);
    assert.ok(late.isClosed());
    assert.deepEqual([service.peers().length, other.node.service.peers().length, service.isNetworkActive], [
      0,
      0,
      false,
    ]);
    service.setNetworkActive(true);
    await world.until(() => service.peers().length === 1, 60_000);
    await world.end();
  });
});
