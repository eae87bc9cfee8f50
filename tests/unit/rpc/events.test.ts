import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { Decoder } from "cbor-x";
import { eventsOverSocket } from "../../../lib/rpc/v1/event-streams.ts";
import type { PeerSocket } from "../../../lib/core/ports.ts";
import { eventEnvelope } from "../../../lib/storage/event-envelope.ts";
import type { NewEvent } from "../../../lib/storage/events.ts";
import { duplexPair } from "../../../lib/transport/memory.ts";
import { settle, testNode, TOKEN } from "./support.ts";

const event = (topic: string, height: number): NewEvent => ({
  topic,
  time: 1_763_721_064_120,
  chain: "chia",
  network: "simulator0",
  data: { height, weight: 2n ** 100n },
});

/** A WebSocket that is made of two arrays. */
function fakeSocket(incoming: readonly (string | Uint8Array)[], options: { stuck?: boolean } = {}) {
  const sent: string[] = [];
  const closed = Promise.withResolvers<{ closeCode: number; reason: string }>();
  const readable = new ReadableStream<string | Uint8Array>({
    start: (controller) => incoming.forEach((message) => controller.enqueue(message)),
  });
  const writable = new WritableStream<string | Uint8Array>({
    write: (message) => {
      if (options.stuck) return new Promise(() => {});
      sent.push(String(message));
    },
  });
  const socket: PeerSocket = {
    opened: Promise.resolve({ readable, writable }),
    closed: closed.promise,
    readable,
    writable,
    remote: { host: "127.0.0.1", port: 1 },
    local: { host: "127.0.0.1", port: 2 },
    traffic: { bytesRead: 0, bytesWritten: 0 },
    close: ({ closeCode = 1000, reason = "" } = {}) => closed.resolve({ closeCode, reason }),
  };
  return { socket, sent, closed: closed.promise };
}

const topicsOf = (messages: readonly string[]) => messages.map((message) => JSON.parse(message).topic);

/** Reads an event stream until there are `count` data lines. */
async function dataLines(response: Response, count: number): Promise<{ id?: string; data: Record<string, unknown> }[]> {
  const reader = response.body!.getReader();
  let text = "";
  while ((text.match(/^data:/gm) ?? []).length < count) text += new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  return text.split("\n\n").filter((part) => part.includes("data:")).map((part) => {
    const id = /^id: (.*)$/m.exec(part)?.[1];
    return { ...(id !== undefined && { id }), data: JSON.parse(/^data: (.*)$/m.exec(part)![1]!) };
  });
}

