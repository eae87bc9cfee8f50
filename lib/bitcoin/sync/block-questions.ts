/**
 * Which block is asked of which peers, and since when.
 *
 * @see Bitcoin Core `net_processing.cpp` (mapBlocksInFlight, BlockRequested, RemoveBlockRequest)
 * @module
 */
import { PerPeer } from "../../core/peers/per-peer.ts";
import type { Clock } from "../../core/ports.ts";
import type { BitcoinPeer } from "../peers/peer.ts";

/** Blocks that one peer may be asked for at a time. */
export const IN_FLIGHT_MAX = 16;

/** A block that is under way so long is asked of a second peer when that one has nothing else to do. */
export const SECOND_SOURCE_MS = 5_000;

/** What a block is asked of. Times are monotonic milliseconds. */
export class Question {
  /** Those that were asked, the first one first. */
  readonly peers = new Set<BitcoinPeer>();
  readonly askedAt: number;
  /** How many were asked because the others were slow. */
  #more = 0;
  /** From when on those that are asked are slow. */
  #slowAt: number;

  constructor(askedAt: number) {
    this.askedAt = askedAt;
    this.#slowAt = askedAt + SECOND_SOURCE_MS;
  }

  /** Whether another peer is to be asked. `isRepeated`: also when one was before, each time after twice as long. */
  isLate(now: number, isRepeated: boolean): boolean {
    return now > this.#slowAt && (this.#more === 0 || isRepeated);
  }

  /** Another peer is asked. */
  askedMore(now: number): void {
    this.#more += 1;
    this.#slowAt = now + SECOND_SOURCE_MS * 2 ** this.#more;
  }

  /** A peer is not asked any more; false when it was not. One that is left alone is slow by itself. */
  leave(peer: BitcoinPeer): boolean {
    if (!this.peers.delete(peer)) return false;
    if (this.peers.size === 1) {
      this.#more = 0;
      this.#slowAt = this.askedAt + SECOND_SOURCE_MS;
    }
    return true;
  }
}

/** How the question for one block stands towards one peer. */
export interface Standing {
  /** Of how many peers it is asked. */
  readonly count: number;
  /** Whether this peer is one of them. */
  readonly isAsked: boolean;
  /** Whether no other was asked before it. */
  readonly isFirst: boolean;
  /** Whether one of them is a peer that we dialled. */
  readonly isAskedOutbound: boolean;
  /** Whether the peer may be asked for one more block. */
  readonly hasRoom: boolean;
}

/** The questions that are under way. */
export class BlockQuestions {
  readonly #clock: Clock;
  readonly #settled: (row: number, peer: BitcoinPeer) => void;
  readonly #questions = new Map<number, Question>();
  readonly #inFlight = new PerPeer<BitcoinPeer, Map<number, number>>(({ session }) => {
    const rows = new Map<number, number>();
    session.awaitsMore = () => rows.size > 0;
    return rows;
  });

  /** @param settled hears when a block is no longer asked of a peer */
  constructor(clock: Clock, settled: (row: number, peer: BitcoinPeer) => void) {
    this.#clock = clock;
    this.#settled = settled;
  }

  get size(): number {
    return this.#questions.size;
  }

  [Symbol.iterator](): Iterator<[number, Question]> {
    return this.#questions[Symbol.iterator]();
  }

  of(row: number): Question | undefined {
    return this.#questions.get(row);
  }

  /** Rows of blocks that a peer was asked for and when, oldest first. */
  inFlight(peer: BitcoinPeer): ReadonlyMap<number, number> {
    return this.#inFlight.of(peer);
  }

  /** How the question for a block stands, whether there is one or not. */
  standing(row: number, peer: BitcoinPeer): Standing {
    const peers = [...this.of(row)?.peers ?? []];
    return {
      count: peers.length,
      isAsked: peers.includes(peer),
      isFirst: peers.length === 0 || peers[0] === peer,
      isAskedOutbound: peers.some(({ direction }) => direction === "out"),
      hasRoom: this.inFlight(peer).size < IN_FLIGHT_MAX,
    };
  }

  /** A peer is asked for blocks. */
  ask(peer: BitcoinPeer, rows: readonly number[]): void {
    const askedAt = this.#clock.monotonic();
    const inFlight = this.#inFlight.of(peer);
    for (const row of rows) {
      const question = this.of(row) ?? new Question(askedAt);
      question.peers.add(peer);
      this.#questions.set(row, question);
      inFlight.set(row, askedAt);
    }
  }

  /** A block came: nobody is asked for it any more. Gives those that were. */
  settle(row: number): readonly BitcoinPeer[] {
    const peers = [...this.of(row)?.peers ?? []];
    this.#questions.delete(row);
    for (const peer of peers) {
      this.#inFlight.of(peer).delete(row);
      this.#settled(row, peer);
    }
    return peers;
  }

  /** A peer is not asked for a block any more. Tells whether nobody is, who was before. */
  release(row: number, peer: BitcoinPeer): boolean {
    const question = this.of(row);
    this.#inFlight.of(peer).delete(row);
    if (question?.leave(peer) !== true) return false;
    this.#settled(row, peer);
    return question.peers.size === 0 && this.#questions.delete(row);
  }
}
