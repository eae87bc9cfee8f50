/** Stories of compact blocks: who is asked for them, what they are put together from, and what peers can do with them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { blockTemplate, coinbaseOf } from "../../lib/bitcoin/mining.ts";
import {
  Block,
  type CompactBlock,
  compactBlock,
  headerToBytes,
  InvType,
  merkleRoot,
  shortIdKey,
  shortIdOf,
  type Transaction,
} from "../../lib/bitcoin/types/mod.ts";
import {
  type AnyMessage,
  Block as BlockMessage,
  BlockTxn,
  type BodyOf,
  CmpctBlock,
  GetBlockTxn,
  GetData,
  GetHeaders,
  HeadersMessage,
  SendCmpct,
} from "../../lib/bitcoin/wire/mod.ts";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import { MemoryBudget } from "../../lib/core/peers/memory-budget.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { ListedPool, many, numbered } from "../unit/bitcoin-compact/listed-pool.ts";
import { AskingValidator, BAD } from "../unit/bitcoin-chain/slow-chain.ts";
import { type Actor, BitcoinWorld, type Member, type NodeOptions, Recording } from "./bitcoin-world.ts";

const NODE = "10.0.0.9";
const GIVER = "10.0.0.66";
const PAY_TO = Uint8Array.of(0x51);

/** Lets blocks through, and from when it is told to on has to be waited for. */
class LateValidator extends AskingValidator {
  isLate = false;

  constructor() {
    super();
    const ask = this.connect;
    this.connect = (block, coins, signal) => this.isLate ? ask(block, coins, signal) : { ok: true };
  }
}

/** Mines a block of these transactions on a chain, which takes it in. */
function fill(world: BitcoinWorld, chain: Recording, transactions: readonly Transaction[], payTo = PAY_TO): Block {
  const { headers } = chain;
  const template = blockTemplate(headers, headers.best, world.now - 60);
  // Without witnesses there is nothing to commit to.
  const all = [coinbaseOf({ ...template, segwit: false }, payTo), ...transactions];
  const { version, previousBlockHash: prevBlockHash, time, bits } = template;
  const root = merkleRoot(all.map(({ txid }) => txid)).root;
  for (let nonce = 0;; nonce++) {
    const header = { version, prevBlockHash, merkleRoot: root, time, bits, nonce };
    if (HeaderBatch.fromBytes(headerToBytes(header)).firstWithoutWork(headers.network.pow) >= 0) continue;
    const block = Block.of(header, all);
    chain.add(block);
    return block;
  }
}

const of = <T>(actor: Actor, message: AnyMessage) =>
  actor.received.filter((each) => each.message === message).map(({ body }) => body as T);
const askedOf = (actor: Actor) => of<BodyOf<typeof GetData>>(actor, GetData).flatMap(({ inventory }) => inventory);
const roundTrips = (actor: Actor) => of<BodyOf<typeof GetBlockTxn>>(actor, GetBlockTxn);
/** The last `sendcmpct` that a peer was sent. */
const wished = (actor: Actor) => of<BodyOf<typeof SendCmpct>>(actor, SendCmpct).at(-1)?.announce;

/** A node with a mempool and 20 blocks, out of the initial download. */
async function ready(transactions: readonly Transaction[] = [], options: NodeOptions = {}) {
  const world = new BitcoinWorld();
  const chain = world.recording().extend(20);
  const mempool = new ListedPool().add(...transactions);
  const node = await world.node(NODE, { blockParts: mempool, ...options, blocks: chain.blocks });
  await world.until(() => !node.node.service.state().initialBlockDownload);
  return { world, chain, mempool, node };
}

/** A peer that dialled the node and offers compact blocks. */
async function visitor(world: BitcoinWorld, host = GIVER): Promise<Actor> {
  const actor = await world.dialIn(host, NODE);
  await world.until(() => actor.received.some(({ message }) => message === SendCmpct));
  await actor.send(SendCmpct, { announce: 0, version: 2n });
  return actor;
}

/** A peer that the node asks to send compact blocks unasked, since it was first with a block. */
async function chosen(world: BitcoinWorld, chain: Recording, node: Member, host = GIVER): Promise<Actor> {
  const actor = await visitor(world, host);
  const block = fill(world, chain, []);
  await actor.send(HeadersMessage, { headers: [block.header] });
  await world.until(() => askedOf(actor).length === 1);
  await actor.send(CmpctBlock, compactBlock(block, 1n));
  await world.until(() => wished(actor) === 1 && node.tip() === chain.tip);
  actor.received.length = 0;
  return actor;
}

const give = (actor: Actor, block: Block, nonce = 5n) => actor.send(CmpctBlock, compactBlock(block, nonce));
const giveParts = (actor: Actor, block: Block, indexes: readonly number[]) =>
  actor.send(BlockTxn, { blockHash: block.hash, transactions: indexes.map((i) => block.transactions[i]!) });
