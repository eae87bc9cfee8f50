/** Stories of blocks that nobody asked for, and of blocks that are handed in by hand: which are kept, and what they cost. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeaderStatus } from "../../lib/bitcoin/headers/header-chain.ts";
import { MemoryBudget } from "../../lib/core/peers/memory-budget.ts";
import { Block, headerToBytes } from "../../lib/bitcoin/types/mod.ts";
import { Block as BlockMessage, type BodyOf, GetData, GetHeaders, HeadersMessage } from "../../lib/bitcoin/wire/mod.ts";
import {
  type Actor,
  BitcoinWorld,
  type Member,
  mine,
  type NodeOptions,
  type Recording,
  serving,
} from "./bitcoin-world.ts";

const NODE = "10.0.0.9";
const GIVER = "10.0.0.66";
const OTHER = "10.0.0.67";
const PAY_OTHER = Uint8Array.of(0x52);
/** The work of one block of regtest. */
const WORK = 2n;

/** A node of 20 blocks and an inbound peer of it. */
async function visited(options: Omit<NodeOptions, "blocks"> = {}) {
  const world = new BitcoinWorld();
  const chain = world.recording().extend(20);
  const node = await world.node(NODE, { ...options, blocks: chain.blocks });
  const giver = await world.dialIn(GIVER, NODE);
  await world.until(() => node.node.service.peers().length === 1);
  return { world, chain, node, giver };
}

const rowOf = ({ node }: Member, { hash }: Block) => node.service.headers.find(hash);
/** Whether a node has a block's bytes. */
const has = (member: Member, block: Block) =>
  rowOf(member, block) >= 0 &&
  (member.node.service.headers.status(rowOf(member, block)) & HeaderStatus.data) !== 0;

async function give(world: BitcoinWorld, giver: Actor, block: Block): Promise<void> {
  await giver.send(BlockMessage, block);
  await world.clock.advance(100);
}

/** A block that breaks a rule, on a branch beside the node's tip: its coinbase names another height. */
function brokenOn(world: BitcoinWorld, chain: Recording): Block {
  const right = mine(chain.headers, chain.headers.best, world.now);
  const before = chain.fork(chain.blocks.length - 1);
  const wrong = mine(before.headers, before.headers.best, world.now - 1);
  const header = { ...right.header, merkleRoot: wrong.transactions[0]!.txid };
  let block = Block.of(header, wrong.transactions);
  for (let nonce = 0; block.hash.at(-1)! >= 0x7f; nonce++) block = Block.of({ ...header, nonce }, wrong.transactions);
  return block;
}

