/**
 * Which addresses count as one group, and which are addresses of the open network at all.
 *
 * @see Bitcoin Core `netgroup.cpp` GetGroup, `netaddress.cpp` IsRoutable; spec section g
 * @module
 */
import ipaddr from "ipaddr.js";
import { sha256 } from "../../codec/sha256.ts";
import { inSubnets } from "../../core/ipv4.ts";
import { NetworkId } from "../types/net-address.ts";
import { type NetworkAddress, parseHost } from "../types/net-address-text.ts";
import { type AsMap, linkedIpv4 } from "./asmap.ts";

/** What a group begins with. */
const GroupClass = { UNROUTABLE: 0, IPV4: 1, IPV6: 2, ONION: 3, I2P: 4, CJDNS: 5, INTERNAL: 6 } as const;
/** Core gives a group by autonomous system the class of IPv6. */
const AS_CLASS = GroupClass.IPV6;

const range = (subnets: readonly string[]) => subnets.map((subnet) => ipaddr.IPv6.parseCIDR(subnet));

const bitsOf = (bytes: Uint8Array) => ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;

/** RFC 1918, 2544, 3927, 6598 and 5737, loopback, this network, and the address of all. */
const isUnroutableV4 = inSubnets([
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "169.254.0.0/16",
  "100.64.0.0/10",
  "192.0.2.0/24",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "127.0.0.0/8",
  "0.0.0.0/8",
  "255.255.255.255/32",
]);
/** RFC 4862, 4193 (Core's names for seeds lie there too), 4843, 7343, 3849, loopback and no address. */
const UNROUTABLE_V6 = range([
  "fe80::/64",
  "fc00::/7",
  "2001:10::/28",
  "2001:20::/28",
  "2001:db8::/32",
  "::1/128",
  "::/128",
]);

/** Whether an address is worth telling: neither private, nor local, nor reserved. */
export function isRoutable(address: NetworkAddress): boolean {
  if (address.network === NetworkId.TORV3 || address.network === NetworkId.I2P) return true;
  if (address.network === NetworkId.CJDNS) return address.address[0] === 0xfc;
  if (address.network === NetworkId.IPV4) return !isUnroutableV4(bitsOf(address.address));
  if (address.network !== NetworkId.IPV6) return false;
  const ip = new ipaddr.IPv6([...address.address]);
  return !UNROUTABLE_V6.some((each) => ip.match(each));
}

const prefix = (kind: number, bytes: Uint8Array, whole: number, halfMask?: number): Uint8Array =>
  Uint8Array.of(kind, ...bytes.subarray(0, whole), ...(halfMask === undefined ? [] : [bytes[whole]! | halfMask]));

/**
 * The group of an address: its autonomous system where the map knows it, else /16 of IPv4 (also one that IPv6 carries),
 * /32 of IPv6 (/36 at Hurricane Electric's broker), 4 bits of Tor and I2P, 12 of CJDNS. All unroutable ones are one.
 */
export function groupOf(address: NetworkAddress, asMap?: AsMap): Uint8Array {
  const { network, address: bytes } = address;
  const system = asMap?.lookup(address) ?? 0;
  if (system !== 0) {
    return Uint8Array.of(AS_CLASS, system & 0xff, (system >> 8) & 0xff, (system >> 16) & 0xff, system >>> 24);
  }
  if (!isRoutable(address)) return Uint8Array.of(GroupClass.UNROUTABLE);
  if (network === NetworkId.IPV4) return Uint8Array.of(GroupClass.IPV4, bytes[0]!, bytes[1]!);
  const v4 = linkedIpv4(address);
  if (v4 !== undefined) return prefix(GroupClass.IPV4, v4, 2);
  switch (network) {
    case NetworkId.TORV3:
      return prefix(GroupClass.ONION, bytes, 0, 0x0f);
    case NetworkId.I2P:
      return prefix(GroupClass.I2P, bytes, 0, 0x0f);
    case NetworkId.CJDNS:
      return prefix(GroupClass.CJDNS, bytes, 1, 0x0f);
    default: {
      const isBroker = bytes[0] === 0x20 && bytes[1] === 0x01 && bytes[2] === 0x04 && bytes[3] === 0x70;
      return prefix(GroupClass.IPV6, bytes, 4, isBroker ? 0x0f : undefined);
    }
  }
}

/** The address that a host means. fc00::/8 is CJDNS's: nobody else uses it, and both are written as IPv6. */
export function addressOf(host: string): NetworkAddress | undefined {
  const parsed = parseHost(host);
  if (parsed?.network !== NetworkId.IPV6 || parsed.address[0] !== 0xfc) return parsed;
  return { network: NetworkId.CJDNS, address: parsed.address };
}

/** Core writes the names of seeds as IPv6 in fd6b:88c0:8724::/48, with ten bytes of the name's SHA-256. */
const INTERNAL_PREFIX = [0xfd, 0x6b, 0x88, 0xc0, 0x87, 0x24];

/** The group of a source: a host's, or for the name of a seed ten bytes of its SHA-256. */
export function sourceGroupOf(source: string, asMap?: AsMap): Uint8Array {
  const address = addressOf(source);
  if (address !== undefined) {
    const isName = address.network === NetworkId.IPV6 &&
      INTERNAL_PREFIX.every((byte, i) => address.address[i] === byte);
    return isName ? Uint8Array.of(GroupClass.INTERNAL, ...address.address.subarray(6)) : groupOf(address, asMap);
  }
  return Uint8Array.of(GroupClass.INTERNAL, ...sha256(new TextEncoder().encode(source)).subarray(0, 10));
}