const bytesOf = async (member: Member, block: Block) =>
  toHex((await member.node.service.block(member.node.service.headers.find(block.hash)))!);

describe("a block that a peer tells of", () => {
  test("is asked for in compact form, and put together from the mempool without another word", async () => {
    const transactions = many(200);
    const { world, chain, node } = await ready([...many(500, 1_000), ...transactions]);
    const giver = await visitor(world);
    const block = fill(world, chain, transactions);
    await giver.send(HeadersMessage, { headers: [block.header] });
    await world.until(() => askedOf(giver).length === 1);
    assert.deepEqual(askedOf(giver).map(({ type }) => type), [InvType.CMPCT_BLOCK]);
    await give(giver, block);
    await world.until(() => node.tip() === chain.tip);
    assert.equal(await bytesOf(node, block), toHex(block.raw));
    assert.deepEqual(roundTrips(giver), []);
    const { rebuilt, rebuiltAtOnce, transactions: counts, blockBytes, wireBytes } = node.node.service.compactBlocks;
    assert.deepEqual([rebuilt, rebuiltAtOnce, counts], [1, 1, { prefilled: 1, pool: 200, extra: 0, asked: 0 }]);
    assert.ok(wireBytes < blockBytes / 8, `${wireBytes} of ${blockBytes}`);
    await world.end();
  });

  test("is completed by the transactions that were asked for", async () => {
    const transactions = many(20);
    const { world, chain, node, mempool } = await ready(transactions.slice(0, 18));
    const giver = await visitor(world);
    mempool.remove(transactions[3]!, "replaced");
    const block = fill(world, chain, transactions);
    await giver.send(HeadersMessage, { headers: [block.header] });
    await give(giver, block);
    await world.until(() => roundTrips(giver).length === 1);
    assert.deepEqual(roundTrips(giver)[0]!.indexes, [19, 20]);
    await giveParts(giver, block, [19, 20]);
    await world.until(() => node.tip() === chain.tip);
    assert.equal(await bytesOf(node, block), toHex(block.raw));
    const { transactions: counts, wireBytes } = node.node.service.compactBlocks;
    assert.deepEqual(counts, { prefilled: 1, pool: 17, extra: 1, asked: 2 });
    const compact = CmpctBlock.encode(compactBlock(block, 5n)).length;
    const question = GetBlockTxn.encode({ blockHash: block.hash, indexes: [19, 20] }).length;
    assert.equal(wireBytes, compact + question + 33 + block.transactions[19]!.size + block.transactions[20]!.size);
    await world.end();
  });

  test("is asked for whole where there is no mempool, of a peer that offers no compact blocks, and beside another", async () => {
    const { world, chain, node } = await ready();
    const old = await world.dialIn("10.0.0.3", NODE);
    const first = fill(world, chain, []);
    await old.send(HeadersMessage, { headers: [first.header] });
    await world.until(() => askedOf(old).length === 1);
    const giver = await visitor(world);
    const second = fill(world, chain, []);
    await giver.send(HeadersMessage, { headers: [first.header, second.header] });
    await world.until(() => askedOf(giver).length === 1);
    assert.deepEqual([...askedOf(old), ...askedOf(giver)].map(({ type }) => type), [
      InvType.WITNESS_BLOCK,
      InvType.WITNESS_BLOCK,
    ]);
    // One that offered none is not heard, though it was asked for the block.
    await give(old, first);
    assert.deepEqual([node.node.service.compactBlocks.received, node.height()], [0, 20]);
    await old.send(BlockMessage, first);
    await giver.send(BlockMessage, second);
    await world.until(() => node.tip() === chain.tip);
    await world.end();
  });
});

