/**
 * Arguments that stand for something: hashes, hex, heights, rows of the header tree.
 *
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import { fromDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { MAX_MONEY } from "../../bitcoin/types/money.ts";
import type { Json } from "../../codec/json.ts";
import { invalidParameter, JsonRpcError, notFound, RpcCode } from "./error.ts";
import { wrongType } from "./method.ts";

/** Text that is quoted in an error. */
const shown = (text: string) => (text.length > 100 ? `${text.slice(0, 100)}…` : text);

/** A hash in wire order from its display form. Throws −8, naming the parameter, for anything else. */
export function parseHash(text: string, name: string): Uint8Array {
  if (text.length !== 64) {
    throw invalidParameter(`${name} must be of length 64 (not ${text.length}, for '${shown(text)}')`);
  }
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw invalidParameter(`${name} must be hexadecimal string (not '${shown(text)}')`);
  }
  return fromDisplayHex(text.toLowerCase());
}

/** Whether text is hex of whole bytes, at least one. */
export function isHex(text: string): boolean {
  return text.length > 0 && text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text);
}

/** Bytes of hex. Throws −8, naming the parameter, for anything else. */
export function parseHex(text: string, name: string): Uint8Array {
  if (!isHex(text)) throw invalidParameter(`${name} must be hexadecimal string (not '${shown(text)}')`);
  return fromHex(text.toLowerCase());
}

/** The row of a block that is known by its header. Throws −5 when there is none. */
export function rowOfHash(
  bitcoin: BitcoinService,
  text: string,
  name = "blockhash",
  missing = "Block not found",
): number {
  const row = bitcoin.headers.find(parseHash(text, name));
  if (row < 0) throw notFound(missing);
  return row;
}

/** How much is wanted: a number, or true for 1 and false for 0. Throws −3 for another type. */
export function parseVerbosity(value: Json, standard: number): number {
  if (value === null) return standard;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "number") throw wrongType(value, "number");
  if (!Number.isInteger(value)) throw new JsonRpcError(RpcCode.misc, "JSON integer out of range");
  return value;
}

/** The row that an argument names, by hash or by height of the active chain. Throws −8, −5, −3. */
export function rowOfHashOrHeight(bitcoin: BitcoinService, value: Json): number {
  const { headers, tip } = bitcoin;
  if (typeof value === "number") {
    if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 31) {
      throw new JsonRpcError(RpcCode.misc, "JSON integer out of range");
    }
    if (value < 0) throw invalidParameter(`Target block height ${value} is negative`);
    const top = headers.height(tip);
    if (value > top) throw invalidParameter(`Target block height ${value} after current tip ${top}`);
    return bitcoin.activeAt(value);
  }
  if (typeof value !== "string") throw wrongType(value, "string");
  const row = headers.find(parseHash(value, "hash_or_height"));
  if (row < 0) throw notFound("Block not found");
  return row;
}

/** Satoshi per bitcoin, as decimals. */
const AMOUNT_DECIMALS = 8;

/** Satoshi of an amount in bitcoin, a number or its text. Throws −3 for another type, one of more decimals, or one beyond all money. */
export function parseAmount(value: Json): bigint {
  if (typeof value !== "number" && typeof value !== "string" && typeof value !== "bigint") {
    throw new JsonRpcError(RpcCode.type, "Amount is not a number or string");
  }
  const [, sign = "", whole = "", part = "", power = "0"] =
    /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,3}))?$/.exec(String(value)) ?? [];
  if (whole === "") throw new JsonRpcError(RpcCode.type, "Invalid amount");
  // The decimal point moves by the power and by the decimals of satoshi.
  const places = AMOUNT_DECIMALS + Number(power) - part.length;
  const digits = BigInt(whole + part);
  const unit = 10n ** BigInt(Math.abs(places));
  if (places < 0 && digits % unit !== 0n) throw new JsonRpcError(RpcCode.type, "Invalid amount");
  const satoshi = places < 0 ? digits / unit : digits * unit;
  if (satoshi > MAX_MONEY || (sign === "-" && satoshi > 0n)) {
    throw new JsonRpcError(RpcCode.type, "Amount out of range");
  }
  return satoshi;
}
