/**
 * Request fields read as the reference reads them, with the words it uses when it cannot: clients compare and print
 * these texts, so Python's own (`int()`, `bytes.fromhex`) are kept.
 *
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import type { Json, JsonObject } from "../../codec/json.ts";
import { RpcError, type RpcErrorCode } from "../errors.ts";

/** `name in request`, of whatever a request is: a list and a text have members too. Only an object's own fields count. */
export function has(request: Json, name: string): boolean {
  if (Array.isArray(request) || typeof request === "string") return request.includes(name);
  if (typeof request === "object" && request !== null) return Object.hasOwn(request, name);
  throw new RpcError("UNKNOWN", `argument of type '${pythonType(request)}' is not iterable`);
}

/** `request[name]`, or the error that Python gives: a missing key prints as its name. */
export function item(request: Json, name: string): Json {
  if (typeof request === "string") throw new RpcError("UNKNOWN", "string indices must be integers, not 'str'");
  if (Array.isArray(request)) throw new RpcError("UNKNOWN", "list indices must be integers or slices, not str");
  if (typeof request !== "object" || request === null) {
    throw new RpcError("UNKNOWN", `'${pythonType(request)}' object is not subscriptable`);
  }
  const fields = request as JsonObject;
  if (!Object.hasOwn(fields, name)) throw new RpcError("UNKNOWN", name);
  return fields[name]!;
}

/** A field that the reference asks for by name before it reads it: the given error when it is missing. */
export function required(request: Json, name: string, code: RpcErrorCode, message: string): Json {
  if (!has(request, name)) throw new RpcError(code, message);
  return item(request, name);
}

/** A field that may be missing. */
export function optional(request: Json, name: string): Json | undefined {
  return has(request, name) ? item(request, name) : undefined;
}

/** Python's name of a JSON value's type. */
export function pythonType(value: Json): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  if (typeof value === "string") return "str";
  return Array.isArray(value) ? "list" : "dict";
}

/** `repr()` of a JSON value, for scalars. */
export function pythonRepr(value: Json): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
    return quote + value.replaceAll("\\", "\\\\").replaceAll(quote, "\\" + quote).replaceAll("\n", "\\n") + quote;
  }
  return typeof value === "object" ? (Array.isArray(value) ? "[...]" : "{...}") : String(value);
}

/** `repr()` of bytes: `b'\x00A'`. */
function bytesRepr(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    if (byte === 0x5c || char === quote) text += "\\" + char;
    else if (byte === 0x09) text += "\\t";
    else if (byte === 0x0a) text += "\\n";
    else if (byte === 0x0d) text += "\\r";
    else if (byte < 0x20 || byte > 0x7e) text += "\\x" + byte.toString(16).padStart(2, "0");
    else text += char;
  }
  return `b${quote}${text}${quote}`;
}

/** Longest text that is taken for a number: Python's own limit on digits is 4300. */
const DIGITS_MAX = 4_300;

/** `int(value)`: numbers are cut to whole ones, texts may have spaces around and underscores between digits. */
export function toInt(value: Json): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return BigInt(Math.trunc(value));
  if (typeof value === "string") {
    const text = value.trim();
    if (text.length <= DIGITS_MAX && /^[+-]?[0-9]+(_[0-9]+)*$/.test(text)) {
      const digits = text.replaceAll("_", "").replace(/^\+/, "");
      return digits.startsWith("-") ? -BigInt(digits.slice(1)) : BigInt(digits);
    }
    throw new RpcError("UNKNOWN", `invalid literal for int() with base 10: ${pythonRepr(value.slice(0, 200))}`);
  }
  throw new RpcError(
    "UNKNOWN",
    `int() argument must be a string, a bytes-like object or a real number, not '${pythonType(value)}'`,
  );
}

/** `uintN(value)`. */
export function toUint(value: Json, bits: 16 | 32): number {
  const int = toInt(value);
  if (int < 0n || int >= 1n << BigInt(bits)) {
    throw new RpcError("UNKNOWN", `Value ${int} does not fit into uint${bits}`);
  }
  return Number(int);
}

/** `hexstr_to_bytes(value)`: `0x` or `0X` may be there, spaces may stand between bytes. */
export function toBytes(value: Json): Uint8Array {
  if (typeof value !== "string") {
    throw new RpcError("UNKNOWN", `'${pythonType(value)}' object has no attribute 'startswith'`);
  }
  const text = /^0[xX]/.test(value) ? value.slice(2) : value;
  let digits = "";
  for (let at = 0; at < text.length;) {
    if (" \t\n\r\v\f".includes(text[at]!)) {
      at += 1;
      continue;
    }
    for (const position of [at, at + 1]) {
      if (!/^[0-9a-fA-F]$/.test(text[position] ?? "")) {
        throw new RpcError("UNKNOWN", `non-hexadecimal number found in fromhex() arg at position ${position}`);
      }
    }
    digits += text.slice(at, at + 2);
    at += 2;
  }
  return fromHex(digits);
}

/** `bytes32.from_hexstr(value)`. */
export function toHash(value: Json): Uint8Array {
  const bytes = toBytes(value);
  if (bytes.length === 32) return bytes;
  throw new RpcError("UNKNOWN", `bad bytes32 initializer ${bytesRepr(bytes.subarray(0, 64))}`);
}

/** Whether Python takes the value for true. */
export function isTruthy(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === false || value === "" || value === 0 || value === 0n) {
    return false;
  }
  return typeof value !== "object" || (Array.isArray(value) ? value : Object.keys(value)).length > 0;
}
