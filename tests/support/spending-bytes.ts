/** Transactions with what they spend, as programs of other languages are told of them. */
import type { Writer } from "../../lib/codec/writer.ts";
import type { Transaction, TxOutput } from "../../lib/bitcoin/types/mod.ts";

/** Length u32 ‖ transaction ‖ count u32 ‖ for each output that it spends value i64 ‖ length u32 ‖ script, all little-endian. */
export function writeSpending(
  writer: Writer,
  { transaction, spent }: { readonly transaction: Transaction; readonly spent: readonly TxOutput[] },
): void {
  writer.u32Le(transaction.size);
  writer.raw(transaction.raw);
  writer.u32Le(spent.length);
  for (const { value, scriptPubKey } of spent) {
    writer.u64Le(value);
    writer.u32Le(scriptPubKey.length);
    writer.raw(scriptPubKey);
  }
}
