/**
 * The block header: what proof of work is done on, and all that ties a block to its chain.
 *
 * @module
 */
import { Reader } from "../../codec/reader.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import { sha256d } from "../hash.ts";

/** How many bytes a serialised header has. */
export const HEADER_BYTES = 80;

/**
 * A block header.
 * Wire: version i32 LE ‖ previous block hash 32 ‖ Merkle root 32 ‖ time u32 LE ‖ bits u32 LE ‖ nonce u32 LE = 80 bytes.
 * Hashes are in wire order.
 * @see Bitcoin Core `primitives/block.h`, CBlockHeader
 */
export interface BlockHeader {
  /** Signed, 32 bits. */
  version: number;
  /** Hash of the parent's header; zeros in a genesis block. */
  prevBlockHash: Bytes32;
  /** Root of the Merkle tree over the block's txids. */
  merkleRoot: Bytes32;
  /** Seconds since 1970, unsigned, 32 bits. */
  time: number;
  /** The target in its compact form. */
  bits: number;
  /** Unsigned, 32 bits. */
  nonce: number;
}

/** Reads 80 bytes. The hashes share the reader's memory. Throws CodecError `short` when fewer are left. */
export function decodeHeader(reader: Reader): BlockHeader {
  reader.need(HEADER_BYTES);
  return {
    version: reader.u32Le() | 0,
    prevBlockHash: reader.take(32),
    merkleRoot: reader.take(32),
    time: reader.u32Le(),
    bits: reader.u32Le(),
    nonce: reader.u32Le(),
  };
}

/** Writes 80 bytes. Throws a RangeError when a hash has another length than 32 bytes. */
export function encodeHeader(writer: Writer, header: BlockHeader): void {
  const { prevBlockHash, merkleRoot } = header;
  if (prevBlockHash.length !== 32 || merkleRoot.length !== 32) throw new RangeError("a hash has 32 bytes");
  writer.u32Le(header.version);
  writer.raw(prevBlockHash);
  writer.raw(merkleRoot);
  writer.u32Le(header.time);
  writer.u32Le(header.bits);
  writer.u32Le(header.nonce);
}

/** The header of exactly 80 bytes. Throws CodecError `short` or `trailing`. */
export function headerFromBytes(bytes: Uint8Array): BlockHeader {
  const reader = new Reader(bytes);
  const header = decodeHeader(reader);
  reader.finish();
  return header;
}

/** The 80 bytes of a header. */
export function headerToBytes(header: BlockHeader): Uint8Array {
  const writer = new Writer(HEADER_BYTES);
  encodeHeader(writer, header);
  return writer.finish();
}

/** The block's hash, in wire order: SHA-256d of the 80 bytes. */
export function headerHash(header: BlockHeader): Bytes32 {
  return sha256d(headerToBytes(header));
}
