/** The compiled program's crawler and DNS seeder beside btcd, chia-blockchain, and other people's resolvers. */
import { after, before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { decode, encode, type RecordType } from "dns-packet";
import { clock, dialer, listen, random } from "#platform";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { BitcoinProtocol } from "../../lib/bitcoin/peers/protocol.ts";
import { parseHost, toIp16 } from "../../lib/bitcoin/types/mod.ts";
import { Addr, GetAddr } from "../../lib/bitcoin/wire/mod.ts";
import type { CrawlReport } from "../../mod.ts";
import { binaryMissing, Gemel, Launched, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { chiaPython } from "../support/chia-python.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

const TIMEOUT_MS = 180_000;

const readReport = (path: string) => JSON.parse(readFileSync(path, "utf8")) as CrawlReport;

async function gemel(args: readonly string[], timeoutMs = 60_000) {
  const launched = new Launched(args);
  const exit = await launched.end(timeoutMs);
  return { exit, out: launched.stdout, err: launched.stderr };
}

suite("gemel crawl beside btcd", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-crawl-");
  const nodes: Btcd[] = [];
  const out = (name: string) => join(folder.path, name);
  const seeds = () => nodes.flatMap(({ port }) => ["--seed", `127.0.0.1:${port}`]);
  const crawl = (name: string, ...more: readonly string[]) =>
    gemel(["crawl", "--chain", "bitcoin", "--network", "regtest", "--out", out(name), ...more]);

  before(async () => {
    // A line of three: each but the first dials the one before it.
    nodes.push(await Btcd.start({ blocks: 7 }));
    for (let i = 1; i < 3; i++) nodes.push(await Btcd.start({ extra: [`--connect=127.0.0.1:${nodes[i - 1]!.port}`] }));
    const { best } = await nodes[0]!.tip();
    await until("one chain", 60_000, async () => (await nodes[2]!.tip()).best === best ? true : undefined);
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    for (const node of nodes) await node.stop();
    folder.remove();
  });

  test("finds three nodes, with what they say of themselves, and holds no connection afterwards", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { exit, out: text, err } = await crawl("nodes.json", ...seeds());
    assert.equal(exit, 0, err);
    const report = readReport(out("nodes.json"));
    assert.deepEqual([report.visited, report.reachable, report.end], [3, 3, "exhausted"]);
    assert.deepEqual(report.nodes.map(({ port }) => port).sort(), nodes.map(({ port }) => port).sort());
    for (const node of report.nodes) {
      assert.equal(node.height, 7);
      assert.match(node.user_agent ?? "", /btcd:/);
      assert.ok(node.service_names.includes("NETWORK") && node.service_names.includes("WITNESS"));
      assert.ok(node.latency_ms !== null && node.latency_ms < 1_000, `${node.latency_ms} ms`);
      assert.equal(node.protocol_version, "70016");
    }
    assert.match(text, /btcd.* 3 +100\.0%/);
    for (const node of nodes) {
      const gone = async () => {
        const peers = await node.rpc("getpeerinfo") as { subver: string }[];
        return peers.every(({ subver }) => !subver.includes("gemel")) ? true : undefined;
      };
      await until("the crawler to be gone", 5_000, gone);
    }
  });

  test(
    "again: first seen stays; as CSV, as a page, and as JSON on standard output",
    { timeout: TIMEOUT_MS },
    async () => {
      const first = readReport(out("nodes.json"));
      const again = await crawl("nodes.json", ...seeds(), "--json");
      assert.equal(again.exit, 0, again.err);
      const summary = JSON.parse(again.out) as Partial<CrawlReport>;
      assert.deepEqual([summary.reachable, summary.nodes, summary.totals?.errors], [3, undefined, []]);
      const seen = (report: CrawlReport) => report.nodes.map(({ port, first_seen }) => `${port} ${first_seen}`).sort();
      assert.deepEqual(seen(readReport(out("nodes.json"))), seen(first));
      assert.ok(readReport(out("nodes.json")).started > first.ended);
      assert.equal((await crawl("nodes.csv", ...seeds().slice(0, 2))).exit, 0);
      assert.match(readFileSync(out("nodes.csv"), "utf8"), /^host,port.*\r\n127\.0\.0\.1,\d+,ipv4,true,0x/);
      assert.equal((await crawl("page", ...seeds().slice(0, 2), "--format", "html")).exit, 0);
      assert.match(readFileSync(out("page"), "utf8"), /^<!doctype html>[\s\S]*<svg[\s\S]*btcd/);
    },
  );

  /** Tells a node of addresses, as a peer that dialled it. */
  async function tell(port: number, addresses: readonly { host: string; port: number }[]): Promise<void> {
    const own = () => ({ services: 9n, userAgent: "/teller/", startHeight: 0, relay: false });
    const protocol = new BitcoinProtocol({ network: regtest, clock, random, dialer, own, v2: false, inboundMax: 0 });
    const context = { kind: "feeler", banned: false, enforce: true, holds: () => {} } as const;
    const { signal } = new AbortController();
    const session = await protocol.dial({ host: "127.0.0.1", port }, { ...context, signal });
    const running = session.run(() => {});
    const time = Math.floor(Date.now() / 1000) - 600;
    await session.send(Addr, {
      addresses: addresses.map((each) => ({ time, services: 9n, ip: toIp16(parseHost(each.host)!)!, port: each.port })),
    });
    await until("its pong", 10_000, () => Promise.resolve(session.pingMs));
    session.close();
    await running;
  }

  /** A peer on loopback that answers `getaddr`. */
  async function answering(addresses: readonly { host: string; port: number }[]) {
    const own = () => ({ services: 9n, userAgent: "/teller/", startHeight: 0, relay: false });
    const protocol = new BitcoinProtocol({ network: regtest, clock, random, dialer, own, v2: false, inboundMax: 9 });
    const stop = new AbortController();
    const answered = Promise.withResolvers<void>();
    const time = Math.floor(Date.now() / 1000) - 600;
    const body = {
      addresses: addresses.map((each) => ({ time, services: 9n, ip: toIp16(parseHost(each.host)!)!, port: each.port })),
    };
    const listener = await listen({
      host: "127.0.0.1",
      port: 0,
      onConnection: (duplex) => {
        const context = {
          kind: "inbound",
          banned: false,
          enforce: true,
          holds: () => {},
          signal: stop.signal,
        } as const;
        void protocol.accept(duplex, context).then((session) =>
          session.run(async ({ message }) => {
            if (message !== GetAddr) return;
            await session.send(Addr, body);
            setTimeout(() => answered.resolve(), 500);
          }), () => {});
      },
    });
    const close = async () => {
      stop.abort();
      await listener.close();
    };
    return { port: listener.address.port, hasAnswered: answered.promise, close };
  }

  test("hears what btcd tells of addresses that it heard of", { timeout: TIMEOUT_MS }, async () => {
    // A node of its own: what it is told of lies outside of this machine, and no other crawl is to hear of it.
    const other = await Btcd.start();
    try {
      await tell(other.port, Array.from({ length: 30 }, (_, i) => ({ host: `51.${i}.7.8`, port: 18_444 })));
      const { exit, err } = await crawl("told.json", "--seed", `127.0.0.1:${other.port}`, "--limit", "1");
      assert.equal(exit, 0, err);
      const report = readReport(out("told.json"));
      assert.deepEqual([report.visited, report.end], [1, "limit"]);
      // btcd tells 23% of what it knows.
      assert.equal(report.nodes[0]!.told, 6);
      assert.equal(report.known, 7);
    } finally {
      await other.stop();
    }
  });

  test("walks on from a gemel to those it tells of", { timeout: TIMEOUT_MS }, async () => {
    const ports = nodes.map((each) => each.port);
    const dead = Array.from({ length: 40 }, (_, i) => 2_000 + i);
    const teller = await answering([...ports, ...dead].map((each) => ({ host: "127.0.0.1", port: each })));
    const port = await freePort();
    const node = await Gemel.start({
      dir: out("node"),
      chain: REGTEST,
      connect: [teller.port],
      args: ["--listen", `127.0.0.1:${port}`],
    });
    try {
      await teller.hasAnswered;
      // Else it would be walked to as well, and tell of everybody.
      await teller.close();
      const { exit, err } = await crawl("walk.json", "--seed", `127.0.0.1:${port}`, "--per-second", "50");
      assert.equal(exit, 0, err);
      const report = readReport(out("walk.json"));
      const gemel = report.nodes.find((each) => each.port === port);
      // A node tells at most 23% of what it knows.
      assert.ok(gemel?.reachable && gemel.told >= 5, JSON.stringify(gemel));
      assert.equal(report.visited, gemel.told + 1);
      for (const each of report.nodes.filter((one) => one !== gemel)) {
        assert.equal(each.told_by, `127.0.0.1:${port}`);
        assert.equal(each.reachable, ports.includes(each.port));
      }
    } finally {
      await node.stop();
      await teller.close();
    }
  });

  test("interrupted, it writes what there is and ends with 130; what was there before is whole until then", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const silent: Server = createServer(() => {});
    const port = await new Promise<number>((resolve) =>
      silent.listen(0, "127.0.0.1", () => resolve((silent.address() as { port: number }).port))
    );
    writeFileSync(out("cut.json"), "something else\n");
    const launched = new Launched([
      ...["crawl", "--chain", "bitcoin", "--network", "regtest", "--out", out("cut.json")],
      ...[...seeds().slice(0, 2), "--seed", `127.0.0.1:${port}`, "--timeout", "120s"],
    ]);
    // One visit at a time within a group: both the node and the silent one have begun after some seconds.
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    assert.equal(readFileSync(out("cut.json"), "utf8"), "something else\n");
    assert.equal(await launched.kill("SIGINT"), 130, launched.stderr);
    silent.close();
    const report = readReport(out("cut.json"));
    assert.equal(report.end, "stopped");
    assert.ok(report.nodes.length <= 1, "a visit that was broken off is no finding");
  });

  test("nobody there: exit code 69, and the file says why", { timeout: TIMEOUT_MS }, async () => {
    const { exit } = await crawl("none.json", "--seed", `127.0.0.1:${await freePort()}`);
    assert.equal(exit, 69);
    assert.equal(readReport(out("none.json")).nodes[0]?.error?.code, "connection_refused");
  });
});

