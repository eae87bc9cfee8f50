/** What a simulated line does to bytes: each way in which a network can be bad is there, and shows. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ByteDuplex } from "../../../lib/core/ports.ts";
import type { Conditions } from "../../../lib/sim/links.ts";
import { SimNetwork } from "../../../lib/sim/network.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { FAIR } from "../../../lib/sim/faults.ts";
import { SimWeather } from "../../../lib/sim/weather.ts";
import { simClock } from "../core/sim.ts";

const PORT = 8333;
const GOOD: Conditions = { latencyMs: 50, jitterMs: 0, bytesPerMs: 1_000, loss: 0, reset: 0, damage: 0 };
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Two hosts, "a" dialling "b", on lines of these conditions. */
function pair(changes: Partial<Conditions> = {}, seed = 1, windowBytes?: number) {
  const clock = simClock();
  const cut = new Set<string>();
  const weather = {
    era: 0,
    of: () => ({ ...GOOD, ...changes }),
    isCut: (from: string, to: string) => cut.has(`${from} ${to}`),
  };
  const network = new SimNetwork(clock, weather, new SeededRandom(seed), windowBytes);
  const [a, b] = [network.arrive("a"), network.arrive("b")];
  const accepted: ByteDuplex[] = [];
  const open = async (secure = false) => {
    const tls = { identity: { certificate: CERTIFICATE, privateKey: "" }, authorities: [] };
    if (!b.listeners.has(PORT)) {
      await network.listen(b, {
        host: "b",
        port: PORT,
        ...(secure && { tls }),
        onConnection: (duplex) => void accepted.push(duplex),
      });
    }
    const near = await clock.until(network.dialer(a).dial({ host: "b", port: PORT }, secure ? { tls } : {}));
    return { near, far: accepted.at(-1)! };
  };
  return { clock, network, cut, open, a, b };
}

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----";

/** Notes what arrives and when, in virtual milliseconds. */
function listenTo(duplex: ByteDuplex, now: () => number) {
  const got: { readonly at: number; readonly text: string }[] = [];
  const state: { failure?: unknown } = {};
  const reader = duplex.readable.getReader();
  const read = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      got.push({ at: now(), text: new TextDecoder().decode(value) });
    }
  };
  read().catch((error) => (state.failure = error));
  return { got, state, text: () => got.map(({ text }) => text).join("") };
}

/** What is sent over a line of these conditions, a chunk each, with the network's counters. */
async function sendAll(chunks: readonly string[], changes: Partial<Conditions>, seed = 1, secure = false) {
  const { clock, network, open } = pair(changes, seed);
  const { near, far } = await open(secure);
  const heard = listenTo(far, () => clock.monotonic());
  const began = clock.monotonic();
  const writer = near.writable.getWriter();
  writer.closed.catch(() => {});
  for (const chunk of chunks) writer.write(bytesOf(chunk)).catch(() => {});
  await clock.advance(100_000);
  return { ...heard, began, counts: network.counts };
}

