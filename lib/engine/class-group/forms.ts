/**
 * Forms (a, b, c) of one negative discriminant b² − 4 a c, positive definite and primitive: reduction, composition, squaring, and
 * programs of these.
 *
 * Composition works on the lattice of the vectors (r, u) with r = a1 x + k u. On it the composed form has the value
 * N(r, u) = r p + u q with p = (a2 r − m u) / a1 and q = (s r + c2 u) / a1, where s and m are half the sum and the difference of
 * b1 and b2. Two short vectors (r1, u1), (r0, u0) of it, from Euclid's algorithm on (a1, k) until r1 is about |D|^(1/4), give a
 * form that is nearly reduced: A = N(r1, u1), C = N(r0, u0), and B from both. Their determinant r0 u1 − r1 u0 is a1 or −a1; where
 * it is a1 they are a basis of the other orientation, and B changes its sign.
 *
 * The second vector's p0 and q0 come from the first one's: r1 p0 = r0 p1 ± m and u1 q0 = u0 q1 ± s, with + where the determinant
 * is a1. That is a short division instead of two products and a long one, and 2 (r0 p1 + u0 q1) ± b1 is B.
 *
 * How long numbers become: a, b and the cofactors have 9 words at most, c has 17 (of a form of 1,024 bits as it is read), so a
 * product has 26 words at most. What would not fit ends the call as an error (`mustFit`).
 *
 * @see Jacobson, van der Poorten, "Computational aspects of NUCOMP" (2002); Cohen, "A Course in Computational Algebraic Number
 * Theory", 5.4
 * @module
 */
import { type Fn, I32, I64, type Int, type Module, Pointer, type Procedure, procedure } from "../assembler/mod.ts";
import type { Euclid } from "./euclid.ts";
import { type Integers, NUMBER_BYTES, numberPlace, sizeOf, wordAddress, wordAt } from "./integers.ts";

/** A form: its three numbers one after the other. */
export const FORM = { a: 0, b: NUMBER_BYTES, c: 2 * NUMBER_BYTES, bytes: 3 * NUMBER_BYTES } as const;

/**
 * Operations of a program, and the bytes of one: operation, target, and one or two operands as addresses of forms. The operand
 * that is inverted is not the target.
 */
export const OPERATION = { end: 0, square: 1, compose: 2, composeInverse: 3, copy: 4, bytes: 16 } as const;

/** More rounds of a reduction than forms of 31 words can need: each makes `a` half as long, but for the last two. */
const ROUNDS_MAX = 4_096;

/** Forms in a module. */
export interface Forms {
  readonly reduce: Procedure<1>;
  /** The first = the second squared. All forms are reduced, here and below. */
  readonly square: Procedure<2>;
  readonly compose: Procedure<3>;
  /** Runs the operations from an address on. */
  readonly run: Procedure<1>;
}

/** What the functions below share. */
interface Parts {
  readonly integers: Integers;
  readonly euclid: Euclid;
  readonly reduce: Procedure<1>;
}

/** The number `at` bytes into a form. */
const part = (form: Pointer, at: number): I32 => form.at(at).address;
const intAt = (number: Int): I32 => new Pointer(number).int;

/** Makes them. */
export function forms(module: Module, integers: Integers, euclid: Euclid): Forms {
  const parts = { integers, euclid, reduce: reduction(module, integers) };
  const compose = composition(module, parts);
  const square = squaring(module, parts, compose);
  return { reduce: parts.reduce, compose, square, run: running(module, integers, { compose, square }) };
}

