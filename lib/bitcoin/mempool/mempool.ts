/**
 * The mempool: transactions that are valid after the tip, wait for a block, and are relayed.
 *
 * @see Bitcoin Core `txmempool.h`, `validation.cpp` (MemPoolAccept)
 * @module
 */
import type { OutPoint } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";
import type { MempoolPolicy } from "./policy.ts";
import type { TransactionRefusal } from "./verdict.ts";

/** A transaction of the mempool. Money in satoshi, as numbers: exact, as no sum of it is above 2^53. */
export interface MempoolEntry {
  /** Over bytes of its own. */
  readonly transaction: Transaction;
  /** Grows with each transaction that enters or is dropped, from the start of the process on; 0 of one that a block had that was taken back. */
  readonly sequence: number;
  readonly fee: number;
  /** The fee and what `prioritisetransaction` added to it. */
  readonly modifiedFee: number;
  /** Virtual bytes by which its feerate counts: of its weight, or of its signature operations where these are more. */
  readonly vsize: number;
  /** Weight units by which its feerate counts; a quarter of it, rounded up, is {@link vsize}. */
  readonly weight: number;
  readonly sigOpCost: number;
  /** When it entered: unix seconds. */
  readonly time: number;
  /** The height of the tip when it entered. */
  readonly height: number;
  /** Whether an output that it spends is a coinbase's. */
  readonly spendsCoinbase: boolean;
}

/** Why a transaction leaves the mempool; Core's MemPoolRemovalReason. */
export type RemovalReason = "expiry" | "sizelimit" | "reorg" | "block" | "conflict" | "replaced";

/** What is told of the mempool, as it happens and in its order. */
export interface MempoolListener {
  /** @param sequence the number of this change among those of the mempool; also of one that a block had which was taken back */
  added?(entry: MempoolEntry, sequence: number): void;
  /**
   * @param blockRow the block that has it, or that spends what it spends, for `block` and `conflict`
   * @param sequence the number of this change among those of the mempool
   */
  removed?(entry: MempoolEntry, reason: RemovalReason, blockRow: number | undefined, sequence: number): void;
}

/** A transaction that entered, or would have. */
export interface Accepted {
  readonly ok: true;
  readonly entry: MempoolEntry;
  /** What it replaced. */
  readonly replaced: readonly MempoolEntry[];
  /** Satoshi for 1000 virtual bytes: its own, or that of the package in which it passed. */
  readonly effectiveFeeRate: number;
  /** The wtxids of the transactions that the rate is of. */
  readonly effectiveIncludes: readonly Uint8Array[];
}

/** What became of a transaction. `ok: "known"`: it was there before, with this witness or another. */
export type TransactionVerdict = Accepted | TransactionRefusal | { readonly ok: "known"; readonly entry: MempoolEntry };

/** What became of a package: of each of its transactions, by its place; and of the whole, where that was refused. */
export interface PackageVerdict {
  readonly refusal?: TransactionRefusal;
  /** Undefined for a transaction that was not judged, since the package was refused. */
  readonly verdicts: readonly (TransactionVerdict | undefined)[];
}

/** What a mempool comes to. */
export interface MempoolFigures {
  /** Memory that counts against the limit, in bytes. */
  readonly bytes: number;
  /** The virtual bytes of all transactions. */
  readonly vsize: number;
  /** What all of them pay, in satoshi. */
  readonly fees: number;
}

/** The transactions that a transaction hangs together with. */
export interface Relatives {
  readonly parents: readonly MempoolEntry[];
  readonly children: readonly MempoolEntry[];
  /** All that it needs, in no order, without itself. */
  readonly ancestors: readonly MempoolEntry[];
  /** All that need it, in no order, without itself. */
  readonly descendants: readonly MempoolEntry[];
  /** What goes into a block together with it, itself included, in that order, with what it pays and weighs together. */
  readonly chunk: MempoolChunk;
  /** The chunks of all that hang together with it, the best first. */
  readonly cluster: readonly MempoolChunk[];
}

/** Transactions that go into a block together. */
export interface MempoolChunk {
  readonly entries: readonly MempoolEntry[];
  /** Modified fees, in satoshi. */
  readonly fee: number;
  /** Weight units, or more for signature operations. */
  readonly weight: number;
}

/** How a package is judged where it is not as usual. */
export interface PackageOptions {
  /** What pays more than this by itself is refused, in satoshi for 1000 virtual bytes. */
  readonly feeRateMax?: number | undefined;
}

/** The mempool. Ids are in wire order. */
export interface Mempool {
  /** How many transactions it has. */
  readonly size: number;
  /** Satoshi for 1000 virtual bytes: what has to be paid now to enter, and never below the relay minimum. */
  readonly minimumFeeRate: number;
  /** The sequence number that the next change gets. */
  readonly sequence: number;
  get(txid: Uint8Array): MempoolEntry | undefined;
  getByWtxid(wtxid: Uint8Array): MempoolEntry | undefined;
  /** The transaction that spends an output. */
  spenderOf(outpoint: OutPoint): MempoolEntry | undefined;
  /** All of it; nothing is added or taken while it is walked over. */
  entries(): Iterable<MempoolEntry>;
  /** Those that a block should have first come first (by the feerates of chunks, parents before children): `undefined` for all. */
  byMiningScore(txids?: readonly Uint8Array[]): readonly MempoolEntry[];
  /** What goes into blocks together, the best first. */
  chunks(): readonly MempoolChunk[];
  /** Resolves when what a reorganisation has left is judged. @throws the signal's reason */
  settled(signal?: AbortSignal): Promise<void>;
  /** Judges a transaction and takes it, after those that wait to be judged. The signal ends the wait, not what is waited for. */
  accept(transaction: Transaction, signal?: AbortSignal): Promise<TransactionVerdict>;
  /**
   * Judges parents and a child together, in this order: each by itself, and then what paid too little by what they pay together.
   * @see Bitcoin Core `policy/packages.h`, `validation.cpp` (AcceptPackage)
   */
  acceptPackage(
    transactions: readonly Transaction[],
    signal?: AbortSignal,
    options?: PackageOptions,
  ): Promise<PackageVerdict>;
  /**
   * Judges a transaction, or several that may spend each other's outputs, as if they were to enter, and takes none. What is here
   * already is refused. @see Bitcoin Core `rpc/mempool.cpp` (testmempoolaccept)
   */
  test(transactions: readonly Transaction[], signal?: AbortSignal): Promise<PackageVerdict>;
  /** What a transaction hangs together with; undefined when it is not here. */
  relativesOf(txid: Uint8Array): Relatives | undefined;
  readonly figures: MempoolFigures;
  /** Whether its order is known to be one than which none is better. Orders are made when they are asked for. */
  readonly isOptimal: boolean;
  /** What was added to fees by {@link prioritise}, by the txid in hex; also of transactions that are not here. */
  readonly deltas: ReadonlyMap<string, number>;
  /** The settings by which it judges. */
  readonly policy: MempoolPolicy;
  /** Adds satoshi to what a transaction counts as having paid, whether it is here or not. */
  prioritise(txid: Uint8Array, delta: number): void;
  /** Hears what happens until the listener is taken off by what this gives. */
  listen(listener: MempoolListener): () => void;
}
