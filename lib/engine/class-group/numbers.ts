/**
 * Whole numbers outside of the module: BigInt where they go in and out, and where there is no module.
 *
 * @module
 */

/** The form a x² + b x y + c y² of a negative discriminant b² − 4 a c, with a above 0. */
export interface Form {
  readonly a: bigint;
  readonly b: bigint;
  readonly c: bigint;
}

export const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

/** The rest from 0 up, for a divisor above 0. */
export function modulo(value: bigint, divisor: bigint): bigint {
  const rest = value % divisor;
  return rest < 0n ? rest + divisor : rest;
}

/** Bits of a number from 0 up; 0 has none. */
export function bitLength(value: bigint): number {
  const text = value.toString(16);
  return 4 * text.length - Math.clz32(Number.parseInt(text[0]!, 16)) + 28;
}

/** A double holds so many leading bits of a number exactly. */
const ROOT_BITS = 50;

/** The largest number whose square is not more, from 0 up. */
export function squareRoot(value: bigint): bigint {
  if (value === 0n) return 0n;
  const bits = bitLength(value);
  // From above: the root of the leading bits and one more, so that each step of Newton's goes down to the root.
  const half = Math.max(0, bits - ROOT_BITS + 1) >> 1;
  let root = BigInt(Math.ceil(Math.sqrt(Number(value >> BigInt(2 * half)))) + 1) << BigInt(half);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** A number of bytes, the highest first. */
export function fromBytes(bytes: Uint8Array): bigint {
  let text = "0x0";
  for (const byte of bytes) text += byte < 16 ? `0${byte.toString(16)}` : byte.toString(16);
  return BigInt(text);
}

/** A number of bytes, the lowest first. */
export const fromLowBytes = (bytes: Uint8Array): bigint => fromBytes(bytes.slice().reverse());

/** Writes a number from 0 up, the lowest byte first, into all of some bytes. What does not fit is left out. */
export function toLowBytes(value: bigint, bytes: Uint8Array): void {
  const text = value.toString(16);
  for (let i = 0; i < bytes.length; i++) {
    const end = text.length - 2 * i;
    bytes[i] = end <= 0 ? 0 : Number.parseInt(text.slice(Math.max(0, end - 2), end), 16);
  }
}
