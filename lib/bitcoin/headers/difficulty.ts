/**
 * Which target a header must name.
 *
 * @see Bitcoin Core `pow.cpp`, GetNextWorkRequired and PermittedDifficultyTransition; BIP94
 * @module
 */
import type { PowParams } from "../networks/network.ts";
import { compactToTarget, targetToCompact } from "./pow.ts";

const BITS_256 = (1n << 256n) - 1n;
/** A target changes by at most this factor. */
const RETARGET_FACTOR = 4;

/** Headers by small numbers, as difficulty and time rules read them. */
export interface HeaderSource {
  height(row: number): number;
  /** Seconds since 1970. */
  time(row: number): number;
  bits(row: number): number;
  /** The parent's row, or −1 above genesis. */
  parent(row: number): number;
  /** The row of the ancestor at `height`, which is at most the row's own. */
  ancestor(row: number, height: number): number;
}

/**
 * The bits after a period that took `lastTime − firstTime` seconds.
 * @param bits of the period's last block; under BIP94, of its first
 * @param firstTime of the period's first block: of 2016 blocks, 2015 intervals are measured
 */
export function retarget(pow: PowParams, bits: number, firstTime: number, lastTime: number): number {
  const { targetTimespan, limit } = pow;
  const span = clamp(
    lastTime - firstTime,
    Math.trunc(targetTimespan / RETARGET_FACTOR),
    targetTimespan * RETARGET_FACTOR,
  );
  const target = ((compactToTarget(bits).target * BigInt(span)) & BITS_256) / BigInt(targetTimespan);
  return targetToCompact(target > limit ? limit : target);
}

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);

/** The bits that a child of `prev` must carry when its time is `time`. */
export function requiredBits(pow: PowParams, chain: HeaderSource, prev: number, time: number): number {
  const height = chain.height(prev) + 1;
  if (height % pow.interval !== 0) {
    return pow.allowMinDifficultyBlocks ? bitsAfterEasyBlocks(pow, chain, prev, time) : chain.bits(prev);
  }
  if (pow.noRetargeting) return chain.bits(prev);
  const first = chain.ancestor(prev, height - pow.interval);
  return retarget(pow, chain.bits(pow.enforceBip94 ? first : prev), chain.time(first), chain.time(prev));
}

/** After twenty minutes any child may be easy; before, the last block that was not counts. */
function bitsAfterEasyBlocks(pow: PowParams, chain: HeaderSource, prev: number, time: number): number {
  return time > chain.time(prev) + 2 * pow.targetSpacing ? pow.limitBits : lastCountedBits(pow, chain, prev);
}

/**
 * Where easy blocks are allowed: the bits of the last block at or below `row` that is not one of them, but no further
 * back than the period's first block. The walk is as long as the row of easy blocks; code that goes along a chain uses
 * {@link stepCountedBits}.
 */
export function lastCountedBits(pow: PowParams, chain: HeaderSource, row: number): number {
  if (!pow.allowMinDifficultyBlocks) return chain.bits(row);
  let at = row;
  while (chain.bits(at) === pow.limitBits && chain.height(at) % pow.interval !== 0) {
    const parent = chain.parent(at);
    if (parent < 0) break;
    at = parent;
  }
  return chain.bits(at);
}

/** {@link lastCountedBits} of a block of this height and bits, when its parent's is `before`. */
export function stepCountedBits(pow: PowParams, height: number, bits: number, before: number): number {
  return bits === pow.limitBits && height % pow.interval !== 0 ? before : bits;
}

/**
 * Whether bits may go from `oldBits` to `newBits` at `height`, judged without the times of the period: a coarse sieve
 * against chains that pack much work into few headers. Networks with easy blocks let everything pass.
 */
export function permittedDifficultyTransition(
  pow: PowParams,
  height: number,
  oldBits: number,
  newBits: number,
): boolean {
  if (pow.allowMinDifficultyBlocks) return true;
  if (height % pow.interval !== 0) return oldBits === newBits;
  const { target: observed } = compactToTarget(newBits);
  const { target: old } = compactToTarget(oldBits);
  // The bounds are rounded as a retarget would be, through the compact form.
  const bound = (span: number) => {
    const target = ((old * BigInt(span)) & BITS_256) / BigInt(pow.targetTimespan);
    return compactToTarget(targetToCompact(target > pow.limit ? pow.limit : target)).target;
  };
  return observed <= bound(pow.targetTimespan * RETARGET_FACTOR) &&
    observed >= bound(Math.trunc(pow.targetTimespan / RETARGET_FACTOR));
}

/** How many blocks the median time is taken over. */
export const MEDIAN_TIME_SPAN = 11;

/** The median time past of `row`: the middle one of its own time and of up to ten ancestors'. */
export function medianTimePast(chain: HeaderSource, row: number): number {
  const times: number[] = [];
  for (let at = row; at >= 0 && times.length < MEDIAN_TIME_SPAN; at = chain.parent(at)) times.push(chain.time(at));
  times.sort((a, b) => a - b);
  return times[times.length >> 1]!;
}
