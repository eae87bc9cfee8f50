/**
 * `gemel crawl`: walks a network from its seeds, politely, and writes who is there.
 *
 * @module
 */
import {
  type Count,
  crawlNetwork,
  type CrawlProgress,
  type CrawlReport,
  messageOf,
  NodeError,
  type PeerAddress,
  readCrawl,
  saveCrawl,
  type SavedFormat,
} from "../mod.ts";
import { access, constants, stat } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { type Command, Option } from "commander";
import { EXIT, UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { formatSeconds } from "./progress.ts";
import { exitOf, onStopWish } from "./signals.ts";
import { printable, table } from "./table.ts";
import { parsePlace, parseTime, parseWhole } from "./values.ts";

const FORMATS: readonly SavedFormat[] = ["json", "csv", "html"];
/** Rows of each table of totals. */
const ROWS_MAX = 10;
/** How often progress is shown off a terminal. */
const SHOW_EVERY_MS = 10_000;

interface Flags {
  readonly chain: "chia" | "bitcoin";
  readonly network: string;
  readonly seed: readonly string[];
  readonly limit: string;
  readonly out: string;
  readonly format?: SavedFormat;
  readonly concurrency: string;
  readonly perSecond: string;
}

/** A value of the command line; what is wrong with it is a usage error. */
export function usage<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof NodeError) throw new UsageError(thrown.message);
    throw thrown;
  }
}

/** The format that was asked for, or that the file's ending names. */
export function formatOf(out: string, format: SavedFormat | undefined): SavedFormat {
  if (format !== undefined) return format;
  const ending = extname(out).slice(1).toLowerCase();
  const found = FORMATS.find((each) => each === ending) ?? (ending === "htm" ? "html" : undefined);
  if (found === undefined) {
    throw new UsageError(`out: ${JSON.stringify(out)} does not end in .json, .csv or .html; name one with --format`);
  }
  return found;
}

/** Fails before a long crawl where its result could not be written. */
async function requireWritable(out: string): Promise<string> {
  const path = resolve(out);
  const isFolder = await stat(path).then((found) => found.isDirectory(), () => false);
  if (isFolder) throw new UsageError(`out: ${out} is a folder`);
  await access(dirname(path), constants.W_OK).catch(() => {
    throw new UsageError(`out: the folder ${dirname(path)} is not there or may not be written`);
  });
  return path;
}

/** Adds the command. */
export function addCrawl(program: Command, io: CliIo, setExit: (code: number) => void): void {
  program.command("crawl")
    .description("walk a network from its seeds and write who is there")
    .addOption(new Option("--chain <name>", "which chain").choices(["chia", "bitcoin"]).makeOptionMandatory())
    .option("--network <name>", "which network of it", "mainnet")
    .option("--seed <host:port>", "where to begin; may be given again", (value, before: string[]) => [
      ...before,
      value,
    ], [])
    .option("--limit <n>", "visit at most so many addresses", "1000")
    .requiredOption("--out <file>", "what was found goes here, in one step, also when it is interrupted")
    .addOption(new Option("--format <name>", "json, csv or html (default: by the file's ending)").choices(FORMATS))
    .option("--concurrency <n>", "visits at once", "32")
    .option("--per-second <n>", "new connections a second", "10")
    .addHelpText(
      "after",
      "\nOne visit an address, one connection to a /16 at a time. --timeout (default 20s) is the time for one visit." +
        "\n\nExample:\n  $ gemel crawl --chain bitcoin --network regtest --seed 127.0.0.1:18444 --limit 100 --out nodes.json",
    )
    .action(async (flags: Flags, command: Command) => {
      const { json, quiet, timeout } = command.optsWithGlobals() as Record<string, unknown>;
      if (flags.seed.length === 0) throw new UsageError("where to begin? Name a node with --seed HOST:PORT");
      const seeds: PeerAddress[] = usage(() => flags.seed.map((text) => parsePlace(text, "seed")));
      const format = formatOf(flags.out, flags.format);
      const limits = usage(() => ({
        visitsMax: parseWhole(flags.limit, "limit", 1, 1_000_000),
        concurrency: parseWhole(flags.concurrency, "concurrency", 1, 1_000),
        perSecond: parseWhole(flags.perSecond, "per-second", 1, 1_000),
        visitMs: parseTime(typeof timeout === "string" ? timeout : "20s", "timeout"),
      }));
      const path = await requireWritable(flags.out);
      const before = format === "json" ? await earlier(path, io) : undefined;
      const stop = new AbortController();
      let exit: number = EXIT.ok;
      const off = onStopWish(io, (signal, again) => {
        exit = exitOf(signal);
        if (again) io.exit(exit);
        io.err("stopping; what there is will be written (once more to force)\n");
        stop.abort();
      });
      try {
        const { chain, network } = flags;
        const progress = quiet === true ? {} : { progress: shower(io) };
        const options = { chain, network, seeds, ...limits, ...progress, ...(before && { before }) };
        const report = await crawlNetwork(options, stop.signal).catch((thrown) => {
          const isUsage = thrown instanceof NodeError && ["NETWORK_UNKNOWN", "CONFIG_INVALID"].includes(thrown.code);
          throw isUsage ? new UsageError(thrown.message) : thrown;
        });
        await saveCrawl(report, path, format);
        if (quiet !== true && io.isTerminal) io.err("\n");
        io.out(json === true ? `${JSON.stringify(summaryOf(report, flags.out, format))}\n` : totalsText(report));
        if (quiet !== true) io.err(`${report.nodes.length} nodes are in ${flags.out}\n`);
        // Nobody there at all is a failure that a script should notice.
        if (exit === EXIT.ok && report.reachable === 0) exit = EXIT.unreachable;
        setExit(exit);
      } finally {
        off();
      }
    });
}

