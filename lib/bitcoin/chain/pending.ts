/**
 * What waits for the next commit of the chain.
 *
 * @module
 */
import type { NewEvent } from "../../storage/events.ts";
import type { BitcoinStep, CoinStep, NewBlock } from "../store.ts";

/** Everything that waits for the next commit. */
export interface Pending {
  blocks: NewBlock[];
  statuses: Map<number, number>;
  joined: { row: number; txids: Uint8Array[] }[];
  left: { row: number; txids: Uint8Array[] }[];
  events: NewEvent[];
  tip: number | undefined;
  coins: CoinStep | undefined;
  otherCoins: CoinStep | undefined;
  snapshot: BitcoinStep["snapshot"];
  /** What takes blocks back, by row. */
  undo: Map<number, Uint8Array>;
  bytes: number;
  readonly done: PromiseWithResolvers<void>;
}

/** Nothing yet. `done` settles with its commit, and is handled for callers that do not wait for it. */
export function newPending(): Pending {
  const done = Promise.withResolvers<void>();
  done.promise.catch(() => {});
  const nothing = { tip: undefined, coins: undefined, otherCoins: undefined, snapshot: undefined, bytes: 0 };
  return { blocks: [], statuses: new Map(), undo: new Map(), joined: [], left: [], events: [], ...nothing, done };
}

/** Whether there is anything to commit. */
export function hasAny({ blocks, statuses, events, tip, coins, otherCoins, snapshot, undo }: Pending): boolean {
  const isMoved = [tip, coins, otherCoins, snapshot].some((each) => each !== undefined);
  return isMoved || blocks.length > 0 || statuses.size > 0 || events.length > 0 || undo.size > 0;
}
