/** Delivery of the log to a receiver: in order, at least once, from a durable cursor, patient with one that fails. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import { Bus } from "../../../lib/core/events/bus.ts";
import type { HttpPost, HttpPosted } from "../../../lib/core/ports.ts";
import { SimClock } from "../../../lib/sim/clock.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { migrate } from "../../../lib/storage/migrate.ts";
import { MemoryNodeLog, NODE_LOG_MIGRATIONS, type NodeLog, SqlNodeLog } from "../../../lib/storage/node-log.ts";
import { parseWebhook } from "../../../lib/webhooks/config.ts";
import { RETRY_AFTER_MS_MAX, RETRY_MS_MAX } from "../../../lib/webhooks/retry.ts";
import { ATTEMPT_MS_MAX, DELIVERY_BYTES_MAX, Webhook } from "../../../lib/webhooks/webhook.ts";
import { everyDriver } from "../../contract/every-database.ts";
import { turn } from "../core/sim.ts";

const SECRET = new Uint8Array(32).fill(7);
const OK: HttpPosted = { status: 200 };

interface Envelope {
  readonly id?: number;
  readonly topic: string;
  readonly data: Record<string, unknown>;
}

/** What a body tells of. */
const eventsOf = ({ body }: HttpPost): Envelope[] => JSON.parse(body).data.events;
const idsOf = (post: HttpPost) => eventsOf(post).map(({ id, data }) => id ?? data);

