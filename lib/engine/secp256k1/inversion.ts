/**
 * Inverses modulo p and modulo n, by division steps of which 62 at a time are done on single words.
 *
 * @see Bernstein, Yang, "Fast constant-time gcd computation and modular inversion" (2019); here in variable time
 * @module
 */
import { type Callable, type Fn, I64, type Local64, type Module, Pointer, select } from "../assembler/mod.ts";

/** Bits of a word of the long numbers here: two are left for signs and sums. */
const BITS = 62n;
const MASK = (1n << BITS) - 1n;
const WORDS = 5;
const BYTES = 8 * WORDS;

/**
 * The number at an address, below the modulus and not 0, becomes its inverse.
 *
 * @param moduli odd, below 2^256; which one is meant is the second argument, 0 for the first
 */
export function inversion(
  module: Module,
  moduli: readonly [bigint, bigint],
): Callable<readonly ["i32", "i32"], readonly []> {
  const [F, G, D, E] = ["f", "g", "d", "e"].map((name) => module.reserve(`inversion.${name}`, BYTES)) as [
    Pointer,
    Pointer,
    Pointer,
    Pointer,
  ];
  const matrix = module.reserve("inversion.matrix", 32);
  const [first, second] = moduli.map((modulus, i) => module.constant(`inversion.${i}`, modulusBytes(modulus))) as [
    Pointer,
    Pointer,
  ];
  const divisionSteps = divisionStepsOf(module, matrix);

  return module.fn({ params: ["i32", "i32"], results: [] }, (f, pointer, which) => {
    const modulus = new Pointer(f.let32(select(which, second.address, first.address)));
    const inverseOfModulus = f.let64(modulus.at(BYTES).word);
    const eta = f.let64(-1n);
    begin(f, new Pointer(pointer), modulus, [F, G, D, E]);

    const [u, v, q, r] = [f.i64(), f.i64(), f.i64(), f.i64()];
    const rows = [[u, v], [q, r]] as const;
    const [a, b, m] = [f.i64(), f.i64(), f.i64()];
    const sums = rows.map(() => ({ low: f.i64(), high: f.i64(), extra: f.i64() }));
    /** Adds this row of the matrix times (a, b) to its sum. */
    const addRow = (k: 0 | 1, isFirst: boolean) => {
      const { low, high } = sums[k]!;
      const [x, y] = rows[k];
      const row = f.arithmetic.mulS(x, a).add(f.arithmetic.mulS(y, b));
      f.split(isFirst ? row : row.add(f.arithmetic.pair(low, high)), low, high);
    };
    /** The sum goes on with what is above its lowest 62 bits. */
    const shift = (k: 0 | 1) => {
      const { low, high } = sums[k]!;
      low.set(low.shrU(BITS).or(high.shl(64n - BITS)));
      high.set(high.shrS(BITS));
    };

    f.loop((again) => {
      eta.set(divisionSteps(eta, F.word, G.word));
      [u, v, q, r].forEach((entry, i) => entry.set(matrix.at(8 * i).word));

      // (d, e) = matrix (d, e) / 2^62 modulo the modulus: a multiple of it makes the lowest 62 bits 0. Beginning with what
      // brings d and e out of the negative keeps them between −2 moduli and one.
      a.set(D.at(8 * (WORDS - 1)).word.shrS(63n));
      b.set(E.at(8 * (WORDS - 1)).word.shrS(63n));
      rows.forEach(([x, y], k) => sums[k]!.extra.set(x.and(a).add(y.and(b))));
      for (let i = 0; i < WORDS; i++) {
        a.set(D.at(8 * i).word);
        b.set(E.at(8 * i).word);
        m.set(modulus.at(8 * i).word);
        for (const k of [0, 1] as const) {
          const { low, high, extra } = sums[k]!;
          addRow(k, i === 0);
          if (i === 0) extra.set(extra.sub(inverseOfModulus.mul(low).add(extra).and(MASK)));
          f.split(f.arithmetic.mulS(m, extra).add(f.arithmetic.pair(low, high)), low, high);
          if (i > 0) f.put([D, E][k]!.at(8 * (i - 1)).storeWord(low.and(MASK)));
          shift(k);
        }
      }
      for (const k of [0, 1] as const) f.put([D, E][k]!.at(8 * (WORDS - 1)).storeWord(sums[k]!.low));

      // (f, g) = matrix (f, g) / 2^62, which is whole.
      for (let i = 0; i < WORDS; i++) {
        a.set(F.at(8 * i).word);
        b.set(G.at(8 * i).word);
        for (const k of [0, 1] as const) {
          addRow(k, i === 0);
          if (i > 0) f.put([F, G][k]!.at(8 * (i - 1)).storeWord(sums[k]!.low.and(MASK)));
          shift(k);
        }
      }
      for (const k of [0, 1] as const) f.put([F, G][k]!.at(8 * (WORDS - 1)).storeWord(sums[k]!.low));
      const rest = [1, 2, 3, 4].reduce((all, i) => all.or(G.at(8 * i).word), G.word);
      f.branch(again, rest.ne(0n));
    });
    end(f, new Pointer(pointer), modulus, F, D);
  });
}

