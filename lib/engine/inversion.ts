/**
 * Inverses modulo odd numbers, by division steps of which 62 at a time are done on single words.
 *
 * @see Bernstein, Yang, "Fast constant-time gcd computation and modular inversion" (2019); here in variable time
 * @module
 */
import { type Callable, type Fn, I64, type Local64, type Module, Pointer, select } from "./assembler/mod.ts";

/** Bits of a word of the long numbers here: two are left for signs and sums. */
const BITS = 62n;
const MASK = (1n << BITS) - 1n;
/** Bits of the moduli for so many words of 64 bits: two more must fit into the words of 62. */
const wordsFor = (words: number): number => Math.ceil((64 * words + 2) / Number(BITS));

/** What is inverted. */
export interface InversionOptions {
  /** Distinguishes the places in memory of two inversions of one module. */
  readonly name: string;
  /** Odd. Which one is meant is an argument of the function: 0 for the first. */
  readonly moduli: readonly bigint[];
  /** Words of 64 bits in which numbers lie in memory; all moduli fit. */
  readonly words: number;
}

/** Makes the function: the number at an address, below the modulus and not 0, becomes its inverse. */
export function inversion(
  module: Module,
  { name, moduli, words }: InversionOptions,
): Callable<readonly ["i32", "i32"], readonly []> {
  const count = wordsFor(words);
  const bytes = 8 * count;
  const [F, G, D, E] = ["f", "g", "d", "e"].map((each) => module.reserve(`${name}.${each}`, bytes)) as [
    Pointer,
    Pointer,
    Pointer,
    Pointer,
  ];
  const matrix = module.reserve(`${name}.matrix`, 32);
  const tableBytes = bytes + 8;
  const all = new Uint8Array(tableBytes * moduli.length);
  moduli.forEach((modulus, i) => all.set(modulusBytes(modulus, count), tableBytes * i));
  const table = module.constant(`${name}.moduli`, all);
  const divisionSteps = divisionStepsOf(module, matrix);

  return module.fn({ params: ["i32", "i32"], results: [] }, (f, pointer, which) => {
    const modulus = new Pointer(f.let32(table.element(which, tableBytes).address));
    const inverseOfModulus = f.let64(modulus.at(bytes).word);
    const eta = f.let64(-1n);
    begin(f, { words, count }, new Pointer(pointer), modulus, [F, G, D, E]);

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
      a.set(D.at(8 * (count - 1)).word.shrS(63n));
      b.set(E.at(8 * (count - 1)).word.shrS(63n));
      rows.forEach(([x, y], k) => sums[k]!.extra.set(x.and(a).add(y.and(b))));
      for (let i = 0; i < count; i++) {
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
      for (const k of [0, 1] as const) f.put([D, E][k]!.at(8 * (count - 1)).storeWord(sums[k]!.low));

      // (f, g) = matrix (f, g) / 2^62, which is whole.
      for (let i = 0; i < count; i++) {
        a.set(F.at(8 * i).word);
        b.set(G.at(8 * i).word);
        for (const k of [0, 1] as const) {
          addRow(k, i === 0);
          if (i > 0) f.put([F, G][k]!.at(8 * (i - 1)).storeWord(sums[k]!.low.and(MASK)));
          shift(k);
        }
      }
      for (const k of [0, 1] as const) f.put([F, G][k]!.at(8 * (count - 1)).storeWord(sums[k]!.low));
      const rest = Array.from({ length: count - 1 }, (_, i) => G.at(8 * (i + 1)).word).reduce(
        (all, word) => all.or(word),
        G.word,
      );
      f.branch(again, rest.ne(0n));
    });
    end(f, { words, count }, new Pointer(pointer), modulus, F, D);
  });
}

/** How many words a number has in memory, and here. */
interface Sizes {
  readonly words: number;
  readonly count: number;
}

/** A modulus in words of 62 bits, then its inverse modulo 2^62. */
function modulusBytes(modulus: bigint, count: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(8 * count + 8));
  for (let i = 0; i < count; i++) bytes.setBigUint64(8 * i, modulus >> BITS * BigInt(i) & MASK, true);
  let inverse = 1n;
  // Each step doubles the bits that are right.
  for (let right = 1n; right < BITS; right *= 2n) inverse = inverse * (2n - modulus * inverse) & MASK;
  bytes.setBigUint64(8 * count, inverse, true);
  return new Uint8Array(bytes.buffer);
}

/** f is the modulus, g the number, d is 0 and e is 1. */
function begin(
  f: Fn,
  { words, count }: Sizes,
  number: Pointer,
  modulus: Pointer,
  [F, G, D, E]: readonly [Pointer, Pointer, Pointer, Pointer],
): void {
  const from = Array.from({ length: words }, (_, i) => f.let64(number.at(8 * i).word));
  for (let i = 0; i < count; i++) {
    const [word, shift] = [62 * i >> 6, 62 * i & 63];
    let part: I64 = word < words ? from[word]!.shrU(BigInt(shift)) : I64.of(0n);
    if (shift > 2 && word + 1 < words) part = part.or(from[word + 1]!.shl(BigInt(64 - shift)));
    f.put(G.at(8 * i).storeWord(part.and(MASK)), F.at(8 * i).storeWord(modulus.at(8 * i).word));
    f.put(D.at(8 * i).storeWord(0n), E.at(8 * i).storeWord(i === 0 ? 1n : 0n));
  }
}

/** f is 1 or −1 now, and the inverse f · d, between −2 moduli and one. */
function end(f: Fn, { words, count }: Sizes, number: Pointer, modulus: Pointer, F: Pointer, D: Pointer): void {
  const parts = Array.from({ length: count }, (_, i) => f.let64(D.at(8 * i).word));
  const last = parts[count - 1]!;
  const sign = f.let64(F.at(8 * (count - 1)).word.shrS(63n));
  const mask = f.i64();
  const addIfNegative = () => {
    mask.set(last.shrS(63n));
    parts.forEach((part, i) => part.set(part.add(mask.and(modulus.at(8 * i).word))));
  };
  const carry = () => {
    for (let i = 0; i < count - 1; i++) {
      parts[i + 1]!.set(parts[i + 1]!.add(parts[i]!.shrS(BITS)));
      parts[i]!.set(parts[i]!.and(MASK));
    }
  };
  addIfNegative();
  for (const part of parts) part.set(part.xor(sign).sub(sign));
  carry();
  addIfNegative();
  carry();
  for (let k = 0; k < words; k++) {
    const i = Math.floor(64 * k / 62);
    const drop = BigInt(64 * k - 62 * i);
    let word: I64 = parts[i]!.shrU(drop);
    if (i + 1 < count) word = word.or(parts[i + 1]!.shl(BITS - drop));
    f.put(number.at(8 * k).storeWord(word));
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
