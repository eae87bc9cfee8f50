/** Simulated networks, crawled with the real probes over links with latency, on virtual time. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { bitcoinVisitor } from "../../../lib/bitcoin/addresses/probe.ts";
import { chiaAddressRules } from "../../../lib/chia/addresses/rules.ts";
import { askIntroducer, INTRODUCED_MAX, Introducer } from "../../../lib/chia/addresses/introducer.ts";
import { chiaVisitor } from "../../../lib/chia/addresses/probe.ts";
import type { PeerAddress } from "../../../lib/core/ports.ts";
import { crawl } from "../../../lib/crawl/crawler.ts";
import { reportOf } from "../../../lib/crawl/report.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { identityOf, regtest, SimNodes, SIMULATOR } from "./sim-nodes.ts";

const LIMITS = { visitsMax: 1_000, concurrency: 16, perSecond: 50, visitMs: 20_000 };
const signal = () => new AbortController().signal;
const hostOf = (i: number) => `${20 + i % 180}.${Math.floor(i / 180)}.3.4`;

/** The addresses that node `i` of `count` tells: its next three, and one where nobody is. */
function tells(i: number, count: number, port: number): PeerAddress[] {
  const next = [1, 2, 7].map((step) => ({ host: hostOf((i + step) % count), port }));
  return [...next, { host: `230.${i % 200}.1.1`.replace("230", "130"), port }];
}

describe("a crawl of a simulated network", () => {
  test("of 200 Bitcoin nodes finds them all, with their versions, heights and latency", async () => {
    const nodes = new SimNodes();
    const port = regtest.defaultPort;
    for (let i = 0; i < 200; i++) {
      const said = { userAgent: i % 4 === 0 ? "/old:1/" : "/new:2/", services: i % 2 ? 9n : 0x409n, height: 1_000 + i };
      await nodes.bitcoin({ host: hostOf(i), port }, tells(i, 200, port), said);
    }
    const { clock } = nodes;
    const rules = bitcoinAddressRules({ allowPrivate: true });
    const parts = { network: regtest, clock, random: new SeededRandom(1), dialer: nodes.dialer(), userAgent: "/c/" };
    const visit = bitcoinVisitor(parts);
    const locate = (address: PeerAddress) => rules.locate(address);
    const crawling = crawl(
      [{ host: hostOf(0), port }],
      LIMITS,
      { visit, locate, clock, random: parts.random },
      signal(),
    );
    const result = await clock.until(crawling, 3_600_000);
    const report = reportOf(result, { chain: "bitcoin", network: "regtest", defaultPort: port });
    assert.deepEqual([report.reachable, report.visited, report.end], [200, 400, "exhausted"]);
    assert.deepEqual(report.totals.user_agents, [{ name: "/new:2/", nodes: 150 }, { name: "/old:1/", nodes: 50 }]);
    assert.deepEqual(report.totals.height, { min: 1_000, median: 1_099, max: 1_199 });
    assert.deepEqual(report.totals.errors, [{ name: "timeout", nodes: 200 }]);
    assert.equal(report.totals.services.find(({ name }) => name === "NETWORK_LIMITED")?.nodes, 100);
    assert.ok(result.nodes.every(({ reachable, visitMs }) => !reachable || visitMs < 3_000), "nobody is kept waiting");
    // One way takes 40 ms and the sending of some bytes.
    const { p10, p99 } = report.totals.latency_ms!;
    assert.ok(p10 >= 80 && p99 < 130, `${p10} … ${p99}`);
    assert.equal(nodes.visits.length, 200, "one connection a node");
    assert.ok(nodes.openMost <= LIMITS.concurrency);
    // What was hung up is heard of at the other end a moment later.
    await clock.advance(1_000);
    assert.ok([...nodes.open.values()].every((count) => count === 0), "no connection is left");
  });

  test("waits for no addresses once a Bitcoin node has had the time to tell them", async () => {
    const nodes = new SimNodes();
    const at = { host: hostOf(0), port: regtest.defaultPort };
    await nodes.bitcoin(at, []);
    const { clock } = nodes;
    const parts = { network: regtest, clock, random: new SeededRandom(1), dialer: nodes.dialer(), userAgent: "/c/" };
    const began = clock.monotonic();
    const { told, height } = await clock.until(bitcoinVisitor(parts)(at, signal()));
    assert.deepEqual([told, height], [[], 100]);
    assert.ok(clock.monotonic() - began < 3_000, `${clock.monotonic() - began} ms`);
    await clock.advance(1_000);
    assert.equal(clock.pending, 0, "no timer is left");
  });

  test("of Chia nodes finds them all, with their peaks where they tell them", async () => {
    const nodes = new SimNodes(11);
    const port = SIMULATOR.defaultPort;
    for (let i = 0; i < 30; i++) {
      await nodes.chia({ host: hostOf(i), port }, tells(i, 30, port).slice(0, 3), i % 3 === 0 ? undefined : 500 + i);
    }
    const { clock } = nodes;
    const rules = chiaAddressRules({ allowPrivate: true });
    const random = new SeededRandom(1);
    const identity = identityOf("crawler");
    const visit = chiaVisitor({
      network: SIMULATOR,
      clock,
      random,
      dialer: nodes.dialer(),
      identity,
      softwareVersion: "c",
    });
    const locate = (address: PeerAddress) => rules.locate(address);
    const crawling = crawl([{ host: hostOf(0), port }], LIMITS, { visit, locate, clock, random }, signal());
    const result = await clock.until(crawling, 3_600_000);
    assert.equal(result.nodes.length, 30);
    for (const { said, host, reachable, visitMs } of result.nodes) {
      assert.ok(reachable && visitMs < 5_000, `${host} in ${visitMs} ms`);
      const i = Number(host.split(".")[0]) - 20;
      assert.equal(said?.height, i % 3 === 0 ? undefined : 500 + i);
      assert.deepEqual([said?.userAgent, said?.serviceNames[0], said?.services], ["2.7.5", "FULL_NODE", 0b101110n]);
    }
    await clock.advance(10_000);
    assert.ok([...nodes.open.values()].every((count) => count === 0), "no connection is left");
    assert.equal(clock.pending, 0, "no timer is left");
  });
});

