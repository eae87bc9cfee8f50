import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Peer, type PeerSession } from "../../../lib/core/peers/peer.ts";
import { MessageHandlers, type MessageHandlersParts } from "../../../lib/core/peers/message-handlers.ts";
import { OTHER_KINDS, Traffic } from "../../../lib/core/peers/traffic.ts";
import { simClock } from "./sim.ts";

type Message = { readonly name: string; readonly value?: number };

function world(more: Partial<MessageHandlersParts<Peer, Message>> = {}) {
  const clock = simClock();
  const sum = new Traffic(clock);
  const join = (id: number) => {
    const session = {
      remote: { host: `10.0.0.${id}`, port: 5 },
      signal: new AbortController().signal,
      traffic: new Traffic(clock, sum),
    } as unknown as PeerSession<unknown>;
    return new Peer({ id, kind: "inbound", session, since: 0 });
  };
  const heard: string[] = [];
  const handlers = new MessageHandlers<Peer, Message>({
    clock,
    keyOf: ({ name }) => name,
    nameOf: ({ name }) => name,
    handlers: [
      { key: "quick", handle: (peer, { value }) => void heard.push(`${peer.id} quick ${value}`) },
      { key: "slow", handle: () => clock.sleep(30) },
      { key: "wrong", handle: () => Promise.reject(new Error("wrong")) },
    ],
    ...more,
  });
  return { clock, sum, join, heard, handlers };
}

describe("MessageHandlers", () => {
  test("hands a message to its handler, and counts how long it took, for the peer and for all", async () => {
    const { clock, sum, join, heard, handlers } = world();
    const [one, two] = [join(1), join(2)];
    assert.equal(handlers.handle(one, { name: "quick", value: 5 }), undefined);
    await clock.until(Promise.resolve(handlers.handle(one, { name: "slow" })));
    await clock.until(Promise.resolve(handlers.handle(two, { name: "slow" })));
    assert.deepEqual(heard, ["1 quick 5"]);
    const latency = (traffic: Traffic, kind: string) => traffic.received.byKind.get(kind)?.latency;
    assert.deepEqual(latency(one.session.traffic, "slow"), { count: 1, sumMs: 30, maxMs: 30 });
    assert.deepEqual(latency(one.session.traffic, "quick"), { count: 1, sumMs: 0, maxMs: 0 });
    assert.deepEqual(latency(sum, "slow"), { count: 2, sumMs: 60, maxMs: 30 });
  });

  test("what no handler is for goes to the last one, or nowhere", async () => {
    const nowhere = world();
    assert.equal(nowhere.handlers.handle(nowhere.join(1), { name: "odd" }), undefined);
    const heard: string[] = [];
    const { join, handlers } = world({ otherwise: (_, { name }) => void heard.push(name) });
    handlers.handle(join(1), { name: "odd" });
    assert.deepEqual(heard, ["odd"]);
    await assert.rejects(async () => await handlers.handle(join(1), { name: "wrong" }), /wrong/);
  });

  test("two handlers for one message are refused", () => {
    const handler = { key: "same", handle: () => {} };
    assert.throws(() => world({ handlers: [handler, handler] }), TypeError);
  });
});

describe("Traffic", () => {
  test("counts messages and bytes of each kind, and sums up what is beyond the bound", async () => {
    const clock = simClock();
    const sum = new Traffic(clock);
    const traffic = new Traffic(clock, sum);
    await clock.advance(1_000);
    traffic.countReceived("ping", 32);
    traffic.countReceived("ping", 32);
    traffic.countSent("pong", 40);
    traffic.answered("ping", 12);
    const { received, sent } = traffic;
    assert.deepEqual([received.messages, received.bytes, received.lastTime], [2, 64, clock.now()]);
    assert.deepEqual(
      { ...received.byKind.get("ping") },
      { messages: 2, bytes: 64, lastTime: clock.now(), latency: { count: 0, sumMs: 0, maxMs: 0 } },
    );
    assert.deepEqual([sent.bytes, sent.byKind.get("ping")?.latency.maxMs], [40, 12]);
    for (let i = 0; i < 1_000; i++) traffic.countReceived(`made up ${i}`, 1);
    assert.ok(received.byKind.size <= 129);
    assert.ok((received.byKind.get(OTHER_KINDS)?.bytes ?? 0) > 800);
    assert.equal(sum.received.bytes, 1_064);
  });
});
