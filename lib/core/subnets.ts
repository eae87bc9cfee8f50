/**
 * Addresses and subnets as text: one form of each, and whether a host is in one.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import { parseIpv4 } from "./ipv4.ts";

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Whether a host is this machine.
 *
 * @example
 * ```ts
 * import { isLoopback } from "gemel";
 *
 * assert.ok(isLoopback("127.0.0.2") && isLoopback("::1"));
 * ```
 */
export function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || /^(::ffff:)?127\./.test(host);
}

/**
 * The one form of an address or subnet: IPv4 in IPv6 as IPv4, no host bits, no prefix of a single address. Undefined for
 * what is neither.
 *
 * @example
 * ```ts
 * import { normalSubnet } from "gemel";
 *
 * assert.equal(normalSubnet("::ffff:192.0.2.7"), "192.0.2.7");
 * assert.equal(normalSubnet("10.1.2.3/8"), "10.0.0.0/8");
 * ```
 */
export function normalSubnet(text: string): string | undefined {
  // What nearly all hosts are, and this is asked of each address that is told on.
  if (parseIpv4(text) >= 0) return text;
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

/** A set of addresses and subnets. */
export class Subnets {
  readonly #ranges = new Map<string, Range>();

  /** How many there are. */
  get size(): number {
    return this.#ranges.size;
  }

  /** Adds one; false for a text that is neither an address nor a subnet. */
  add(text: string): boolean {
    const range = rangeOf(text);
    const normal = normalSubnet(text);
    if (range === undefined || normal === undefined) return false;
    this.#ranges.set(normal, range);
    return true;
  }

  /** Takes out one, by its normal form. */
  delete(normal: string): void {
    this.#ranges.delete(normal);
  }

  /** The normal forms of all that contain a host; a text that is no address is in none. */
  *around(host: string): Generator<string> {
    if (this.#ranges.size === 0 || !ipaddr.isValid(host)) return;
    const address = ipaddr.process(host);
    for (const [normal, range] of this.#ranges) {
      if (address.kind() === range[0].kind() && address.match(range)) yield normal;
    }
  }

  /** Whether one of them contains a host. */
  has(host: string): boolean {
    return this.around(host).next().done === false;
  }
}
