/** Values of long integers at whose edges something carries, and divisions whose estimates have to be corrected. */

/** A word of only ones. */
export const ONES = (1n << 64n) - 1n;

export const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

/** Words of only ones, so many. */
export const ones = (words: number): bigint => (1n << BigInt(64 * words)) - 1n;
const power = (words: number) => 1n << BigInt(64 * words);

/** Numbers at whose edges something carries. */
export const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 1n << 31n, (1n << 32n) - 1n, 1n << 32n, 1n << 63n, (1n << 63n) + 1n, ONES - 1n, ONES],
  ...[1, 2, 3, 4, 7, 8, 9, 14].flatMap((words) => [
    ...[ones(words), power(words), power(words) + 1n, power(words) - 2n, ones(words) - ONES, power(words) >> 1n],
    ...[(power(words) >> 1n) - 1n, power(words) + ONES, (ones(words) >> 64n << 64n) + 1n],
  ]),
];

/** Dividends and divisors: quotients and rests at their ends, by divisors of every kind. */
export function* divisions(): Generator<readonly [dividend: bigint, divisor: bigint]> {
  const leading = [1n << 63n, (1n << 63n) + 1n, ONES, ONES - 1n, 0xffff_ffff_0000_0000n, 0x8000_0000_ffff_ffffn];
  const low = [0n, 1n, ONES, 1n << 63n, 0xffff_ffffn];
  const quotients = [1n, ONES, ONES - 1n, power(1), ones(2), power(1) + 1n, power(2) - power(1), ones(3)];
  for (const first of leading) {
    for (const second of low) {
      for (const third of [undefined, ...low]) {
        const two = first << 64n | second;
        for (const divisor of third === undefined ? [two, first] : [two << 64n | third]) {
          for (const shift of [0n, 1n, 31n, 63n]) {
            const d = divisor >> shift;
            for (const q of quotients) {
              for (const rest of [0n, 1n, d - 1n, d >> 1n, d - 2n]) yield [q * d + magnitude(rest), d];
            }
          }
        }
      }
    }
  }
  // A reciprocal of two words that is corrected at last: without it the estimate is two too many for these.
  for (const d of [0x8005a75194e55f0e_fffc74ebacfd751en, 0x8000026eb40f2daf_e758101d36b1f81en]) {
    for (const q of [0xeae2a147b012ebafn, ONES, ONES - 1n, 0xa1345e31f01876f5n]) yield [q * d + d - 1n, d];
  }
}
