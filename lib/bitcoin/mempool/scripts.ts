/**
 * Has the scripts of transactions verified on other threads, and remembers for block connection which are good.
 *
 * @module
 */
import type { Workers } from "../../core/ports.ts";
import type { Engine } from "../../engine/engine.ts";
import type { ScriptCache } from "../chain/script-cache.ts";
import { spendsToBytes } from "../chain/script-job.ts";
import type { Coin } from "../coins/coin.ts";
import { toDisplayHex } from "../hash.ts";
import { SCRIPT_ERROR_TEXTS } from "../script/errors.ts";
import { STANDARD_FLAGS } from "../script/flags.ts";
import type { Transaction } from "../types/transaction.ts";
import { type PoolScriptFailure, poolScripts } from "./script-job.ts";
import { needsWitness } from "./standard-inputs.ts";
import { refuseTransaction, type TransactionRefusal } from "./verdict.ts";

/** What scripts are verified with. */
export interface ScriptCheckParts {
  readonly workers: Workers;
  /** The implementation of signatures, or a slower one. */
  readonly engine: Engine;
  /** Where block connection finds what is known to be good. */
  readonly cache?: ScriptCache | undefined;
  /** Hears of what should never be. */
  readonly notice: (level: "error" | "warning", text: string) => void;
}

/** A transaction with what it spends. */
export interface Spending {
  readonly transaction: Transaction;
  readonly spent: readonly Coin[];
}

/** Why a transaction is refused, undefined when it is not; or the error for which there is no verdict. */
export type ScriptVerdict = { readonly refusal: TransactionRefusal | undefined } | { readonly error: unknown };

/** A thread gets so many inputs at least: with fewer the way there and back costs more than it saves. */
const INPUTS_MIN = 16;

/** Verifies scripts. */
export class ScriptChecks {
  readonly #parts: ScriptCheckParts;

  constructor(parts: ScriptCheckParts) {
    this.#parts = parts;
  }

  /** The verdict on each. @param blockFlags the rules of the next block */
  async verify(spendings: readonly Spending[], blockFlags: number, signal: AbortSignal): Promise<ScriptVerdict[]> {
    const parts = partsOf(spendings, this.#parts.workers.threadsMax);
    return (await Promise.all(parts.map((part) => this.#verifyPart(part, blockFlags, signal)))).flat();
  }

  /** A transaction entered: a block that has it need not have its scripts verified. */
  remember({ wtxid }: Transaction, blockFlags: number): void {
    const { cache } = this.#parts;
    cache?.add(cache.nameOf(wtxid, blockFlags));
  }

  async #verifyPart(part: readonly Spending[], blockFlags: number, signal: AbortSignal): Promise<ScriptVerdict[]> {
    const { workers, engine } = this.#parts;
    const input = { spends: spendsToBytes(part), flags: STANDARD_FLAGS, blockFlags, engine };
    try {
      const { failures } = await workers.run(poolScripts, input, signal);
      const byIndex = new Map(failures.map((failure) => [failure.transaction, failure]));
      return part.map((spending, i) => ({ refusal: this.#refusal(spending, byIndex.get(i)) }));
    } catch (error) {
      if (signal.aborted) throw error;
      if (part.length === 1) return [{ error }];
      // One of them made the thread die: each is tried by itself.
      const verdicts: ScriptVerdict[] = [];
      for (const spending of part) verdicts.push(...await this.#verifyPart([spending], blockFlags, signal));
      return verdicts;
    }
  }

  #refusal({ transaction, spent }: Spending, failure: PoolScriptFailure | undefined): TransactionRefusal | undefined {
    if (failure === undefined) return undefined;
    const { txid, wtxid, inputs } = transaction;
    const { prevout } = inputs[failure.input]!;
    const detail = `input ${failure.input} of ${toDisplayHex(txid)} (wtxid ${toDisplayHex(wtxid)}), spending ${
      toDisplayHex(prevout.txid)
    }:${prevout.vout}`;
    if (failure.isByBlockRules) {
      this.#parts.notice("error", `${detail}: passes the rules of relay and not those of blocks (${failure.error})`);
    }
    const isStripped = !transaction.hasWitness && needsWitness(transaction, spent);
    const reason = `mempool-script-verify-flag-failed (${SCRIPT_ERROR_TEXTS[failure.error]})`;
    return refuseTransaction(isStripped ? "witness_stripped" : "not_standard", reason, detail);
  }
}

/** In parts of about as many inputs, one for each thread that is worth it. */
function partsOf(spendings: readonly Spending[], threads: number): readonly (readonly Spending[])[] {
  if (spendings.length === 0) return [];
  const inputs = spendings.reduce((sum, { spent }) => sum + spent.length, 0);
  const count = Math.max(1, Math.min(threads, Math.floor(inputs / INPUTS_MIN)));
  const parts: Spending[][] = [[]];
  let done = 0;
  for (const spending of spendings) {
    if (done >= inputs * parts.length / count) parts.push([]);
    parts.at(-1)!.push(spending);
    done += spending.spent.length;
  }
  return parts;
}