describe("a block that nobody asked for", () => {
  test("is kept with the least work that a chain must have, and leaves no header below it", async () => {
    for (const [minimumWork, isKept] of [[22n * WORK, true], [22n * WORK + 1n, false]] as const) {
      const { world, chain, node, giver } = await visited({ minimumWork });
      const [next] = chain.fork(20).extend(1).blocks.slice(-1);
      await give(world, giver, next!);
      assert.deepEqual([rowOf(node, next!) >= 0, has(node, next!)], [isKept, isKept]);
      assert.deepEqual(node.bans(), []);
      assert.equal(giver.isClosed(), false);
      await world.end();
    }
  });

  test("is kept with the least work alone even where its header is known already", async () => {
    for (const [minimumWork, isKept] of [[22n * WORK, true], [22n * WORK + 1n, false]] as const) {
      const { world, chain, node, giver } = await visited({ minimumWork });
      const [next] = chain.fork(20).extend(1).blocks.slice(-1);
      assert.equal(await world.clock.until(node.node.service.submitHeader(headerToBytes(next!.header))), undefined);
      await give(world, giver, next!);
      assert.equal(has(node, next!), isKept);
      await world.end();
    }
  });

  test("is kept beside the tip when its branch has as much work, and not when it has less", async () => {
    const { world, chain, node, giver } = await visited();
    const [less] = chain.fork(18).extend(1, PAY_OTHER).blocks.slice(-1);
    const [equal] = chain.fork(19).extend(1, PAY_OTHER).blocks.slice(-1);
    for (const block of [less!, equal!]) await give(world, giver, block);
    assert.deepEqual([has(node, less!), has(node, equal!)], [false, true]);
    assert.equal(node.tip(), chain.tip);
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("is kept 288 blocks above the tip, and not higher up", async () => {
    const { world, chain, node, giver } = await visited();
    const long = chain.fork(20).extend(289);
    await giver.send(HeadersMessage, { headers: long.blocks.slice(20).map(({ header }) => header) });
    await world.until(() => node.node.service.headers.length === 310);
    const other = await world.dialIn(OTHER, NODE);
    await world.until(() => node.node.service.peers().length === 2);
    for (const block of [long.blocks[308]!, long.blocks[307]!]) await give(world, other, block);
    assert.deepEqual([has(node, long.blocks[308]!), has(node, long.blocks[307]!)], [false, true]);
    await world.end();
  });

  test("is kept wherever it lies when it was asked of somebody else", async () => {
    const { world, chain, node, giver } = await visited();
    const next = chain.fork(20).extend(1);
    await giver.send(HeadersMessage, { headers: [next.blocks[20]!.header] });
    await world.until(() => giver.received.some(({ message }) => message === GetData));
    // Meanwhile the tip has gone on along another branch, and the block has less work than it.
    const further = chain.fork(20).extend(2, PAY_OTHER);
    for (const block of further.blocks.slice(20)) await world.clock.until(node.node.service.submitBlock(block.raw));
    const other = await world.dialIn(OTHER, NODE);
    await world.until(() => node.node.service.peers().length === 2);
    await give(world, other, next.blocks[20]!);
    assert.equal(has(node, next.blocks[20]!), true);
    assert.deepEqual(node.node.service.peers().map(({ inFlight }) => inFlight.length), [0, 0]);
    await world.end();
  });

  test("counts for its giver when it is new, and not when it is here already", async () => {
    const { world, chain, node, giver } = await visited();
    const lastBlock = () => node.node.service.peers()[0]!.lastBlock;
    await give(world, giver, chain.blocks[19]!);
    assert.equal(lastBlock(), 0);
    const [next] = chain.fork(20).extend(1).blocks.slice(-1);
    await world.clock.advance(60_000);
    await giver.send(BlockMessage, next!);
    assert.equal(lastBlock(), world.now);
    await world.end();
  });

  test("that is too far in the future costs nothing, and its giver is asked again", async () => {
    const { world, chain, node, giver } = await visited();
    const early = mine(chain.headers, chain.headers.best, world.now, { time: world.now + 7_300 });
    await give(world, giver, early);
    assert.deepEqual([rowOf(node, early), giver.isClosed(), node.bans()], [-1, false, []]);
    const questions = () => giver.received.filter(({ message }) => message === GetHeaders).length;
    const before = questions();
    await world.clock.advance(15 * 60_000);
    assert.ok(questions() > before);
    await world.end();
  });

  test("that breaks a rule again, known to do so, costs an inbound peer nothing, nor one that the operator named", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(20);
    const { connections } = await world.actor("10.0.0.1", serving(chain));
    const node = await world.node(NODE, { connect: ["10.0.0.1"], blocks: chain.blocks });
    await world.until(() => node.node.service.peers().length === 1);
    const bad = brokenOn(world, chain);
    const { kind } = await world.clock.until(node.node.service.submitBlock(bad.raw));
    assert.equal(kind, "refused");
    const inbound = await world.dialIn(GIVER, NODE);
    await world.until(() => node.node.service.peers().length === 2);
    for (const actor of [inbound, connections[0]!]) {
      await give(world, actor, bad);
      assert.equal(actor.isClosed(), false);
    }
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("that breaks a rule again costs a peer that the node chose", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(20);
    const { connections } = await world.actor("10.0.0.1", serving(chain));
    const node = await world.node(NODE, { blocks: chain.blocks, outbound: 1 });
    node.node.service.addConnection({ host: "10.0.0.1", port: world.network.defaultPort }, "outbound-full-relay");
    await world.until(() => node.node.service.peers().length === 1);
    const bad = brokenOn(world, chain);
    await world.clock.until(node.node.service.submitBlock(bad.raw));
    await give(world, connections[0]!, bad);
    await world.until(() => connections[0]!.isClosed());
    assert.match(node.bans().join(), /duplicate-invalid/);
    await world.end();
  });
});

describe("a block that was asked for", () => {
  test("is asked of another peer when what came in its place is refused", async () => {
    const { world, chain, node, giver } = await visited();
    const [next] = chain.fork(20).extend(1).blocks.slice(-1);
    await giver.send(HeadersMessage, { headers: [next!.header] });
    await world.until(() => giver.received.some(({ message }) => message === GetData));
    const { header, transactions: [coinbase] } = next!;
    const other = await world.dialIn(OTHER, NODE);
    await other.send(HeadersMessage, { headers: [header] });
    const asked = () =>
      other.received.some(({ message, body }) => message === GetData && (body as BodyOf<typeof GetData>).inventory[0]);
    assert.equal(asked(), false);
    await give(world, giver, Block.of(header, [coinbase!, coinbase!]));
    await world.until(asked, 2_000);
    await give(world, other, next!);
    assert.equal(has(node, next!), true);
    await world.end();
  });

  test("is not asked for any more once it has been handed in", async () => {
    const { world, chain, node, giver } = await visited();
    const [next] = chain.fork(20).extend(1).blocks.slice(-1);
    await giver.send(HeadersMessage, { headers: [next!.header] });
    await world.until(() => node.node.service.peers()[0]!.inFlight.length === 1);
    const { kind } = await world.clock.until(node.node.service.submitBlock(next!.raw));
    assert.equal(kind, "accepted");
    assert.deepEqual(node.node.service.peers()[0]!.inFlight, []);
    await world.end();
  });

  test("counts for the speed of the peer that delivers it, and for nobody's memory once it is stored", async () => {
    const memory = new MemoryBudget(new BitcoinWorld().clock);
    const { world, chain, node, giver } = await visited({ memory });
    const [next] = chain.fork(20).extend(1).blocks.slice(-1);
    await giver.send(HeadersMessage, { headers: [next!.header] });
    await world.until(() => node.node.service.peers()[0]!.inFlight.length === 1);
    await world.clock.advance(1_000);
    await give(world, giver, next!);
    assert.ok(node.node.service.peers()[0]!.blockBytesPerSecond > 0);
    await give(world, giver, next!);
    await world.end();
    assert.equal(memory.used, 0);
  });
});

describe("a block that is handed in by hand", () => {
  test("is told of as what it is: new, known, beside the chain, refused, known to be invalid", async () => {
    const { world, chain, node } = await visited();
    const submit = async (block: Block) => (await world.clock.until(node.node.service.submitBlock(block.raw))).kind;
    const [next] = chain.fork(20).extend(1).blocks.slice(-1);
    const [beside] = chain.fork(20).extend(1, PAY_OTHER).blocks.slice(-1);
    const bad = brokenOn(world, chain);
    assert.equal(await submit(next!), "accepted");
    assert.equal(await submit(next!), "duplicate");
    assert.equal(await submit(beside!), "inconclusive");
    assert.equal(await submit(beside!), "duplicate");
    assert.equal(await submit(bad), "refused");
    assert.equal(await submit(bad), "duplicate-invalid");
    const early = mine(chain.headers, chain.headers.best, world.now, { time: world.now + 7_300 });
    assert.equal(await submit(early), "refused");
    assert.equal(rowOf(node, early), -1);
    await world.end();
  });
});
