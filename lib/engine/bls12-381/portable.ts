/**
 * The same by @noble/curves, for engines without WebAssembly that can be trusted: no sums by key, no lines kept.
 *
 * @module
 */
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { AUGMENTED_DST, COMPRESSED_BYTES, type Group, type SignedMessage } from "./emitted.ts";

const { G1, G2, fields: { Fp12, Fr } } = bls12_381;
type G1Point = InstanceType<typeof G1.Point>;
type G2Point = InstanceType<typeof G2.Point>;
type Fp12Number = ReturnType<typeof bls12_381.pairing>;

/** The compression flag, and that of infinity. */
const FLAGS = 0xc0;

/** A point of the group, infinity included; undefined for other bytes. */
function pointOf(group: "g1", bytes: Uint8Array): G1Point | undefined;
function pointOf(group: "g2", bytes: Uint8Array): G2Point | undefined;
function pointOf(group: Group, bytes: Uint8Array): G1Point | G2Point | undefined;
function pointOf(group: Group, bytes: Uint8Array): G1Point | G2Point | undefined {
  if (bytes.length !== COMPRESSED_BYTES[group]) return undefined;
  const { Point } = group === "g1" ? G1 : G2;
  if ((bytes[0]! & FLAGS) === FLAGS) {
    return bytes[0] === FLAGS && bytes.subarray(1).every((byte) => byte === 0) ? Point.ZERO : undefined;
  }
  try {
    const point = Point.fromBytes(bytes);
    return point.isTorsionFree() ? point : undefined;
  } catch {
    return undefined;
  }
}

/** Compressed bytes. The library writes infinity down in one of its forms only. */
function bytesOf(point: G1Point | G2Point): Uint8Array {
  if (!point.is0()) return point.toBytes(true);
  const bytes = new Uint8Array(point instanceof G1.Point ? COMPRESSED_BYTES.g1 : COMPRESSED_BYTES.g2);
  bytes[0] = FLAGS;
  return bytes;
}

/** The product of pairings; what has infinity in it is left out, as it is 1. */
function product(pairs: readonly (readonly [G1Point, G2Point])[]): Fp12Number {
  const paired = pairs.filter(([g1, g2]) => !g1.is0() && !g2.is0());
  return paired.length === 0 ? Fp12.ONE : bls12_381.pairingBatch(paired.map(([g1, g2]) => ({ g1, g2 })));
}

const augmented = (key: Uint8Array, message: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(key.length + message.length);
  bytes.set(key);
  bytes.set(message, key.length);
  return bytes;
};

/** BLS12-381 by @noble/curves. */
export class PortableBls {
  aggregateVerify(signed: readonly SignedMessage[], signature: Uint8Array): boolean {
    const sum = pointOf("g2", signature);
    if (sum === undefined || signed.length === 0) return sum !== undefined && sum.is0();
    const pairs = pairsOf(signed);
    if (pairs === undefined) return false;
    return Fp12.eql(product([...pairs, [G1.Point.BASE.negate(), sum]]), Fp12.ONE);
  }

  product(signed: readonly SignedMessage[]): Uint8Array | undefined {
    const pairs = pairsOf(signed);
    return pairs === undefined ? undefined : Fp12.toBytes(product(pairs));
  }

  isSigned(products: readonly Uint8Array[], signature: Uint8Array): boolean {
    const sum = pointOf("g2", signature);
    if (sum === undefined || products.length === 0) return sum !== undefined && sum.is0();
    const whole = products.map((bytes) => Fp12.fromBytes(bytes)).reduce((all, each) => Fp12.mul(all, each));
    return Fp12.eql(Fp12.mul(whole, product([[G1.Point.BASE.negate(), sum]])), Fp12.ONE);
  }

  isValid(group: Group, bytes: Uint8Array): boolean {
    return pointOf(group, bytes) !== undefined;
  }

  add(group: Group, points: readonly Uint8Array[], subtracts = false): Uint8Array | undefined {
    const sum = group === "g1"
      ? sumOf(G1.Point.ZERO, points.map((bytes) => pointOf("g1", bytes)), subtracts)
      : sumOf(G2.Point.ZERO, points.map((bytes) => pointOf("g2", bytes)), subtracts);
    return sum && bytesOf(sum);
  }

  multiply(group: Group, bytes: Uint8Array, scalar: Uint8Array): Uint8Array | undefined {
    const factor = Fr.create(scalar.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n));
    const product = pointOf(group, bytes)?.multiplyUnsafe(factor);
    return product && bytesOf(product);
  }

  negate(group: Group, bytes: Uint8Array): Uint8Array | undefined {
    const minus = pointOf(group, bytes)?.negate();
    return minus && bytesOf(minus);
  }

  hash(group: Group, message: Uint8Array, tag: Uint8Array): Uint8Array {
    return (group === "g1" ? G1 : G2).hashToCurve(message, { DST: tag }).toBytes(true);
  }

  isPairingOne(pairs: readonly (readonly [Uint8Array, Uint8Array])[]): boolean | undefined {
    const points: (readonly [G1Point, G2Point])[] = [];
    for (const [g1, g2] of pairs) {
      const [one, other] = [pointOf("g1", g1), pointOf("g2", g2)];
      if (one === undefined || other === undefined) return undefined;
      points.push([one, other]);
    }
    return Fp12.eql(product(points), Fp12.ONE);
  }
}

function pairsOf(signed: readonly SignedMessage[]): readonly (readonly [G1Point, G2Point])[] | undefined {
  const pairs: (readonly [G1Point, G2Point])[] = [];
  for (const [key, message] of signed) {
    const point = pointOf("g1", key);
    if (point === undefined || point.is0()) return undefined;
    pairs.push([point, G2.hashToCurve(augmented(key, message), { DST: AUGMENTED_DST })]);
  }
  return pairs;
}

function sumOf<P extends { add(other: P): P; negate(): P }>(
  zero: P,
  points: readonly (P | undefined)[],
  subtracts: boolean,
): P | undefined {
  let sum = zero;
  for (const [i, point] of points.entries()) {
    if (point === undefined) return undefined;
    sum = sum.add(subtracts && i > 0 ? point.negate() : point);
  }
  return sum;
}
