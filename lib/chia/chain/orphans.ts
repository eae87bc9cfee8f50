/**
 * Blocks whose parent is missing, until it comes. Bounded in number and in bytes, and shared fairly: a peer that fills the
 * pool pushes out its own blocks first.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Candidate } from "./verdict.ts";

/** Bounds of the pool. */
export interface OrphanLimits {
  readonly blocksMax: number;
  readonly bytesMax: number;
}

/** What the node allows. */
export const ORPHAN_LIMITS: OrphanLimits = { blocksMax: 64, bytesMax: 64 * 1024 * 1024 };

/** A block that waits, and the host that gave it and answers for it. */
export interface Orphan {
  readonly candidate: Candidate;
  readonly source: string;
}

/** The pool. Insertion order is age. */
export class OrphanPool {
  readonly #limits: OrphanLimits;
  readonly #waiting = new Map<string, Orphan>();
  #bytes = 0;

  constructor(limits: OrphanLimits = ORPHAN_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(headerHash: Uint8Array): boolean {
    return this.#waiting.has(toHex(headerHash));
  }

  /** Keeps a block that `source` (a host) gave. False when it is larger than the whole pool. */
  add(candidate: Candidate, source: string): boolean {
    const key = toHex(candidate.headerHash);
    if (candidate.raw.length > this.#limits.bytesMax) return false;
    if (this.#waiting.has(key)) return true;
    this.#waiting.set(key, { candidate, source });
    this.#bytes += candidate.raw.length;
    while (this.#waiting.size > this.#limits.blocksMax || this.#bytes > this.#limits.bytesMax) this.#evict();
    return this.#waiting.has(key);
  }

  /** Takes out the blocks that follow `headerHash`. */
  takeChildren(headerHash: Uint8Array): Orphan[] {
    const parent = toHex(headerHash);
    const children: Orphan[] = [];
    for (const [key, orphan] of this.#waiting) {
      if (toHex(orphan.candidate.block.foliage.prevBlockHash) !== parent) continue;
      this.#delete(key);
      children.push(orphan);
    }
    return children;
  }

  /** Forgets what a peer gave. */
  dropSource(source: string): void {
    for (const [key, waiting] of this.#waiting) if (waiting.source === source) this.#delete(key);
  }

  #evict(): void {
    const byteShare = new Map<string, number>();
    for (const { source, candidate } of this.#waiting.values()) {
      byteShare.set(source, (byteShare.get(source) ?? 0) + candidate.raw.length);
    }
    const greediest = [...byteShare].reduce((most, entry) => (entry[1] > most[1] ? entry : most), ["", -1]);
    for (const [key, { source }] of this.#waiting) {
      if (source === greediest[0]) return this.#delete(key);
    }
  }

  #delete(key: string): void {
    this.#bytes -= this.#waiting.get(key)?.candidate.raw.length ?? 0;
    this.#waiting.delete(key);
  }
}
