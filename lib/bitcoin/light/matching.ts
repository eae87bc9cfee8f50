/**
 * What a block has to do with watched scripts. Pure.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Block } from "../types/mod.ts";
import type { Match, NewMatch } from "./service.ts";

/** A payment that a block may spend. */
export type Payment = Pick<Match, "txid" | "vout" | "value" | "script">;

/**
 * The payments to watched scripts and the spends of such payments in a block, in the order of its transactions, inputs
 * before outputs.
 *
 * @param watched the hex of each script
 * @param payments earlier payments that the block may spend; those of the block itself are found here
 */
export function matchesOf(
  block: Block,
  height: number,
  watched: ReadonlySet<string>,
  payments: readonly Payment[],
): NewMatch[] {
  const { hash } = block;
  const known = new Map(payments.map((payment) => [outPoint(payment.txid, payment.vout), payment]));
  const found: NewMatch[] = [];
  block.txids();
  for (const transaction of block.transactions) {
    const { txid } = transaction;
    if (known.size > 0 && !transaction.isCoinbase) {
      for (const [vin, { prevout }] of transaction.inputs.entries()) {
        const spent = known.get(outPoint(prevout.txid, prevout.vout));
        if (spent === undefined) continue;
        const { script, value, vout } = spent;
        const spend = { txid: spent.txid, vin };
        found.push({ height, hash, txid, script, direction: "out", value, vout, spend });
      }
    }
    for (const [vout, { scriptPubKey, value }] of transaction.outputs.entries()) {
      if (!watched.has(toHex(scriptPubKey))) continue;
      // The block's memory is not to be kept for a few bytes of it.
      const script = scriptPubKey.slice();
      found.push({ height, hash, txid, script, direction: "in", value, vout, spend: undefined });
      known.set(outPoint(txid, vout), { txid, vout, value, script });
    }
  }
  return found;
}

function outPoint(txid: Uint8Array, vout: number): string {
  return `${toHex(txid)}:${vout}`;
}

/** The transactions whose outputs a block spends, each once. */
export function spentTransactions(block: Block): Uint8Array[] {
  const spent = new Map<string, Uint8Array>();
  for (const transaction of block.transactions) {
    if (transaction.isCoinbase) continue;
    for (const { prevout: { txid } } of transaction.inputs) spent.set(toHex(txid), txid);
  }
  return [...spent.values()];
}
