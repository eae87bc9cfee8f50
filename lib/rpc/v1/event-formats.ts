/**
 * The formats of a stream of events over HTTP.
 *
 * @module
 */
import { encodeCbor, eventCbor, eventEnvelope, type EventItem } from "../../storage/event-envelope.ts";

/** How a stream is written. */
export interface EventFormat {
  readonly contentType: string;
  /** An event, or a gap in the place of some. */
  item(item: EventItem): Uint8Array;
  /** What is sent when nothing happens, so that both sides notice a dead connection. Readers pass over it. */
  readonly heartbeat: Uint8Array;
  /** What a reader that fell too far behind is told last. */
  slow(lastId: number): Uint8Array;
}

const encoder = new TextEncoder();
const utf8 = (text: string) => encoder.encode(text);
const slowItem = (lastId: number) => ({ topic: "slow", data: { last_id: lastId } });

/** Server-sent events: `id:` and `data:` lines, a comment as heartbeat. */
const sse: EventFormat = {
  contentType: "text/event-stream",
  item: (item) => {
    const id = "id" in item ? `id: ${item.id}\n` : "";
    return utf8(`${id}data: ${JSON.stringify(eventEnvelope(item))}\n\n`);
  },
  heartbeat: utf8(": heartbeat\n\n"),
  slow: (lastId) => utf8(`data: ${JSON.stringify(slowItem(lastId))}\n\n`),
};

/** An envelope a line. An empty line is the heartbeat. */
const ndjson: EventFormat = {
  contentType: "application/x-ndjson",
  item: (item) => utf8(`${JSON.stringify(eventEnvelope(item))}\n`),
  heartbeat: utf8("\n"),
  slow: (lastId) => utf8(`${JSON.stringify(slowItem(lastId))}\n`),
};

/** Envelopes one after another (RFC 8742). CBOR has no comments: an empty text is the heartbeat. */
const cbor: EventFormat = {
  contentType: "application/cbor-seq",
  item: eventCbor,
  heartbeat: Uint8Array.of(0x60),
  slow: (lastId) => encodeCbor(slowItem(lastId)),
};

const FORMATS = { sse, ndjson, cbor } as const;
/** Names of formats, as `format` has them. */
export type EventFormatName = keyof typeof FORMATS;
/** All of {@link EventFormatName}. */
export const EVENT_FORMATS = Object.keys(FORMATS) as readonly EventFormatName[];

/** The format of a name. */
export const eventFormat = (name: EventFormatName): EventFormat => FORMATS[name];

/** The format that an `Accept` header asks for: server-sent events unless it names another. */
export function acceptedFormat(accept: string): EventFormatName {
  const named = EVENT_FORMATS.find((name) => accept.includes(FORMATS[name].contentType));
  return named ?? (/\bapplication\/(?:jsonl|ndjson)\b/.test(accept) ? "ndjson" : "sse");
}
