/** Blocks that are connected while the scripts of those before them are still being verified. */
import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { Ahead } from "../../../lib/bitcoin/chain/ahead.ts";
import type { Coin, CoinView } from "../../../lib/bitcoin/chain/coins.ts";
import type { Refusal } from "../../../lib/bitcoin/headers/verdict.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { AskingValidator, BAD, mined, open, type Question } from "./slow-chain.ts";

const outpoint = (vout: number) => ({ txid: new Uint8Array(32), vout });
const coin = (height: number): Coin => ({
  value: 1n,
  scriptPubKey: new Uint8Array(0),
  height,
  isCoinbase: false,
});
/** Coins of height 1 with even numbers are there. */
const EVEN: CoinView = {
  getMany: (outpoints) => Promise.resolve(outpoints.map(({ vout }) => vout % 2 === 0 ? coin(1) : undefined)),
};
const KEPT = new NodeError("withdrawn", "self", "not meant");

/** A block that makes some coins and spends others, and whose scripts nobody has verified yet. */
function added(
  ahead: Ahead,
  row: number,
  made: readonly number[],
  gone: readonly number[],
  scripts: Promise<Refusal | undefined> = new Promise(() => {}),
): AbortController {
  const abort = new AbortController();
  const changes = {
    created: made.map((vout) => ({ outpoint: outpoint(vout), coin: coin(row) })),
    spent: gone.map((vout) => ({ outpoint: outpoint(vout), coin: coin(1) })),
  };
  ahead.add(row, { ok: true, changes, scripts }, undefined, abort);
  return abort;
}

async function heights(ahead: Ahead, ...vouts: number[]): Promise<(number | undefined)[]> {
  return (await ahead.getMany(vouts.map(outpoint))).map((coin) => coin?.height);
}

describe("Ahead", () => {
  test("getMany() tells the coins as they are after the last block, those from before in their places", async () => {
    const ahead = new Ahead(EVEN);
    assert.deepEqual(await heights(ahead, 0, 1, 2), [1, undefined, 1]);
    added(ahead, 5, [1, 3], [0]);
    added(ahead, 6, [], [3]);
    assert.deepEqual(await heights(ahead, 2, 0, 1, 3, 5), [1, undefined, 5, undefined, undefined]);
  });

  test("keep() gives up what is not meant, and the coins are those of before it again", async () => {
    const ahead = new Ahead(EVEN);
    const first = added(ahead, 5, [1], []);
    const second = added(ahead, 6, [], [1]);
    const third = added(ahead, 7, [3], []);
    ahead.keep((row) => row !== 6, KEPT);
    assert.deepEqual([first, second, third].map(({ signal }) => signal.aborted), [false, true, true]);
    assert.deepEqual(await heights(ahead, 1, 3), [5, undefined]);
    assert.equal(ahead.last, 5);
  });

  test("take() lets go of the first block once its scripts are known, and of nothing that a later one has changed", async () => {
    const ahead = new Ahead(EVEN);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    added(ahead, 5, [1, 3], [0], promise);
    added(ahead, 6, [], [3]);
    assert.deepEqual(await heights(ahead, 0, 1, 3), [undefined, 5, undefined]);
    assert.equal(ahead.take(), undefined);
    resolve(undefined);
    await ahead.done;
    assert.equal(ahead.take()?.row, 5);
    assert.equal(ahead.take(), undefined);
    assert.deepEqual(await heights(ahead, 0, 1, 3), [1, undefined, undefined]);
  });
});

/** Answers about a block at once, and about its scripts when the test says so. */
function scriptsOf({ answer }: Question): { good(): void; bad(refusal: Refusal): void; fail(): void } {
  const { promise, resolve, reject } = Promise.withResolvers<Refusal | undefined>();
  answer({ ok: true, scripts: promise });
  return {
    good: () => resolve(undefined),
    bad: resolve,
    fail: () => reject(new NodeError("JOB_LOST", "self", "the thread died")),
  };
}