/** A modulus in five words of 62 bits, then its inverse modulo 2^62. */
function modulusBytes(modulus: bigint): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(BYTES + 8));
  for (let i = 0; i < WORDS; i++) bytes.setBigUint64(8 * i, modulus >> BITS * BigInt(i) & MASK, true);
  let inverse = 1n;
  // Each step doubles the bits that are right.
  for (let right = 1n; right < BITS; right *= 2n) inverse = inverse * (2n - modulus * inverse) & MASK;
  bytes.setBigUint64(BYTES, inverse, true);
  return new Uint8Array(bytes.buffer);
}

/** f is the modulus, g the number, d is 0 and e is 1. */
function begin(
  f: Fn,
  number: Pointer,
  modulus: Pointer,
  [F, G, D, E]: readonly [Pointer, Pointer, Pointer, Pointer],
): void {
  const words = [0, 1, 2, 3].map((i) => f.let64(number.at(8 * i).word));
  for (let i = 0; i < WORDS; i++) {
    const [word, shift] = [62 * i >> 6, 62 * i & 63];
    let part: I64 = words[word]!.shrU(BigInt(shift));
    if (shift > 2 && word < 3) part = part.or(words[word + 1]!.shl(BigInt(64 - shift)));
    f.put(G.at(8 * i).storeWord(part.and(MASK)), F.at(8 * i).storeWord(modulus.at(8 * i).word));
    f.put(D.at(8 * i).storeWord(0n), E.at(8 * i).storeWord(i === 0 ? 1n : 0n));
  }
}

/** f is 1 or −1 now, and the inverse f · d, between −2 moduli and one. */
function end(f: Fn, number: Pointer, modulus: Pointer, F: Pointer, D: Pointer): void {
  const words = Array.from({ length: WORDS }, (_, i) => f.let64(D.at(8 * i).word));
  const last = words[WORDS - 1]!;
  const sign = f.let64(F.at(8 * (WORDS - 1)).word.shrS(63n));
  const mask = f.i64();
  const addIfNegative = () => {
    mask.set(last.shrS(63n));
    words.forEach((word, i) => word.set(word.add(mask.and(modulus.at(8 * i).word))));
  };
  const carry = () => {
    for (let i = 0; i < WORDS - 1; i++) {
      words[i + 1]!.set(words[i + 1]!.add(words[i]!.shrS(BITS)));
      words[i]!.set(words[i]!.and(MASK));
    }
  };
  addIfNegative();
  for (const word of words) word.set(word.xor(sign).sub(sign));
  carry();
  addIfNegative();
  carry();
  for (let k = 0; k < 4; k++) {
    const i = Math.floor(64 * k / 62);
    const drop = BigInt(64 * k - 62 * i);
    f.put(number.at(8 * k).storeWord(words[i]!.shrU(drop).or(words[i + 1]!.shl(BITS - drop))));
  }
}

/** 62 division steps on the lowest words of f (odd) and g; leaves their matrix, and gives the new η. */
function divisionStepsOf(module: Module, matrix: Pointer): Callable<readonly ["i64", "i64", "i64"], readonly ["i64"]> {
  return module.fn({ params: ["i64", "i64", "i64"], results: ["i64"] }, (fn, eta, f, g) => {
    const [u, v, q, r] = [fn.let64(1n), fn.i64(), fn.i64(), fn.let64(1n)];
    const left = fn.let64(BITS);
    const [zeros, w, limit] = [fn.i64(), fn.i64(), fn.i64()];
    /** (x, y) = (y, −x). */
    const turn = (x: Local64, y: Local64) => {
      const old = fn.let64(x);
      x.set(y);
      y.set(I64.of(0n).sub(old));
    };
    const least = (a: I64, b: I64) => select<I64>(a.ltS(b), a, b);
    fn.block((done) =>
      fn.loop((again) => {
        // Zeros of g go in one step each; all at once.
        zeros.set(g.or(I64.of(-1n).shl(left)).trailingZeros());
        g.set(g.shrU(zeros));
        u.set(u.shl(zeros));
        v.set(v.shl(zeros));
        eta.set(eta.sub(zeros));
        left.set(left.sub(zeros));
        fn.branch(done, left.isZero());
        fn.if(eta.ltS(0n), () => {
          eta.set(I64.of(0n).sub(eta));
          turn(f, g);
          turn(u, q);
          turn(v, r);
        });
        // So many low bits of g are cleared at once: as many as steps are left, and as η allows before the next turn.
        limit.set(least(least(eta.add(1n), left), I64.of(6n)));
        // w = −g / f modulo 2^6, where 1 / f = f (2 − f²) for an odd f.
        w.set(f.mul(g).mul(f.mul(f).sub(2n)));
        w.set(w.and(I64.of(1n).shl(limit).sub(1n)));
        g.set(g.add(f.mul(w)));
        q.set(q.add(u.mul(w)));
        r.set(r.add(v.mul(w)));
        fn.branch(again);
      })
    );
    [u, v, q, r].forEach((entry, i) => fn.put(matrix.at(8 * i).storeWord(entry)));
    return eta;
  });
}
