/**
 * What a move of the tip leaves for the next commit: events of what leaves the active chain and of what joins it, and the
 * same for the transaction index.
 *
 * @module
 */
import type { HeaderChain } from "../headers/header-chain.ts";
import type { CoinChanges } from "../coins/changes.ts";
import type { Block } from "../types/block.ts";
import { blockEvent, reorgEvent } from "./events.ts";
import type { Pending } from "./pending.ts";
import { betweenRows } from "./rows.ts";

/** A block that is at hand, so that nobody reads it again. */
export interface KnownBlock {
  readonly row: number;
  readonly block: Block;
}

/** How the active chain moved, once it is durable. */
export interface TipMove {
  readonly tip: number;
  /** Last row that the old and the new active chain share. */
  readonly fork: number;
}

/** A block that was connected. */
export interface ConnectedBlock {
  readonly row: number;
  /** The block, if it is at hand. */
  readonly block: Block | undefined;
  readonly changes: CoinChanges;
}

/** What is told of moves. */
export interface TipMoveTerms {
  /** Unix milliseconds. */
  readonly time: number;
  /** Whether blocks are kept: each that joins has an event. */
  readonly hasBlocks: boolean;
  readonly hasTransactionIndex: boolean;
}

/** Notes that the tip moves from one row to another. */
export function noteTipMove(
  pending: Pending,
  headers: HeaderChain,
  from: number,
  to: number,
  known: KnownBlock | undefined,
  { time, hasBlocks, hasTransactionIndex }: TipMoveTerms,
): void {
  const fork = headers.commonAncestor(from, to);
  const left = betweenRows(headers, fork, from);
  const joined = betweenRows(headers, fork, to);
  const context = { headers, network: headers.network.name, time };
  if (left.length > 0) pending.events.push(reorgEvent(context, fork, left, joined));
  if (hasBlocks) {
    for (const row of joined) pending.events.push(blockEvent(context, row, left.length > 0));
    if (hasTransactionIndex) {
      // Ids that are not known here are computed from the stored block.
      for (const row of left) pending.left.push({ row, txids: [] });
      for (const row of joined) pending.joined.push({ row, txids: row === known?.row ? known.block.txids() : [] });
    }
  }
  pending.tip = to;
}