function reduction(module: Module, integers: Integers): Procedure<1> {
  const { addMul, compare, copy, negate } = integers;
  const [twice, quotient, other] = [numberPlace(module), numberPlace(module), numberPlace(module)];
  return procedure(module, 1, (f, form) => {
    const a = f.let32(form.address);
    const [b, c] = [f.let32(part(form, FORM.b)), f.let32(part(form, FORM.c))];
    const [order, length, isPositive] = [f.i32(), f.i32(), f.i32()];
    const [x, y, q] = [f.i64(), f.i64(), f.i64()];
    const left = f.let32(ROUNDS_MAX);

    /** Leading bits of |b|, and those of a at the same place; y is 0 when that is out of sight. */
    const lead = () => {
      const shorter = f.let32(length.sub(intAt(a)));
      y.set(0n);
      f.if(shorter.ltU(2), () => {
        const [bTop, aTop] = [f.let32(wordAddress(b, length)), f.let32(wordAddress(a, length))];
        x.set(wordAt(bTop, -1).word);
        const shift = f.let64(x.leadingZeros());
        const complement = f.let64(I64.of(63n).sub(shift));
        f.if(shorter.isZero(), () => y.set(wordAt(aTop, -1).word));
        for (const [top, at] of [[x, bTop], [y, aTop]] as const) {
          // Below a number of one word lies its size, a number below 2^32: what it adds does not count.
          top.set(top.shl(shift).or(wordAt(at, -2).word.shrU(1n).shrU(complement)));
        }
      });
    };
    /** b nearer to 0 by an even multiple of a. */
    const step = () => {
      const size = sizeOf(f, b);
      length.set(size.count);
      isPositive.set(size.sign.add(1));
      lead();
      f.if(y.geU(1n << 32n), () => {
        // Half the quotient, rounded, which is 1 at least. It may be off by one: then there is another step.
        q.set(x.divU(y).add(1n).shrU(1n));
        // b' = b − 2 q a, c' = c − q (b − q a).
        f.put(addMul(b, a, q, isPositive), addMul(c, b, q, isPositive), addMul(b, a, q, isPositive));
      }, () => {
        f.put(copy(twice, a), integers.add(twice, a), integers.divide(quotient, other, b, twice));
        f.put(integers.mul(twice, a, quotient), integers.sub(b, twice));
        f.put(integers.mul(other, b, quotient), integers.sub(c, other), integers.sub(b, twice));
      });
    };

    f.loop((again) => {
      left.set(left.sub(1));
      f.if(left.isZero(), () => f.trap());
      order.set(compare(b, a));
      f.if(order.gtS(0), () => {
        step();
        f.branch(again);
      });
      // −a is a.
      f.if(order.isZero(), () => f.put(new Pointer(b).storeInt(intAt(a))));
      order.set(compare(a, c));
      f.if(order.gtS(0), () => {
        f.put(copy(other, a), copy(a, c), copy(c, other), negate(b));
        f.branch(again);
      });
      f.if(order.isZero().and(intAt(b).ltS(0)), () => f.put(negate(b)));
    });
  });
}

/** Whether a number is 1. */
const isOne = (number: Int): I32 => intAt(number).eq(1).and(wordAt(number).word.eq(1n));

/** Short vectors of the lattice of (a, k) in the remainders; 1 when their determinant is −a. */
function shortVectors(f: Fn, { integers, euclid }: Parts, a: Int, k: Int): ReturnType<Fn["let32"]> {
  const isTurned = f.i32();
  const { r0, r1, u0, u1, bound } = euclid;
  f.if(integers.compare(I32.of(a), bound).gtS(0), () => isTurned.set(euclid.partial(I32.of(a), I32.of(k))), () => {
    f.put(integers.copy(r0, I32.of(a)), integers.copy(r1, I32.of(k)));
    f.put(new Pointer(u0).storeInt(0), integers.setWord(u1, 1n));
  });
  return isTurned;
}

/** Makes `to` = (x y + z w) / divisor, or − z w; it is whole. */
function quotientOfSum(module: Module, { mul, addMul, divide }: Integers) {
  const [sum, product] = [numberPlace(module), numberPlace(module)];
  return module.fn(
    { params: ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], results: [] },
    (f, to, x, y, z, w, isSubtracted, divisor) => {
      f.put(mul(sum, x, y), mul(product, z, w), addMul(sum, product, 1n, isSubtracted));
      f.put(divide(to, sum, sum, divisor));
    },
  );
}

