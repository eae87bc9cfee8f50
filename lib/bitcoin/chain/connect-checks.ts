/**
 * Rules of a block that need the outputs that it spends, but for its scripts.
 *
 * @see Bitcoin Core `validation.cpp` (ConnectBlock), `consensus/tx_verify.cpp` (CheckTxInputs, SequenceLocks)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { isUnspendable } from "../coins/script.ts";
import type { Coin } from "../coins/coin.ts";
import type { CoinChanges, PlacedCoin } from "../coins/changes.ts";
import { type Refusal, refuse } from "../headers/verdict.ts";
import { sigOpCost } from "../script/sigops.ts";
import { SpendingTransaction } from "../script/spending-transaction.ts";
import { subsidyAt } from "../networks/subsidy.ts";
import type { Block } from "../types/block.ts";
import type { OutPoint, TxInput } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";
import { MAX_BLOCK_SIGOPS_COST } from "./block-checks.ts";
import { legacySigOpCount, MAX_MONEY, WITNESS_SCALE_FACTOR } from "./transaction-checks.ts";
import type { ConnectingBlock } from "./validator.ts";

/** Blocks from that of a coinbase on to the first that may spend it. */
const COINBASE_MATURITY = 100;
/** A sequence number with this bit says nothing of time (BIP68). */
const SEQUENCE_DISABLED = 0x8000_0000;
/** With this bit it counts in {@link SEQUENCE_TIME_SHIFT}s, else in blocks. */
const SEQUENCE_IS_TIME = 0x0040_0000;
const SEQUENCE_MASK = 0xffff;
/** Units of 512 seconds. */
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

/** Where an input's coin comes from: the outpoint's place among those from before the block, or an earlier transaction of it. */
type Source = { readonly outside: number } | { readonly inside: number };

/** The inputs of a block, by where their coins are from. */
export class BlockInputs {
  readonly block: Block;
  /** What is spent of coins that were there before the block, in the order of its inputs. */
  readonly outside: OutPoint[] = [];
  /** By transaction and input; none for the coinbase. */
  readonly sources: readonly (readonly Source[])[];

  constructor(block: Block) {
    this.block = block;
    const own = new Map<string, number>();
    this.sources = block.transactions.map(({ txid, inputs }, i) => {
      const sources = i === 0 ? [] : inputs.map((input) => this.#sourceOf(input, own));
      own.set(toHex(txid), i);
      return sources;
    });
  }

  #sourceOf({ prevout }: TxInput, own: ReadonlyMap<string, number>): Source {
    const inside = own.get(toHex(prevout.txid));
    return inside === undefined ? { outside: this.outside.push(prevout) - 1 } : { inside };
  }
}

const fault = (reason: string, { txid }: Transaction, what: string): Refusal =>
  refuse("consensus", reason, `transaction ${toHex(txid.slice().reverse())}: ${what}`);

const isMoney = (value: number) => value >= 0 && value <= MONEY_MAX;

/** The coins of a block while its transactions are gone through. */
class Coins {
  readonly #inputs: BlockInputs;
  readonly #height: number;
  /** Coins from before; undefined once they are spent. */
  readonly #outside: (Coin | undefined)[];
  readonly #outsideOf = new Map<string, number>();
  /** Outputs of the block itself that are spent within it, by transaction. */
  readonly #spent = new Map<number, Set<number>>();

  constructor(inputs: BlockInputs, coins: readonly (Coin | undefined)[], height: number) {
    this.#inputs = inputs;
    this.#height = height;
    this.#outside = [...coins];
  }

  /** The coin of an input, which is spent then; undefined where there is none, or none any more. */
  take(source: Source, { txid, vout }: OutPoint): Coin | undefined {
    return "outside" in source
      ? this.#takeOutside(source.outside, `${toHex(txid)}:${vout}`)
      : this.#takeOwn(source.inside, vout);
  }

  #takeOutside(at: number, name: string): Coin | undefined {
    // The same outpoint may be asked for by another input: it is there once.
    if (this.#outsideOf.has(name)) return undefined;
    this.#outsideOf.set(name, at);
    return this.#outside[at];
  }

  #takeOwn(index: number, vout: number): Coin | undefined {
    const output = this.#inputs.block.transactions[index]!.outputs[vout];
    const spent = this.#spent.get(index) ?? new Set();
    if (output === undefined || isUnspendable(output.scriptPubKey) || spent.has(vout)) return undefined;
    this.#spent.set(index, spent.add(vout));
    return { ...output, height: this.#height, isCoinbase: index === 0 };
  }

