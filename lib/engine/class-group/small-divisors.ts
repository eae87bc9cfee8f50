/**
 * Division by small primes, as chiavdf does it before its other tests: the odd primes in their order, in groups whose products
 * are below 2^64, and of these more the longer the number is. That a divisor is found is part of what is prime there: a small
 * prime itself is not, if it is in a group.
 *
 * @see chiavdf `src/primetest.h`, `src/pprods.h`
 * @module
 */
import { I32, I64, type Module, Pointer } from "../assembler/mod.ts";

/** The groups of all primes, and the fewest that are used. */
export const GROUPS = 379;
const GROUPS_MIN = 5;
/** The last prime of the last group. */
const PRIME_MAX = 14_951;
/** From so many words on all groups are used. */
const WORDS_FOR_ALL = 16;

/** How many groups numbers of so many bits are divided by. */
export function groupCount(bits: number): number {
  const words = Math.ceil(bits / 64);
  if (words >= WORDS_FOR_ALL) return GROUPS;
  return GROUPS_MIN + Math.floor((GROUPS - GROUPS_MIN) * words ** 3 / WORDS_FOR_ALL ** 3);
}

/** The odd primes of all groups. */
export function oddPrimes(): number[] {
  const isComposite = new Uint8Array(PRIME_MAX + 1);
  const primes: number[] = [];
  for (let i = 3; i <= PRIME_MAX; i += 2) {
    if (isComposite[i]) continue;
    primes.push(i);
    for (let k = i * i; k <= PRIME_MAX; k += 2 * i) isComposite[k] = 1;
  }
  return primes;
}

/** A row of the table: the product, −1 / product modulo 2^64, how many primes there are; then for each what follows. */
const ROW = { product: 0, inverse: 8, count: 16, bytes: 24 } as const;
/** 1 / p modulo 2^64, and the largest whole number that p times stays below 2^64. */
const ENTRY = { inverse: 0, limit: 8, bytes: 16 } as const;

/** 1 / n modulo 2^64 for an odd n. */
const inverseOf = (module: Module) =>
  module.fn({ params: ["i64"], results: ["i64"] }, (f, n) => {
    const x = f.let64(n);
    // Three bits are right at first, and each step doubles them.
    for (let i = 0; i < 5; i++) x.set(x.mul(I64.of(2n).sub(n.mul(x))));
    return x;
  });

/** Makes the table and the test; `start` fills the table and has to be called once. */
export function smallDivisors(module: Module) {
  const primes = oddPrimes();
  const list = module.literal(new Uint8Array(Uint16Array.from([...primes, 0]).buffer));
  const table = module.reserve("small divisors", GROUPS * ROW.bytes + primes.length * ENTRY.bytes);
  const invert = inverseOf(module);

  const start = module.fn({ params: [], results: [], exportAs: "start" }, (f) => {
    const [at, row, prime, count] = [f.let32(table.address), f.let32(table.address), f.i32(), f.i32()];
    const entry = () => new Pointer(at);
    const from = f.let32(list.address);
    const [product, low, high] = [f.let64(1n), f.i64(), f.i64()];
    at.set(at.add(ROW.bytes));
    f.loop((again) => {
      prime.set(new Pointer(from).int16.and(0xffff));
      from.set(from.add(2));
      f.split(f.arithmetic.mulU(product, prime.extendU()), low, high);
      // The list ends with a 0, which ends the last group as well.
      f.if(high.ne(0n).or(prime.isZero()), () => {
        const head = new Pointer(row);
        f.put(head.at(ROW.product).storeWord(product), head.at(ROW.count).storeInt(count));
        f.put(head.at(ROW.inverse).storeWord(I64.of(0n).sub(invert(product))));
        row.set(at);
        at.set(at.add(ROW.bytes));
        low.set(prime.extendU());
        count.set(0);
      });
      product.set(low);
      f.if(prime, () => {
        f.put(entry().at(ENTRY.inverse).storeWord(invert(prime.extendU())));
        f.put(entry().at(ENTRY.limit).storeWord(I64.of(-1n).divU(prime.extendU())));
        at.set(at.add(ENTRY.bytes));
        count.set(count.add(1));
        f.branch(again);
      });
    });
  });

  /** Whether a prime of so many groups divides the number of so many words, of which the lowest is at an address. */
  const hasDivisor = module.fn({ params: ["i32", "i32", "i32"], results: ["i32"] }, (f, words, count, groups) => {
    const [row, at, left, end] = [f.let32(table.address), f.i32(), f.i32(), f.let32(words.add(count.shl(3)))];
    const [product, inverse, rest, low, carry, q] = [f.i64(), f.i64(), f.i64(), f.i64(), f.i64(), f.i64()];
    f.times(groups, () => {
      product.set(new Pointer(row).at(ROW.product).word);
      inverse.set(new Pointer(row).at(ROW.inverse).word);
      left.set(new Pointer(row).at(ROW.count).int);
      row.set(row.add(ROW.bytes));
      // The rest, over a power of 2^64: rest = (rest + word) / 2^64 modulo the product.
      rest.set(0n);
      at.set(words);
      f.loop((again) => {
        f.split(f.arithmetic.single(new Pointer(at).word).add(rest), low, carry);
        q.set(low.mul(inverse));
        f.split(f.arithmetic.mulU(q, product).add(low).add(f.arithmetic.pair(0n, carry)), low, rest);
        at.set(at.add(8));
        f.branch(again, at.ne(end));
      });
      f.times(left, () => {
        // A multiple of p times 1 / p is a whole number below 2^64 / p, and no other number is.
        const isMultiple = rest.mul(new Pointer(row).at(ENTRY.inverse).word).leU(new Pointer(row).at(ENTRY.limit).word);
        f.if(isMultiple, () => f.return(I32.of(1)));
        row.set(row.add(ENTRY.bytes));
      });
    });
    return I32.of(0);
  });
  return { start, hasDivisor };
}
