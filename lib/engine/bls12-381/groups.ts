/**
 * G1, of y² = x³ + 4 over Fp, and G2, of y² = x³ + 4 ξ over Fp2: their endomorphisms, which points of the curves are in
 * them, and points as bytes.
 *
 * @see draft-irtf-cfrg-pairing-friendly-curves appendix C (compressed points); Scott, "A note on group membership tests for
 *   G1, G2 and GT on BLS pairing-friendly curves" (2021); El Housni, Guillevic, Piellard, "Co-factor clearing and subgroup
 *   membership testing on pairing-friendly curves" (2022)
 * @module
 */
import {
  type Fn,
  I32,
  type Module,
  Pointer,
  type Procedure,
  procedure,
  type Question,
  question,
} from "../assembler/mod.ts";
import { coordinates, curve, type CurveFunctions } from "./curve.ts";
import { NUMBER_BYTES, P } from "./field.ts";
import { type Fp2Functions, type FpFunctions, second } from "./fields.ts";
import { inverseOfPair, modulo, montgomeryNumbers, powerOfPair, XI } from "./numbers.ts";
import type { FieldFunctions } from "./operations.ts";

/** The generator of G1 (draft-irtf-cfrg-pairing-friendly-curves section 4.2.1). */
export const G1_GENERATOR = [
  0x17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bbn,
  0x08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1n,
] as const;
/** The cube root of 1 in Fp with which (βx, y) is −x² (x, y) in G1. */
const BETA = 0x5f19672fdf76ce51ba69c6076a0f77eaddb3a93be6f89688de17d813620a00022e01fffffffefffen;

/** What bytes are: no point of the curve. */
export const BAD = 0;
/** What bytes are: a point of the curve other than infinity; of the group, where that was asked. */
export const POINT = 1;
/** What bytes are: infinity. */
export const INFINITE = 2;

/** Flags of the first byte of a compressed point: that it is one, that it is infinity, that y is the larger one. */
const COMPRESSED = 0x80;
const IS_INFINITE = 0x40;
const LARGE_SHIFT = 5;

/** A curve with its group. */
export interface GroupFunctions extends CurveFunctions {
  /** Whether a point of the curve is in the group. Infinity is. */
  readonly isInGroup: Question<1>;
  /** Makes r of compressed bytes: {@link BAD}, {@link POINT} or {@link INFINITE}. Whether it is in the group is not asked. */
  readonly decompress: Question<2>;
  /** The same, and a point out of the group is {@link BAD}. */
  readonly fromBytes: Question<2>;
  /** Writes compressed bytes. */
  readonly toBytes: Procedure<2>;
}

/** G1. */
export interface G1Functions extends GroupFunctions {
  /** φ: (βx, y). */
  readonly phi: Procedure<2>;
}

/** G2. */
export interface G2Functions extends GroupFunctions {
  /** ψ: the twisted power p of the coordinates. In G2 it multiplies by x. */
  readonly psi: Procedure<2>;
  /** ψ twice. */
  readonly psi2: Procedure<2>;
}

/** Makes both. */
export function groups(
  module: Module,
  fp: FpFunctions,
  fp2: Fp2Functions,
): { readonly g1: G1Functions; readonly g2: G2Functions } {
  return { g1: makeG1(module, fp), g2: makeG2(module, fp, fp2) };
}

function makeG1(module: Module, fp: FpFunctions): G1Functions {
  const of = curve(module, fp);
  const beta = module.literal(montgomeryNumbers([BETA]));
  const phi = procedure(module, 2, (f, r, a) => {
    f.copy(r.at(NUMBER_BYTES), a.at(NUMBER_BYTES), of.bytes - NUMBER_BYTES);
    f.put(fp.mul(r, a, beta));
  });
  const isInGroup = question(module, 1, (f, a) => {
    // φ(a) = −x² a.
    const [t, u] = [module.scratch(of.bytes), module.scratch(of.bytes)];
    f.put(of.mulX(t, a), of.mulX(u, t), of.negate(u, u), phi(t, a));
    return of.equal(t, u);
  });
  const four = module.literal(montgomeryNumbers([4n]));
  const bytes = asBytes(module, fp, of, four, {
    read: (x, from) => fp.read(x, from),
    write: (f, to, x) => f.put(fp.write(to, x)),
  });
  return { ...of, ...withGroup(module, bytes, isInGroup), phi };
}