describe("a simulated line", () => {
  test("has a latency: bytes arrive when it is over, and not before", async () => {
    const { got, began } = await sendAll(["x"], { latencyMs: 120 });
    assert.deepEqual(got.map(({ at }) => Math.round(at - began)), [120]);
  });

  test("has a bandwidth: many bytes take longer than few, and wait for one another", async () => {
    const { got, began } = await sendAll(["x".repeat(1_000), "y".repeat(1_000)], { bytesPerMs: 10 });
    assert.deepEqual(got.map(({ at }) => Math.round(at - began)), [150, 250]);
  });

  test("loses chunks: they are sent again, come late, and in their order", async () => {
    const chunks = Array.from({ length: 50 }, (_, i) => `${i} `);
    const { got, began, counts, text } = await sendAll(chunks, { loss: 0.3 });
    assert.ok(counts.lost > 5, `${counts.lost} lost`);
    assert.equal(text(), chunks.join(""));
    assert.ok(got.at(-1)!.at - began >= 250, "a loss is noticed after 200 ms");
  });

  test("is reset: both ends learn of it", async () => {
    const { clock, open } = pair({ reset: 1 });
    const { near, far } = await open();
    const [here, there] = [listenTo(near, () => 0), listenTo(far, () => 0)];
    near.writable.getWriter().write(bytesOf("x")).catch(() => {});
    await clock.advance(1_000);
    assert.match(String(there.state.failure), /reset/);
    await clock.advance(1_000);
    far.destroy();
    await clock.advance(1_000);
    assert.notEqual(there.state.failure, undefined);
    near.destroy();
    await clock.advance(1_000);
    assert.notEqual(here.state.failure, undefined);
  });

  const accidents: readonly [string, (text: string) => boolean][] = [
    ["changes a byte", (text) => text.length === 6 && [...text].sort().join("") !== "abcdef"],
    ["delivers bytes twice", (text) => text === "abcdefabcdef"],
    ["delivers bytes in another order", (text) => text === "defabc"],
  ];
  for (const [what, isIt] of accidents) {
    test(`that damages ${what}, below the framing`, async () => {
      const seen: string[] = [];
      for (let seed = 0; seed < 40; seed++) {
        const { text, counts } = await sendAll(["abcdef"], { damage: 1 }, seed);
        assert.equal(counts.damaged, 1);
        seen.push(text());
      }
      assert.ok(seen.some(isIt), seen.join(" "));
      assert.ok(!seen.includes("abcdef"), "no damage leaves bytes as they are");
    });
  }

  test("that damages ends a connection under TLS: no damaged byte comes through", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { text, state } = await sendAll(["abcdef"], { damage: 1 }, seed, true);
      assert.equal(text(), "");
      assert.match(String(state.failure), /reset/);
    }
  });

  test("does not reorder within a connection, and does between two", async () => {
    let reordered = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { clock, open } = pair({ jitterMs: 100 }, seed);
      const order: string[] = [];
      const [first, second] = [await open(), await open()];
      for (const [name, { far }] of [["first", first], ["second", second]] as const) {
        const reader = far.readable.getReader();
        void (async () => {
          for (let i = 0; i < 5; i++) order.push(name + new TextDecoder().decode((await reader.read()).value));
        })();
      }
      const [one, other] = [first.near.writable.getWriter(), second.near.writable.getWriter()];
      for (let i = 0; i < 5; i++) {
        void one.write(bytesOf(`${i}`));
        await clock.advance(20);
        void other.write(bytesOf(`${i}`));
        await clock.advance(20);
      }
      await clock.advance(10_000);
      assert.equal(order.filter((name) => name.startsWith("first")).join(""), "first0first1first2first3first4");
      if (order.join("") !== [0, 1, 2, 3, 4].map((i) => `first${i}second${i}`).join("")) reordered += 1;
    }
    assert.ok(reordered > 0);
  });

  test("carries two connections when two hosts dial each other at once", async () => {
    const { clock, network, a, b } = pair();
    let accepted = 0;
    for (const [presence, host] of [[a, "a"], [b, "b"]] as const) {
      await network.listen(presence, { host, port: PORT, onConnection: () => void (accepted += 1) });
    }
    const dials = [
      network.dialer(a).dial({ host: "b", port: PORT }),
      network.dialer(b).dial({ host: "a", port: PORT }),
    ];
    await clock.until(Promise.all(dials));
    assert.equal(accepted, 2);
    assert.equal(network.counts.connections, 2);
  });

  test("that is cut carries nothing, and everything when it is mended", async () => {
    const { clock, network, cut, open } = pair();
    const { near, far } = await open();
    const { text } = listenTo(far, () => clock.monotonic());
    cut.add("a b");
    void near.writable.getWriter().write(bytesOf("after all"));
    await clock.advance(60_000);
    assert.equal(text(), "");
    const dial = network.dialer(near.local.host === "a" ? network.arrive("a") : network.arrive("b"))
      .dial({ host: "b", port: PORT }, { timeoutMs: 5_000 });
    await assert.rejects(clock.until(dial), /does not answer/);
    cut.clear();
    network.mend();
    await clock.advance(1_000);
    assert.equal(text(), "after all");
  });

  test("may be cut in one direction", async () => {
    const { clock, cut, open } = pair();
    const { near, far } = await open();
    const [here, there] = [listenTo(near, () => 0), listenTo(far, () => 0)];
    cut.add("a b");
    void near.writable.getWriter().write(bytesOf("unheard"));
    void far.writable.getWriter().write(bytesOf("heard"));
    await clock.advance(1_000);
    assert.deepEqual([here.text(), there.text()], ["heard", ""]);
  });

  test("lets a writer wait when the reader does not read", async () => {
    const { clock, open } = pair({}, 1, 1_000);
    const { near, far } = await open();
    const writer = near.writable.getWriter();
    let taken = 0;
    for (let i = 0; i < 10; i++) writer.write(new Uint8Array(500)).then(() => (taken += 1), () => {});
    await clock.advance(60_000);
    assert.equal(taken, 2);
    listenTo(far, () => 0);
    await clock.advance(60_000);
    assert.equal(taken, 10);
  });
});

describe("SimWeather", () => {
  test("parts hosts from the others, deafens single ones, and heals", () => {
    const weather = new SimWeather(FAIR, new SeededRandom(1));
    weather.part(["a", "b"]);
    weather.deafen("d");
    const cuts = [["a", "b"], ["a", "c"], ["c", "a"], ["c", "d"], ["d", "c"]] as const;
    assert.deepEqual(cuts.map(([from, to]) => weather.isCut(from, to)), [false, true, true, true, false]);
    weather.heal();
    assert.ok(cuts.every(([from, to]) => !weather.isCut(from, to)));
  });

  test("gives a line its own latency and bandwidth, the same in both directions and each time", () => {
    const [one, again] = [new SimWeather(FAIR, new SeededRandom(7)), new SimWeather(FAIR, new SeededRandom(7))];
    const lines = Array.from({ length: 20 }, (_, i) => one.of("a", `h${i}`));
    assert.ok(new Set(lines.map(({ latencyMs }) => latencyMs)).size > 15);
    assert.ok(new Set(lines.map(({ bytesPerMs }) => bytesPerMs)).size > 3);
    assert.deepEqual(lines[3], again.of("a", "h3"));
    assert.deepEqual(lines[3], one.of("h3", "a"));
  });
});
