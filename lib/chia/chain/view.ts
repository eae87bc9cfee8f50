/**
 * What the consensus rules need to see of the chain: the ancestors of the block that is judged.
 *
 * @module
 */
import type { BlockRecord } from "../types/mod.ts";

/** Access to ancestors, synchronous because the rules walk them step by step. */
export interface AncestorView {
  /** The record with this hash; undefined when it is not at hand. */
  record(headerHash: Uint8Array): BlockRecord | undefined;
  /** The ancestor of `descendant` (or itself) at this height; undefined when it is not at hand. */
  ancestorAt(descendant: BlockRecord, height: number): BlockRecord | undefined;
}

/** Thrown when a rule needs an ancestor that the view does not hold: our own fault, never the peer's. */
export class MissingAncestor extends Error {
  override readonly name = "MissingAncestor";
}

/** The parent of a record. @throws MissingAncestor */
export function parentOf(view: AncestorView, record: BlockRecord): BlockRecord {
  const parent = view.record(record.prevHash);
  if (parent === undefined) throw new MissingAncestor(`no record of the parent of height ${record.height}`);
  return parent;
}

/** Whether the block is the first of its sub-slot. */
export function isFirstInSubSlot(record: BlockRecord): boolean {
  return record.finishedChallengeSlotHashes !== null;
}

/** Whether the block is a transaction block. */
export function isTransactionBlock(record: BlockRecord): boolean {
  return record.timestamp !== null;
}

/** The nearest of `record` and its ancestors that is a transaction block; undefined when there is none. */
export function lastTransactionBlock(view: AncestorView, record: BlockRecord): BlockRecord | undefined {
  let current = record;
  while (!isTransactionBlock(current)) {
    if (current.height === 0) return undefined;
    current = parentOf(view, current);
  }
  return current;
}
