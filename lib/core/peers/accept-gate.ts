/**
 * How fast connections are accepted. While there is room nobody is counted: peers behind one address and those of an onion
 * service come as they like. A handshake costs work, though. When connections come faster than they can be shaken hands
 * with, or many that have not done so stand around, hosts and groups get their share, newcomers first. And a host whose
 * connections fail again and again is let in only so often.
 *
 * Decided by address alone, before a byte is read.
 *
 * @module
 */
import type { Clock } from "../ports.ts";

/** Tokens that come back with time. */
interface Bucket {
  tokens: number;
  at: number;
}

/** How a bucket fills: to `burst`, with so many a second. */
export interface GateRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Why a connection was not taken: too many of all, of its host, of its group; or those of its host failed too often. */
export const REFUSALS = ["rate", "host", "group", "failures"] as const;
/** One of {@link REFUSALS}. */
export type Refusal = (typeof REFUSALS)[number];

/** Handshakes that all together may be begun: what a TLS handshake costs, which is milliseconds, allows no more. */
export const TLS_RATE: GateRate = { perSecond: 50, burst: 100 };
/** Without TLS a connection costs a tenth of that. */
export const PLAIN_RATE: GateRate = { perSecond: 200, burst: 400 };
const HOST_IN_NEED: GateRate = { perSecond: 5, burst: 20 };
/** A group may take this much while connections are scarce: then newcomers go before those who come again and again. */
const GROUP_IN_NEED: GateRate = { perSecond: 0.1, burst: 3 };
/** Connections that may fail of a host. */
const FAILURES: GateRate = { perSecond: 5, burst: 20 };
/** Connections are scarce below this share of what there may be, */
const NEED_BELOW = 0.5;
/** and the rest of them is for groups that have not come for long. */
const LAST_BELOW = 0.2;
/** Buckets that are kept of hosts and of groups; full ones are as good as none. */
const BUCKETS_MAX = 4_096;

/** One for the listeners of a network. */
export class AcceptGate {
  /** Connections that were not taken, by reason. */
  readonly refused: Record<Refusal, number> = { rate: 0, host: 0, group: 0, failures: 0 };
  readonly #clock: Clock;
  readonly #rate: GateRate;
  readonly #all: Bucket;
  readonly #hosts = new Map<string, Bucket>();
  readonly #groups = new Map<bigint, Bucket>();
  readonly #failures = new Map<string, Bucket>();

  constructor(clock: Clock, rate: GateRate = TLS_RATE) {
    this.#clock = clock;
    this.#rate = rate;
    this.#all = { tokens: rate.burst, at: clock.monotonic() };
  }

  /** Buckets that are kept. */
  get size(): number {
    return this.#hosts.size + this.#groups.size + this.#failures.size;
  }

  /**
   * Whether a connection from a host of this group is taken now.
   *
   * @param free the share of places for those who shake hands that is free, 0 … 1
   */
  admit(host: string, group: bigint, free = 1): boolean {
    const reason = this.#judge(host, group, free);
    if (reason !== undefined) this.refused[reason] += 1;
    return reason === undefined;
  }

  /** A connection of a host has failed by its own fault before it was a peer, or as one. */
  failed(host: string): void {
    const failures = this.#bucket(this.#failures, host, FAILURES, this.#clock.monotonic());
    failures.tokens = Math.max(0, failures.tokens - 1);
  }

  #judge(host: string, group: bigint, free: number): Refusal | undefined {
    const now = this.#clock.monotonic();
    const failures = this.#failures.get(host);
    if (failures !== undefined && refilled(failures, FAILURES, now).tokens < 1) return "failures";
    const all = refilled(this.#all, this.#rate, now);
    if (all.tokens < 1) return "rate";
    const share = Math.min(free, all.tokens / this.#rate.burst);
    const own = this.#bucket(this.#hosts, host, HOST_IN_NEED, now);
    const ofGroup = this.#bucket(this.#groups, group, GROUP_IN_NEED, now);
    if (share < NEED_BELOW) {
      if (own.tokens < 1) return "host";
      if (ofGroup.tokens < (share < LAST_BELOW ? GROUP_IN_NEED.burst : 1)) return "group";
    }
    all.tokens -= 1;
    own.tokens = Math.max(0, own.tokens - 1);
    ofGroup.tokens = Math.max(0, ofGroup.tokens - 1);
    return undefined;
  }

  #bucket<K>(buckets: Map<K, Bucket>, key: K, rate: GateRate, now: number): Bucket {
    const bucket = refilled(buckets.get(key) ?? { tokens: rate.burst, at: now }, rate, now);
    // The newcomer stands last.
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > BUCKETS_MAX) {
      const [longestAgo] = buckets.keys();
      if (longestAgo !== undefined) buckets.delete(longestAgo);
    }
    return bucket;
  }
}

function refilled(bucket: Bucket, { perSecond, burst }: GateRate, now: number): Bucket {
  bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / 1000 * perSecond);
  bucket.at = now;
  return bucket;
}
