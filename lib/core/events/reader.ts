/**
 * Events by cursor: an async iterator over the durable log, woken by hints. It reads in order, gives every event at
 * least once, declares gaps, and ends with an error rather than hold back the node when its consumer is too slow.
 *
 * @module
 */
import { NodeError } from "../errors.ts";

/** What the reader needs of an event. */
export interface ReadableEvent {
  readonly id: number;
  readonly topic: string;
}

/** What the reader needs of a log; `EventLog` in `lib/storage` is one. */
export interface ReadableLog<E extends ReadableEvent> {
  read(since: number, limit: number): Promise<E[]>;
  bounds(): Promise<{ readonly oldest: number; readonly newest: number }>;
}

/** The first item when `since` is older than the log: events before `oldest` are gone. */
export interface EventGap {
  readonly gap: { readonly since: number; readonly oldest: number };
}

/** What {@link subscribeEvents} is told. */
export interface SubscribeOptions {
  /** Topics, each with `*` for any run of characters; none: all. */
  readonly topics?: readonly string[];
  /** The last id that the consumer has; reading goes on after it. Absent: only what comes from now on. */
  readonly since?: number;
  /** False: ends at the event that is the newest when the subscription begins. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
  /**
   * How far the newest event may be ahead of the consumer once it has caught up; beyond, the iterator throws
   * `EVENTS_SLOW`, whose data carries `lastId`. Replay of the past is not limited: its pace is the consumer's.
   */
  readonly lagMax?: number;
}

/** Events, perhaps after one gap. `return()` (a `break` in `for await`) ends the subscription. */
export type EventSubscription<E extends ReadableEvent = ReadableEvent> = AsyncIterableIterator<E | EventGap>;

/** Calls back when there may be new events; the returned function ends that. */
export type EventHints = (wake: () => void) => () => void;

/** Events that may wait for a consumer which was up to date (`surface`: 1,000 events, then the reader is cut off). */
export const EVENTS_LAG_MAX = 1_000;
/** Events read from the log at a time; the bound of what a subscription holds in memory. */
const PAGE = 100;

/**
 * Whether `topic` matches one of the patterns; no patterns match everything.
 *
 * @example
 * ```ts
 * import { topicMatches } from "gemel";
 *
 * assert.ok(topicMatches("chia.peak", ["chia.*"]));
 * assert.ok(!topicMatches("chia.peak", ["bitcoin.*"]));
 * ```
 */
export function topicMatches(topic: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => matches(topic, pattern));
}

/**
 * What a consumer that has read up to `since` has missed of a log; it goes on with the oldest event. An id from the future is
 * of another log (the database was started anew): that is a gap as well.
 */
export function gapAfter(
  since: number,
  { oldest, newest }: { readonly oldest: number; readonly newest: number },
): EventGap | undefined {
  const isLost = since > newest || (oldest > 0 && since + 1 < oldest);
  return isLost ? { gap: { since, oldest } } : undefined;
}

/** Glob with `*` only, in linear time: the parts between stars are sought from left to right. */
function matches(topic: string, pattern: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return topic === pattern;
  const tail = rest.pop() ?? "";
  if (!topic.startsWith(head)) return false;
  let at = head.length;
  for (const part of rest) {
    const found = topic.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return topic.length - tail.length >= at && topic.endsWith(tail);
}

/** Subscribes to a log. Holds at most one page of events; a slow consumer costs nothing but its own subscription. */
export async function* subscribeEvents<E extends ReadableEvent>(
  log: ReadableLog<E>,
  hints: EventHints,
  options: SubscribeOptions = {},
): EventSubscription<E> {
  const { topics = [], follow = true, signal, lagMax = EVENTS_LAG_MAX } = options;
  let dirty = true;
  let wake: () => void = () => {};
  const off = hints(() => {
    dirty = true;
    wake();
  });
  const onAbort = () => wake();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const start = await log.bounds();
    let cursor = Math.max(0, options.since ?? start.newest);
    const lost = gapAfter(cursor, start);
    if (lost !== undefined) {
      yield lost;
      cursor = Math.max(0, start.oldest - 1);
    }
    let live = cursor >= start.newest;
    while (!signal?.aborted) {
      if (!follow && cursor >= start.newest) return;
      dirty = false;
      const page = await log.read(cursor, PAGE);
      for (const event of page) {
        if (signal?.aborted) return;
        // Retention may have overtaken the reader between two pages.
        if (event.id > cursor + 1) yield { gap: { since: cursor, oldest: event.id } };
        cursor = event.id;
        if (!follow && cursor > start.newest) return;
        if (topicMatches(event.topic, topics)) yield event;
      }
      if (!follow && page.length === 0) return;
      if (page.length < PAGE) live = true;
      if (live && follow && page.length === PAGE) {
        const { newest } = await log.bounds();
        if (newest - cursor > lagMax) {
          throw new NodeError("EVENTS_SLOW", "self", `the reader of events is ${newest - cursor} events behind`, {
            data: { lastId: cursor },
          });
        }
      }
      if (page.length === 0 && !dirty && !signal?.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (dirty || signal?.aborted) resolve();
        });
      }
    }
  } finally {
    off();
    signal?.removeEventListener("abort", onAbort);
  }
}
