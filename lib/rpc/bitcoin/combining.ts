/**
 * Transactions that several have signed.
 *
 * @see Bitcoin Core `rpc/rawtransaction.cpp` (combinerawtransaction)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { givingWay } from "../../core/work/give-way.ts";
import { combineSignatures } from "../../bitcoin/script/mod.ts";
import { Transaction } from "../../bitcoin/types/mod.ts";
import { noCoins } from "./coins.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import { type Method, required } from "./method.ts";
import { transactionFromHex } from "./transaction-json.ts";
import { coinsBehind, unspentWithMempool } from "./unspent.ts";

/** More copies than a multisig has keys bring nothing. */
const COPIES_MAX = 25;
const NOTHING = new Uint8Array(0);

/** The id of a transaction without what its inputs reveal. */
function bareId({ version, inputs, outputs, lockTime }: Transaction): string {
  const bare = inputs.map(({ prevout, sequence }) => ({ prevout, sequence, scriptSig: NOTHING, witness: [] }));
  return toHex(Transaction.of({ version, inputs: bare, outputs, lockTime }).txid);
}

/** The copies of an array of hex. Throws −22 for none or what is no transaction, −8 for too many or different ones. */
function copiesOf(texts: readonly string[]): readonly Transaction[] {
  if (texts.length > COPIES_MAX) throw invalidParameter(`Array must contain at most ${COPIES_MAX} transactions.`);
  const copies = texts.map((text, i) => {
    const copy = transactionFromHex(text);
    if (copy !== undefined && copy.inputs.length > 0) return copy;
    const message = `TX decode failed for tx ${i}. Make sure the tx has at least one input.`;
    throw new JsonRpcError(RpcCode.deserialization, message);
  });
  if (copies.length === 0) throw new JsonRpcError(RpcCode.deserialization, "Missing transactions");
  const id = bareId(copies[0]!);
  if (copies.some((copy) => bareId(copy) !== id)) {
    throw invalidParameter("Transactions not compatible (different transactions)");
  }
  return copies;
}

/** The methods. */
export const combiningMethods: readonly Method[] = [
  {
    name: "combinerawtransaction",
    category: "Rawtransactions",
    summary: "Puts the signatures of several copies of one transaction into one. What it spends must be unspent.",
    params: [required("txs", "array", "The transactions as hex")],
    result: '"hex"    (string) the transaction',
    examples: [`combinerawtransaction '["<hex>","<hex>"]'`],
    waits: true,
    async call(args, { context: { bitcoin, clock } }) {
      const copies = copiesOf(args.texts(0));
      const behind = coinsBehind(bitcoin);
      if (behind !== undefined) throw new JsonRpcError(RpcCode.inWarmup, behind);
      const found = await unspentWithMempool(bitcoin, copies[0]!.inputs.map(({ prevout }) => prevout), false);
      if (found === undefined) throw noCoins(bitcoin);
      const spent = found.coins.map((coin) => {
        if (coin !== undefined) return coin;
        throw new JsonRpcError(RpcCode.verify, "Input not found or already spent");
      });
      return toHex((await combineSignatures({ copies, spent, giveWay: givingWay(clock) })).raw);
    },
  },
];