describe("BitcoinChain and scripts that are still being verified", () => {
  test("the next block is asked about, and the tip moves in order when scripts are known to be good", async () => {
    const validator = new AskingValidator();
    const { add, rest, height } = await open(validator);
    for (const block of mined(0, 3, "ahead")) add(block);
    await rest();
    const first = scriptsOf(validator.questions[0]!);
    await rest();
    const second = scriptsOf(validator.questions[1]!);
    await rest();
    assert.equal(validator.questions.length, 3);
    second.good();
    await rest();
    assert.equal(height(), 0, "the first is not known to be good");
    first.good();
    await rest();
    assert.equal(height(), 2);
  });

  test("bad scripts condemn the block and what was asked about it, and only its giver is charged", async () => {
    const validator = new AskingValidator();
    const { add, rest, height, charged, chain, row } = await open(validator);
    const made = mined(0, 3, "bad scripts");
    for (const [i, block] of made.entries()) add(block, `giver ${i}`);
    await rest();
    const first = scriptsOf(validator.questions[0]!);
    await rest();
    scriptsOf(validator.questions[1]!).good();
    await rest();
    first.bad(BAD);
    await rest();
    assert.deepEqual(charged, ["giver 0 bad-late"]);
    assert.ok(made.every((block) => chain.headers.isInvalid(row(block))));
    assert.deepEqual(validator.questions.map(({ signal }) => signal.aborted), [false, true, true]);
    assert.equal(height(), 0);
  });

  test("a block that is refused waits for those before it, which may be worse", async () => {
    const validator = new AskingValidator();
    const { add, rest, charged } = await open(validator);
    for (const [i, block] of mined(0, 2, "worse").entries()) add(block, `giver ${i}`);
    await rest();
    const first = scriptsOf(validator.questions[0]!);
    await rest();
    validator.questions[1]!.answer(BAD);
    await rest();
    assert.deepEqual(charged, []);
    first.good();
    await rest();
    assert.deepEqual(charged, ["giver 1 bad-late"]);
  });

  test("a better branch ends the work for blocks that are not on it", async () => {
    const validator = new AskingValidator();
    const { add, rest, chain, row } = await open(validator);
    const [common] = mined(0, 1, "common");
    const slow = mined(common!.row, 1, "slow scripts");
    const better = mined(common!.row, 2, "better scripts");
    for (const block of [common!, ...slow]) add(block);
    await rest();
    const first = scriptsOf(validator.questions[0]!);
    await rest();
    scriptsOf(validator.questions[1]!);
    await rest();
    for (const block of better) add(block);
    await rest();
    assert.deepEqual(validator.questions.map(({ signal }) => signal.aborted), [false, true, false]);
    first.good();
    for (const i of [2, 3]) {
      scriptsOf(validator.questions[i]!).good();
      await rest();
    }
    assert.equal(chain.tip, row(better[1]!));
  });

  test("scripts about which nobody can say anything are asked about again, and so are those of later blocks", async () => {
    const validator = new AskingValidator();
    const { add, rest, height, clock, said, charged } = await open(validator);
    for (const block of mined(0, 2, "lost thread")) add(block, "giver");
    await rest();
    const first = scriptsOf(validator.questions[0]!);
    await rest();
    scriptsOf(validator.questions[1]!);
    await rest();
    first.fail();
    await rest();
    assert.equal(said.length, 1);
    await clock.advance(11_000);
    for (const i of [2, 3]) {
      scriptsOf(validator.questions[i]!).good();
      await rest();
    }
    assert.equal(height(), 2);
    assert.deepEqual(charged, []);
  });

  test("scripts of a block that is given up before its verdict is heard are nobody's rejection", async () => {
    const unheard: unknown[] = [];
    const hear = (thrown: unknown) => void unheard.push(thrown);
    process.on("unhandledRejection", hear);
    try {
      const validator = new AskingValidator();
      const { add, rest } = await open(validator);
      const slow = mined(0, 1, "given up");
      const better = mined(0, 2, "better than given up");
      for (const block of slow) add(block);
      await rest();
      const { promise, reject } = Promise.withResolvers<undefined>();
      for (const block of better) add(block);
      validator.questions[0]!.answer({ ok: true, scripts: promise });
      await rest();
      reject(new NodeError("withdrawn", "self", "another branch is better"));
      await rest();
      await new Promise((resolve) => setTimeout(resolve, 1));
      assert.deepEqual(unheard, []);
    } finally {
      process.off("unhandledRejection", hear);
    }
  });

  test("close() ends the work for blocks that are not connected", async () => {
    const validator = new AskingValidator();
    const { add, rest, clock, chain } = await open(validator);
    for (const block of mined(0, 2, "closing")) add(block);
    await rest();
    scriptsOf(validator.questions[0]!);
    await rest();
    await clock.until(chain.close());
    assert.deepEqual(validator.questions.map(({ signal }) => signal.aborted), [true, true]);
  });
});