describe("GET /events", () => {
  test("replays from since, then follows; integers above 2^53 are text", async () => {
    const { request, events } = testNode();
    await events.append([event("chia.block", 1), event("chia.peak", 1), event("chia.block", 2)]);
    const response = await request("/events?since=1&topics=chia.block,chia.peak");
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    void settle().then(() => events.append([event("p2p.connect", 3), event("chia.peak", 2)]));
    const got = await dataLines(response, 3);
    assert.deepEqual(got.map(({ id, data }) => [id, data.topic]), [["2", "chia.peak"], ["3", "chia.block"], [
      "5",
      "chia.peak",
    ]]);
    assert.deepEqual(got[0]!.data, {
      id: 2,
      topic: "chia.peak",
      time: "2025-11-21T10:31:04.120Z",
      chain: "chia",
      network: "simulator0",
      data: { height: 1, weight: (2n ** 100n).toString() },
    });
  });

  const all = async (response: Response) => new Uint8Array(await response.arrayBuffer());
  const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

  test("follow=0 ends at the newest event, and begins with the oldest unless told otherwise", async () => {
    const { request, events, bus } = testNode();
    await events.append(Array.from({ length: 250 }, (_, i) => event(i % 2 === 0 ? "chia.block" : "chia.peak", i)));
    const ids = async (query: string) =>
      text(await all(await request(`/events?format=ndjson&follow=0${query}`))).trimEnd().split("\n")
        .map((line) => line === "" ? undefined : Number(JSON.parse(line).id));
    assert.deepEqual(await ids(""), Array.from({ length: 250 }, (_, i) => i + 1));
    assert.deepEqual(await ids("&since=245&topics=chia.peak"), [246, 248, 250]);
    assert.deepEqual(await ids("&since=250"), [undefined]);
    assert.equal(bus.count("events"), 0, "nobody listens any more");
  });

  test("format=ndjson is an envelope a line, gaps too, and an empty line when nothing happens", async () => {
    const { request, events, clock } = testNode();
    await events.append([event("chia.block", 1), event("chia.block", 2)]);
    const response = await request("/events?format=ndjson&since=900");
    assert.equal(response.headers.get("content-type"), "application/x-ndjson");
    const reader = response.body!.getReader();
    const lines = [1, 2, 3].map(async () => text((await reader.read()).value));
    const [gap, first, second] = await Promise.all(lines);
    assert.equal(gap, '{"topic":"gap","data":{"since":900,"oldest":1}}\n');
    const envelope = {
      ...{ id: 1, topic: "chia.block", time: "2025-11-21T10:31:04.120Z", chain: "chia", network: "simulator0" },
      data: { height: 1, weight: (2n ** 100n).toString() },
    };
    assert.equal(first, `${JSON.stringify(envelope)}\n`);
    assert.equal(JSON.parse(second!).id, 2);
    const quiet = reader.read();
    await settle();
    clock.advance(15_000);
    assert.equal(text((await quiet).value), "\n");
    const next = reader.read();
    await events.append([event("chia.block", 3)]);
    assert.equal(JSON.parse(text((await next).value)).id, 3);
    await reader.cancel();
  });

  test("format=cbor is a sequence of envelopes (RFC 8742), gaps too, stored and live", async () => {
    const { request, events, clock } = testNode();
    await events.append([event("chia.block", 1), event("chia.block", 2)]);
    const stored = await request("/events?format=cbor&follow=0&since=900");
    assert.equal(stored.headers.get("content-type"), "application/cbor-seq");
    const envelope = (id: number) => ({ id, ...event("chia.block", id) });
    const sequence = (bytes: Uint8Array) => new Decoder({ mapsAsObjects: true }).decodeMultiple(bytes);
    assert.deepEqual(sequence(await all(stored)), [
      { topic: "gap", data: { since: 900, oldest: 1 } },
      envelope(1),
      envelope(2),
    ]);
    const live = (await request("/events?format=cbor")).body!.getReader();
    const quiet = live.read();
    await settle();
    clock.advance(15_000);
    assert.deepEqual((await quiet).value, Uint8Array.of(0x60));
    const next = live.read();
    await events.append([event("chia.block", 3)]);
    assert.deepEqual(sequence((await next).value!), [envelope(3)]);
    await live.cancel();
  });

  test("a reader that falls too far behind is told so in its own format, with its last id", async () => {
    for (const format of ["sse", "ndjson", "cbor"]) {
      const { request, events } = testNode();
      const response = await request(`/events?format=${format}`);
      const reader = response.body!.getReader();
      const first = reader.read();
      await settle();
      await events.append([event("t", 1)]);
      await first;
      await events.append(Array.from({ length: 3_000 }, (_, i) => event("t", i)));
      let last = new Uint8Array();
      for (let part = await reader.read(); !part.done; part = await reader.read()) last = part.value;
      const told = format === "cbor"
        ? new Decoder({ mapsAsObjects: true }).decode(last)
        : JSON.parse(text(last).replace("data: ", ""));
      assert.equal(told.topic, "slow", format);
      assert.ok(told.data.last_id >= 1 && told.data.last_id < 2_000, format);
    }
  });

  test("the format is that of the query, else of Accept", async () => {
    const { request } = testNode();
    const type = async (query: string, accept: string) => {
      const response = await request(`/events?follow=0${query}`, {}, { accept });
      await response.body?.cancel();
      return response.headers.get("content-type");
    };
    assert.equal(await type("", "*/*"), "text/event-stream");
    assert.equal(await type("", "application/cbor-seq"), "application/cbor-seq");
    assert.equal(await type("", "application/x-ndjson"), "application/x-ndjson");
    assert.equal(await type("", "application/jsonl"), "application/x-ndjson");
    assert.equal(await type("&format=sse", "application/x-ndjson"), "text/event-stream");
    assert.equal((await request("/events?format=xml")).status, 400);
    assert.equal((await request("/events?follow=2")).status, 400);
  });

  test("what is not kept comes to those who name it, without an id, and its gaps are told", async () => {
    const { request, events, live } = testNode();
    const told = (n: number) => ({ ...event("bitcoin.tx", n), chain: "bitcoin", bytes: 10 });
    const response = await request("/events?topics=bitcoin.tx,chia.peak");
    const reading = dataLines(response, 3);
    while (!live.wants("bitcoin.tx")) await settle();
    live.emit(told(1));
    await events.append([event("chia.peak", 2)]);
    await settle();
    for (let n = 3; n < 1_100; n++) live.emit(told(n));
    const [first, second, third] = await reading;
    assert.deepEqual([first, second, third].map((each) => [each!.id, each!.data.topic, "id" in each!.data]), [
      [undefined, "bitcoin.tx", false],
      ["1", "chia.peak", true],
      [undefined, "bitcoin.tx", false],
    ]);
    for (const topics of ["bitcoin.*", "*", ""]) {
      const other = await request(`/events?topics=${topics}`);
      await settle();
      assert.ok(!live.wants("bitcoin.tx"), "nobody who did not name it");
      await other.body!.cancel();
    }
  });

  test("without since only what is new comes; Last-Event-ID wins over since", async () => {
    const { request, events } = testNode();
    await events.append([event("a", 1), event("a", 2), event("a", 3)]);
    const fresh = await request("/events");
    void settle().then(() => events.append([event("b", 4)]));
    assert.deepEqual((await dataLines(fresh, 1)).map(({ id }) => id), ["4"]);
    const resumed = await request("/events?since=0", {}, { "last-event-id": "3" });
    assert.deepEqual((await dataLines(resumed, 1)).map(({ id }) => id), ["4"]);
  });

  test("a since of another log is told as a gap before the events", async () => {
    const { request, events } = testNode();
    await events.append([event("a", 1)]);
    const [gap, first] = await dataLines(await request("/events?since=41200"), 2);
    assert.deepEqual(gap, { data: { topic: "gap", data: { since: 41200, oldest: 1 } } });
    assert.equal(first?.id, "1");
  });

  test("a comment comes every 15 s when nothing happens", async () => {
    const { request, clock } = testNode();
    const reader = (await request("/events")).body!.getReader();
    const first = reader.read();
    await settle();
    clock.advance(15_000);
    assert.equal(new TextDecoder().decode((await first).value), ": heartbeat\n\n");
    await reader.cancel();
    await settle();
    assert.equal(clock.pending, 0, "no timer outlives its reader");
  });

  test("readers beyond the limit get 503; one that leaves makes room and leaves no listener", async () => {
    const { request, bus } = testNode({ limits: { subscribersMax: 1 } });
    const first = await request("/events");
    assert.equal((await request("/events")).status, 503);
    await settle();
    assert.equal(bus.count("events"), 1);
    await first.body!.cancel();
    await settle();
    assert.equal(bus.count("events"), 0);
    const second = await request("/events");
    assert.equal(second.status, 200);
    await second.body!.cancel();
  });

  test("bad topics and ids are refused", async () => {
    const { request } = testNode();
    for (
      const query of [
        "since=-1",
        "since=x",
        "topics=<script>",
        `topics=${"a,".repeat(65)}`,
        `topics=${"a".repeat(101)}`,
      ]
    ) {
      assert.equal((await request(`/events?${query}`)).status, 400, query);
    }
  });
});

