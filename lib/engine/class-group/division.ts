/**
 * Division of long integers: each word of the quotient comes from the three leading words of what is left and the two of the
 * divisor, with the reciprocal of those, and is one too many at most.
 *
 * @see Möller, Granlund, "Improved division by invariant integers" (2011), algorithms 3, 5 and 6; Knuth, 4.3.1, algorithm D
 * @module
 */
import { type Callable, I64, type Local32, type Local64, type Module, Pointer } from "../assembler/mod.ts";
import { type Integers, NUMBER_BYTES, sizeOf, wordAddress, wordAt } from "./integers.ts";

const HALF = 0xffff_ffffn;

/** ⌊(2^128 − 1) / d⌋ − 2^64 for a d from 2^63 up, by two digits of 32 bits. */
function reciprocal(module: Module): Callable<readonly ["i64"], readonly ["i64"]> {
  return module.fn({ params: ["i64"], results: ["i64"] }, (f, d) => {
    const [dHigh, dLow] = [f.let64(d.shrU(32n)), f.let64(d.and(HALF))];
    const left = f.let64(d.xor(-1n));
    const digit = () => {
      const [q, rest] = [f.let64(left.divU(dHigh)), f.i64()];
      rest.set(left.sub(q.mul(dHigh)));
      // Twice at most, as the divisor's high half is from 2^31 up; then it is a digit, as `left` is less than the divisor.
      f.while(() => rest.leU(HALF).and(q.mul(dLow).gtU(rest.shl(32n).or(HALF))), () => {
        q.set(q.sub(1n));
        rest.set(rest.add(dHigh));
      });
      left.set(left.shl(32n).or(HALF).sub(q.mul(d)));
      return q;
    };
    const high = digit();
    return high.shl(32n).or(digit());
  });
}

/** Makes the reciprocal of two words (d1, d0), d1 from 2^63 up, out of that of d1: algorithm 6. */
function reciprocalOfTwo(module: Module): Callable<readonly ["i64", "i64"], readonly ["i64"]> {
  const ofOne = reciprocal(module);
  return module.fn({ params: ["i64", "i64"], results: ["i64"] }, (f, d1, d0) => {
    const v = f.let64(ofOne(d1));
    const [p, low, high] = [f.let64(d1.mul(v).add(d0)), f.i64(), f.i64()];
    const less = () => v.set(v.sub(1n));
    f.if(p.ltU(d0), () => {
      less();
      f.if(p.geU(d1), () => {
        less();
        p.set(p.sub(d1));
      });
      p.set(p.sub(d1));
    });
    f.split(f.arithmetic.mulU(v, d0), low, high);
    p.set(p.add(high));
    f.if(p.ltU(high), () => {
      less();
      f.if(p.gtU(d1).or(p.eq(d1).and(low.geU(d0))), less);
    });
    return v;
  });
}

