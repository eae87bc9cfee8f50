/**
 * Hosts that may not connect for a while. In memory, bounded; a longer ban is never cut short by a shorter one.
 *
 * @module
 */
import type { Clock } from "./ports.ts";

/** One ban. */
export interface Ban {
  readonly host: string;
  /** Unix milliseconds. */
  readonly until: number;
  readonly reason: string;
}

/** Bans that are kept; the one that ends first goes when there are more. */
const BANS_MAX = 10_000;

/** Whether a host is this machine. */
export function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || /^(::ffff:)?127\./.test(host);
}

/** The list. */
export class BanList {
  readonly #clock: Clock;
  readonly #exempt: (host: string) => boolean;
  readonly #bans = new Map<string, Ban>();

  /** @param exempt hosts that are never banned */
  constructor(clock: Clock, exempt: (host: string) => boolean = () => false) {
    this.#clock = clock;
    this.#exempt = exempt;
  }

  /** Bans a host; false when it is exempt. */
  ban(host: string, seconds: number, reason: string): boolean {
    if (this.#exempt(host)) return false;
    const until = this.#clock.now() + seconds * 1000;
    if ((this.#bans.get(host)?.until ?? 0) >= until) return true;
    this.#bans.set(host, { host, until, reason });
    if (this.#bans.size > BANS_MAX) this.#shrink();
    return true;
  }

  /** Lifts a ban; false when there is none. */
  unban(host: string): boolean {
    return this.#bans.delete(host);
  }

  /** The ban of a host that is still in force. */
  find(host: string): Ban | undefined {
    const ban = this.#bans.get(host);
    if (ban === undefined || ban.until > this.#clock.now()) return ban;
    this.#bans.delete(host);
    return undefined;
  }

  /** All bans in force. */
  list(): Ban[] {
    return [...this.#bans.keys()].flatMap((host) => this.find(host) ?? []);
  }

  #shrink(): void {
    this.list();
    if (this.#bans.size <= BANS_MAX) return;
    const first = [...this.#bans.values()].reduce((least, ban) => (ban.until < least.until ? ban : least));
    this.#bans.delete(first.host);
  }
}
