/** What the second step of blocks does at its edges: what it does not ask again, and what it ends. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type BlockValidator, structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { network } from "../../../lib/sim/bitcoin/blocks.ts";
import { batchOf, mine } from "./mining.ts";
import { AskingValidator, BAD, type Mined, mined, open, type Scene } from "./slow-chain.ts";

const OK = { ok: true } as const;
const hashOf = ({ block }: Mined) => toDisplayHex(block.hash);
const headerOf = ({ block }: Mined) => HeaderBatch.fromBytes(block.raw.slice(0, 80));

/** Answers the questions from the `from`-th on, up to the `to`-th. */
async function answer({ rest }: Scene, { questions }: AskingValidator, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    await rest();
    questions[i]!.answer(OK);
  }
  await rest();
}

describe("BitcoinChain.connectedOf()", () => {
  test("names the last connected block of a branch while blocks of it wait", async () => {
    const validator = new AskingValidator();
    const scene = await open(validator);
    const { chain, add, row } = scene;
    const made = mined(0, 4, "waits");
    const beside = mined(0, 1, "beside");
    for (const block of made.slice(0, 3)) add(block);
    for (const block of [made[3]!, beside[0]!]) chain.acceptHeaders(headerOf(block));
    await answer(scene, validator, 0, 1);
    assert.equal(chain.connectedOf(row(made[2]!)), row(made[0]!));
    assert.equal(chain.connectedOf(row(made[3]!)), row(made[0]!), "with a block more that is not here");
    assert.equal(chain.connectedOf(row(beside[0]!)), undefined, "nothing of it waits");
    await answer(scene, validator, 1, 3);
    assert.equal(chain.connectedOf(row(made[2]!)), undefined, "all are connected");
  });
});

