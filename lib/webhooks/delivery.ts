/**
 * Events of the log as the body of one delivery. The same events make the same body and the same id at every attempt, also
 * after a restart.
 *
 * @module
 */
import { toHex } from "../codec/hex.ts";
import { sha256 } from "../codec/sha256.ts";
import { eventEnvelope, type EventItem } from "../storage/event-envelope.ts";

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
