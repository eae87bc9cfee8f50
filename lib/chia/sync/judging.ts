/**
 * Handing blocks of peers to the chain. The giver of a refused block answers for it, however late the refusal comes, and
 * whether or not the verdict is still waited for and the peer still connected.
 *
 * @module
 */
import type { Debtor } from "../../core/peers/connections.ts";
import { unlessAborted } from "../../core/work/abortable.ts";
import type { AddResult, ChiaChain } from "../chain/chain.ts";
import type { BlockGiver, Refused } from "../chain/flight.ts";
import type { Candidate } from "../chain/verdict.ts";
import { consensusFault, type PeerFault } from "../peers/faults.ts";
import type { ChiaPeer } from "../peers/peer.ts";
import type { WaitingBatch } from "./waiting.ts";

/** What handing over needs. */
export interface JudgingParts {
  readonly chain: ChiaChain;
  /** Hears of each step that moved the peak. */
  readonly moved: (result: AddResult, source: ChiaPeer | undefined) => void;
  /** Makes a peer pay for a fault, or its host when it has left. */
  readonly charge: (debtor: Debtor, fault: PeerFault) => void;
  readonly notice: (level: "warning" | "debug", text: string) => void;
}

/** A peer, as far as it answers for its blocks. */
export class PeerGiver implements BlockGiver {
  readonly name: string;
  /** What it was charged with. */
  fault: PeerFault | undefined;
  readonly #label: string;
  readonly #debtor: Debtor;
  readonly #parts: JudgingParts;

  constructor({ id, kind, place, score, session }: ChiaPeer, parts: JudgingParts) {
    this.name = String(id);
    this.#label = session.label;
    this.#debtor = { id, kind, place, score };
    this.#parts = parts;
  }

  refused({ height, refusal: { error, detail } }: Refused): void {
    this.blame(consensusFault(error, `block ${height}: ${error}, ${detail}`));
  }

  /** Charges it with a fault; gives the fault back to be thrown. */
  blame(fault: PeerFault): PeerFault {
    this.fault ??= fault;
    this.#parts.notice("warning", `${this.#label}: ${fault.message}`);
    this.#parts.charge(this.#debtor, fault);
    return fault;
  }
}

/** Blocks that are on their way through the chain. */
export class Judging {
  readonly #parts: JudgingParts;
  readonly #givers = new WeakMap<ChiaPeer, PeerGiver>();
  #waits = 0;

  constructor(parts: JudgingParts) {
    this.#parts = parts;
  }

  /** Whether somebody waits for a verdict. */
  get isAwaited(): boolean {
    return this.#waits > 0;
  }

  giverOf(peer: ChiaPeer): PeerGiver {
    let giver = this.#givers.get(peer);
    if (giver === undefined) this.#givers.set(peer, giver = new PeerGiver(peer, this.#parts));
    return giver;
  }

  /**
   * Hands a batch over, which is released when it has its verdict or is withdrawn. What becomes of it is seen to here,
   * whether or not the result is waited for.
   *
   * @param givers the givers of blocks that the peer itself did not give
   */
  async add(
    peer: ChiaPeer,
    batch: WaitingBatch,
    blocks: readonly Candidate[],
    givers: ReadonlyMap<Candidate, BlockGiver> = new Map(),
  ): Promise<AddResult> {
    try {
      const result = await this.#parts.chain.add(blocks, this.giverOf(peer), { givers, signal: batch.dropped });
      if (result.peakMoved) this.#parts.moved(result, peer);
      return result;
    } finally {
      batch.release();
    }
  }

  /**
   * Waits for a result, no longer than until `signal` aborts; the verdict takes its course all the same.
   * @throws PeerFault when the peer gave what was refused
   */
  async wait(peer: ChiaPeer, adding: Promise<AddResult>, signal: AbortSignal): Promise<AddResult> {
    const giver = this.giverOf(peer);
    this.#waits += 1;
    try {
      const result = await unlessAborted(adding, signal);
      if (result.refusals.some((refused) => refused.giver === giver) && giver.fault !== undefined) throw giver.fault;
      return result;
    } finally {
      this.#waits -= 1;
    }
  }
}
