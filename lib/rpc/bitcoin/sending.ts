/**
 * Methods that hand transactions in, or ask whether they would be taken.
 *
 * @see Bitcoin Core `rpc/mempool.cpp` (sendrawtransaction, testmempoolaccept, submitpackage), `node/transaction.cpp`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { MempoolEntry, TransactionRefusal, TransactionVerdict } from "../../bitcoin/mempool/mod.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { isUnspendable, type Transaction } from "../../bitcoin/types/mod.ts";
import { parseAmount } from "./arguments.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson, RpcObject } from "./json.ts";
import { mempoolOf, satoshiJson } from "./mempool-json.ts";
import { type Arguments, type Method, optional, required, wrongType } from "./method.ts";
import { hasValidOpcodes } from "./script-json.ts";
import { transactionFromHex } from "./transaction-json.ts";

/** What is asked of fees unless the caller says otherwise, in satoshi for 1000 virtual bytes: 0.1 BTC. */
const FEE_RATE_MAX = 10_000_000;
/** A whole coin for 1000 virtual bytes is taken for a mistake. */
const FEE_RATE_LIMIT = 100_000_000;
/** Transactions that are handed in together. */
const PACKAGE_MAX = 25;

const NO_INPUTS = "Make sure the tx has at least one input.";
const MAX_FEE_RATE = optional(
  "maxfeerate",
  "any",
  "What it may pay at most, in BTC for 1000 virtual bytes; 0 for any",
  "0.10",
);
const MAX_BURN = optional("maxburnamount", "any", "What an output may have that nobody can spend, in BTC", "0");

/** The fee rate that an argument allows, in satoshi for 1000 virtual bytes; undefined for any. Throws −8, −3. */
function feeRateMax(args: Arguments, at: number): number | undefined {
  const rate = args.has(at) ? Number(parseAmount(args.at(at))) : FEE_RATE_MAX;
  if (rate >= FEE_RATE_LIMIT) {
    throw invalidParameter("Fee rates larger than or equal to 1BTC/kvB are not accepted");
  }
  return rate === 0 ? undefined : rate;
}

const feeAt = (rate: number, vsize: number) => Math.ceil(rate * vsize / 1_000);

/** The transactions of an array of hex. Throws −8 for none or too many, −22 for what is none. */
function transactionsOf(args: Arguments): readonly Transaction[] {
  const texts = args.texts(0);
  if (texts.length < 1 || texts.length > PACKAGE_MAX) {
    throw invalidParameter(`Array must contain between 1 and ${PACKAGE_MAX} transactions.`);
  }
  return texts.map((text) => {
    const transaction = transactionFromHex(text);
    if (transaction !== undefined) return transaction;
    throw new JsonRpcError(RpcCode.deserialization, `TX decode failed: ${text.slice(0, 1_000)} ${NO_INPUTS}`);
  });
}

/** Throws −25 when an output that nobody can spend has more than it may. */
function checkBurnt(transaction: Transaction, most: bigint): void {
  const burns = transaction.outputs.some(({ value, scriptPubKey }) =>
    (isUnspendable(scriptPubKey) || !hasValidOpcodes(scriptPubKey)) && value > most
  );
  if (!burns) return;
  throw new JsonRpcError(RpcCode.verify, "Unspendable output exceeds maximum configured by user (maxburnamount)");
}

/** A reason and what Core says after it. */
const reasonText = ({ reason, detail }: TransactionRefusal) => (detail === "" ? reason : `${reason}, ${detail}`);

/** The error for a transaction that is refused. */
function refused(refusal: TransactionRefusal): JsonRpcError {
  if (refusal.result === "missing_inputs") return new JsonRpcError(RpcCode.verify, reasonText(refusal));
  return new JsonRpcError(RpcCode.rejected, reasonText(refusal));
}

/** Throws −27 when an output of a transaction is unspent already: it is in a block. */
async function checkNotInChain(bitcoin: BitcoinService, transaction: Transaction): Promise<void> {
  const outpoints = transaction.outputs.map((_, vout) => ({ txid: transaction.txid, vout }));
  const found = await bitcoin.coins(outpoints);
  if (found?.coins.some((coin) => coin !== undefined) !== true) return;
  throw new JsonRpcError(RpcCode.alreadyInChain, "Transaction outputs already in utxo set");
}