  /** What the block did, all of whose inputs were taken. */
  changes(): CoinChanges {
    const { block, outside } = this.#inputs;
    const created: PlacedCoin[] = [];
    for (const [i, { txid, outputs }] of block.transactions.entries()) {
      const spent = this.#spent.get(i);
      for (const [vout, output] of outputs.entries()) {
        if (isUnspendable(output.scriptPubKey) || spent?.has(vout)) continue;
        created.push({ outpoint: { txid, vout }, coin: { ...output, height: this.#height, isCoinbase: i === 0 } });
      }
    }
    return { created, spent: outside.map((outpoint, i) => ({ outpoint, coin: this.#outside[i]! })) };
  }
}

/** Where the block stands. */
type Place = Pick<ConnectingBlock, "view" | "ancestry">;

/**
 * Judges a block by the coins of {@link BlockInputs.outside}, as they are after its parent.
 * @param flags by which signature operations are counted, as in `ScriptFlag`
 */
export function checkConnecting(
  inputs: BlockInputs,
  found: readonly (Coin | undefined)[],
  place: Place,
  flags: number,
): Connected | Refusal {
  const { network, height } = place.view;
  const { block, sources } = inputs;
  const coins = new Coins(inputs, found, height);
  const spends: BlockSpend[] = [];
  let [fees, sigOps] = [0, 0];
  for (const [i, transaction] of block.transactions.entries()) {
    if (i === 0) {
      sigOps += WITNESS_SCALE_FACTOR * legacySigOpCount(transaction);
    } else {
      const spent = transaction.inputs.map(({ prevout }, k) => coins.take(sources[i]![k]!, prevout));
      if (!areThere(spent)) return fault("bad-txns-inputs-missingorspent", transaction, "spends what is not there");
      const fee = feeOf(transaction, spent, height);
      if (typeof fee !== "number") return fee;
      fees += fee;
      if (!isMoney(fees)) return fault("bad-txns-accumulated-fee-outofrange", transaction, `fees of ${fees} so far`);
      if (!isUnlocked(transaction, spent, place)) {
        return fault("bad-txns-nonfinal", transaction, "an input is locked by its sequence number");
      }
      sigOps += sigOpCost(new SpendingTransaction(transaction, spent), flags);
      spends.push({ transaction, spent });
    }
    if (sigOps > MAX_BLOCK_SIGOPS_COST) {
      return fault("bad-blk-sigops", transaction, `signature operations cost ${sigOps} so far`);
    }
  }
  const reward = Number(subsidyAt(network, height)) + fees;
  const [coinbase] = block.transactions;
  const paid = valueOf(coinbase!);
  if (paid > reward) return refuse("consensus", "bad-cb-amount", `the coinbase pays ${paid} of ${reward}`);
  return { ok: true, changes: coins.changes(), spends };
}

function areThere(spent: readonly (Coin | undefined)[]): spent is readonly Coin[] {
  return spent.every((coin) => coin !== undefined);
}

/** What the outputs have together. Checked before to be a sum that there can be. */
function valueOf({ outputs }: Transaction): number {
  return outputs.reduce((sum, { value }) => sum + Number(value), 0);
}

/** What a transaction leaves to the miner, in satoshi: exact as a number, as no sum is above twice all the money there is. */
function feeOf(transaction: Transaction, spent: readonly Coin[], height: number): number | Refusal {
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
function isUnlocked({ version, inputs }: Transaction, spent: readonly Coin[], { view, ancestry }: Place): boolean {
  const { network: { heights }, height } = view;
  // Versions are compared as numbers without a sign.
  if (height < heights.csv || version >>> 0 < 2) return true;
  return inputs.every(({ sequence }, i) => {
    if (sequence >= SEQUENCE_DISABLED) return true;
    const wanted = sequence & SEQUENCE_MASK;
    const coinHeight = spent[i]!.height;
    if ((sequence & SEQUENCE_IS_TIME) === 0) return coinHeight + wanted - 1 < height;
    const since = ancestry.medianTimePast(Math.max(coinHeight - 1, 0));
    return since + wanted * 2 ** SEQUENCE_TIME_SHIFT - 1 < view.parentMedianTimePast;
  });
}
