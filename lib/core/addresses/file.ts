/**
 * The file of an address book: CBOR with a version and a checksum.
 *
 * @module
 */
import { Decoder, Encoder } from "cbor-x";
import { sha256 } from "../../codec/sha256.ts";
import { equalBytes } from "../../codec/sized.ts";
import { messageOf, NodeError } from "../errors.ts";
import { BOOK } from "./rules.ts";
import type { BookState, EntryState } from "./state.ts";

/** The version that is written. */
export const BOOK_FILE_VERSION = 2;
/** A full book takes about 8 MB. */
export const BOOK_FILE_BYTES_MAX = 32 * 1024 * 1024;

const ENTRIES_MAX = (BOOK.newBuckets + BOOK.triedBuckets) * BOOK.bucketSize;
/** The longest host or name of a seed. */
const NAME_LENGTH_MAX = 255;

const options = { useRecords: false, mapsAsObjects: true, variableMapSize: true, tagUint8Array: false } as const;
const encoder = new Encoder(options);
const decoder = new Decoder(options);

/** What a file holds once its version has been seen to. */
export interface BookFile {
  /** The network's name (`AddressRules.name`). */
  readonly network: string;
  readonly state: BookState;
  /** Whether the file had an older version. */
  readonly isMigrated: boolean;
}

/**
 * The bytes of a file: a map of `version`, `checksum` (SHA-256 of `body`) and `body`, the CBOR of the network's name, the
 * key, the grouping and the entries, each an array in the order of {@link EntryState}'s fields.
 */
export function encodeBook(network: string, state: BookState): Uint8Array {
  const { key, grouping, lastGoodS, entries } = state;
  const body = new Uint8Array(
    encoder.encode({
      ...{ network, key, grouping, lastGoodS },
      entries: entries.map((entry) => [
        entry.host,
        entry.port,
        entry.services,
        entry.source,
        entry.timeS,
        entry.lastTryS,
        entry.lastSuccessS,
        entry.attempts,
        entry.isTried,
        entry.newBuckets,
      ]),
    }),
  );
  return new Uint8Array(encoder.encode({ version: BOOK_FILE_VERSION, checksum: sha256(body), body }));
}

/**
 * Reads a file. `newKey` is the secret of a book whose version had none. Version 1 was a plain list of peers with times in
 * milliseconds.
 *
 * @throws NodeError `addresses_damaged` when it is no such file, `addresses_too_new` when a later version wrote it
 */
export function decodeBook(bytes: Uint8Array, newKey: () => Uint8Array): BookFile {
  if (bytes.length > BOOK_FILE_BYTES_MAX) throw damaged(`${bytes.length} bytes`);
  const file = mapOf(decode(bytes));
  const { version } = file;
  if (version === 1) return { ...fromVersion1(file, newKey), isMigrated: true };
  if (typeof version === "number" && version > BOOK_FILE_VERSION) {
    throw new NodeError("addresses_too_new", "self", `the address book has version ${version}`);
  }
  const { checksum, body } = file;
  if (version !== BOOK_FILE_VERSION || !(body instanceof Uint8Array) || !(checksum instanceof Uint8Array)) {
    throw damaged("no address book");
  }
  if (!equalBytes(sha256(body), checksum)) throw damaged("the checksum does not match");
  const { network, key, grouping, lastGoodS, entries } = mapOf(decode(body));
  if (!(key instanceof Uint8Array) || key.length !== 32) throw damaged("no key");
  const state = {
    key: key.slice(),
    grouping: text(grouping),
    lastGoodS: count(lastGoodS),
    entries: list(entries, ENTRIES_MAX).map(entryOf),
  };
  return { network: text(network), state, isMigrated: false };
}

function fromVersion1(file: Record<string, unknown>, newKey: () => Uint8Array): Omit<BookFile, "isMigrated"> {
  const seconds = (ms: unknown) => Math.floor(count(ms) / 1000);
  const entries = list(file.peers, ENTRIES_MAX).map((item): EntryState => {
    const { host, port, source, lastTry, lastSuccess } = mapOf(item);
    const lastSuccessS = seconds(lastSuccess);
    return {
      host: text(host),
      port: count(port, 0xffff),
      services: 0n,
      source: text(source),
      // The old list knew no time of its own: what was reached was last seen then.
      timeS: lastSuccessS,
      lastTryS: seconds(lastTry),
      lastSuccessS,
      attempts: 0,
      isTried: lastSuccessS > 0,
      newBuckets: [],
    };
  });
  return { network: text(file.network), state: { key: newKey(), grouping: "", lastGoodS: 1, entries } };
}

function entryOf(item: unknown): EntryState {
  const fields = list(item, 10);
  const [host, port, services, source, timeS, lastTryS, lastSuccessS, attempts, isTried, newBuckets] = fields;
  if (typeof isTried !== "boolean") throw damaged("an entry is malformed");
  return {
    host: text(host),
    port: count(port, 0xffff),
    services: flags(services),
    source: text(source),
    timeS: count(timeS),
    lastTryS: count(lastTryS),
    lastSuccessS: count(lastSuccessS),
    attempts: count(attempts),
    isTried,
    newBuckets: list(newBuckets, BOOK.referencesMax).map((bucket) => count(bucket, BOOK.newBuckets - 1)),
  };
}

function decode(bytes: Uint8Array): unknown {
  try {
    // The decoder leaves a property on the array that it is given.
    return decoder.decode(bytes.subarray());
  } catch (cause) {
    throw damaged(messageOf(cause), cause);
  }
}

function damaged(why: string, cause?: unknown): NodeError {
  return new NodeError("addresses_damaged", "self", `the address book is damaged: ${why}`, { cause });
}

function mapOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw damaged("a map is missing");
  return value as Record<string, unknown>;
}

function list(value: unknown, max: number): unknown[] {
  if (!Array.isArray(value) || value.length > max) throw damaged("a list is missing or too long");
  return value;
}

function text(value: unknown): string {
  if (typeof value !== "string" || value.length > NAME_LENGTH_MAX) throw damaged("a text is missing or too long");
  return value;
}

function count(value: unknown, max = Number.MAX_SAFE_INTEGER): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 0 || number > max) {
    throw damaged("a number is missing or out of range");
  }
  return number;
}

/** 64 bits. Small bigints come back as numbers. */
function flags(value: unknown): bigint {
  const bits = typeof value === "bigint" ? value : BigInt(count(value));
  // Of a negative number every bit above is set.
  if (bits >> 64n !== 0n) throw damaged("a number is out of range");
  return bits;
}