/** Has peers told of a transaction, where any are told. */
function tellPeers({ relay }: BitcoinService, { transaction: { txid } }: MempoolEntry): void {
  relay?.broadcast(txid);
}

const wtxidsJson = (wtxids: readonly Uint8Array[]) => wtxids.map((wtxid) => toDisplayHex(wtxid));

/** What `testmempoolaccept` tells of a transaction that was judged. `tooMuch`: whether it pays more than it may. */
function testJson(verdict: TransactionVerdict, feeRate: number | undefined): RpcObject {
  if (verdict.ok === "known") throw new TypeError("a trial has no such verdict");
  if (!verdict.ok) {
    const isMissing = verdict.result === "missing_inputs";
    return {
      allowed: false,
      "reject-reason": isMissing ? "missing-inputs" : verdict.reason,
      "reject-details": isMissing ? undefined : reasonText(verdict),
    };
  }
  const { entry: { fee, vsize, transaction }, effectiveFeeRate, effectiveIncludes } = verdict;
  if (feeRate !== undefined && fee > feeAt(feeRate, vsize)) {
    return { allowed: false, "reject-reason": "max-fee-exceeded" };
  }
  return {
    allowed: true,
    vsize,
    vsize_bip141: transaction.vsize,
    vsize_adjusted: vsize,
    fees: {
      base: satoshiJson(fee),
      "effective-feerate": satoshiJson(effectiveFeeRate),
      "effective-includes": wtxidsJson(effectiveIncludes),
    },
  };
}

/** What `submitpackage` tells of a transaction. */
function submittedJson(transaction: Transaction, verdict: TransactionVerdict | undefined): RpcObject {
  const txid = toDisplayHex(transaction.txid);
  if (verdict === undefined) return { txid, error: "unevaluated" };
  if (verdict.ok === false) return { txid, error: reasonText(verdict) };
  const { entry } = verdict;
  const { wtxid } = entry.transaction;
  // One of the same id, with another witness, was there before.
  if (toHex(wtxid) !== toHex(transaction.wtxid)) return { txid, "other-wtxid": toDisplayHex(wtxid) };
  const base = satoshiJson(entry.fee);
  return {
    txid,
    vsize: entry.vsize,
    fees: verdict.ok === true
      ? {
        base,
        "effective-feerate": satoshiJson(verdict.effectiveFeeRate),
        "effective-includes": wtxidsJson(verdict.effectiveIncludes),
      }
      : { base },
  };
}

/** Whether every transaction but the last is a parent of it, and none of another: what may be handed in together. */
function isChildWithParents(transactions: readonly Transaction[]): boolean {
  if (transactions.length < 2) return false;
  const child = transactions.at(-1)!;
  const spends = (one: Transaction) => new Set(one.inputs.map(({ prevout }) => toHex(prevout.txid)));
  const needed = spends(child);
  const parents = transactions.slice(0, -1);
  const ids = new Set(parents.map(({ txid }) => toHex(txid)));
  return parents.every((parent) =>
    needed.has(toHex(parent.txid)) && [...spends(parent)].every((txid) => !ids.has(txid))
  );
}

