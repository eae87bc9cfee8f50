/**
 * Feerate diagrams: how much fee the first so many weight units of some transactions bring, at best.
 *
 * @see Bitcoin Core `util/feefrac.cpp` (CompareChunks)
 * @module
 */
import type { OrderedItem } from "./linearization.ts";

/** A corner of a diagram. */
interface Corner {
  readonly weight: bigint;
  readonly fee: bigint;
}

function cornersOf(chunks: readonly OrderedItem[]): Corner[] {
  const sorted = [...chunks].sort((a, b) => b.fee / b.weight - a.fee / a.weight);
  const corners: Corner[] = [{ weight: 0n, fee: 0n }];
  for (const { fee, weight } of sorted) {
    const last = corners.at(-1)!;
    corners.push({ weight: last.weight + BigInt(weight), fee: last.fee + BigInt(fee) });
  }
  return corners;
}

/** Whether a corner lies above a diagram (1), on it (0) or below it (−1). Beyond its end a diagram is flat. */
function sideOf({ weight, fee }: Corner, corners: readonly Corner[]): number {
  const end = corners.findIndex((each) => each.weight >= weight);
  if (end < 0) return Math.sign(Number(fee - corners.at(-1)!.fee));
  if (end === 0) return 0;
  const [from, to] = [corners[end - 1]!, corners[end]!];
  const above = (fee - from.fee) * (to.weight - from.weight) - (to.fee - from.fee) * (weight - from.weight);
  return above > 0n ? 1 : above < 0n ? -1 : 0;
}

/** Whether the first chunks bring as much as the second up to every weight, and more up to some. */
export function isBetterDiagram(chunks: readonly OrderedItem[], than: readonly OrderedItem[]): boolean {
  const [ours, theirs] = [cornersOf(chunks), cornersOf(than)];
  // Both are made of straight lines: where they differ, they differ at a corner of one of them.
  const sides = [...ours.map((corner) => sideOf(corner, theirs)), ...theirs.map((corner) => -sideOf(corner, ours))];
  return sides.every((side) => side >= 0) && sides.some((side) => side > 0);
}