suite("gemel crawl beside chia-blockchain", binaryMissing() ?? simulatorMissing(), () => {
  const folder = temporaryFolder("gemel-crawl-chia-");
  let simulator: Simulator;
  before(async () => void (simulator = await Simulator.start({ blocks: 3 })), { timeout: TIMEOUT_MS });
  after(async () => {
    await simulator?.stop();
    folder.remove();
  });

  test("finds it, with its version, capabilities and peak, and a gemel that follows it", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const out = join(folder.path, "nodes.json");
    const port = await freePort();
    const node = await Gemel.start({
      dir: join(folder.path, "node"),
      connect: [simulator.port],
      args: ["--constants", simulator.constants, "--listen", `127.0.0.1:${port}`],
    });
    try {
      const seeds = [simulator.port, port].flatMap((each) => ["--seed", `127.0.0.1:${each}`]);
      const args = ["crawl", "--chain", "chia", "--network", "simulator0", "--out", out, ...seeds];
      const { exit, err } = await gemel(args);
      assert.equal(exit, 0, err);
      const report = readReport(out);
      assert.equal(report.reachable, 2);
      const theirs = report.nodes.find((each) => each.port === simulator.port);
      assert.deepEqual([theirs?.user_agent, theirs?.protocol_version], ["2.7.5", "0.0.36"]);
      assert.equal(theirs?.height, (await simulator.peak()).height);
      assert.ok(theirs?.service_names.includes("FULL_NODE") && theirs.service_names.includes("RATE_LIMITS_V2"));
      assert.match(report.nodes.find((each) => each.port === port)?.user_agent ?? "", /gemel/);
    } finally {
      await node.stop();
    }
  });

  test("of another network is refused, and the file says so", { timeout: TIMEOUT_MS }, async () => {
    const out = join(folder.path, "wrong.json");
    const args = ["crawl", "--chain", "chia", "--network", "testnet11", "--out", out];
    const { exit } = await gemel([...args, "--seed", `127.0.0.1:${simulator.port}`]);
    assert.equal(exit, 69);
    assert.equal(readReport(out).nodes[0]?.reachable, false);
  });
});

