/**
 * Peers' addresses as people write them: IP literals, `.onion` and `.b32.i2p` names.
 *
 * @see BIP155; Tor's rend-spec-v3 (onion addresses)
 * @module
 */
import { sha3_256 } from "@noble/hashes/sha3.js";
import { base32nopad } from "@scure/base";
import ipaddr from "ipaddr.js";
import { equalBytes } from "../../codec/sized.ts";
import { ipv4Bytes, ipv4Text, parseIpv4 } from "../../core/ipv4.ts";
import { NetworkId } from "./net-address.ts";

/** A place on one network, without port. */
export interface NetworkAddress {
  readonly network: NetworkId;
  readonly address: Uint8Array;
}

/** The networks by the names that Core's RPC gives them. */
export const NETWORK_NAMES: Readonly<Record<number, string>> = {
  [NetworkId.IPV4]: "ipv4",
  [NetworkId.IPV6]: "ipv6",
  [NetworkId.TORV3]: "onion",
  [NetworkId.I2P]: "i2p",
  [NetworkId.CJDNS]: "cjdns",
};

const ONION_VERSION = 3;
const IPV4_MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);
/** The IPv6 prefix in which Tor v2 names were once written: fd87:d87e:eb43::/48. */
const ONION_CAT = Uint8Array.of(0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43);

const startsWith = (bytes: Uint8Array, prefix: Uint8Array) => equalBytes(bytes.subarray(0, prefix.length), prefix);

/**
 * The address that 16 bytes of IPv6 mean: IPv4 where they map one. Undefined for no address at all (zeros) and for the
 * dead Tor v2 names.
 */
export function fromIp16(ip: Uint8Array): NetworkAddress | undefined {
  if (startsWith(ip, IPV4_MAPPED)) return { network: NetworkId.IPV4, address: ip.subarray(12) };
  if (startsWith(ip, ONION_CAT) || ip.every((byte) => byte === 0)) return undefined;
  return { network: NetworkId.IPV6, address: ip };
}

/** The 16 bytes for `addr` and `version`; undefined for a network that IPv6 cannot express. */
export function toIp16({ network, address }: NetworkAddress): Uint8Array | undefined {
  if (network === NetworkId.IPV6) return address;
  if (network !== NetworkId.IPV4) return undefined;
  const ip = new Uint8Array(16);
  ip.set(IPV4_MAPPED);
  ip.set(address, 12);
  return ip;
}

/**
 * Whether an entry of `addrv2` can be a peer's address: of a known network, and neither IPv4 nor Tor v2 in the guise of
 * IPv6 (BIP155 forbids both), nor CJDNS outside of fc00::/8.
 */
export function isSoundAddress(network: number, address: Uint8Array): boolean {
  if (network === NetworkId.IPV6) return fromIp16(address)?.network === NetworkId.IPV6;
  if (network === NetworkId.CJDNS) return address[0] === 0xfc;
  return NETWORK_NAMES[network] !== undefined;
}

/** The text of an address; undefined for a network without one. */
export function hostText(network: number, address: Uint8Array): string | undefined {
  switch (network) {
    case NetworkId.IPV4:
      return ipv4Text(address);
    case NetworkId.IPV6:
    case NetworkId.CJDNS:
      return new ipaddr.IPv6([...address]).toRFC5952String();
    case NetworkId.TORV3:
      return `${base32nopad.encode(onionBytes(address)).toLowerCase()}.onion`;
    case NetworkId.I2P:
      return `${base32nopad.encode(address).toLowerCase()}.b32.i2p`;
    default:
      return undefined;
  }
}

/** The address that text means; undefined for a name to be looked up and for a malformed one. */
export function parseHost(host: string): NetworkAddress | undefined {
  // What nearly all of them are comes first.
  const bits = parseIpv4(host);
  if (bits >= 0) return { network: NetworkId.IPV4, address: ipv4Bytes(bits) };
  const lower = host.toLowerCase();
  if (lower.endsWith(".onion")) {
    const bytes = base32(lower.slice(0, -".onion".length), 35);
    const address = bytes?.subarray(0, 32);
    // Version and checksum are part of the name; a mistyped one is found here.
    if (bytes === undefined || address === undefined || !equalBytes(onionBytes(address), bytes)) return undefined;
    return { network: NetworkId.TORV3, address };
  }
  if (lower.endsWith(".b32.i2p")) {
    const address = base32(lower.slice(0, -".b32.i2p".length), 32);
    return address === undefined ? undefined : { network: NetworkId.I2P, address };
  }
  if (!ipaddr.IPv6.isValid(host) || host.includes("%")) return undefined;
  return fromIp16(Uint8Array.from(ipaddr.IPv6.parse(host).toByteArray()));
}

/** key 32 ‖ checksum 2 ‖ version 1, what an onion name spells. */
function onionBytes(key: Uint8Array): Uint8Array {
  const label = new TextEncoder().encode(".onion checksum");
  const checksum = sha3_256(Uint8Array.of(...label, ...key, ONION_VERSION));
  return Uint8Array.of(...key, checksum[0]!, checksum[1]!, ONION_VERSION);
}

function base32(text: string, length: number): Uint8Array | undefined {
  try {
    const bytes = base32nopad.decode(text.toUpperCase());
    return bytes.length === length ? bytes : undefined;
  } catch {
    return undefined;
  }
}
