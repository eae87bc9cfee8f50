/**
 * The connections of one database: so many at most, opened when they are asked for, with pauses between attempts while the
 * server is away.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { away, isAway, postgresError } from "./postgres-errors.ts";
import { type LinkLimits, PostgresLink } from "./postgres-link.ts";
import type { PostgresTarget } from "./postgres-target.ts";

/** How many connections, and how long things may take. */
export interface PoolOptions {
  /** Connections at most; 4 by default, 2 at least: one changes, the others ask. */
  readonly connectionsMax?: number;
  /** Time to connect and log in; 10,000 by default. */
  readonly connectTimeoutMs?: number;
  /** Time of one statement; 60,000 by default. */
  readonly statementTimeoutMs?: number;
  /** Bytes of one answer, as the server writes it: twice those of the values, where they are bytes. 512 MiB by default. */
  readonly answerBytesMax?: number;
  /** The server ends a statement that takes too long; this much later the connection is given up. 5,000 by default. */
  readonly graceMs?: number;
  /** How long the server waits for who is in the middle of a transaction; 60,000 by default. */
  readonly abandonedMs?: number;
  /** Nothing is changed: the server refuses it. */
  readonly readOnly?: boolean;
}

/** Connections of their own that callers may have at once, beside those of the pool. */
const ALONE_MAX = 8;
/** Callers that may wait for a connection. */
const WAITING_MAX = 4_096;
/** The pause after the first attempt that failed; it doubles up to the greatest. */
const PAUSE_MS = 100;
const PAUSE_MAX_MS = 5_000;

/** Connections, and who waits for one. */
export class PostgresPool {
  readonly #target: PostgresTarget;
  readonly #limits: LinkLimits;
  readonly #connectionsMax: number;
  readonly #idle: PostgresLink[] = [];
  readonly #waiting: (() => void)[] = [];
  /** Connections that are open or being opened. */
  #count = 0;
  /** Connections of {@link PostgresPool.alone}. */
  #alone = 0;
  #failures = 0;
  /** Before this no attempt is made; as `performance.now()` counts. */
  #notBefore = 0;
  #isClosed = false;
  #past = 0;
  readonly #links = new Set<PostgresLink>();

  constructor(target: PostgresTarget, options: PoolOptions = {}) {
    this.#target = target;
    this.#connectionsMax = Math.max(2, options.connectionsMax ?? 4);
    this.#limits = {
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      statementTimeoutMs: options.statementTimeoutMs ?? 60_000,
      answerBytesMax: options.answerBytesMax ?? 512 * 1024 * 1024,
      graceMs: options.graceMs ?? 5_000,
      abandonedMs: options.abandonedMs ?? 60_000,
      readOnly: options.readOnly ?? false,
    };
  }

  /** Round trips over all connections so far. */
  get roundTrips(): number {
    let sum = this.#past;
    for (const link of this.#links) sum += link.roundTrips;
    return sum;
  }

  /** Asks something that changes nothing: over another connection when the first was lost while nobody used it. */
  async use<T>(ask: (link: PostgresLink) => Promise<T>): Promise<T> {
    let answer: T;
    const link = await this.take(async (each) => void (answer = await ask(each)));
    this.give(link);
    return answer!;
  }

  /**
   * Opens a connection for one caller alone, who may need it for hours, and ends it after that.
   * @throws NodeError `DATABASE_CROWDED` when there are too many of them
   */
  async alone<T>(work: (link: PostgresLink) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new TypeError("the database is closed");
    if (this.#alone >= ALONE_MAX) {
      const advice = "is being read by too many that each take long; wait for one of them";
      throw postgresError(["DATABASE_CROWDED", "self", advice], this.#target);
    }
    this.#alone++;
    let link: PostgresLink | undefined;
    try {
      link = await PostgresLink.open(this.#target, this.#limits);
      this.#links.add(link);
      return await work(link);
    } finally {
      this.#alone--;
      if (link !== undefined) {
        this.#links.delete(link);
        this.#past += link.roundTrips;
        await link.end();
      }
    }
  }

  /** Takes a connection and begins with it; give it back by {@link give}. A beginning may be tried over another one. */
  async take(begin: (link: PostgresLink) => Promise<unknown>): Promise<PostgresLink> {
    for (;;) {
      const link = await this.#get();
      const isOld = link.isUsed;
      link.isUsed = true;
      try {
        await begin(link);
        return link;
      } catch (thrown) {
        this.give(link);
        if (!isOld || !isAway(thrown)) throw thrown;
      }
    }
  }

  /** Gives a connection back; one that is lost makes room for another. */
  give(link: PostgresLink): void {
    if (link.isLost || this.#isClosed) this.#drop(link);
    else this.#idle.push(link);
    this.#waiting.shift()?.();
  }

  #drop(link: PostgresLink): void {
    link.destroy();
    if (!this.#links.delete(link)) return;
    this.#past += link.roundTrips;
    this.#count--;
  }

  async #get(): Promise<PostgresLink> {
    for (;;) {
      if (this.#isClosed) throw new TypeError("the database is closed");
      for (let link = this.#idle.pop(); link !== undefined; link = this.#idle.pop()) {
        if (!link.isLost) return link;
        this.#drop(link);
      }
      if (this.#count < this.#connectionsMax) return await this.#open();
      if (this.#waiting.length >= WAITING_MAX) {
        const advice = "has too much to do; see what keeps it busy";
        throw postgresError(["DATABASE_CROWDED", "self", advice], this.#target);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #open(): Promise<PostgresLink> {
    this.#count++;
    try {
      const pauseMs = this.#notBefore - performance.now();
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (this.#isClosed) throw new TypeError("the database is closed");
      const link = await PostgresLink.open(this.#target, this.#limits);
      this.#links.add(link);
      this.#failures = 0;
      return link;
    } catch (thrown) {
      this.#count--;
      const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** Math.min(this.#failures++, 16));
      this.#notBefore = performance.now() + pauseMs * (0.5 + Math.random() / 2);
      this.#waiting.shift()?.();
      throw thrown instanceof NodeError || thrown instanceof TypeError ? thrown : away(this.#target, String(thrown));
    }
  }

  /** Ends all connections; those that are in use when they are given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all(
      this.#idle.splice(0).map(async (link) => {
        await link.end();
        this.#drop(link);
      }),
    );
  }
}