describe("peers that are to send compact blocks unasked", () => {
  test("are the last three that were first with a block, and at least one that we dialled", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(20);
    const { connections } = await world.actor("10.0.0.1");
    const node = await world.node(NODE, { blockParts: new ListedPool(), blocks: chain.blocks, connect: ["10.0.0.1"] });
    await world.until(() => connections[0]?.received.some(({ message }) => message === SendCmpct) === true);
    const [dialled] = connections;
    await dialled!.send(SendCmpct, { announce: 0, version: 2n });
    const inbound: Actor[] = [];
    for (const i of [1, 2, 3, 4]) inbound.push(await visitor(world, `10.0.1.${i}`));
    const deliver = async (actor: Actor) => {
      const block = fill(world, chain, []);
      await actor.send(HeadersMessage, { headers: [block.header] });
      await world.until(() => askedOf(actor).length > 0);
      await give(actor, block);
      await world.until(() => node.tip() === chain.tip);
      actor.received.splice(0, actor.received.length, ...actor.received.filter(({ message }) => message !== GetData));
    };
    const wishes = () => [dialled!, ...inbound].map(wished);
    await deliver(dialled!);
    assert.deepEqual(wishes(), [1, 0, 0, 0, 0]);
    await deliver(inbound[0]!);
    await deliver(inbound[1]!);
    assert.deepEqual(wishes(), [1, 1, 1, 0, 0]);
    // The only one that we dialled stays, though it is the oldest.
    await deliver(inbound[2]!);
    assert.deepEqual(wishes(), [1, 0, 1, 1, 0]);
    // One that is chosen already is the youngest now.
    await deliver(inbound[1]!);
    await deliver(inbound[3]!);
    assert.deepEqual(wishes(), [1, 0, 1, 0, 1]);
    const shown = () => node.node.service.peers().map(({ compactBlocksTo }) => Number(compactBlocksTo));
    assert.deepEqual(shown(), wishes());
    // One that has gone takes no place.
    inbound[1]!.end();
    await world.until(() => node.node.service.peers().length === 4);
    await deliver(inbound[0]!);
    assert.deepEqual(shown(), [1, 1, 0, 1]);
    await world.end();
  });

  test("are heard unasked, and others are not, though their header is", async () => {
    const { world, chain, node } = await ready();
    const friend = await chosen(world, chain, node, "10.0.0.5");
    const stranger = await visitor(world);
    const block = fill(world, chain, []);
    await give(stranger, block);
    await world.clock.advance(100);
    assert.equal(node.node.service.compactBlocks.received, 1);
    // It has shown that it has the block, and is asked for it.
    assert.deepEqual(askedOf(stranger).map(({ type }) => type), [InvType.CMPCT_BLOCK]);
    await give(friend, block);
    await world.until(() => node.tip() === chain.tip);
    assert.equal(node.node.service.compactBlocks.received, 2);
    await world.end();
  });

  test("may be asked for what is missing three at a time, the last place being for a peer that we dialled", async () => {
    const missing = many(2);
    const world = new BitcoinWorld();
    const chain = world.recording().extend(20);
    const { connections } = await world.actor("10.0.0.1");
    const node = await world.node(NODE, { blockParts: new ListedPool(), blocks: chain.blocks, connect: ["10.0.0.1"] });
    await world.until(() => connections[0]?.received.some(({ message }) => message === SendCmpct) === true);
    const [dialled] = connections;
    await dialled!.send(SendCmpct, { announce: 0, version: 2n });
    const inbound: Actor[] = [];
    for (const i of [1, 2]) inbound.push(await chosen(world, chain, node, `10.0.1.${i}`));
    const own = fill(world, chain, []);
    await dialled!.send(HeadersMessage, { headers: [own.header] });
    await give(dialled!, own);
    await world.until(() => wished(dialled!) === 1);
    const late = await visitor(world);
    const block = fill(world, chain, missing);
    for (const actor of [...inbound, dialled!]) await give(actor, block);
    await give(late, block);
    await world.clock.advance(100);
    assert.deepEqual([...inbound, dialled!, late].map((actor) => roundTrips(actor).length), [1, 1, 1, 0]);
    await giveParts(dialled!, block, [1, 2]);
    await world.until(() => node.tip() === chain.tip);
    // Those who were slower are not asked any more, and what they send costs them nothing.
    await giveParts(inbound[0]!, block, [1, 2]);
    await giveParts(inbound[1]!, block, [1]);
    await world.clock.advance(100);
    assert.deepEqual(node.bans(), []);
    assert.deepEqual(node.node.service.peers().map(({ inFlight }) => inFlight.length), [0, 0, 0, 0]);
    await world.end();
  });
});

test("a block that is asked of three is not asked of a fourth in parts, but taken from it when nothing is missing", async () => {
  for (const isThere of [false, true]) {
    const [missing] = many(1);
    const { world, chain, node, mempool } = await ready();
    const peers: Actor[] = [];
    for (const i of [1, 2, 3]) peers.push(await chosen(world, chain, node, `10.0.1.${i}`));
    const slow = await visitor(world, "10.0.0.5");
    const block = fill(world, chain, [missing!]);
    for (const actor of peers.slice(0, 2)) await give(actor, block);
    await slow.send(HeadersMessage, { headers: [block.header] });
    await world.until(() => askedOf(slow).length === 1, 7_000);
    for (const transaction of isThere ? [missing!] : []) mempool.add(transaction);
    await give(peers[2]!, block);
    await world.clock.advance(1_000);
    assert.deepEqual(peers.map((actor) => roundTrips(actor).length), [1, 1, 0]);
    assert.equal(node.node.service.compactBlocks.givenUp, isThere ? 0 : 1);
    assert.equal(node.tip() === chain.tip, isThere);
    const asked = node.node.service.peers().map(({ inFlight }) => inFlight.length);
    assert.deepEqual(asked, isThere ? [0, 0, 0, 0] : [1, 1, 0, 1]);
    await world.end();
  }
});

