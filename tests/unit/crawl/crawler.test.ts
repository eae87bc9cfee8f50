/** The crawler's manners and its walk, with visits that a test plays. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import ipaddr from "ipaddr.js";
import { NodeError } from "../../../lib/core/errors.ts";
import type { PeerAddress } from "../../../lib/core/ports.ts";
import type { Visit, Visitor } from "../../../lib/core/peers/visit.ts";
import { crawl, type CrawlLimits } from "../../../lib/crawl/crawler.ts";
import { Frontier, type Place } from "../../../lib/crawl/frontier.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";

const PORT = 8333;
const LIMITS: CrawlLimits = { visitsMax: 1_000, concurrency: 8, perSecond: 100, visitMs: 20_000 };

/** IPv4 by /16; no address of 10.0.0.0/8 is dialled. */
function locate({ host, port }: PeerAddress): Place | undefined {
  if (!ipaddr.IPv4.isValidFourPartDecimal(host) || host.startsWith("10.")) return undefined;
  const bytes = ipaddr.IPv4.parse(host).toByteArray();
  return { host, port, network: "ipv4", group: Uint8Array.from(bytes.slice(0, 2)) };
}

const at = (host: string, port = PORT): PeerAddress => ({ host, port });

/** A network of names, and what its visits looked like. */
function play(tells: Readonly<Record<string, readonly PeerAddress[]>>, takesMs = 1_000) {
  const clock = simClock();
  const began: { host: string; port: number; at: number }[] = [];
  const active = new Map<string, number>();
  const seen = { most: 0, mostOfGroup: 0 };
  const visit: Visitor = async ({ host, port }, signal): Promise<Visit> => {
    const group = host.split(".").slice(0, 2).join(".");
    began.push({ host, port, at: clock.monotonic() });
    active.set(group, (active.get(group) ?? 0) + 1);
    seen.most = Math.max(seen.most, [...active.values()].reduce((a, b) => a + b));
    seen.mostOfGroup = Math.max(seen.mostOfGroup, active.get(group)!);
    try {
      await clock.sleep(takesMs, signal);
    } finally {
      active.set(group, active.get(group)! - 1);
    }
    const told = tells[host];
    if (told === undefined) throw new NodeError("connection_refused", "network", `${host}: refused`);
    const said = { services: 9n, serviceNames: ["NETWORK"], protocolVersion: "70016", userAgent: "/x/", height: 5 };
    return { ...said, latencyMs: 3, told };
  };
  const run = (seeds: readonly PeerAddress[], limits: Partial<CrawlLimits> = {}, signal?: AbortSignal) =>
    crawl(
      seeds,
      { ...LIMITS, ...limits },
      { visit, locate, clock, random: new SeededRandom(3) },
      signal ?? new AbortController().signal,
    );
  return { clock, began, seen, run };
}

/** A ring: each host of so many groups tells of the next two. */
function ring(count: number): Record<string, PeerAddress[]> {
  const host = (i: number) => `${20 + (i % count) % 200}.${Math.floor((i % count) / 200)}.0.1`;
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [host(i), [at(host(i + 1)), at(host(i + 2))]]));
}

