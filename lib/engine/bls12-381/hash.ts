/**
 * Hashing to the curves, by BLS12381G1_XMD:SHA-256_SSWU_RO and BLS12381G2_XMD:SHA-256_SSWU_RO.
 *
 * The simplified map of Shallue, van de Woestijne and Ulas is computed with x = N / D and without an inversion; the isogeny
 * after it gives Jacobian coordinates.
 *
 * @see RFC 9380 sections 5.3.1, 6.6.2, 6.6.3, 8.8; appendix G.3 (cofactors of G2 by an endomorphism)
 * @module
 */
import { type Fn, I64, type Module, Pointer, type Procedure, procedure, select } from "../assembler/mod.ts";
import { DIGEST_BYTES, PADDING_MAX, type Sha256Functions } from "../sha256/functions.ts";
import { coordinates } from "./curve.ts";
import { NUMBER_BYTES, P } from "./field.ts";
import { type Fp2Functions, type FpFunctions } from "./fields.ts";
import type { G1Functions, G2Functions, GroupFunctions } from "./groups.ts";
import { ISOGENY_G1, ISOGENY_G2 } from "./isogenies.ts";
import { montgomeryNumbers, multiplyPairs, type Numbers, power } from "./numbers.ts";
import { type FieldFunctions, Steps } from "./operations.ts";

/** The longest domain separation tag; a longer one is hashed first. */
export const DST_MAX = 255;
/** Bytes of hash that make one number modulo p. */
const HASH_BYTES = 64;

/** What hashing needs in memory of a message: zeros, the message, the length that is wanted (2 bytes), 0, the tag and its length. */
export const MESSAGE_HEAD_BYTES = 64;
/** Bytes after a message in memory, padding included. */
export const MESSAGE_TAIL_BYTES = 3 + DST_MAX + 1 + PADDING_MAX;

/** Hashing to one curve. */
export interface HashFunctions {
  /** r = a point of the curve, whose cofactor is not cleared: sums of such points can be cleared once. Then: the message as it must lie, and its length. */
  readonly raw: Procedure<3>;
  /** r = a point of the group. */
  readonly hash: Procedure<3>;
  /** r = a with its cofactor cleared. */
  readonly clear: Procedure<2>;
}

/** Both, and where the domain separation tag is put. */
export interface Hashing {
  readonly g1: HashFunctions;
  readonly g2: HashFunctions;
}

/** Names of the places where a caller puts the tag, followed by a byte of its length, and the length of both. */
export const TAG = "tag";
export const TAG_LENGTH = "tag length";

/** Makes them. */
export function hashing(
  module: Module,
  { fp, fp2, g1, g2, sha256 }: {
    readonly fp: FpFunctions;
    readonly fp2: Fp2Functions;
    readonly g1: G1Functions;
    readonly g2: G2Functions;
    readonly sha256: Sha256Functions;
  },
): Hashing {
  const expand = expandMessage(module, sha256);
  const toG1 = { numbers: 1, clear: clearG1(module, g1), map: mapG1(module, fp) };
  const toG2 = { numbers: 2, clear: clearG2(module, g2), map: mapG2(module, fp, fp2) };
  const whole = (group: GroupFunctions, field: FieldFunctions, to: typeof toG1): HashFunctions => {
    const raw = procedure(module, 3, (f, r, message, length) => {
      // Two numbers of the field, each of one or two modulo p.
      const count = 2 * to.numbers;
      const [bytes, u, other] = [
        module.scratch(HASH_BYTES * count),
        module.scratch(NUMBER_BYTES * count),
        module.scratch(group.bytes),
      ];
      f.put(expand(bytes, message, length, HASH_BYTES * count / DIGEST_BYTES));
      for (let i = 0; i < count; i++) f.put(fp.fromHash(u.at(NUMBER_BYTES * i), bytes.at(HASH_BYTES * i)));
      f.put(to.map(r, u), to.map(other, u.at(field.bytes)), group.add(r, r, other));
    });
    const hash = procedure(module, 3, (f, r, message, length) => f.put(raw(r, message, length), to.clear(r, r)));
    return { raw, hash, clear: to.clear };
  };
  return { g1: whole(g1, fp, toG1), g2: whole(g2, fp2, toG2) };
}

/** expand_message_xmd: so many digests, at the first address. */
function expandMessage(module: Module, { digest }: Sha256Functions): Procedure<4> {
  const tag = module.reserve(TAG, DST_MAX + 1);
  const tagLength = module.reserve(TAG_LENGTH, 4);
  return procedure(module, 4, (f, out, message, length, digests) => {
    const first = module.scratch(DIGEST_BYTES);
    // b_0 or its difference with the digest before; the number of this one; the tag.
    const input = module.scratch(DIGEST_BYTES + 1 + DST_MAX + 1 + PADDING_MAX);
    f.put(digest(first, message, length.address));
    const tagBytes = f.let32(tagLength.int);
    f.for(0, digests.address, (i) => {
      const to = new Pointer(f.let32(out.element(i, DIGEST_BYTES).address));
      for (let k = 0; k < DIGEST_BYTES; k += 8) {
        // Before the first one is what is no part of it: it counts as 0.
        const before = select(i, to.at(k - DIGEST_BYTES).word, I64.of(0n));
        f.put(input.at(k).storeWord(first.at(k).word.xor(before)));
      }
      f.put(input.at(DIGEST_BYTES).storeByte(i.add(1)));
      f.for(0, tagBytes, (k) => f.put(input.at(DIGEST_BYTES + 1).element(k, 1).storeByte(tag.element(k, 1).byte)));
      f.put(digest(to, input, tagBytes.add(DIGEST_BYTES + 1)));
    });
  });
}