describe("compact blocks that we give", () => {
  test("are announced before the block is validated, to those who want that and have its parent, and completed", async () => {
    const validator = new LateValidator();
    const { world, chain, node } = await ready([], { validator });
    validator.isLate = true;
    const friend = await visitor(world, "10.0.0.5");
    await friend.send(SendCmpct, { announce: 1, version: 2n });
    const other = await visitor(world, "10.0.0.6");
    const blind = await visitor(world, "10.0.0.7");
    await blind.send(SendCmpct, { announce: 1, version: 2n });
    const giver = await visitor(world);
    for (const actor of [friend, other]) {
      await actor.send(HeadersMessage, { headers: [chain.blocks.at(-1)!.header] });
    }
    const block = fill(world, chain, many(5));
    await giver.send(BlockMessage, block);
    await world.until(() => of(friend, CmpctBlock).length === 1);
    assert.notEqual(node.tip(), chain.tip);
    const [compact] = of<CompactBlock>(friend, CmpctBlock);
    assert.deepEqual([compact!.shortIds.length, compact!.prefilled.length], [5, 1]);
    await friend.send(GetBlockTxn, { blockHash: block.hash, indexes: [1, 3] });
    await world.until(() => of(friend, BlockTxn).length === 1);
    const [parts] = of<BodyOf<typeof BlockTxn>>(friend, BlockTxn);
    assert.deepEqual(parts!.transactions.map(({ raw }) => raw), [1, 3].map((i) => block.transactions[i]!.raw));
    // The whole block is given when it is validated, and not before: it would be held against us.
    await friend.send(GetData, { inventory: [{ type: InvType.WITNESS_BLOCK, hash: block.hash }] });
    await world.clock.advance(1_000);
    assert.equal(of(friend, BlockMessage).length, 0);
    assert.deepEqual([other, blind].map((actor) => of(actor, CmpctBlock).length), [0, 0]);
    validator.questions.at(-1)!.answer({ ok: true });
    await world.until(() => of(friend, BlockMessage).length === 1);
    // Nobody is told twice.
    await world.clock.advance(5_000);
    assert.equal(of(friend, CmpctBlock).length, 1);
    assert.equal(of(friend, HeadersMessage).length, 0);
    await world.end();
  });

  test("are given when they are validated, though a later one was announced meanwhile, and whatever form is asked for", async () => {
    const validator = new LateValidator();
    const { world, chain, node } = await ready([], { validator });
    validator.isLate = true;
    const asker = await visitor(world, "10.0.0.5");
    await asker.send(SendCmpct, { announce: 1, version: 2n });
    await asker.send(HeadersMessage, { headers: [chain.blocks.at(-1)!.header] });
    const giver = await visitor(world);
    const made = [fill(world, chain, many(3)), fill(world, chain, []), fill(world, chain, [])];
    for (const block of made) await giver.send(BlockMessage, block);
    await world.until(() => of(asker, CmpctBlock).length === 1 && validator.questions.length === 1);
    const ask = (type: number, block: Block) => asker.send(GetData, { inventory: [{ type, hash: block.hash }] });
    await ask(InvType.WITNESS_BLOCK, made[0]!);
    await ask(InvType.CMPCT_BLOCK, made[1]!);
    await ask(InvType.WITNESS_BLOCK, made[2]!);
    await world.clock.advance(1_000);
    assert.equal(of(asker, BlockMessage).length, 0);
    for (let i = 0; i < 3; i++) {
      await world.until(() => validator.questions.length === i + 1);
      validator.questions[i]!.answer({ ok: true });
    }
    await world.until(() => node.tip() === chain.tip);
    await world.until(() => of(asker, BlockMessage).length === 2);
    assert.deepEqual(of<Block>(asker, BlockMessage).map(({ hash }) => hash), [made[0]!.hash, made[2]!.hash]);
    assert.ok(of<CompactBlock>(asker, CmpctBlock).some(({ header }) => header.time === made[1]!.header.time));
    await world.end();
  });

  test("are given though the disk has them not yet, and later ones were announced", async () => {
    const store = new MemoryBitcoinStore();
    const { world, chain, node } = await ready([], { store });
    const disk = Promise.withResolvers<void>();
    const commit = store.commit.bind(store);
    store.commit = (step) => disk.promise.then(() => commit(step));
    const asker = await visitor(world, "10.0.0.5");
    await asker.send(SendCmpct, { announce: 1, version: 2n });
    await asker.send(HeadersMessage, { headers: [chain.blocks.at(-1)!.header] });
    const giver = await visitor(world);
    const made = [fill(world, chain, many(3)), fill(world, chain, [])];
    for (const block of made) await giver.send(BlockMessage, block);
    await world.until(() => of(asker, CmpctBlock).length > 0);
    for (const { hash } of made) await asker.send(GetData, { inventory: [{ type: InvType.WITNESS_BLOCK, hash }] });
    await world.until(() => of(asker, BlockMessage).length === 2);
    assert.notEqual(node.tip(), chain.tip);
    disk.resolve();
    await world.until(() => node.tip() === chain.tip);
    await world.end();
  });

  test("are given to those who ask for one of the last blocks; deeper ones are given whole", async () => {
    const { world, chain, node } = await ready();
    const asker = await visitor(world);
    for (const depth of [5, 6]) {
      const block = chain.blocks.at(-1 - depth)!;
      await asker.send(GetData, { inventory: [{ type: InvType.CMPCT_BLOCK, hash: block.hash }] });
    }
    await world.until(() => of(asker, BlockMessage).length === 1);
    assert.equal(of(asker, CmpctBlock).length, 1);
    assert.equal(node.node.service.compactBlocks.answered, 1);
    // What is asked for is given, whatever was given last.
    for (const depth of [4, 2, 4]) {
      const block = chain.blocks.at(-1 - depth)!;
      await asker.send(GetData, { inventory: [{ type: InvType.CMPCT_BLOCK, hash: block.hash }] });
      await asker.send(GetBlockTxn, { blockHash: chain.blocks.at(-1)!.hash, indexes: [0] });
      await world.clock.advance(100);
      assert.deepEqual(of<CompactBlock>(asker, CmpctBlock).at(-1)!.header, block.header);
      const { transactions } = of<BodyOf<typeof BlockTxn>>(asker, BlockTxn).at(-1)!;
      assert.deepEqual(transactions.map(({ raw }) => raw), [chain.blocks.at(-1)!.transactions[0]!.raw]);
    }
    await world.end();
  });

  test("announce our tip to those who want that, when it was not announced before", async () => {
    const { world, chain, node } = await ready();
    const friend = await visitor(world, "10.0.0.5");
    await friend.send(SendCmpct, { announce: 1, version: 2n });
    const block = fill(world, chain, []);
    // By then the peer is not known to have the parent.
    await world.clock.until(node.node.service.submitBlock(block.raw));
    await world.clock.advance(1_000);
    assert.equal(of(friend, CmpctBlock).length, 0);
    await friend.send(GetHeaders, { version: 70_016, locator: [block.hash], stop: new Uint8Array(32) });
    await friend.send(HeadersMessage, { headers: [block.header] });
    const next = fill(world, chain, []);
    await world.clock.until(node.node.service.submitBlock(next.raw));
    await world.until(() => of(friend, CmpctBlock).length === 1);
    await friend.send(SendCmpct, { announce: 0, version: 2n });
    const last = fill(world, chain, []);
    await world.clock.until(node.node.service.submitBlock(last.raw));
    await world.clock.advance(1_000);
    assert.equal(of(friend, CmpctBlock).length, 1);
    assert.deepEqual(node.node.service.peers().map(({ compactBlocksFrom }) => compactBlocksFrom), [false]);
    await world.end();
  });
});

