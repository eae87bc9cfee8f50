/**
 * ElligatorSwift: secp256k1 public keys as 64 bytes that look like chance, and the key agreement of BIP324.
 *
 * The arithmetic is that of @noble/curves. JavaScript's bigints take time that depends on their values, so nothing here
 * is constant-time; every private key lives for one connection and is used once, which leaves little to measure.
 *
 * @see BIP324, "ElligatorSwift encoding of curve X coordinates"
 * @see Chávez-Saab, Rodríguez-Henríquez, Tibouchi: "SwiftEC", eprint 2022/759
 * @module
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { NodeError } from "../../../core/errors.ts";
import type { Random } from "../../../core/ports.ts";
import { taggedHash } from "../../hash.ts";

/** Length of an encoded public key: the field elements u and t, big-endian. */
export const KEY_BYTES = 64;

/** One connection's key pair. */
export interface EphemeralKey {
  /** A scalar in 1 … n−1, 32 bytes big-endian. */
  readonly privateKey: Uint8Array;
  /** {@link KEY_BYTES} bytes, indistinguishable from random ones. */
  readonly encoded: Uint8Array;
}

const { Fp } = secp256k1.Point;
const HALF = Fp.inv(2n);
/** A square root of −3; of the two, the one that is a square itself, which is the one that Fp.sqrt gives. */
const SQRT_MINUS_3 = Fp.sqrt(Fp.create(-3n));
/** A draw fails with a chance of about 3 in 4; this many in a row mean that the source of chance is broken. */
const DRAWS_MAX = 1_000;
const HASH_TAG = "bip324_ellswift_xonly_ecdh";

/** A square root of `n` (the one that is a square itself), or undefined when there is none. */
function squareRoot(n: bigint): bigint | undefined {
  try {
    return Fp.sqrt(n);
  } catch {
    return undefined;
  }
}

/** u³ + 7: the right side of the curve equation. */
function curve(u: bigint): bigint {
  return Fp.add(Fp.mul(Fp.sqr(u), u), 7n);
}

/** Whether a point of the curve has this X coordinate. */
function isOnCurve(x: bigint): boolean {
  return squareRoot(curve(x)) !== undefined;
}

/** The 32 bytes of a big-endian integer of any size, reduced modulo the field's prime. */
function fieldElement(bytes: Uint8Array): bigint {
  return Fp.create(Fp.fromBytes(bytes, true));
}

/**
 * The X coordinate that a pair of field elements stands for (`XSwiftEC`). Defined for every pair: the few that the
 * formulas exclude are mapped to others first.
 */
export function xSwiftEc(uGiven: bigint, tGiven: bigint): bigint {
  const u = Fp.is0(uGiven) ? 1n : uGiven;
  let t = Fp.is0(tGiven) ? 1n : tGiven;
  const g = curve(u);
  if (Fp.is0(Fp.add(g, Fp.sqr(t)))) t = Fp.add(t, t);
  const x = Fp.div(Fp.sub(g, Fp.sqr(t)), Fp.add(t, t));
  const y = Fp.div(Fp.add(x, t), Fp.mul(SQRT_MINUS_3, u));
  const first = Fp.add(u, Fp.mul(4n, Fp.sqr(y)));
  if (isOnCurve(first)) return first;
  const ratio = Fp.div(x, y);
  const second = Fp.mul(Fp.sub(Fp.neg(ratio), u), HALF);
  if (isOnCurve(second)) return second;
  // At least one of the three is on the curve, whatever u and t (SwiftEC, section 3), so the last needs no test.
  return Fp.mul(Fp.sub(ratio, u), HALF);
}

/**
 * A t with `xSwiftEc(u, t) = x`, or undefined when this case has none (`XSwiftECInv`).
 *
 * @param x the coordinate of a point of the curve
 * @param u a field element other than 0
 * @param branch 0 … 7: which of the up to eight solutions
 */
