/**
 * Whether our clock can be right. A node whose clock is hours behind refuses the network's newest blocks and would look
 * at rest; one whose clock is ahead takes what others refuse. Only peers of our choice are heard, so that nobody who dials
 * us can make the clock look wrong.
 *
 * @see Bitcoin Core `node/timeoffsets.cpp` (TimeOffsets::WarnIfOutOfSync: ten minutes)
 * @module
 */
import type { Clock } from "../ports.ts";

/** A median offset beyond this is more than a slow line. */
const OFFSET_MAX_S = 600;
/** How long a header that was too new speaks against the clock, in milliseconds. */
const TOO_NEW_MS = 3_600_000;

/** What the clock is judged by. */
export interface ClockCheckParts {
  readonly clock: Clock;
  /** How far the clocks of the peers of our choice are ahead of ours, in seconds, one a host; unknown ones left out. */
  readonly offsets: () => readonly number[];
  /** How many of them must speak against the clock: one of many may lie, or be wrong itself. */
  readonly voicesMin: () => number;
  /** Hears each time that the judgement changes. */
  readonly notice: (level: "warning" | "info", text: string) => void;
}

/** Judges our clock. */
export class ClockCheck {
  readonly #parts: ClockCheckParts;
  /** When each host gave something that is too far ahead of our clock, in monotonic milliseconds, and what it was. */
  readonly #tooNew = new Map<string, { readonly at: number; readonly detail: string }>();
  #said: string | undefined;
  /** By how much the wall clock was ahead of the monotonic one when a peer's clock was read. */
  readonly #aheadThen = new WeakMap<object, number>();

  constructor(parts: ClockCheckParts) {
    this.#parts = parts;
  }

  /**
   * How far the clock of a peer is ahead of ours now, in seconds, when it was `toldS` ahead at its handshake: our own clock
   * may have been set since, or have slipped, which the monotonic clock tells.
   */
  offsetNow(peer: object, toldS: number): number {
    const { clock } = this.#parts;
    const ahead = clock.now() - clock.monotonic();
    const then = this.#aheadThen.get(peer) ?? ahead;
    this.#aheadThen.set(peer, then);
    return toldS + (then - ahead) / 1000;
  }

  /** A peer of our choice gave something that is too far ahead of our clock; `detail` says what and how far. */
  tooNew(host: string, detail: string): void {
    this.#tooNew.set(host, { at: this.#parts.clock.monotonic(), detail });
  }

  /** Blocks are accepted again: the clock was set, or the time has come. */
  accepted(): void {
    this.#tooNew.clear();
  }

  /** One sentence for people when the clock is likely wrong; undefined when it seems right. */
  warning(): string | undefined {
    const text = this.#judge();
    const isNews = (text === undefined) !== (this.#said === undefined);
    this.#said = text;
    if (isNews && text !== undefined) this.#parts.notice("warning", text);
    else if (isNews) this.#parts.notice("info", "the clock agrees with the peers again");
    return text;
  }

  #judge(): string | undefined {
    const { clock, offsets, voicesMin } = this.#parts;
    const told = offsets().toSorted((a, b) => a - b);
    const median = told[(told.length - 1) >> 1] ?? 0;
    if (told.length >= voicesMin() && Math.abs(median) > OFFSET_MAX_S) {
      const minutes = Math.round(Math.abs(median) / 60);
      return `the clock of this machine is ${minutes} minutes ${
        median > 0 ? "behind" : "ahead of"
      } that of its peers; ` +
        "set it, or blocks are judged by the wrong time";
    }
    const now = clock.monotonic();
    for (const [host, { at }] of this.#tooNew) if (now - at > TOO_NEW_MS) this.#tooNew.delete(host);
    if (this.#tooNew.size < voicesMin()) return undefined;
    const [{ detail } = { detail: "" }] = this.#tooNew.values();
    return `blocks of peers are refused because they are ahead of this machine's clock (${detail}); ` +
      "set the clock if it is behind";
  }
}
