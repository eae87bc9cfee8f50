/**
 * How fast connections are accepted. A TLS handshake costs milliseconds of work: whoever makes them over and over must
 * not keep the processor from everything else. Decided by address alone, before a byte is read.
 *
 * @module
 */
import type { Clock } from "./ports.ts";

/** Tokens that come back with time. */
interface Bucket {
  tokens: number;
  at: number;
}

/** How a bucket fills: to `burst`, with so many a second. */
interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

const ALL: Rate = { perSecond: 50, burst: 100 };
const HOST: Rate = { perSecond: 5, burst: 20 };
/** A group may take this much while connections are scarce: then newcomers go before those who come again and again. */
const GROUP_IN_NEED: Rate = { perSecond: 0.1, burst: 3 };
/** Connections are scarce below this share of {@link ALL}, */
const NEED_BELOW = 0.5;
/** and the rest of them is for groups that have not come for long. */
const LAST_BELOW = 0.2;
/** Buckets that are kept of hosts and of groups; full ones are as good as none. */
const BUCKETS_MAX = 4_096;

/** One for the listeners of a network. */
export class AcceptGate {
  readonly #clock: Clock;
  readonly #all: Bucket;
  readonly #hosts = new Map<string, Bucket>();
  readonly #groups = new Map<bigint, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#all = { tokens: ALL.burst, at: clock.monotonic() };
  }

  /** Buckets that are kept. */
  get size(): number {
    return this.#hosts.size + this.#groups.size;
  }

  /** Whether a connection from a host of this group is taken now. */
  admit(host: string, group: bigint): boolean {
    const now = this.#clock.monotonic();
    const all = refilled(this.#all, ALL, now);
    if (all.tokens < 1) return false;
    const own = this.#bucket(this.#hosts, host, HOST, now);
    if (own.tokens < 1) return false;
    const ofGroup = this.#bucket(this.#groups, group, GROUP_IN_NEED, now);
    const share = all.tokens / ALL.burst;
    const needed = share < LAST_BELOW ? GROUP_IN_NEED.burst : share < NEED_BELOW ? 1 : 0;
    if (ofGroup.tokens < needed) return false;
    all.tokens -= 1;
    own.tokens -= 1;
    ofGroup.tokens = Math.max(0, ofGroup.tokens - 1);
    return true;
  }

  #bucket<K>(buckets: Map<K, Bucket>, key: K, rate: Rate, now: number): Bucket {
    const bucket = refilled(buckets.get(key) ?? { tokens: rate.burst, at: now }, rate, now);
    // Whoever came last stands last.
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > BUCKETS_MAX) {
      const [longestAgo] = buckets.keys();
      if (longestAgo !== undefined) buckets.delete(longestAgo);
    }
    return bucket;
  }
}

function refilled(bucket: Bucket, { perSecond, burst }: Rate, now: number): Bucket {
  bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / 1000 * perSecond);
  bucket.at = now;
  return bucket;
}