describe("crawl()", () => {
  test("visits everybody once who can be reached by what others tell", async () => {
    const { clock, began, run } = play(ring(300));
    const result = await clock.until(run([at("20.0.0.1")]));
    assert.equal(result.ended, "exhausted");
    assert.equal(result.nodes.filter(({ reachable }) => reachable).length, 300);
    assert.equal(new Set(began.map(({ host }) => host)).size, began.length);
    assert.equal(clock.pending, 0);
  });

  test("opens no more connections at once, and a second, than it may, and one a group", async () => {
    const hosts = Array.from({ length: 120 }, (_, i) => `30.${i % 40}.0.${i}`);
    const tells = { "20.0.0.1": hosts.map((host) => at(host)), ...Object.fromEntries(hosts.map((host) => [host, []])) };
    const { clock, began, seen, run } = play(tells, 1_500);
    const result = await clock.until(run([at("20.0.0.1")], { concurrency: 6, perSecond: 5 }));
    assert.equal(result.nodes.length, 121);
    assert.equal(seen.most, 6);
    assert.equal(seen.mostOfGroup, 1);
    for (let i = 0; i + 1 < began.length; i++) {
      assert.ok(began[i + 1]!.at - began[i]!.at >= 199.9, `${began[i + 1]!.at - began[i]!.at} ms between two`);
    }
  });

  test("ends at its limit, and says so", async () => {
    const { clock, began, run } = play(ring(50));
    const result = await clock.until(run([at("20.0.0.1")], { visitsMax: 10 }));
    assert.deepEqual([result.ended, result.nodes.length, began.length], ["limit", 10, 10]);
  });

  test("told to stop, it gives what there is; visits that were broken off say nothing of their nodes", async () => {
    const { clock, began, run } = play(ring(300));
    const stop = new AbortController();
    const crawling = run([at("20.0.0.1")], {}, stop.signal);
    await clock.advance(5_500);
    stop.abort();
    const result = await clock.until(crawling);
    assert.equal(result.ended, "stopped");
    assert.ok(result.nodes.length > 3 && result.nodes.length < began.length);
    assert.ok(result.nodes.every(({ reachable }) => reachable));
    assert.equal(clock.pending, 0);
  });

  test("a visit that does not end is ended", async () => {
    const { clock, run } = play({ "20.0.0.1": [] }, 60_000);
    const result = await clock.until(run([at("20.0.0.1")], { visitMs: 7_000 }));
    assert.equal(result.nodes[0]?.error?.code, "timeout");
    assert.equal(result.nodes[0]?.visitMs, 7_000);
  });

  test("addresses that are not to be dialled are counted once and not dialled", async () => {
    const { clock, began, run } = play({
      "20.0.0.1": [at("10.0.0.9"), at("10.0.0.9"), at("nonsense"), at("21.0.0.1", 0)],
    });
    const result = await clock.until(run([at("20.0.0.1")]));
    assert.deepEqual([began.length, result.undialable], [1, 3]);
  });

  test("nobody has it scan the ports of somebody else", async () => {
    const ports = Array.from({ length: 500 }, (_, i) => at("99.9.9.9", i + 1));
    const { clock, began, run } = play({ "20.0.0.1": ports });
    const result = await clock.until(run([at("20.0.0.1")]));
    assert.equal(began.filter(({ host }) => host === "99.9.9.9").length, 4);
    assert.equal(result.dropped, 496);
  });
});

describe("Frontier", () => {
  test("who tells a thousand addresses of one group gets no larger share of the visits", () => {
    const frontier = new Frontier({ knownMax: 10_000, perGroup: 1, portsPerHost: 4 });
    const add = (host: string) => frontier.add({ place: locate(at(host))!, toldBy: "seed", heardAt: 0 });
    for (let i = 0; i < 1_000; i++) add(`66.6.${i >> 8}.${i & 255}`);
    for (let i = 0; i < 99; i++) add(`20.${i}.0.1`);
    const random = new SeededRandom(1);
    const drawn = Array.from({ length: 50 }, () => {
      const next = frontier.take(random)!;
      frontier.release(next);
      return next.place.host;
    });
    assert.ok(drawn.filter((host) => host.startsWith("66.6.")).length < 5);
  });

  test("keeps no more than it may, and counts the rest", () => {
    const frontier = new Frontier({ knownMax: 10, perGroup: 1, portsPerHost: 4 });
    for (let i = 0; i < 30; i++) frontier.add({ place: locate(at(`20.${i}.0.1`))!, toldBy: "seed", heardAt: 0 });
    assert.deepEqual([frontier.known, frontier.waiting, frontier.dropped], [10, 10, 20]);
  });

  test("gives no second address of a group that is being visited", () => {
    const frontier = new Frontier({ knownMax: 10, perGroup: 1, portsPerHost: 4 });
    for (const host of ["20.0.0.1", "20.0.0.2"]) {
      frontier.add({ place: locate(at(host))!, toldBy: "seed", heardAt: 0 });
    }
    const random = new SeededRandom(1);
    const first = frontier.take(random)!;
    assert.equal(frontier.take(random), undefined);
    frontier.release(first);
    assert.notEqual(frontier.take(random)?.place.host, first.place.host);
    assert.equal(frontier.take(random), undefined);
  });
});