/** Where a form is worked out, and products on their way. */
function workOf(module: Module) {
  const form = module.scratch(FORM.bytes);
  const place = () => numberPlace(module);
  return {
    form,
    A: part(form, FORM.a),
    B: part(form, FORM.b),
    C: part(form, FORM.c),
    k: place(),
    s: place(),
    t: place(),
  };
}
type WorkPlaces = ReturnType<typeof workOf>;

/** Turns a form that was worked out for a determinant of −a, reduces it and puts it where it belongs. */
function finish(f: Fn, { integers, reduce }: Parts, { form, B }: WorkPlaces, isTurned: I32, to: Pointer): void {
  f.if(isTurned.isZero(), () => f.put(integers.negate(B)));
  f.put(reduce(form));
  for (const at of [FORM.a, FORM.b, FORM.c]) f.put(integers.copy(part(to, at), part(form, at)));
}

/** N(r0, u0) = r0 p0 + u0 q0 into C, and likewise into A. */
function value(f: Fn, { mul, add }: Integers, to: I32, other: Int, [r, p, u, q]: readonly [Int, Int, Int, Int]): void {
  f.put(mul(to, I32.of(r), I32.of(p)), mul(I32.of(other), I32.of(u), I32.of(q)), add(to, other));
}

function squaring(module: Module, parts: Parts, compose: Procedure<3>): Procedure<2> {
  const { integers, euclid } = parts;
  const { mul, add, addMul, copy, negate, divide, modulo } = integers;
  const { r0, r1, u0, u1 } = euclid;
  const work = workOf(module);
  const { A, B, C, k, s, t } = work;
  const [q0, q1] = [numberPlace(module), numberPlace(module)];
  const divideSum = quotientOfSum(module, integers);
  // The lattice is that of (a, k) with k = −c / b modulo a; p is r here, s is b and m is 0.
  return procedure(module, 2, (f, to, from) => {
    const [a, b, c] = [f.let32(part(from, FORM.a)), f.let32(part(from, FORM.b)), f.let32(part(from, FORM.c))];
    f.put(copy(k, b));
    f.if(intAt(k).ltS(0), () => f.put(negate(k)));
    f.drop(euclid.full(a, k));
    // Not for a prime discriminant: a divisor of a and b is one of it.
    f.if(isOne(r0).isZero(), () => {
      f.put(compose(to, from, from));
      f.return();
    });
    f.put(mul(k, u0, c));
    f.if(intAt(b).gtS(0), () => f.put(negate(k)));
    f.put(modulo(k, k, a));
    const isTurned = shortVectors(f, parts, a, k);
    f.put(divideSum(q1, b, r1, c, u1, 0, a));
    value(f, integers, A, t, [r1, r1, u1, q1]);
    f.put(mul(B, r0, r1), mul(s, u0, q1), add(B, s), add(B, B), addMul(B, b, 1n, isTurned));
    f.put(addMul(s, b, 1n, isTurned), divide(q0, s, s, u1));
    value(f, integers, C, t, [r0, r0, u0, q0]);
    finish(f, parts, work, isTurned, to);
  });
}

