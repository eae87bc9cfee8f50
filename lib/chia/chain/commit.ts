/**
 * Making steps durable: blocks, main chain, coins and events in one transaction.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import { Validation } from "../../core/validation.ts";
import type { Clock } from "../../core/ports.ts";
import type { NewEvent } from "../../storage/events.ts";
import type { CoinChanges } from "../coin-set.ts";
import type { ChiaNetwork } from "../networks/network.ts";
import type { ChiaStore } from "../store.ts";
import type { BlockRecord } from "../types/mod.ts";
import { blockEvent, peakEvent, reorgEvent } from "./events.ts";
import type { Linker } from "./link.ts";
import type { Frame } from "./validator.ts";
import { isTransactionBlock } from "./view.ts";
import type { RecordWindow } from "./window.ts";

/** What committing needs. */
export interface CommitParts {
  readonly network: ChiaNetwork;
  readonly store: ChiaStore;
  readonly clock: Clock;
  readonly window: RecordWindow;
  readonly linker: Linker;
  /** The height of the main chain's peak; −1 without one. */
  readonly topHeight: () => number;
  /** Hears of each durable step: a hint that the log has grown. */
  readonly onCommit?: ((eventIds: readonly number[]) => void) | undefined;
}

/** Where the main chain goes. */
export interface Move {
  /** From the main chain (exclusive) up to the new tip, rising. */
  readonly branch: readonly BlockRecord[];
  /** The height that both chains share last. */
  readonly forkHeight: number;
  /** What each block of the branch does to the coins; undefined for blocks that are not spent yet. */
  readonly changes: readonly CoinChanges[] | undefined;
}

/** One step. */
export interface Commit {
  readonly frames: readonly Frame[];
  readonly removed: readonly BlockRecord[];
  readonly move: Move | undefined;
  /** The peak before it. */
  readonly previous: BlockRecord | undefined;
  /** The level of a block that was spent. */
  readonly level: Validation;
  readonly source: string | null;
}

/** How far a block was checked that no coins were held against. */
export function unspentLevel(level: Validation): Validation {
  return Validation[level] < Validation.linkage ? level : "linkage";
}

/** Writes steps. */
export class Committer {
  readonly #parts: CommitParts;

  constructor(parts: CommitParts) {
    this.#parts = parts;
  }

  /** The header hash at a height of the main chain. */
  async hashAt(height: number): Promise<Uint8Array | undefined> {
    // Most that is asked is about blocks that are to come on top.
    if (height > this.#parts.topHeight()) return undefined;
    return this.#parts.window.mainAt(height)?.headerHash ?? await this.#parts.store.hashAt(height);
  }

  /** The records from the main chain (exclusive) up to `tip`, rising. */
  async branch(tip: BlockRecord): Promise<BlockRecord[]> {
    const branch: BlockRecord[] = [];
    let current: BlockRecord | undefined = tip;
    while (current !== undefined) {
      const main = await this.hashAt(current.height);
      if (main !== undefined && equalBytes(main, current.headerHash)) break;
      branch.push(current);
      current = await this.#parts.linker.record(current.prevHash);
    }
    return branch.reverse();
  }

  /** Makes a step durable, or rejects and changes nothing. */
  async commit({ frames, removed, move, previous, level, source }: Commit): Promise<void> {
    const { store, window, onCommit } = this.#parts;
    if (move === undefined && frames.length === 0 && removed.length === 0) return;
    const branch = move?.branch ?? [];
    const spent = new Set(move?.changes === undefined ? [] : branch.map(({ headerHash }) => toHex(headerHash)));
    const unspent = unspentLevel(level);
    const blocks = frames.map(({ record, candidate: { raw } }) => {
      return { record, raw, validation: spent.has(toHex(record.headerHash)) ? level : unspent };
    });
    for (const { record } of frames) spent.delete(toHex(record.headerHash));
    const hashes = branch.map(({ headerHash }) => headerHash);
    const fromHeight = (move?.forkHeight ?? 0) + 1;
    const ids = await store.commit({
      blocks,
      removed: removed.map(({ headerHash }) => headerHash),
      ...(move && { main: { fromHeight, hashes }, coins: { fromHeight, blocks: move.changes ?? [] } }),
      ...(spent.size > 0 && level !== unspent && {
        raised: { hashes: hashes.filter((hash) => spent.has(toHex(hash))), validation: level },
      }),
      events: move === undefined ? [] : await this.#eventsOf(move, previous, source),
    });
    if (move === undefined) return;
    window.setMain(fromHeight, branch);
    onCommit?.(ids);
  }

  async #eventsOf(
    { branch, forkHeight }: Move,
    previous: BlockRecord | undefined,
    source: string | null,
  ): Promise<NewEvent[]> {
    const { network, clock, store } = this.#parts;
    const context = { network: network.name, time: clock.now(), source };
    const depth = previous === undefined ? 0 : Math.max(0, previous.height - forkHeight);
    const events: NewEvent[] = [];
    if (depth > 0 && previous !== undefined) {
      const undone = await store.mainRecords(forkHeight + 1, previous.height + 1);
      events.push(reorgEvent(context, forkHeight, undone, branch));
    }
    for (const record of branch) events.push(blockEvent(context, record, isTransactionBlock(record), depth > 0));
    const tip = branch.at(-1);
    if (tip !== undefined) events.push(peakEvent(context, tip, isTransactionBlock(tip), depth));
    return events;
  }
}
