/** Whole nodes whose blocks are connected late: the giver pays, a submitter waits, and the download keeps its distance. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { Block as BlockMessage, type BodyOf, GetData } from "../../lib/bitcoin/wire/mod.ts";
import { AddressBook } from "../../lib/core/addresses/book.ts";
import { bitcoinHandle } from "../../lib/rpc/bitcoin/handle.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { AskingValidator, BAD } from "../unit/bitcoin-chain/slow-chain.ts";
import { BitcoinWorld, RULES, serving } from "./bitcoin-world.ts";

const NODE = "10.0.0.9";
const LIAR = "10.0.0.66";
const OK = { ok: true } as const;

/** Answers every question as it comes, up to a number of blocks. */
function approve(validator: AskingValidator, count = Infinity): () => void {
  let answered = 0;
  return () => {
    for (; answered < Math.min(count, validator.questions.length); answered++) {
      validator.questions[answered]!.answer(OK);
    }
  };
}

describe("a block that is refused when it is connected", () => {
  test("costs the connection that gave it, and no other one of the same host", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(3);
    const validator = new AskingValidator();
    const node = await world.node(NODE, { validator });
    const first = await world.dialIn(LIAR, NODE);
    const second = await world.dialIn(LIAR, NODE);
    await first.send(BlockMessage, chain.blocks[0]!);
    await world.until(() => validator.questions.length === 1);
    await second.send(BlockMessage, chain.blocks[0]!);
    await second.send(BlockMessage, chain.blocks[1]!);
    await world.clock.advance(20_000);
    assert.equal(node.height(), 0);
    assert.deepEqual(node.bans(), []);
    validator.questions[0]!.answer(BAD);
    await world.until(() => first.isClosed());
    assert.equal(node.node.service.peers().length, 1);
    assert.match(node.bans().join(), /10.0.0.66.* invalid block received: bad-late/);
    assert.ok(!second.isClosed());
    assert.deepEqual(node.node.service.chainTips().map(({ status }) => status), ["invalid", "active"]);
    await world.end();
  });

  test("costs the host of a peer that has gone meanwhile", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(1);
    const validator = new AskingValidator();
    const node = await world.node(NODE, { validator });
    const liar = await world.dialIn(LIAR, NODE);
    await liar.send(BlockMessage, chain.blocks[0]!);
    await world.until(() => validator.questions.length === 1);
    liar.end();
    await world.until(() => node.node.service.peers().length === 0);
    assert.deepEqual(node.bans(), []);
    validator.questions[0]!.answer(BAD);
    await world.clock.advance(100);
    assert.match(node.bans().join(), /10.0.0.66.* invalid block received: bad-late/);
    await world.end();
  });

  test("is the answer to the one who submitted it, who waits for the verdict", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(2);
    const validator = new AskingValidator();
    const node = await world.node(NODE, { validator });
    const { service } = node.node;
    let answers = 0;
    const submit = (index: number) => service.submitBlock(chain.blocks[index]!.raw).finally(() => answers++);
    const good = submit(0);
    await world.clock.advance(30_000);
    assert.equal(answers, 0);
    validator.questions[0]!.answer(OK);
    assert.deepEqual(await world.clock.until(good), { kind: "accepted" });
    assert.equal(node.height(), 1);
    const bad = submit(1);
    await world.clock.advance(1_000);
    validator.questions[1]!.answer(BAD);
    assert.deepEqual(await world.clock.until(bad), { kind: "refused", refusal: BAD });
    assert.deepEqual(await world.clock.until(submit(1)), { kind: "duplicate-invalid" });
    await world.end();
  });
});

test("no more blocks are asked for than a window above the last that is connected, and nobody is blamed for that", {
  timeout: 60_000,
}, async () => {
  const world = new BitcoinWorld();
  const chain = world.recording().extend(1_100);
  const validator = new AskingValidator();
  const asked = new Set<string>();
  const withheld = toDisplayHex(chain.blocks[999]!.hash);
  let questions = 0;
  const node = await world.node(NODE, { validator });
  // Strangers: what the operator names is not ended for being slow.
  for (const host of ["10.0.0.1", "10.0.0.2"]) {
    await world.dialIn(host, NODE, async (actor, message, body) => {
      if (message === GetData) {
        for (const { hash } of (body as BodyOf<typeof GetData>).inventory) {
          asked.add(String(hash));
          if (toDisplayHex(hash) === withheld) questions += 1;
        }
      }
      // The first to be asked for one block never gives it. Nobody waits for that one yet.
      await serving(chain, (height) => height !== 1_000 || questions > 1)(actor, message, body);
    });
  }
  await world.until(() => asked.size >= 1_024);
  await world.clock.advance(120_000);
  assert.equal(asked.size, 1_024);
  assert.equal(node.height(), 0);
  assert.equal(questions, 2);
  assert.deepEqual(node.node.service.peers().map(({ id }) => id), [1, 2], "the first connections still");
  const ten = approve(validator, 10);
  await world.until(() => {
    ten();
    return asked.size >= 1_034;
  });
  await world.clock.advance(5_000);
  assert.equal(asked.size, 1_034);
  const all = approve(validator);
  await world.until(() => {
    all();
    return node.height() > 50;
  });
  assert.ok(asked.size > 1_074);
  assert.deepEqual(node.bans(), []);
  await world.end();
});

