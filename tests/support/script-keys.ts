/** Keys and signatures for spends that are made by seed. */
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "../../lib/codec/sha256.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { taggedHash } from "../../lib/bitcoin/hash.ts";
import type { SeededRandom } from "../../lib/sim/random.ts";
import { join } from "./script-random.ts";

const { Point } = secp256k1;
const ORDER = Point.CURVE().n;

/** A key in its forms. */
export interface TestKey {
  readonly secret: Uint8Array;
  readonly compressed: Uint8Array;
  readonly uncompressed: Uint8Array;
  readonly hybrid: Uint8Array;
  readonly xOnly: Uint8Array;
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}

function bytes32(value: bigint): Uint8Array {
  return Uint8Array.from(value.toString(16).padStart(64, "0").match(/../g)!, (hex) => parseInt(hex, 16));
}

/** So many keys, the same ones each time. */
export const KEYS: readonly TestKey[] = Array.from({ length: 24 }, (_, i) => {
  const secret = sha256(new TextEncoder().encode(`key ${i}`));
  const uncompressed = secp256k1.getPublicKey(secret, false);
  const compressed = secp256k1.getPublicKey(secret, true);
  const hybrid = uncompressed.slice();
  hybrid[0] = compressed[0]! + 4;
  return { secret, compressed, uncompressed, hybrid, xOnly: compressed.slice(1) };
});

/** An integer of a signature; sometimes in a form that BIP66 has forbidden. */
function derInteger(random: SeededRandom, value: bigint, isStrict: boolean): Uint8Array {
  let bytes = bytes32(value);
  while (bytes.length > 1 && bytes[0] === 0) bytes = bytes.subarray(1);
  if (bytes[0]! >= 0x80) bytes = join(0, bytes);
  if (isStrict) return join(2, bytes.length, bytes);
  const padded = random.chance(0.5) ? join(new Uint8Array(random.below(4)), bytes) : bytes;
  const kind = random.below(4);
  if (kind === 0) return join(2, 0x81, padded.length, padded);
  if (kind === 1) return join(2, 0x82, 0, padded.length, padded);
  if (kind === 2 && padded[0] === 0) return join(2, padded.length - 1, padded.subarray(1));
  return join(2, padded.length, padded);
}

/** A DER signature with its hash type; one in ten in another form than the usual one, or with a high s. */
export function ecdsaSignature(
  random: SeededRandom,
  secret: Uint8Array,
  digest: Uint8Array,
  hashType: number,
): Uint8Array {
  const compact = secp256k1.sign(digest, secret, { prehash: false });
  const r = number(compact.subarray(0, 32));
  let s = number(compact.subarray(32));
  if (random.chance(0.05)) s = ORDER - s;
  const isStrict = random.chance(0.95);
  const body = join(derInteger(random, r, isStrict), derInteger(random, s, isStrict));
  const junk = isStrict ? [] : random.bytes(random.below(3));
  return join(
    0x30,
    isStrict || random.chance(0.5) ? body.length : random.below(128),
    body,
    Uint8Array.from(junk),
    hashType,
  );
}

/** A signature of BIP340 with its hash type, which 0 does not have. */
export function schnorrSignature(secret: Uint8Array, digest: Uint8Array, hashType: number): Uint8Array {
  const signature = schnorr.sign(digest, secret, new Uint8Array(32));
  return hashType === 0 ? signature : join(signature, hashType);
}

/** The key of an output by its internal key and Merkle root, and the secret to it. */
export function tweaked({ secret, compressed, xOnly }: TestKey, root: Uint8Array): {
  readonly secret: Uint8Array;
  readonly xOnly: Uint8Array;
  readonly parity: number;
} {
  const even = compressed[0] === 2 ? number(secret) : ORDER - number(secret);
  const sum = (even + number(taggedHash("TapTweak", xOnly, root))) % ORDER;
  const output = secp256k1.getPublicKey(bytes32(sum), true);
  return { secret: bytes32(sum), xOnly: output.slice(1), parity: output[0]! & 1 };
}
