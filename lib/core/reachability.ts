/**
 * Which networks may be dialled, and by which way: a pure decision over the settings `--onlynet` and `--proxy`.
 *
 * @see Bitcoin Core 29 `init.cpp` (onlynet, proxy), `doc/tor.md`, `doc/cjdns.md`; Tor rend-spec-v3, "Encoding onion
 *   addresses"
 * @module
 */
import ipaddr from "ipaddr.js";
import { NodeError } from "./errors.ts";

/** The networks that peers live on, by the names that Bitcoin Core's `-onlynet` and RPC give them. */
export const NETWORK_KINDS = ["ipv4", "ipv6", "onion", "i2p", "cjdns"] as const;
export type NetworkKind = (typeof NETWORK_KINDS)[number];

/** What a host is: a place on one of the networks, or a name whose network only a resolver can tell. */
export type HostKind = NetworkKind | "name";

/** The longest name of DNS in text (RFC 1035 section 2.3.4: 255 octets on the wire). */
const NAME_LENGTH_MAX = 253;
/** 35 bytes (key, checksum, version) in base32; the version, 3, is the last character's five bits: `d`. */
const ONION_V3 = /^[a-z2-7]{55}d\.onion$/;
/** Names take letters, digits, hyphens, and the underscore that some zones use; never what could be read as a number. */
const NAME = /^(?=.*[a-z])(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?$/;

/**
 * What a host is, by its text alone. Undefined for what nobody could dial: malformed text, an address with a zone, a Tor
 * name that is not of version 3. fc00::/8 is CJDNS's: nobody else uses it, and both are written as IPv6.
 */
export function hostKindOf(host: string): HostKind | undefined {
  if (host.length === 0 || host.length > NAME_LENGTH_MAX) return undefined;
  if (ipaddr.IPv4.isValidFourPartDecimal(host)) return "ipv4";
  if (host.includes(":")) {
    if (host.includes("%") || !ipaddr.IPv6.isValid(host)) return undefined;
    const ip = ipaddr.IPv6.parse(host);
    if (ip.isIPv4MappedAddress()) return "ipv4";
    return (ip.parts[0] ?? 0) >> 8 === 0xfc ? "cjdns" : "ipv6";
  }
  const lower = host.toLowerCase();
  if (!NAME.test(lower)) return undefined;
  if (/\.onion\.?$/.test(lower)) return ONION_V3.test(lower) ? "onion" : undefined;
  return /\.i2p\.?$/.test(lower) ? "i2p" : "name";
}

/**
 * The networks of a list such as `ipv4,onion`; `tor` is another word for `onion`, as in Core. Empty text is no list.
 *
 * @throws NodeError `CONFIG_INVALID`, fault `self`, for a word that names no network
 *
 * @example
 * ```ts
 * import { parseNetworkKinds } from "gemel";
 *
 * assert.deepEqual(parseNetworkKinds("ipv4,tor"), ["ipv4", "onion"]);
 * ```
 */
export function parseNetworkKinds(text: string): readonly NetworkKind[] {
  const words = text.split(",").map((word) => word.trim().toLowerCase()).filter((word) => word !== "");
  const kinds = words.map((word) => {
    const kind = NETWORK_KINDS.find((each) => each === (word === "tor" ? "onion" : word));
    if (kind !== undefined) return kind;
    throw new NodeError("CONFIG_INVALID", "self", `onlynet: ${word} is none of ${NETWORK_KINDS.join(", ")}`);
  });
  return [...new Set(kinds)];
}

/** What {@link Reachability} decides by. */
export interface ReachabilityOptions {
  /** The networks that may be dialled of our own accord; absent or empty: all that can be reached. */
  readonly only?: readonly NetworkKind[];
  /** Whether there is a SOCKS5 proxy. Then every connection goes through it, and no name is looked up here. */
  readonly hasProxy?: boolean;
}

/** The way to a host: straight, through the proxy, or none and why. */
export type Route =
  | { readonly by: "direct" | "proxy" }
  | { readonly by: "none"; readonly why: "not_selected" | "needs_proxy" | "malformed" };

/** How the names of seeds may be used. */
export type SeedUse =
  /** Looked up here, by DNS. */
  | "lookup"
  /** Given to the proxy, as a peer to ask for addresses: a lookup would tell the resolver what Tor should hide. */
  | "dial"
  /** Not at all: what they would give is not to be dialled. */
  | "none";

/**
 * Decides what may be dialled. Onion names need the proxy. I2P and CJDNS must be selected by name: an ordinary proxy
 * cannot reach I2P, and whether this machine is part of CJDNS cannot be seen from here.
 */
export class Reachability {
  readonly #only: ReadonlySet<NetworkKind>;
  readonly #hasProxy: boolean;

  /** @throws NodeError `CONFIG_INVALID` when networks are selected of which none can be reached */
  constructor({ only = [], hasProxy = false }: ReachabilityOptions = {}) {
    this.#only = new Set(only);
    this.#hasProxy = hasProxy;
    if (this.#only.size > 0 && this.networks.length === 0) {
      throw new NodeError(
        "CONFIG_INVALID",
        "self",
        `onlynet: ${[...this.#only].join(", ")} cannot be reached without --proxy`,
      );
    }
  }

  /** The networks that are dialled of our own accord. */
  get networks(): readonly NetworkKind[] {
    return NETWORK_KINDS.filter((kind) => this.isReachable(kind));
  }

  /** Whether addresses of a network are dialled of our own accord. A network that the list does not know is not. */
  isReachable(network: string): boolean {
    const kind = NETWORK_KINDS.find((each) => each === network);
    return kind !== undefined && this.#isSelected(kind) && this.#canCarry(kind);
  }

  /**
   * The way to an address of the book: what a host that is a name has no place there. `manual` is for peers that the
   * operator has named: for them, as in Core, the selection does not count, only whether there is a way.
   */
  route(host: string, { manual = false }: { readonly manual?: boolean } = {}): Route {
    const kind = hostKindOf(host);
    if (kind === undefined || (kind === "name" && !manual)) return { by: "none", why: "malformed" };
    if (kind !== "name") {
      if (!this.#canCarry(kind)) return { by: "none", why: "needs_proxy" };
      if (!manual && !this.#isSelected(kind)) return { by: "none", why: "not_selected" };
    }
    return { by: this.#hasProxy ? "proxy" : "direct" };
  }

  /** Whether a host is to be looked up here before it is dialled: a name, when no proxy could do it. */
  needsLookup(host: string): boolean {
    return !this.#hasProxy && hostKindOf(host) === "name";
  }

  /** How seeds may be asked. Their addresses are IPv4 and IPv6, so that without those they are of no use. */
  get seeds(): SeedUse {
    if (!this.isReachable("ipv4") && !this.isReachable("ipv6")) return "none";
    return this.#hasProxy ? "dial" : "lookup";
  }

  #isSelected(kind: NetworkKind): boolean {
    // What must be selected by name is not part of "all".
    return this.#only.size === 0 ? kind !== "i2p" && kind !== "cjdns" : this.#only.has(kind);
  }

  #canCarry(kind: NetworkKind): boolean {
    return this.#hasProxy || (kind !== "onion" && kind !== "i2p");
  }
}
