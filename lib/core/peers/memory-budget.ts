/**
 * How much memory all peers together may hold: half of a message that has come, messages that wait to be handled, answers
 * that wait to be read, and what was handed over and waits for its turn. Each connection is bounded by itself; this bounds
 * their sum. When it is passed, the connection that holds most is ended, those that dialled us before those that we chose,
 * and what it handed over is dropped: the node sheds peers before it runs out.
 *
 * What is held weighs more the longer it does not move. A peer that delivers a long block holds much for a moment; one that
 * begins a message and falls silent holds less, but for ever. How quick a line is beyond a fair one does not count: a
 * stranger's may be quicker than an honest peer's. What the node waits for weighs less than what nobody asked for.
 *
 * @module
 */
import { NodeError } from "../errors.ts";
import type { Clock } from "../ports.ts";

/** What peers may hold together unless it is said otherwise. */
export const PEER_MEMORY_BYTES = 192 * 1024 * 1024;

const COLLECT_EVERY_MS = 2_000;
/** So much that nobody holds any more is worth an earlier collection. */
const COLLECT_BYTES = 12 * 1024 * 1024;
/** How old what is held has to be until its bytes weigh twice as much, beyond the time that a fair line takes for them. */
const AGE_MS = 1_000;
/** What a line brings that is no burden, in bytes a millisecond: a megabit a second. */
const FAIR_BYTES_PER_MS = 125;
/** What is awaited weighs so many times less. Not nothing: who makes itself awaited must not push others out. */
const AWAITED_SHARE = 8;

/** What a connection may be: for whom it is, and how it is ended. */
export interface Holder {
  readonly isInbound: boolean;
  /** Its owner, for the rules of the simulated world: host and port with a space between. */
  readonly name?: string;
  /** Ends the connection; what it holds is counted as given back from then on. */
  readonly end: (error: NodeError) => void;
  /** Whether the node waits for something that it asked of this connection. */
  readonly isAwaited?: () => boolean;
}

/** What is held: bytes that came and are no message yet, messages in work, and bytes that are to go. */
export type MemoryUse = "in" | "work" | "out";

/** The part of one connection. */
export interface MemoryAccount {
  /** Sets what one use of it holds now, in bytes of memory. */
  set(use: MemoryUse, bytes: number): void;
  /**
   * Counts what the peer handed over and what waits for its turn, also after the connection is gone, until the returned
   * function is called. When the memory is needed, `letGo` is called, once: nothing may keep what waits after that.
   */
  hold(bytes: number, letGo: () => void): () => void;
  /** The connection is gone. What it handed over may still wait. */
  close(): void;
}

/** One account as it is now. */
export interface AccountGlance {
  readonly name: string;
  readonly isInbound: boolean;
  readonly held: Readonly<Record<MemoryUse, number>>;
  /** Bytes of what was handed over and waits. */
  readonly waiting: number;
  /** False when the connection is gone, and only what it handed over is left. */
  readonly isOpen: boolean;
}

class Entry implements AccountGlance {
  readonly name: string;
  readonly isInbound: boolean;
  readonly holder: Holder;
  readonly held = { in: 0, work: 0, out: 0 };
  /** Of what is {@link held}. */
  sum = 0;
  waiting = 0;
  isOpen = true;
  /** What drops each thing that waits, and its bytes. */
  readonly #drops = new Map<() => void, number>();
  /** The most that it held since {@link Entry.since}, and since when: half of it was not given back since then. */
  #most = 0;
  #since = 0;

  constructor(holder: Holder) {
    this.holder = holder;
    this.name = holder.name ?? "";
    this.isInbound = holder.isInbound;
  }

