/**
 * What went over the connections, as `/v1/traffic` and `gemel peers traffic` tell it.
 *
 * @module
 */
import { Hono } from "hono";
import type { Json, JsonObject } from "../../codec/json.ts";
import type { DirectionTraffic, KindTraffic, Traffic } from "../../core/peers/traffic.ts";
import type { RpcContext } from "../context.ts";
import { jsonResponse, problem } from "../json.ts";
import { chainOf, chainsOf } from "./request.ts";

/** The routes. */
export function trafficRoutes(context: RpcContext): Hono {
  const app = new Hono();
  app.get("/v1/peers/:id{[0-9]+}/traffic", (c) => {
    const id = Number(c.req.param("id"));
    const traffic = chainOf(context, c.req.query("chain")).trafficOf(id);
    return traffic === undefined ? problem(404, `there is no peer ${id}`) : jsonResponse(trafficJson(traffic));
  });

  app.get("/v1/traffic", (c) => {
    const { memory, upload } = context;
    const { bytesMax, isReached, bytesLeft, msLeft } = upload.state();
    return jsonResponse({
      chains: chainsOf(context, c.req.query("chain")).map(({ chain, traffic }) => ({ chain, ...trafficJson(traffic) })),
      upload: bytesMax === 0
        ? null
        : { target: bytesMax, reached: isReached, bytes_left: bytesLeft, seconds_left: Math.floor(msLeft / 1000) },
      peer_memory: { bytes_max: memory.bytesMax, bytes_used: memory.used },
    });
  });
  return app;
}

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
