/**
 * A coin, and its bytes as Core has them in its database, in snapshots and in undo files.
 *
 * @see Bitcoin Core `coins.h` (Coin), `compressor.h` (TxOutCompression)
 * @module
 */
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { readVarInt, readVarInt64, writeVarInt } from "../codec/mod.ts";
import { decompressAmount, writeAmount } from "./amount.ts";
import { readScript, writeScript } from "./script.ts";

/** An output that is not spent. */
export interface Coin {
  /** Satoshi. */
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
  /** Height of the block that made it. */
  readonly height: number;
  /** Whether a coinbase made it: it may be spent a hundred blocks later. */
  readonly isCoinbase: boolean;
}

/** Height and coinbase as one number: height × 2 + coinbase. */
export const codeOf = ({ height, isCoinbase }: Pick<Coin, "height" | "isCoinbase">): number =>
  height * 2 + Number(isCoinbase);

/** Amount and script: VARINT compressed amount ‖ compressed script. Throws {@link CodecError} for an amount below 0. */
export function writeOutput(writer: Writer, { value, scriptPubKey }: Pick<Coin, "value" | "scriptPubKey">): void {
  writeAmount(writer, value);
  writeScript(writer, scriptPubKey);
}

/** Reads what {@link writeOutput} wrote. Throws {@link CodecError}. */
export function readOutput(reader: Reader): Pick<Coin, "value" | "scriptPubKey"> {
  const value = decompressAmount(readVarInt64(reader));
  return { value, scriptPubKey: readScript(reader) };
}

/** VARINT height × 2 + coinbase ‖ VARINT compressed amount ‖ compressed script. */
export function writeCoin(writer: Writer, coin: Coin): void {
  writeVarInt(writer, codeOf(coin));
  writeOutput(writer, coin);
}

/** Reads what {@link writeCoin} wrote. Throws {@link CodecError}. */
export function readCoin(reader: Reader): Coin {
  const code = readVarInt(reader);
  const value = decompressAmount(readVarInt64(reader));
  return { value, scriptPubKey: readScript(reader), height: Math.floor(code / 2), isCoinbase: code % 2 === 1 };
}

/** Coins are written here before their length is known. */
const scratch = new Writer(256);

/** The bytes of {@link writeCoin} as a view, which is good until the next coin is written. */
export function coinView(coin: Coin): Uint8Array {
  scratch.clear();
  writeCoin(scratch, coin);
  return scratch.view();
}

/** The bytes of {@link writeCoin}. */
export const encodeCoin = (coin: Coin): Uint8Array => coinView(coin).slice();

/** The coin of these bytes. Throws {@link CodecError}; `trailing` for bytes behind it. */
export function decodeCoin(bytes: Uint8Array): Coin {
  const reader = new Reader(bytes);
  const coin = readCoin(reader);
  reader.finish();
  return coin;
}
