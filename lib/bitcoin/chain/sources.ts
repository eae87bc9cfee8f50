/**
 * The giver of each block, remembered until the block is connected or refused: a refusal may come long after the block was
 * accepted, and then it is the giver's.
 *
 * @module
 */
import type { HeaderChain } from "../headers/header-chain.ts";
import { type Refusal, refuse } from "../headers/verdict.ts";

/** Answers for a block. */
export interface BlockGiver {
  /** The block was refused after it had been accepted. Must not throw. */
  refused(refusal: Refusal): void;
  /** The block was connected. Must not throw. */
  connected?(): void;
}

/**
 * Blocks whose giver is remembered: what a download has under way and waits to be connected, and as much again. Blocks of a
 * branch that is never connected are forgotten with time, the oldest first; each of them has cost its work.
 */
const SOURCES_MAX = 4_096;

/** Waits for a verdict. */
interface Caller {
  readonly answer: (refusal: Refusal | undefined) => void;
  readonly fail: (reason: unknown) => void;
}

/** The givers, and the callers that wait for a verdict. */
export class BlockSources {
  readonly #headers: HeaderChain;
  readonly #givers = new Map<number, BlockGiver>();
  readonly #waiting = new Map<number, Set<Caller>>();

  constructor(headers: HeaderChain) {
    this.#headers = headers;
  }

  /** Blocks whose giver is remembered. */
  get size(): number {
    return this.#givers.size;
  }

  /** Remembers the giver of a block. */
  add(row: number, giver: BlockGiver): void {
    this.#givers.set(row, giver);
    if (this.#givers.size <= SOURCES_MAX) return;
    const [oldest] = this.#givers.keys();
    this.#givers.delete(oldest!);
  }

  /**
   * Resolves when a block was judged: with why it was refused, or with undefined when it was connected or left alone.
   * @throws the signal's reason when it aborts first, or why there can be no verdict now
   */
  verdict(row: number, signal?: AbortSignal): Promise<Refusal | undefined> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(row) ?? new Set();
      const end = () => signal?.removeEventListener("abort", giveUp);
      const caller: Caller = {
        answer: (refusal) => {
          end();
          resolve(refusal);
        },
        fail: (reason) => {
          end();
          reject(reason);
        },
      };
      // Callers that are gone are not kept: there may be many before the verdict comes.
      const giveUp = () => {
        waiting.delete(caller);
        if (waiting.size === 0) this.#waiting.delete(row);
        reject(signal?.reason);
      };
      if (signal?.aborted === true) return reject(signal.reason);
      signal?.addEventListener("abort", giveUp);
      this.#waiting.set(row, waiting.add(caller));
    });
  }

  /** Resolves when nothing is left to be connected. @throws as {@link verdict} does */
  async rest(signal?: AbortSignal): Promise<void> {
    // Nobody judges genesis.
    await this.verdict(0, signal);
  }

  /** Callers that wait for a verdict. */
  get waiting(): number {
    return [...this.#waiting.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** A block was connected. */
  connected(row: number): void {
    const giver = this.#givers.get(row);
    this.#givers.delete(row);
    this.answer(row, undefined);
    giver?.connected?.();
  }

  /**
   * A block was refused, and is marked as invalid with its descendants. Its giver is charged. The giver of a
   * descendant is not: nobody could say anything against that one when it was given.
   */
  refused(row: number, refusal: Refusal): void {
    const giver = this.#givers.get(row);
    this.#givers.delete(row);
    this.answer(row, refusal);
    for (const other of [...this.#givers.keys()]) if (this.#headers.isInvalid(other)) this.#givers.delete(other);
    const below = refuse("invalid_prev", "bad-prevblk", "builds on an invalid block");
    for (const other of [...this.#waiting.keys()]) if (this.#headers.isInvalid(other)) this.answer(other, below);
    giver?.refused(refusal);
  }

  /** Nothing is left to be connected, or nothing will be any more: a block whose verdict is awaited is no better than the tip. */
  atRest(): void {
    for (const row of [...this.#waiting.keys()]) this.answer(row, undefined);
  }

  /** Tells the callers that wait for the verdict on a block. */
  answer(row: number, refusal: Refusal | undefined): void {
    const waiting = this.#waiting.get(row);
    if (waiting === undefined) return;
    this.#waiting.delete(row);
    for (const caller of waiting) caller.answer(refusal);
  }

  /** Nothing can be judged now: the callers are told why, and what they wait for goes on by itself later. */
  failed(reason: unknown): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const caller of waiting.flatMap((callers) => [...callers])) caller.fail(reason);
  }
}
