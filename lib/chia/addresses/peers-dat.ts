/**
 * The file of chia-blockchain's address manager, for taking over what a node knows.
 *
 * @see chia-blockchain 2.7.5 `address_manager.py` serialize_bytes; spec section f
 * @module
 */
import ipaddr from "ipaddr.js";
import { CodecError } from "../../codec/error.ts";
import { fromHex } from "../../codec/hex.ts";
import { Reader } from "../../codec/reader.ts";
import { BOOK } from "../../core/addresses/rules.ts";
import type { BookState, EntryState } from "../../core/addresses/state.ts";
import { chiaAddressRules } from "./rules.ts";
import { list, str, struct, tuple, u64 } from "../streamable/mod.ts";

/** The older file: metadata, nodes by number, slots of the new table. */
const OldPeers = struct("PeerDataSerialization", {
  metadata: list(tuple(str, str)),
  nodes: list(tuple(u64, str)),
  newTable: list(tuple(u64, u64)),
});

/** Entries that the reference's tables can hold. */
const ENTRIES_MAX = (BOOK.newBuckets + BOOK.triedBuckets) * BOOK.bucketSize;

interface FileEntry {
  readonly host: string;
  readonly port: number;
  readonly timeS: number;
  readonly source: string;
}

/**
 * Reads a `peers.dat`. Layout, big-endian: key 32 ‖ number of new entries u64 ‖ occupied new slots u32 ‖ for each (index
 * of the new entry u64, bucket u64) ‖ entries to the end: address, port u16, timestamp u64, source address, port u16,
 * an address being 0 and 4 bytes or 1 and 16.
 *
 * The reference writes new and tried entries as they come and reads the first ones as new. Which are which is found out
 * here by their buckets, and only when that fails is it read the reference's way. Tries and successes are not in the file:
 * the tried ones count as having succeeded at their time.
 *
 * Before this there was another format, Streamable: metadata list[(str, str)] with `key` and `new_count` in decimals ‖
 * nodes list[(u64, "host port timestamp source port")] ‖ slots list[(u64 node, u64 bucket)].
 *
 * @throws CodecError when it is no such file
 */
export function readChiaPeersDat(bytes: Uint8Array): BookState {
  // As the reference does: the older format first, and what is none of it is of the newer.
  try {
    return readOldPeersDat(bytes);
  } catch (thrown) {
    if (!(thrown instanceof CodecError)) throw thrown;
  }
  const reader = new Reader(bytes);
  const key = reader.take(32).slice();
  const newCount = countOf(reader.u64(), reader.offset);
  const slotCount = reader.u32();
  if (slotCount * 16 > reader.left) throw reader.short(slotCount * 16 - reader.left);
  const buckets = new Map<number, number[]>();
  for (let i = 0; i < slotCount; i++) {
    const index = countOf(reader.u64(), reader.offset);
    const bucket = Number(reader.u64());
    if (bucket >= BOOK.newBuckets) throw new CodecError("value", `new bucket ${bucket}`, reader.offset);
    const known = buckets.get(index);
    if (known === undefined) buckets.set(index, [bucket]);
    else known.push(bucket);
  }
  const entries: FileEntry[] = [];
  while (reader.left > 0) {
    if (entries.length >= ENTRIES_MAX) throw new CodecError("count", "more entries than a book holds", reader.offset);
    const host = hostOf(reader);
    const port = reader.u16();
    const timeS = Number(reader.u64());
    const source = hostOf(reader);
    reader.u16();
    entries.push({ host, port, timeS, source });
  }
  const isNew = newOnes(entries, key, newCount, buckets);
  let index = 0;
  const states = entries.map((entry, i): EntryState => {
    const isTried = !isNew[i];
    const newBuckets = isTried ? [] : buckets.get(index++) ?? [];
    const known = { services: 0n, lastTryS: 0, attempts: 0, lastSuccessS: isTried ? entry.timeS : 0 };
    return { ...entry, ...known, isTried, newBuckets };
  });
  // A new entry without a slot is dead in the reference too.
  const alive = states.filter(({ isTried, newBuckets }) => isTried || newBuckets.length > 0);
  return { key, grouping: chiaAddressRules().grouping, lastGoodS: 1, entries: alive };
}

