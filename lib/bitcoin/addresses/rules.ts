/**
 * Bitcoin's rules for the address book, as Bitcoin Core places, merges and draws.
 *
 * @see Bitcoin Core `addrman.cpp`, `netgroup.cpp`; spec section g
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { sha256Into } from "../../codec/sha256.ts";
import { type AddressRules, BOOK, type Located, type Placement } from "../../core/addresses/rules.ts";
import type { AsMap } from "./asmap.ts";
import { addressOf, groupOf, isRoutable, sourceGroupOf } from "./groups.ts";
import { hostText, NETWORK_NAMES, type NetworkAddress, toIp16 } from "../types/net-address-text.ts";
import { NetworkId } from "../types/net-address.ts";

/** How {@link bitcoinAddressRules} is made. */
export interface BitcoinAddressOptions {
  /** Groups by autonomous system in place of prefixes, for IPv4 and IPv6. */
  readonly asMap?: AsMap;
  /** Whether addresses that cannot be routed are taken, as on a network within one machine. */
  readonly allowPrivate?: boolean;
}

/** The bytes that stand for an address in hashes: 16 of IPv6, 32 of Tor or I2P, 16 of CJDNS; then the port, big-endian. */
function keyOf(address: NetworkAddress, port: number): Uint8Array {
  const bytes = toIp16(address) ?? address.address;
  const key = new Uint8Array(bytes.length + 2);
  key.set(bytes);
  key[bytes.length] = port >> 8;
  key[bytes.length + 1] = port & 0xff;
  return key;
}

/**
 * Where Core places entries. With H the first eight bytes of SHA-256d, little-endian, byte strings after their length and
 * reduced hashes as u64: tried bucket H(secret, group, H(secret, key) mod 8) mod 256; new bucket H(secret, source group,
 * H(secret, group, source group) mod 64) mod 1024; position H(secret, "N" or "K", i32 bucket, key) mod 64.
 */
function corePlacement(secret: Uint8Array): Placement {
  const input = new Uint8Array(256);
  const inner = new Uint8Array(32);
  const digest = new Uint8Array(32);
  input.set(secret);
  let length = 32;
  const begin = () => (length = 32);
  const u8 = (value: number) => (input[length++] = value);
  const vector = (bytes: Uint8Array) => {
    u8(bytes.length);
    for (let i = 0; i < bytes.length; i++) input[length++] = bytes[i]!;
  };
  /** A number below 256, in `bytes` bytes. */
  const small = (value: number, bytes: number) => {
    input.fill(0, length, length + bytes);
    input[length] = value & 0xff;
    input[length + 1] = value >> 8;
    length += bytes;
  };
  /** The moduli are powers of two up to 2^16, so the first two bytes decide. */
  const finish = (): number => {
    sha256Into(input.slice(0, length), inner);
    sha256Into(inner, digest);
    return digest[0]! | (digest[1]! << 8);
  };
  return {
    triedBucket(key, group) {
      begin(), vector(key);
      const own = finish() % BOOK.triedBucketsPerGroup;
      begin(), vector(group), small(own, 8);
      return finish() % BOOK.triedBuckets;
    },
    newBucket(group, sourceGroup) {
      begin(), vector(group), vector(sourceGroup);
      const own = finish() % BOOK.newBucketsPerSourceGroup;
      begin(), vector(sourceGroup), small(own, 8);
      return finish() % BOOK.newBuckets;
    },
    position(table, bucket, key) {
      begin(), u8(table === "new" ? 0x4e : 0x4b), small(bucket, 4), vector(key);
      return finish() % BOOK.bucketSize;
    },
  };
}

/** An address, with its bytes made when they are asked for. */
class LocatedAddress implements Located {
  readonly host: string;
  readonly port: number;
  readonly network: string;
  readonly #address: NetworkAddress;
  readonly #asMap: AsMap | undefined;

  constructor(address: NetworkAddress, host: string, port: number, asMap: AsMap | undefined) {
    // IPv4 is read in its normal form only, but IPv6 can carry it.
    const isNormal = address.network === NetworkId.IPV4 && !host.includes(":");
    this.host = isNormal ? host : hostText(address.network, address.address) ?? host;
    this.port = port;
    this.network = NETWORK_NAMES[address.network] ?? "unknown";
    this.#address = address;
    this.#asMap = asMap;
  }

  get key(): Uint8Array {
    return keyOf(this.#address, this.port);
  }

  get group(): Uint8Array {
    return groupOf(this.#address, this.#asMap);
  }
}

/** The rules of Bitcoin's address book. */
export function bitcoinAddressRules({ asMap, allowPrivate = false }: BitcoinAddressOptions = {}): AddressRules {
  return {
    name: "bitcoin",
    grouping: asMap === undefined ? "bitcoin" : `bitcoin asmap ${toHex(asMap.checksum)}`,
    identity: "host and port",
    locate({ host, port }) {
      const address = addressOf(host);
      if (address === undefined || !(port >= 0 && port <= 0xffff)) return undefined;
      if (!allowPrivate && !isRoutable(address)) return undefined;
      return new LocatedAddress(address, host, port, asMap);
    },
    sourceGroup: (source) => sourceGroupOf(source, asMap),
    placement: corePlacement,
    waivesPenalty: ({ host }, source) => source === host,
    merge({ storedS, toldS, penaltyS, nowS }) {
      const intervalS = nowS - toldS < 86_400 ? 3600 : 86_400;
      const timeS = storedS < toldS - intervalS - penaltyS ? Math.max(0, toldS - penaltyS) : storedS;
      return { timeS, isNews: toldS > timeS };
    },
    draw: { kind: "scan" },
    share: (total, percent) => Math.floor(total * percent / 100),
  };
}