export function xSwiftEcInverse(x: bigint, u: bigint, branch: number): bigint | undefined {
  const g = curve(u);
  let v: bigint;
  let s: bigint;
  if ((branch & 2) === 0) {
    // x would be the second or third candidate of xSwiftEc, and the other of those two must not come before it.
    if (isOnCurve(Fp.neg(Fp.add(x, u)))) return undefined;
    v = x;
    s = Fp.neg(Fp.div(g, Fp.add(Fp.add(Fp.sqr(u), Fp.mul(u, v)), Fp.sqr(v))));
  } else {
    // x would be the first candidate.
    s = Fp.sub(x, u);
    if (Fp.is0(s)) return undefined;
    const square = Fp.neg(Fp.mul(s, Fp.add(Fp.mul(4n, g), Fp.mul(3n, Fp.mul(s, Fp.sqr(u))))));
    const r = squareRoot(square);
    if (r === undefined) return undefined;
    // With r = 0 both roots are the same solution, which belongs to the even branch.
    if ((branch & 1) !== 0 && Fp.is0(r)) return undefined;
    v = Fp.mul(Fp.sub(Fp.div(r, s), u), HALF);
  }
  const w = squareRoot(s);
  if (w === undefined) return undefined;
  const odd = (branch & 1) !== 0;
  const factor = odd ? Fp.add(1n, SQRT_MINUS_3) : Fp.sub(1n, SQRT_MINUS_3);
  const t = Fp.mul(w, Fp.add(Fp.mul(Fp.mul(u, factor), HALF), v));
  return odd === ((branch & 4) !== 0) ? Fp.neg(t) : t;
}

/** The X coordinate, 32 bytes big-endian, that an encoded key stands for. Every 64 bytes stand for one. */
export function decodeKey(encoded: Uint8Array): Uint8Array {
  if (encoded.length !== KEY_BYTES) throw new RangeError(`a key of ${encoded.length} bytes`);
  return Fp.toBytes(xSwiftEc(fieldElement(encoded.subarray(0, 32)), fieldElement(encoded.subarray(32))));
}

/**
 * One of the many encodings of the X coordinate `x` of a point, drawn evenly.
 *
 * Throws a `NodeError` (fault `self`) when the source of chance repeats itself.
 */
export function encodeKey(x: bigint, random: Random): Uint8Array {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const u = fieldElement(random.bytes(32));
    // The decoder takes 0 for 1, so 0 stands for another coordinate.
    if (Fp.is0(u)) continue;
    const t = xSwiftEcInverse(x, u, random.below(8));
    if (t === undefined) continue;
    const encoded = new Uint8Array(KEY_BYTES);
    encoded.set(Fp.toBytes(u));
    encoded.set(Fp.toBytes(t), 32);
    return encoded;
  }
  throw brokenRandom();
}

/** A new key pair for one connection. Throws a `NodeError` (fault `self`) when the source of chance repeats itself. */
export function makeKey(random: Random): EphemeralKey {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const privateKey = random.bytes(32);
    if (!secp256k1.utils.isValidSecretKey(privateKey)) continue;
    const x = Fp.fromBytes(secp256k1.getPublicKey(privateKey).subarray(1));
    return { privateKey, encoded: encodeKey(x, random) };
  }
  throw brokenRandom();
}

/**
 * The secret that both ends of a connection share: the X coordinate of the Diffie–Hellman point, hashed with both keys
 * as they went over the wire (32 bytes).
 */
export function sharedSecret(own: EphemeralKey, theirs: Uint8Array, initiator: boolean): Uint8Array {
  const point = new Uint8Array(33);
  // Only the X coordinate of the product is used, so either of the two points does.
  point[0] = 2;
  point.set(decodeKey(theirs), 1);
  const x = secp256k1.getSharedSecret(own.privateKey, point).subarray(1);
  return initiator ? taggedHash(HASH_TAG, own.encoded, theirs, x) : taggedHash(HASH_TAG, theirs, own.encoded, x);
}

function brokenRandom(): NodeError {
  return new NodeError("random_broken", "self", `${DRAWS_MAX} draws gave no key`);
}