/** Constants of a map: y² = x³ + A x + B is the curve before the isogeny, Z no square. */
interface MapConstants {
  readonly a: Pointer;
  readonly minusA: Pointer;
  readonly b: Pointer;
  readonly z: Pointer;
  readonly za: Pointer;
  readonly isogeny: readonly (readonly Pointer[])[];
}

/** What a map has worked out when it needs a root: with U / D³ the right side at x = N / D. */
interface Candidate {
  readonly u: Pointer;
  /** Z u². */
  readonly zuu: Pointer;
  readonly numerator: Pointer;
  readonly right: Pointer;
  /** U D: a square where U / D³ is one. */
  readonly product: Pointer;
  readonly y: Pointer;
}

/**
 * The map of one number to the curve behind the isogeny.
 *
 * @param root makes y; where x is not on the curve it takes the other candidate, Z u² x, and changes the numerator
 */
function mapTo(
  module: Module,
  field: FieldFunctions,
  { a, minusA, b, z: Z, za, isogeny }: MapConstants,
  root: (f: Fn, candidate: Candidate) => void,
): Procedure<2> {
  const { x, y, z } = coordinates(field);
  return procedure(module, 2, (f, r, u) => {
    const F = new Steps(module, f, field);
    const [zuu, tv, numerator, d, d2, d3, right, product] = F.temporaries(8);
    const [root_, s] = F.temporaries(2);
    F.sqr(zuu, u);
    F.mul(zuu, zuu, Z);
    F.sqr(tv, zuu);
    F.add(tv, tv, zuu);
    F.add(numerator, tv, field.one);
    F.mul(numerator, numerator, b);
    f.if(F.isZero(tv), () => F.copy(d, za), () => F.mul(d, tv, minusA));
    // U = N³ + A N D² + B D³.
    F.sqr(d2, d);
    F.mul(d3, d2, d);
    F.sqr(right, numerator);
    F.mul(s, a, d2);
    F.add(right, right, s);
    F.mul(right, right, numerator);
    F.mul(s, b, d3);
    F.add(right, right, s);
    F.mul(product, right, d);
    root(f, { u, zuu, numerator, right, product, y: root_ });
    f.if(field.isOdd(u).ne(field.isOdd(root_)), () => F.negate(root_, root_));
    const [xn, xd, yn, yd] = homogeneous(F, isogeny, numerator, [field.one, d, d2, d3]);
    // The numerator of x is of one degree more than its denominator.
    F.mul(xd, xd, d);
    F.mul(z(r), xd, yd);
    F.mul(s, z(r), yd);
    F.mul(x(r), xn, s);
    F.mul(y(r), root_, yn);
    F.mul(y(r), y(r), s);
    F.sqr(s, xd);
    F.mul(y(r), y(r), s);
  });
}

/** Values of polynomials at N / D, each times D to its degree. */
function homogeneous(
  F: Steps,
  polynomials: readonly (readonly Pointer[])[],
  n: Pointer,
  powersOfD: readonly Pointer[],
): readonly [Pointer, Pointer, Pointer, Pointer] {
  const powers = [...powersOfD];
  const term = F.temporary();
  for (let i = powers.length; i < Math.max(...polynomials.map(({ length }) => length)); i++) {
    const next = F.temporary();
    F.mul(next, powers[i - 1]!, powers[1]!);
    powers.push(next);
  }
  return polynomials.map((coefficients) => {
    const sum = F.temporary();
    const degree = coefficients.length - 1;
    F.copy(sum, coefficients[degree]!);
    for (let i = degree - 1; i >= 0; i--) {
      F.mul(sum, sum, n);
      F.mul(term, coefficients[i]!, powers[degree - i]!);
      F.add(sum, sum, term);
    }
    return sum;
  }) as unknown as readonly [Pointer, Pointer, Pointer, Pointer];
}

/** Numbers of G1's map (RFC 9380 section 8.8.1). */
const A1 = 0x144698a3b8e9433d693a02c96d4982b0ea985383ee66a8d8e8981aefd881ac98936f8da0e0f97f5cf428082d584c1dn;
const B1 = 0x12e2908d11688030018b12e8753eee3b2016c1f0f24f4070a0b9c14fcef35ef55a23215a316ceaa5d1cc48e98e172be0n;
const Z1 = 11n;

