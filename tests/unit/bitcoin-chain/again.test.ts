/** Stored blocks that are validated again, and coins that are brought to the tip and taken back. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BitcoinStep } from "../../../lib/bitcoin/store.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import type { ValidationProgress } from "../../../lib/bitcoin/chain/chain.ts";
import { coinKey } from "../../../lib/bitcoin/coins/key.ts";
import { Pruning } from "../../../lib/bitcoin/chain/pruning.ts";
import { structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { simValidator } from "../../../lib/sim/bitcoin/validator.ts";
import { AskingValidator, BAD, blocks, type Mined, mined, open, type Scene } from "./slow-chain.ts";

const OK = { ok: true } as const;
const hashOf = ({ block }: Mined) => toDisplayHex(block.hash);
const withCoins = (needsCoins = true) =>
  simValidator({ needsCoins, coinbaseOf: (hash) => blocks.coinbaseOf(hash), late: undefined });

/** Opens a chain with coins where each verdict takes two milliseconds: commits come in between. */
async function openSlow(store = new MemoryBitcoinStore()): Promise<Scene> {
  const validator = withCoins();
  const slow: { clock?: Scene["clock"] } = {};
  const scene = await open({
    ...validator,
    connect: async (block, coins, signal) => {
      const verdict = await validator.connect(block, coins, signal);
      await slow.clock?.sleep(2);
      return verdict;
    },
  }, store);
  slow.clock = scene.clock;
  return scene;
}

/** A store with these blocks, checked by structure alone. */
async function stored(made: readonly Mined[]): Promise<MemoryBitcoinStore> {
  const store = new MemoryBitcoinStore();
  const { add, clock, chain } = await open(structureValidator, store);
  for (const block of made) add(block);
  await clock.until(chain.close());
  return store;
}

/** Answers the questions from the `from`-th on, as long as there are any, up to the `to`-th. */
async function answer({ rest }: Scene, { questions }: AskingValidator, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    await rest();
    questions[i]!.answer(OK);
  }
  await rest();
}

