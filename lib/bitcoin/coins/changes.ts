/**
 * What a block does to the coins.
 *
 * @see Bitcoin Core `coins.cpp` (AddCoins), `validation.cpp` (UpdateCoins, DisconnectBlock)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Block } from "../types/block.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import type { Coin } from "./coin.ts";
import { isUnspendable } from "./script.ts";

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

/** The outpoints that a block spends of coins that were there before it, in the order of its inputs. */
export function outsideInputs(block: Block): OutPoint[] {
  return sorted(block).outside;
}

/** The outputs of a block that are coins after it: neither spent within it nor unspendable. */
export function leftOutputs(block: Block): OutPoint[] {
  const { inside } = sorted(block);
  const left: OutPoint[] = [];
  for (const { txid, outputs } of block.transactions) {
    const spent = inside.get(toHex(txid));
    for (const [vout, { scriptPubKey }] of outputs.entries()) {
      if (!isUnspendable(scriptPubKey) && !spent?.has(vout)) left.push({ txid, vout });
    }
  }
  return left;
}

/**
 * What the block at a height does, given the coins of {@link outsideInputs}. Genesis makes none: its output never counts.
 * A coinbase may take the place of an older one of the same id (the blocks 91,842 and 91,880 of mainnet); the older coin
 * is lost then, even when the block is taken back.
 * @throws TypeError when there are not as many coins as inputs: whether they are there is for the caller to judge
 */
export function changesOf(block: Block, height: number, coins: readonly Coin[]): CoinChanges {
  const { outside, inside } = sorted(block);
  if (outside.length !== coins.length) throw new TypeError(`${coins.length} coins for ${outside.length} inputs`);
  const created: PlacedCoin[] = [];
  for (const [i, { txid, outputs }] of height === 0 ? [] : block.transactions.entries()) {
    const spent = inside.get(toHex(txid));
    for (const [vout, { value, scriptPubKey }] of outputs.entries()) {
      if (isUnspendable(scriptPubKey) || spent?.has(vout)) continue;
      created.push({ outpoint: { txid, vout }, coin: { value, scriptPubKey, height, isCoinbase: i === 0 } });
    }
  }
  return { created, spent: outside.map((outpoint, i) => ({ outpoint, coin: coins[i]! })) };
}

/** The inputs of a block: those of coins before it, and which outputs of its own are spent. */
function sorted({ transactions }: Block): { outside: OutPoint[]; inside: Map<string, Set<number>> } {
  const outside: OutPoint[] = [];
  const inside = new Map<string, Set<number>>();
  /** Outputs of transactions that came before. */
  const own = new Set<string>();
  for (const [i, { txid, inputs }] of transactions.entries()) {
    for (const { prevout } of i === 0 ? [] : inputs) {
      const id = toHex(prevout.txid);
      if (!own.has(id)) {
        outside.push(prevout);
        continue;
      }
      const spent = inside.get(id) ?? new Set();
      inside.set(id, spent.add(prevout.vout));
    }
    own.add(toHex(txid));
  }
  return { outside, inside };
}
