/** Stories of a header sync with too little work so far, and of peers that announce in the middle of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import type { BitcoinNetwork } from "../../lib/bitcoin/networks/network.ts";
import { type Block, InvType } from "../../lib/bitcoin/types/mod.ts";
import { type AnyMessage, GetHeaders, HeadersMessage, Inv } from "../../lib/bitcoin/wire/mod.ts";
import { type Actor, BitcoinWorld, type Recording, serving } from "./bitcoin-world.ts";

const NODE = "10.0.0.9";
const PEER = "10.0.0.1";
/** Short messages, so that a short chain takes many of them. */
const network: BitcoinNetwork = {
  ...regtest,
  headersPerMessage: 20,
  headersSync: { commitmentPeriod: 3, redownloadBufferSize: 60 },
};
const BLOCKS = 200;
/** The work of 150 blocks of regtest. */
const MINIMUM_WORK = 2n * 150n;
/** Two downloads of {@link MINIMUM_WORK}, the rest of the chain, and what is asked at the ends. */
const QUESTIONS_MAX = 2 * 150 / 20 + (BLOCKS - 150) / 20 + 5;

const headersOf = (blocks: readonly Block[]) => ({ headers: blocks.map(({ header }) => header) });
const asked = (actor: Actor) => actor.received.filter(({ message }) => message === GetHeaders).length;

/** A node that syncs from one peer, which says something after each of its answers. */
async function interrupted(say: (actor: Actor, chain: Recording, answers: number) => Promise<void>) {
  const world = new BitcoinWorld(network);
  const chain = world.recording().extend(BLOCKS);
  let answers = 0;
  const { connections } = await world.actor(PEER, async (actor, message, body) => {
    // Not one after the other: to send is to let time pass, and the announcements are to come in between.
    const served = serving(chain)(actor, message, body);
    if (message === GetHeaders && answers < 100) await say(actor, chain, ++answers);
    await served;
  });
  const node = await world.node(NODE, { connect: [PEER], minimumWork: MINIMUM_WORK });
  await world.until(() => node.tip() === chain.tip, 60_000);
  await world.clock.advance(5_000);
  assert.equal(connections.length, 1, "one connection for all of it");
  assert.ok(asked(connections[0]!) <= QUESTIONS_MAX, `${asked(connections[0]!)} questions, at most ${QUESTIONS_MAX}`);
  assert.deepEqual(node.bans(), []);
  await world.end();
}

test("headers of a branch that ours has more work than are told to their end, message by message", async () => {
  const world = new BitcoinWorld({ ...network, headersSync: regtest.headersSync });
  const own = world.recording().extend(45);
  const better = world.recording().extend(BLOCKS, Uint8Array.of(0x52));
  const { connections } = await world.actor(PEER, async (actor, message, body) => {
    // Without an end of its own, one that asks the same again and again would never be done.
    if (message !== GetHeaders || asked(actor) < BLOCKS) await serving(better)(actor, message, body);
  });
  const node = await world.node(NODE, { blocks: own.blocks, connect: [PEER] });
  await world.until(() => node.tip() === better.tip, 60_000);
  assert.ok(asked(connections[0]!) <= BLOCKS / 20 + 5, `${asked(connections[0]!)} questions`);
  await world.end();
});

describe("during a presync", () => {
  test("the announcement of a tip that does not connect changes nothing", async () => {
    await interrupted((actor, chain) => actor.send(HeadersMessage, headersOf(chain.blocks.slice(-1))));
  });

  test("neither do several announcements, each with many headers, at any moment", async () => {
    await interrupted(async (actor, chain, answers) => {
      await Promise.all([0, 1, 2].map((i) => {
        // Never where the last answer ended: that would be the answer that is waited for.
        const from = 20 * (1 + (answers * 3 + i) % 8) + 5 * (i + 1);
        return actor.send(HeadersMessage, headersOf(chain.blocks.slice(from, from + 1 + (answers + i) % 19)));
      }));
    });
  });

  test("neither does a short branch on a block that we know", async () => {
    await interrupted(async (actor, chain) => {
      const branch = chain.fork(0).extend(2, Uint8Array.of(0x52)).blocks;
      await actor.send(HeadersMessage, headersOf(branch));
    });
  });

  test("neither does an inventory of a block", async () => {
    await interrupted(async (actor, chain) => {
      await actor.send(Inv, { inventory: [{ type: InvType.BLOCK, hash: chain.blocks.at(-1)!.hash }] });
    });
  });

  test("a peer that goes over to another chain is followed there", async () => {
    const world = new BitcoinWorld(network);
    const old = world.recording().extend(BLOCKS);
    const young = old.fork(10).extend(BLOCKS + 5, Uint8Array.of(0x52));
    let answers = 0;
    await world.actor(PEER, async (actor, message, body) => {
      if (message === GetHeaders) answers += 1;
      await serving(answers < 5 ? old : young)(actor, message, body);
    });
    const node = await world.node(NODE, { connect: [PEER], minimumWork: MINIMUM_WORK });
    await world.until(() => node.tip() === young.tip, 60_000);
    assert.deepEqual(node.bans(), []);
    await world.end();
  });
});

