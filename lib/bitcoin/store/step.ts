/**
 * What every Bitcoin store refuses, before it changes anything.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { BitcoinStep } from "../store.ts";
import { HEADER_BYTES } from "../types/header.ts";

/** Codes of a store that was asked for the impossible. */
export type BitcoinStoreCode =
  | "STORE_BROKEN_CHAIN"
  | "STORE_UNKNOWN_ROW"
  | "STORE_UNKNOWN_BLOCK"
  | "STORE_NO_INDEX"
  | "STORE_ELSEWHERE"
  | "STORE_REPLACED";

/**
 * Holds a step against the headers that are stored. Returns how many there are after it.
 * @throws NodeError with a {@link BitcoinStoreCode}
 */
export function checkStep(step: BitcoinStep, stored: number): number {
  const { headers, statuses, blocks, tip, coins, otherCoins, snapshot, undo, transactions } = step;
  if (headers !== undefined && (headers.firstRow !== stored || headers.bytes.length % HEADER_BYTES !== 0)) {
    throw failure(
      "STORE_BROKEN_CHAIN",
      `${headers.bytes.length} bytes of headers for row ${headers.firstRow} do not follow ${stored} stored ones`,
    );
  }
  const count = stored + (headers?.bytes.length ?? 0) / HEADER_BYTES;
  const check = (row: number) => {
    if (Number.isSafeInteger(row) && row >= 0 && row < count) return;
    throw failure("STORE_UNKNOWN_ROW", `there is no header ${row} among ${count}`);
  };
  for (const row of statuses?.keys() ?? []) check(row);
  for (const { row } of blocks ?? []) check(row);
  if (tip !== undefined) check(tip);
  if (coins !== undefined) check(coins.at);
  if (otherCoins !== undefined) check(otherCoins.at);
  if (typeof snapshot === "object") check(snapshot.base);
  for (const row of undo?.keys() ?? []) check(row);
  for (const { row } of [...transactions?.left ?? [], ...transactions?.joined ?? []]) check(row);
  return count;
}

/** The block of a row is needed and is not there. */
export const unknownBlock = (row: number) => failure("STORE_UNKNOWN_BLOCK", `the block of header ${row} is not stored`);

function failure(code: BitcoinStoreCode, message: string): NodeError<BitcoinStoreCode> {
  return new NodeError(code, "self", message);
}
