/**
 * Scripts of many transactions that have nothing to do with each other, as a job: by the rules of relay, and then by those of
 * the next block.
 *
 * The rules of relay only forbid more than those of a block. That is why the second verdict should never differ; it is asked
 * for all the same, since blocks are connected by what it says. Signatures that were judged once are not judged again, neither
 * then nor when one bad input makes each transaction be judged by itself.
 *
 * @see Bitcoin Core `validation.cpp` (PolicyScriptChecks, ConsensusScriptChecks)
 * @module
 */
import type { GiveWay, Job } from "../../core/ports.ts";
import { arithmetic } from "../../engine/arithmetic.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Secp256k1 } from "../../engine/secp256k1/mod.ts";
import { type ScriptInput, spendsFromBytes } from "../chain/script-job.ts";
import type { ScriptBatch } from "../script/batch.ts";
import type { ScriptError } from "../script/errors.ts";
import type { SpendingTransaction } from "../script/spending-transaction.ts";

/** What is verified; `flags` are the rules of relay. */
export interface PoolScriptInput extends ScriptInput {
  /** The rules of the next block. */
  readonly blockFlags: number;
}

/** A transaction that may not spend what it spends. */
export interface PoolScriptFailure {
  /** Which, in the order in which they were given. */
  readonly transaction: number;
  readonly input: number;
  readonly error: ScriptError;
  /** Whether it passed by the rules of relay, and should not have. */
  readonly isByBlockRules: boolean;
}

/** All that fail, and the implementation that said so. */
export interface PoolScriptVerdict {
  readonly engine: Engine;
  readonly failures: readonly PoolScriptFailure[];
}

/** What {@link judge} needs. */
interface Judging {
  readonly secp256k1: Secp256k1;
  readonly Batch: typeof ScriptBatch;
  readonly giveWay: GiveWay | undefined;
}

/** The first bad input of some transactions. */
async function judge(
  { secp256k1, Batch, giveWay }: Judging,
  transactions: readonly SpendingTransaction[],
  flags: number,
) {
  const batch = new Batch(secp256k1, flags);
  for (const transaction of transactions) {
    if (await batch.addInTurns(transaction, giveWay)) break;
  }
  return batch.finish();
}

/** Every transaction with a bad input. */
async function judgeAll(judging: Judging, transactions: readonly SpendingTransaction[], flags: number) {
  const failures: Omit<PoolScriptFailure, "isByBlockRules">[] = [];
  if (await judge(judging, transactions, flags) === undefined) return failures;
  for (const [i, transaction] of transactions.entries()) {
    const failure = await judge(judging, [transaction], flags);
    if (failure !== undefined) failures.push({ transaction: i, input: failure.input, error: failure.error });
  }
  return failures;
}

/** Verifies the scripts of all inputs, with their signatures judged together. */
export const poolScripts: Job<PoolScriptInput, PoolScriptVerdict> = {
  name: "bitcoin.pool-scripts",
  // Of 64 transactions that are at most a tenth of a block each, with all their operations bounded.
  deadlineMs: 5 * 60_000,
  async run({ spends, flags, blockFlags, engine: from }, giveWay) {
    const { ScriptBatch: Batch } = await import("../script/batch.ts");
    const { RememberingSecp256k1 } = await import("./remembering.ts");
    const secp256k1 = await arithmetic(from).secp256k1();
    const judging = { secp256k1: new RememberingSecp256k1(secp256k1), Batch, giveWay };
    const transactions = [...spendsFromBytes(spends)];
    const refused = await judgeAll(judging, transactions, flags);
    const failures = refused.map((each) => ({ ...each, isByBlockRules: false }));
    const bad = new Set(refused.map(({ transaction }) => transaction));
    const good = transactions.map((_, i) => i).filter((i) => !bad.has(i));
    const again = await judgeAll(judging, good.map((i) => transactions[i]!), blockFlags);
    for (const each of again) failures.push({ ...each, transaction: good[each.transaction]!, isByBlockRules: true });
    return { engine: secp256k1.engine, failures };
  },
};
