/**
 * Events of the log as the body of one delivery. The same events make the same body and the same id at every attempt, also
 * after a restart.
 *
 * @module
 */
import { toHex } from "../codec/hex.ts";
import { sha256 } from "../codec/sha256.ts";
import { type ReadableLog, topicMatches } from "../core/events/reader.ts";
import { eventEnvelope, type EventItem } from "../storage/event-envelope.ts";
import type { LoggedEvent } from "../storage/events.ts";

/** Events that are read, and so delivered, at a time. */
export const BATCH_EVENTS_MAX = 100;
/** Bytes of a body, about; one event is delivered whatever its size. */
export const BATCH_BYTES_MAX = 256 * 1024;

/** What is read of the log at a time. */
export interface Batch {
  /** What of it is wanted; empty where nothing is. */
  readonly items: readonly EventItem[];
  /** The id up to which the log was read. */
  readonly upTo: number;
  /** Nothing came after it when it was read. */
  readonly isEnd: boolean;
}

/** Reads what comes after `since` and has one of the topics, with a gap in the place of what is gone. */
export async function readBatch(
  log: ReadableLog<LoggedEvent>,
  since: number,
  topics: readonly string[],
): Promise<Batch> {
  const items: EventItem[] = [];
  const { oldest, newest } = await log.bounds();
  let cursor = since;
  // As for every reader: what is older than the log is gone, and an id from the future is of another log.
  if (cursor > newest || (oldest > 0 && cursor + 1 < oldest)) {
    items.push({ gap: { since: cursor, oldest } });
    cursor = Math.max(0, oldest - 1);
  }
  const page = await log.read(cursor, BATCH_EVENTS_MAX);
  let bytes = 0;
  for (const event of page) {
    if (topicMatches(event.topic, topics)) {
      const length = JSON.stringify(eventEnvelope(event)).length;
      if (bytes > 0 && bytes + length > BATCH_BYTES_MAX) return { items, upTo: cursor, isEnd: false };
      bytes += length;
    }
    if (event.id > cursor + 1) items.push({ gap: { since: cursor, oldest: event.id } });
    cursor = event.id;
    if (topicMatches(event.topic, topics)) items.push(event);
  }
  return { items, upTo: cursor, isEnd: page.length < BATCH_EVENTS_MAX };
}

/** A delivery: its body, and the id by which a receiver knows one that it has had already. */
export interface Delivery {
  readonly id: string;
  readonly body: string;
  readonly events: number;
}

/** The delivery of some events to a webhook. */
export function deliveryOf(webhook: string, items: readonly EventItem[]): Delivery {
  const time = items.reduce((latest, item) => "time" in item ? Math.max(latest, item.time) : latest, 0);
  const data = { webhook, events: items.map(eventEnvelope) };
  const body = JSON.stringify({ type: "events", timestamp: new Date(time).toISOString(), data });
  const digest = toHex(sha256(new TextEncoder().encode(body)));
  return { id: `msg_${digest.slice(0, 32)}`, body, events: items.filter((item) => "id" in item).length };
}