test("a tip that was reached by a reorganisation is told of in compact form as well, once", async () => {
  const { world, chain, node } = await ready();
  const friend = await visitor(world, "10.0.0.5");
  await friend.send(SendCmpct, { announce: 1, version: 2n });
  const rival = chain.fork(20);
  const submit = (block: Block) => world.clock.until(node.node.service.submitBlock(block.raw));
  await submit(fill(world, chain, []));
  const [before, tip] = [1, 2].map(() => fill(world, rival, [], Uint8Array.of(0x52)));
  await submit(before!);
  await friend.send(HeadersMessage, { headers: [before!.header] });
  assert.equal(of(friend, CmpctBlock).length, 0);
  await submit(tip!);
  await world.until(() => of(friend, CmpctBlock).length === 1);
  await world.clock.advance(1_000);
  assert.equal(node.tip(), rival.tip);
  assert.deepEqual(of<CompactBlock>(friend, CmpctBlock).map(({ header }) => header), [tip!.header]);
  assert.equal(of(friend, HeadersMessage).length, 0);
  assert.equal(node.node.service.compactBlocks.announced, 1);
  await world.end();
});

test("nobody is told of a second block of the same height before it is validated, nor of any during the initial download", async () => {
  const validator = new LateValidator();
  const { world, chain, node } = await ready([], { validator });
  validator.isLate = true;
  const friend = await visitor(world, "10.0.0.5");
  await friend.send(SendCmpct, { announce: 1, version: 2n });
  await friend.send(HeadersMessage, { headers: [chain.blocks.at(-1)!.header] });
  const giver = await visitor(world);
  const rival = chain.fork(20);
  await giver.send(BlockMessage, fill(world, chain, []));
  await giver.send(BlockMessage, fill(world, rival, [], Uint8Array.of(0x52)));
  await world.clock.advance(1_000);
  assert.equal(of(friend, CmpctBlock).length, 1);
  for (const { answer } of validator.questions) answer({ ok: true });
  await world.until(() => node.height() === 21);
  await world.end();
});

