/**
 * The events that a step of the chain leaves in the log.
 *
 * @module
 */
import type { NewEvent } from "../../storage/events.ts";
import { toDisplayHex } from "../hash.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { LeftOutBranch } from "./branch-choice.ts";
import { levelOf } from "./levels.ts";

/** What every event of a step shares. */
export interface EventContext {
  readonly headers: HeaderChain;
  readonly network: string;
  /** Unix milliseconds. */
  readonly time: number;
}

/** `bitcoin.block`: a block joined the active chain, and how far it was checked. */
export function blockEvent({ headers, network, time }: EventContext, row: number, isReorg: boolean): NewEvent {
  const parent = headers.parent(row);
  return {
    topic: "bitcoin.block",
    time,
    chain: "bitcoin",
    network,
    data: {
      height: headers.height(row),
      hash: toDisplayHex(headers.hash(row)),
      previousblockhash: parent < 0 ? null : toDisplayHex(headers.hash(parent)),
      time: headers.time(row),
      chainwork: headers.work(row).toString(16).padStart(64, "0"),
      validation: levelOf(headers.status(row)),
      reorg: isReorg,
    },
  };
}

/** `bitcoin.branch_left_out`: a branch has more work, and the way to it needs blocks that are pruned. */
export function leftOutEvent({ headers, network, time }: EventContext, { tip, fork }: LeftOutBranch): NewEvent {
  return {
    topic: "bitcoin.branch_left_out",
    time,
    chain: "bitcoin",
    network,
    data: { fork_height: headers.height(fork), height: headers.height(tip), hash: toDisplayHex(headers.hash(tip)) },
  };
}

/** `bitcoin.reorg`: blocks left the active chain; comes before the events of those that take their place. */
export function reorgEvent(
  { headers, network, time }: EventContext,
  fork: number,
  left: readonly number[],
  joined: readonly number[],
): NewEvent {
  const hashes = (rows: readonly number[]) => rows.map((row) => toDisplayHex(headers.hash(row)));
  return {
    topic: "bitcoin.reorg",
    time,
    chain: "bitcoin",
    network,
    data: { fork_height: headers.height(fork), depth: left.length, old: hashes(left), new: hashes(joined) },
  };
}

/** `bitcoin.snapshot`: coins of a snapshot were taken, and the tip is its block; or what became of it. */
export function snapshotEvent(
  { headers, network, time }: EventContext,
  base: number,
  state: "loaded" | "validated" | "refused",
): NewEvent {
  return {
    topic: "bitcoin.snapshot",
    time,
    chain: "bitcoin",
    network,
    data: { state, height: headers.height(base), hash: toDisplayHex(headers.hash(base)) },
  };
}
