/**
 * Events of single transactions, for those who listen: `bitcoin.mempool`, as Core's ZMQ topic `sequence` has them, and
 * `bitcoin.tx`, as `hashtx` and `rawtx` do. They are not kept.
 *
 * @see Bitcoin Core `zmq/zmqpublishnotifier.cpp`
 * @module
 */
import { toHex } from "../codec/hex.ts";
import type { Clock } from "../core/ports.ts";
import type { LiveEvents } from "../core/events/live.ts";
import type { EventData, LiveNodeEvent } from "../storage/events.ts";
import type { ConnectedBlock, KnownBlock } from "./chain/chain.ts";
import { toDisplayHex } from "./hash.ts";
import type { HeaderChain } from "./headers/header-chain.ts";
import type { TxMempool } from "./mempool/mod.ts";
import type { Transaction } from "./types/transaction.ts";

/** The topics, by their whole names. */
const MEMPOOL = "bitcoin.mempool";
const TX = "bitcoin.tx";
/** Bytes of an event beside the transaction. */
const EVENT_BYTES = 300;

/** What the events are of. */
export interface TransactionEventsParts {
  readonly clock: Clock;
  readonly network: { readonly name: string };
  readonly headers: HeaderChain;
  readonly mempool: TxMempool | undefined;
  readonly live: LiveEvents<LiveNodeEvent>;
  /** While blocks are behind, nothing is told of those that are old. */
  readonly initialBlockDownload: () => boolean;
}

/** Tells of transactions. */
export class TransactionEvents {
  readonly #parts: TransactionEventsParts;
  readonly #off: (() => void) | undefined;

  constructor(parts: TransactionEventsParts) {
    this.#parts = parts;
    this.#off = parts.mempool?.listen({
      added: ({ transaction }, sequence) => {
        this.#change("added", toDisplayHex(transaction.txid), { mempool_sequence: sequence });
        this.#transaction(transaction, "mempool");
      },
      removed: ({ transaction }, reason, _row, sequence) => {
        // The block tells of its own.
        if (reason === "block") return;
        this.#change("removed", toDisplayHex(transaction.txid), { mempool_sequence: sequence, reason });
      },
    });
  }

  /** A block was connected. */
  connected({ row, block }: ConnectedBlock): void {
    const { headers, live, initialBlockDownload } = this.#parts;
    if (initialBlockDownload()) return;
    if (live.wants(TX)) {
      for (const transaction of block?.transactions ?? []) {
        this.#transaction(transaction, "block");
      }
    }
    this.#change("block_connected", toDisplayHex(headers.hash(row)));
  }

  /** A block was taken back. */
  disconnected({ row, block }: KnownBlock): void {
    const { headers, live } = this.#parts;
    if (live.wants(TX)) { for (const transaction of block.transactions) this.#transaction(transaction, "block_left"); }
    this.#change("block_disconnected", toDisplayHex(headers.hash(row)));
  }

  /** Tells of nothing more. */
  close(): void {
    this.#off?.();
  }

  #change(event: string, hash: string, more: EventData = {}): void {
    if (!this.#parts.live.wants(MEMPOOL)) return;
    this.#emit(MEMPOOL, { event, hash, ...more }, EVENT_BYTES);
  }

  #transaction(transaction: Transaction, where: "mempool" | "block" | "block_left"): void {
    if (!this.#parts.live.wants(TX)) return;
    const { txid, wtxid, raw } = transaction;
    const data = { txid: toDisplayHex(txid), wtxid: toDisplayHex(wtxid), in: where, hex: toHex(raw) };
    this.#emit(TX, data, EVENT_BYTES + data.hex.length);
  }

  #emit(topic: string, data: EventData, bytes: number): void {
    const { clock, network, live } = this.#parts;
    live.emit({ topic, time: clock.now(), chain: "bitcoin", network: network.name, data, bytes });
  }
}
