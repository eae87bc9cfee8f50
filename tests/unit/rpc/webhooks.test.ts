/** What callers see of webhooks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { metricsOf } from "../../../lib/rpc/v1/metrics.ts";
import { webhookRoutes } from "../../../lib/rpc/v1/webhooks.ts";
import type { WebhookState } from "../../../lib/webhooks/webhook.ts";
import { testNode } from "./support.ts";

const state: WebhookState = {
  name: "billing",
  url: "https://receiver.example",
  topics: ["chia.*"],
  position: 1,
  failures: 4,
  lastError: { time: 1_763_721_064_120, text: "HTTP 503" },
  nextAttempt: 1_763_721_065_120,
  counts: { events: 1, delivered: 1, failed: 9 },
};

async function nodeWithEvents() {
  const { context, events, request } = testNode();
  const event = { topic: "t", time: 0, chain: null, network: null, data: {} };
  await events.append([event, event, event]);
  return { context: { ...context, webhooks: () => [state] }, request };
}

test("GET /v1/webhooks tells position, lag and the last error", async () => {
  const { context, request } = await nodeWithEvents();
  const response = await webhookRoutes(context).request("/v1/webhooks");
  assert.deepEqual(await response.json(), {
    newest: 3,
    webhooks: [{
      name: "billing",
      url: "https://receiver.example",
      topics: ["chia.*"],
      position: 1,
      lag: 2,
      failures: 4,
      last_error: "HTTP 503",
      last_error_time: "2025-11-21T10:31:04.120Z",
      last_delivery: null,
      next_attempt: "2025-11-21T10:31:05.120Z",
      events_delivered: 1,
      deliveries: 1,
      failed_attempts: 9,
    }],
  });
  assert.deepEqual(await (await request("/v1/webhooks")).json(), { newest: 3, webhooks: [] });
});

test("metrics tell how far webhooks are behind, and the bounds of the log", async () => {
  const { text } = await metricsOf((await nodeWithEvents()).context);
  const figures = [
    "gemel_events_log_id 3",
    "gemel_events_log_oldest_id 1",
    'gemel_webhook_lag_events{webhook="billing"} 2',
    'gemel_webhook_failures{webhook="billing"} 4',
    'gemel_webhook_events_total{webhook="billing"} 1',
    'gemel_webhook_attempts_total{webhook="billing",outcome="delivered"} 1',
    'gemel_webhook_attempts_total{webhook="billing",outcome="failed"} 9',
  ];
  for (const figure of figures) assert.ok(text.split("\n").includes(figure), figure);
});
