/**
 * What is kept for the relay of transactions, on the accounts of the peers that made us keep it.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import type { Transaction } from "../types/transaction.ts";

/** Changes of less are not booked. */
const STEP_BYTES = 16 * 1024;
/** What an orphan takes beside its bytes, and each of its inputs in our indexes: estimates, rather high. */
const ORPHAN_BYTES = 2_048;
const ORPHAN_INPUT_BYTES = 512;

/** What one peer has on its account. */
interface Held {
  bytes: number;
  release: () => void;
}

/** The accounts. */
export class RelayHoldings {
  readonly #peers = new Map<number, Held>();
  readonly #orphans = new Map<string, () => void>();

  /** Books what is kept of a peer's announcements. `letGo` drops it: the peer is ended then. */
  set(peer: BitcoinPeer, bytes: number, letGo: () => void): void {
    const held = this.#peers.get(peer.id);
    if (Math.abs(bytes - (held?.bytes ?? 0)) < STEP_BYTES) return;
    held?.release();
    this.#peers.set(peer.id, { bytes, release: peer.session.hold(bytes, letGo) });
  }

  /** A peer has gone, and what was kept of its announcements. */
  left(id: number): void {
    this.#peers.get(id)?.release();
    this.#peers.delete(id);
  }

  /** Books an orphan on the account of the peer that gave it, which may go before the orphan does. */
  keeps(peer: BitcoinPeer, orphan: Transaction, letGo: () => void): void {
    const key = toHex(orphan.wtxid);
    if (this.#orphans.has(key)) return;
    const bytes = orphan.size + ORPHAN_BYTES + orphan.inputCount * ORPHAN_INPUT_BYTES;
    this.#orphans.set(key, peer.session.hold(bytes, letGo));
  }

  /** An orphan is kept no longer. */
  dropped(wtxid: string): void {
    this.#orphans.get(wtxid)?.();
    this.#orphans.delete(wtxid);
  }
}
