/**
 * `/v1`, `/metrics` and `/events`: this node's own routes, one file a topic. Integers above 2^53 are decimal text here,
 * errors are problem+json.
 *
 * @module
 */
import { Hono } from "hono";
import type { RpcContext } from "../context.ts";
import { jsonResponse } from "../json.ts";
import type { RpcLimits } from "../limits.ts";
import { addressRoutes } from "./addresses.ts";
import { banRoutes } from "./bans.ts";
import { blockRoutes } from "./blocks.ts";
import { eventGroupRoutes } from "./event-groups.ts";
import { eventRoutes } from "./events.ts";
import { peerRoutes } from "./peers.ts";
import { chainsOf, nativeFailure } from "./request.ts";
import { trafficRoutes } from "./traffic.ts";
import { webhookRoutes } from "./webhooks.ts";

export { nativeFailure } from "./request.ts";
export { unanswered } from "./unanswered.ts";
export { watchRoutes } from "./watch.ts";

/** The native routes. `enterSubscriber` is asked for a place and gives back the function that leaves it. */
export function nativeRoutes(
  context: RpcContext,
  limits: RpcLimits,
  enterSubscriber: () => (() => void) | undefined,
): Hono {
  const app = new Hono();
  app.get("/v1/status", async (c) => {
    const chains = await Promise.all(chainsOf(context, c.req.query("chain")).map((chain) => chain.status()));
    return jsonResponse({ version: context.version, chains });
  });
  app.get("/metrics", async () => {
    // A caller that never asks for them need not load what writes them.
    const { metricsOf } = await import("./metrics.ts");
    const { contentType, text } = await metricsOf(context);
    return new Response(text, { headers: { "content-type": contentType } });
  });
  app.route("/", peerRoutes(context, limits));
  app.route("/", trafficRoutes(context));
  app.route("/", addressRoutes(context));
  app.route("/", banRoutes(context, limits));
  app.route("/", blockRoutes(context));
  app.route("/", eventRoutes(context, enterSubscriber));
  app.route("/", eventGroupRoutes(context));
  app.route("/", webhookRoutes(context));
  app.onError((error, c) => nativeFailure(error, c.req.raw.signal));
  return app;
}
