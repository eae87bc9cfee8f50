/**
 * Holds off chains of little work: headers enter the tree only after their peer has shown that enough work is behind
 * them, and meanwhile cost one bit in several hundred.
 *
 * The peer sends its chain twice. The first time only the last header is kept, and one salted bit for every
 * `commitmentPeriod` headers, at an offset the peer cannot know. When the work suffices, the chain is asked for again;
 * now headers are kept, but each is let go only once so many have followed it that the bits behind it could not have
 * been guessed.
 *
 * A state machine without time or sockets: batches go in, headers to accept and what to ask next come out.
 *
 * @see Bitcoin Core `headerssync.cpp` (HeadersSyncState), `contrib/devtools/headerssync-params.py`
 * @module
 */
import { sipHash24 } from "../../codec/siphash.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import type { Random } from "../../core/ports.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import { HEADER_BYTES } from "../types/header.ts";
import { BitQueue } from "./bit-queue.ts";
import { permittedDifficultyTransition } from "./difficulty.ts";
import { HeaderBatch } from "./header-batch.ts";
import type { HeaderChain } from "./header-chain.ts";
import { MAX_FUTURE_BLOCK_TIME } from "./header-rules.ts";
import { locatorOf } from "./locator.ts";
import { blockWork } from "./pow.ts";
import { RedownloadBuffer } from "./redownload-buffer.ts";

/** The fastest that a chain can grow and keep its median time rising, in blocks a second. */
const BLOCKS_PER_SECOND_MAX = 6;

/** `presync`: first download. `redownload`: second. `done`: give this object up. */
export type PresyncState = "presync" | "redownload" | "done";

/** Why a presync ended without success. */
export type PresyncFailure =
  | "non-continuous"
  | "bad-transition"
  | "too-long"
  | "incomplete"
  | "commitment-overrun"
  | "commitment-mismatch";

/** What follows from a batch. */
export interface PresyncResult {
  /** Headers whose work is proven, to be accepted into the tree: whole headers of 80 bytes, in order. May be empty. */
  readonly headers: Uint8Array;
  /** Ask for more, with {@link HeadersPresync.locator}. When false, the presync is over. */
  readonly requestMore: boolean;
  /** Set when it is over for another reason than success. Core does not punish for any of them. */
  readonly failure?: PresyncFailure;
}

/** What a presync is given. */
export interface PresyncOptions {
  readonly chain: HeaderChain;
  /** The header that the peer's chain is built upon. */
  readonly start: number;
  /** Cumulative work at which headers are worth keeping. */
  readonly minimumWork: bigint;
  /** Our clock in seconds since 1970. */
  readonly now: number;
  readonly random: Random;
}

const NOTHING = new Uint8Array(0);

/** The presync with one peer. */
export class HeadersPresync {
  readonly #network: BitcoinNetwork;
  readonly #minimumWork: bigint;
  readonly #startLocator: readonly Bytes32[];
  readonly #start: { readonly height: number; readonly hash: Bytes32; readonly bits: number; readonly work: bigint };
  /** Height modulo the period at which bits are taken. */
  readonly #offset: number;
  readonly #key: readonly [number, number, number, number];
  readonly #commitmentsMax: number;
  #commitments = new BitQueue();
  #buffer: RedownloadBuffer;
  #state: PresyncState = "presync";
  // The end of what the peer sent in the download that runs.
  #height: number;
  #hash: Bytes32;
  #bits: number;
  #work: bigint;
  #time: number;
  /** The first header that the peer sent, which the second download has to begin with. */
  #firstHash: Uint8Array = NOTHING;
  /** The second download has reached the work wanted: all that is buffered may go. */
  #releaseAll = false;