/** Nodes as a crawl of mainnet would find them. */
function mainnetReport(count: number, second = 0): CrawlReport {
  const nodes = Array.from({ length: count }, (_, i) => ({
    host: i % 2 === 0 ? `20.${i}.${second}.1` : `2a01:${i.toString(16)}::${second + 1}`,
    port: 8333,
    network: i % 2 === 0 ? "ipv4" : "ipv6",
    reachable: true,
    services: i < count / 2 ? "0x9" : "0xc49",
    service_names: [],
    protocol_version: "70016",
    user_agent: "/x/",
    height: 900_000,
    latency_ms: 1,
    visit_ms: 1,
    told: 0,
    told_by: "seed",
    first_seen: "2026-01-01T00:00:00.000Z",
    last_seen: "2026-01-01T00:00:00.000Z",
    error: null,
  }));
  const about = { chain: "bitcoin", network: "mainnet", default_port: 8333 };
  return {
    format: "gemel-crawl",
    version: 1,
    ...about,
    ended: "2026-01-01T00:00:00.000Z",
    nodes,
  } as unknown as CrawlReport;
}

suite("gemel dns", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-dns-");
  const file = join(folder.path, "nodes.json");
  let server: Launched;
  let at: { host: string; port: number };

  before(async () => {
    writeFileSync(file, JSON.stringify(mainnetReport(100)));
    server = new Launched([
      ...["dns", "serve", "--listen", "127.0.0.1:0", "--zone", "seed.example", "--ns", "ns.example.org", "--json"],
      ...["--from", file, "--per-second", "500"],
    ]);
    const line = await until("the first line", 10_000, () => {
      const end = server.stdout.indexOf("\n");
      return Promise.resolve(end < 0 ? undefined : server.stdout.slice(0, end));
    });
    const { listen, nodes } = JSON.parse(line) as { listen: string; nodes: number };
    assert.equal(nodes, 100);
    at = { host: "127.0.0.1", port: Number(listen.split(":")[1]) };
  });
  after(async () => {
    await server.kill("SIGKILL");
    folder.remove();
  });

  /** One datagram and the answer to it, if one comes. */
  function exchange(bytes: Uint8Array, waitMs = 2_000): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const socket = createSocket("udp4");
      const end = (answer: Uint8Array | undefined) => {
        clearTimeout(timer);
        socket.close();
        resolve(answer);
      };
      const timer = setTimeout(() => end(undefined), waitMs);
      socket.on("message", (answer) => end(answer));
      socket.send(bytes, at.port, at.host);
    });
  }
  async function ask(name: string, type: RecordType = "A") {
    const answer = await exchange(encode({ type: "query", id: 5, questions: [{ type, name }] }));
    assert.ok(answer !== undefined, "an answer");
    assert.ok(answer.length <= 512);
    return decode(Buffer.from(answer));
  }
  const hosts = async (name: string, type: RecordType = "A") =>
    ((await ask(name, type)).answers ?? []).map((each) => "data" in each ? String(each.data) : "");

  test("answers a resolver's questions: families, filters, zones", async () => {
    const [one, other] = [await hosts("seed.example"), await hosts("seed.example")];
    assert.ok(one.length >= 20 && one.every((host) => host.startsWith("20.")));
    assert.notDeepEqual(one, other);
    assert.ok((await hosts("x1.seed.example", "AAAA")).every((host) => host.startsWith("2a01:")));
    assert.ok((await hosts("x849.seed.example")).every((host) => Number(host.split(".")[1]) >= 50));
    assert.deepEqual(await hosts("seed.example", "NS"), ["ns.example.org"]);
    assert.deepEqual([(await ask("no.seed.example")).flags! & 15, (await ask("example.org")).flags! & 15], [3, 5]);
    assert.equal(await exchange(Uint8Array.of(1, 2, 3), 300), undefined);
  });

  test("dnspython, a DNS library of others, understands its answers", async (t) => {
    const script = `
import sys, dns.message, dns.query, dns.rdatatype as T
def ask(name, kind, **more):
    query = dns.message.make_query(name, kind, **more)
    reply = dns.query.udp(query, "127.0.0.1", port=int(sys.argv[1]), timeout=3)
    assert query.is_response(reply)
    return reply
reply = ask("x9.seed.example", T.A)
assert reply.rcode() == 0 and len(reply.answer[0]) >= 20, reply
assert all(str(rdata).startswith("20.") for rdata in reply.answer[0])
assert len(ask("x9.seed.example", T.AAAA, use_edns=0, payload=4096).answer[0]) >= 20
assert ask("seed.example", T.SOA).answer[0][0].mname.to_text() == "ns.example.org."
assert ask("seed.example", T.HTTPS).rcode() == 0
assert ask("nobody.seed.example", T.A).rcode() == 3
assert ask("example.com", T.A).rcode() == 5
print("understood")
`;
    const candidates = [chiaPython() ?? "python3", "python3"];
    const python = candidates.find((each) => spawnSync(each, ["-c", "import dns.query"]).status === 0);
    if (python === undefined) {
      process.stdout.write("skipped: there is no dnspython\n");
      return t.skip("there is no dnspython");
    }
    const { stdout, stderr } = spawnSync(python, ["-c", script, `${at.port}`], { encoding: "utf8" });
    assert.equal(stdout.trim(), "understood", stderr);
  });

  test("gemel dns query shows what it returned, and says what is denied", async () => {
    const query = (name: string, ...more: string[]) =>
      gemel(["dns", "query", name, "--server", `127.0.0.1:${at.port}`, ...more]);
    const shown = await query("x9.seed.example");
    assert.equal(shown.exit, 0, shown.err);
    assert.match(shown.out, /^TYPE +ADDRESS +TTL\nA +20\.\d+\.0\.1 +60\n[\s\S]*AAAA +2a01:/);
    const denied = await query("example.org", "--json");
    assert.equal(denied.exit, 1);
    const { answers } = JSON.parse(denied.out) as { answers: { rcode: string }[] };
    assert.deepEqual(answers.map(({ rcode }) => rcode), ["REFUSED", "REFUSED"]);
  });

  test("reads the file again when it changes; one that is damaged changes nothing", async () => {
    const replace = (text: string) => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    replace(JSON.stringify(mainnetReport(60, 7)));
    const fresh = async () => (await hosts("seed.example")).every((host) => host.endsWith(".7.1")) ? true : undefined;
    await until("the new nodes", 10_000, fresh);
    replace("{");
    await until("the complaint", 10_000, () => Promise.resolve(server.stderr.includes("served on") ? true : undefined));
    assert.ok(await fresh());
  });

  test("ends in order", async () => {
    assert.equal(await server.kill("SIGTERM"), 143);
    const last = JSON.parse(server.stdout.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
    assert.ok(last.event === "stopped" && Number(last.answered) > 10 && Number(last.malformed) >= 1);
  });
});

describe("what is not there", () => {
  test("gemel dns serve names the port that is in use", { skip: binaryMissing() }, async () => {
    const folder = temporaryFolder("gemel-dns-port-");
    const held = createSocket("udp4");
    const port = await new Promise<number>((resolve) => held.bind(0, "127.0.0.1", () => resolve(held.address().port)));
    const file = join(folder.path, "nodes.json");
    writeFileSync(file, JSON.stringify(mainnetReport(3)));
    const { exit, err } = await gemel([
      "dns",
      "serve",
      "--listen",
      `127.0.0.1:${port}`,
      "--zone",
      "a.b",
      "--from",
      file,
    ]);
    held.close();
    folder.remove();
    assert.equal(exit, 75);
    assert.match(err, new RegExp(`${port} is in use`));
  });
});