  set(use: MemoryUse, bytes: number, now: () => number): number {
    const more = bytes - this.held[use];
    this.held[use] = bytes;
    this.sum += more;
    if (this.sum * 2 <= this.#most || this.#most === 0) {
      this.#most = this.sum;
      if (this.sum > 0) this.#since = now();
    } else if (this.sum > this.#most) this.#most = this.sum;
    return more;
  }

  /** Notes what waits; the function that is given takes it off again and returns whether it was there. */
  hold(bytes: number, letGo: () => void): () => boolean {
    // A function of its own for each, whatever is given: it is the key.
    const drop = () => letGo();
    this.#drops.set(drop, bytes);
    this.waiting += bytes;
    return () => {
      if (!this.#drops.delete(drop)) return false;
      this.waiting -= bytes;
      return true;
    };
  }

  /** Takes everything off that waits; what is returned drops it. */
  empty(): () => void {
    const drops = [...this.#drops.keys()];
    this.#drops.clear();
    this.waiting = 0;
    return () => {
      for (const drop of drops) drop();
    };
  }

  /**
   * Bytes, the more the longer they have not moved, and less when they may be what the node waits for. What was handed
   * over does not age: that it has to wait is the doing of others.
   */
  weight(now: number): number {
    const lateMs = Math.max(0, now - this.#since - this.sum / FAIR_BYTES_PER_MS);
    const ageing = this.sum * (1 + lateMs / AGE_MS) + this.waiting;
    return this.holder.isAwaited?.() === true ? ageing / AWAITED_SHARE : ageing;
  }
}

/** The sum, and who is part of it. */
export class MemoryBudget {
  readonly #clock: Clock;
  readonly #bytesMax: number;
  readonly #entries = new Set<Entry>();
  readonly #now = (): number => this.#clock.monotonic();
  readonly #collect: () => void;
  #used = 0;
  #charged = 0;
  #collectAfter = -Infinity;
  /** Bytes of connections that were ended since then. */
  #freed = 0;

  /** @param collect has the runtime give back what nobody holds any more, which may take it a few milliseconds */
  constructor(clock: Clock, bytesMax: number = PEER_MEMORY_BYTES, collect: () => void = () => {}) {
    this.#clock = clock;
    this.#bytesMax = bytesMax;
    this.#collect = collect;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** What all connections hold now, and what is {@link charged}. */
  get used(): number {
    return this.#used;
  }

  /** What {@link charge} counts. */
  get charged(): number {
    return this.#charged;
  }

  /** The accounts of all connections that are open, or that left something that waits. */
  get accounts(): Iterable<AccountGlance> {
    return this.#entries;
  }

  /** Opens the account of a connection. */
  open(holder: Holder): MemoryAccount {
    const entry = new Entry(holder);
    this.#entries.add(entry);
    return {
      set: (use, bytes) => {
        if (bytes === entry.held[use] || !entry.isOpen) return;
        this.#used += entry.set(use, bytes, this.#now);
        this.#fit();
      },
      hold: (bytes, letGo) => this.#hold(entry, bytes, letGo),
      close: () => this.#close(entry),
    };
  }

  /**
   * Counts what no connection's end gives back, such as blocks that were judged and wait for the disk, until the returned
   * function is called. It must be bounded by itself, and well below the budget: others are ended to make room for it.
   */
  charge(bytes: number): () => void {
    this.#used += bytes;
    this.#charged += bytes;
    this.#fit();
    let isCharged = true;
    return () => {
      if (!isCharged) return;
      isCharged = false;
      this.#used -= bytes;
      this.#charged -= bytes;
    };
  }

  #hold(entry: Entry, bytes: number, letGo: () => void): () => void {
    const release = entry.hold(bytes, letGo);
    this.#entries.add(entry);
    this.#used += bytes;
    this.#fit();
    return () => {
      if (!release()) return;
      this.#used -= bytes;
      this.#forget(entry);
    };
  }

  #close(entry: Entry): void {
    if (!entry.isOpen) return;
    entry.isOpen = false;
    this.#used -= entry.sum;
    entry.held.in =
      entry.held.work =
      entry.held.out =
      entry.sum =
        0;
    this.#forget(entry);
  }

  /** An account is kept for an open connection, and for what waits. */
  #forget(entry: Entry): void {
    if (!entry.isOpen && entry.waiting === 0) this.#entries.delete(entry);
  }

  #fit(): void {
    while (this.#used > this.#bytesMax && this.#shed());
  }

  #shed(): boolean {
    const holding = [...this.#entries].filter(({ sum, waiting }) => sum + waiting > 0);
    const inbound = holding.filter(({ isInbound }) => isInbound);
    const now = this.#now();
    const worst = (inbound.length > 0 ? inbound : holding).reduce<Entry | undefined>(
      (most, entry) => (most && most.weight(now) >= entry.weight(now) ? most : entry),
      undefined,
    );
    if (worst === undefined) return false;
    const { isOpen } = worst;
    const freed = worst.sum + worst.waiting;
    const text = `held ${freed} of the ${this.#bytesMax} bytes that all peers may hold`;
    this.#used -= worst.waiting;
    const drop = worst.empty();
    this.#close(worst);
    this.#forget(worst);
    drop();
    if (isOpen) worst.holder.end(new NodeError("memory_budget", "self", text));
    this.#freed += freed;
    if (now >= this.#collectAfter || this.#freed >= COLLECT_BYTES) {
      this.#collectAfter = now + COLLECT_EVERY_MS;
      this.#freed = 0;
      this.#collect();
    }
    return true;
  }
}
