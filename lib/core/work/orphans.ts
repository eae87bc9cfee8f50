/**
 * Things whose parent is missing, until it comes. Bounded in number and in bytes, and shared fairly: a peer that fills the
 * pool pushes out its own first.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";

/** Bounds of the pool. */
export interface OrphanLimits {
  readonly countMax: number;
  readonly bytesMax: number;
}

/** What the node allows on each network. */
export const ORPHAN_LIMITS: OrphanLimits = { countMax: 64, bytesMax: 64 * 1024 * 1024 };

/** How the pool sees what it holds. */
export interface OrphanView<T> {
  readonly hash: (item: T) => Uint8Array;
  readonly parent: (item: T) => Uint8Array;
  readonly bytes: (item: T) => number;
  /** Hears of each one that the pool no longer keeps, taken out or dropped. */
  readonly left?: (item: T) => void;
}

/** One that waits, and the host that gave it and answers for it. */
export interface Orphan<T> {
  readonly item: T;
  readonly source: string;
}

/** The pool. Insertion order is age. */
export class OrphanPool<T> {
  readonly #view: OrphanView<T>;
  readonly #limits: OrphanLimits;
  readonly #waiting = new Map<string, Orphan<T>>();
  #bytes = 0;

  constructor(view: OrphanView<T>, limits: OrphanLimits = ORPHAN_LIMITS) {
    this.#view = view;
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(hash: Uint8Array): boolean {
    return this.#waiting.has(toHex(hash));
  }

  /** Keeps what `source` (a host) gave. False when it is larger than the whole pool, or had to go again at once. */
  add(item: T, source: string): boolean {
    const key = toHex(this.#view.hash(item));
    const bytes = this.#view.bytes(item);
    if (bytes > this.#limits.bytesMax) return false;
    if (this.#waiting.has(key)) return true;
    this.#waiting.set(key, { item, source });
    this.#bytes += bytes;
    while (this.#waiting.size > this.#limits.countMax || this.#bytes > this.#limits.bytesMax) this.#evict();
    return this.#waiting.has(key);
  }

  /** Takes out those whose parent is `hash`. */
  takeChildren(hash: Uint8Array): Orphan<T>[] {
    const parent = toHex(hash);
    const children: Orphan<T>[] = [];
    for (const [key, orphan] of this.#waiting) {
      if (toHex(this.#view.parent(orphan.item)) !== parent) continue;
      this.#delete(key);
      children.push(orphan);
    }
    return children;
  }

  /** Forgets one. */
  drop(hash: Uint8Array): void {
    this.#delete(toHex(hash));
  }

  /** Forgets what a host gave. */
  dropSource(source: string): void {
    for (const [key, waiting] of this.#waiting) if (waiting.source === source) this.#delete(key);
  }

  #evict(): void {
    const byteShare = new Map<string, number>();
    for (const { source, item } of this.#waiting.values()) {
      byteShare.set(source, (byteShare.get(source) ?? 0) + this.#view.bytes(item));
    }
    const greediest = [...byteShare].reduce((most, entry) => (entry[1] > most[1] ? entry : most), ["", -1]);
    for (const [key, { source }] of this.#waiting) {
      if (source === greediest[0]) return this.#delete(key);
    }
  }

  #delete(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#bytes -= this.#view.bytes(waiting.item);
    this.#waiting.delete(key);
    this.#view.left?.(waiting.item);
  }
}
