/**
 * Compact blocks: how they are written, and the short ids in them.
 *
 * @see BIP152, version 2
 * @module
 */
import { CodecError, within } from "../../codec/error.ts";
import { sha256 } from "../../codec/sha256.ts";
import { sipHash24 } from "../../codec/siphash.ts";
import { Writer } from "../../codec/writer.ts";
import {
  badValue,
  type Codec,
  COMPACT_SIZE_MAX,
  type Infer,
  readCompactSize,
  struct,
  u64,
  vector,
  writeCompactSize,
} from "../codec/mod.ts";
import type { Block } from "./block.ts";
import { type BlockHeader, headerToBytes } from "./header.ts";
import { headerCodec } from "./header-codec.ts";
import { Transaction, TRANSACTION_BYTES_MIN } from "./transaction.ts";

/** The highest index that fits the protocol's 16 bits. */
export const INDEX_MAX = 0xffff;

/** Six bytes, little-endian, as a number. */
const shortId: Codec<number> = {
  type: "u48",
  minSize: 6,
  maxSize: 6,
  read(reader) {
    reader.need(6);
    return reader.u32Le() + reader.u16Le() * 2 ** 32;
  },
  write(writer, value) {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 48) throw badValue("u48", value);
    writer.u32Le(value % 2 ** 32);
    writer.u16Le(Math.floor(value / 2 ** 32));
  },
};

/** A transaction of a compact block that is sent whole. `index` is its place in the block. */
export interface PrefilledTransaction {
  readonly index: number;
  readonly transaction: Transaction;
}

/**
 * Transactions and their places. On the wire each place is the distance from the one before, less one. A distance above
 * 16 bits is an error of the bytes; a sum above is for the code that rebuilds the block to judge, since it costs the peer more.
 */
const Prefilled: Codec<readonly PrefilledTransaction[]> = {
  type: "vector<prefilled>",
  minSize: 1,
  maxSize: Infinity,
  read(reader) {
    const start = reader.offset;
    const count = readCompactSize(reader);
    if (count * (1 + TRANSACTION_BYTES_MIN) > reader.left) {
      throw new CodecError("count", `${count} elements cannot be in ${reader.left} bytes`, start);
    }
    const prefilled: PrefilledTransaction[] = [];
    let next = 0;
    try {
      for (let i = 0; i < count; i++) {
        const at = reader.offset;
        const distance = readCompactSize(reader);
        if (distance > INDEX_MAX) throw new CodecError("count", `a distance of ${distance}`, at).within("index");
        const index = next + distance;
        next = index + 1;
        prefilled.push({ index, transaction: Transaction.read(reader) });
      }
    } catch (thrown) {
      throw within(`[${prefilled.length}]`, thrown);
    }
    return prefilled;
  },
  write(writer, prefilled) {
    writeCompactSize(writer, prefilled.length);
    let next = 0;
    for (const { index, transaction: whole } of prefilled) {
      const distance = index - next;
      if (!(distance >= 0 && distance <= INDEX_MAX)) throw badValue("ascending index", index);
      writeCompactSize(writer, distance);
      writer.raw(whole.raw);
      next = index + 1;
    }
  },
};

/** Ascending places in a block, at most 16 bits each; on the wire as distances. */
export const Indexes: Codec<readonly number[]> = {
  type: "indexes",
  minSize: 1,
  maxSize: COMPACT_SIZE_MAX,
  read(reader) {
    const start = reader.offset;
    const count = readCompactSize(reader);
    if (count > reader.left) {
      throw new CodecError("count", `${count} elements cannot be in ${reader.left} bytes`, start);
    }
    const indexes: number[] = [];
    let next = 0;
    try {
      for (let i = 0; i < count; i++) {
        const at = reader.offset;
        const index = next + readCompactSize(reader);
        if (index > INDEX_MAX) throw new CodecError("count", `an index of ${index}`, at);
        next = index + 1;
        indexes.push(index);
      }
    } catch (thrown) {
      throw within(`[${indexes.length}]`, thrown);
    }
    return indexes;
  },
  write(writer, indexes) {
    writeCompactSize(writer, indexes.length);
    let next = 0;
    for (const index of indexes) {
      if (!Number.isInteger(index) || index < next || index > INDEX_MAX) throw badValue("ascending index", index);
      writeCompactSize(writer, index - next);
      next = index + 1;
    }
  },
};

/** A header, the short ids of the block's transactions, and those transactions that are sent whole. */
export const CompactBlock = struct("cmpctblock", {
  header: headerCodec,
  nonce: u64,
  shortIds: vector(shortId),
  prefilled: Prefilled,
});
/** A block without most of its transactions. */
export type CompactBlock = Infer<typeof CompactBlock>;

/** The key that a block and a nonce give: the first 16 bytes of SHA-256(header ‖ nonce u64 LE). */
export type ShortIdKey = readonly [number, number, number, number];

/** The key of a compact block's short ids. */
export function shortIdKey(header: BlockHeader, nonce: bigint): ShortIdKey {
  const tail = new Writer(8);
  tail.u64Le(nonce);
  const digest = sha256(headerToBytes(header), tail.finish());
  const view = new DataView(digest.buffer, digest.byteOffset);
  return [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true), view.getUint32(12, true)];
}

/** The short id of a transaction: the low 48 bits of SipHash-2-4 over its wtxid. */
export function shortIdOf(key: ShortIdKey, wtxid: Uint8Array): number {
  return Number(sipHash24(key, wtxid) & 0xffff_ffff_ffffn);
}

/** The compact form of a block: short ids of all but the coinbase, which nobody can have and goes whole. */
export function compactBlock(block: Block, nonce: bigint): CompactBlock {
  const [coinbase, ...others] = block.transactions;
  if (coinbase === undefined) throw new RangeError("a block without transactions");
  const key = shortIdKey(block.header, nonce);
  return {
    header: block.header,
    nonce,
    shortIds: others.map(({ wtxid }) => shortIdOf(key, wtxid)),
    prefilled: [{ index: 0, transaction: coinbase }],
  };
}