/** A log, a receiver that answers as it is told, and a webhook between them. */
async function world(options: { text?: string; log?: NodeLog; bus?: Bus<{ events: null }> } = {}) {
  const bus = options.bus ?? new Bus<{ events: null }>();
  const clock = new SimClock({ turn });
  const log = options.log ?? new MemoryNodeLog({ onAppend: () => bus.emit("events", null) });
  const posts: HttpPost[] = [];
  const times: number[] = [];
  const told: string[] = [];
  const receiver = { answer: (_post: HttpPost): Promise<HttpPosted> => Promise.resolve(OK) };
  const config = parseWebhook(options.text ?? "https://receiver.example/hook");
  const start = async () => {
    const webhook = new Webhook(config, {
      log,
      hints: (wake) => bus.on("events", wake),
      clock,
      random: new SeededRandom(1),
      post: (post) => {
        posts.push(post);
        times.push(clock.now());
        return receiver.answer(post);
      },
      secrets: [SECRET],
      told: (level, text) => told.push(`${level}: ${text}`),
    });
    await webhook.start();
    return webhook;
  };
  const append = (count: number, topic = "t", data: Record<string, string> = {}) =>
    log.append(Array.from({ length: count }, () => ({ topic, time: clock.now(), chain: null, network: null, data })));
  const webhook = await start();
  return { append, bus, clock, log, posts, receiver, start, times, told, webhook };
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe("Webhook", () => {
  test("sends what comes, signed by the Standard Webhooks convention", async () => {
    const { append, clock, posts, webhook } = await world();
    await append(2, "chia.peak", { hash: "0x☂" });
    await clock.advance(0);
    assert.equal(posts.length, 1);
    const { url, headers, body } = posts[0]!;
    assert.equal(url, "https://receiver.example/hook");
    const parsed = JSON.parse(body);
    const time = new Date(clock.now()).toISOString();
    assert.deepEqual([parsed.type, parsed.timestamp, parsed.data.webhook], ["events", time, "default"]);
    const more = { chain: null, network: null, data: { hash: "0x☂" } };
    assert.deepEqual(parsed.data.events, [1, 2].map((id) => ({ id, topic: "chia.peak", time, ...more })));
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers["webhook-timestamp"], String(Math.floor(clock.now() / 1_000)));
    assert.match(headers["webhook-id"]!, /^msg_[0-9a-f]{32}$/);
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const signature = createHmac("sha256", SECRET).update(signed).digest("base64");
    assert.equal(headers["webhook-signature"], `v1,${signature}`);
    const { position, counts, lastDelivery } = webhook.state();
    assert.deepEqual([position, counts, lastDelivery], [2, { events: 2, delivered: 1, failed: 0 }, clock.now()]);
    await webhook.stop();
    assert.equal(clock.pending, 0);
  });

  test("sends in order, at most 100 events and 256 KiB at a time, one after another", async () => {
    const { append, clock, posts, receiver, webhook } = await world();
    let open = 0;
    receiver.answer = async () => {
      assert.equal(++open, 1, "one at a time");
      await clock.sleep(10);
      open--;
      return OK;
    };
    await append(250);
    await append(30, "large", { text: "x".repeat(50_000) });
    await append(1, "larger than a body", { text: "x".repeat(DELIVERY_BYTES_MAX + 1) });
    await clock.advance(10_000);
    assert.deepEqual(posts.flatMap(idsOf), upTo(281));
    assert.ok(posts.every((post) => eventsOf(post).length <= 100));
    const sizes = posts.map(({ body }) => body.length);
    assert.ok(sizes.slice(0, -1).every((size) => size <= DELIVERY_BYTES_MAX + 1_000), sizes.join());
    assert.equal(eventsOf(posts.at(-1)!).length, 1);
    await webhook.stop();
  });

  test("tries again what fails, less and less often and not in step, the same under the same id", async () => {
    const { append, clock, posts, receiver, times, told, webhook } = await world();
    receiver.answer = () => Promise.resolve({ status: 503 });
    await append(1);
    await clock.advance(0);
    await append(5);
    await clock.advance(60 * 60_000);
    assert.ok(posts.length > 12, `${posts.length} attempts in an hour`);
    assert.deepEqual(new Set(posts.map(({ body }) => body)).size, 1, "what came meanwhile waits");
    assert.equal(new Set(posts.map(({ headers }) => headers["webhook-id"])).size, 1);
    const seconds = times.map((time) => String(Math.floor(time / 1_000)));
    assert.deepEqual(posts.map(({ headers }) => headers["webhook-timestamp"]), seconds, "signed anew each time");
    const waits = times.slice(1).map((time, i) => time - times[i]!);
    waits.forEach((wait, i) => {
      const most = Math.min(RETRY_MS_MAX, 1_000 * 2 ** i);
      assert.ok(wait >= most / 2 - 1 && wait <= most, `wait ${i}: ${wait} of ${most}`);
    });
    assert.ok(waits.some((wait, i) => wait !== Math.min(RETRY_MS_MAX, 1_000 * 2 ** i)), "chance has its part");
    const failed = webhook.state();
    assert.deepEqual([failed.position, failed.failures, failed.lastError?.text], [0, posts.length, "HTTP 503"]);
    assert.equal(failed.lastError?.time, times.at(-1));
    assert.ok(failed.nextAttempt! > clock.now());
    receiver.answer = () => Promise.resolve(OK);
    await clock.advance(RETRY_MS_MAX);
    assert.deepEqual(posts.slice(-2).map(idsOf), [[1], upTo(6, 2)]);
    assert.deepEqual([webhook.state().position, webhook.state().failures, webhook.state().nextAttempt], [
      6,
      0,
      undefined,
    ]);
    assert.equal(told.length, 2, told.join("\n"));
    assert.match(told[0]!, /^warning: webhook default: https:\/\/receiver\.example does not take events \(HTTP 503\)/);
    assert.match(told[1]!, /^info: webhook default: takes events again, after \d+ failures$/);
    await webhook.stop();
  });

  for (
    const [what, answer] of [
      ["a redirect", { status: 302 }],
      ["a client's error", { status: 400 }],
      ["410", { status: 410 }],
    ] as const
  ) {
    test(`takes ${what} for a failure, and gives nothing up`, async () => {
      const { append, clock, posts, receiver, webhook } = await world();
      receiver.answer = () => Promise.resolve(answer);
      await append(1);
      await clock.advance(RETRY_MS_MAX);
      assert.equal(webhook.state().position, 0);
      receiver.answer = () => Promise.resolve({ status: 204 });
      await clock.advance(RETRY_MS_MAX);
      assert.deepEqual([webhook.state().position, new Set(posts.map(({ url }) => url)).size], [1, 1]);
      await webhook.stop();
    });
  }

  test("honours Retry-After, as seconds and as a date, within an hour", async () => {
    const { append, clock, receiver, times, webhook } = await world();
    const answers = ["120", new Date(clock.now() + 120_000 + 500_000).toUTCString(), "86400", "soon"];
    receiver.answer = () => {
      const retryAfter = answers.shift();
      return Promise.resolve(retryAfter === undefined ? OK : { status: 429, retryAfter });
    };
    await append(1);
    await clock.advance(2 * 60 * 60_000);
    const [first, second, third, fourth, fifth] = times as [number, number, number, number, number];
    assert.equal(second - first, 120_000);
    assert.ok(Math.abs(third - second - 500_000) <= 1_000, `${third - second}`);
    assert.equal(fourth - third, RETRY_AFTER_MS_MAX);
    assert.ok(fifth - fourth <= 8_000);
    assert.equal(times.length, 5);
    await webhook.stop();
  });

  test("an attempt has 15 s, also where the call does not end by itself; stopping does not wait for it", async () => {
    const { append, clock, posts, receiver, webhook } = await world();
    receiver.answer = () => new Promise(() => {});
    await append(1);
    await clock.advance(ATTEMPT_MS_MAX - 1);
    assert.equal(posts[0]!.signal.aborted, false);
    await clock.advance(1);
    assert.equal(posts[0]!.signal.aborted, true);
    assert.equal(webhook.state().lastError?.text, "no answer within 15 s");
    await clock.advance(1_000);
    assert.equal(posts.length, 2, "the next attempt hangs");
    await webhook.stop();
    assert.equal(posts[1]!.signal.aborted, true);
    assert.equal(clock.pending, 0);
  });

  test("events that are trimmed while they wait are told as a gap in their place", async () => {
    const { append, clock, log, posts, receiver, webhook } = await world();
    receiver.answer = () => Promise.reject(new Error("connection refused"));
    await append(1);
    await clock.advance(10_000);
    await append(500);
    await log.trim(400);
    receiver.answer = () => Promise.resolve(OK);
    await clock.advance(RETRY_MS_MAX);
    assert.deepEqual(posts.filter(({ body }) => body !== posts[0]!.body).flatMap(idsOf), [
      { since: 1, oldest: 401 },
      ...upTo(501, 401),
    ]);
    assert.deepEqual(idsOf(posts[0]!), [1]);
    await webhook.stop();
  });

  test("sends only its topics, and moves its cursor over the others", async () => {
    const { append, clock, log, posts, start, webhook } = await world({ text: "https://receiver.example chia.*" });
    await append(3, "p2p.connect");
    await append(1, "chia.block");
    await append(350, "p2p.connect");
    await clock.advance(1_000);
    assert.deepEqual(posts.map(idsOf), [[4]]);
    assert.equal(webhook.state().position, 354);
    assert.equal(await log.cursor("webhook/default"), 4, "no write for each that is not wanted");
    await webhook.stop();
    assert.equal(await log.cursor("webhook/default"), 354);
    const again = await start();
    await append(1, "chia.block");
    await append(3_000, "p2p.connect");
    await clock.advance(1_000);
    assert.deepEqual(posts.slice(1).map(idsOf), [[355]]);
    assert.equal(again.state().position, 3_355);
    assert.ok((await log.cursor("webhook/default") ?? 0) > 2_000, "but after many of them");
    await again.stop();
  });

  test("a password in the URL goes into a header, and is neither told nor shown", async () => {
    const { append, clock, posts, receiver, told, webhook } = await world({
      text: "https://me:se%20cret@receiver.example:8443/path-secret?query-secret",
    });
    receiver.answer = () => Promise.resolve({ status: 500 });
    await append(1);
    await clock.advance(0);
    assert.equal(posts[0]!.url, "https://receiver.example:8443/path-secret?query-secret");
    assert.equal(posts[0]!.headers.authorization, `Basic ${Buffer.from("me:se cret").toString("base64")}`);
    assert.doesNotMatch(JSON.stringify([told, webhook.state()]), /se(%20| )?cret/);
    assert.equal(webhook.state().url, "https://receiver.example:8443");
    await webhook.stop();
  });

  test("a cursor that cannot be written down is told; what was delivered is not sent again meanwhile", async () => {
    const { append, clock, log, posts, told, webhook } = await world();
    const { moveCursor } = log;
    log.moveCursor = () => Promise.reject(new Error("the disk is full"));
    await append(1);
    await clock.advance(1_000);
    assert.match(told.join(), /the disk is full/);
    log.moveCursor = moveCursor;
    await append(1);
    await clock.advance(10_000);
    assert.deepEqual(posts.map(idsOf), [[1], [2]]);
    assert.equal(await log.cursor("webhook/default"), 2);
    await webhook.stop();
  });
});

