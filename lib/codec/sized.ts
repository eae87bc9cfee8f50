/**
 * Byte arrays whose length is part of their type.
 *
 * @module
 */

declare const LENGTH: unique symbol;

/**
 * Bytes of a known length. The mark is only a hint to the compiler: a plain Uint8Array is accepted where a sized one is
 * wanted (the encoder checks the length), while a sized one of another length is not.
 */
export type Sized<N extends number> = Uint8Array & { readonly [LENGTH]?: N };
/** A hash, an id or a challenge, in wire order. */
export type Bytes32 = Sized<32>;
/** A compressed BLS12-381 G1 point: a public key. */
export type Bytes48 = Sized<48>;
/** A compressed BLS12-381 G2 point: a signature. */
export type Bytes96 = Sized<96>;
/** A serialised class group element. */
export type Bytes100 = Sized<100>;

/** Whether two byte arrays hold the same bytes. Not constant-time: for public data only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