test("fifteen headers messages that do not connect bring one question", async () => {
  const world = new BitcoinWorld(network);
  const chain = world.recording().extend(60);
  const node = await world.node(NODE, { blocks: chain.blocks });
  const ahead = chain.fork(60).extend(30);
  const actor = await world.dialIn(PEER, NODE);
  await world.until(() => asked(actor) === 1);
  for (let i = 0; i < 15; i++) await actor.send(HeadersMessage, headersOf(ahead.blocks.slice(70 + i, 71 + i)));
  await world.clock.advance(60_000);
  assert.equal(asked(actor), 1, "the question after the handshake waits for its answer");
  // The answer settles it, and the next one may be asked.
  await actor.send(HeadersMessage, headersOf(ahead.blocks.slice(59, 79)));
  await world.until(() => asked(actor) === 2);
  await actor.send(HeadersMessage, headersOf(ahead.blocks.slice(79)));
  await world.until(() => node.node.service.headers.length === 91);
  await world.end();
});

describe("strangers who ask for our patience", () => {
  /** Gives cheap headers without end, a message every eight seconds: never late, never of use. */
  const dawdling = (world: BitcoinWorld, chain: Recording) => (actor: Actor, message: AnyMessage, body: unknown) => {
    if (message === GetHeaders) world.clock.after(8_000, () => void serving(chain)(actor, message, body));
  };

  test("do not take the places of a peer of our choice that comes later: slow presyncs", async () => {
    const world = new BitcoinWorld(network);
    const chain = world.recording().extend(BLOCKS);
    const cheap = chain.fork(0).extend(140, Uint8Array.of(0x53));
    const node = await world.node(NODE, { connect: [PEER], minimumWork: MINIMUM_WORK });
    const strangers = await Promise.all(
      [1, 2, 3, 4].map((i) => world.dialIn(`10.0.1.${i}`, NODE, dawdling(world, cheap))),
    );
    await world.until(() => strangers.filter((each) => asked(each) > 0).length >= 3);
    await world.actor(PEER, serving(chain));
    await world.until(() => node.tip() === chain.tip, 60_000);
    await world.until(() => node.node.service.state().synced, 20_000);
    await node.stop();
    // What the strangers had still to say.
    await world.clock.advance(10_000);
    await world.end();
  });

  test("do not keep a node from being synced: who shakes hands, says nothing, and comes again", async () => {
    const world = new BitcoinWorld(network);
    const chain = world.recording().extend(BLOCKS);
    const node = await world.node(NODE, { connect: [PEER], blocks: chain.blocks });
    let isOver = false;
    const come = async (host: string): Promise<void> => {
      while (!isOver) {
        const stranger = await world.dialIn(host, NODE);
        await new Promise<void>((resolve) => void world.clock.after(8_000, resolve));
        stranger.end();
      }
    };
    const coming = [come("10.0.1.1"), come("10.0.1.2")];
    await world.clock.advance(30_000);
    await world.actor(PEER, serving(chain));
    await world.until(() => node.node.service.state().synced, 60_000);
    isOver = true;
    await world.clock.advance(10_000);
    await Promise.all(coming);
    await world.end();
  });

  test("of our own choice hold up the others for five minutes at most", async () => {
    const world = new BitcoinWorld(network);
    const chain = world.recording().extend(BLOCKS);
    const cheap = chain.fork(0).extend(1_200, Uint8Array.of(0x53));
    const slow = ["10.0.0.61", "10.0.0.62", "10.0.0.63"];
    for (const host of slow) await world.actor(host, dawdling(world, cheap));
    // Four named peers: with fewer asked at once than there are, the honest one has to wait for its turn.
    const node = await world.node(NODE, { connect: slow, minimumWork: 2n * 10_000n });
    await world.until(() => node.node.service.peers().length === 3);
    await world.clock.advance(10_000);
    const { connections } = await world.actor(PEER, serving(chain));
    node.node.service.addNode(`${PEER}:18444`);
    await world.until(() => (connections[0] === undefined ? 0 : asked(connections[0])) > 0, 330_000);
    await node.stop();
    await world.clock.advance(10_000);
    await world.end();
  });
});

describe("a clock in 1970", () => {
  test("refuses whole messages of headers, and the peers that give them stay", async () => {
    const world = new BitcoinWorld(network);
    const chain = world.recording().extend(BLOCKS);
    let isSet = false;
    const { clock } = world;
    const late = clock.now() - 3 * 86_400_000;
    const { connections } = await world.actor(PEER, serving(chain));
    const node = await world.node(NODE, {
      connect: [PEER],
      clock: {
        now: () => (isSet ? clock.now() : late),
        monotonic: () => clock.monotonic(),
        sleep: (ms, signal) => clock.sleep(ms, signal),
        after: (ms, call) => clock.after(ms, call),
      },
    });
    await world.clock.advance(10 * 60_000);
    assert.equal(node.height(), 0);
    assert.equal(connections.length, 1);
    assert.ok(asked(connections[0]!) <= 12, `${asked(connections[0]!)} questions in ten minutes`);
    assert.match(node.node.service.state().warnings.join(), /ahead of this machine's clock|minutes behind/);
    // Its tip is announced all the time: that brings no more questions.
    for (let i = 0; i < 50; i++) {
      await connections[0]!.send(HeadersMessage, headersOf(chain.blocks.slice(-1)));
      await world.clock.advance(500);
    }
    assert.ok(asked(connections[0]!) <= 13, `${asked(connections[0]!)} questions`);
    isSet = true;
    await world.until(() => node.tip() === chain.tip);
    assert.equal(connections.length, 1);
    assert.deepEqual(node.bans(), []);
    await world.end();
  });
});