function makeG2(module: Module, fp: FpFunctions, fp2: Fp2Functions): G2Functions {
  const of = curve(module, fp2);
  const { x, y, z } = coordinates(fp2);
  const [cx, cy] = [inverseOfPair(powerOfPair(XI, (P - 1n) / 3n)), inverseOfPair(powerOfPair(XI, (P - 1n) / 2n))];
  const [ofX, ofY] = [module.literal(montgomeryNumbers(cx)), module.literal(montgomeryNumbers(cy))];
  // cx times its conjugate; of y it is −1.
  const ofX2 = module.literal(montgomeryNumbers([modulo(cx[0] * cx[0] + cx[1] * cx[1])]));
  const psi = procedure(module, 2, (f, r, a) => {
    for (const coordinate of [x, y, z]) f.put(fp2.conjugate(coordinate(r), coordinate(a)));
    f.put(fp2.mul(x(r), x(r), ofX), fp2.mul(y(r), y(r), ofY));
  });
  const psi2 = procedure(module, 2, (f, r, a) => {
    f.copy(z(r), z(a), fp2.bytes);
    f.put(fp2.scale(x(r), x(a), ofX2), fp2.negate(y(r), y(a)));
  });
  const isInGroup = question(module, 1, (f, a) => {
    // ψ(a) = x a, and x is negative.
    const [t, u] = [module.scratch(of.bytes), module.scratch(of.bytes)];
    f.put(of.mulX(t, a), of.negate(t, t), psi(u, a));
    return of.equal(t, u);
  });
  const fourXi = module.literal(montgomeryNumbers([4n, 4n]));
  const bytes = asBytes(module, fp2, of, fourXi, {
    read: (to, from) => {
      // c1 comes first, with the flags; c0 has none: what stands there makes a number that is not below p.
      const flags = from.at(NUMBER_BYTES).byte.and(0xe0).isZero();
      return fp.read(second(to), from).and(fp.read(to, from.at(NUMBER_BYTES))).and(flags);
    },
    write: (f, to, from) => f.put(fp.write(to, second(from)), fp.write(to.at(NUMBER_BYTES), from)),
  });
  return { ...of, ...withGroup(module, bytes, isInGroup), psi, psi2 };
}

interface Bytes {
  readonly decompress: Question<2>;
  readonly toBytes: Procedure<2>;
}

function withGroup(
  module: Module,
  { decompress, toBytes }: Bytes,
  isInGroup: Question<1>,
): Pick<GroupFunctions, "isInGroup" | "decompress" | "fromBytes" | "toBytes"> {
  const fromBytes = question(module, 2, (f, r, bytes) => {
    const what = f.let32(decompress(r, bytes));
    f.if(what.ne(POINT), () => f.return(what));
    return isInGroup(r);
  });
  return { isInGroup, decompress, fromBytes, toBytes };
}

/** How a coordinate is read, which says whether it is sound, and written. */
interface CoordinateBytes {
  read(to: Pointer, from: Pointer): I32;
  write(f: Fn, to: Pointer, from: Pointer): void;
}

function asBytes(
  module: Module,
  field: FieldFunctions,
  { bytes: pointBytes, isInfinite, toAffine }: CurveFunctions,
  b: Pointer,
  { read, write }: CoordinateBytes,
): Bytes {
  const { x, y, z } = coordinates(field);
  const decompress = question(module, 2, (f, r, from) => {
    const bad = () => f.return(I32.of(BAD));
    const first = f.let32(from.byte);
    f.if(first.and(COMPRESSED).isZero(), bad);
    f.if(first.and(IS_INFINITE), () => {
      // Infinity is one sequence of bytes only.
      const rest = f.let32(first.xor(COMPRESSED | IS_INFINITE));
      for (let i = 1; i < field.bytes; i++) rest.set(rest.or(from.at(i).byte));
      f.if(rest, bad);
      f.zero(r, pointBytes);
      f.return(I32.of(INFINITE));
    });
    const square = module.scratch(field.bytes);
    f.if(read(x(r), from).isZero(), bad);
    f.put(field.sqr(square, x(r)), field.mul(square, square, x(r)), field.add(square, square, b));
    f.if(field.root(y(r), square).isZero(), bad);
    f.if(field.isLarge(y(r)).ne(first.shrU(LARGE_SHIFT).and(1)), () => f.put(field.negate(y(r), y(r))));
    f.copy(z(r), field.one, field.bytes);
    return I32.of(POINT);
  });
  const toBytes = procedure(module, 2, (f, to, a) => {
    const affine = module.scratch(2 * field.bytes);
    f.if(isInfinite(a), () => {
      f.zero(to, field.bytes);
      f.put(to.storeByte(COMPRESSED | IS_INFINITE));
      f.return();
    });
    f.put(toAffine(affine, a));
    write(f, to, x(affine));
    f.put(to.storeByte(to.byte.or(COMPRESSED).or(field.isLarge(y(affine)).shl(LARGE_SHIFT))));
  });
  return { decompress, toBytes };
}
