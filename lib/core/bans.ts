/**
 * Hosts and subnets that may not connect for a while. Bounded; a longer ban is never cut short by a shorter one. In memory:
 * `ban-keeper.ts` keeps it over restarts.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import type { Clock } from "./ports.ts";

/** One ban. Times are unix milliseconds. */
export interface Ban {
  /** An address, or a subnet as `203.0.113.0/24`. */
  readonly host: string;
  readonly since: number;
  readonly until: number;
  readonly reason: string;
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Bans that are kept; the one that ends first goes when there are more. */
const BANS_MAX = 10_000;
/** Bans of subnets are looked through one by one. */
const SUBNETS_MAX = 1_000;

/** Whether a host is this machine. */
export function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || /^(::ffff:)?127\./.test(host);
}

/**
 * The one form of an address or subnet: IPv4 in IPv6 as IPv4, no host bits, no prefix of a single address. Undefined for
 * what is neither.
 */
export function normalSubnet(text: string): string | undefined {
  const range = rangeOf(text);
  if (range === undefined) return undefined;
  const [address, bits] = range;
  const whole = address.kind() === "ipv4" ? 32 : 128;
  const name = (each: ipaddr.IPv4 | ipaddr.IPv6) =>
    each.kind() === "ipv4" ? each.toString() : (each as ipaddr.IPv6).toRFC5952String();
  return bits === whole ? name(address) : `${name(maskedOf(address, bits))}/${bits}`;
}

function rangeOf(text: string): Range | undefined {
  const [host = "", prefix, ...more] = text.split("/");
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(host);
  if (more.length > 0 || !isAddress || host.includes("%")) return undefined;
  const address = ipaddr.process(host);
  const whole = address.kind() === "ipv4" ? 32 : 128;
  if (prefix === undefined) return [address, whole];
  // A netmask in dots, as `listbanned` of old printed it.
  const bits = ipaddr.IPv4.isValidFourPartDecimal(prefix)
    ? ipaddr.IPv4.parse(prefix).prefixLengthFromSubnetMask() ?? NaN
    : /^\d{1,3}$/.test(prefix)
    ? Number(prefix)
    : NaN;
  return bits >= 0 && bits <= whole ? [address, bits] : undefined;
}

function maskedOf(address: ipaddr.IPv4 | ipaddr.IPv6, bits: number): ipaddr.IPv4 | ipaddr.IPv6 {
  const bytes = address.toByteArray().map((byte, i) =>
    byte & (0xff00 >> Math.min(8, Math.max(0, bits - i * 8))) & 0xff
  );
  return ipaddr.fromByteArray(bytes);
}

/** The list. */
export class BanList {
  readonly #clock: Clock;
  readonly #exempt: (host: string) => boolean;
  readonly #bans = new Map<string, Ban>();
  readonly #subnets = new Map<string, Range>();
  /** Called after each change; whoever keeps the list over restarts sets it. */
  onChange: () => void = () => {};

  /** @param exempt hosts that are never banned */
  constructor(clock: Clock, exempt: (host: string) => boolean = () => false) {
    this.#clock = clock;
    this.#exempt = exempt;
  }

  /** Takes in bans of an earlier run; those that have ended or are no bans are left out. */
  restore(bans: readonly Ban[]): void {
    for (const ban of bans.slice(0, BANS_MAX)) {
      const host = normalSubnet(ban.host);
      if (host === undefined || this.#exempt(host) || ban.until <= this.#clock.now()) continue;
      const range = host.includes("/") ? rangeOf(host) : undefined;
      if (range !== undefined) this.#subnets.set(host, range);
      this.#bans.set(host, { ...ban, host });
    }
  }

  /** Bans an address or a subnet; false when it is exempt, or when there are too many subnets. */
  ban(subnet: string, seconds: number, reason: string): boolean {
    const host = normalSubnet(subnet) ?? subnet;
    if (this.#exempt(host)) return false;
    const since = this.#clock.now();
    const until = since + seconds * 1000;
    if ((this.#bans.get(host)?.until ?? 0) >= until) return true;
    if (host.includes("/")) {
      const range = rangeOf(host);
      if (range === undefined || (this.#subnets.size >= SUBNETS_MAX && !this.#subnets.has(host))) return false;
      this.#subnets.set(host, range);
    }
    this.#bans.set(host, { host, since, until, reason });
    if (this.#bans.size > BANS_MAX) this.#shrink();
    this.onChange();
    return true;
  }

  /** Lifts the ban of exactly this address or subnet; false when there is none. */
  unban(subnet: string): boolean {
    const host = normalSubnet(subnet) ?? subnet;
    this.#subnets.delete(host);
    const had = this.#bans.delete(host);
    if (had) this.onChange();
    return had;
  }

  /** The ban of a host that is still in force: its own, or one of a subnet around it. */
  find(host: string): Ban | undefined {
    const normal = normalSubnet(host) ?? host;
    const own = this.#current(normal);
    if (own !== undefined || this.#subnets.size === 0 || !ipaddr.isValid(normal)) return own;
    const address = ipaddr.process(normal);
    for (const [subnet, range] of this.#subnets) {
      if (address.kind() === range[0].kind() && address.match(range)) {
        const ban = this.#current(subnet);
        if (ban !== undefined) return ban;
      }
    }
    return undefined;
  }

  /** All bans in force. */
  list(): Ban[] {
    return [...this.#bans.keys()].flatMap((host) => this.#current(host) ?? []);
  }

  #current(host: string): Ban | undefined {
    const ban = this.#bans.get(host);
    if (ban === undefined || ban.until > this.#clock.now()) return ban;
    this.unban(host);
    return undefined;
  }

  #shrink(): void {
    this.list();
    if (this.#bans.size <= BANS_MAX) return;
    const first = [...this.#bans.values()].reduce((least, ban) => (ban.until < least.until ? ban : least));
    this.unban(first.host);
  }
}