describe("Introducer", () => {
  const host = "50.1.1.1";
  const port = 8_445;

  async function introducer(vetted: readonly PeerAddress[]) {
    const nodes = new SimNodes(3);
    const { clock } = nodes;
    const presence = nodes.net.arrive(host);
    const parts = { network: SIMULATOR, clock, random: new SeededRandom(5), softwareVersion: "i" };
    const identity = identityOf(host);
    const dialer = nodes.net.dialer(presence);
    const server = new Introducer({ ...parts, dialer, identity, serverPort: port, vetted: () => vetted });
    await nodes.net.listen(presence, {
      host,
      port,
      tls: { identity, authorities: [] },
      onConnection: (duplex) => server.accept(duplex),
    });
    const asker = { ...parts, dialer: nodes.dialer("60.1.1.1"), identity: identityOf("60.1.1.1") };
    return { nodes, clock, server, asker };
  }
  const peers = Array.from({ length: 50 }, (_, i) => ({ host: `70.${i}.1.1`, port: 8_444 }));

  test("tells at most 20 vetted peers, others each time, and keeps nobody", async () => {
    const { clock, server, asker } = await introducer(peers);
    const first = await clock.until(askIntroducer({ host, port }, asker, signal()));
    const second = await clock.until(askIntroducer({ host, port }, asker, signal()));
    for (const told of [first, second]) {
      assert.equal(new Set(told.map((each) => each.host)).size, INTRODUCED_MAX);
      assert.ok(told.every((each) => peers.some((peer) => peer.host === each.host && peer.port === each.port)));
    }
    assert.notDeepEqual(first, second);
    await clock.advance(15_000);
    assert.equal(server.connections, 0);
    assert.equal(clock.pending, 0);
  });

  test("does not tell the asker of itself", async () => {
    // The client says that it does not listen: port 0.
    const { clock, asker } = await introducer([{ host: "60.1.1.1", port: 0 }, ...peers.slice(0, 3)]);
    const told = await clock.until(askIntroducer({ host, port }, asker, signal()));
    assert.deepEqual(told.map((each) => each.host).sort(), ["70.0.1.1", "70.1.1.1", "70.2.1.1"]);
  });

  test("askIntroducer() refuses a peer that is none, and leaves", async () => {
    const { nodes, clock, asker } = await introducer([]);
    await nodes.chia({ host: "71.1.1.1", port: 8_444 }, []);
    const asking = askIntroducer({ host: "71.1.1.1", port: 8_444 }, asker, signal());
    await assert.rejects(clock.until(asking), { code: "not_an_introducer" });
  });

  test("close() ends who is still there", async () => {
    const { nodes, clock, server, asker } = await introducer(peers);
    const duplex = await clock.until(
      asker.dialer.dial({ host, port }, { tls: { identity: asker.identity, authorities: [] } }),
    );
    await clock.advance(100);
    assert.equal(server.connections, 1);
    await clock.until(server.close(), 15_000);
    assert.equal(server.connections, 0);
    duplex.destroy();
    assert.ok(nodes);
  });
});