function composition(module: Module, parts: Parts): Procedure<3> {
  const { integers, euclid } = parts;
  const { mul, add, sub, addMul, copy, divide, modulo, halve } = integers;
  const { r0, r1, u0, u1 } = euclid;
  const work = workOf(module);
  const { A, B, C, k, s, t } = work;
  const place = () => numberPlace(module);
  const [m, a1, a2, c2, gcd, rest] = [place(), place(), place(), place(), place(), place()];
  const [p0, p1, q0, q1] = [place(), place(), place(), place()];
  const divideSum = quotientOfSum(module, integers);

  /** k when a1 and a2 have a common divisor, which is so for four pairs of ten. */
  const withCommonDivisor = module.fn({ params: [], results: [] }, (f) => {
    f.put(modulo(k, k, a1), copy(gcd, r0));
    // v s + w gcd = gcd(s, gcd), which divides a1 and a2; k = k w − v c2.
    f.put(modulo(t, s, gcd));
    f.drop(euclid.full(gcd, t));
    f.put(mul(t, u0, s), copy(rest, r0), sub(rest, t), divide(t, rest, rest, gcd));
    f.put(mul(rest, k, t), mul(k, u0, c2), sub(rest, k), copy(k, rest));
    f.if(isOne(r0).isZero(), () => {
      for (const a of [a1, a2]) f.put(divide(a, rest, a, r0));
      f.put(mul(rest, c2, r0), copy(c2, rest));
    });
  });

  return procedure(module, 3, (f, to, x, y) => {
    const [first, second] = [f.let32(x.address), f.let32(y.address)];
    f.if(integers.compare(first, second).gtS(0), () => {
      const other = f.let32(first);
      first.set(second);
      second.set(other);
    });
    const [f1, f2] = [new Pointer(first), new Pointer(second)];
    const [b1, b2] = [part(f1, FORM.b), part(f2, FORM.b)];
    f.put(copy(s, b1), copy(m, b1), add(s, b2), sub(m, b2), halve(s), halve(m));
    f.put(copy(a1, first), copy(a2, second), copy(c2, part(f2, FORM.c)));
    f.put(modulo(k, a2, a1));
    f.drop(euclid.full(a1, k));
    f.put(mul(k, m, u0));
    f.if(isOne(r0).isZero(), () => f.put(withCommonDivisor()));
    f.put(modulo(k, k, a1));
    const isTurned = shortVectors(f, parts, a1, k);
    f.put(divideSum(p1, a2, r1, m, u1, 1, a1), divideSum(q1, s, r1, c2, u1, 0, a1));
    value(f, integers, A, t, [r1, p1, u1, q1]);
    // t = r0 p1, then r1 p0; rest = u0 q1, then u1 q0.
    f.put(mul(t, r0, p1), mul(rest, u0, q1));
    f.put(copy(B, t), add(B, rest), add(B, B), addMul(B, b1, 1n, isTurned));
    f.if(intAt(r1), () => {
      f.put(addMul(t, m, 1n, isTurned), divide(p0, t, t, r1));
    }, () => f.put(divideSum(p0, a2, r0, m, u0, 1, a1)));
    f.put(addMul(rest, s, 1n, isTurned), divide(q0, rest, rest, u1));
    value(f, integers, C, t, [r0, p0, u0, q0]);
    finish(f, parts, work, isTurned, to);
  });
}

function running(module: Module, { copy, negate }: Integers, { compose, square }: Pick<Forms, "compose" | "square">) {
  return procedure(module, 1, (f, program) => {
    const at = f.let32(program.address);
    const field = (i: number) => new Pointer(at, 4 * i).int;
    const operation = f.i32();
    f.loop((again) => {
      operation.set(field(0));
      const on = (code: number, body: () => void) =>
        f.if(operation.eq(code), () => {
          body();
          at.set(at.add(OPERATION.bytes));
          f.branch(again);
        });
      const b = f.i32();
      on(OPERATION.square, () => f.put(square(field(1), field(2))));
      on(OPERATION.compose, () => f.put(compose(field(1), field(2), field(3))));
      on(OPERATION.composeInverse, () => {
        b.set(field(3).add(FORM.b));
        f.put(negate(b), compose(field(1), field(2), field(3)), negate(b));
      });
      on(OPERATION.copy, () => {
        for (const to of [FORM.a, FORM.b, FORM.c]) f.put(copy(field(1).add(to), field(2).add(to)));
      });
    });
  });
}