/** @throws CodecError for what is not of the older format */
function readOldPeersDat(bytes: Uint8Array): BookState {
  const { metadata, nodes, newTable } = OldPeers.decode(bytes);
  const wrong = (what: string) => new CodecError("value", what, 0);
  const meta = new Map(metadata);
  const [keyText = "", newText = ""] = [meta.get("key"), meta.get("new_count")];
  if (!/^[0-9]{1,78}$/.test(keyText) || !/^[0-9]{1,6}$/.test(newText)) throw wrong("no key or number of new entries");
  const key = toBigEndian(BigInt(keyText));
  if (nodes.length > ENTRIES_MAX) throw wrong(`${nodes.length} entries`);
  const buckets = new Map<bigint, number[]>();
  for (const [node, bucket] of newTable) {
    if (bucket >= BOOK.newBuckets) throw wrong(`new bucket ${bucket}`);
    buckets.set(node, [...buckets.get(node) ?? [], Number(bucket)]);
  }
  const entries = nodes.flatMap(([node, text]): EntryState[] => {
    const [host = "", port = "", time = "", source = "", ...rest] = text.split(" ");
    if (rest.length !== 1 || !/^[0-9]{1,5}$/.test(port) || !/^[0-9]{1,15}$/.test(time)) throw wrong(`entry ${node}`);
    const timeS = Number(time);
    const isTried = node >= BigInt(newText);
    const newBuckets = isTried ? [] : buckets.get(node) ?? [];
    if (!isTried && newBuckets.length === 0) return [];
    const known = { services: 0n, lastTryS: 0, attempts: 0, lastSuccessS: isTried ? timeS : 0 };
    return [{ host, port: Number(port), timeS, source, ...known, isTried, newBuckets }];
  });
  return { key, grouping: chiaAddressRules().grouping, lastGoodS: 1, entries };
}

/** 32 bytes. @throws CodecError for a number that is larger */
function toBigEndian(value: bigint): Uint8Array {
  const hex = value.toString(16).padStart(64, "0");
  if (hex.length > 64) throw new CodecError("value", "a key of more than 32 bytes", 0);
  return fromHex(hex);
}

function countOf(value: bigint, offset: number): number {
  if (value > BigInt(ENTRIES_MAX)) throw new CodecError("count", `${value} entries`, offset);
  return Number(value);
}

function hostOf(reader: Reader): string {
  const kind = reader.u8();
  if (kind > 1) throw new CodecError("value", `address of kind ${kind}`, reader.offset - 1);
  const ip = ipaddr.fromByteArray([...reader.take(kind === 0 ? 4 : 16)]);
  return ip.kind() === "ipv4" ? ip.toString() : (ip as ipaddr.IPv6).toRFC5952String();
}

/**
 * Which entries are new. The n-th new entry lies, as a rule, in the bucket that its own source leads to, so the entries
 * are walked along the slots.
 */
function newOnes(
  entries: readonly FileEntry[],
  key: Uint8Array,
  newCount: number,
  buckets: ReadonlyMap<number, readonly number[]>,
): boolean[] {
  const rules = chiaAddressRules({ allowPrivate: true });
  const placement = rules.placement(key);
  let index = 0;
  const found = entries.map((entry) => {
    const located = rules.locate(entry);
    const sourceGroup = rules.sourceGroup(entry.source);
    if (located === undefined || sourceGroup === undefined || index >= newCount) return false;
    const own = placement.newBucket(located.group, sourceGroup);
    const isNew = buckets.get(index)?.includes(own) === true;
    if (isNew) index += 1;
    return isNew;
  });
  return index === newCount ? found : entries.map((_, i) => i < newCount);
}