  constructor({ chain, start, minimumWork, now, random }: PresyncOptions) {
    this.#network = chain.network;
    this.#minimumWork = minimumWork;
    this.#startLocator = locatorOf(chain, start);
    this.#start = {
      height: chain.height(start),
      hash: chain.hash(start),
      bits: chain.bits(start),
      work: chain.work(start),
    };
    this.#height = this.#start.height;
    this.#hash = this.#start.hash;
    this.#bits = this.#start.bits;
    this.#work = this.#start.work;
    this.#time = chain.time(start);
    const { commitmentPeriod } = chain.network.headersSync;
    this.#offset = random.below(commitmentPeriod);
    const secret = random.bytes(16);
    const key = new DataView(secret.buffer, secret.byteOffset);
    this.#key = [key.getUint32(0), key.getUint32(4), key.getUint32(8), key.getUint32(12)];
    // No chain that is valid today can be longer; so this bounds the memory that a peer can take.
    const seconds = now - chain.medianTimePast(start) + MAX_FUTURE_BLOCK_TIME;
    this.#commitmentsMax = Math.max(Math.floor((BLOCKS_PER_SECOND_MAX * seconds) / commitmentPeriod), 0);
    this.#buffer = new RedownloadBuffer(this.#start.hash);
  }

  get state(): PresyncState {
    return this.#state;
  }

  /** Height of the last header received in the download that runs (`presynced_headers` of `getpeerinfo`). */
  get height(): number {
    return this.#height;
  }

  /** Time of that header, in seconds since 1970. */
  get time(): number {
    return this.#time;
  }

  /** Cumulative work up to that header. */
  get work(): bigint {
    return this.#work;
  }

  /** Bytes of memory held for this peer: at most {@link bytesMax}. */
  get byteLength(): number {
    return this.#commitments.byteLength + this.#buffer.byteLength;
  }

  /**
   * The locator of the next `getheaders`: the last header of this peer's, then those of the block it all started from.
   * Hashes in wire order.
   */
  locator(): Bytes32[] {
    return [this.#hash, ...this.#startLocator];
  }

  /** Whether a batch follows on the last header of this peer's; any other is no answer to what was asked. */
  isContinuedBy(batch: HeaderBatch): boolean {
    if (this.#state === "done" || !same(batch.parentHash(), this.#hash)) return false;
    // Where the second download begins, another branch may begin as well: its announcement is not the answer either.
    const isSecondStart = this.#state === "redownload" && this.#height === this.#start.height;
    return !isSecondStart || same(batch.hash(0), this.#firstHash);
  }

  /**
   * Takes the next batch. Its headers' own proof of work and continuity have been checked
   * ({@link HeaderBatch.firstWithoutWork}, {@link HeaderBatch.firstGap}).
   * @param full whether the message held as many headers as one can hold, so that more may follow
   */
  next(batch: HeaderBatch, full: boolean): PresyncResult {
    if (this.#state === "done") throw new RangeError("this presync is over");
    if (batch.length === 0) return this.#end("incomplete");
    return this.#state === "presync" ? this.#first(batch, full) : this.#second(batch, full);
  }

  #end(failure?: PresyncFailure, headers: Uint8Array = NOTHING): PresyncResult {
    this.#state = "done";
    this.#commitments = new BitQueue();
    this.#buffer = new RedownloadBuffer(this.#start.hash);
    return failure === undefined ? { headers, requestMore: false } : { headers, requestMore: false, failure };
  }

  /** First download: keep bits, count work. */
  #first(batch: HeaderBatch, full: boolean): PresyncResult {
    if (!same(batch.parentHash(), this.#hash)) return this.#end("non-continuous");
    const { commitmentPeriod } = this.#network.headersSync;
    if (this.#height === this.#start.height) this.#firstHash = batch.hash(0);
    for (let i = 0; i < batch.length; i++) {
      if (!this.#follow(batch, i)) return this.#end("bad-transition");
      if (this.#height % commitmentPeriod === this.#offset) {
        this.#commitments.push(this.#commitment(batch.hash(i)));
        if (this.#commitments.length > this.#commitmentsMax) return this.#end("too-long");
      }
    }
    this.#hash = batch.hash(batch.length - 1);
    if (this.#work >= this.#minimumWork) {
      const { height, hash, bits, work } = this.#start;
      this.#height = height;
      this.#hash = hash;
      this.#bits = bits;
      this.#work = work;
      this.#state = "redownload";
      return { headers: NOTHING, requestMore: true };
    }
    // A message that is not full is the end of the peer's chain, and it was not enough.
    return full ? { headers: NOTHING, requestMore: true } : this.#end("incomplete");
  }

  /** Second download: hold headers back until the bits behind them have matched. */
  #second(batch: HeaderBatch, full: boolean): PresyncResult {
    if (!same(batch.parentHash(), this.#hash)) return this.#end("non-continuous");
    const { commitmentPeriod, redownloadBufferSize } = this.#network.headersSync;
    for (let i = 0; i < batch.length; i++) {
      if (!this.#follow(batch, i)) return this.#end("bad-transition");
      if (this.#work >= this.#minimumWork) this.#releaseAll = true;
      // Past that point the peer's chain may have grown since the first download, and there are no bits for it.
      if (!this.#releaseAll && this.#height % commitmentPeriod === this.#offset) {
        if (this.#commitments.length === 0) return this.#end("commitment-overrun");
        if (this.#commitments.shift() !== this.#commitment(batch.hash(i))) return this.#end("commitment-mismatch");
      }
      this.#buffer.push(batch, i);
    }
    this.#hash = batch.hash(batch.length - 1);
    const ready = this.#releaseAll ? this.#buffer.length : Math.max(this.#buffer.length - redownloadBufferSize, 0);
    const headers = this.#buffer.shift(ready);
    if (this.#releaseAll) return this.#end(undefined, headers);
    // A peer that stops here had shown more before. What it released is still proven.
    return full ? { headers, requestMore: true } : this.#end("incomplete", headers);
  }

  /** Moves the end of the download over one header; false when its bits cannot follow. */
  #follow(batch: HeaderBatch, index: number): boolean {
    const bits = batch.bits(index);
    const height = this.#height + 1;
    if (!permittedDifficultyTransition(this.#network.pow, height, this.#bits, bits)) return false;
    this.#height = height;
    this.#bits = bits;
    this.#work += blockWork(bits);
    this.#time = batch.time(index);
    return true;
  }

  #commitment(hash: Uint8Array): boolean {
    return (sipHash24(this.#key, hash) & 1n) === 1n;
  }

  /** The most memory that one presync holds, in bytes: all bits, and a buffer with a message above its size. */
  static bytesMax(network: BitcoinNetwork, now: number): number {
    const { commitmentPeriod, redownloadBufferSize } = network.headersSync;
    const seconds = now - network.genesis.header.time + MAX_FUTURE_BLOCK_TIME;
    const bits = Math.floor((BLOCKS_PER_SECOND_MAX * seconds) / commitmentPeriod);
    return BitQueue.bytesFor(bits) + RedownloadBuffer.bytesFor(redownloadBufferSize);
  }
}

const same = (a: Uint8Array, b: Uint8Array) => a.every((byte, i) => byte === b[i]);

/** The headers of a result as a batch to be accepted. */
export function releasedBatch(result: PresyncResult): HeaderBatch | undefined {
  return result.headers.length >= HEADER_BYTES ? HeaderBatch.fromBytes(result.headers) : undefined;
}
