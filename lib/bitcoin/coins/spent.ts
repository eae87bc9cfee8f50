/**
 * The outputs that a block spends, by transaction and input.
 *
 * @see Bitcoin Core `undo.h` (CBlockUndo, CTxUndo)
 * @module
 */
import { Reader } from "../../codec/reader.ts";
import { equalBytes } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import type { Block } from "../types/block.ts";
import { inputsOf } from "./changes.ts";
import { type Coin, decodeCoin, readCoin, writeCoin } from "./coin.ts";
import type { SpentCoin } from "./undo.ts";

/**
 * For each transaction but the coinbase, in order, the outputs that its inputs spend.
 * @param height the block's
 * @param outside what the block spent of the coins that were there before it, in the order of its inputs
 * @throws TypeError when that is another block's
 */
export function spentByInput(
  block: Block,
  height: number,
  outside: readonly SpentCoin[],
): readonly (readonly Coin[])[] {
  const { transactions } = block;
  const { sources } = inputsOf(block);
  let next = 0;
  return transactions.slice(1).map(({ inputs }) =>
    inputs.map(({ prevout: { txid, vout } }): Coin => {
      const source = sources[next++]!;
      // A block that spends its own coinbase was never connected.
      if (source < 0) return { ...transactions[-1 - source]!.outputs[vout]!, height, isCoinbase: false };
      const spent = outside[source];
      if (spent === undefined || spent.outpoint.vout !== vout || !equalBytes(spent.outpoint.txid, txid)) {
        throw new TypeError("the coins are not those of the block's inputs");
      }
      return decodeCoin(spent.bytes);
    })
  );
}

/** The outputs of {@link spentByInput} as bytes, for another thread. */
export function spentToBytes(spent: readonly (readonly Coin[])[]): Uint8Array {
  const writer = new Writer(1 << 12);
  for (const coins of spent) for (const coin of coins) writeCoin(writer, coin);
  return writer.finish();
}

/** Reads what {@link spentToBytes} wrote of this block's. Throws {@link CodecError}. */
export function spentFromBytes(block: Block, bytes: Uint8Array): readonly (readonly Coin[])[] {
  const reader = new Reader(bytes);
  const spent = block.transactions.slice(1).map(({ inputs }) => inputs.map(() => readCoin(reader)));
  reader.finish();
  return spent;
}
