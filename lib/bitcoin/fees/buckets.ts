/**
 * Ranges of feerates in which transactions are counted together.
 *
 * @see Bitcoin Core `policy/fees/block_policy_estimator.cpp`
 * @module
 */

/** The bound of the lowest range, in satoshi for 1000 virtual bytes. */
const LOWEST = 100;
const HIGHEST = 1e7;
/** Each bound is so many times the one before. */
const SPACING = 1.05;
/** The bound of the last range, which has all that is above the others. */
const UNBOUNDED = 1e99;

/** The ranges that are used where no others were kept: their upper bounds, ascending. */
export function feeBuckets(): readonly number[] {
  const bounds: number[] = [];
  for (let bound = LOWEST; bound <= HIGHEST; bound *= SPACING) bounds.push(bound);
  return [...bounds, UNBOUNDED];
}

/** The range of a feerate: the first whose bound is not below it. */
export function bucketOf(bounds: readonly number[], feeRate: number): number {
  let low = 0;
  let high = bounds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! < feeRate) low = middle + 1;
    else high = middle;
  }
  return low;
}
