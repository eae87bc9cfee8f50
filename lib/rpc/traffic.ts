/**
 * What went over the connections, as `/v1/traffic` and `gemel peers traffic` tell it.
 *
 * @module
 */
import type { Json, JsonObject } from "../codec/json.ts";
import type { DirectionTraffic, KindTraffic, Traffic } from "../core/peers/traffic.ts";

/** Both directions of a connection, or of all of a chain, with their kinds of message, most bytes first. */
export function trafficJson({ received, sent }: Traffic): JsonObject {
  return { received: directionJson(received), sent: directionJson(sent) };
}

function directionJson({ bytes, messages, lastTime, byKind }: DirectionTraffic): JsonObject {
  const kinds = [...byKind].sort(([, a], [, b]) => b.bytes - a.bytes);
  return {
    bytes,
    messages,
    last_seen: timeJson(lastTime),
    by_message: kinds.map(([kind, each]) => kindJson(kind, each)),
  };
}

function kindJson(message: string, { messages, bytes, lastTime, latency }: KindTraffic): JsonObject {
  const { count, sumMs, maxMs } = latency;
  const rounded = (ms: number) => Math.round(ms * 1000) / 1000;
  return {
    message,
    messages,
    bytes,
    last_seen: timeJson(lastTime),
    latency_ms: count === 0 ? null : { count, mean: rounded(sumMs / count), max: rounded(maxMs) },
  };
}

const timeJson = (ms: number): Json => (ms === 0 ? null : new Date(ms).toISOString());
