/**
 * A bounded piece of the log for those who are given its events as a whole: what is wanted of it, with a gap in the place of
 * what is gone.
 *
 * @module
 */
import { gapAfter, type ReadableLog, topicMatches } from "../core/events/reader.ts";
import { eventEnvelope, type EventItem } from "./event-envelope.ts";
import type { LoggedEvent } from "./events.ts";

/** What is read at a time. */
export interface PageBounds {
  /** Events that are read. */
  readonly scanMax: number;
  /** Events that are given. */
  readonly itemsMax: number;
  /** Bytes of them as JSON, about; one event is given whatever its size. */
  readonly bytesMax: number;
  /** No event with a greater id is given. */
  readonly upTo?: number;
}

/** A piece of the log. */
export interface EventPage {
  /** What of it is wanted, gaps among it; empty where nothing is. */
  readonly items: readonly EventItem[];
  /** The id up to which the log was read. */
  readonly upTo: number;
  /** Nothing came after it when it was read. */
  readonly isEnd: boolean;
}

/** Reads what comes after `since` and has one of the topics; no topics: all. */
export async function readPage(
  log: ReadableLog<LoggedEvent>,
  since: number,
  topics: readonly string[],
  { scanMax, itemsMax, bytesMax, upTo = Infinity }: PageBounds,
): Promise<EventPage> {
  const items: EventItem[] = [];
  const bounds = await log.bounds();
  let cursor = since;
  const lost = gapAfter(since, bounds);
  if (lost !== undefined) {
    items.push(lost);
    cursor = Math.max(0, bounds.oldest - 1);
  }
  const events = await log.read(cursor, scanMax);
  let bytes = 0;
  let given = 0;
  for (const event of events) {
    const isWanted = topicMatches(event.topic, topics);
    if (isWanted) {
      bytes += JSON.stringify(eventEnvelope(event)).length;
      if (given >= itemsMax || (given > 0 && bytes > bytesMax)) return { items, upTo: cursor, isEnd: false };
    }
    if (event.id > upTo) return { items, upTo: cursor, isEnd: true };
    // What was read before may have been trimmed since the bounds were read.
    if (event.id > cursor + 1) items.push({ gap: { since: cursor, oldest: event.id } });
    cursor = event.id;
    if (!isWanted) continue;
    items.push(event);
    given += 1;
  }
  return { items, upTo: cursor, isEnd: events.length < scanMax };
}
