/** Blocks that are connected by work which takes time, and may be refused after they were accepted. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { BlockSources } from "../../../lib/bitcoin/chain/sources.ts";
import { HeaderChain } from "../../../lib/bitcoin/headers/header-chain.ts";
import type { TipMove } from "../../../lib/bitcoin/chain/chain.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { refuse } from "../../../lib/bitcoin/headers/verdict.ts";
import { structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { network } from "../../../lib/sim/bitcoin/blocks.ts";
import { batchOf, mine } from "./mining.ts";
import { AskingValidator, BAD, type Mined, mined, open } from "./slow-chain.ts";

const OK = { ok: true } as const;
const hashOf = ({ block }: Mined) => toDisplayHex(block.hash);

describe("BitcoinChain with a validator that takes its time", () => {
  test("the tip moves block by block, each after its verdict", async () => {
    const validator = new AskingValidator();
    const { add, rest, height, chain, store, row } = await open(validator);
    const made = mined(0, 3, "one by one");
    for (const block of made) assert.equal(add(block).refusal, undefined);
    await rest();
    assert.equal(height(), 0);
    assert.equal((await store.counts()).blocks, 4, "they wait on disk");
    for (const [i, block] of made.entries()) {
      assert.deepEqual(validator.questions.map(({ hash }) => hash), made.slice(0, i + 1).map(hashOf), "one at a time");
      validator.questions[i]!.answer(OK);
      await rest();
      assert.equal(height(), i + 1);
      assert.equal(chain.connected, row(block));
      assert.equal(await store.tip(), row(block));
    }
    const events = await store.events.read(0, 10);
    assert.deepEqual(events.map(({ data }) => data.validation), ["full", "full", "full"]);
  });

  test("no block is asked about above the height at which the chain is to stop, and a better branch is taken up to there", async () => {
    const validator = new AskingValidator();
    const { add, rest, height, chain, row } = await open(validator, undefined, { heightMax: 2 });
    const made = mined(0, 4, "up to a height");
    for (const block of made) add(block);
    for (const i of [0, 1]) {
      await rest();
      validator.questions[i]!.answer(OK);
    }
    await rest();
    assert.deepEqual([validator.questions.length, height()], [2, 2]);
    const better = mined(made[0]!.row, 4, "another up to a height");
    for (const block of better) add(block);
    await rest();
    validator.questions[2]!.answer(OK);
    await rest();
    assert.equal(validator.questions.length, 3);
    assert.equal(chain.connected, row(better[0]!));
  });

  test("a late refusal condemns the branch, charges the giver of that block alone, and the next best becomes the tip", async () => {
    const validator = new AskingValidator();
    const { add, rest, height, chain, charged, row, said } = await open(validator);
    const bad = mined(0, 4, "bad");
    const good = mined(bad[0]!.row, 2, "good");
    for (const [i, block] of bad.entries()) add(block, `giver ${i}`);
    for (const block of good) add(block, "honest");
    await rest();
    validator.questions[0]!.answer(OK);
    await rest();
    validator.questions[1]!.answer(BAD);
    await rest();
    assert.deepEqual(charged, ["giver 1 bad-late"]);
    for (const block of bad.slice(1)) assert.ok(chain.headers.isInvalid(row(block)));
    assert.equal(chain.headers.best, row(good.at(-1)!));
    assert.deepEqual(validator.questions.slice(2).map(({ hash }) => hash), [hashOf(good[0]!)]);
    validator.questions[2]!.answer(OK);
    await rest();
    validator.questions[3]!.answer(OK);
    await rest();
    assert.equal(chain.tip, row(good.at(-1)!));
    assert.equal(height(), 3);
    assert.match(said.join(), /^warning block \w+ at height 2 is refused: bad-late/);
  });

  test("what is refused stays refused after a restart, and is connected by nobody", async () => {
    const validator = new AskingValidator();
    const { add, rest, store, clock, chain } = await open(validator);
    const bad = mined(0, 2, "stays bad");
    for (const block of bad) add(block);
    await rest();
    validator.questions[0]!.answer(BAD);
    await rest();
    await clock.until(chain.close());
    const later = new AskingValidator();
    const again = await open(later, store);
    again.chain.start();
    await again.rest();
    assert.deepEqual(later.questions, []);
    assert.ok(bad.every((block) => again.chain.headers.isInvalid(again.row(block))));
  });

  test("a better branch withdraws the question, and the answer to it then counts for nothing", async () => {
    const validator = new AskingValidator();
    const { add, rest, chain, charged, row } = await open(validator);
    const slow = mined(0, 1, "slow");
    const better = mined(0, 2, "better");
    add(slow[0]!, "slow giver");
    await rest();
    for (const block of better) add(block);
    await rest();
    const [first, second] = validator.questions;
    assert.ok(first!.signal.aborted);
    assert.equal(second!.hash, hashOf(better[0]!));
    first!.answer(BAD);
    await rest();
    assert.deepEqual(charged, []);
    assert.ok(!chain.headers.isInvalid(row(slow[0]!)));
    assert.ok(!chain.headers.isInvalid(row(better[0]!)));
    assert.equal(chain.tip, 0);
    second!.answer(OK);
    await rest();
    validator.questions[2]!.answer(OK);
    await rest();
    assert.equal(chain.tip, row(better[1]!));
  });

  test("a branch that grows on does not withdraw the question", async () => {
    const validator = new AskingValidator();
    const { add, rest } = await open(validator);
    const made = mined(0, 2, "grows");
    add(made[0]!);
    await rest();
    add(made[1]!);
    await rest();
    assert.equal(validator.questions.length, 1);
    assert.ok(!validator.questions[0]!.signal.aborted);
  });

  test("a reorganisation that fails half-way leaves the tip where it was, without an event", async () => {
    const validator = new AskingValidator();
    const { add, rest, chain, row, store } = await open(validator);
    const old = mined(0, 2, "old");
    for (const block of old) add(block);
    for (let i = 0; i < 2; i++) {
      await rest();
      validator.questions[i]!.answer(OK);
    }
    await rest();
    const young = mined(0, 4, "young");
    for (const block of young) add(block, "liar");
    await rest();
    validator.questions[2]!.answer(OK);
    await rest();
    validator.questions[3]!.answer(OK);
    await rest();
    assert.equal(chain.tip, row(old[1]!), "as much work as the tip is not more");
    validator.questions[4]!.answer(BAD);
    for (let i = 5; i < 7; i++) {
      await rest();
      assert.equal(chain.tip, row(old[1]!));
      validator.questions[i]!.answer(OK);
    }
    await rest();
    assert.deepEqual(validator.questions.slice(5).map(({ hash }) => hash), old.map(hashOf), "they are joined again");
    assert.equal(chain.connected, chain.tip);
    const topics = (await store.events.read(0, 50)).map(({ topic }) => topic);
    assert.deepEqual(topics, ["bitcoin.block", "bitcoin.block"]);
  });

  test("a validator that fails is no verdict: it is said once, and tried again", async () => {
    const validator = new AskingValidator();
    const { add, rest, clock, height, said, chain } = await open(validator);
    const [block] = mined(0, 1, "worker dies");
    add(block!, "giver");
    await rest();
    validator.questions[0]!.fail(new Error("the worker died"));
    await clock.advance(10_100);
    validator.questions[1]!.fail(new Error("the worker died"));
    await clock.advance(10_100);
    assert.deepEqual(said, ["error blocks cannot be connected: the worker died; it is tried again every 10 s"]);
    validator.questions[2]!.answer(OK);
    await rest();
    assert.equal(height(), 1);
    await clock.until(chain.close());
    assert.equal(clock.pending, 0);
  });

  test("nothing is tried again, nor said, once the chain is closed", async () => {
    const validator = new AskingValidator();
    const { add, rest, clock, said, chain } = await open(validator);
    add(mined(0, 1, "closed meanwhile")[0]!);
    await rest();
    const closing = chain.close();
    validator.questions[0]!.fail(new Error("the worker is gone"));
    await clock.until(closing);
    assert.deepEqual([said, clock.pending], [[], 0]);
    chain.start();
    await clock.advance(60_000);
    assert.equal(validator.questions.length, 1);
    // One that waits to be tried again is not, either.
    const other = new AskingValidator();
    const failing = await open(other);
    failing.add(mined(0, 1, "waits to be tried")[0]!);
    await failing.rest();
    other.questions[0]!.fail(new Error("the worker is gone"));
    await failing.rest();
    await failing.clock.until(failing.chain.close());
    assert.equal(failing.clock.pending, 0);
  });

  test("a block that comes while another waits to be tried again is connected then, once", async () => {
    const validator = new AskingValidator();
    const { add, rest, clock, height } = await open(validator);
    const made = mined(0, 2, "tried at once");
    add(made[0]!);
    await rest();
    validator.questions[0]!.fail(new Error("the worker is gone"));
    await rest();
    add(made[1]!);
    await rest();
    assert.equal(validator.questions.length, 2);
    await clock.advance(20_000);
    assert.equal(validator.questions.length, 2, "the earlier timer is gone");
    validator.questions[1]!.answer(OK);
    await rest();
    validator.questions[2]!.answer(OK);
    await rest();
    assert.deepEqual([height(), clock.pending], [2, 0]);
  });

  test("a block whose giver was not to blame when it was connected costs the giver nothing later", async () => {
    const validator = new AskingValidator();
    const { add, rest, chain, row, charged } = await open(validator);
    const made = mined(0, 2, "connected");
    add(made[0]!, "honest");
    await rest();
    validator.questions[0]!.answer(OK);
    await rest();
    add(made[1]!, "liar");
    await rest();
    validator.questions[1]!.answer(BAD);
    await rest();
    assert.deepEqual(charged, ["liar bad-late"]);
    chain.condemn(row(made[0]!));
    await rest();
    assert.deepEqual(charged, ["liar bad-late"]);
  });

  test("a block that is not what was accepted is our own damage, and nobody's fault", async () => {
    const validator = new AskingValidator();
    const { add, rest, said, charged, chain, row, clock } = await open(validator);
    const [block] = mined(0, 1, "changed on disk");
    add(block!, "giver");
    await rest();
    validator.questions[0]!.answer(refuse("mutated", "bad-txnmrklroot", "not its own"));
    await rest();
    assert.match(said.join(), /^error blocks cannot be connected: block \w+ at height 1 is not .*start with --reindex/);
    assert.deepEqual([charged, chain.headers.isInvalid(row(block!))], [[], false]);
    await clock.until(chain.close());
  });

  test("a block that can be read no more is told of", async () => {
    const validator = new AskingValidator();
    const { add, rest, store, clock, chain } = await open(validator);
    for (const block of mined(0, 1, "not there")) add(block);
    await rest();
    await clock.until(chain.close());
    store.block = () => Promise.resolve(undefined);
    const later = new AskingValidator();
    const again = await open(later, store);
    again.chain.start();
    await again.rest();
    await assert.rejects(later.questions[0]!.load(), { code: "BLOCK_PRUNED" });
  });

  test("submit() waits for the verdict, and gives the refusal", async () => {
    const validator = new AskingValidator();
    const { chain, clock, rest, row } = await open(validator);
    const made = mined(0, 2, "submitted");
    const submit = ({ block }: Mined) => {
      const { last } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
      return chain.submit(last, block);
    };
    let answered = false;
    const first = submit(made[0]!).finally(() => (answered = true));
    await rest();
    assert.equal(answered, false);
    validator.questions[0]!.answer(OK);
    assert.equal(await clock.until(first), undefined);
    assert.equal(chain.tip, row(made[0]!), "durable by then");
    const second = submit(made[1]!);
    const child = submit(mined(made[1]!.row, 1, "on it")[0]!);
    await rest();
    validator.questions[1]!.answer(BAD);
    assert.equal((await clock.until(second))?.reason, "bad-late");
    assert.equal((await clock.until(child))?.result, "invalid_prev");
    // One that is no better than the tip is kept, and nobody is asked.
    assert.equal(await clock.until(submit(mined(0, 1, "beside")[0]!)), undefined);
    const waiting = submit(mined(made[0]!.row, 1, "at the end")[0]!);
    await rest();
    await clock.until(chain.close());
    assert.equal(await clock.until(waiting), undefined, "the end leaves nobody waiting");
  });

  test("blocks are read from disk when their turn comes, and after a restart", async () => {
    const validator = new AskingValidator();
    const { add, rest, store, chain, clock } = await open(validator);
    const made = mined(0, 2, "from disk");
    for (const block of made) add(block);
    await rest();
    assert.equal(chain.pendingBytes, 0);
    await clock.until(chain.close());
    assert.ok(validator.questions[0]!.signal.aborted);
    assert.equal(clock.pending, 0);

    const later = new AskingValidator();
    const again = await open(later, store);
    assert.equal(again.height(), 0);
    again.chain.start();
    for (const [i, block] of made.entries()) {
      await again.rest();
      assert.equal(later.questions[i]!.hash, hashOf(block));
      assert.ok(await again.clock.until(later.questions[i]!.load()));
      later.questions[i]!.answer(OK);
    }
    await again.rest();
    assert.equal(again.height(), 2);
  });

  test("submit() rejects when nothing can be stored any more", async () => {
    const validator = new AskingValidator();
    const { chain, clock, store, rest } = await open(validator);
    const broken = new NodeError("DATABASE_DAMAGED", "self", "damaged");
    const submit = ({ block }: Mined) => {
      const { last } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
      return chain.submit(last, block);
    };
    const [one, two] = mined(0, 2, "not stored");
    const first = submit(one!);
    first.catch(() => {});
    store.commit = () => Promise.reject(broken);
    await rest();
    validator.questions[0]!.answer(OK);
    await assert.rejects(clock.until(first), broken);
    await assert.rejects(clock.until(submit(two!)), broken);
    assert.equal(validator.questions.length, 1);
  });

  test("the first giver of a block is charged, once", async () => {
    const validator = new AskingValidator();
    const { add, rest, charged, chain, row } = await open(validator);
    const made = mined(0, 2, "judged");
    add(made[0]!, "first");
    add(made[0]!, "second");
    await rest();
    validator.questions[0]!.answer(BAD);
    await rest();
    assert.deepEqual(charged, ["first bad-late"], "who gave it first, once");
    assert.equal(add(mined(0, 1, "another")[0]!, "third").refusal, undefined);
    await rest();
    validator.questions[1]!.answer(OK);
    await rest();
    assert.equal(chain.headers.height(chain.tip), 1);
    assert.ok(chain.headers.isInvalid(row(made[0]!)));
    assert.deepEqual(charged.length, 1);
  });
});

describe("BitcoinChain.addBlock()", () => {
  test("counts the bytes of blocks that wait for the disk, until they are there", async () => {
    const { add, rest, chain } = await open(structureValidator);
    const made = mined(0, 2, "counted");
    for (const block of made) add(block);
    assert.equal(chain.pendingBytes, made[0]!.block.raw.length + made[1]!.block.raw.length);
    await rest();
    assert.equal(chain.pendingBytes, 0);
  });

  test("takes blocks whose parents come later, all that wait for one of them", async () => {
    const { add, rest, chain, row } = await open(structureValidator);
    const [first] = mined(0, 1, "late parent");
    const low = mined(first!.row, 1, "low");
    const high = mined(first!.row, 2, "high");
    const headersOf = (all: readonly Mined[]) => all.map(({ block }) => block.raw.slice(0, 80));
    for (const raw of headersOf([first!, ...low, ...high])) chain.acceptHeaders(HeaderBatch.fromBytes(raw));
    for (const block of [...low, high[1]!, high[0]!]) add(block);
    await rest();
    assert.equal(chain.tip, 0);
    add(first!);
    await rest();
    assert.equal(chain.tip, row(high[1]!));
  });

  test("follows a branch whose rows are far above those of the blocks that it has", async () => {
    for (const others of [1_023, 2_048, 2_049]) {
      const { add, rest, chain, row } = await open(structureValidator);
      chain.acceptHeaders(batchOf(mine(network.genesis.header, others)));
      assert.equal(chain.headers.length, others + 1);
      const made = mined(0, 2, `far ${others}`);
      for (const block of made) add(block);
      await rest();
      assert.equal(chain.tip, row(made[1]!));
      assert.ok(chain.tip >= others);
    }
  });

  test("remembers a block that breaks a rule, and not one that is only mutated", async () => {
    for (const [result, isInvalid] of [["consensus", true], ["mutated", false]] as const) {
      const validator = { ...structureValidator, check: () => refuse(result, "bad", "as the test says") };
      const { add, chain, row, rest } = await open(validator);
      const [block] = mined(0, 1, "judged at once");
      assert.equal(add(block!).refusal?.reason, "bad");
      assert.equal(chain.headers.isInvalid(row(block!)), isInvalid);
      assert.equal(chain.addBlock(row(block!), block!.block).refusal?.result, isInvalid ? "cached_invalid" : "mutated");
      await rest();
    }
  });
});

describe("BitcoinChain without blocks", () => {
  test("follows the best header, and moves off one that is condemned, durably", async () => {
    const moves: TipMove[] = [];
    const parts = { headersOnly: true, onMove: (move: TipMove) => void moves.push(move) };
    const { chain, clock, rest, store } = await open(structureValidator, new MemoryBitcoinStore(), parts);
    moves.length = 0;
    const main = mine(network.genesis.header, 4);
    chain.acceptHeaders(batchOf(main));
    await rest();
    assert.deepEqual([chain.tip, moves], [4, [{ tip: 4, fork: 0 }]]);
    // A branch of less work, and headers that are known, move nothing.
    chain.acceptHeaders(batchOf(mine(network.genesis.header, 2, { salt: 9 })));
    chain.acceptHeaders(batchOf(main));
    await rest();
    assert.equal(moves.length, 1);
    chain.condemn(6);
    assert.equal(chain.tip, 4, "the tip is not on it");
    chain.condemn(3);
    await rest();
    assert.deepEqual([chain.tip, moves.slice(1)], [2, [{ tip: 2, fork: 2 }]]);
    assert.deepEqual([1, 2, 5].map((row) => chain.hasData(row) || chain.wasJudged(row)), [false, false, false]);
    assert.deepEqual([chain.hasData(0), chain.wasJudged(0)], [true, true]);
    await clock.until(chain.close());
    const again = await open(structureValidator, store, { headersOnly: true });
    assert.deepEqual([again.chain.tip, [3, 4, 6].map((row) => again.chain.headers.isInvalid(row))], [2, [
      true,
      true,
      true,
    ]]);
    await again.clock.until(again.chain.close());
  });

  test("makes what was judged durable before it is closed", async () => {
    const { add, chain, clock, store, row } = await open(structureValidator);
    const [block] = mined(0, 1, "at the last moment");
    add(block!);
    await clock.until(chain.close());
    assert.equal(await store.tip(), row(block!));
  });
});

describe("BlockSources", () => {
  const giver = { refused: () => {} };

  test("add() forgets the oldest of more than 4,096", () => {
    const sources = new BlockSources(new HeaderChain(network));
    const charged: number[] = [];
    for (let row = 0; row < 4_100; row++) sources.add(row, { refused: () => void charged.push(row) });
    assert.equal(sources.size, 4_096);
    for (const row of [3, 4]) sources.refused(row, BAD);
    assert.deepEqual(charged, [4]);
  });

  test("refused() forgets the givers of what descends from the block", () => {
    const headers = new HeaderChain(network);
    const made = mined(0, 3, "descends");
    for (const { block } of made) headers.accept(HeaderBatch.fromBytes(block.raw.slice(0, 80)), 1_750_000_000);
    const sources = new BlockSources(headers);
    for (let row = 1; row <= 3; row++) sources.add(row, giver);
    headers.markInvalid(2);
    sources.refused(2, BAD);
    assert.equal(sources.size, 1);
  });
});