describe("BitcoinChain over blocks that were checked less", () => {
  test("validates them again from disk, in the background, and goes on where it stopped", async () => {
    const made = mined(0, 5, "again");
    const store = await stored(made);
    const told: ValidationProgress[] = [];
    const first = new AskingValidator();
    const scene = await open(first, store, { onValidation: (progress) => told.push(progress) });
    const { chain, clock } = scene;
    assert.deepEqual(chain.validating, { from: 0, height: 0, to: 5, level: "full" });
    chain.start();
    await answer(scene, first, 0, 2);
    assert.equal(scene.height(), 5, "the tip stays");
    assert.deepEqual(chain.validating, { from: 0, height: 2, to: 5, level: "full" });
    assert.equal(chain.validation, "structure");
    await clock.advance(60_000);
    first.questions[2]!.answer(OK);
    await scene.rest();
    assert.deepEqual(told, [{ from: 0, height: 3, to: 5, level: "full" }], "once a minute");
    await clock.until(chain.close());

    const second = new AskingValidator();
    const again = await open(second, store, { onValidation: (progress) => told.push(progress) });
    assert.deepEqual(again.chain.validating, { from: 3, height: 3, to: 5, level: "full" });
    again.chain.start();
    await again.rest();
    assert.equal(second.questions[0]!.hash, hashOf(made[3]!));
    assert.ok(await again.clock.until(second.questions[0]!.load()));
    await answer(again, second, 0, 2);
    assert.equal(again.chain.validating, undefined);
    assert.equal(again.chain.validation, "full");
    assert.deepEqual(told.at(-1), { from: 3, height: 5, to: 5, level: "full" }, "and at the end");
    assert.match(again.said.at(-1)!, /validated again: height 5 of 5/);
    assert.equal((await open(structureValidator, store)).chain.validation, "full", "after a restart too");
  });

  test("a block that fails is invalid with all after it, and the tip moves back, then on to the next best", async () => {
    const made = mined(0, 4, "fails again");
    const beside = mined(made[0]!.row, 2, "beside it");
    const store = await stored([...made, ...beside]);
    const validator = new AskingValidator();
    const scene = await open(validator, store);
    const { chain, row } = scene;
    chain.start();
    await answer(scene, validator, 0, 1);
    validator.questions[1]!.answer(BAD);
    await scene.rest();
    assert.ok(made.slice(1).every((block) => chain.headers.isInvalid(row(block))));
    assert.equal(chain.tip, row(made[0]!), "back at the last that passed");
    const [event] = (await store.events.read(0, 50)).slice(-1);
    assert.equal(event?.topic, "bitcoin.reorg");
    assert.equal(event?.data.depth, 3);
    await answer(scene, validator, 2, 4);
    assert.equal(chain.tip, row(beside[1]!));
    assert.equal(chain.validation, "full");
    await scene.clock.until(chain.close());
    assert.equal((await open(structureValidator, store)).height(), 3);
  });

  test("new blocks wait until their turn comes", async () => {
    const made = mined(0, 2, "then new");
    const store = await stored(made);
    const validator = new AskingValidator();
    const scene = await open(validator, store);
    const [young] = mined(made[1]!.row, 1, "new");
    scene.add(young!);
    await answer(scene, validator, 0, 2);
    assert.equal(scene.height(), 2);
    await answer(scene, validator, 2, 3);
    assert.equal(scene.height(), 3);
    assert.deepEqual(validator.questions.map(({ hash }) => hash), [...made, young!].map(hashOf));
  });

  test("what is still to be validated again is not pruned", async () => {
    const made = mined(0, 295, "not yet");
    const store = await stored(made);
    const validator = new AskingValidator();
    const scene = await open(validator, store);
    const failed = (text: string) => assert.fail(text);
    const pruning = new Pruning({ chain: scene.chain, store, bytesMax: 0, failed });
    await pruning.run();
    assert.equal((await store.counts()).blocks, 296);
    scene.chain.start();
    await answer(scene, validator, 0, 290);
    await pruning.run();
    assert.equal((await store.counts()).blocks, 296 - 2);
  });

  test("says that pruned blocks cannot be validated again, and validates the others", async () => {
    const made = mined(0, 4, "pruned");
    const store = await stored(made);
    await store.prune(0, 3);
    const validator = new AskingValidator();
    const scene = await open(validator, store);
    assert.match(scene.said.join(), /^warning 2 blocks were pruned before .*, and the chain counts as structure/);
    scene.chain.start();
    await answer(scene, validator, 0, 2);
    assert.deepEqual(validator.questions.map(({ hash }) => hash), made.slice(2).map(hashOf));
    assert.equal(scene.chain.validation, "structure");
    await assert.rejects(open(withCoins(), store), { code: "BLOCK_PRUNED" });
  });
});

/** The one coin that the validator of the simulated world keeps is the tip's. */
async function requireCoins({ store, chain }: Scene, made: Mined): Promise<void> {
  assert.equal(await store.coinsAt(), chain.tip);
  assert.equal(chain.connected, chain.tip);
  const key = coinKey({ txid: made.block.transactions[0]!.txid, vout: 0 });
  assert.ok((await store.coins([key]))[0], "the coin of the tip");
}