const logs:
  readonly (readonly [string, (onAppend: () => void) => Promise<{ log: NodeLog; close: () => Promise<void> }>])[] = [
    ["memory", (onAppend) => Promise.resolve({ log: new MemoryNodeLog({ onAppend }), close: () => Promise.resolve() })],
    ...everyDriver.map((driver) =>
      [driver.name, async (onAppend: () => void) => {
        const database = await driver.open(":memory:");
        await migrate(database, NODE_LOG_MIGRATIONS, { chain: "events", network: "all", genesis: "" });
        return { log: new SqlNodeLog(database, onAppend), close: () => database.close() };
      }] as const
    ),
  ];

describe("Webhook's cursor", () => {
  for (const [name, open] of logs) {
    test(`${name}: begins with what comes from now on, and moves only when the receiver has taken it`, async () => {
      const bus = new Bus<{ events: null }>();
      const { log, close } = await open(() => bus.emit("events", null));
      const old = { topic: "old", time: 0, chain: null, network: null, data: {} };
      await log.append([old, old, old]);
      const { append, clock, posts, receiver, start, webhook } = await world({ log, bus });
      /** Lets time pass until something is so; a server takes real time. */
      const passUntil = async (isSo: () => boolean) => {
        for (let i = 0; !isSo(); i++) {
          assert.ok(i < 2_000);
          await clock.advance(100);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      };
      receiver.answer = () => Promise.reject(new Error("connection refused"));
      await append(2);
      await passUntil(() => posts.length > 0);
      await webhook.stop();
      assert.equal(await log.cursor("webhook/default"), 3);
      await append(1);
      receiver.answer = () => Promise.resolve(OK);
      const again = await start();
      await passUntil(() => again.state().position === 6);
      await again.stop();
      assert.equal(await log.cursor("webhook/default"), 6);
      assert.deepEqual(idsOf(posts[0]!), [4, 5]);
      assert.deepEqual(idsOf(posts.at(-1)!), [4, 5, 6]);
      const last = await start();
      await append(1);
      await passUntil(() => last.state().position === 7);
      assert.deepEqual(idsOf(posts.at(-1)!), [7]);
      await last.stop();
      await close();
    });
  }
});
