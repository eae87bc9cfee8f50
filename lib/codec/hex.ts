/**
 * Hexadecimal text.
 *
 * @module
 */
import { CodecError } from "./error.ts";

/**
 * Lower-case hexadecimal, two digits a byte, without a prefix.
 *
 * @example
 * ```ts
 * import { toHex } from "gemel";
 *
 * assert.equal(toHex(Uint8Array.of(1, 0xab)), "01ab");
 * ```
 */
export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/**
 * The bytes of hexadecimal text in either case, with or without `0x`. Throws {@link CodecError} `json` on an odd number
 * of digits or another character.
 *
 * @example
 * ```ts
 * import { fromHex } from "gemel";
 *
 * assert.deepEqual(fromHex("01ab"), Uint8Array.of(1, 0xab));
 * ```
 */
export function fromHex(text: string): Uint8Array {
  const start = text.startsWith("0x") ? 2 : 0;
  const digits = text.length - start;
  if (digits % 2 !== 0) throw new CodecError("json", `an odd number of hex digits (${digits})`);
  const bytes = new Uint8Array(digits / 2);
  for (let i = 0, at = start; i < bytes.length; i++, at += 2) {
    const byte = (nibble(text.charCodeAt(at)) << 4) | nibble(text.charCodeAt(at + 1));
    if (byte < 0) throw new CodecError("json", `not hexadecimal at character ${at}`);
    bytes[i] = byte;
  }
  return bytes;
}

/** The value of a hex digit, or -1. */
function nibble(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
