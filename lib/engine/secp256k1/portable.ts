/**
 * The verifier by @noble/curves: where WebAssembly does not work, and as a second opinion.
 *
 * @module
 */
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js";

/** What throws is not good. */
function isGood(verify: () => boolean): boolean {
  try {
    return verify();
  } catch {
    return false;
  }
}

/** A key as the library knows it: a hybrid one, when the y that it says is right, is an uncompressed one. */
function plainKey(key: Uint8Array): Uint8Array | undefined {
  const [kind] = key;
  if (kind !== 6 && kind !== 7) return key;
  if (key.length !== 65 || (key[64]! & 1) !== (kind & 1)) return undefined;
  const plain = key.slice();
  plain[0] = 4;
  return plain;
}

/** See {@link EmittedVerifier}; each by itself. */
export const portable = {
  ecdsa(digest: Uint8Array, signature: Uint8Array, key: Uint8Array): boolean {
    const plain = plainKey(key);
    // The library takes other lengths, and digests of any length.
    if (plain === undefined || digest.length !== 32 || signature.length !== 64) return false;
    return isGood(() => secp256k1.verify(signature, digest, plain, { prehash: false, lowS: false }));
  },

  schnorr(message: Uint8Array, signature: Uint8Array, key: Uint8Array): boolean {
    return isGood(() => schnorr.verify(signature, message, key));
  },

  tweak(internal: Uint8Array, tweak: Uint8Array, output: Uint8Array, isOdd: boolean): boolean {
    return isGood(() => {
      if (tweak.length !== 32) return false;
      const { Point } = secp256k1;
      const t = tweak.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
      if (t >= Point.CURVE().n) return false;
      const compressed = new Uint8Array(33);
      compressed[0] = 2;
      compressed.set(internal, 1);
      const point = Point.fromBytes(compressed);
      const sum = t === 0n ? point : point.add(Point.BASE.multiplyUnsafe(t));
      const bytes = sum.toBytes(true);
      return (bytes[0] === 3) === isOdd && output.length === 32 && output.every((byte, i) => byte === bytes[i + 1]);
    });
  },
};
