/**
 * Where peers are, as the wire says it: 16 bytes of IPv6 in the old form, a network and its bytes in BIP155's.
 *
 * @see BIP155; Bitcoin Core `netaddress.h`
 * @module
 */
import { CodecError, within } from "../../codec/error.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";
import {
  type Codec,
  compactSize64,
  fixedBytes,
  type Infer,
  port,
  readCompactSize,
  struct,
  u32,
  u64,
  u8,
  varBytes,
} from "../codec/mod.ts";

/** What a node offers, as bits of `services`. */
export const ServiceFlag = {
  /** Serves the whole chain. */
  NETWORK: 1n << 0n,
  /** Answers BIP37 filters and BIP35 `mempool`. */
  BLOOM: 1n << 2n,
  /** Serves witnesses (BIP144). */
  WITNESS: 1n << 3n,
  /** Serves basic block filters (BIP157). */
  COMPACT_FILTERS: 1n << 6n,
  /** Serves at least the last 288 blocks (BIP159). */
  NETWORK_LIMITED: 1n << 10n,
  /** Speaks the encrypted transport (BIP324). */
  P2P_V2: 1n << 11n,
} as const;

const KNOWN_FLAGS: readonly (readonly [bigint, string])[] = Object.entries(ServiceFlag).map(([name, bit]) =>
  [bit, name] as const
);

/** The names of the bits, as `getpeerinfo` lists them: `NETWORK`, or `UNKNOWN[2^5]` for one without a name. */
export function serviceNames(services: bigint): string[] {
  const names: string[] = [];
  for (let bit = 0n; bit < 64n; bit++) {
    if (((services >> bit) & 1n) === 0n) continue;
    names.push(KNOWN_FLAGS.find(([flag]) => flag === 1n << bit)?.[1] ?? `UNKNOWN[2^${bit}]`);
  }
  return names;
}

/** An address without the time: in `version`. Wire: services u64 ‖ IPv6 16 ‖ port u16 BE = 26 bytes. */
export const NetAddress = struct("net_address", { services: u64, ip: fixedBytes(16), port });
/** `ip` is an IPv6 address, or an IPv4 one as `::ffff:a.b.c.d`. */
export type NetAddress = Infer<typeof NetAddress>;

/** An address of `addr`. Wire: time u32 ‖ {@link NetAddress} = 30 bytes; `time` in seconds since 1970. */
export const TimedNetAddress = struct("timed_net_address", { time: u32, ...NetAddress.fields });
/** When a peer was last heard of, and where. */
export type TimedNetAddress = Infer<typeof TimedNetAddress>;

/** An unknown address: what is sent in place of one that IPv6 cannot express. */
export const NO_ADDRESS: NetAddress = { services: 0n, ip: new Uint8Array(16), port: 0 };

/** The networks of BIP155 by their number on the wire. */
export const NetworkId = { IPV4: 1, IPV6: 2, TORV2: 3, TORV3: 4, I2P: 5, CJDNS: 6, YGGDRASIL: 7 } as const;
/** A network of BIP155. */
export type NetworkId = typeof NetworkId[keyof typeof NetworkId];

/** How long an address is where Core knows the network. TORV2 and YGGDRASIL are not among them: entries are skipped. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = {
  [NetworkId.IPV4]: 4,
  [NetworkId.IPV6]: 16,
  [NetworkId.TORV3]: 32,
  [NetworkId.I2P]: 32,
  [NetworkId.CJDNS]: 16,
};
/** An address of an unknown network may be this long. */
const ADDRESS_BYTES_MAX = 512;
const AddressBytes = varBytes(ADDRESS_BYTES_MAX);

/** Where a peer is, on one of the networks of BIP155. */
export interface NetAddressV2 {
  /** Seconds since 1970, 32 bits. */
  readonly time: number;
  readonly services: bigint;
  /** A {@link NetworkId}, or a number that nobody knows yet: such an entry is skipped. */
  readonly network: number;
  readonly address: Uint8Array;
  readonly port: number;
}

/** Whether entries of this network are used; others are passed over without blame. */
export function isKnownNetwork(network: number): boolean {
  return ADDRESS_BYTES[network] !== undefined;
}

/**
 * An entry of `addrv2`. Wire: time u32 ‖ services CompactSize ‖ network u8 ‖ address varbytes ‖ port u16 BE.
 * The wrong length for a known network is {@link CodecError} `count`, which drops the whole message.
 */
export const NetAddressV2: Codec<NetAddressV2> = {
  type: "net_address_v2",
  minSize: 9,
  maxSize: 4 + 9 + 1 + AddressBytes.maxSize + 2,
  read(reader: Reader) {
    let field = "time";
    try {
      const time = reader.u32Le();
      field = "services";
      const services = compactSize64.read(reader);
      field = "network";
      const network = reader.u8();
      field = "address";
      const start = reader.offset;
      const length = readCompactSize(reader);
      checkLength(network, length, start);
      const address = reader.take(length);
      field = "port";
      return { time, services, network, address, port: reader.u16() };
    } catch (thrown) {
      throw within(field, thrown);
    }
  },
  write(writer: Writer, { time, services, network, address, port: number }: NetAddressV2) {
    u32.write(writer, time);
    compactSize64.write(writer, services);
    u8.write(writer, network);
    checkLength(network, address.length, -1);
    AddressBytes.write(writer, address);
    port.write(writer, number);
  },
};

function checkLength(network: number, length: number, offset: number): void {
  const wanted = ADDRESS_BYTES[network];
  if (wanted === undefined ? length <= ADDRESS_BYTES_MAX : length === wanted) return;
  const most = wanted === undefined ? `${ADDRESS_BYTES_MAX} are the most` : `network ${network} has ${wanted}`;
  throw new CodecError(offset < 0 ? "value" : "count", `${length} bytes of address where ${most}`, offset);
}