describe("eventsOverSocket()", () => {
  test("waits for the subscription, replays and follows", async () => {
    const { context, events } = testNode();
    await events.append([event("chia.peak", 1), event("chia.block", 1), event("chia.peak", 2)]);
    const { socket, sent } = fakeSocket(['{"subscribe":["*.peak"],"since":1}']);
    const controller = new AbortController();
    const over = eventsOverSocket(socket, context, { signal: controller.signal });
    await settle();
    await events.append([event("chia.peak", 3)]);
    await settle();
    assert.deepEqual(sent.map((message) => JSON.parse(message).id), [3, 4]);
    controller.abort();
    await over;
    assert.equal((await socket.closed).closeCode, 1001);
  });

  test("a message that is no subscription ends with 1008", async () => {
    const { context } = testNode();
    for (const bad of ["{", "[]", '{"subscribe":"all"}', '{"since":-5}', '{"subscribe":[5]}', new Uint8Array([1])]) {
      const { socket, closed } = fakeSocket([bad]);
      await eventsOverSocket(socket, context);
      assert.equal((await closed).closeCode, 1008, String(bad));
    }
  });

  test("silence instead of a subscription ends after 10 s", async () => {
    const { context, clock } = testNode();
    const { socket, closed } = fakeSocket([]);
    const over = eventsOverSocket(socket, context);
    await settle();
    clock.advance(10_000);
    await over;
    assert.equal((await closed).closeCode, 1008);
  });

  test("a reader that takes nothing for 30 s is cut off with 4008 and its last id", async () => {
    const { context, clock, events, bus } = testNode();
    await events.append([event("a", 1)]);
    const { socket, closed } = fakeSocket(['{"since":0}'], { stuck: true });
    const over = eventsOverSocket(socket, context);
    await settle();
    clock.advance(30_000);
    await over;
    assert.deepEqual(await closed, { closeCode: 4008, reason: "last id 0" });
    await settle();
    assert.equal(bus.count("events"), 0, "its listener is gone");
    assert.equal(clock.pending, 0, "and its timers");
  });

  test("a socket that closes ends the subscription", async () => {
    const { context, bus } = testNode();
    const { socket } = fakeSocket(['{"subscribe":[]}']);
    const over = eventsOverSocket(socket, context);
    await settle();
    assert.equal(bus.count("events"), 1);
    socket.close();
    await over;
    assert.equal(bus.count("events"), 0);
  });

  test("the query can stand in for the first message", async () => {
    const { context, events } = testNode();
    await events.append([event("a", 1)]);
    const { socket, sent } = fakeSocket([]);
    const controller = new AbortController();
    const over = eventsOverSocket(socket, context, {
      initial: () => ({ topics: ["a"], since: 0 }),
      signal: controller.signal,
    });
    await settle();
    assert.deepEqual(topicsOf(sent), ["a"]);
    controller.abort();
    await over;
  });
});

