/**
 * Scripts of a block's inputs, as a job.
 *
 * @module
 */
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { Job } from "../../core/ports.ts";
import { arithmetic } from "../../engine/arithmetic.ts";
import type { Engine } from "../../engine/engine.ts";
import type { InputFailure } from "../script/batch.ts";
import { SpendingTransaction } from "../script/spending-transaction.ts";
import { Transaction } from "../types/transaction.ts";
import type { TxOutput } from "../types/transaction-parts.ts";

/** What is verified, by which rules, and by which implementation or a slower one. */
export interface ScriptInput {
  /** As {@link spendsToBytes} has them. */
  readonly spends: Uint8Array;
  /** As in `ScriptFlag`. */
  readonly flags: number;
  readonly engine: Engine;
}

/** The verdict, and the implementation that gave it. */
export interface ScriptVerdict {
  readonly engine: Engine;
  /** The first input that may not spend its output, in the order in which the transactions were given. */
  readonly failure?: InputFailure;
}

/** Transactions with what they spend as one run of bytes: length u32 ‖ transaction ‖ for each input value i64 ‖ length u32 ‖ script. */
export function spendsToBytes(
  spends: readonly { readonly transaction: Transaction; readonly spent: readonly TxOutput[] }[],
): Uint8Array {
  const bytes = spends.reduce(
    (sum, { transaction, spent }) =>
      spent.reduce((all, { scriptPubKey }) => all + 12 + scriptPubKey.length, sum + 4 + transaction.size),
    0,
  );
  const writer = new Writer(bytes);
  for (const { transaction, spent } of spends) {
    writer.u32Le(transaction.size);
    writer.raw(transaction.raw);
    for (const { value, scriptPubKey } of spent) {
      writer.u64Le(value);
      writer.u32Le(scriptPubKey.length);
      writer.raw(scriptPubKey);
    }
  }
  return writer.finish();
}

/** The transactions again, one after the other. @throws CodecError where bytes are missing */
export function* spendsFromBytes(bytes: Uint8Array): Generator<SpendingTransaction, void> {
  const reader = new Reader(bytes);
  while (reader.left > 0) {
    const transaction = Transaction.decode(reader.take(reader.u32Le()));
    const spent: TxOutput[] = [];
    for (let left = transaction.inputCount; left > 0; left--) {
      const value = BigInt.asIntN(64, reader.u64Le());
      spent.push({ value, scriptPubKey: reader.take(reader.u32Le()) });
    }
    yield new SpendingTransaction(transaction, spent);
  }
}

/** Verifies the scripts of all inputs, with their signatures judged together. */
export const scriptVerdict: Job<ScriptInput, ScriptVerdict> = {
  name: "bitcoin.scripts",
  // A legal transaction can make each of its inputs hash all of it many times, which takes Core minutes as well. A block is
  // not to be refused for it, nor to be tried for ever.
  deadlineMs: 30 * 60_000,
  async run({ spends, flags, engine: from }, giveWay) {
    const { ScriptBatch } = await import("../script/batch.ts");
    const secp256k1 = await arithmetic(from).secp256k1();
    const batch = new ScriptBatch(secp256k1, flags);
    for (const transaction of spendsFromBytes(spends)) {
      if (await batch.addInTurns(transaction, giveWay)) break;
    }
    const failure = batch.finish();
    return failure === undefined ? { engine: secp256k1.engine } : { engine: secp256k1.engine, failure };
  },
};