describe("BitcoinChain with coins", () => {
  test("coins go with the tip, over a reorganisation and back", async () => {
    const scene = await open(withCoins());
    const one = mined(0, 3, "one");
    const two = mined(one[0]!.row, 3, "two");
    for (const block of one) scene.add(block);
    await scene.rest();
    await requireCoins(scene, one[2]!);
    for (const block of two) scene.add(block);
    await scene.rest();
    assert.equal(scene.height(), 4);
    await requireCoins(scene, two[2]!);
    const three = mined(one[2]!.row, 2, "three");
    for (const block of three) scene.add(block);
    await scene.rest();
    assert.equal(scene.height(), 5);
    await requireCoins(scene, three[1]!);
    const gone = [one[0]!, one[2]!, two[2]!].map(({ block }) =>
      coinKey({ txid: block.transactions[0]!.txid, vout: 0 })
    );
    assert.deepEqual(await scene.store.coins(gone), [undefined, undefined, undefined]);
    assert.deepEqual(scene.said, []);
  });

  test("coins that lag behind, or were never made, are brought to the tip at start, from disk", async () => {
    const made = mined(0, 20, "lags");
    const store = await stored(made);
    const scene = await open(withCoins(), store);
    scene.chain.start();
    await scene.rest();
    await requireCoins(scene, made[19]!);
    // A validator without coins takes the chain further, and over to another branch.
    const less = await open(structureValidator, store);
    const other = mined(made[9]!.row, 12, "other branch");
    for (const block of other) less.add(block);
    await less.clock.until(less.chain.close());
    assert.notEqual(await store.coinsAt(), await store.tip());
    const again = await open(withCoins(), store);
    again.chain.start();
    await again.rest();
    await requireCoins(again, other[11]!);
    assert.deepEqual([...scene.said, ...again.said].filter((line) => /error|warning/.test(line)), []);
  });

  test("coins are never committed before what a restart needs to bring them to the tip", async () => {
    const store = new MemoryBitcoinStore();
    const commit = store.commit.bind(store);
    const scene = await openSlow(store);
    const { headers } = scene.chain;
    let flushes = 0;
    let tip = 0;
    store.commit = async (step: BitcoinStep) => {
      const ids = await commit(step);
      tip = step.tip ?? tip;
      const at = step.coins?.at;
      if (at === undefined) return ids;
      flushes += 1;
      const fork = headers.commonAncestor(at, tip);
      for (let row = at; row !== fork; row = headers.parent(row)) {
        assert.ok(await store.coinUndo(row), "what takes the block back");
        assert.ok(await store.block(row), "and the block");
      }
      return ids;
    };
    const one = mined(0, 40, "long");
    const two = mined(one[9]!.row, 45, "longer");
    for (const block of [...one, ...two]) {
      scene.add(block);
      if (block.row % 7 === 0) await scene.clock.advance(5);
    }
    await scene.clock.advance(1_000);
    await requireCoins(scene, two[44]!);
    assert.ok(flushes > 3, `${flushes} flushes`);
  });

  test("a stop in the middle leaves the coins at the tip", async () => {
    const made = mined(0, 40, "stopped");
    for (const ms of [9, 23, 51]) {
      const scene = await openSlow();
      for (const block of made) scene.add(block);
      await scene.clock.advance(ms);
      await scene.clock.until(scene.chain.close());
      assert.ok(scene.height() > 2 && scene.height() < 30, `${scene.height()}`);
      assert.equal(await scene.store.coinsAt(), await scene.store.tip());
    }
  });

  test("a block whose undo data is lost or damaged cannot be taken back, and the operator is told what to do", async () => {
    const spoil: Record<string, (bytes: Uint8Array | undefined) => Uint8Array | undefined> = {
      "is not known": () => undefined,
      "is not what was written": (bytes) => bytes?.map((byte, i) => i === bytes.length - 1 ? byte ^ 1 : byte),
    };
    for (const [what, spoiled] of Object.entries(spoil)) {
      const store = new MemoryBitcoinStore();
      const scene = await open(withCoins(), store);
      const one = mined(0, 2, `undo ${what}`);
      for (const block of one) scene.add(block);
      await scene.rest();
      const read = store.coinUndo.bind(store);
      store.coinUndo = async (row) => spoiled(await read(row));
      for (const block of mined(0, 3, "in its place")) scene.add(block);
      await scene.rest();
      assert.equal(scene.height(), 2);
      assert.match(scene.said.join(), /^error blocks cannot be connected: what block \d+ spent .*start with --reindex/);
      assert.ok(scene.said.join().includes(what), what);
      await scene.clock.until(scene.chain.close());
    }
  });

  test("coins that are ahead of the tip are told of and taken back", async () => {
    const made = mined(0, 3, "ahead");
    const store = new MemoryBitcoinStore();
    const first = await open(withCoins(), store);
    for (const block of made) first.add(block);
    await first.rest();
    await first.clock.until(first.chain.close());
    await store.commit({ tip: first.row(made[0]!) });
    const scene = await open(withCoins(), store);
    assert.match(scene.said.join(), /^warning the coins are ahead of the chain: they are at 3, the chain at 1/);
    scene.chain.start();
    await scene.rest();
    await requireCoins(scene, made[2]!);
  });
});
