/**
 * The chain's events, as the log and its readers have them. A reorganisation is one event before the new blocks.
 *
 * @see docs/rpc.md for the envelope and the topics
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { EventData, NewEvent } from "../../storage/events.ts";
import type { BlockRecord } from "../types/mod.ts";

/** What all events of one step share. */
export interface EventContext {
  readonly network: string;
  /** Unix milliseconds. */
  readonly time: number;
  /** The peer that gave the blocks; null for ourselves. */
  readonly source: string | null;
}

function hex(hash: Uint8Array): string {
  return `0x${toHex(hash)}`;
}

function event(context: EventContext, topic: string, data: EventData): NewEvent {
  return { topic, time: context.time, chain: "chia", network: context.network, data };
}

function about(record: BlockRecord, transactionBlock: boolean): EventData {
  return {
    height: record.height,
    header_hash: hex(record.headerHash),
    prev_hash: hex(record.prevHash),
    weight: String(record.weight),
    is_transaction_block: transactionBlock,
  };
}

/** `chia.peak`: the main chain ends here now. */
export function peakEvent(
  context: EventContext,
  record: BlockRecord,
  transactionBlock: boolean,
  reorgDepth: number,
): NewEvent {
  const data = { ...about(record, transactionBlock), reorg_depth: reorgDepth, from_peer: context.source };
  return event(context, "chia.peak", data);
}

/** `chia.block`: a block joined the main chain. */
export function blockEvent(
  context: EventContext,
  record: BlockRecord,
  transactionBlock: boolean,
  reorg: boolean,
): NewEvent {
  return event(context, "chia.block", { ...about(record, transactionBlock), reorg });
}

/** `chia.reorg`: blocks above `forkHeight` were taken back; `undone` and `branch` rise. */
export function reorgEvent(
  context: EventContext,
  forkHeight: number,
  undone: readonly BlockRecord[],
  branch: readonly BlockRecord[],
): NewEvent {
  return event(context, "chia.reorg", {
    fork_height: forkHeight,
    depth: undone.length,
    old: undone.map((record) => hex(record.headerHash)),
    new: branch.map((record) => hex(record.headerHash)),
  });
}
