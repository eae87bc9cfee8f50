/**
 * What takes a block back: the coins that it spent. Where they lie is not written when they are those of the block's
 * inputs, in that order, for the block itself says it.
 *
 * ```
 * checksum 8 ‖ 0 or 1 ‖ VARINT count ‖ for each coin: where it lies (36 bytes, only after a 1) ‖ the coin
 * ```
 *
 * The checksum is the first 8 bytes of SHA-256 of the block's hash and all that follows, so that the record of another
 * block is not taken for this one's.
 *
 * @see Bitcoin Core `undo.h`, whose records have the spent outputs of the same block too
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { sha256 } from "../../codec/sha256.ts";
import { equalBytes } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import { readVarInt, writeVarInt } from "../codec/mod.ts";
import type { Block } from "../types/block.ts";
import { type OutPoint, OutPointCodec } from "../types/transaction-parts.ts";
import { outsideInputs, type PlacedCoin } from "./changes.ts";
import { readCoin, writeCoin } from "./coin.ts";

const CHECKSUM_BYTES = 8;
const IMPLIED = 0;
const SPELT_OUT = 1;
/** Room for a coin, as a first guess. */
const COIN_BYTES = 40;

/** A coin that a block spent, in the bytes of the store. */
export interface SpentCoin {
  readonly outpoint: OutPoint;
  readonly bytes: Uint8Array;
}

/** The record of a block that spent these coins. Without the block it is said of each where it lies. */
export function encodeUndo(hash: Uint8Array, spent: readonly PlacedCoin[], block: Block | undefined): Uint8Array {
  const inputs = block === undefined ? [] : outsideInputs(block);
  const isImplied = inputs.length === spent.length && spent.every(({ outpoint }, i) => isSame(outpoint, inputs[i]!));
  const writer = new Writer(CHECKSUM_BYTES + 8 + spent.length * COIN_BYTES);
  writer.raw(new Uint8Array(CHECKSUM_BYTES));
  writer.u8(isImplied ? IMPLIED : SPELT_OUT);
  writeVarInt(writer, spent.length);
  for (const { outpoint, coin } of spent) {
    if (!isImplied) OutPointCodec.write(writer, outpoint);
    writeCoin(writer, coin);
  }
  const bytes = writer.finish();
  bytes.set(checksumOf(hash, bytes));
  return bytes;
}

/** The coins of a record. Throws {@link CodecError} for one that is damaged, or that is another block's. */
export function decodeUndo(hash: Uint8Array, bytes: Uint8Array, block: Block): SpentCoin[] {
  if (!equalBytes(bytes.subarray(0, CHECKSUM_BYTES), checksumOf(hash, bytes))) {
    throw new CodecError("value", "the checksum is another one");
  }
  const reader = new Reader(bytes, CHECKSUM_BYTES);
  const inputs = reader.u8() === IMPLIED ? outsideInputs(block) : undefined;
  const count = readVarInt(reader);
  if (inputs !== undefined && inputs.length !== count) {
    throw new CodecError("count", `${count} coins of ${inputs.length} inputs`);
  }
  const spent: SpentCoin[] = [];
  for (let i = 0; i < count; i++) {
    const outpoint = inputs?.[i] ?? OutPointCodec.read(reader);
    const from = reader.offset;
    readCoin(reader);
    spent.push({ outpoint, bytes: bytes.slice(from, reader.offset) });
  }
  reader.finish();
  return spent;
}

const checksumOf = (hash: Uint8Array, bytes: Uint8Array) =>
  sha256(hash, bytes.subarray(CHECKSUM_BYTES)).subarray(0, CHECKSUM_BYTES);

const isSame = (a: OutPoint, b: OutPoint) => a.vout === b.vout && equalBytes(a.txid, b.txid);
