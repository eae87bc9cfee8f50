/**
 * How peers are told which transactions are not for us: by the fee rate that our mempool asks for, which is rounded so that
 * nobody knows us again by it.
 *
 * @see BIP133; Bitcoin Core `policy/fees/block_policy_estimator.cpp` FeeFilterRounder, `net_processing.cpp` MaybeSendFeefilter
 * @module
 */
import { PerPeer } from "../../core/peers/per-peer.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { poissonDelay } from "../../core/random.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { MAX_MONEY } from "../types/money.ts";
import { FeeFilter } from "../wire/mod.ts";

/** Each step of the rounding is so many times the one before. */
const STEP = 1.1;
/** The highest step, in satoshi for 1000 virtual bytes. */
const FEE_RATE_MAX = 10_000_000;
/** How often, on average, a peer is told; and within what it is told of a change that matters. */
const TELL_MEAN_MS = 10 * 60_000;
const CHANGE_MS = 5 * 60_000;

/** The steps that a rate is rounded to, from zero up. */
export function feeSteps(incrementalFeeRate: number): readonly number[] {
  const steps = [0];
  for (let rate = Math.max(1, incrementalFeeRate / 2); rate <= FEE_RATE_MAX; rate *= STEP) steps.push(rate);
  return steps;
}

/** Rounds a rate to one of the steps around it, two times of three down, so that the same rate is not always the same. */
export function roundFeeRate(steps: readonly number[], rate: number, random: Random): number {
  const found = steps.findIndex((step) => step >= rate);
  const isPast = found < 0;
  const at = isPast ? steps.length : found;
  return Math.floor(steps[isPast || (at > 0 && random.below(3) !== 0) ? at - 1 : at]!);
}

/** What the telling needs. Rates are satoshi for 1000 virtual bytes. */
export interface FeeFilterParts {
  readonly clock: Clock;
  readonly random: Random;
  /** What the mempool asks for by now. */
  readonly minimumFeeRate: () => number;
  /** What is asked for in any case. */
  readonly relayFeeRate: number;
  readonly incrementalFeeRate: number;
  /** Then no transaction is taken. */
  readonly initialBlockDownload: () => boolean;
}

/** What a peer was told. */
interface Told {
  rate: number;
  /** When it is told again; monotonic milliseconds. */
  nextAt: number;
}

/** Tells peers. */
export class FeeFilters {
  readonly #parts: FeeFilterParts;
  readonly #steps: readonly number[];
  readonly #highest: number;
  readonly #told = new PerPeer<BitcoinPeer, Told>(() => ({ rate: 0, nextAt: -Infinity }));
  /** Peers that were told to hold everything back. */
  readonly #heldOff = new Set<number>();

  constructor(parts: FeeFilterParts) {
    this.#parts = parts;
    this.#steps = feeSteps(parts.incrementalFeeRate);
    this.#highest = Math.floor(this.#steps.at(-1)!);
  }

  /** Whether peers hold everything back, as they were told. They are to be told soon that they need not any more. */
  get isHoldingOff(): boolean {
    return this.#heldOff.size > 0;
  }

  /** A peer has gone. */
  left(peer: BitcoinPeer): void {
    this.#heldOff.delete(peer.id);
  }

  /** Tells a peer, if that is due. To be called now and then. */
  tell(peer: BitcoinPeer): void {
    const { clock, random, minimumFeeRate, relayFeeRate, initialBlockDownload } = this.#parts;
    if (peer.session.peer.commonVersion < FeeFilter.sinceVersion) return;
    // One for blocks only announces none, and a peer that may force us is not to hold anything back.
    if (peer.kind === "block-relay" || peer.kind === "feeler" || peer.may("forcerelay")) return;
    const now = clock.monotonic();
    const told = this.#told.of(peer);
    const isLoading = initialBlockDownload();
    const rate = isLoading ? Number(MAX_MONEY) : minimumFeeRate();
    if (!isLoading && told.rate === this.#highest) told.nextAt = -Infinity;
    if (now > told.nextAt) {
      const rounded = Math.max(roundFeeRate(this.#steps, rate, random), relayFeeRate);
      if (rounded !== told.rate) peer.session.post(FeeFilter, { feeRate: BigInt(rounded) });
      told.rate = rounded;
      if (isLoading) this.#heldOff.add(peer.id);
      else this.#heldOff.delete(peer.id);
      told.nextAt = now + poissonDelay(TELL_MEAN_MS, (bound) => random.below(bound));
    } else if (now + CHANGE_MS < told.nextAt && (rate < (3 * told.rate) / 4 || rate > (4 * told.rate) / 3)) {
      told.nextAt = now + random.below(CHANGE_MS);
    }
  }
}