function mapG1(module: Module, fp: FpFunctions): Procedure<2> {
  const number = (value: bigint) => module.literal(montgomeryNumbers([value]));
  // −Z³ is a square, as −1 and Z are none.
  const rootOfMinusZ3 = number(power(P - Z1 ** 3n, (P + 1n) / 4n));
  const constants = {
    ...{ a: number(A1), minusA: number(-A1), b: number(B1), z: number(Z1), za: number(Z1 * A1) },
    isogeny: ISOGENY_G1.map((polynomial) => polynomial.map(number)),
  };
  return mapTo(module, fp, constants, (f, { u, zuu, numerator, right, product, y }) => {
    const F = new Steps(module, f, fp);
    const [e, d, isSquare, t] = F.temporaries(4);
    // Of W = U D: e = W^((p − 3) / 4), so that W e is a root of ±W, and e² = ±1 / W. y is W e / D², and 1 / D = ±U e².
    f.put(fp.power(e, product));
    F.mul(y, product, e);
    F.sqr(d, e);
    F.mul(isSquare, d, product);
    F.mul(d, d, right);
    F.sqr(d, d);
    F.mul(y, y, d);
    f.if(F.equal(isSquare, fp.one).isZero(), () => {
      // The right side at Z u² x is Z³ u⁶ times that at x.
      F.mul(numerator, numerator, zuu);
      F.sqr(t, u);
      F.mul(t, t, u);
      F.mul(y, y, t);
      F.mul(y, y, rootOfMinusZ3);
    });
  });
}

/** Numbers of G2's map (RFC 9380 section 8.8.2). */
const A2: Numbers = [0n, 240n];
const B2: Numbers = [1012n, 1012n];
const Z2: Numbers = [-2n, -1n];

function mapG2(module: Module, fp: FpFunctions, fp2: Fp2Functions): Procedure<2> {
  const number = (value: Numbers) => module.literal(montgomeryNumbers(value));
  // The norm of Z is 5.
  const rootOfMinus125 = module.literal(montgomeryNumbers([power(P - 125n, (P + 1n) / 4n)]));
  const constants = {
    ...{ a: number(A2), minusA: number([0n, -240n]), b: number(B2), z: number(Z2), za: number(multiplyPairs(Z2, A2)) },
    isogeny: ISOGENY_G2.map((polynomial) => polynomial.map(number)),
  };
  return mapTo(module, fp2, constants, (f, { u, zuu, numerator, right, product, y }) => {
    const F = new Steps(module, f, fp2);
    const G = new Steps(module, f, fp);
    const [s, d] = F.temporaries(2);
    const [n, e, ee, rootOfNorm, cube] = G.temporaries(5);
    // With n the norm of W = U D: it is a square in Fp exactly where W is one in Fp2. e² is ±1 / n.
    f.put(fp2.norm(n, product), fp.power(e, n));
    G.mul(rootOfNorm, n, e);
    G.sqr(ee, e);
    // 1 / D² = (U conj(W) / n)².
    f.put(fp2.conjugate(d, product));
    F.mul(d, d, right);
    f.put(fp2.scale(d, d, ee));
    F.sqr(d, d);
    G.mul(e, rootOfNorm, e);
    f.if(G.equal(e, fp.one).isZero(), () => {
      // The other candidate: (Z u²)³ W, whose norm is 125 N(u)⁶ n.
      f.put(fp2.norm(cube, u));
      G.sqr(n, cube);
      G.mul(cube, cube, n);
      G.mul(rootOfNorm, rootOfNorm, cube);
      G.mul(rootOfNorm, rootOfNorm, rootOfMinus125);
      F.mul(numerator, numerator, zuu);
      F.sqr(s, zuu);
      F.mul(s, s, zuu);
      F.mul(product, product, s);
    });
    f.put(fp2.rootByNorm(s, product, rootOfNorm));
    F.mul(y, s, d);
  });
}

/** Times 1 − x (RFC 9380 section 8.8.1: h_eff). */
function clearG1(module: Module, g1: G1Functions): Procedure<2> {
  return procedure(module, 2, (f, r, a) => {
    const t = module.scratch(g1.bytes);
    f.put(g1.mulX(t, a), g1.add(r, t, a));
  });
}

/** x (x a + ψ(a)) − x a − ψ(a) − a + ψ²(2 a), with x negative. */
function clearG2(module: Module, g2: G2Functions): Procedure<2> {
  return procedure(module, 2, (f, r, a) => {
    const [point, first, other] = Array.from({ length: 3 }, () => module.scratch(g2.bytes)) as [
      Pointer,
      Pointer,
      Pointer,
    ];
    f.copy(point, a, g2.bytes);
    f.put(g2.mulX(first, point), g2.negate(first, first), g2.psi(other, point), g2.add(first, first, other));
    f.put(g2.mulX(other, first), g2.add(other, other, first), g2.add(other, other, point), g2.negate(other, other));
    f.put(g2.double(first, point), g2.psi2(first, first), g2.add(r, other, first));
  });
}
