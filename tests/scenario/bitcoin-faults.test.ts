/** Stories of Bitcoin peers that lie, flood, stall or cannot spell, and what each of them gets. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BodyOf } from "../../lib/bitcoin/wire/mod.ts";
import {
  Block as BlockMessage,
  FilterLoad,
  GetData,
  GetHeaders,
  HeadersMessage,
  Inv,
  messages,
  packV1,
  Ping,
  Pong,
  Tx,
  WtxidRelay,
} from "../../lib/bitcoin/wire/mod.ts";
import { Block, InvType, type Transaction } from "../../lib/bitcoin/types/mod.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { type Actor, BitcoinWorld, type Member, mine, type Recording, serving } from "./bitcoin-world.ts";

const NODE = "10.0.0.9";
const LIAR = "10.0.0.66";

/** A node of 20 blocks and a polite inbound peer of it. */
async function visited(): Promise<{ world: BitcoinWorld; chain: Recording; node: Member; actor: Actor }> {
  const world = new BitcoinWorld();
  const chain = world.recording().extend(20);
  const node = await world.node(NODE, { blocks: chain.blocks });
  const actor = await world.dialIn(LIAR, NODE);
  await world.until(() => node.node.service.peers().length === 1);
  return { world, chain, node, actor };
}

/** Whether the node still answers this peer. */
async function answersPing(world: BitcoinWorld, actor: Actor): Promise<boolean> {
  const nonce = BigInt(actor.received.length + 1_000);
  await actor.send(Ping, { nonce });
  await world.clock.advance(10);
  return actor.received.some(({ message, body }) => message === Pong && (body as BodyOf<typeof Pong>).nonce === nonce);
}

describe("the bytes of a hostile peer", () => {
  for (
    const [what, bytes] of [
      ["wrong magic", packV1(Uint8Array.of(1, 2, 3, 4), "ping", new Uint8Array(8))],
      [
        "a length of four thousand million",
        (() => {
          const frame = packV1(Uint8Array.of(0xfa, 0xbf, 0xb5, 0xda), "ping", new Uint8Array(8));
          frame.fill(0xff, 16, 20);
          return frame;
        })(),
      ],
    ] as const
  ) {
    test(`${what}: disconnected, and no more`, async () => {
      const { world, node, actor } = await visited();
      await actor.raw(bytes);
      await world.until(() => node.node.service.peers().length === 0);
      assert.deepEqual(node.bans(), []);
      await world.end();
    });
  }

  test("a bad checksum or a type that is none costs that message and nothing else", async () => {
    const { world, node, actor } = await visited();
    const frame = packV1(world.network.magic, "ping", new Uint8Array(8));
    await actor.raw(frame.with(20, frame[20]! ^ 1));
    await actor.raw(packV1(world.network.magic, "nosuch", new Uint8Array(3)));
    assert.ok(await answersPing(world, actor));
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("truncated payloads of every message, and lengths in a form too long, are dropped or cost what is declared", async () => {
    for (const message of messages.filter(({ phase }) => phase === "session" || phase === "early")) {
      for (const payload of [Uint8Array.of(0xfd, 1, 0), Uint8Array.of(0xfe)]) {
        let fails = false;
        try {
          message.decode(payload);
        } catch {
          fails = true;
        }
        if (!fails || message.malformed !== "drop") continue;
        const { world, node, actor } = await visited();
        await actor.raw(packV1(world.network.magic, message.type, payload));
        assert.ok(await answersPing(world, actor), message.type);
        assert.deepEqual(node.bans(), []);
        await world.end();
      }
    }
  });

  test("a negotiation after verack, a bloom filter and a transaction that we said we do not want: disconnected", async () => {
    for (
      const [message, body] of [[WtxidRelay, {}], [FilterLoad, {
        filter: new Uint8Array(8),
        hashCount: 1,
        tweak: 0,
        flags: 0,
      }]] as const
    ) {
      const { world, node, actor } = await visited();
      await actor.send(message as typeof WtxidRelay, body as never);
      await world.until(() => node.node.service.peers().length === 0);
      assert.deepEqual(node.bans(), []);
      await world.end();
    }
    const { world, chain, node, actor } = await visited();
    await actor.send(Tx, chain.blocks[0]!.transactions[0]!);
    await world.until(() => node.node.service.peers().length === 0);
    await world.end();
  });

  test("a byte a second does not shake hands: cut after a minute", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE);
    const actor = await world.dialIn(LIAR, NODE, () => {}, false);
    const version = packV1(world.network.magic, "version", new Uint8Array(90));
    for (let i = 0; i < 70 && !actor.isClosed(); i++) {
      await actor.raw(version.subarray(i, i + 1));
      await world.clock.advance(1_000);
    }
    assert.ok(actor.isClosed());
    assert.ok(world.clock.monotonic() >= 60_000 && world.clock.monotonic() < 63_000);
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("a peer that falls silent is cut after twenty minutes", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE);
    const actor = await world.dialIn(LIAR, NODE, () => {}, true);
    await world.until(() => node.node.service.peers().length === 1);
    // Pongs are what keeps a connection: this peer stops to answer them.
    actor.received.push = () => {
      throw new Error("does not read");
    };
    await world.until(() => node.node.service.peers().length === 0, 30 * 60_000);
    assert.ok(world.clock.monotonic() > 20 * 60_000);
    await world.end();
  });
});

