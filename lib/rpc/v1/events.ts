/**
 * `/events` and `/v1/events` over HTTP: server-sent events, lines of JSON, or a sequence of CBOR.
 *
 * @module
 */
import { Hono } from "hono";
import type { RpcContext } from "../context.ts";
import { acceptedFormat, eventFormat } from "./event-formats.ts";
import { answerOfRequest, eventStream, subscriptionOfRequest } from "./event-streams.ts";
import { problem } from "../json.ts";

/** The routes. `enter` is asked for a place and gives back the function that leaves it. */
export function eventRoutes(context: RpcContext, enter: () => (() => void) | undefined): Hono {
  const app = new Hono();
  const events = (request: Request) => {
    const url = new URL(request.url);
    const { follow, format: named } = answerOfRequest(url);
    const wanted = subscriptionOfRequest(url, request.headers);
    const format = eventFormat(named ?? acceptedFormat(request.headers.get("accept") ?? ""));
    const leave = enter();
    if (leave === undefined) return problem(503, "too many readers of events", { "retry-after": "5" });
    // A reader that does not wait for what comes wants what is there.
    const options = follow ? wanted : { since: 0, ...wanted, follow };
    return new Response(eventStream(context, options, format, request.signal, leave), {
      headers: { "content-type": format.contentType, "cache-control": "no-store" },
    });
  };
  app.get("/events", (c) => events(c.req.raw));
  app.get("/v1/events", (c) => events(c.req.raw));
  return app;
}
