/**
 * `gemel crawl` walks from one address to a whole network of gemel and btcd nodes, which have addresses of thirty groups in
 * a network namespace that has nothing but its loopback. The story is in `crawl-namespace-story.ts`.
 */
import { before, test } from "node:test";
import assert from "node:assert/strict";
import { namespaceMissing, story } from "../support/namespace.ts";
import { binaryMissing, suite } from "./binary.ts";
import { btcdMissing } from "./btcd.ts";
import type { CrawlFound } from "./crawl-namespace-story.ts";

const TIMEOUT_MS = 200_000;
/** Elements without an end. */
const VOID = new Set(["meta", "rect", "line", "br", "path"]);

/** The elements of a page in their order; throws where they are not nested, or an attribute is not quoted. */
function elementsOf(page: string): { readonly name: string; readonly attributes: ReadonlyMap<string, string> }[] {
  const found: { name: string; attributes: ReadonlyMap<string, string> }[] = [];
  const open: string[] = [];
  const body = page.replace(/^<!doctype html>/, "").replace(/<style>[^<]*<\/style>/, "");
  for (const [tag, end, name = "", rest = ""] of body.matchAll(/<(\/?)([a-z0-9]+)([^<>]*)>/gi)) {
    if (end === "/") {
      assert.equal(open.pop(), name, tag);
      continue;
    }
    const attributes = new Map<string, string>();
    const left = rest.replace(/\/$/, "").replaceAll(/\s([a-z:-]+)="([^"]*)"/gi, (_, key: string, value: string) => {
      attributes.set(key, value);
      return "";
    });
    assert.equal(left.trim(), "", tag);
    found.push({ name, attributes });
    if (!VOID.has(name) && !rest.endsWith("/")) open.push(name);
  }
  assert.deepEqual(open, []);
  // Every other angle bracket is escaped.
  assert.doesNotMatch(body.replaceAll(/<\/?[a-z0-9]+[^<>]*>/gi, ""), /[<>]/);
  return found;
}

suite("gemel crawl of a network", binaryMissing() ?? namespaceMissing() ?? btcdMissing(), () => {
  let found: CrawlFound;
  before(async () => {
    found = await story<CrawlFound>("interop/crawl-namespace-story.ts", [], TIMEOUT_MS);
  }, { timeout: TIMEOUT_MS + 10_000 });

  test("from one address it comes to every node, and says what each is", () => {
    const { report, nodes } = found;
    assert.deepEqual(found.exits, [0, 0, 0], found.text);
    assert.equal(report.end, "exhausted");
    assert.equal(report.visited, report.known);
    const reached = report.nodes.filter(({ reachable }) => reachable);
    for (const [i, hosts] of nodes.entries()) {
      const theirs = reached.filter(({ host }) => hosts.includes(host));
      assert.ok(theirs.length > 0, `node ${i} at ${hosts[0]}`);
      const agent = i < nodes.length - found.btcds ? /gemel/ : /btcd/;
      for (const each of theirs) {
        assert.match(each.user_agent ?? "", agent);
        assert.equal(each.height, found.height);
        assert.ok(each.latency_ms !== null && each.latency_ms < 2_000);
        assert.ok(each.service_names.includes("NETWORK"));
      }
    }
    // A node tells 23% of what it knows: two thirds of the addresses are hardly ever missed.
    assert.ok(reached.length >= 20, `${reached.length} of ${nodes.flat().length}`);
  });

  test("all but the seed was told by a node that was visited", () => {
    const visited = new Set(found.report.nodes.map(({ host, port }) => `${host}:${port}`));
    for (const { host, told_by } of found.report.nodes) {
      if (host !== found.nodes[0]![0]) assert.ok(visited.has(told_by), `${host}: ${told_by}`);
    }
  });

  test("the CSV has a line for each, the summary the shares", () => {
    const lines = found.csv.trimEnd().split("\r\n");
    assert.match(lines[0]!, /^host,port/);
    assert.ok(lines.length > 20);
    assert.match(found.text, /btcd/);
    assert.match(found.text, /gemel/);
  });

  test("the page is whole: nested elements, plots with their bars, a row for each, nothing to load or to run", () => {
    const elements = elementsOf(found.page);
    const all = (name: string) => elements.filter((each) => each.name === name);
    for (const name of ["script", "link", "img", "iframe", "object"]) assert.equal(all(name).length, 0, name);
    for (const { attributes } of elements) {
      for (const key of attributes.keys()) assert.doesNotMatch(key, /^(on|src|href)/);
    }
    assert.ok(all("svg").length >= 4, `${all("svg").length} plots`);
    assert.ok(all("rect").length >= 6);
    for (const { attributes } of all("rect")) {
      for (const key of ["x", "y", "width", "height"]) {
        assert.ok(Number(attributes.get(key) ?? 0) >= 0, `${key} ${attributes.get(key)}`);
      }
    }
    assert.ok(all("tr").length > 20);
    assert.match(found.page, /default-src 'none'/);
  });
});
