/**
 * Forms as 100 bytes, exactly as chiavdf writes and reads them. A form (a, b) is known by a and by the small t of a multiple
 * t b that is small modulo a: b² is D modulo a, so that t² D is a square there, and its root over t is b.
 *
 * Bytes: flags (b negative, t negative, the identity, the generator), the length of g less one, and then, lowest byte first,
 * a / g, t / g, g = gcd(a, t) and b g / a. The lengths go by the discriminant's, rounded up to 32 bits; the rest is zeros.
 *
 * @see chiavdf `src/bqfc.c`; docs/decisions/as-chiavdf.md
 * @module
 */
import type { Arithmetic } from "./arithmetic.ts";
import { bitLength, type Form, fromLowBytes, magnitude, modulo, squareRoot, toLowBytes } from "./numbers.ts";

/** Bytes of a form. */
export const FORM_BYTES = 100;
const FLAG = { isNegative: 1, isCofactorNegative: 2, isIdentity: 4, isGenerator: 8 } as const;

/** A discriminant, and what is worked out of it once. */
export interface Discriminant {
  readonly value: bigint;
  /** |D|^(1/4), rounded down. */
  readonly bound: bigint;
  /** Bits, rounded up to a multiple of 32. */
  readonly bits: number;
}

/** Makes it. */
export const discriminantOf = (value: bigint): Discriminant => ({
  value,
  bound: squareRoot(squareRoot(-value)),
  bits: Math.ceil(bitLength(-value) / 32) * 32,
});

/** Where the four numbers lie. */
function fieldsOf(
  bytes: Uint8Array,
  bits: number,
  gBytes: number,
): readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
  let at = 2;
  const take = (count: number) => bytes.subarray(at, at += count);
  return [take(bits / 16 - gBytes), take(bits / 32 - gBytes), take(gBytes + 1), take(gBytes + 1)];
}

/** The bytes of a form that is reduced, or of any a and b that bytes said. */
export function writeForm(
  arithmetic: Pick<Arithmetic, "gcd" | "cofactor">,
  { bits }: Discriminant,
  a: bigint,
  b: bigint,
): Uint8Array {
  const bytes = new Uint8Array(FORM_BYTES);
  if (b === 1n && a <= 2n) {
    bytes[0] = a === 2n ? FLAG.isGenerator : FLAG.isIdentity;
    return bytes;
  }
  const size = magnitude(b);
  let [rest, t, g, top] = [a, 0n, 0n, 0n];
  if (a !== b) {
    t = arithmetic.cofactor(a, size);
    g = a === 1n ? 1n : arithmetic.gcd(a, magnitude(t) % a)[0];
    if (g !== 1n) {
      [rest, t] = [a / g, t / g];
      top = size / rest;
    }
  }
  bytes[0] = (a !== b && b < 0n ? FLAG.isNegative : 0) | (t < 0n ? FLAG.isCofactorNegative : 0);
  const gBytes = Math.max(1, Math.ceil(bitLength(g) / 8)) - 1;
  bytes[1] = gBytes;
  [rest, magnitude(t), g, top].forEach((value, i) => toLowBytes(value, fieldsOf(bytes, bits, gBytes)[i]!));
  return bytes;
}

/** A form that was read, reduced, with the bytes that it has when it is written. */
export interface ReadForm {
  readonly form: Form;
  readonly bytes: Uint8Array;
}

/** Reads a form; undefined for bytes that chiavdf refuses. It takes forms that are not reduced, and anything after a flag. */
export function readForm(arithmetic: Arithmetic, discriminant: Discriminant, bytes: Uint8Array): ReadForm | undefined {
  if (bytes.length !== FORM_BYTES) return undefined;
  const flags = bytes[0]!;
  if ((flags & (FLAG.isIdentity | FLAG.isGenerator)) !== 0) {
    return reducedForm(arithmetic, discriminant, (flags & FLAG.isGenerator) === 0 ? 1n : 2n, 1n, undefined);
  }
  const pair = decompress(arithmetic, discriminant, bytes);
  if (pair === undefined) return undefined;
  // Only the bytes that writing the same numbers gives.
  const written = writeForm(arithmetic, discriminant, ...pair);
  if (written.some((byte, i) => byte !== bytes[i])) return undefined;
  return reducedForm(arithmetic, discriminant, ...pair, bytes);
}

function decompress(
  arithmetic: Arithmetic,
  { value, bits }: Discriminant,
  bytes: Uint8Array,
): readonly [a: bigint, b: bigint] | undefined {
  const gBytes = bytes[1]!;
  if (gBytes >= bits / 32) return undefined;
  const [rest, size, g, top] = fieldsOf(bytes, bits, gBytes).map(fromLowBytes) as [bigint, bigint, bigint, bigint];
  if (size === 0n) return [rest, rest];
  if (rest === 0n) return undefined;
  const t = (bytes[0]! & FLAG.isCofactorNegative) === 0 ? size : -size;
  const [common, inverse] = rest === 1n ? [1n, 0n] : arithmetic.gcd(rest, modulo(t, rest));
  if (common !== 1n) return undefined;
  const squared = t * t % rest * modulo(value, rest) % rest;
  const root = squareRoot(squared);
  if (root * root !== squared) return undefined;
  const b = root * modulo(inverse, rest) % rest + rest * top;
  return [g > 1n ? rest * g : rest, (bytes[0]! & FLAG.isNegative) === 0 ? b : -b];
}

/** The reduced form of (a, b), if there is a c to it. The bytes are those of (a, b), if they are known. */
function reducedForm(
  arithmetic: Arithmetic,
  discriminant: Discriminant,
  a: bigint,
  b: bigint,
  bytes: Uint8Array | undefined,
): ReadForm | undefined {
  if (a <= 0n) return undefined;
  const above = b * b - discriminant.value;
  const c = above / (4n * a);
  if (c * 4n * a !== above) return undefined;
  const isReduced = magnitude(b) < a && a < c;
  const form = isReduced ? { a, b, c } : arithmetic.reduce({ a, b, c });
  if (isReduced && bytes !== undefined) return { form, bytes };
  return { form, bytes: writeForm(arithmetic, discriminant, form.a, form.b) };
}
