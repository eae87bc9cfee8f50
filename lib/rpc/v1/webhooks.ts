/**
 * `GET /v1/webhooks`: how far the receivers of events have got.
 *
 * @module
 */
import { Hono } from "hono";
import type { JsonObject } from "../../codec/json.ts";
import type { WebhookState } from "../../webhooks/webhook.ts";
import type { RpcContext } from "../context.ts";
import { jsonResponse } from "../json.ts";

const timeText = (ms: number | undefined) => ms === undefined ? null : new Date(ms).toISOString();

function webhookJson(state: WebhookState, newest: number): JsonObject {
  return {
    name: state.name,
    url: state.url,
    topics: state.topics,
    position: state.position,
    lag: Math.max(0, newest - state.position),
    failures: state.failures,
    last_error: state.lastError?.text ?? null,
    last_error_time: timeText(state.lastError?.time),
    last_delivery: timeText(state.lastDelivery),
    next_attempt: timeText(state.nextAttempt),
    events_delivered: state.counts.events,
    deliveries: state.counts.delivered,
    failed_attempts: state.counts.failed,
  };
}

/** The route. */
export function webhookRoutes({ events, webhooks }: RpcContext): Hono {
  const app = new Hono();
  app.get("/v1/webhooks", async () => {
    const { newest } = await events.bounds();
    return jsonResponse({ newest, webhooks: (webhooks?.() ?? []).map((state) => webhookJson(state, newest)) });
  });
  return app;
}
