/** Transactions that tests of the relay make: nobody validates them there. */
import { Transaction } from "../../../lib/bitcoin/types/transaction.ts";

/** An id that is nobody's. */
export function id(number: number): Uint8Array {
  const bytes = new Uint8Array(32).fill(0xa5);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

/** What is spent by it, if not outputs of nobody. */
export interface Made {
  readonly number?: number;
  readonly spends?: readonly { readonly txid: Uint8Array; readonly vout?: number }[];
  readonly outputs?: number;
  /** Bytes of a witness on the first input; none when absent. */
  readonly witness?: number;
  /** Bytes of each output's script. */
  readonly scriptBytes?: number;
}

let made = 0;

/** A transaction; each is another one, unless its number is given. */
export function transaction(
  { number = ++made, spends, outputs = 1, witness, scriptBytes = 1 }: Made = {},
): Transaction {
  return Transaction.of({
    version: 2,
    inputs: (spends ?? [{ txid: id(number) }]).map(({ txid, vout = 0 }, i) => ({
      prevout: { txid, vout },
      scriptSig: new Uint8Array(),
      sequence: 0xffff_ffff,
      witness: witness !== undefined && i === 0 ? [new Uint8Array(witness)] : [],
    })),
    outputs: Array.from({ length: outputs }, () => ({ value: 1_000n, scriptPubKey: new Uint8Array(scriptBytes) })),
    lockTime: number,
  });
}
