/**
 * What a block does to the coins.
 *
 * @see Bitcoin Core `coins.cpp` (AddCoins), `validation.cpp` (UpdateCoins, DisconnectBlock)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Block } from "../types/block.ts";
import { isUnspendable } from "../types/script.ts";
import type { OutPoint, TxOutput } from "../types/transaction-parts.ts";
import type { Coin } from "./coin.ts";

/** An output and where it is. */
export interface PlacedCoin {
  readonly outpoint: OutPoint;
  readonly coin: Coin;
}

/** What one block does to the coins. What is made and spent within the block is in neither list. */
export interface CoinChanges {
  readonly created: readonly PlacedCoin[];
  /**
   * With what they were, so that the block can be taken back. In the order of the block's inputs they take the fewest
   * bytes to remember.
   */
  readonly spent: readonly PlacedCoin[];
}

/** Nothing. */
export const NO_CHANGES: CoinChanges = { created: [], spent: [] };

/** The inputs of a block, by where their coins are from. */
export class BlockInputs {
  /** What is spent of coins that were there before the block, in the order of its inputs. */
  readonly outside: readonly OutPoint[];
  /**
   * For each input in order, those of the coinbase left out: its place in {@link outside}, or −1 − i when it names the i-th
   * transaction of the block, which came before.
   */
  readonly sources: readonly number[];
  /** Outputs of each transaction that are named within the block; none for most. */
  readonly #inside = new Map<number, Set<number>>();

  constructor({ transactions }: Block) {
    const [outside, sources]: [OutPoint[], number[]] = [[], []];
    const own = new Map<string, number>();
    for (const [i, { txid, inputs }] of transactions.entries()) {
      for (const { prevout } of i === 0 ? [] : inputs) {
        const inside = own.get(toHex(prevout.txid));
        if (inside === undefined) sources.push(outside.push(prevout) - 1);
        else {
          sources.push(-1 - inside);
          this.#inside.set(inside, (this.#inside.get(inside) ?? new Set()).add(prevout.vout));
        }
      }
      own.set(toHex(txid), i);
    }
    [this.outside, this.sources] = [outside, sources];
  }

  /** Whether an output of the i-th transaction is spent within the block. */
  isSpentInside(i: number, vout: number): boolean {
    return this.#inside.get(i)?.has(vout) ?? false;
  }
}

const known = new WeakMap<Block, BlockInputs>();

/** The inputs of a block. Computed once: they are asked for when it is connected, and for what takes it back. */
export function inputsOf(block: Block): BlockInputs {
  const inputs = known.get(block) ?? new BlockInputs(block);
  known.set(block, inputs);
  return inputs;
}

/** The outpoints that a block spends of coins that were there before it, in the order of its inputs. */
export const outsideInputs = (block: Block): readonly OutPoint[] => inputsOf(block).outside;

/**
 * Goes through the outputs of a block that are coins after it, with the place of the transaction of each: those that are neither
 * spent within it nor unspendable.
 */
function eachLeft(block: Block, take: (outpoint: OutPoint, output: TxOutput, transaction: number) => void): void {
  const inputs = inputsOf(block);
  for (let i = 0; i < block.transactions.length; i++) {
    const { txid, outputs } = block.transactions[i]!;
    for (let vout = 0; vout < outputs.length; vout++) {
      const output = outputs[vout]!;
      if (!isUnspendable(output.scriptPubKey) && !inputs.isSpentInside(i, vout)) take({ txid, vout }, output, i);
    }
  }
}

/** The outputs of a block that are coins after it. */
export function leftOutputs(block: Block): OutPoint[] {
  const found: OutPoint[] = [];
  eachLeft(block, (outpoint) => void found.push(outpoint));
  return found;
}

/**
 * What the block at a height does, given the coins of {@link outsideInputs}. Genesis makes none: its output never counts.
 * A coinbase may take the place of an older one of the same id (the blocks 91,842 and 91,880 of mainnet); the older coin
 * is lost then, even when the block is taken back.
 * @throws TypeError when there are not as many coins as inputs: whether they are there is for the caller to judge
 */
export function changesOf(block: Block, height: number, coins: readonly Coin[]): CoinChanges {
  const outside = outsideInputs(block);
  if (outside.length !== coins.length) throw new TypeError(`${coins.length} coins for ${outside.length} inputs`);
  const created: PlacedCoin[] = [];
  if (height > 0) {
    eachLeft(block, (outpoint, { value, scriptPubKey }, transaction) => {
      created.push({ outpoint, coin: { value, scriptPubKey, height, isCoinbase: transaction === 0 } });
    });
  }
  return { created, spent: outside.map((outpoint, i) => ({ outpoint, coin: coins[i]! })) };
}
