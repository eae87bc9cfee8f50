/**
 * How often each asker may be answered: a token bucket each. An answer is larger than its question and goes to the host that the
 * question names as its sender, so that without a limit a server could be turned against others.
 *
 * @module
 */
import type { Clock } from "../core/ports.ts";

/** Askers that are remembered; the one that has been silent for longest is forgotten first. */
const ASKERS_MAX = 10_000;
/** Seconds of silence that fill a bucket. */
const BURST_S = 2;

/** Limits by sender: an IPv4 address, or an IPv6 /64. */
export class AskerLimits {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor({ clock, perSecond }: { readonly clock: Clock; readonly perSecond: number }) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Takes one; false when none is left. */
  take(host: string): boolean {
    const key = host.includes(":") ? prefixOf(host) : host;
    const now = this.#clock.monotonic();
    const most = Math.max(1, this.#perSecond * BURST_S);
    const before = this.#buckets.get(key) ?? { tokens: most, at: now };
    const tokens = Math.min(most, before.tokens + (now - before.at) / 1_000 * this.#perSecond);
    const isAllowed = tokens >= 1;
    // Removed and put in again, so that the map's order is that of the last question.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: isAllowed ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > ASKERS_MAX) this.#buckets.delete(this.#buckets.keys().next().value!);
    return isAllowed;
  }
}

/** The first 64 bits of an IPv6 literal, as text; IPv4 within IPv6 stays whole. */
function prefixOf(host: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = host.split("%")[0]!.toLowerCase().split("::", 2);
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const whole = tail === undefined
    ? front
    : [...front, ...new Array(8 - front.length - back.length).fill("0"), ...back];
  return whole.slice(0, 4).join(":");
}