describe("the headers of a hostile peer", () => {
  const headersOf = (blocks: readonly Block[]) => ({ headers: blocks.map(({ header }) => header) });

  test("headers that do not connect: asked for what lies between, and not blamed", async () => {
    const { world, chain, node, actor } = await visited();
    const ahead = chain.fork(20).extend(5);
    await actor.send(HeadersMessage, headersOf(ahead.blocks.slice(23)));
    await world.clock.advance(100);
    assert.ok(actor.received.some(({ message }) => message === GetHeaders));
    assert.ok(await answersPing(world, actor));
    assert.deepEqual(node.bans(), []);
    assert.equal(node.node.service.headers.length, 21);
    await world.end();
  });

  const faults: readonly (readonly [string, (world: BitcoinWorld, chain: Recording) => Block[], RegExp])[] = [
    ["without work", (_world, chain) => {
      const block = mine(chain.headers, chain.headers.best, 1_700_000_000, { time: 1_800_000_000 });
      for (let nonce = 0;; nonce++) {
        const bad = Block.of({ ...block.header, nonce }, block.transactions);
        if (bad.hash.at(-1)! >= 0x80) return [bad];
      }
    }, /invalid proof of work/],
    ["that are no chain", (world, chain) => {
      const one = chain.fork(20).extend(1).blocks.slice(-1);
      const other = chain.fork(20).extend(2, Uint8Array.of(0x52)).blocks.slice(-1);
      void world;
      return [...one, ...other];
    }, /non-continuous/],
    ["older than the median of those before", (_world, chain) => {
      return [mine(chain.headers, chain.headers.best, 0, { header: { time: chain.headers.time(1) - 1 } })];
    }, /time-too-old/],
    ["of the wrong difficulty", (world, chain) => {
      return [mine(chain.headers, chain.headers.best, world.now, { header: { bits: 0x207ffffe } })];
    }, /bad-diffbits/],
    ["of an obsolete version", (world, chain) => {
      return [mine(chain.headers, chain.headers.best, world.now, { header: { version: 3 } })];
    }, /bad-version/],
  ];
  for (const [what, make, says] of faults) {
    test(`headers ${what}: discouraged`, async () => {
      const { world, chain, node, actor } = await visited();
      await actor.send(HeadersMessage, headersOf(make(world, chain)));
      await world.until(() => node.node.service.peers().length === 0);
      assert.match(node.bans().join(), says);
      assert.equal(node.node.service.headers.length, 21);
      await world.end();
    });
  }

  test("a header too far in the future is not kept, and nobody is blamed", async () => {
    const { world, chain, node, actor } = await visited();
    const block = mine(chain.headers, chain.headers.best, world.now, { time: world.now + 7_201 });
    await actor.send(HeadersMessage, headersOf([block]));
    assert.ok(await answersPing(world, actor));
    assert.equal(node.node.service.headers.length, 21);
    await actor.send(
      HeadersMessage,
      headersOf([mine(chain.headers, chain.headers.best, world.now, { time: world.now + 7_000 })]),
    );
    await world.until(() => node.node.service.headers.length === 22);
    await world.end();
  });

  test("a flood of headers of little work is never kept, however long it goes on", async () => {
    const world = new BitcoinWorld();
    const cheap = world.recording().extend(6_000);
    const wanted = 2n * 1_000_000n;
    let asked = 0;
    await world.actor(LIAR, async (actor, message, body) => {
      if (message === GetHeaders) asked += 1;
      await serving(cheap)(actor, message, body);
    });
    const node = await world.node(NODE, { connect: [LIAR], minimumWork: wanted });
    await world.until(() => asked >= 4);
    await world.clock.advance(10_000);
    assert.equal(node.node.service.headers.length, 1, "not one was kept");
    await world.end();
  });
});