test("a peer whose blocks come during the initial download, or while others are on their way, is not chosen", async () => {
  const world = new BitcoinWorld();
  // Days old: the initial download goes on.
  const old = new Recording(world.now - 3 * 86_400);
  const node = await world.node(NODE, { blockParts: new ListedPool() });
  const giver = await visitor(world);
  const deliver = async (block: Block) => {
    await giver.send(HeadersMessage, { headers: [block.header] });
    await giver.send(BlockMessage, block);
    await world.until(() => node.tip() === old.tip);
  };
  await deliver(old.extend(1).blocks.at(-1)!);
  await deliver(old.extend(1).blocks.at(-1)!);
  assert.deepEqual([node.node.service.state().initialBlockDownload, wished(giver)], [true, 0]);
  const friend = await visitor(world, "10.0.0.5");
  await friend.send(SendCmpct, { announce: 1, version: 2n });
  await friend.send(HeadersMessage, { headers: [old.blocks.at(-1)!.header] });
  await deliver(old.extend(1).blocks.at(-1)!);
  assert.equal(of(friend, CmpctBlock).length, 0);
  const chain = world.recording();
  for (const block of old.blocks) chain.add(block);
  const last = fill(world, chain, []);
  await giver.send(HeadersMessage, { headers: [last.header] });
  await giver.send(BlockMessage, last);
  await world.until(() => node.height() === 4);
  giver.received.splice(0, giver.received.length, ...giver.received.filter(({ message }) => message !== GetData));
  const [first, second] = [fill(world, chain, []), fill(world, chain, [])];
  await giver.send(HeadersMessage, { headers: [first.header, second.header] });
  await world.until(() => askedOf(giver).length > 0);
  await giver.send(BlockMessage, first);
  await world.until(() => node.height() === 5);
  assert.equal(wished(giver), 0);
  await giver.send(BlockMessage, second);
  await world.until(() => wished(giver) === 1);
  await world.end();
});

