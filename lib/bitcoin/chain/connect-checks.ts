/**
 * Rules of a block that need the outputs that it spends, but for its scripts.
 *
 * @see Bitcoin Core `validation.cpp` (ConnectBlock), `consensus/tx_verify.cpp` (CheckTxInputs, SequenceLocks)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Coin } from "../coins/coin.ts";
import { changesOf, type CoinChanges, inputsOf } from "../coins/changes.ts";
import { type Refusal, refuse } from "../headers/verdict.ts";
import { sigOpCost } from "../script/sigops.ts";
import { subsidyAt } from "../networks/subsidy.ts";
import type { Block } from "../types/block.ts";
import { SEQUENCE_DISABLED, SEQUENCE_IS_TIME, SEQUENCE_LENGTH } from "../types/lock-times.ts";
import { isUnspendable } from "../types/script.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";
import { MAX_BLOCK_SIGOPS_COST } from "./block-checks.ts";
import { MAX_MONEY } from "../types/money.ts";
import { fault, legacySigOpCount, WITNESS_SCALE_FACTOR } from "./transaction-checks.ts";
import type { ConnectingBlock } from "./validator.ts";

/** Blocks from that of a coinbase on to the first that may spend it. */
export const COINBASE_MATURITY = 100;
/** Units of 512 seconds, as a shift. */
const SEQUENCE_TIME_SHIFT = 9;
const MONEY_MAX = Number(MAX_MONEY);

/** A transaction of a block with what it spends: its scripts are still to be verified. */
export interface BlockSpend {
  readonly transaction: Transaction;
  readonly spent: readonly Coin[];
}

/** A block that breaks none of these rules. */
export interface Connected {
  readonly ok: true;
  readonly changes: CoinChanges;
  /** All transactions but the coinbase, in order. */
  readonly spends: readonly BlockSpend[];
}

const isMoney = (value: number) => value >= 0 && value <= MONEY_MAX;

/** Gives the coins of a block's inputs, each of them once. */
class Coins {
  readonly #block: Block;
  readonly #height: number;
  readonly #outside: readonly (Coin | undefined)[];
  readonly #taken = new Set<string>();

  constructor(block: Block, outside: readonly (Coin | undefined)[], height: number) {
    this.#block = block;
    this.#outside = outside;
    this.#height = height;
  }

  /** The coin of an input, which is spent then; undefined where there is none, or none any more. */
  take({ txid, vout }: OutPoint, source: number): Coin | undefined {
    const name = `${toHex(txid)}:${vout}`;
    if (this.#taken.has(name)) return undefined;
    this.#taken.add(name);
    if (source >= 0) return this.#outside[source];
    const output = this.#block.transactions[-1 - source]!.outputs[vout];
    if (output === undefined || isUnspendable(output.scriptPubKey)) return undefined;
    return { ...output, height: this.#height, isCoinbase: source === -1 };
  }
}

/** Where the block stands. */
export type Place = Pick<ConnectingBlock, "view" | "ancestry">;

/**
 * Judges a block by the coins of its {@link outsideInputs}, as they are after its parent.
 * @param flags by which signature operations are counted, as in `ScriptFlag`
 */
export function checkConnecting(
  block: Block,
  found: readonly (Coin | undefined)[],
  place: Place,
  flags: number,
): Connected | Refusal {
  const { network, height } = place.view;
  const { sources } = inputsOf(block);
  const coins = new Coins(block, found, height);
  const spends: BlockSpend[] = [];
  let [fees, sigOps, input] = [0, 0, 0];
  for (const [i, transaction] of block.transactions.entries()) {
    if (i === 0) {
      sigOps += WITNESS_SCALE_FACTOR * legacySigOpCount(transaction);
    } else {
      const spent = transaction.inputs.map(({ prevout }) => coins.take(prevout, sources[input++]!));
      if (!areThere(spent)) return fault("bad-txns-inputs-missingorspent", transaction, "spends what is not there");
      const fee = feeOf(transaction, spent, height);
      if (typeof fee !== "number") return fee;
      fees += fee;
      if (!isMoney(fees)) return fault("bad-txns-accumulated-fee-outofrange", transaction, `fees of ${fees} so far`);
      if (!isUnlocked(transaction, spent, place)) {
        return fault("bad-txns-nonfinal", transaction, "an input is locked by its sequence number");
      }
      sigOps += sigOpCost(transaction, spent, flags);
      spends.push({ transaction, spent });
    }
    if (sigOps > MAX_BLOCK_SIGOPS_COST) {
      return fault("bad-blk-sigops", transaction, `signature operations cost ${sigOps} so far`);
    }
  }
  const reward = Number(subsidyAt(network, height)) + fees;
  const paid = valueOf(block.transactions[0]!);
  if (paid > reward) return refuse("consensus", "bad-cb-amount", `the coinbase pays ${paid} of ${reward}`);
  // Each was taken by its input, so that all are there.
  return { ok: true, changes: changesOf(block, height, found as readonly Coin[]), spends };
}

/** Whether every input has its coin. */
export function areThere<T extends Coin>(spent: readonly (T | undefined)[]): spent is readonly T[] {
  return spent.every((coin) => coin !== undefined);
}

/** What the outputs have together. Checked before to be a sum that there can be. */
function valueOf({ outputs }: Transaction): number {
  return outputs.reduce((sum, { value }) => sum + Number(value), 0);
}

/** What a transaction leaves to the miner, in satoshi: exact as a number, as no sum is above twice all the money there is. */
export function feeOf(transaction: Transaction, spent: readonly Coin[], height: number): number | Refusal {
  let sum = 0;
  for (const coin of spent) {
    if (coin.isCoinbase && height - coin.height < COINBASE_MATURITY) {
      const age = height - coin.height;
      return fault("bad-txns-premature-spend-of-coinbase", transaction, `spends a coinbase ${age} blocks later`);
    }
    const value = Number(coin.value);
    sum += value;
    if (!isMoney(value) || !isMoney(sum)) {
      return fault("bad-txns-inputvalues-outofrange", transaction, `inputs of ${sum}`);
    }
  }
  const out = valueOf(transaction);
  if (sum < out) return fault("bad-txns-in-belowout", transaction, `spends ${sum} and pays ${out}`);
  return sum - out;
}

/** Whether every input is as old as its sequence number demands (BIP68). */
export function isUnlocked(
  { version, inputs }: Transaction,
  spent: readonly Coin[],
  { view, ancestry }: Place,
): boolean {
  const { network: { heights }, height } = view;
  // Versions are compared as numbers without a sign.
  if (height < heights.csv || version >>> 0 < 2) return true;
  return inputs.every(({ sequence }, i) => {
    if (sequence >= SEQUENCE_DISABLED) return true;
    const wanted = sequence & SEQUENCE_LENGTH;
    const coinHeight = spent[i]!.height;
    if ((sequence & SEQUENCE_IS_TIME) === 0) return coinHeight + wanted - 1 < height;
    const since = ancestry.medianTimePast(Math.max(coinHeight - 1, 0));
    return since + wanted * 2 ** SEQUENCE_TIME_SHIFT - 1 < view.parentMedianTimePast;
  });
}