/** What an earlier crawl wrote to the same file. A file of another kind is not overwritten. */
async function earlier(path: string, io: CliIo): Promise<CrawlReport | undefined> {
  try {
    return await readCrawl(path);
  } catch (thrown) {
    io.err(`${path}: ${messageOf(thrown)}; it will be replaced\n`);
    return undefined;
  }
}

/** Shows how far the crawl is: one line that is drawn anew, or a line now and then. */
function shower(io: CliIo): (state: CrawlProgress) => void {
  const began = performance.now();
  let last = began;
  return ({ visited, reachable, active, waiting }) => {
    const now = performance.now();
    if (now - last < (io.isTerminal ? 200 : SHOW_EVERY_MS)) return;
    last = now;
    const line = `${visited} visited, ${reachable} reachable, ${active} under way, ${waiting} waiting, ` +
      formatSeconds((now - began) / 1000);
    io.err(io.isTerminal ? `\r${line.slice(0, io.columns() - 1)}\x1b[K` : `${line}\n`);
  };
}

/** The document without its nodes, and where they are. */
function summaryOf({ nodes: _nodes, ...rest }: CrawlReport, out: string, format: SavedFormat) {
  return { ...rest, out, out_format: format };
}

function totalsText({ totals, visited, reachable, known, end, ...report }: CrawlReport): string {
  const block = (title: string, counts: readonly Count[], of: number) => {
    if (counts.length === 0) return "";
    const shown = counts.slice(0, ROWS_MAX);
    const rest = counts.slice(ROWS_MAX).reduce((sum, { nodes }) => sum + nodes, 0);
    const rows = rest === 0 ? shown : [...shown, { name: `${counts.length - ROWS_MAX} others`, nodes: rest }];
    return "\n" + table(
      [title, "NODES>", "SHARE>"],
      rows.map(({ name, nodes }) => [
        printable(name).slice(0, 60),
        String(nodes),
        of === 0 ? "–" : `${(100 * nodes / of).toFixed(1)}%`,
      ]),
    );
  };
  const { height, latency_ms } = totals;
  return table(
    ["CHAIN", "NETWORK", "REACHABLE>", "VISITED>", "KNOWN>", "HEIGHT (MEDIAN)>", "LATENCY (MEDIAN)>", "END"],
    [[
      report.chain,
      report.network,
      String(reachable),
      String(visited),
      String(known),
      height === null ? "–" : String(height.median),
      latency_ms === null ? "–" : `${latency_ms.p50} ms`,
      end,
    ]],
  ) +
    block("USER AGENT", totals.user_agents, reachable) +
    block("PROTOCOL", totals.protocol_versions, reachable) +
    block("SERVICE", totals.services, reachable) +
    block("FAILURE", totals.errors, visited);
}
