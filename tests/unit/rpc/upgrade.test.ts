/** Requests to leave HTTP for a stream of events, and what a listener hears of those who ask. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientIdentity } from "../../../lib/rpc/auth.ts";
import type { RpcLimits } from "../../../lib/rpc/limits.ts";
import { duplexPair } from "../../../lib/transport/memory.ts";
import { settle, testNode, TOKEN } from "./support.ts";

const HEADERS = {
  host: "localhost:8555",
  authorization: `Bearer ${TOKEN}`,
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

function upgrading(limits: Partial<RpcLimits> = {}) {
  const node = testNode({ limits });
  const ask = (target: string, headers: Record<string, string> = {}, identity?: ClientIdentity) => {
    const [near, far] = duplexPair({ bufferBytes: 1 << 16 });
    let text = "";
    const reader = far.readable.getReader();
    const reading = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        text += new TextDecoder().decode(value);
      }
    })().catch(() => {});
    const request = { method: "GET", target, headers: new Map(Object.entries({ ...HEADERS, ...headers })) };
    const over = node.app.upgrade(request, near, identity);
    return {
      over,
      reading,
      text: () => text,
      status: async () => {
        await settle();
        node.clock.advance(250);
        await settle();
        return Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
      },
      end: async () => {
        far.destroy();
        await over;
      },
    };
  };
  return { ...node, ask };
}

/** An identity, and how often it was told that its secret is right. */
function sender(authorized = false) {
  const heard = { times: 0 };
  const identity: ClientIdentity = { authorized, proved: () => void (heard.times += 1) };
  return { identity, heard };
}

describe("RpcApp.upgrade()", () => {
  test("opens a stream at both of its paths and at no other", async () => {
    for (const [path, status] of [["/events", 101], ["/v1/events", 101], ["/v1/peers", 404], ["/", 404]] as const) {
      const { ask, bus } = upgrading();
      const stream = ask(path);
      assert.equal(await stream.status(), status, path);
      await stream.end();
      assert.equal(bus.count("events"), 0);
    }
  });

  test("takes whom a call would be taken of, and tells its listener of no other", async () => {
    for (
      const [headers, authorized, status] of [
        [{}, false, 101],
        [{ authorization: "" }, true, 101],
        [{ authorization: "" }, false, 401],
        [{ authorization: "Bearer wrong" }, false, 401],
        [{ host: "evil.example" }, true, 421],
        [{ origin: "https://evil.example" }, true, 403],
      ] as const
    ) {
      const { ask } = upgrading();
      const { identity, heard } = sender(authorized);
      const stream = ask("/events", headers, identity);
      assert.equal(await stream.status(), status);
      assert.equal(heard.times, status === 101 ? 1 : 0);
      await stream.end();
    }
  });

  test("gives as many places as there are, and a place back when its reader is gone", async () => {
    const { ask } = upgrading({ subscribersMax: 1 });
    const first = ask("/events");
    assert.equal(await first.status(), 101);
    const second = ask("/events");
    assert.equal(await second.status(), 503);
    await second.end();
    await first.end();
    const third = ask("/events");
    assert.equal(await third.status(), 101);
    await third.end();
  });

  test("takes the subscription from the query, by its topics or by where it begins", async () => {
    for (const query of ["since=0", "since=0&topics=a", "topics=a"]) {
      const { ask, events } = upgrading();
      const stream = ask(`/events?${query}`);
      assert.equal(await stream.status(), 101);
      await events.append([{ topic: "a", time: 0, chain: null, network: null, data: {} }]);
      await settle();
      assert.match(stream.text(), /"topic":"a"/, query);
      await stream.end();
    }
    const { ask } = upgrading();
    const bad = ask("/events?since=x");
    assert.equal(await bad.status(), 101);
    assert.match(bad.text(), /since: the id of the last event/);
    await bad.end();
  });

  test("ends every stream when the application is closed", async () => {
    const { ask, app, clock } = upgrading();
    const stream = ask("/events?since=0");
    assert.equal(await stream.status(), 101);
    app.close();
    await settle();
    clock.advance(60_000);
    await stream.over;
    await stream.reading;
    assert.equal(clock.pending, 0);
  });
});

describe("RpcApp.fetch()", () => {
  test("tells the listener of a right secret, and of no other", async () => {
    for (
      const [authorization, authorized, times] of [
        [`Bearer ${TOKEN}`, false, 1],
        ["", true, 1],
        ["", false, 0],
        ["Bearer wrong", false, 0],
      ] as const
    ) {
      const { app, clock } = testNode();
      const { identity, heard } = sender(authorized);
      const headers = { host: "localhost", authorization };
      const answer = app.fetch(new Request("https://localhost/v1/status", { headers }), identity);
      await settle();
      clock.advance(250);
      await answer;
      assert.equal(heard.times, times);
    }
  });

  test("tells a caller without a secret what would be one, and a page that it is read as what it is", async () => {
    const { app, request } = testNode();
    const refused = await app.fetch(new Request("https://localhost/v1/status", { headers: { host: "localhost" } }));
    assert.equal((await refused.json()).title, "a bearer token or a client certificate is needed");
    assert.equal(refused.headers.get("www-authenticate"), 'Bearer realm="gemel"');
    assert.equal((await request("/v1/status")).headers.get("x-content-type-options"), "nosniff");
  });
});