describe("a branch that forks deeper than the window", () => {
  /** A node on a chain of 1,030 blocks learns of one of 1,035 that has only the first block in common with it. */
  const told = async (validator?: AskingValidator) => {
    const world = new BitcoinWorld();
    const ours = world.recording().extend(1_030);
    const better = ours.fork(1).extend(1_034, Uint8Array.of(0x52));
    await world.node("10.0.0.1", { blocks: better.blocks });
    const before = await world.node(NODE, { blocks: ours.blocks });
    await before.stop();
    const { store } = before;
    const node = await world.node(NODE, { store, ...(validator && { validator }), connect: ["10.0.0.1"] });
    return { world, node, better };
  };

  test("is downloaded up to where it is better, and becomes the chain", { timeout: 60_000 }, async () => {
    const { world, node, better } = await told();
    await world.until(() => node.tip() === better.tip, 120_000);
    assert.deepEqual(node.bans(), []);
    await world.end();
  });

  test("is when its blocks are judged late, too", { timeout: 60_000 }, async () => {
    const validator = new AskingValidator();
    const { world, node, better } = await told(validator);
    const all = approve(validator);
    await world.until(() => {
      all();
      return node.tip() === better.tip;
    }, 600_000);
    assert.deepEqual(node.bans(), []);
    await world.end();
  });
});

describe("a block that is submitted", () => {
  test("is answered for by a node that connects no blocks", async () => {
    for (const mode of ["headers", "filters"] as const) {
      const world = new BitcoinWorld();
      const chain = world.recording().extend(2);
      const node = await world.node(NODE, { mode });
      for (const { raw } of chain.blocks) {
        const { kind } = await world.clock.until(node.node.service.submitBlock(raw));
        assert.equal(kind, "accepted", mode);
      }
      await world.end();
    }
  });

  test("is waited for no longer than the caller does", async () => {
    const world = new BitcoinWorld();
    const chain = world.recording().extend(1);
    const node = await world.node(NODE, { validator: new AskingValidator() });
    const caller = new AbortController();
    const answer = node.node.service.submitBlock(chain.blocks[0]!.raw, caller.signal);
    await world.clock.advance(1_000);
    caller.abort(new Error("gone"));
    await assert.rejects(world.clock.until(answer), /gone/);
    await world.end();
  });
});

test("a node with a validator of a higher level validates what it has again, and says how far it is", async () => {
  const world = new BitcoinWorld();
  const chain = world.recording().extend(4);
  const before = await world.node(NODE, { blocks: chain.blocks });
  const { store } = before;
  assert.equal(before.node.service.state().validating, undefined);
  await before.stop();
  const validator = new AskingValidator();
  const node = await world.node(NODE, { validator, store });
  const { service } = node.node;
  const some = approve(validator, 3);
  await world.until(() => {
    some();
    return service.state().validating?.height === 3;
  });
  assert.deepEqual(service.state().validating, { from: 0, height: 3, to: 4, level: "full" });
  assert.equal(service.state().validation, "structure");
  const status = await bitcoinHandle(service, {
    clock: world.clock,
    addressBook: new AddressBook({ rules: RULES, clock: world.clock, random: new SeededRandom(1) }),
    listenAddress: () => undefined,
    refusedAccepts: () => ({}),
  }).status();
  assert.deepEqual([status.validation, status.validating], ["structure", service.state().validating]);
  validator.questions[3]!.answer(OK);
  await world.until(() => service.state().validation === "full");
  assert.equal(service.state().validating, undefined);
  const told = node.events.filter(({ topic }) => topic === "bitcoin.validation").map(({ data }) => data);
  assert.deepEqual(told, [{ from: 0, height: 4, to: 4, level: "full" }]);
  await world.end();
});

describe("a block that nobody asked for", () => {
  const unitOfWork = 2n;
  /** What becomes of an unasked block at a height above a tip at 5, with a minimum of work of so many blocks. */
  const visited = async (minimumBlocks: bigint, extend: number) => {
    const world = new BitcoinWorld(regtest);
    const chain = world.recording().extend(extend);
    const minimumWork = minimumBlocks * unitOfWork;
    const node = await world.node(NODE, { blocks: chain.blocks.slice(0, 5), minimumWork });
    const stranger = await world.dialIn("10.0.0.7", NODE);
    return { world, chain, node, stranger };
  };

  test("is kept with the minimum work, and with less not even its header is", async () => {
    // The chain of genesis and six blocks has seven units.
    for (const [minimum, isKept] of [[7n, true], [8n, false]] as const) {
      const { world, chain, node, stranger } = await visited(minimum, 6);
      await stranger.send(BlockMessage, chain.blocks[5]!);
      await world.clock.advance(1_000);
      assert.equal(node.node.service.headers.find(chain.blocks[5]!.hash) >= 0, isKept, `${minimum}`);
      assert.equal(node.height(), isKept ? 6 : 5);
      assert.deepEqual(node.bans(), []);
      await world.end();
    }
  });

  test("is kept up to 288 blocks above the tip, and no further", async () => {
    const { world, chain, node, stranger } = await visited(0n, 5 + 290);
    const { headers } = node.node.service;
    for (const { raw } of chain.blocks.slice(5)) await node.node.service.submitHeader(raw.slice(0, 80));
    for (const above of [289, 288]) await stranger.send(BlockMessage, chain.blocks[5 + above - 1]!);
    await world.clock.advance(1_000);
    const counts = await node.store.counts();
    assert.equal(counts.blocks, 1 + 5 + 1);
    const rowAt = (height: number) => headers.find(chain.blocks[height - 1]!.hash);
    assert.ok(await node.store.block(rowAt(5 + 288)));
    assert.equal(await node.store.block(rowAt(5 + 289)), undefined);
    assert.equal(node.height(), 5);
    await world.end();
  });
});
