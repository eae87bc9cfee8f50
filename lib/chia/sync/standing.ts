/**
 * Where the node stands against its peers and its clock: whether it is synced, and what people should know of.
 *
 * @module
 */
import { ClockCheck } from "../../core/sync/clock-check.ts";
import type { Clock } from "../../core/ports.ts";
import { SYNCED_GRACE_BLOCKS, SyncedLatch } from "../../core/sync/synced.ts";
import type { ChiaChain } from "../chain/chain.ts";
import type { Follower } from "./follower.ts";

/** What it is read from. */
export interface StandingParts {
  readonly chain: ChiaChain;
  readonly clock: Clock;
  readonly follower: Pick<Follower, "agreement" | "heightTold" | "progress">;
  /** Hears that the state may have changed without a cause from outside. */
  readonly changed: () => void;
  readonly notice: (level: "info" | "warning", area: string, text: string) => void;
}

/** Reads the state. */
export class Standing {
  readonly #parts: StandingParts;
  readonly #latch: SyncedLatch;
  readonly #clockCheck: ClockCheck;

  constructor(parts: StandingParts) {
    const { clock, notice, changed } = parts;
    this.#parts = parts;
    this.#latch = new SyncedLatch(clock, changed);
    this.#clockCheck = new ClockCheck({
      clock,
      // Nothing in the protocol tells a peer's clock. The newest block does, once a peer of our choice stands on it.
      offsets: () => this.#tipOffset(),
      voicesMin: () => 1,
      notice: (level, text) => notice(level, "chia.sync", text),
    });
  }

  /** Whether the peak is that of the network, by the word of enough peers and by our clock. */
  get synced(): boolean {
    const { chain: { peak }, follower } = this.#parts;
    const isRight = this.#clockCheck.warning() === undefined && follower.progress === undefined;
    return this.#latch.update({
      isReached: isRight && follower.agreement().isEnough,
      isNear: isRight && peak !== undefined && follower.heightTold - peak.height <= SYNCED_GRACE_BLOCKS,
    });
  }

  /** What people should know of: one sentence each. */
  get warnings(): readonly string[] {
    return [this.#clockCheck.warning(), this.#validating()].filter((each) => each !== undefined);
  }

  #validating(): string | undefined {
    const { validating } = this.#parts.chain;
    return validating && `stored blocks are validated again: height ${validating.height} of ${validating.to}`;
  }

  /** Ends what waits. */
  close(): void {
    this.#latch.close();
  }

  /** How far the newest block is ahead of our clock, when it is. */
  #tipOffset(): number[] {
    const { chain, clock } = this.#parts;
    return chain.tipTime === undefined ? [] : [Math.max(0, chain.tipTime - clock.now() / 1000)];
  }
}
