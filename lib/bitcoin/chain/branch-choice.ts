/**
 * Which branch is to be the active chain: of those whose blocks are all there, the one with the most work. A branch is left
 * out when the way to it needs blocks that are pruned: found out before the first block is taken back, for half of the way
 * leads nowhere.
 *
 * @see Bitcoin Core `validation.cpp` (FindMostWorkChain; it ends with "Failed to disconnect block" where this stays)
 * @module
 */
import { toDisplayHex } from "../hash.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";

/** A branch of more work than the active chain that cannot be gone over to. */
export interface LeftOutBranch {
  /** Its last block. */
  readonly tip: number;
  /** The last block that it and the active chain share. */
  readonly fork: number;
}

/** What the choice needs. */
export interface BranchChoiceParts {
  readonly headers: HeaderChain;
  /** Whether a block and all before it are or were there. */
  readonly isLinked: (row: number) => boolean;
  /** Whether blocks are needed to take them back, and to connect them once more. */
  readonly needsBlocks: boolean;
  /** A block that every branch is to have: nothing before it can be taken back, whether or not its blocks are there. */
  readonly base: number | undefined;
  /** Hears of each branch that is left out, once. */
  readonly leftOut: (branch: LeftOutBranch, text: string) => void;
}

/** Chooses branches. */
export class BranchChoice {
  readonly #parts: BranchChoiceParts;
  #leftOut: LeftOutBranch | undefined;
  /** Blocks that come before others of their work; the lowest number first. */
  readonly #preferred = new Map<number, number>();
  #lastPreferred = 0;
  #base: number | undefined;

  constructor(parts: BranchChoiceParts) {
    this.#parts = parts;
    this.#base = parts.base;
  }

  /** Branches need no block in common any more. */
  free(): void {
    this.#base = undefined;
  }

  /** Whether a block is a better tip than another. On equal work the one that was complete first stays, unless the other is preferred. */
  isBetter(row: number, other: number): boolean {
    const { headers } = this.#parts;
    if (headers.hasMoreWork(row, other)) return true;
    const isBehind = this.#rank(row) >= this.#rank(other);
    return !isBehind && !headers.hasMoreWork(other, row);
  }

  #rank(row: number): number {
    return this.#preferred.get(row) ?? 0;
  }

  /** Prefers a block to others of the same work, those that were preferred before too. One with less work than the tip is left as it is. */
  prefer(row: number, tip: number): void {
    if (this.#parts.headers.hasMoreWork(tip, row)) return;
    this.#preferred.set(row, --this.#lastPreferred);
  }

  /** Whether a chain that stands on `head` can go back to before a block, if that is part of it at all. */
  canLeave(row: number, head: number): boolean {
    const { headers } = this.#parts;
    const isBelow = headers.commonAncestor(row, head) === row;
    const parent = headers.parent(row);
    return !isBelow || (this.#isAbove(parent) && this.#isWayThere(head, parent));
  }

  /** Whether a block is the one that every branch is to have, or built on it. */
  #isAbove(row: number): boolean {
    return this.#base === undefined || this.#parts.headers.commonAncestor(row, this.#base) === this.#base;
  }

  /** Whether a block is to be gone to rather than the target, from where the chain stands. */
  isWanted(row: number, target: number, head: number): boolean {
    const isValid = this.isBetter(row, target) && !this.#parts.headers.isInvalid(row);
    return isValid && this.#isAbove(row) && this.#canReach(row, target, head);
  }

  /** The best block that can be gone to; the tip, or its last valid ancestor, where nothing is better. */
  best(tip: number, head: number): number {
    const { headers, isLinked } = this.#parts;
    let best = tip;
    while (headers.isInvalid(best) && best !== this.#base) best = headers.parent(best);
    for (let row = 1; row < headers.length; row++) {
      if (isLinked(row) && this.isWanted(row, best, head)) best = row;
    }
    return best;
  }

  /** What people should know of the branch that is left out; undefined when the tip is no worse than any branch. */
  warning(tip: number): string | undefined {
    const { headers } = this.#parts;
    const branch = this.#leftOut;
    if (branch === undefined || !headers.hasMoreWork(branch.tip, tip) || headers.isInvalid(branch.tip)) {
      return undefined;
    }
    return this.#text(branch);
  }

  /** Whether all blocks are there on the way from `head` to `row`. Those on the way to `known`, which can be reached, are. */
  #canReach(row: number, known: number, head: number): boolean {
    const { headers } = this.#parts;
    const fork = headers.commonAncestor(row, head);
    if (this.#isWayThere(head, fork) && this.#isWayThere(row, headers.commonAncestor(row, known))) return true;
    this.#leaveOut({ tip: row, fork });
    return false;
  }

  /** Whether every block from one down to its ancestor, that one left out, is there, or nobody needs it. */
  #isWayThere(from: number, to: number): boolean {
    const { headers, needsBlocks } = this.#parts;
    for (let at = from; at !== to; at = headers.parent(at)) {
      const status = headers.status(at);
      const isThere = (status & HeaderStatus.data) !== 0 ||
        (!needsBlocks && (status & HeaderStatus.connected) !== 0);
      if (!isThere) return false;
    }
    return true;
  }

  #leaveOut(branch: LeftOutBranch): void {
    const { headers, leftOut } = this.#parts;
    const before = this.#leftOut;
    const isWorse = before !== undefined && !headers.isInvalid(before.tip) &&
      headers.hasMoreWork(before.tip, branch.tip);
    if (isWorse) return;
    this.#leftOut = branch;
    if (before?.fork !== branch.fork) leftOut(branch, this.#text(branch));
  }

  #text({ tip, fork }: LeftOutBranch): string {
    const { headers } = this.#parts;
    const name = `${toDisplayHex(headers.hash(tip))} at height ${headers.height(tip)}`;
    return `a branch with more work (${name}) forks off at height ${
      headers.height(fork)
    }, and blocks that are needed ` +
      "to go over to it are pruned: this node stays on its chain; start it with --reindex to download all blocks again";
  }
}
