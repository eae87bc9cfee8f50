/**
 * The file of Bitcoin Core's address manager, for taking over what a node knows.
 *
 * @see Bitcoin Core `addrman.cpp` Serialize, `addrdb.cpp`; spec section g
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { equalBytes } from "../../codec/sized.ts";
import { BOOK } from "../../core/addresses/rules.ts";
import type { BookState, EntryState } from "../../core/addresses/state.ts";
import { compactSize64, readCompactSize } from "../codec/mod.ts";
import { bitcoinAddressRules } from "./rules.ts";
import { sha256d } from "../hash.ts";
import { NetworkId } from "../types/net-address.ts";
import { hostText } from "../types/net-address-text.ts";

/** The formats that are read: BIP155 addresses, and the one with an entry for each port. */
const FORMATS = [3, 4];
/** What is added to the oldest format that a reader must know. */
const COMPATIBILITY_BASE = 32;
/** How an entry says that its addresses are in BIP155's form. */
const ADDRV2_FLAG = 0x2000_0000;
/** The longest address of BIP155. */
const ADDRESS_BYTES_MAX = 512;
/** The bucket count is written with this bit turned over. */
const COUNT_MARK = 2 ** 30;

/**
 * Reads a `peers.dat` of format 3 or 4 and the network of `magic`. Layout, little-endian: magic 4 ‖ format u8 ‖ 32 + oldest
 * compatible format u8 ‖ key 32 ‖ new i32 ‖ tried i32 ‖ bucket count i32 ‖ new entries ‖ tried entries ‖ for each bucket
 * a count i32 and indices i32 ‖ AS map checksum 32 ‖ SHA-256d of all before it.
 *
 * @throws CodecError when it is no such file
 */
export function readCorePeersDat(bytes: Uint8Array, magic: Uint8Array): BookState {
  if (bytes.length < 36) throw new CodecError("short", "no peers.dat", 0);
  const end = bytes.length - 32;
  if (!equalBytes(sha256d(bytes.subarray(0, end)), bytes.subarray(end))) {
    throw new CodecError("value", "the checksum of peers.dat does not match", end);
  }
  const reader = new Reader(bytes, 0, end);
  if (!equalBytes(reader.take(4), magic)) throw new CodecError("value", "peers.dat of another network", 0);
  const format = reader.u8();
  const oldest = reader.u8() - COMPATIBILITY_BASE;
  if (!FORMATS.includes(format) || oldest > format) throw new CodecError("value", `peers.dat of format ${format}`, 4);
  const key = reader.take(32).slice();
  const newCount = countOf(reader, BOOK.newBuckets * BOOK.bucketSize);
  const triedCount = countOf(reader, BOOK.triedBuckets * BOOK.bucketSize);
  const bucketCount = (reader.u32Le() ^ COUNT_MARK) >>> 0;
  if (bucketCount > BOOK.newBuckets) throw new CodecError("count", `${bucketCount} buckets`, reader.offset - 4);
  const fresh: (EntryState | undefined)[] = [];
  for (let i = 0; i < newCount; i++) fresh.push(readEntry(reader, false));
  const tried: (EntryState | undefined)[] = [];
  for (let i = 0; i < triedCount; i++) tried.push(readEntry(reader, true));
  const buckets = fresh.map((): number[] => []);
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    for (let left = countOf(reader, BOOK.bucketSize); left > 0; left--) {
      const own = buckets[countOf(reader, newCount - 1)];
      if (own !== undefined && own.length < BOOK.referencesMax) own.push(bucket);
    }
  }
  // Buckets hold only under the groups of the writer. Its AS map is not ours to know, so with one they are found anew.
  const hasMap = reader.left >= 32 && reader.take(32).some((byte) => byte !== 0);
  const grouping = hasMap || bucketCount !== BOOK.newBuckets ? "" : bitcoinAddressRules().grouping;
  const entries = [
    ...fresh.flatMap((entry, i) => entry === undefined ? [] : [{ ...entry, newBuckets: buckets[i] ?? [] }]),
    ...tried.flatMap((entry) => entry ?? []),
  ];
  return { key, grouping, lastGoodS: 1, entries };
}

function countOf(reader: Reader, max: number): number {
  const value = reader.u32Le();
  if (value > max) throw new CodecError("count", `${value} where ${max} is the most`, reader.offset - 4);
  return value;
}

/**
 * u32 version ‖ u32 time ‖ services ‖ address ‖ port u16 BE ‖ source address ‖ last success i64 ‖ attempts i32.
 * Undefined for a network that is not known here.
 */
function readEntry(reader: Reader, isTried: boolean): EntryState | undefined {
  const version = reader.u32Le();
  if ((version & ADDRV2_FLAG) === 0) throw new CodecError("value", "an address in the old form", reader.offset - 4);
  const timeS = reader.u32Le();
  const services = compactSize64.read(reader);
  const host = readHost(reader);
  const port = reader.u16();
  const source = readHost(reader) ?? "unknown";
  const lastSuccess = BigInt.asIntN(64, reader.u64Le());
  const attempts = Math.max(0, reader.u32Le() | 0);
  if (host === undefined) return undefined;
  const lastSuccessS = lastSuccess > 0n && lastSuccess <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(lastSuccess) : 0;
  const times = { timeS, lastTryS: 0, lastSuccessS };
  return { host, port, services, source, ...times, attempts, isTried, newBuckets: [] };
}

/** The text of an address. Of a seed's name only a hash is left, which is written as IPv6 (`isInternal`). */
function readHost(reader: Reader): string | undefined {
  const network = reader.u8();
  const length = readCompactSize(reader);
  if (length > ADDRESS_BYTES_MAX) throw new CodecError("count", `an address of ${length} bytes`, reader.offset);
  const address = reader.take(length);
  const isWhole = network === NetworkId.IPV4
    ? length === 4
    : network === NetworkId.IPV6 || network === NetworkId.CJDNS
    ? length === 16
    : length === 32;
  return isWhole ? hostText(network, address) : undefined;
}