/** The methods. */
export const sendingMethods: readonly Method[] = [
  {
    name: "sendrawtransaction",
    category: "Rawtransactions",
    summary: "Takes a transaction into the mempool, and tells peers of it until one asks for it.",
    params: [required("hexstring", "hex", "The transaction as hex"), MAX_FEE_RATE, MAX_BURN],
    result: '"hex"    (string) its id',
    examples: ["sendrawtransaction <hex>"],
    async call(args, { context: { bitcoin }, signal }) {
      const most = args.has(2) ? parseAmount(args.at(2)) : 0n;
      const transaction = transactionFromHex(args.text(0));
      if (transaction === undefined) throw new JsonRpcError(RpcCode.deserialization, `TX decode failed. ${NO_INPUTS}`);
      checkBurnt(transaction, most);
      const rate = feeRateMax(args, 1);
      const mempool = mempoolOf(bitcoin);
      await checkNotInChain(bitcoin, transaction);
      if (rate !== undefined && mempool.get(transaction.txid) === undefined) {
        const { verdicts: [trial] } = await mempool.test([transaction], signal);
        if (trial?.ok === false) throw refused(trial);
        if (trial?.ok === true && trial.entry.fee > feeAt(rate, trial.entry.vsize)) {
          const text = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)";
          throw new JsonRpcError(RpcCode.verify, text);
        }
      }
      const verdict = await mempool.accept(transaction, signal);
      if (verdict.ok === false) throw refused(verdict);
      tellPeers(bitcoin, verdict.entry);
      return toDisplayHex(transaction.txid);
    },
  },
  {
    name: "testmempoolaccept",
    category: "Rawtransactions",
    summary: "Whether the mempool would take transactions, which may spend each other's outputs. None is taken.",
    params: [required("rawtxs", "array", "Transactions as hex, parents first"), MAX_FEE_RATE],
    result: '[{ "txid", "wtxid", "allowed", "vsize", "fees", "reject-reason", … }, …]    (array)',
    examples: [`testmempoolaccept '["<hex>"]'`],
    async call(args, { context: { bitcoin }, signal }) {
      const transactions = transactionsOf(args);
      const rate = feeRateMax(args, 1);
      const { refusal, verdicts } = await mempoolOf(bitcoin).test(transactions, signal);
      let isOver = false;
      return transactions.map(({ txid, wtxid }, i): RpcJson => {
        const ids = {
          txid: toDisplayHex(txid),
          wtxid: toDisplayHex(wtxid),
          "package-error": transactions.length > 1 && refusal !== undefined ? reasonText(refusal) : undefined,
        };
        const verdict = verdicts[i];
        // What needs a transaction that pays too much is not told of: it would not be handed in.
        if (verdict === undefined || isOver) return ids;
        const told = testJson(verdict, rate);
        isOver = told["reject-reason"] === "max-fee-exceeded";
        return { ...ids, ...told };
      });
    },
  },
  {
    name: "submitpackage",
    category: "Rawtransactions",
    summary: "Takes parents and their child into the mempool: a child may pay for parents that pay too little.",
    params: [required("package", "array", "Transactions as hex, the child last"), MAX_FEE_RATE, MAX_BURN],
    result: '{ "package_msg", "tx-results": { "wtxid": {…}, … }, "replaced-transactions": ["txid", …] }    (object)',
    examples: [`submitpackage '["<parent>","<child>"]'`],
    async call(args, { context: { bitcoin }, signal }) {
      if (!Array.isArray(args.at(0))) throw wrongType(args.at(0), "array");
      const rate = feeRateMax(args, 1);
      const most = args.has(2) ? parseAmount(args.at(2)) : 0n;
      const transactions = transactionsOf(args);
      for (const transaction of transactions) checkBurnt(transaction, most);
      if (transactions.length > 1 && !isChildWithParents(transactions)) {
        throw new JsonRpcError(
          RpcCode.verify,
          "package topology disallowed. not child-with-parents or parents depend on each other.",
        );
      }
      const mempool = mempoolOf(bitcoin);
      const { refusal, verdicts } = await mempool.acceptPackage(transactions, signal, { feeRateMax: rate });
      const replaced = new Set<string>();
      for (const verdict of verdicts) {
        if (verdict?.ok === true) {
          for (const entry of verdict.replaced) replaced.add(toDisplayHex(entry.transaction.txid));
        }
        if (verdict !== undefined && verdict.ok !== false) tellPeers(bitcoin, verdict.entry);
      }
      return {
        package_msg: refusal === undefined ? "success" : reasonText(refusal),
        "tx-results": Object.fromEntries(
          transactions.map((transaction, i) => [
            toDisplayHex(transaction.wtxid),
            submittedJson(transaction, verdicts[i]),
          ]),
        ),
        "replaced-transactions": [...replaced],
      };
    },
  },
];