describe("upgrade()", () => {
  const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
  const HEADERS = {
    host: "localhost:8555",
    authorization: `Bearer ${TOKEN}`,
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": KEY,
  };

  /** Asks to leave HTTP; everything that is answered until the other side has ended. */
  async function answerTo(target: string, changed: Record<string, string> = {}, method = "GET"): Promise<string> {
    const { app } = testNode();
    const [near, far] = duplexPair();
    const headers = new Map(Object.entries({ ...HEADERS, ...changed }).filter(([, value]) => value !== ""));
    const over = app.upgrade({ method, target, headers }, far);
    let text = "";
    const reader = near.readable.getReader();
    for (let isOver = false; !isOver;) {
      const { done, value } = await reader.read();
      text += String.fromCharCode(...value ?? []);
      // Our side of the closing handshake is not what is told here.
      isOver = done || /(topics|since): /.test(text);
    }
    near.destroy();
    await over;
    return text;
  }

  const bad = ["/events?topics=A", "/v1/events?topics=a&since=x", "/events?since=-1", "/events?topics=a,B"];
  for (const target of bad) {
    test(`opens ${target} and closes it with 1008 and the reason`, async () => {
      const text = await answerTo(target);
      assert.match(text, /^HTTP\/1\.1 101 /);
      const frame = text.slice(text.indexOf("\r\n\r\n") + 4);
      assert.equal(frame.charCodeAt(0), 0x88);
      assert.equal(frame.charCodeAt(2) * 256 + frame.charCodeAt(3), 1008);
      assert.match(frame.slice(4), /^(topics|since): /);
    });
  }

  const refusals: [name: string, status: number, target: string, changed: Record<string, string>, method?: string][] = [
    ["a key that is none", 400, "/events", { "sec-websocket-key": "x" }],
    ["no key", 400, "/events", { "sec-websocket-key": "" }],
    ["a bad query and a bad key", 400, "/events?topics=A", { "sec-websocket-key": "x" }],
    ["another version", 426, "/events", { "sec-websocket-version": "8" }],
    ["another protocol", 426, "/events", { upgrade: "h2c" }],
    ["another path", 404, "/v1/peers", {}],
    ["a target that no URL has", 404, "//", {}],
    ["a host that no URL has", 400, "/events", { host: "[" }],
    ["a host with a name and a password", 421, "/events", { host: "a:b@localhost" }],
    ["a header that no request may have", 400, "/events", { origin: "\u0100" }],
    ["no secret", 401, "/events?topics=A", { authorization: "" }],
    ["a foreign host name", 421, "/events?topics=A", { host: "evil.example" }],
    ["another method", 405, "/events", {}, "POST"],
  ];
  for (const [name, status, target, changed, method] of refusals) {
    test(`answers ${name} with ${status}`, async () => {
      assert.match(await answerTo(target, changed, method), new RegExp(`^HTTP/1\\.1 ${status} `));
    });
  }
});

test("eventEnvelope() keeps null chain and network of the node's own events", () => {
  const own = { id: 1, topic: "node.start", time: 0, chain: null, network: null, data: { list: [1n, "x"] } };
  assert.deepEqual(eventEnvelope(own), { ...own, time: "1970-01-01T00:00:00.000Z", data: { list: ["1", "x"] } });
});
