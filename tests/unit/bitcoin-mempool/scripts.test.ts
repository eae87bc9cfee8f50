/** How scripts of transactions are verified: together, those that take long by themselves, and by whom it is remembered. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ScriptInput, spendsFromBytes, spendsToBytes } from "../../../lib/bitcoin/chain/script-job.ts";
import { RememberingSecp256k1 } from "../../../lib/bitcoin/mempool/remembering.ts";
import { poolScripts } from "../../../lib/bitcoin/mempool/script-job.ts";
import { NO_FLAGS, STANDARD_FLAGS } from "../../../lib/bitcoin/script/flags.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import type { Job, Workers } from "../../../lib/core/ports.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import type { Check, Secp256k1 } from "../../../lib/engine/secp256k1/mod.ts";
import { coinOf, type KeyCoin, PoolWorld, spend, wordOf } from "./pool-world.ts";

/** Notes how many transactions each job has; `broken` says which jobs are lost. */
function watched(
  broken: (transactions: number) => boolean = () => false,
): { readonly jobs: number[]; readonly workers: Workers } {
  const inner = new InlineWorkers();
  const jobs: number[] = [];
  return {
    jobs,
    workers: {
      threadsMax: 0,
      counts: inner.counts,
      close: () => inner.close(),
      run: <In, Out>(job: Job<In, Out>, input: In, signal?: AbortSignal): Promise<Out> => {
        if (job.name !== poolScripts.name) return inner.run(job, input, signal);
        const count = [...spendsFromBytes((input as ScriptInput).spends)].length;
        jobs.push(count);
        if (broken(count)) return Promise.reject(new NodeError("JOB_LOST", "self", "the thread died"));
        return inner.run(job, input, signal);
      },
    },
  };
}

async function coinsOf(world: PoolWorld, count: number): Promise<KeyCoin[]> {
  const root = spend([world.takeCoin()], 0, { count });
  await world.mine([root]);
  return Array.from({ length: count }, (_, i) => coinOf(root, i));
}

describe("scripts of transactions", () => {
  test("are verified together, and again by themselves where one is bad", async () => {
    const { jobs, workers } = watched();
    const world = await PoolWorld.open({ workers });
    const coins = await coinsOf(world, 6);
    const all = coins.map((coin, i) => spend([i === 2 ? { ...coin, value: coin.value + 1n } : coin], 1_000));
    const verdicts = await world.ledger.until(Promise.all(all.map((each) => world.pool.accept(each))));
    assert.deepEqual(verdicts.map(({ ok }) => ok), [true, true, false, true, true, true]);
    assert.deepEqual(jobs, [6]);
  });

  test("that take long are verified after the others, each by itself, and what spends their outputs after them", async () => {
    const { jobs, workers } = watched();
    const world = await PoolWorld.open({ workers });
    const coins = await coinsOf(world, 603);
    const [heavy, other] = [coins.slice(0, 300), coins.slice(300, 600)].map((each) => spend(each, 100_000));
    const light = coins.slice(600).map((coin) => spend([coin], 1_000));
    const child = spend([coinOf(heavy!)], 1_000);
    const order: string[] = [];
    const ask = (name: string, transaction: Transaction) =>
      world.pool.accept(transaction).then((verdict) => void order.push(`${name} ${wordOf(verdict)}`));
    await world.ledger.until(Promise.all([
      ask("light", light[0]!),
      ask("heavy", heavy!),
      ask("child", child),
      ask("light", light[1]!),
      ask("other", other!),
      ask("light", light[2]!),
    ]));
    assert.deepEqual(order, ["light ok", "light ok", "light ok", "heavy ok", "child ok", "other ok"]);
    assert.deepEqual(jobs, [4, 1, 1]);
  });

  test("are not refused for a thread that died: who is to blame is found out, and told as an error", async () => {
    const { jobs, workers } = watched((count) => count > 1);
    const world = await PoolWorld.open({ workers });
    const coins = await coinsOf(world, 3);
    const all = coins.map((coin) => spend([coin], 1_000));
    const verdicts = await world.ledger.until(Promise.all(all.map((each) => world.pool.accept(each))));
    assert.deepEqual(verdicts.map(({ ok }) => ok), [true, true, true]);
    assert.deepEqual(jobs, [3, 1, 1, 1]);
    const broken = watched(() => true);
    const pool = world.anotherPool(broken.workers);
    await assert.rejects(world.ledger.until(pool.accept(all[0]!)), { code: "JOB_LOST" });
    assert.equal(pool.size, 0);
  });

  test("of more than 32 transactions are verified in turn", async () => {
    const { jobs, workers } = watched();
    const world = await PoolWorld.open({ workers });
    const coins = await coinsOf(world, 70);
    const all = coins.map((coin) => world.pool.accept(spend([coin], 1_000)));
    assert.ok((await world.ledger.until(Promise.all(all))).every(({ ok }) => ok === true));
    assert.deepEqual(jobs, [32, 32, 6]);
  });

  test("that pass the rules of relay and not those of blocks are told of", async () => {
    const inner = new InlineWorkers();
    const failure = { transaction: 0, input: 0, error: "SCRIPT_ERR_EVAL_FALSE", isByBlockRules: true } as const;
    const workers: Workers = {
      threadsMax: 0,
      counts: inner.counts,
      close: () => inner.close(),
      run: (job, input, signal) =>
        job.name === poolScripts.name
          ? Promise.resolve({ engine: "wide", failures: [failure] } as never)
          : inner.run(job, input, signal),
    };
    const world = await PoolWorld.open({ workers });
    assert.match(await world.says(spend([world.takeCoin()], 1_000)), /^mempool-script-verify-flag-failed/);
    assert.match(world.told.join(), /^error input 0 of .* passes the rules of relay and not those of blocks/);
  });

  test("are remembered for blocks when the transaction entered, and not otherwise", async () => {
    const world = await PoolWorld.open();
    const [first, second] = [spend([world.takeCoin()], 1_000), spend([world.takeCoin()], 1_000)];
    assert.equal(await world.wouldSay(first), "ok");
    assert.equal(world.cache.size, 0);
    assert.equal(await world.says(second), "ok");
    assert.equal(world.cache.size, 1);
    const { verifiedInputs, cachedInputs } = world.ledger.chain.validator.counts!;
    await world.mine([first, second]);
    assert.deepEqual(world.ledger.chain.validator.counts, {
      verifiedInputs: verifiedInputs + 1,
      cachedInputs: cachedInputs + 1,
    });
  });
});

