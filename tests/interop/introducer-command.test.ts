/** `gemel introducer`: newcomers learn of the nodes of a crawl, and a node asks one that it is told of. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { binaryMissing, Gemel, Launched, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";

/** Nodes as a crawl of the simulator's network would find them. All on loopback, where nobody listens. */
function report(ports: readonly number[], more: Record<string, unknown> = {}): string {
  // An address book knows a host by one port only.
  const nodes = ports.map((port, i) => ({
    ...{
      host: `127.0.0.${7 + i}`,
      port,
      network: "ipv4",
      reachable: true,
      services: "0x2",
      service_names: ["FULL_NODE"],
    },
    ...{ protocol_version: "0.0.37", user_agent: "2.7.5", height: 100, latency_ms: 1, visit_ms: 1, told: 0 },
    ...{ told_by: "seed", first_seen: "2026-01-01T00:00:00.000Z", last_seen: "2026-01-01T00:00:00.000Z", error: null },
  }));
  const about = { chain: "chia", network: "simulator0", default_port: 38444, ...more };
  return JSON.stringify({ format: "gemel-crawl", version: 1, ...about, ended: "2026-01-01T00:00:00.000Z", nodes });
}

suite("gemel introducer", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-introducer-");
  const file = join(folder.path, "nodes.json");
  const running: Launched[] = [];
  let at = "";

  before(async () => {
    writeFileSync(file, report([40_001, 40_002, 40_003]));
    const server = new Launched([
      ...["introducer", "--listen", "127.0.0.1:0", "--from", file, "--json"],
      ...["--data-dir", join(folder.path, "introducer")],
    ]);
    running.push(server);
    const line = await until("the first line", 10_000, () => {
      const end = server.stdout.indexOf("\n");
      return Promise.resolve(end < 0 ? undefined : server.stdout.slice(0, end));
    });
    const ready = JSON.parse(line) as { listen: string; nodes: number; network: string };
    assert.deepEqual([ready.nodes, ready.network], [3, "simulator0"]);
    at = ready.listen;
  });
  after(async () => {
    for (const each of running) await each.kill("SIGKILL");
    folder.remove();
  });

  test("a node that knows nobody asks the introducer of --introducer, and has its addresses", {
    timeout: 60_000,
  }, async () => {
    const node = await Gemel.start({
      dir: join(folder.path, "node"),
      args: ["--introducer", at],
    });
    try {
      await until("the addresses", 20_000, async () => {
        const { books } = await node.get("v1/addresses") as unknown as { books: { addresses: { port: number }[] }[] };
        const ports = books[0]?.addresses.map(({ port }) => port) ?? [];
        assert.deepEqual(ports.filter((port) => ![40_001, 40_002, 40_003].includes(port)), []);
        // All of loopback is one group and has one bucket of 64 places: with this node's own key two of the three may fall
        // on one place, and the second is then not kept.
        return ports.length >= 2 ? true : undefined;
      });
    } finally {
      await node.stop();
    }
  });

  test("a file of another chain, or none, is told at once", async () => {
    const other = join(folder.path, "other.json");
    writeFileSync(other, report([1], { chain: "bitcoin", network: "regtest" }));
    for (
      const [from, says] of [[other, /introducers are Chia's/], [join(folder.path, "none.json"), /cannot be read/]]
    ) {
      const refused = new Launched(["introducer", "--listen", "127.0.0.1:0", "--from", String(from)]);
      running.push(refused);
      assert.equal(await refused.end(10_000), 2);
      assert.match(refused.stderr, says as RegExp);
    }
  });
});
