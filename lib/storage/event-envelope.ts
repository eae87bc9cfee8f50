/**
 * Events as the outside gets them, in JSON and in CBOR.
 *
 * @module
 */
import { Encoder } from "cbor-x";
import type { LiveGap } from "../core/events/live.ts";
import type { EventGap } from "../core/events/reader.ts";
import type { EventValue, LiveNodeEvent, LoggedEvent } from "./events.ts";

/** What a subscription gives: events of the log, those that are not kept, and what is said in the place of missing ones. */
export type EventItem = LoggedEvent | LiveNodeEvent | EventGap | LiveGap;

const cbor = new Encoder({ useRecords: false, mapsAsObjects: true, variableMapSize: true, tagUint8Array: false });

/** A value without bigint: JSON on native routes has integers above 2^53 as decimal text. */
function plain(value: EventValue): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: EventValue) => plain(item));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

/** The id of an event that is kept. */
const idOf = (item: EventItem) => "id" in item ? { id: item.id } : {};

/**
 * The envelope `{id, topic, time, chain, network, data}`; a gap has only `topic` and `data`, and what is not kept no `id`.
 *
 * @example
 * ```ts
 * import { eventEnvelope } from "gemel";
 *
 * const envelope = eventEnvelope({
 *   ...{ id: 1, topic: "chia.peak", time: 0, chain: "chia", network: "mainnet" },
 *   data: { weight: 2n ** 70n },
 * });
 * assert.deepEqual(envelope.data, { weight: "1180591620717411303424" });
 * ```
 */
export function eventEnvelope(item: EventItem): Record<string, unknown> {
  if ("gap" in item) return { topic: "gap", data: item.gap };
  const { topic, time, chain, network, data } = item;
  return { ...idOf(item), topic, time: new Date(time).toISOString(), chain, network, data: plain(data) };
}

/** The envelope in CBOR: the time in milliseconds, and integers of any size as such. */
export function eventCbor(item: EventItem): Uint8Array {
  if ("gap" in item) return encodeCbor({ topic: "gap", data: item.gap });
  const { topic, time, chain, network, data } = item;
  return encodeCbor({ ...idOf(item), topic, time, chain, network, data });
}

/** A plain value in CBOR. */
export function encodeCbor(value: unknown): Uint8Array {
  return new Uint8Array(cbor.encode(value));
}
