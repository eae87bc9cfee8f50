/**
 * chiavdf's test of primality and hash to prime on BigInt, for numbers of any length.
 *
 * @see chiavdf `src/primetest.h`, `src/proof_common.h`
 * @module
 */
import { CANDIDATES_MAX, lucasParameters, type Sha256 } from "./arithmetic.ts";
import { bitLength, fromBytes } from "./numbers.ts";
import { groupCount, oddPrimes } from "./small-divisors.ts";

/** Products of primes below 2^64, with the primes. */
let groups: readonly { readonly product: bigint; readonly primes: readonly number[] }[] | undefined;

function smallGroups(): NonNullable<typeof groups> {
  if (groups !== undefined) return groups;
  const made: { product: bigint; primes: number[] }[] = [];
  for (const prime of oddPrimes()) {
    const group = made.at(-1);
    if (group === undefined || (group.product * BigInt(prime)) >> 64n !== 0n) {
      made.push({ product: BigInt(prime), primes: [prime] });
    } else {
      group.product *= BigInt(prime);
      group.primes.push(prime);
    }
  }
  return groups = made;
}

/** Whether a prime of the groups for a number of this length divides it. */
function hasSmallDivisor(n: bigint): boolean {
  return smallGroups().slice(0, groupCount(bitLength(n))).some(({ product, primes }) => {
    const rest = n % product;
    // In halves that doubles hold exactly, with what 2^32 is modulo the prime.
    const [high, low] = [Number(rest >> 32n), Number(rest & 0xffff_ffffn)];
    return primes.some((prime) => ((high % prime) * (2 ** 32 % prime) + low) % prime === 0);
  });
}

/** 2^exponent modulo an odd number, for an exponent from 0 up: four bits at a time, which are a shift. */
export function powerOfTwo(exponent: bigint, n: bigint): bigint {
  let power = 1n;
  for (const digit of exponent.toString(16)) {
    for (let i = 0; i < 3; i++) power = power * power % n;
    power = (power * power << BigInt(Number.parseInt(digit, 16))) % n;
  }
  return power % n;
}

function isStrongProbablePrime(n: bigint): boolean {
  let zeros = 0n;
  while ((n - 1n >> zeros & 1n) === 0n) zeros++;
  let power = powerOfTwo(n >> zeros, n);
  if (power === 1n) return true;
  for (let i = 0n; i < zeros; i++) {
    if (power === n - 1n) return true;
    power = power * power % n;
  }
  return false;
}

/** Whether V(n + 1) is 2 Q: as numbers of one sign, which differs from "modulo n" where n is less than 2 |Q|. */
function isLucasProbablePrime(n: bigint): boolean {
  const parameters = lucasParameters(n);
  if (parameters === undefined) return false;
  const { p, q } = parameters;
  let [first, second] = [1n, p];
  for (const bit of (n + 1n).toString(2).slice(1)) {
    const [product, square1, square2] = [first * second, first * first, second * second];
    [first, second] = bit === "1"
      ? [(square2 - q * square1) % n, (p * square2 - 2n * q * product) % n]
      : [(2n * product - p * square1) % n, (square2 - q * square1) % n];
  }
  const value = (2n * second - p * first) % n;
  if (q < 0n) return (value > 0n ? value - n : value) === 2n * q;
  return (value < 0n ? value + n : value) === 2n * q;
}

/** Whether chiavdf takes an odd number above 1 for a prime. */
export function isPrime(n: bigint): boolean {
  return !hasSmallDivisor(n) && isStrongProbablePrime(n) && isLucasProbablePrime(n);
}

/** See `Arithmetic.hashToPrime`. */
export function hashToPrime(
  sha256: Sha256,
  seed: Uint8Array,
  bits: number,
  kind: "challenge" | "discriminant",
): bigint {
  const counter = seed.slice();
  const digits = new Uint8Array(bits / 8);
  const ones = 1n << BigInt(bits - 1) | (kind === "challenge" ? 1n : 7n);
  // A short counter comes round.
  const candidates = seed.length < 2 ? 256 ** seed.length : CANDIDATES_MAX;
  for (let candidate = 0; candidate < candidates; candidate++) {
    for (let at = 0; at < digits.length;) {
      for (let i = counter.length - 1; i >= 0; i--) {
        counter[i]!++;
        if (counter[i] !== 0) break;
      }
      const digest = sha256(counter).subarray(0, digits.length - at);
      digits.set(digest, at);
      at += digest.length;
    }
    const n = fromBytes(digits) | ones;
    if (isPrime(n)) return n;
  }
  throw new RangeError(`no prime of ${bits} bits comes of a seed of ${seed.length} bytes`);
}
