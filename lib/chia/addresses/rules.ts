/**
 * Chia's rules for the address book, exactly as chia-blockchain places and merges, oddities included: two nodes with the
 * same key and the same gossip hold the same tables.
 *
 * @see chia-blockchain 2.7.5 `chia/server/address_manager.py`, `chia/types/peer_info.py`
 * @module
 */
import ipaddr from "ipaddr.js";
import { sha256Into } from "../../codec/sha256.ts";
import { type AddressRules, BOOK, type Located, type Placement } from "../../core/addresses/rules.ts";
import { inSubnets, ipv4Bytes, parseIpv4 } from "../../core/ipv4.ts";
import type { PeerAddress } from "../../core/ports.ts";

/** How {@link chiaAddressRules} is made. */
export interface ChiaAddressOptions {
  /** Whether addresses of private networks are taken, as on a simulator's. */
  readonly allowPrivate?: boolean;
}

/** The networks that Python 3.11's `ipaddress` calls private, which is what the reference asks. */
const isPrivateV4 = inSubnets([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/29",
  "192.0.0.170/31",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "240.0.0.0/4",
]);
const PRIVATE_V6 = ranges(["::1/128", "::/128", "100::/64", "2001::/23", "2001:db8::/32", "fc00::/7", "fe80::/10"]);

function ranges(subnets: readonly string[]): [ipaddr.IPv6, number][] {
  return subnets.map((subnet) => ipaddr.IPv6.parseCIDR(subnet));
}

/** An IPv6 literal; undefined for anything else. IPv4 in IPv6 stays IPv6, as in the reference. */
function parseIpv6(host: string): ipaddr.IPv6 | undefined {
  return ipaddr.IPv6.isValid(host) && !host.includes("%") ? ipaddr.IPv6.parse(host) : undefined;
}

/** The 4 or 16 bytes of an IP literal; undefined for anything else. */
function bytesOf(host: string): ArrayLike<number> | undefined {
  const bits = parseIpv4(host);
  return bits >= 0 ? ipv4Bytes(bits) : parseIpv6(host)?.toByteArray();
}

/** Whether the reference takes an address for private and keeps it out of its book. */
export function isPrivate(host: string): boolean {
  const bits = parseIpv4(host);
  if (bits >= 0) return isPrivateV4(bits);
  const ip = parseIpv6(host);
  if (ip === undefined) return false;
  if (ip.isIPv4MappedAddress()) return isPrivate(ip.toIPv4Address().toString());
  return PRIVATE_V6.some((range) => ip.match(range));
}

/** The 18 bytes that stand for an address in hashes: 16 of IPv6 (IPv4 as 2002:a.b.c.d::), then the port, big-endian. */
export function chiaPeerKey(bytes: ArrayLike<number>, port: number): Uint8Array {
  const key = new Uint8Array(18);
  if (bytes.length === 4) {
    key[0] = 0x20;
    key[1] = 0x02;
    key.set(bytes, 2);
  } else {
    key.set(bytes);
  }
  key[16] = port >> 8;
  key[17] = port & 0xff;
  return key;
}

/** The group of an address: 01 and an IPv4 address's first two bytes, or 00 and an IPv6 address's first four. */
function groupOf(bytes: ArrayLike<number>): Uint8Array {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[0], bytes[1], bytes[2], bytes[3]];
  return bytes.length === 4 ? Uint8Array.of(1, a, b) : Uint8Array.of(0, a, b, c, d);
}

/**
 * Where Chia places entries. With H8 the first eight bytes of SHA-256, big-endian: tried bucket H8(key ‖ group ‖
 * byte(H8(key ‖ peer key) mod 8)) mod 256; new bucket H8(key ‖ source group ‖ byte(H8(key ‖ group ‖ source group) mod
 * 64)) mod 1024; position H8(key ‖ "N" or "K" ‖ bucket in 3 bytes ‖ peer key) mod 64.
 */
function chiaPlacement(secret: Uint8Array): Placement {
  const input = new Uint8Array(96);
  const digest = new Uint8Array(32);
  input.set(secret);
  /** H8 of the secret and the parts. The moduli are powers of two up to 2^16: the last two of eight bytes decide. */
  const hash = (...parts: readonly (Uint8Array | number)[]): number => {
    let length = 32;
    for (const part of parts) {
      if (typeof part === "number") {
        input[length++] = part;
      } else {
        for (let i = 0; i < part.length; i++) input[length++] = part[i]!;
      }
    }
    sha256Into(input.slice(0, length), digest);
    return (digest[6]! << 8) | digest[7]!;
  };
  return {
    triedBucket: (key, group) => hash(group, hash(key) % BOOK.triedBucketsPerGroup) % BOOK.triedBuckets,
    newBucket: (group, sourceGroup) =>
      hash(sourceGroup, hash(group, sourceGroup) % BOOK.newBucketsPerSourceGroup) % BOOK.newBuckets,
    position: (table, bucket, key) =>
      hash(table === "new" ? 0x4e : 0x4b, 0, bucket >> 8, bucket & 0xff, key) % BOOK.bucketSize,
  };
}

/** What nearly all addresses are. */
class LocatedV4 implements Located {
  readonly host: string;
  readonly port: number;
  readonly network = "ipv4";
  readonly #bits: number;

  constructor(host: string, port: number, bits: number) {
    this.host = host;
    this.port = port;
    this.#bits = bits;
  }

  get key(): Uint8Array {
    return chiaPeerKey(ipv4Bytes(this.#bits), this.port);
  }

  get group(): Uint8Array {
    return groupOf(ipv4Bytes(this.#bits));
  }
}

/** The rules of Chia's address book. */
export function chiaAddressRules({ allowPrivate = false }: ChiaAddressOptions = {}): AddressRules {
  return {
    name: "chia",
    grouping: "chia",
    identity: "host",
    locate(address: PeerAddress): Located | undefined {
      const { host, port } = address;
      if (!(port >= 0 && port <= 0xffff)) return undefined;
      const bits = parseIpv4(host);
      if (bits >= 0) {
        if (!allowPrivate && isPrivateV4(bits)) return undefined;
        return new LocatedV4(host, port, bits);
      }
      const ip = parseIpv6(host);
      if (ip === undefined || (!allowPrivate && isPrivate(host))) return undefined;
      const bytes = ip.toByteArray();
      const key = chiaPeerKey(bytes, port);
      return { host: ip.toRFC5952String(), port, network: "ipv6", key, group: groupOf(bytes) };
    },
    sourceGroup(source) {
      // What a name told (DNS) speaks for itself: the reference adds it without a source.
      const bytes = bytesOf(source);
      return bytes && groupOf(bytes);
    },
    placement: chiaPlacement,
    waivesPenalty: (_address, _source, isKnown) => isKnown,
    merge({ storedS, toldS, penaltyS, nowS }) {
      const intervalS = nowS - toldS < 86_400 ? 3600 : 86_400;
      // The reference has "or" where Bitcoin's manager has the comparison alone, so that a known time is nearly always
      // overwritten; what is told then is rarely newer than what is stored.
      const updates = toldS > 0 && (storedS > 0 || storedS < toldS - intervalS - penaltyS);
      const timeS = updates ? Math.max(0, toldS - penaltyS) : storedS;
      return { timeS, isNews: toldS !== 0 && !(timeS > 0 && toldS <= timeS) };
    },
    // Steps over the tried table are 3 bits wide in the reference, not the 8 that its buckets have.
    draw: { kind: "walk", steps: { new: 1024, tried: 8 } },
    share: (total, percent) => Math.ceil(total * percent / 100),
  };
}
