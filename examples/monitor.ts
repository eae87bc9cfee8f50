/**
 * Watches a network: visits every node that can be found, again and again, prints how many could be reached, and keeps a page
 * with the plots of the last visit.
 *
 *     bun examples/monitor.ts bitcoin mainnet seed.bitcoin.sipa.be:8333 ./monitor
 *     TIMES=1 bun examples/monitor.ts chia simulator0 127.0.0.1:38444 ./monitor        once
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import process from "node:process";
import { crawlNetwork, type CrawlReport, parseHostPort, saveCrawl } from "../mod.ts";

const [name = "bitcoin", network = "mainnet", seed = "", folder = "./monitor"] = process.argv.slice(2);
const times = Number(process.env.TIMES ?? Infinity);
const PAUSE_MS = 10 * 60_000;
const BARS = [..."▁▂▃▄▅▆▇█"];
await mkdir(folder, { recursive: true });
const ended = new AbortController();
process.once("SIGINT", () => ended.abort());

/** One bar for each value. */
const plot = (values: readonly number[]) =>
  values.map((value) => BARS[Math.min(BARS.length - 1, Math.floor(value / Math.max(1, ...values) * BARS.length))]).join(
    "",
  );

const reachable: number[] = [];
let before: CrawlReport | undefined;
for (let round = 0; round < times && !ended.signal.aborted; round++) {
  if (round > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  const report: CrawlReport = await crawlNetwork({
    chain: name === "chia" ? "chia" : "bitcoin",
    network,
    seeds: [parseHostPort(seed, 0)],
    ...{ visitsMax: 20_000, concurrency: 100, perSecond: 50, visitMs: 10_000 },
    ...(before && { before }),
  }, ended.signal);
  before = report;
  reachable.push(report.reachable);
  const [most] = report.totals.user_agents ?? [];
  process.stdout.write(
    `${report.ended} reachable ${report.reachable} of ${report.known} ${plot(reachable.slice(-60))}\n`,
  );
  if (most !== undefined) process.stdout.write(`  most of them: ${most.name}, ${most.nodes}\n`);
  await saveCrawl(report, `${folder}/network.html`, "html");
  await saveCrawl(report, `${folder}/network.json`, "json");
}
