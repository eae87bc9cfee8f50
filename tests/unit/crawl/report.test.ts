/** What a crawl is written as: JSON that is read again, CSV that spreadsheets may open, a page that runs nothing. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { NodeError } from "../../../lib/core/errors.ts";
import type { CrawledNode, CrawlResult } from "../../../lib/crawl/crawler.ts";
import { toHtml } from "../../../lib/crawl/page.ts";
import { parseReport, reportOf, toCsv } from "../../../lib/crawl/report.ts";
import { seedNodes } from "../../../lib/crawl/seed-policy.ts";

const SUBJECT = { chain: "bitcoin", network: "mainnet", defaultPort: 8333 };
const T0 = 1_750_000_000_000;

function node(host: string, more: Partial<CrawledNode> & { agent?: string; height?: number; services?: bigint } = {}) {
  const { agent = "/Satoshi:29.0.0/", height = 900_000, services = 9n, ...rest } = more;
  const said = { services, serviceNames: ["NETWORK"], protocolVersion: "70016", userAgent: agent, height };
  const seen = { firstSeen: T0, lastSeen: T0 + 500, toldBy: "seed" };
  const base = { host, port: 8333, network: "ipv4", latencyMs: 12.34, visitMs: 99, told: 3 };
  return { ...base, ...seen, reachable: true, said, ...rest } as CrawledNode;
}

const failed = (host: string): CrawledNode => {
  const { said: _said, ...rest } = node(host, { reachable: false, latencyMs: undefined, lastSeen: undefined });
  return { ...rest, error: { code: "timeout", message: "no visit within 20000 ms" } };
};

function result(nodes: readonly CrawledNode[]): CrawlResult {
  return { startedAt: T0, endedAt: T0 + 60_000, ended: "exhausted", nodes, known: 9, undialable: 1, dropped: 0 };
}

describe("a crawl as a document", () => {
  test("is read again as it was written", () => {
    const report = reportOf(result([node("1.2.3.4"), failed("5.6.7.8")]), SUBJECT);
    assert.deepEqual(parseReport(JSON.stringify(report)), JSON.parse(JSON.stringify(report)));
    assert.deepEqual([report.visited, report.reachable, report.nodes[0]?.services], [2, 1, "0x9"]);
    assert.deepEqual(report.totals.errors, [{ name: "timeout", nodes: 1 }]);
  });

  test("keeps the times of an earlier crawl, and when a node that is gone was last reached", () => {
    const before = reportOf(result([node("1.2.3.4"), node("5.6.7.8")]), SUBJECT);
    const later = [node("1.2.3.4", { firstSeen: T0 + 9e6, lastSeen: T0 + 9e6 }), failed("5.6.7.8")];
    const after = reportOf(result(later), SUBJECT, before);
    assert.deepEqual(after.nodes.map(({ first_seen }) => first_seen), before.nodes.map(({ first_seen }) => first_seen));
    assert.equal(after.nodes[0]?.last_seen, new Date(T0 + 9e6).toISOString());
    assert.equal(after.nodes[1]?.last_seen, before.nodes[1]?.last_seen);
    const other = reportOf(result(later), { ...SUBJECT, network: "signet" }, before);
    assert.equal(other.nodes[0]?.first_seen, new Date(T0 + 9e6).toISOString());
  });

  test("refuses what is no crawl, and says why", () => {
    const good = JSON.parse(JSON.stringify(reportOf(result([node("1.2.3.4")]), SUBJECT)));
    for (
      const [bad, why] of [
        ["{", /not JSON/],
        ["[]", /no crawl/],
        ["null", /no crawl/],
        [JSON.stringify({ ...good, version: 2 }), /version is 2/],
        [JSON.stringify({ ...good, default_port: "x" }), /which network/],
        [JSON.stringify({ ...good, nodes: {} }), /no list/],
        [JSON.stringify({ ...good, nodes: [{ ...good.nodes[0], services: "9" }] }), /node 0/],
        [JSON.stringify({ ...good, nodes: [good.nodes[0], null] }), /node 1/],
        [JSON.stringify({ ...good, nodes: [{ ...good.nodes[0], port: 70_000 }] }), /node 0/],
      ] as const
    ) {
      assert.throws(() => parseReport(bad), (error: NodeError) => {
        assert.equal(error.code, "CRAWL_FILE_INVALID");
        assert.match(error.message, why);
        return true;
      });
    }
  });
});

const HOSTILE = '=HYPERLINK("http://x"),"<script>alert(1)</script>\u0022\'&';

describe("toCsv()", () => {
  test("quotes what needs it, and makes no peer's text a formula", () => {
    const [header, first, second] = toCsv(
      reportOf(result([node("1.2.3.4", { agent: HOSTILE }), failed("::1")]), SUBJECT),
    )
      .split("\r\n");
    assert.equal(header?.split(",").length, 16);
    assert.ok(first?.includes(`,"'=HYPERLINK(""http://x""),""<script>`), first ?? "no line");
    assert.match(second ?? "", /^::1,8333,ipv4,false,,,,,,,99,3,seed,.*,,timeout: no visit within 20000 ms$/);
  });
});

describe("toHtml()", () => {
  test("is one page with plots that loads nothing and runs nothing a peer said", () => {
    const nodes = Array.from({ length: 40 }, (_, i) => node(`1.2.3.${i}`, { agent: `/${HOSTILE}${i}/`, height: i }));
    const page = toHtml(reportOf(result([...nodes, failed("9.9.9.9")]), SUBJECT));
    assert.ok(!/<script|javascript:|<img|<link|url\(|@import/i.test(page));
    assert.ok(!/\b(?:src|href)=/i.test(page), "nothing is loaded");
    assert.ok(!/https?:\/\//.test(page.replaceAll("http://x", "")));
    assert.equal(page.match(/<svg /g)?.length, 6);
    assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert.ok(page.includes("default-src 'none'"));
    assert.ok(page.includes("others"), "rare ones are one bar");
  });

  test("of nobody is a page too", () => {
    assert.match(toHtml(reportOf(result([]), SUBJECT)), /no data/);
  });
});

describe("seedNodes()", () => {
  const policy = { port: 8333, services: 1n, lagMax: 144 };
  const hosts = (nodes: readonly CrawledNode[], more = {}) =>
    seedNodes(reportOf(result(nodes), SUBJECT), { ...policy, ...more }).map(({ host }) => host);

  test("takes who is reachable, up to date, on the port, and has the bits", () => {
    const nodes = [
      node("1.1.1.1"),
      node("1.1.1.2", { height: 900_000 - 144 }),
      node("1.1.1.3", { height: 900_000 - 145 }),
      node("1.1.1.4", { port: 8334 }),
      node("1.1.1.5", { services: 8n }),
      node("2a01::5", { network: "ipv6" }),
      failed("1.1.1.7"),
      node("1.1.1.8"),
    ];
    assert.deepEqual(hosts(nodes), ["1.1.1.1", "1.1.1.2", "2a01::5", "1.1.1.8"]);
    assert.deepEqual(hosts(nodes, { port: 8334 }), ["1.1.1.4"]);
    assert.deepEqual(hosts(nodes, { serviceName: "FULL_NODE" }), []);
  });
});