/** Makes {@link Integers.divide}. */
export function division(module: Module, { trim, copy }: Pick<Integers, "trim" | "copy">): Integers["divide"] {
  const invert = reciprocalOfTwo(module);
  // Both numbers, shifted so that the divisor's highest bit is set. The dividend gets two words more, and the zeros below it.
  const [N, D] = [NUMBER_BYTES + 16, NUMBER_BYTES + 8].map((bytes) => module.scratch(bytes).base) as [number, number];
  return module.fn(
    { params: ["i32", "i32", "i32", "i32"], results: [] },
    (f, quotient, rest, dividend, divisor) => {
      const [n, d] = [sizeOf(f, dividend), sizeOf(f, divisor)];
      const [carry, low, high] = [f.i64(), f.i64(), f.i64()];
      f.if(d.count.isZero(), () => f.trap());
      f.if(n.count.ltS(d.count), () => {
        f.if(rest.ne(dividend), () => f.put(copy(rest, dividend)));
        f.put(new Pointer(quotient).storeInt(0));
        f.return();
      });
      const shift = f.let64(wordAt(wordAddress(divisor, d.count), -1).word.leadingZeros());
      const complement = f.let64(I64.of(63n).sub(shift));
      // A divisor of one word is scaled by a further word, so that it has two.
      const scale = f.let32(d.count.eq(1));
      const i = f.i32();
      const scaled = (to: number, from: Local32, count: Local32) => {
        f.put(wordAt(to).storeWord(0n));
        carry.set(0n);
        i.set(0);
        f.while(() => i.ltS(count), () => {
          low.set(wordAt(wordAddress(from, i)).word);
          f.put(wordAt(wordAddress(to, i.add(scale))).storeWord(low.shl(shift).or(carry)));
          // By 64 in two steps, as a shift is taken modulo 64.
          carry.set(low.shrU(1n).shrU(complement));
          i.set(i.add(1));
        });
        f.put(wordAt(wordAddress(to, i.add(scale))).storeWord(carry));
        count.set(count.add(scale));
      };
      scaled(N, dividend, n.count);
      scaled(D, divisor, d.count);
      const d1 = f.let64(wordAt(wordAddress(D, d.count), -1).word);
      const d0 = f.let64(wordAt(wordAddress(D, d.count), -2).word);
      const inverse = f.let64(invert(d1, d0));
      const [j, at, from] = [f.let32(n.count.sub(d.count)), f.i32(), f.i32()];
      const end = f.let32(wordAddress(D, d.count));
      const [u, q] = [[f.i64(), f.i64(), f.i64()] as const, f.i64()];
      const estimate = estimating(f.i64s(3));
      f.loop((again) => {
        at.set(wordAddress(N, j.add(d.count)));
        u.forEach((word, k) => word.set(wordAt(at, -k).word));
        f.if(u[0].eq(d1).and(u[1].geU(d0)), () => q.set(-1n), () => estimate(q, u));
        // N −= q D, j words further up.
        begin();
        f.loop((more) => {
          f.split(here().sub(f.arithmetic.mulU(wordAt(from).word, q).add(carry)), low, high);
          carry.set(I64.of(0n).sub(high));
          advance();
          f.branch(more, from.ne(end));
        });
        u[0].set(wordAt(at).word);
        f.put(wordAt(at).storeWord(u[0].sub(carry)));
        f.if(u[0].ltU(carry), () => {
          // One too many.
          q.set(q.sub(1n));
          begin();
          f.loop((more) => {
            f.split(here().add(wordAt(from).word).add(carry), low, carry);
            advance();
            f.branch(more, from.ne(end));
          });
          f.put(wordAt(at).storeWord(wordAt(at).word.add(carry)));
        });
        f.put(wordAt(wordAddress(quotient, j)).storeWord(q));
        j.set(j.sub(1));
        f.branch(again, j.geS(0));
      });
      f.put(trim(quotient, n.count.sub(d.count).add(1), n.sign.xor(d.sign)));
      i.set(scale);
      f.while(() => i.ltS(d.count), () => {
        at.set(wordAddress(N, i));
        const word = wordAt(at).word.shrU(shift).or(wordAt(at, 1).word.shl(1n).shl(complement));
        f.put(wordAt(wordAddress(rest, i.sub(scale))).storeWord(word));
        i.set(i.add(1));
      });
      f.put(trim(rest, d.count.sub(scale), n.sign));

      function begin(): void {
        at.set(wordAddress(N, j));
        from.set(D);
        carry.set(0n);
      }
      function here() {
        return f.arithmetic.single(wordAt(at).word);
      }
      function advance(): void {
        f.put(wordAt(at).storeWord(low));
        at.set(at.add(8));
        from.set(from.add(8));
      }
      /** Three words by two, where those of the dividend are less: algorithm 5, without the rest. */
      function estimating([qLow, r1, r0]: readonly Local64[]) {
        return (to: Local64, [u2, u1, u0]: readonly [Local64, Local64, Local64]) => {
          const { arithmetic } = f;
          f.split(arithmetic.mulU(inverse, u2).add(arithmetic.pair(u1, u2)), qLow!, to);
          r1!.set(u1.sub(to.mul(d1)));
          f.split(arithmetic.pair(u0, r1!).sub(arithmetic.mulU(d0, to)).sub(arithmetic.pair(d0, d1)), r0!, r1!);
          to.set(to.add(1n));
          f.if(r1!.geU(qLow!), () => {
            to.set(to.sub(1n));
            f.split(arithmetic.pair(r0!, r1!).add(arithmetic.pair(d0, d1)), r0!, r1!);
          });
          f.if(r1!.gtU(d1).or(r1!.eq(d1).and(r0!.geU(d0))), () => to.set(to.add(1n)));
        };
      }
    },
  );
}