describe("BitcoinChain", () => {
  test("does not ask again about blocks that were connected and are pruned", async () => {
    const validator = new AskingValidator();
    const scene = await open(validator);
    const { chain, add, store, row } = scene;
    const one = mined(0, 2, "one");
    const two = mined(0, 3, "two");
    for (const block of one) add(block);
    await answer(scene, validator, 0, 2);
    for (const block of two) add(block);
    await answer(scene, validator, 2, 5);
    assert.equal(chain.tip, row(two[2]!));
    chain.dropData(await store.prune(0, 3));
    const more = mined(one[1]!.row, 2, "one goes on");
    for (const block of more) add(block);
    await answer(scene, validator, 5, 7);
    assert.deepEqual(validator.questions.slice(5).map(({ hash }) => hash), more.map(hashOf));
    assert.equal(chain.tip, row(more[1]!));
  });

  test("gives each question its own block, also where one that came made others complete", async () => {
    const found: string[] = [];
    const validator: BlockValidator = {
      ...structureValidator,
      connect: (block) => {
        if (block.view.height === 1) return OK;
        return block.load().then(({ hash }) => {
          found.push(toDisplayHex(hash));
          return OK;
        });
      },
    };
    const { chain, add, rest, row } = await open(validator);
    const made = mined(0, 2, "out of order");
    chain.acceptHeaders(headerOf(made[0]!));
    add(made[1]!);
    add(made[0]!);
    await rest();
    assert.deepEqual(found, [hashOf(made[1]!)]);
    assert.equal(chain.tip, row(made[1]!));
  });

  test("a block that is at hand is not read again, and its transactions are named", async () => {
    const store = new MemoryBitcoinStore({ transactionIndex: true });
    const joined: [number, number][] = [];
    const commit = store.commit.bind(store);
    const { add, rest, row } = await open(structureValidator, store);
    store.commit = (step) => {
      for (const each of step.transactions?.joined ?? []) joined.push([each.row, each.txids.length]);
      return commit(step);
    };
    const [block] = mined(0, 1, "at hand");
    add(block!);
    await rest();
    assert.deepEqual(joined, [[row(block!), block!.block.transactions.length]]);
  });

  test("submit() answers for a block while the next one still waits", async () => {
    const validator = new AskingValidator();
    const { chain, clock, rest, height } = await open(validator);
    const made = mined(0, 2, "one of two");
    const [first, second] = made.map((each) => chain.submit(chain.acceptHeaders(headerOf(each)).last, each.block));
    await rest();
    validator.questions[0]!.answer(OK);
    await rest();
    assert.equal(await clock.until(first!), undefined);
    assert.equal(height(), 1);
    validator.questions[1]!.answer(BAD);
    assert.equal((await clock.until(second!))?.reason, "bad-late");
  });

  test("submit() tells at once why there is no verdict, and the block is tried again until the end", async () => {
    const validator = new AskingValidator();
    const { chain, clock, rest } = await open(validator);
    const [made] = mined(0, 1, "tried later");
    const submitted = chain.submit(chain.acceptHeaders(headerOf(made!)).last, made!.block);
    await rest();
    validator.questions[0]!.fail(new Error("the worker is gone"));
    await assert.rejects(clock.until(submitted), /the worker is gone/);
    assert.match(
      chain.warnings.join(),
      /^blocks cannot be connected: the worker is gone; it is tried again every 10 s$/,
    );
    assert.equal(clock.pending, 1, "it is tried again later");
    await clock.until(chain.close());
    assert.equal(clock.pending, 0);
  });

  test("a block that comes ends the wait for another try", async () => {
    const validator = new AskingValidator();
    const { add, rest, clock } = await open(validator);
    const made = mined(0, 2, "no timer is left");
    add(made[0]!);
    await rest();
    validator.questions[0]!.fail(new Error("the worker is gone"));
    await rest();
    assert.equal(clock.pending, 1);
    add(made[1]!);
    await rest();
    assert.deepEqual([validator.questions.length, clock.pending], [2, 0]);
  });

  test("asks nothing more once nothing can be stored", async () => {
    const validator = new AskingValidator();
    const { add, rest, store } = await open(validator);
    for (const block of mined(0, 3, "asks no more")) add(block).stored.catch(() => {});
    await rest();
    store.commit = () => Promise.reject(new NodeError("DATABASE_DAMAGED", "self", "damaged"));
    validator.questions[0]!.answer(OK);
    await rest();
    validator.questions[1]!.answer(OK);
    await rest();
    assert.equal(validator.questions.length, 2);
  });

  test("close() waits for the disk", async () => {
    const { chain, add, rest, store, row } = await open(structureValidator);
    const commit = store.commit.bind(store);
    const disk = Promise.withResolvers<void>();
    store.commit = (step) => disk.promise.then(() => commit(step));
    const [block] = mined(0, 1, "slow disk");
    add(block!);
    let isClosed = false;
    const closing = chain.close().then(() => (isClosed = true));
    await rest();
    assert.equal(isClosed, false);
    disk.resolve();
    await rest();
    await closing;
    assert.equal(await store.tip(), row(block!));
  });

  test("condemn() never moves the tip to a header whose block is not here", async () => {
    const { chain, add, rest, row } = await open(structureValidator);
    const made = mined(0, 2, "condemned");
    for (const block of made) add(block);
    await rest();
    chain.acceptHeaders(batchOf(mine(network.genesis.header, 5, { salt: 5 })));
    chain.condemn(row(made[1]!));
    await rest();
    assert.ok(chain.hasData(chain.tip));
  });

  test("after a restart nothing is validated again that needs it not", async () => {
    for (const headersOnly of [false, true]) {
      const before = await open(structureValidator, new MemoryBitcoinStore(), { headersOnly });
      const made = mined(0, 2, `restart ${headersOnly}`);
      for (const each of made) {
        const { last } = before.chain.acceptHeaders(headerOf(each));
        const { stored } = headersOnly ? { stored: undefined } : before.chain.addBlock(last, each.block);
        await before.rest();
        await stored;
      }
      await before.clock.until(before.chain.close());
      const { chain } = await open(structureValidator, before.store, { headersOnly });
      assert.deepEqual([chain.validating, chain.connected, chain.tip], [undefined, 2, 2]);
    }
  });

  test("known headers set no commit off", async () => {
    const { chain, rest, clock } = await open(structureValidator, new MemoryBitcoinStore(), { headersOnly: true });
    const batch = batchOf(mine(network.genesis.header, 2));
    chain.acceptHeaders(batch);
    await rest();
    assert.equal(clock.pending, 0);
    chain.acceptHeaders(batch);
    assert.equal(clock.pending, 0);
  });
});
