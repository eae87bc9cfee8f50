/**
 * `/events` and `/v1/events` over HTTP: server-sent events, or a sequence of CBOR.
 *
 * @module
 */
import { Hono } from "hono";
import type { RpcContext } from "../context.ts";
import { eventStream, subscriptionOfRequest } from "./event-streams.ts";
import { problem } from "../json.ts";

/** The routes. `enter` is asked for a place and gives back the function that leaves it. */
export function eventRoutes(context: RpcContext, enter: () => (() => void) | undefined): Hono {
  const app = new Hono();
  const events = (request: Request) => {
    const url = new URL(request.url);
    const wanted = subscriptionOfRequest(url, request.headers);
    const format = url.searchParams.get("format") === "cbor" ||
        (request.headers.get("accept") ?? "").includes("application/cbor-seq")
      ? "cbor"
      : "sse";
    const leave = enter();
    if (leave === undefined) return problem(503, "too many readers of events", { "retry-after": "5" });
    return new Response(eventStream(context, wanted, format, request.signal, leave), {
      headers: {
        "content-type": format === "cbor" ? "application/cbor-seq" : "text/event-stream",
        "cache-control": "no-store",
      },
    });
  };
  app.get("/events", (c) => events(c.req.raw));
  app.get("/v1/events", (c) => events(c.req.raw));
  return app;
}
