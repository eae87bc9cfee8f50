/** Real blocks and transactions with the outputs that they spend, from the shared data. */
import { fromHex } from "../../lib/codec/hex.ts";
import { Reader } from "../../lib/codec/reader.ts";
import { mainnet, testnet3 } from "../../lib/bitcoin/networks/mod.ts";
import type { BitcoinNetwork } from "../../lib/bitcoin/networks/mod.ts";
import { Block, Transaction, type TxOutput, TxOutputCodec } from "../../lib/bitcoin/types/mod.ts";
import { bitcoinBytes } from "./bitcoin-data.ts";

/** Blocks whose spent outputs are known, with their network and height. */
export const BLOCKS: readonly (readonly [name: string, network: BitcoinNetwork, height: number])[] = [
  ["blocks/bcoin-block300025", mainnet, 300_025],
  ["blocks/bcoin-block928816", testnet3, 928_816],
  ["blocks/bcoin-block928831", testnet3, 928_831],
  ["blocks/bcoin-block928927", testnet3, 928_927],
  ["blocks/bcoin-block1087400", testnet3, 1_087_400],
];

/** A transaction and what it spends. */
export interface Spending {
  readonly transaction: Transaction;
  readonly spent: readonly TxOutput[];
}

function spentOutputs(name: string): TxOutput[] {
  const reader = new Reader(bitcoinBytes(name));
  const outputs: TxOutput[] = [];
  while (reader.left > 0) outputs.push(TxOutputCodec.read(reader));
  return outputs;
}

/** A block, and all its transactions but the first with what they spend. */
export function blockSpending(name: string): { readonly block: Block; readonly spending: readonly Spending[] } {
  const block = Block.decode(bitcoinBytes(`${name}.raw`));
  const outputs = spentOutputs(`${name}-undo.raw`);
  let at = 0;
  const spending = block.transactions.slice(1).map((transaction) => ({
    transaction,
    spent: outputs.slice(at, at += transaction.inputCount),
  }));
  return { block, spending };
}

/** A transaction of its own. */
export function transactionSpending(name: string): Spending {
  return { transaction: Transaction.decode(bitcoinBytes(`${name}.raw`)), spent: spentOutputs(`${name}-undo.raw`) };
}

/** An output as hex has it. */
export function outputOf(hex: string): TxOutput {
  return TxOutputCodec.read(new Reader(fromHex(hex)));
}
