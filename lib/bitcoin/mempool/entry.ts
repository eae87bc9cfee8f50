/**
 * A transaction of the mempool with its place among the others.
 *
 * @see Bitcoin Core `kernel/mempool_entry.h`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { WITNESS_SCALE_FACTOR } from "../chain/transaction-checks.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";
import type { Cluster } from "./cluster.ts";
import type { MempoolEntry } from "./mempool.ts";

const TXID_DIGITS = 64;

/** The name of an outpoint. */
export const outpointName = ({ txid, vout }: OutPoint): string => `${toHex(txid)}:${vout}`;

/** The txid of an outpoint, by its name. */
export const txidOf = (name: string): string => name.slice(0, TXID_DIGITS);

/** What is known of a transaction once its inputs are. */
export interface EntryParts {
  readonly transaction: Transaction;
  /** Names of what it spends. */
  readonly spends: readonly string[];
  readonly fee: number;
  readonly sigOpCost: number;
  /** Weight units that a signature operation counts as at least. */
  readonly weightPerSigOp: number;
  readonly time: number;
  readonly height: number;
  readonly spendsCoinbase: boolean;
  readonly hasRelativeLock: boolean;
}

/** No entries: what most have as parents and as children. */
export const NO_ENTRIES: readonly PoolEntry[] = Object.freeze([]);

/**
 * Memory that an entry takes beside the bytes of its transaction: itself with its place in a cluster; and for each input and
 * output its names, its places in the tables, and the parts of the transaction once somebody has asked for them. As
 * `bench/mempool.ts` measures it, rounded up.
 */
const [ENTRY_BYTES, INPUT_BYTES, OUTPUT_BYTES] = [1_600, 850, 230];

/** An entry. Only the pool changes what is not readonly. */
export class PoolEntry implements MempoolEntry {
  readonly transaction: Transaction;
  /** Hex of the txid and of the wtxid, in wire order. */
  readonly txid: string;
  readonly wtxid: string;
  readonly spends: readonly string[];
  readonly fee: number;
  modifiedFee: number;
  /** Weight units by which its feerate counts. */
  readonly weight: number;
  readonly vsize: number;
  readonly sigOpCost: number;
  readonly time: number;
  readonly height: number;
  readonly spendsCoinbase: boolean;
  /** Whether an input is locked by its sequence number (BIP68). */
  readonly hasRelativeLock: boolean;
  /** Memory that it counts as, in bytes. */
  readonly bytes: number;
  sequence = 0;
  /** Transactions of the mempool whose outputs it spends. */
  parents: readonly PoolEntry[] = NO_ENTRIES;
  /** Those that spend its outputs. */
  children: readonly PoolEntry[] = NO_ENTRIES;
  /** Set while it is in the pool. */
  cluster: Cluster | undefined;

  constructor(parts: EntryParts) {
    const { transaction, spends, fee, sigOpCost, weightPerSigOp } = parts;
    this.transaction = transaction;
    this.txid = toHex(transaction.txid);
    this.wtxid = transaction.hasWitness ? toHex(transaction.wtxid) : this.txid;
    this.spends = spends;
    this.fee = this.modifiedFee = fee;
    this.weight = Math.max(transaction.weight, sigOpCost * weightPerSigOp);
    this.vsize = Math.ceil(this.weight / WITNESS_SCALE_FACTOR);
    this.sigOpCost = sigOpCost;
    this.time = parts.time;
    this.height = parts.height;
    this.spendsCoinbase = parts.spendsCoinbase;
    this.hasRelativeLock = parts.hasRelativeLock;
    this.bytes = transaction.size + ENTRY_BYTES + spends.length * INPUT_BYTES +
      transaction.outputCount * OUTPUT_BYTES;
  }
}

/** All that are reached from some entries by one kind of steps, themselves included. */
function reached(from: Iterable<PoolEntry>, step: (entry: PoolEntry) => readonly PoolEntry[]): Set<PoolEntry> {
  const found = new Set(from);
  // A set is walked over with what is added meanwhile.
  for (const entry of found) for (const next of step(entry)) found.add(next);
  return found;
}

/** Entries with all that they need, in no order. */
export const withAncestors = (entries: Iterable<PoolEntry>): Set<PoolEntry> =>
  reached(entries, ({ parents }) => parents);

/** Entries with all that need them. */
export const withDescendants = (entries: Iterable<PoolEntry>): Set<PoolEntry> =>
  reached(entries, ({ children }) => children);