describe("the blocks of a hostile peer", () => {
  test("a mutated block costs its sender, and the hash stays good for who has the real one", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(20);
    const real = chain.fork(20).extend(1);
    const genuine = real.blocks[20]!;
    // The same header over a body with its last transaction twice: CVE-2012-2459 in its smallest form is another coinbase.
    const changed = (coinbase: Transaction) => [coinbase, coinbase];
    const mutated = Block.of(genuine.header, changed(genuine.transactions[0]!));
    await world.actor(LIAR, async (actor, message, body) => {
      if (message === GetData) {
        const wanted = (body as BodyOf<typeof GetData>).inventory;
        if (wanted.some(({ hash }) => toDisplayHex(hash) === toDisplayHex(genuine.hash))) {
          return await actor.send(BlockMessage, mutated);
        }
      }
      await serving(real)(actor, message, body);
    });
    const node = await world.node(NODE, { connect: [LIAR], blocks: chain.blocks });
    await world.until(() => node.bans().length === 1);
    assert.match(node.bans().join(), /bad-txn(s-duplicate|mrklroot)/);
    const honest = await world.dialIn("10.0.0.1", NODE, serving(real));
    await honest.send(HeadersMessage, { headers: [genuine.header] });
    await world.until(() => node.tip() === real.tip);
    await world.end();
  });

  test("a block that breaks a rule costs its sender, and its hash is remembered with all that build on it", async () => {
    const { world, chain, node, actor } = await visited();
    const greedy = mine(chain.headers, chain.headers.best, world.now, {
      transactions: (coinbase) => [coinbase],
      header: {},
    });
    // Its coinbase names another height than its own.
    const other = chain.fork(19);
    const wrong = mine(other.headers, other.headers.best, world.now - 1);
    const header = { ...greedy.header, merkleRoot: wrong.transactions[0]!.txid };
    let bad = Block.of(header, wrong.transactions);
    for (let nonce = 0; bad.hash.at(-1)! >= 0x7f; nonce++) bad = Block.of({ ...header, nonce }, wrong.transactions);
    await actor.send(BlockMessage, bad);
    await world.until(() => node.node.service.peers().length === 0);
    assert.match(node.bans().join(), /bad-cb-height/);
    const tips = node.node.service.chainTips();
    assert.ok(tips.some(({ status }) => status === "invalid"));
    assert.equal(node.height(), 20);
    await world.end();
  });

  test("a block whose parent nobody knows costs its sender; one that connects is taken unasked", async () => {
    const { world, chain, node, actor } = await visited();
    const ahead = chain.fork(20).extend(3);
    await actor.send(BlockMessage, ahead.blocks[20]!);
    await world.until(() => node.height() === 21);
    assert.deepEqual(node.bans(), []);
    await actor.send(BlockMessage, ahead.blocks[22]!);
    await world.until(() => node.node.service.peers().length === 0);
    assert.match(node.bans().join(), /prev-blk-not-found/);
    assert.equal(node.node.service.headers.length, 22, "its header is not kept either");
    await world.end();
  });

  test("a peer that has a block and never delivers it does not hold up the chain", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(40);
    await world.actor(LIAR, serving(chain, (height) => height !== 7));
    await world.actor("10.0.0.1", serving(chain));
    const node = await world.node(NODE, { connect: [LIAR, "10.0.0.1"] });
    // Whatever needs no time takes none.
    for (let i = 0; i < 100; i++) await world.clock.advance(0);
    await world.until(() => node.tip() === chain.tip, 60_000);
    assert.ok(world.clock.monotonic() < 15_000, `${world.clock.monotonic()} ms`);
    await world.end();
  });

  test("the speed of each peer is known, and the quicker one is asked for more", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(400);
    const serve = serving(chain);
    const asked = new Map<string, number>();
    const after = (host: string, ms: number): typeof serve => async (actor, message, body) => {
      if (message === GetData) {
        const { inventory } = body as { inventory: readonly unknown[] };
        asked.set(host, (asked.get(host) ?? 0) + inventory.length);
        await world.clock.sleep(ms);
      }
      await serve(actor, message, body);
    };
    await world.actor("10.0.0.1", after("10.0.0.1", 1_000));
    await world.actor("10.0.0.2", after("10.0.0.2", 50));
    const node = await world.node(NODE, { connect: ["10.0.0.1", "10.0.0.2"] });
    await world.until(() => node.tip() === chain.tip);
    assert.ok((asked.get("10.0.0.2") ?? 0) > 3 * (asked.get("10.0.0.1") ?? 0), JSON.stringify([...asked]));
    const rates = new Map(
      node.node.service.peers().map(({ host, blockBytesPerSecond }) => [host, blockBytesPerSecond]),
    );
    assert.ok((rates.get("10.0.0.2") ?? 0) > 3 * (rates.get("10.0.0.1") ?? Infinity), JSON.stringify([...rates]));
    await world.end();
  });

  test("a peer that keeps us waiting for headers is passed over within ten seconds", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(3_000);
    const silent = ["10.0.0.61", "10.0.0.62", "10.0.0.63"];
    for (const host of silent) await world.actor(host);
    const node = await world.node(NODE, { connect: silent });
    await world.until(() => node.node.service.peers().length === 3);
    await world.clock.advance(2_000);
    await world.actor("10.0.0.1", serving(chain));
    const began = world.clock.monotonic();
    node.node.service.addNode("10.0.0.1:18444");
    await world.until(() => node.node.service.headers.height(node.node.service.headers.best) === 3_000, 30_000);
    assert.ok(world.clock.monotonic() - began <= 11_000, `${world.clock.monotonic() - began} ms`);
    await world.end();
  });

  test("an inventory names a block: its headers are asked for, not the block", async () => {
    const { world, chain, actor } = await visited();
    const [next] = chain.fork(20).extend(1).blocks.slice(-1);
    await actor.send(Inv, { inventory: [{ type: InvType.BLOCK, hash: next!.hash }] });
    await world.clock.advance(100);
    assert.ok(actor.received.some(({ message }) => message === GetHeaders));
    assert.ok(!actor.received.some(({ message }) => message === GetData));
    await world.end();
  });
});
