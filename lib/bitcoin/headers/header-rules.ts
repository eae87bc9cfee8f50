/**
 * The rules that a header must satisfy given its ancestors, walked along a chain without looking back for each.
 *
 * @see Bitcoin Core `validation.cpp`, ContextualCheckBlockHeader
 * @module
 */
import type { BitcoinNetwork } from "../networks/network.ts";
import { type HeaderSource, lastCountedBits, MEDIAN_TIME_SPAN, requiredBits, stepCountedBits } from "./difficulty.ts";
import { type Refusal, refuse } from "./verdict.ts";

/** How far ahead of our clock a header's time may be, in seconds. */
export const MAX_FUTURE_BLOCK_TIME = 7_200;
/** BIP94: how far before its parent's time a period's first block may be, in seconds. */
export const MAX_TIMEWARP = 600;

const hex8 = (value: number) => `0x${(value >>> 0).toString(16).padStart(8, "0")}`;

/**
 * Stands on a header and judges a child of it; {@link step} goes on to that child. What the rules need of the ancestors
 * (the last eleven times, the last bits that count) is carried along.
 */
export class HeaderContext {
  readonly #network: BitcoinNetwork;
  readonly #source: HeaderSource;
  /** The times of the header stood on and of up to ten ancestors, in a ring. */
  readonly #times = new Float64Array(MEDIAN_TIME_SPAN);
  #timesHeld = 0;
  #timesNext = 0;
  #row: number;
  #height: number;
  #time: number;
  #bits: number;
  #counted: number;

  constructor(network: BitcoinNetwork, source: HeaderSource, row: number) {
    this.#network = network;
    this.#source = source;
    this.#row = row;
    this.#height = source.height(row);
    this.#time = source.time(row);
    this.#bits = source.bits(row);
    this.#counted = lastCountedBits(network.pow, source, row);
    const times: number[] = [];
    for (let at = row; at >= 0 && times.length < MEDIAN_TIME_SPAN; at = source.parent(at)) times.push(source.time(at));
    for (const time of times.reverse()) this.#pushTime(time);
  }

  /** Height of the header stood on. */
  get height(): number {
    return this.#height;
  }

  #pushTime(time: number): void {
    this.#times[this.#timesNext] = time;
    this.#timesNext = (this.#timesNext + 1) % MEDIAN_TIME_SPAN;
    if (this.#timesHeld < MEDIAN_TIME_SPAN) this.#timesHeld++;
  }

  /** Whether `time` is above the median: so it is when more than half of the times are below it. No sorting. */
  #aboveMedian(time: number): boolean {
    let below = 0;
    for (let i = 0; i < this.#timesHeld; i++) if (this.#times[i]! < time) below++;
    return below > this.#timesHeld >> 1;
  }

  #required(time: number): number {
    const { pow } = this.#network;
    const height = this.#height + 1;
    if (height % pow.interval === 0) return requiredBits(pow, this.#source, this.#row, time);
    if (!pow.allowMinDifficultyBlocks) return this.#bits;
    return time > this.#time + 2 * pow.targetSpacing ? pow.limitBits : this.#counted;
  }

  /** Judges a child by version, time and bits. `now` is our clock in seconds. Undefined when it passes. */
  judge(version: number, time: number, bits: number, now: number): Refusal | undefined {
    const { pow, heights } = this.#network;
    const height = this.#height + 1;
    const required = this.#required(time);
    if (bits !== required) {
      return refuse("invalid_header", "bad-diffbits", `height ${height} needs ${hex8(required)}, not ${hex8(bits)}`);
    }
    if (!this.#aboveMedian(time)) {
      return refuse("invalid_header", "time-too-old", `height ${height}: ${time} is not above the median time past`);
    }
    if (pow.enforceBip94 && height % pow.interval === 0 && time < this.#time - MAX_TIMEWARP) {
      return refuse("invalid_header", "time-timewarp-attack", `height ${height}: ${time} after ${this.#time}`);
    }
    if (time > now + MAX_FUTURE_BLOCK_TIME) {
      return refuse("time_future", "time-too-new", `height ${height}: ${time - now} s ahead of our clock`);
    }
    if (
      version < 4 &&
      ((version < 2 && height >= heights.bip34) || (version < 3 && height >= heights.bip66) || height >= heights.bip65)
    ) {
      return refuse("invalid_header", `bad-version(${hex8(version)})`, `height ${height}: version ${version}`);
    }
    return undefined;
  }

  /** Goes on to a child that passed and lies at `row`. */
  step(row: number, time: number, bits: number): void {
    this.#row = row;
    this.#height++;
    this.#time = time;
    this.#bits = bits;
    this.#counted = stepCountedBits(this.#network.pow, this.#height, bits, this.#counted);
    this.#pushTime(time);
  }
}
