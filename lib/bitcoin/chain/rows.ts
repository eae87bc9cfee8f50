/**
 * Rows of the header tree along a branch.
 *
 * @module
 */
import { Validation } from "../../core/validation.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import { levelOf } from "./levels.ts";

/** Rows after `from` up to its descendant `to`, rising. */
export function betweenRows(headers: HeaderChain, from: number, to: number): number[] {
  const rows: number[] = [];
  for (let row = to; row !== from; row = headers.parent(row)) rows.push(row);
  return rows.reverse();
}

/**
 * The last block of the chain that ends at `tip` before which every stored block was checked up to `level`, and how many
 * blocks were not checked so far and are not stored any more.
 */
export function verifiedUpTo(
  headers: HeaderChain,
  tip: number,
  level: Validation,
): { readonly row: number; readonly pruned: number } {
  let pruned = 0;
  let before = 0;
  for (const row of betweenRows(headers, 0, tip)) {
    const status = headers.status(row);
    if (Validation[levelOf(status)] < Validation[level]) {
      if ((status & HeaderStatus.data) !== 0) return { row: before, pruned };
      pruned += 1;
    }
    before = row;
  }
  return { row: tip, pruned };
}
