/**
 * JSON as Bitcoin Core prints it: keys in the order in which they were set, amounts with eight decimals and doubles with
 * sixteen digits, so that a client that reads them exactly sees what Core would have shown.
 *
 * @see Bitcoin Core `univalue`, `core_io.cpp` (ValueFromAmount)
 * @module
 */
import type { Json } from "../../codec/json.ts";

/** JSON that is text already: an amount, whose digits no double may round, or what was printed before. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a method may answer. A key whose value is undefined is left out. */
export type RpcJson =
  | string
  | number
  | bigint
  | boolean
  | null
  | JsonText
  | readonly RpcJson[]
  | RpcObject;
/** An object of an answer. */
export type RpcObject = { readonly [name: string]: RpcJson | undefined };

/** Satoshi per bitcoin. */
const COIN = 100_000_000n;

/** An amount in bitcoin, with all eight decimals: `0.18000000`. */
export function amountJson(satoshi: bigint): JsonText {
  const size = satoshi < 0n ? -satoshi : satoshi;
  const text = `${size / COIN}.${(size % COIN).toString().padStart(8, "0")}`;
  return new JsonText(satoshi < 0n ? `-${text}` : text);
}

/** Digits of a double in Core's answers (`std::setprecision(16)`). */
const DOUBLE_DIGITS = 16;

/**
 * A number as C++ streams print it with sixteen significant digits (`%.16g`): `4.656542373906925e-10`, `1`, `0.5`.
 * Throws a RangeError for what JSON cannot say.
 */
export function doubleText(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`no JSON number: ${value}`);
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(DOUBLE_DIGITS - 1).split("e") as [string, string];
  const exponent = Number(power);
  if (exponent < -4 || exponent >= DOUBLE_DIGITS) {
    const size = Math.abs(exponent).toString().padStart(2, "0");
    return `${withoutZeros(mantissa)}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  return withoutZeros(value.toFixed(DOUBLE_DIGITS - 1 - exponent));
}

function withoutZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** The text of an answer. Safe integers keep all their digits. */
export function rpcText(value: RpcJson): string {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : doubleText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (value instanceof JsonText) return value.text;
  if (isArray(value)) return `[${value.map(rpcText).join(",")}]`;
  const parts: string[] = [];
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member !== undefined) parts.push(`${JSON.stringify(key)}:${rpcText(member)}`);
  }
  return `{${parts.join(",")}}`;
}

/** `Array.isArray` does not narrow a readonly array away. */
function isArray(value: readonly RpcJson[] | RpcObject): value is readonly RpcJson[] {
  return Array.isArray(value);
}

/** The name of a value's type as Core calls it in its errors. */
export function typeName(value: Json): "null" | "bool" | "string" | "number" | "array" | "object" {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "string":
      return "string";
    case "object":
      return "object";
    default:
      return "number";
  }
}
