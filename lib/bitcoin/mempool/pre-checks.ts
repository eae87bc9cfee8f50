/**
 * Rules that a transaction is held to by itself, and with what it spends: all that needs neither other transactions of the
 * mempool nor its scripts executed.
 *
 * @see Bitcoin Core `validation.cpp` (MemPoolAccept::PreChecks)
 * @module
 */
import { COINBASE_MATURITY, feeOf, isUnlocked, type Place } from "../chain/connect-checks.ts";
import { blockScriptFlags } from "../chain/script-flags.ts";
import { checkTransaction, isFinal } from "../chain/transaction-checks.ts";
import type { Coin } from "../coins/coin.ts";
import { ZERO_HASH } from "../hash.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import { STANDARD_FLAGS } from "../script/flags.ts";
import { sigOpCost } from "../script/sigops.ts";
import { SEQUENCE_DISABLED } from "../types/lock-times.ts";
import type { Transaction } from "../types/transaction.ts";
import { PoolEntry } from "./entry.ts";
import { feeAt } from "./fee-rate.ts";
import type { MempoolPolicy } from "./policy.ts";
import { dustOutputs, STRIPPED_BYTES_MIN, TRUC_VERSION, unusualForm } from "./standard.ts";
import { hasUsualWitness, unusualInputs } from "./standard-inputs.ts";
import { refuseTransaction, type TransactionRefusal } from "./verdict.ts";

/** What signature operations of a transaction may cost. */
const SIG_OP_COST_MAX = 16_000;
const PREMATURE = "bad-txns-premature-spend-of-coinbase";

/** The block that transactions are judged for: the child of a row. */
export interface NextBlock {
  readonly height: number;
  readonly place: Place;
  /** The rules that its scripts are held to. */
  readonly flags: number;
}

/** The block after that of a row. */
export function nextBlock(headers: HeaderChain, row: number): NextBlock {
  const { network } = headers;
  const height = headers.height(row) + 1;
  const ancestor = (at: number) => headers.ancestor(row, at);
  return {
    height,
    place: {
      view: { network, height, parentMedianTimePast: headers.medianTimePast(row) },
      ancestry: {
        hash: (at) => headers.hash(ancestor(at)),
        medianTimePast: (at) => headers.medianTimePast(ancestor(at)),
      },
    },
    // Blocks that are exempt are known, and long past.
    flags: blockScriptFlags(network, height, ZERO_HASH),
  };
}

/** What is wrong with a transaction by itself; undefined when nothing is. */
export function checkAlone(
  transaction: Transaction,
  { height, place }: NextBlock,
  policy: MempoolPolicy,
): TransactionRefusal | undefined {
  const fault = checkTransaction(transaction);
  if (fault !== undefined) return refuseTransaction("consensus", fault.reason);
  if (transaction.isCoinbase) return refuseTransaction("consensus", "coinbase");
  const unusual = policy.requiresStandard ? unusualForm(transaction, policy) : undefined;
  if (unusual !== undefined) return refuseTransaction("not_standard", unusual);
  if (transaction.strippedSize < STRIPPED_BYTES_MIN) return refuseTransaction("not_standard", "tx-size-small");
  if (!isFinal(transaction, height, place.view.parentMedianTimePast)) {
    return refuseTransaction("premature_spend", "non-final");
  }
  return undefined;
}

/** Whether an input is locked by its sequence number. */
export function hasRelativeLock({ version, inputs }: Transaction): boolean {
  return version >= 2 && inputs.some(({ sequence }) => sequence < SEQUENCE_DISABLED);
}

/** Why a transaction that spends these coins may not be in the next block: locks and amounts; the fee that it pays when it may. */
export function checkInputs(
  transaction: Transaction,
  spent: readonly Coin[],
  { height, place }: NextBlock,
): number | TransactionRefusal {
  if (!isUnlocked(transaction, spent, place)) return refuseTransaction("premature_spend", "non-BIP68-final");
  const fee = feeOf(transaction, spent, height);
  if (typeof fee === "number") return fee;
  if (fee.reason !== PREMATURE) return refuseTransaction("consensus", fee.reason);
  const young = spent.find((coin) => coin.isCoinbase && height - coin.height < COINBASE_MATURITY)!;
  return refuseTransaction("premature_spend", PREMATURE, `tried to spend coinbase at depth ${height - young.height}`);
}

/** How a transaction is judged where it is not as usual. */
export interface SpendTerms {
  /** Unix seconds at which it came. */
  readonly time: number;
  /** What was added to its fee. */
  readonly delta: number;
  /** It was in a block that was taken back: what it pays does not matter. */
  readonly isFromBlock: boolean;
}

/**
 * Judges a transaction that passes {@link checkAlone} by the coins that it spends.
 * @param spends the names of their outpoints
 */
export function checkSpends(
  transaction: Transaction,
  spends: readonly string[],
  spent: readonly Coin[],
  next: NextBlock,
  policy: MempoolPolicy,
  { time, delta, isFromBlock }: SpendTerms,
): PoolEntry | TransactionRefusal {
  const fee = checkInputs(transaction, spent, next);
  if (typeof fee !== "number") return fee;
  if (policy.requiresStandard) {
    const unusual = unusualInputs(transaction, spent);
    if (unusual !== undefined) {
      return refuseTransaction("inputs_not_standard", "bad-txns-nonstandard-inputs", unusual);
    }
    if (transaction.hasWitness && !hasUsualWitness(transaction, spent)) {
      return refuseTransaction("witness_mutated", "bad-witness-nonstandard");
    }
  }
  const cost = sigOpCost(transaction, spent, STANDARD_FLAGS);
  const entry = new PoolEntry({
    transaction: transaction.detach(),
    spends,
    fee,
    sigOpCost: cost,
    weightPerSigOp: policy.bytesPerSigOp,
    time,
    height: next.height - 1,
    spendsCoinbase: spent.some(({ isCoinbase }) => isCoinbase),
    hasRelativeLock: hasRelativeLock(transaction),
  });
  entry.modifiedFee = fee + delta;
  const { modifiedFee, vsize } = entry;
  const hasFee = fee !== 0 || modifiedFee !== 0;
  if (policy.requiresStandard && hasFee && dustOutputs(transaction, policy.dustRelayFeeRate).length > 0) {
    return refuseTransaction("not_standard", "dust", "tx with dust output must be 0-fee");
  }
  if (cost > SIG_OP_COST_MAX) return refuseTransaction("not_standard", "bad-txns-too-many-sigops", `${cost}`);
  const least = feeAt(policy.minRelayFeeRate, vsize);
  // A child cannot make good for it: the child may be gone later. A pair that keeps to BIP431 stays together.
  if (!isFromBlock && transaction.version !== TRUC_VERSION && modifiedFee < least) {
    return refuseTransaction("mempool_policy", "min relay fee not met", `${modifiedFee} < ${least}`);
  }
  return entry;
}
