/** A mempool that judges as a test says, and peers that note what they are sent. */
import type {
  MempoolEntry,
  MempoolListener,
  PackageVerdict,
  RemovalReason,
  TransactionVerdict,
} from "../../../lib/bitcoin/mempool/mempool.ts";
import { refuseTransaction, type TransactionResult } from "../../../lib/bitcoin/mempool/verdict.ts";
import { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import type { BitcoinSession } from "../../../lib/bitcoin/peers/session.ts";
import type { TransactionRelayParts } from "../../../lib/bitcoin/relay/relay.ts";
import { type Inventory, InventoryBatch, InvType } from "../../../lib/bitcoin/types/inventory.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { GetData, Inv } from "../../../lib/bitcoin/wire/inventory.ts";
import type { Message } from "../../../lib/bitcoin/wire/message.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import type { Permission } from "../../../lib/core/peers/permissions.ts";
import type { PeerKind } from "../../../lib/core/peers/peer.ts";

type TransactionRelayMempool = TransactionRelayParts["mempool"];

const key = (transaction: Transaction) => toHex(transaction.txid);

/** A mempool without rules: what is refused, and what pays how much, the test says. */
export class PretendMempool implements TransactionRelayMempool {
  readonly #entries = new Map<string, MempoolEntry>();
  readonly #listeners = new Set<MempoolListener>();
  /** Why a transaction is refused, by its txid. */
  readonly #refused = new Map<string, TransactionResult>();
  readonly #fees = new Map<string, number>();
  /** Transactions in the order in which they were judged. */
  readonly judged: Transaction[] = [];
  /** Called before each verdict. */
  before: (transaction: Transaction) => Promise<void> = () => Promise.resolve();
  minimumFeeRate = 100;
  sequence = 1;
  /** Packages that were judged. */
  packages: (readonly Transaction[])[] = [];

  get size(): number {
    return this.#entries.size;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  refuse(transaction: Transaction, result: TransactionResult | undefined): void {
    if (result === undefined) this.#refused.delete(key(transaction));
    else this.#refused.set(key(transaction), result);
  }

  /** What it pays; 1000 unless told. */
  pays(transaction: Transaction, fee: number): void {
    this.#fees.set(key(transaction), fee);
  }

  get(txid: Uint8Array): MempoolEntry | undefined {
    return this.#entries.get(toHex(txid));
  }

  getByWtxid(wtxid: Uint8Array): MempoolEntry | undefined {
    return [...this.#entries.values()].find(({ transaction }) => toHex(transaction.wtxid) === toHex(wtxid));
  }

  byMiningScore(txids?: readonly Uint8Array[]): readonly MempoolEntry[] {
    const chosen = txids?.flatMap((txid) => this.get(txid) ?? []) ?? [...this.#entries.values()];
    return chosen.sort((a, b) => b.fee / b.vsize - a.fee / a.vsize || a.sequence - b.sequence);
  }

  async accept(transaction: Transaction): Promise<TransactionVerdict> {
    await this.before(transaction);
    this.judged.push(transaction);
    const known = this.get(transaction.txid);
    if (known !== undefined) return { ok: "known", entry: known };
    const result = this.#refused.get(key(transaction));
    if (result !== undefined) return refuseTransaction(result, result);
    return { ok: true, entry: this.add(transaction), replaced: [], effectiveFeeRate: 1_000, effectiveIncludes: [] };
  }

  async acceptPackage(transactions: readonly Transaction[]): Promise<PackageVerdict> {
    this.packages.push(transactions);
    const verdicts: TransactionVerdict[] = [];
    const isReconsidered = (each: Transaction) => {
      const result = this.#refused.get(key(each));
      return result === undefined || result === "reconsiderable" || result === "missing_inputs";
    };
    if (!transactions.every(isReconsidered)) {
      for (const each of transactions) verdicts.push(await this.accept(each));
      return { refusal: refuseTransaction("mempool_policy", "transaction failed"), verdicts };
    }
    for (const each of transactions) {
      this.refuse(each, undefined);
      verdicts.push(await this.accept(each));
    }
    return { verdicts };
  }

  listen(listener: MempoolListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Takes a transaction in. */
  add(transaction: Transaction): MempoolEntry {
    const fee = this.#fees.get(key(transaction)) ?? 1_000;
    const entry: MempoolEntry = {
      ...{
        transaction,
        fee,
        modifiedFee: fee,
        vsize: transaction.vsize,
        weight: transaction.weight,
        sequence: this.sequence++,
      },
      ...{ sigOpCost: 0, time: 0, height: 0, spendsCoinbase: false },
    };
    this.#entries.set(key(transaction), entry);
    for (const { added } of this.#listeners) added?.(entry, entry.sequence);
    return entry;
  }

  /** Takes a transaction out. */
  remove(transaction: Transaction, reason: RemovalReason = "expiry"): void {
    const entry = this.get(transaction.txid);
    if (entry === undefined) return;
    this.#entries.delete(key(transaction));
    for (const { removed } of this.#listeners) removed?.(entry, reason, undefined, this.sequence++);
  }
}

/** What a peer is like. */
export interface PretendPeer {
  readonly kind?: PeerKind;
  readonly relay?: boolean;
  readonly wtxidRelay?: boolean;
  readonly permissions?: readonly Permission[];
  /** Our address that it came to. */
  readonly localHost?: string;
}

/** A message that was sent to a peer. */
export interface Posted {
  readonly type: string;
  readonly body: unknown;
}

let peers = 0;

/** A peer, what was sent to it, and what is on its account. */
export class Pretended {
  readonly posted: Posted[] = [];
  readonly held = new Map<() => void, number>();
  readonly peer: BitcoinPeer;
  readonly #ended = new AbortController();

  constructor({ kind = "outbound", relay = true, wtxidRelay = true, permissions = [], localHost }: PretendPeer = {}) {
    const local = { host: localHost ?? "10.0.0.9", port: 8333 };
    const session = {
      peer: { services: 9n, relay, wtxidRelay, commonVersion: 70_016 },
      remote: { host: `10.0.1.${++peers}`, port: 1 },
      link: { duplex: { local } },
      signal: this.#ended.signal,
      post: ({ type }: Message<string, unknown>, body: unknown) => void this.posted.push({ type, body }),
      hold: (bytes: number, letGo: () => void) => {
        const one = () => letGo();
        this.held.set(one, bytes);
        return () => void this.held.delete(one);
      },
    } as unknown as BitcoinSession;
    this.peer = new BitcoinPeer({ id: peers, kind, session, since: 0, permissions });
  }

  get heldBytes(): number {
    return [...this.held.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Hashes that it was sent in messages of a type, since this was asked last. */
  #taken(type: string): Inventory[] {
    const found = this.posted.filter((each) => each.type === type);
    for (const each of found) this.posted.splice(this.posted.indexOf(each), 1);
    return found.flatMap(({ body }) => (body as { readonly inventory: Inventory[] }).inventory);
  }

  /** What it was told of since this was asked last. */
  told(): string[] {
    return this.#taken(Inv.type).map(({ hash }) => toHex(hash));
  }

  /** What it was asked for since this was asked last, as `type hash`. */
  asked(): string[] {
    return this.#taken(GetData.type).map(({ type, hash }) => `${type} ${toHex(hash)}`);
  }
}

/** As a peer is asked for a transaction. */
export const askedWtx = (transaction: Transaction) => `${InvType.WTX} ${toHex(transaction.wtxid)}`;
/** As a peer is asked for a parent. */
export const askedTxid = (txid: Uint8Array) => `${InvType.WITNESS_TX} ${toHex(txid)}`;

/** An `inv` as it arrives. */
export function batch(entries: readonly Inventory[]): InventoryBatch {
  return InventoryBatch.fromPayload(Inv.encode({ inventory: entries }));
}

/** An `inv` of transactions by wtxid. */
export const wtxids = (...transactions: readonly Transaction[]): InventoryBatch =>
  batch(transactions.map(({ wtxid }) => ({ type: InvType.WTX, hash: wtxid })));