describe("a peer with compact blocks of ill will", () => {
  const punished = async (world: BitcoinWorld, node: Member, actor: Actor, reason: RegExp) => {
    await world.until(() => actor.isClosed());
    assert.match(node.bans().join(), reason);
  };

  test("pays for another number of transactions than was asked for, and the block is asked of another", async () => {
    for (const indexes of [[1], [1, 2, 3], []]) {
      const { world, chain, node } = await ready();
      const liar = await chosen(world, chain, node);
      const honest = await visitor(world, "10.0.0.5");
      const block = fill(world, chain, many(3));
      await honest.send(HeadersMessage, { headers: [chain.blocks.at(-2)!.header] });
      await give(liar, block);
      await world.until(() => roundTrips(liar).length === 1);
      await honest.send(HeadersMessage, { headers: [block.header] });
      await giveParts(liar, block, indexes.length === 3 ? [0, 1, 2, 3] : indexes);
      await punished(world, node, liar, /non-matching block transactions/);
      await world.until(() => askedOf(honest).length === 1, 2_000);
      await honest.send(BlockMessage, block);
      await world.until(() => node.tip() === chain.tip);
      await world.end();
    }
  });

  test("that gives wrong transactions is asked for the whole block, and pays when it tries again", async () => {
    const { world, chain, node } = await ready();
    const liar = await chosen(world, chain, node);
    const block = fill(world, chain, many(2));
    await give(liar, block);
    await world.until(() => roundTrips(liar).length === 1);
    await liar.send(BlockTxn, { blockHash: block.hash, transactions: many(2, 50) });
    await world.until(() => askedOf(liar).length === 1);
    assert.deepEqual(askedOf(liar).map(({ type }) => type), [InvType.WITNESS_BLOCK]);
    assert.equal(node.node.service.compactBlocks.fallbacks, 1);
    assert.deepEqual(node.bans(), []);
    await giveParts(liar, block, [1, 2]);
    await punished(world, node, liar, /non-matching block transactions/);
    assert.equal(node.height(), 21);
    await world.end();
  });

  test("that gives what it was asked for twice is not heard the second time", async () => {
    const { world, chain, node } = await ready();
    const giver = await chosen(world, chain, node);
    const block = fill(world, chain, many(2));
    await give(giver, block);
    await giveParts(giver, block, [1, 2]);
    await giveParts(giver, block, [1, 2]);
    await giveParts(giver, block, [1]);
    await world.until(() => node.tip() === chain.tip);
    await world.clock.advance(1_000);
    assert.deepEqual([node.bans(), giver.isClosed()], [[], false]);
    await world.end();
  });

  test("pays for a form that no block has, and for a header that breaks a rule", async () => {
    const bad = (compact: CompactBlock): [CompactBlock, RegExp][] => [
      [{ ...compact, shortIds: [], prefilled: [] }, /invalid compact block/],
      [{ ...compact, prefilled: [{ ...compact.prefilled[0]!, index: 9 }] }, /invalid compact block/],
      [{ ...compact, header: { ...compact.header, bits: 0x1d00ffff } }, /invalid header via cmpctblock/],
      [{ ...compact, header: { ...compact.header, time: 5 } }, /invalid header via cmpctblock/],
    ];
    for (const n of [0, 1, 2, 3]) {
      const { world, chain, node } = await ready();
      const liar = await chosen(world, chain, node);
      const block = fill(world, chain, many(2));
      const [compact, reason] = bad(compactBlock(block, 1n))[n]!;
      await liar.send(CmpctBlock, compact);
      await punished(world, node, liar, reason);
      assert.ok(node.node.service.peers().every(({ inFlight }) => inFlight.length === 0));
      await world.end();
    }
  });

  test("pays for a place beyond the block in a question", async () => {
    const { world, chain, node } = await ready();
    const asker = await visitor(world);
    await asker.send(GetBlockTxn, { blockHash: chain.blocks.at(-1)!.hash, indexes: [0, 1] });
    await punished(world, node, asker, /out-of-bounds/);
    await world.end();
  });

  test("that made the mempool fit its ids does not keep the block from us", async () => {
    const transactions = many(6);
    const { world, chain, node, mempool } = await ready(transactions.slice(1));
    const giver = await chosen(world, chain, node);
    const block = fill(world, chain, transactions);
    // As if a transaction of the mempool had been sought that has the same id under the key of this block and nonce.
    const compact = compactBlock(block, 8n);
    const twin = numbered(900);
    mempool.add(twin);
    const ids = [shortIdOf(shortIdKey(block.header, 8n), twin.wtxid), ...compact.shortIds.slice(1)];
    await giver.send(CmpctBlock, { ...compact, shortIds: ids });
    await world.until(() => askedOf(giver).length === 1);
    assert.deepEqual(askedOf(giver).map(({ type }) => type), [InvType.WITNESS_BLOCK]);
    assert.deepEqual([node.node.service.compactBlocks.fallbacks, node.bans()], [1, []]);
    await giver.send(BlockMessage, block);
    await world.until(() => node.tip() === chain.tip);
    await world.end();
  });

  test("that gives ids which cannot be told apart is asked for the whole block, once", async () => {
    const { world, chain, node } = await ready();
    const giver = await chosen(world, chain, node);
    const block = fill(world, chain, many(2));
    const compact = { ...compactBlock(block, 8n), shortIds: [4, 4] };
    for (let i = 0; i < 50; i++) await giver.send(CmpctBlock, compact);
    await world.until(() => askedOf(giver).length > 0);
    await world.clock.advance(1_000);
    assert.deepEqual(askedOf(giver).map(({ type }) => type), [InvType.WITNESS_BLOCK]);
    assert.equal(node.node.service.compactBlocks.received, 2);
    await world.end();
  });

  test("that floods with compact blocks of one header has the mempool searched once", async () => {
    const { world, chain, node } = await ready(many(3_000, 5_000));
    const flooder = await chosen(world, chain, node);
    const honest = await chosen(world, chain, node, "10.0.0.5");
    const third = await chosen(world, chain, node, "10.0.0.6");
    const received = () => node.node.service.compactBlocks.received;
    const before = received();
    const block = fill(world, chain, many(2));
    for (const actor of [honest, third]) await give(actor, block);
    // With two before it, the last place is not for a peer that dialled us: each of these would be tried and given up.
    for (let i = 0; i < 200; i++) await give(flooder, block, BigInt(i));
    assert.equal(received(), before + 3);
    await giveParts(honest, block, [1, 2]);
    await world.until(() => node.tip() === chain.tip);
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("that keeps back what it was asked for holds nobody up, nor do three of them", async () => {
    const { world, chain, node } = await ready();
    const holders: Actor[] = [];
    for (const i of [1, 2, 3]) holders.push(await chosen(world, chain, node, `10.0.1.${i}`));
    const honest = await visitor(world, "10.0.0.5");
    const block = fill(world, chain, many(2));
    for (const actor of holders) await give(actor, block);
    assert.deepEqual(holders.map((actor) => roundTrips(actor).length), [1, 1, 0]);
    await honest.send(HeadersMessage, { headers: [block.header] });
    // The third holder was idle, and is asked before it.
    await world.until(() => askedOf(holders[2]!).length === 1, 7_000);
    await world.until(() => askedOf(honest).length === 1, 12_000);
    await honest.send(BlockMessage, block);
    await world.until(() => node.tip() === chain.tip);
    assert.deepEqual(node.node.service.peers().map(({ inFlight }) => inFlight.length), [0, 0, 0, 0]);
    await world.end();
  });

  test("pays nothing for a block that breaks a rule of the chain: it may be passed on before that is known", async () => {
    const validator = new LateValidator();
    const { world, chain, node } = await ready([], { validator });
    const giver = await chosen(world, chain, node);
    validator.isLate = true;
    const block = fill(world, chain, []);
    await give(giver, block);
    await world.until(() => validator.questions.length === 1);
    validator.questions[0]!.answer(BAD);
    await world.until(() => node.node.service.chainTips().some(({ status }) => status === "invalid"));
    await give(giver, block, 7n);
    await world.clock.advance(1_000);
    assert.deepEqual([node.bans(), giver.isClosed()], [[], false]);
    // One that builds on it does.
    const next = fill(world, chain, []);
    await give(giver, next);
    await punished(world, node, giver, /bad-prevblk/);
    await world.end();
  });

  test("has its memory counted while it is waited for, and no longer", async () => {
    const clock = new BitcoinWorld().clock;
    const memory = new MemoryBudget(clock);
    const large = numbered(77, { bytes: 500_000 });
    const { world, chain, node } = await ready([large], { memory });
    const first = await chosen(world, chain, node);
    const second = await chosen(world, chain, node, "10.0.0.5");
    const waiting = () => [...memory.accounts].map(({ waiting }) => waiting);
    const block = fill(world, chain, [large, ...many(1)]);
    await give(first, block);
    await give(second, block);
    await world.until(() => roundTrips(first).length === 1);
    assert.ok(waiting().every((bytes) => bytes > 500_000), `${waiting()}`);
    second.end();
    await world.until(() => node.node.service.peers().length === 1);
    assert.deepEqual(waiting().length, 1);
    await giveParts(first, block, [2]);
    await world.until(() => node.tip() === chain.tip);
    assert.deepEqual(waiting(), [0]);
    await world.end();
    assert.equal(memory.used, 0);
  });

  test("is let go when the memory is needed, and the block comes from another", async () => {
    const clock = new BitcoinWorld().clock;
    const memory = new MemoryBudget(clock, 1_000_000);
    const large = numbered(77, { bytes: 700_000 });
    const { world, chain, node } = await ready([large], { memory });
    const giver = await chosen(world, chain, node);
    const block = fill(world, chain, [large, ...many(1)]);
    await give(giver, block);
    await world.until(() => roundTrips(giver).length === 1);
    const release = memory.charge(500_000);
    await world.until(() => giver.isClosed());
    release();
    const honest = await visitor(world, "10.0.0.5");
    await honest.send(HeadersMessage, { headers: [block.header] });
    await world.until(() => askedOf(honest).length === 1, 10_000);
    assert.deepEqual(node.bans(), []);
    await world.end();
    assert.equal(memory.used, 0);
  });
});

describe("a compact block that is of no use", () => {
  test("is taken as a header: of an unknown parent, of little work, and far above the tip", async () => {
    const { world, chain, node } = await ready([], { minimumWork: 42n });
    const giver = await chosen(world, chain, node);
    const { received } = node.node.service.compactBlocks;
    const low = chain.fork(3);
    await give(giver, fill(world, low, [], Uint8Array.of(0x52)));
    assert.equal(node.node.service.headers.find(low.blocks.at(-1)!.hash), -1);
    const ahead = [1, 2, 3].map(() => fill(world, chain, []));
    await give(giver, ahead[2]!);
    await world.until(() => of(giver, GetHeaders).length > 0);
    await giver.send(HeadersMessage, { headers: ahead.map(({ header }) => header) });
    await world.until(() => askedOf(giver).length === 3);
    await give(giver, ahead[2]!, 6n);
    await world.clock.advance(100);
    assert.equal(node.node.service.compactBlocks.received, received);
    // It was asked for whole, and is so again: three above the tip the mempool is of no use.
    assert.equal(askedOf(giver).length, 4);
    for (const block of ahead) await giver.send(BlockMessage, block);
    await world.until(() => node.tip() === chain.tip);
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("is not followed while our tip is old", async () => {
    const { world, chain, node } = await ready();
    const giver = await chosen(world, chain, node);
    const { received } = node.node.service.compactBlocks;
    const block = fill(world, chain, []);
    await world.clock.advance(21 * 600_000);
    await give(giver, block);
    await world.until(() => askedOf(giver).length === 1);
    assert.deepEqual(askedOf(giver).map(({ type }) => type), [InvType.WITNESS_BLOCK]);
    assert.equal(node.node.service.compactBlocks.received, received);
    await world.end();
  });
});
