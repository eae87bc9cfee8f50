/** Consumers that share the log, over HTTP. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { metricsOf } from "../../../lib/rpc/v1/metrics.ts";
import { settle, testNode } from "./support.ts";

interface Claim {
  readonly claim: string | null;
  readonly deadline?: string;
  readonly attempt?: number;
  readonly events: { readonly id?: number; readonly topic: string }[];
}

function node() {
  const made = testNode();
  const { events, request } = made;
  const append = (count: number, topic = "t") =>
    events.append(Array.from({ length: count }, () => ({ topic, time: 0, chain: null, network: null, data: {} })));
  const call = async (method: string, path: string) => {
    const response = await request(`/v1/events/groups${path}`, { method });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
  };
  const next = async (query = ""): Promise<Claim> => {
    const { status, body } = await call("POST", `/g/next${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  return { ...made, append, call, next };
}

const idsOf = ({ events }: Claim) => events.map(({ id }) => id);

describe("/v1/events/groups", () => {
  test("a group is made, gives each event once, and tells how far it is", async () => {
    const { append, call, next, clock, context } = node();
    await append(3);
    assert.equal((await call("PUT", "/g?since=0&topics=t,u.*")).status, 201);
    assert.equal((await call("PUT", "/g?topics=t,u.*")).status, 200);
    assert.equal((await call("PUT", "/g")).status, 409);
    const claims = await Promise.all([next("?limit=2"), next("?limit=2"), next("?limit=2")]);
    assert.deepEqual(claims.map(idsOf).toSorted(), [[], [1, 2], [3]]);
    const empty = claims.find(({ claim }) => claim === null);
    assert.deepEqual(empty, { claim: null, events: [] });
    const first = claims.find((claim) => idsOf(claim)[0] === 1)!;
    assert.equal(first.deadline, new Date(clock.now() + 60_000).toISOString());
    assert.deepEqual(first.events[0], {
      id: 1,
      topic: "t",
      time: "1970-01-01T00:00:00.000Z",
      chain: null,
      network: null,
      data: {},
    });
    assert.equal((await call("POST", `/g/ack?claim=${first.claim}`)).status, 204);
    assert.equal((await call("POST", `/g/ack?claim=${first.claim}`)).status, 409);
    await append(4);
    const group = { name: "g", topics: ["t", "u.*"], position: 3, lag: 4, claims: 1 };
    assert.deepEqual((await call("GET", "")).body, { newest: 7, groups: [group] });
    const figures = (await metricsOf(context)).text.split("\n");
    assert.ok(figures.includes('gemel_event_group_lag_events{group="g"} 4'));
    assert.ok(figures.includes('gemel_event_group_claims{group="g"} 1'));
    assert.equal((await call("DELETE", "/g")).status, 204);
    assert.equal((await call("DELETE", "/g")).status, 404);
    assert.equal((await call("POST", "/g/next")).status, 404);
  });

  test("what is not acknowledged in time comes again; a consumer may ask for longer", async () => {
    const { append, call, next, clock } = node();
    await call("PUT", "/g?since=0");
    await append(1);
    const first = await next("?seconds=5");
    assert.equal(first.attempt, 1);
    clock.advance(4_000);
    assert.equal((await call("POST", `/g/extend?claim=${first.claim}&seconds=10`)).status, 204);
    clock.advance(9_000);
    assert.deepEqual(await next(), { claim: null, events: [] });
    clock.advance(1_000);
    const second = await next();
    assert.deepEqual([idsOf(second), second.attempt], [[1], 2]);
    assert.equal((await call("POST", `/g/ack?claim=${first.claim}`)).status, 409);
    assert.equal((await call("POST", `/g/extend?claim=${second.claim}&seconds=0`)).status, 204);
    assert.equal((await next()).attempt, 3);
  });

  test("a consumer may wait for events, and for those that another did not acknowledge", async () => {
    const { append, call, next, clock, bus } = node();
    await call("PUT", "/g?since=0");
    const waiting = next("?wait=20&seconds=3");
    await settle();
    assert.equal(bus.count("events"), 1);
    await append(1);
    assert.deepEqual(idsOf(await waiting), [1]);
    const second = next("?wait=20");
    for (let seconds = 0; seconds < 4; seconds++) {
      await settle();
      clock.advance(1_000);
    }
    assert.equal((await second).attempt, 2);
    const inVain = next("?wait=2");
    for (let seconds = 0; seconds < 2; seconds++) {
      await settle();
      clock.advance(1_000);
    }
    assert.deepEqual(await inVain, { claim: null, events: [] });
    assert.deepEqual([bus.count("events"), clock.pending], [0, 0]);
  });

  test("who waits leaves room for other calls, and a stop ends the waiting", async () => {
    const { app, call, next } = node();
    await call("PUT", "/g?since=0");
    const waiting = Array.from({ length: 40 }, () => next("?wait=20"));
    await settle();
    assert.equal((await call("GET", "")).status, 200, "40 wait where 16 calls are answered at once");
    app.close();
    assert.deepEqual(await Promise.all(waiting), waiting.map(() => ({ claim: null, events: [] })));
  });

  test("bad names, numbers and claims are refused", async () => {
    const { call } = node();
    assert.equal((await call("PUT", "/g")).status, 201);
    for (
      const [method, path, status] of [
        ["PUT", "/Big", 400],
        ["PUT", "/g?topics=A", 400],
        ["POST", "/g/next?limit=0", 400],
        ["POST", "/g/next?limit=1001", 400],
        ["POST", "/g/next?seconds=0", 400],
        ["POST", "/g/next?wait=26", 400],
        ["POST", "/g/ack", 400],
        ["POST", "/g/ack?claim=x", 400],
        ["GET", "/g/next", 405],
      ] as const
    ) assert.equal((await call(method, path)).status, status, `${method} ${path}`);
  });
});
