/**
 * `gemel simulate`: a network of whole nodes in this process, under a virtual clock and one seed, in which everything
 * goes wrong that can, and rules that hold all the same.
 *
 * @module
 */
import {
  FAULT_KINDS,
  type FaultChoice,
  type FaultKind,
  shrinkSimulation,
  type Shrunk,
  type SimReport,
  simulate,
  type SimulateOptions,
} from "../mod.ts";
import { createHash } from "node:crypto";
import { appendFile, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { EXIT, UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { parseWhole } from "./values.ts";

/** Lines of the log that are written at a time. */
const LOG_LINES = 10_000;
const PROGRESS_HOURS = 0.25;
const KINDS = Object.keys(FAULT_KINDS) as FaultKind[];
const FAULTS: readonly FaultChoice[] = ["bad-day", "drawn", "none"];

interface Flags {
  readonly chain: string;
  readonly nodes: string;
  readonly hours: string;
  readonly malicious: string;
  readonly seed: string;
  readonly seeds: string;
  readonly faults: string;
  readonly without?: string;
  readonly blockEvery?: string;
  readonly grace?: string;
  readonly shrink: boolean;
  readonly log?: string;
}

/** The smallest world that still fails, as it is printed. */
interface ShrunkReport {
  readonly seed: number;
  readonly rule: string;
  readonly command: string;
  readonly runs: number;
  readonly log_hash: string;
}

/** What is printed for more than one seed: sums, and the worlds in which a rule did not hold. */
interface ManyReport extends Omit<SimReport, "seed" | "blocks" | "faults" | "network"> {
  readonly seed: number;
  readonly seeds: number;
  readonly failed_seeds: readonly number[];
}

/** A number of hours or a share, with a decimal point. */
function parseDecimal(text: string, what: string, least: number, most: number): number {
  const value = /^[0-9]{1,6}(\.[0-9]{1,6})?$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw new UsageError(`--${what}: a number from ${least} to ${most}`);
  return value;
}

/** Adds the command. */
export function addSimulate(program: Command, io: CliIo, setExit: (code: number) => void): void {
  program.command("simulate")
    .description(
      "a network of whole nodes in this process, under a virtual clock and one seed; nothing touches the network",
    )
    .requiredOption("--chain <chain>", "chia or bitcoin")
    .option("--nodes <n>", "nodes, malicious ones included", "20")
    .option("--hours <h>", "virtual hours", "1")
    .option("--malicious <share>", "share of the nodes that is malicious", "0.1")
    .option("--seed <s>", "what everything is drawn from; the same seed gives the same log hash", "1")
    .option("--seeds <k>", "run so many seeds, from --seed on", "1")
    .option("--faults <kind>", "bad-day: all kinds; drawn: kinds and rates by the seed, often; none", "bad-day")
    .option("--without <kinds>", `kinds of faults to leave out, with commas between: ${KINDS.join(", ")}`)
    .option("--block-every <s>", "mean seconds between two blocks; the chain's own by default")
    .option("--grace <m>", "virtual minutes that all nodes have, after the end, to be on one chain; 45 by default")
    .option("--shrink", "when a rule breaks, look for the smallest world in which it still does", false)
    .option("--log <file>", "write every node's log there, with virtual times")
    .addHelpText(
      "after",
      "\nExample:\n  $ gemel simulate --chain bitcoin --nodes 200 --hours 24 --malicious 0.1 --seed 1 --json",
    )
    .action(async (flags: Flags, command: Command) => {
      const { json, quiet } = command.optsWithGlobals() as { readonly json?: boolean; readonly quiet?: boolean };
      const report = await run(flags, io, quiet === true || json === true || !io.isTerminal);
      io.out(json === true ? JSON.stringify(report) + "\n" : textOf(report));
      setExit(report.breach_count === 0 ? EXIT.ok : EXIT.failed);
    });
}

type Printed = (SimReport | ManyReport) & { readonly shrunk?: ShrunkReport };

/** What is simulated, but for the seed. */
function optionsOf(flags: Flags): Omit<SimulateOptions, "seed"> {
  const { chain } = flags;
  if (chain !== "chia" && chain !== "bitcoin") throw new UsageError(`--chain: there is no chain ${chain}`);
  const faults = FAULTS.find((each) => each === flags.faults);
  if (faults === undefined) throw new UsageError(`--faults: one of ${FAULTS.join(", ")}`);
  const without = (flags.without ?? "").split(",").filter((name) => name !== "").map((name) => {
    const kind = KINDS.find((each) => each === name);
    if (kind === undefined) throw new UsageError(`--without: no kind of faults is called ${name}`);
    return kind;
  });
  const nodes = parseWhole(flags.nodes, "--nodes", 2, 10_000);
  return {
    chain,
    faults,
    without,
    nodes,
    hours: parseDecimal(flags.hours, "hours", 0.05, 100_000),
    malicious: parseDecimal(flags.malicious, "malicious", 0, 0.9),
    // In a large network every second is too often to look at every node.
    checkEveryMs: nodes > 50 ? 10_000 : 1_000,
    ...(flags.grace !== undefined && { graceMs: parseDecimal(flags.grace, "grace", 0, 10_000) * 60_000 }),
    ...(flags.blockEvery !== undefined && {
      blockEveryMs: parseDecimal(flags.blockEvery, "block-every", 1, 86_400) * 1000,
    }),
  };
}

async function run(flags: Flags, io: CliIo, quiet: boolean): Promise<Printed> {
  const options = optionsOf(flags);
  const first = parseWhole(flags.seed, "--seed", 0, 2 ** 32 - 1);
  const seeds = parseWhole(flags.seeds, "--seeds", 1, 1_000_000);
  const lines = flags.log === undefined ? undefined : await logFile(flags.log);
  const reports: SimReport[] = [];
  for (let seed = first; seed < first + seeds; seed++) {
    reports.push(
      await simulate({
        ...options,
        seed,
        ...(lines && { keep: (line) => lines.add(line) }),
        ...(!quiet && { progress: progressOf(io, seed, options.hours) }),
      }),
    );
  }
  await lines?.end();
  if (!quiet) io.err("\r\x1b[K");
  const [only] = reports;
  const report = reports.length === 1 && only !== undefined ? only : combined(reports);
  const failed = reports.find(({ breach_count }) => breach_count > 0);
  if (!flags.shrink || failed === undefined) return report;
  const onStep = quiet ? undefined : (command: string) => io.err(`still fails: ${command}\n`);
  const shrunk = await shrinkSimulation({ ...options, seed: failed.seed }, failed, onStep);
  return { ...report, shrunk: printed(shrunk) };
}

function printed({ rule, command, runs, report, options: { seed } }: Shrunk): ShrunkReport {
  return { seed, rule, command, runs, log_hash: report.log_hash };
}

/** A log file that is written in pieces; the world does not wait for the disk. */
async function logFile(path: string) {
  await writeFile(path, "");
  let lines: string[] = [];
  let written: Promise<void> = Promise.resolve();
  const flush = () => {
    const text = lines.map((line) => line + "\n").join("");
    lines = [];
    written = written.then(() => appendFile(path, text));
  };
  return {
    add(line: string): void {
      lines.push(line);
      if (lines.length >= LOG_LINES) flush();
    },
    async end(): Promise<void> {
      flush();
      await written;
    },
  };
}

function progressOf(io: CliIo, seed: number, hours: number): (at: number) => void {
  let next = 0;
  return (at) => {
    if (at < next) return;
    next = at + PROGRESS_HOURS;
    io.err(`\r\x1b[Kseed ${seed}: ${at.toFixed(1)} of ${hours} virtual hours`);
  };
}

/** Sums of several worlds; means of what is a mean, and the worst of what is a bound. */
function combined(reports: readonly SimReport[]): ManyReport {
  const [first] = reports as readonly [SimReport, ...SimReport[]];
  const sum = (of: (report: SimReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const mean = (of: (report: SimReport) => number) => Math.round(sum(of) / reports.length * 1e4) / 1e4;
  const most = (of: (report: SimReport) => number | null) => Math.max(0, ...reports.map((report) => of(report) ?? 0));
  return {
    chain: first.chain,
    seed: first.seed,
    seeds: reports.length,
    nodes: first.nodes,
    malicious: first.malicious,
    virtual_hours: sum(({ virtual_hours }) => virtual_hours),
    events: sum(({ events }) => events),
    wall_seconds: Math.round(sum(({ wall_seconds }) => wall_seconds) * 10) / 10,
    peak_memory: most(({ peak_memory }) => peak_memory),
    connectivity: {
      largest_part: mean(({ connectivity }) => connectivity.largest_part),
      outbound_mean: mean(({ connectivity }) => connectivity.outbound_mean),
      inbound_mean: mean(({ connectivity }) => connectivity.inbound_mean),
      outbound_malicious: mean(({ connectivity }) => connectivity.outbound_malicious),
    },
    propagation_ms: {
      p50: mean(({ propagation_ms }) => propagation_ms.p50 ?? 0),
      p90: mean(({ propagation_ms }) => propagation_ms.p90 ?? 0),
      p99: mean(({ propagation_ms }) => propagation_ms.p99 ?? 0),
      max: most(({ propagation_ms }) => propagation_ms.max),
      samples: sum(({ propagation_ms }) => propagation_ms.samples),
    },
    breaches: reports.flatMap(({ breaches }) => breaches).slice(0, 100),
    breach_count: sum(({ breach_count }) => breach_count),
    failed_seeds: reports.filter(({ breach_count }) => breach_count > 0).map(({ seed }) => seed),
    log_lines: sum(({ log_lines }) => log_lines),
    log_hash: createHash("sha256").update(reports.map(({ log_hash }) => log_hash).join("\n")).digest("hex"),
  };
}

function textOf(report: Printed): string {
  const { connectivity, propagation_ms: { p50, p90, p99 }, breaches, shrunk } = report;
  const lines = [
    `${report.chain}: ${report.nodes} nodes, ${report.malicious} of them malicious, ${report.virtual_hours} virtual hours`,
    `${report.events} events in ${report.wall_seconds} s, ${Math.round(report.peak_memory / 2 ** 20)} MiB at most`,
    `${connectivity.outbound_mean} outbound peers each, ${
      connectivity.largest_part * 100
    } % of the nodes hang together`,
    `blocks take ${p50 ?? "-"} ms (half), ${p90 ?? "-"} ms (90 %), ${p99 ?? "-"} ms (99 %)`,
    `log hash ${report.log_hash}`,
    ...("failed_seeds" in report ? [`${report.seeds} seeds; failed: ${report.failed_seeds.join(" ") || "none"}`] : []),
    ...breaches.slice(0, 20).map(({ at, host, rule, detail }) =>
      `breach at ${at.toFixed(0)} ms, ${host}: ${rule}: ${detail}`
    ),
    ...(shrunk === undefined ? [] : [`the smallest world in which "${shrunk.rule}" breaks: ${shrunk.command}`]),
    report.breach_count === 0 ? "every rule held" : `${report.breach_count} breaches`,
  ];
  return lines.join("\n") + "\n";
}
