/**
 * How far header sync has got with one peer. Of {@link HeaderSync} alone: nobody else has one in hand.
 *
 * @see Bitcoin Core `net_processing.cpp` (Peer: m_headers_sync; CNodeState: hashLastUnknownBlock, m_headers_sync_timeout)
 * @module
 */
import type { HeaderBatch } from "../headers/header-batch.ts";
import type { HeadersPresync } from "../headers/presync.ts";

/**
 * So long a peer may go on without a header that is kept before another is asked beside it. The presync of the longest
 * chain takes less on a line that is worth anything.
 */
const SLOW_MS = 300_000;

/** The state of one peer. Times are monotonic milliseconds. */
export class HeaderState {
  /** A header sync with too little work so far. */
  presync: HeadersPresync | undefined;
  /** When headers were asked for that have not come. */
  askedAt: number | undefined;
  /** When a header of it was kept last; before the first one, when it was first asked. */
  usefulAt: number | undefined;
  /** It has been asked for headers at least once. */
  hasBegun = false;
  /** It said that it has no more headers. */
  hasEnded = false;
  /** Until when it is not chosen, after it kept us waiting. */
  restUntil = 0;
  /** A block that it announced and whose header is not known here yet; wire order. */
  unknown: Uint8Array | undefined;

  /** Whether an answer of it is waited for. */
  get isAwaited(): boolean {
    return this.askedAt !== undefined && !this.hasEnded;
  }

  /** Whether it is passed over for now. */
  rests(now: number): boolean {
    return this.restUntil > now;
  }

  /** Whether nothing that it gave has got into the tree for so long that others are to be asked beside it. */
  isSlow(now: number): boolean {
    return this.usefulAt !== undefined && now - this.usefulAt >= SLOW_MS;
  }

  /** Whether a batch goes on where its presync stands. */
  isContinuedBy(batch: HeaderBatch): boolean {
    return this.presync?.isContinuedBy(batch) === true;
  }

  /** It is asked. */
  asked(now: number): void {
    this.askedAt = now;
    this.usefulAt ??= now;
    this.hasBegun = true;
  }

  /** The question that waited has its answer. */
  answered(): void {
    this.askedAt = undefined;
    this.restUntil = 0;
  }

  /** It is asked again after a while, and not before. */
  rest(until: number): void {
    this.askedAt = undefined;
    this.hasBegun = false;
    this.restUntil = until;
  }
}
