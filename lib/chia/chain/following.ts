/**
 * What another process made of the chain: where its peak is, and which records of the window are another branch's now.
 *
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { Following } from "../../core/following.ts";
import type { Validation } from "../../core/validation.ts";
import type { ChiaStore, FollowedChiaStore } from "../store.ts";
import type { BlockRecord } from "../types/mod.ts";
import type { ChiaChain } from "./chain.ts";
import type { RecordWindow } from "./window.ts";

/** What is known so far, and how much of it is wanted. */
export interface KnownChain {
  readonly peak: BlockRecord | undefined;
  readonly window: RecordWindow;
  /** How many records below the peak the window is to have. */
  readonly lookBack: number;
  /** The level of this program's validator. */
  readonly level: Validation;
}

/** The chain as it is stored. */
export interface FoundChain {
  readonly commit: number;
  readonly peak: BlockRecord | undefined;
  readonly validation: Validation | undefined;
  readonly owed: number | undefined;
  /** The last height that the window shares with it. */
  readonly fork: number;
  /** Records of the main chain from a height on, to the peak. */
  readonly from: number;
  readonly records: readonly BlockRecord[];
}

/** Records that are compared by one question. */
const PAGE = 32;

/** Finds what the store has that is not known, as of one moment. */
export function foundChain(store: FollowedChiaStore, known: KnownChain): Promise<FoundChain> {
  return store.moment(async (within, commit) => {
    const peak = await within.peak();
    const top = peak?.height ?? -1;
    const fork = await forkOf(within, known, top);
    const from = Math.max(fork + 1, top - known.lookBack, 0);
    return {
      ...{ commit, peak, fork, from },
      validation: await within.validation(),
      owed: await within.firstBelow(known.level),
      records: await within.mainRecords(from, top + 1),
    };
  });
}

/** The highest block of the window that is on the stored main chain, up to a height; where the window ends when none is. */
async function forkOf(store: ChiaStore, { peak, window }: KnownChain, top: number): Promise<number> {
  let height = Math.min(peak?.height ?? -1, top);
  while (height >= 0) {
    const from = Math.max(0, height - PAGE + 1);
    const stored = await store.mainRecords(from, height + 1);
    for (; height >= from; height--) {
      const held = window.mainAt(height);
      const there = stored[height - from];
      if (held === undefined || (there !== undefined && equalBytes(held.headerHash, there.headerHash))) return height;
    }
  }
  return height;
}

/** Takes over what another process commits to a chain, until the signal aborts. `moved` hears of each other peak. */
export async function followPeak(
  following: Following,
  chain: ChiaChain,
  moved: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { following: followed } = chain;
  if (followed === undefined) throw new TypeError("nobody else writes this chain");
  const follow = async () => {
    const before = chain.peak;
    const commit = await followed.follow();
    const { peak } = chain;
    const isSame = before !== undefined && peak !== undefined && equalBytes(before.headerHash, peak.headerHash);
    if (!isSame && peak !== undefined) moved();
    return commit;
  };
  await following.run({ commits: followed.commits, follow }, signal);
}