describe("poolScripts", () => {
  test("tells what passes by the rules of relay and not by those of blocks", async () => {
    const world = await PoolWorld.open();
    const coin = world.takeCoin();
    const spent = [{ value: coin.value, scriptPubKey: spend([coin], 0).outputs[0]!.scriptPubKey }];
    const run = async (transaction: Transaction, flags: number) => {
      const spends = spendsToBytes([{ transaction, spent }]);
      return (await poolScripts.run({ spends, flags, blockFlags: STANDARD_FLAGS, engine: "wide" })).failures;
    };
    const [good, bad] = [spend([coin], 1_000), spend([{ ...coin, value: coin.value + 1n }], 1_000)];
    assert.deepEqual(await run(good, STANDARD_FLAGS), []);
    const failure = { transaction: 0, input: 0, error: "SCRIPT_ERR_SIG_NULLFAIL" };
    assert.deepEqual(await run(bad, STANDARD_FLAGS), [{ ...failure, isByBlockRules: false }]);
    // Without the rules of witnesses the output is anybody's.
    assert.deepEqual(await run(bad, NO_FLAGS), [{ ...failure, isByBlockRules: true }]);
  });
});

describe("RememberingSecp256k1", () => {
  test("asks once about each check, good or bad", () => {
    const asked: number[] = [];
    const inner: Secp256k1 = {
      engine: "portable",
      verdicts: (checks) => {
        asked.push(checks.length);
        return checks.map((check) => check.kind === "schnorr" && check.message[0] === 1);
      },
      areAllGood: (checks) => {
        asked.push(checks.length);
        return checks.every((check) => check.kind === "schnorr" && check.message[0] === 1);
      },
    };
    const check = (good: boolean, key: number): Check => ({
      kind: "schnorr",
      message: Uint8Array.of(good ? 1 : 0),
      signature: new Uint8Array(64),
      key: new Uint8Array(32).fill(key),
    });
    const secp256k1 = new RememberingSecp256k1(inner);
    assert.deepEqual(secp256k1.verdicts([check(true, 1), check(false, 2)]), [true, false]);
    assert.deepEqual(secp256k1.verdicts([check(false, 2), check(true, 3), check(true, 1)]), [false, true, true]);
    assert.deepEqual(asked, [2, 1]);
    assert.equal(secp256k1.areAllGood([check(true, 1), check(true, 3)]), true);
    assert.equal(secp256k1.areAllGood([check(true, 4), check(false, 2)]), false, "one is known to be bad");
    assert.deepEqual(asked, [2, 1]);
    assert.equal(secp256k1.areAllGood([check(true, 1), check(true, 4)]), true);
    assert.deepEqual(secp256k1.verdicts([check(true, 4)]), [true]);
    assert.deepEqual(asked, [2, 1, 1]);
  });
});
