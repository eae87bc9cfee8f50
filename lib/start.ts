/**
 * The composition root: names every concrete driver, and starts a node with them.
 *
 * @module
 */
import {
  clock,
  collectMemory,
  descriptorLimit,
  dialer,
  listen,
  lockDir,
  makeDir,
  memoryUsage,
  nameServerResolver,
  openDatabase,
  openFileFolder,
  openUdp,
  random,
  readFile,
  removeFile,
  resolveHost,
  secureDuplex,
  serveHttp,
  serveHttps,
  sha256,
  stderr,
  turn,
  writeFileAtomic,
} from "#platform";
import { useSha256 } from "./codec/sha256.ts";
import { composeNode, type NodeDrivers } from "./compose/compose.ts";
import { checkConfigWith } from "./config-check.ts";
import type { NodeConfig, RunningNode } from "./config.ts";
import type { PeerAddress } from "./core/ports.ts";
import type { CrawlReport } from "./crawl/report.ts";
import { type CrawlOptions, crawlWith, readCrawlWith, saveCrawlWith, type SavedFormat } from "./monitor.ts";
import {
  querySeedWith,
  querySystemWith,
  type SeedAnswers,
  type SeedServer,
  type SeedServerOptions,
  serveSeedsWith,
} from "./seeding.ts";
import { type IntroducerServer, type IntroducerServerOptions, serveIntroductionsWith } from "./introducing.ts";
import type { Shrunk, SimReport, SimulateOptions } from "./sim/mod.ts";

const drivers: NodeDrivers = {
  clock,
  collectMemory,
  descriptorLimit,
  dialer,
  listen,
  lockDir,
  makeDir,
  openDatabase,
  openFileFolder,
  random,
  readFile,
  removeFile,
  resolveHost,
  secureDuplex,
  nameServerResolver,
  serveHttp,
  serveHttps,
  stderr,
  writeFileAtomic,
};

/**
 * Starts a node. What was begun is undone when a later step fails.
 *
 * @throws NodeError with a code and one line that says what to do: `DATA_FOLDER_IN_USE`, `DATA_FOLDER_UNWRITABLE`,
 * `DATABASE_DAMAGED`, `PORT_IN_USE`, `CONSTANTS_INVALID`, …
 */
export function startNode(config: NodeConfig): Promise<RunningNode> {
  useSha256(sha256);
  return composeNode(config, drivers);
}

/** Looks into every file that a configuration names. @throws NodeError as {@link startNode} would */
export function checkConfig(config: NodeConfig): Promise<void> {
  return checkConfigWith(config, { readFile });
}

/**
 * Runs a simulated network to its end: whole nodes in this process, under a virtual clock and one seed. The same options
 * give the same log hash on every runtime. What is simulated is loaded when it is wanted.
 */
export async function simulate(options: SimulateOptions): Promise<SimReport> {
  useSha256(sha256);
  const { runWorld } = await import("./sim/mod.ts");
  return await runWorld(options, { turn, realMs: () => clock.monotonic(), memoryUsage, openDatabase });
}

/**
 * Looks for the smallest simulated network in which the rule still breaks that broke first in `report`, the outcome of
 * {@link simulate} with these options. `onStep` hears of each smaller one, as the command line that plays it.
 *
 * @throws RangeError for a report without a breach
 */
export async function shrinkSimulation(
  options: SimulateOptions,
  report: SimReport,
  onStep?: (command: string) => void,
): Promise<Shrunk> {
  const { shrink } = await import("./sim/mod.ts");
  return await shrink(options, report, simulate, onStep);
}

/**
 * Walks a network from its seeds and tells who is there. Ends early, with what there is, when the signal aborts.
 *
 * @throws NodeError `NETWORK_UNKNOWN`, `name_not_found` or `CONFIG_INVALID`
 */
export function crawlNetwork(options: CrawlOptions, signal: AbortSignal): Promise<CrawlReport> {
  useSha256(sha256);
  return crawlWith(options, drivers, signal);
}

/** Writes what a crawl found, in one step. @throws NodeError `FILE_FAILED` or `DISK_FULL` */
export function saveCrawl(report: CrawlReport, path: string, format: SavedFormat): Promise<void> {
  return saveCrawlWith(report, path, format, drivers);
}

/** What an earlier crawl wrote as JSON; undefined when there is no such file. @throws NodeError `CRAWL_FILE_INVALID` */
export function readCrawl(path: string): Promise<CrawlReport | undefined> {
  return readCrawlWith(path, drivers);
}

/** Serves a DNS zone with the good nodes of a crawl. @throws NodeError `PORT_IN_USE`, `PORT_FORBIDDEN`, … */
export function serveSeeds(options: SeedServerOptions): Promise<SeedServer> {
  return serveSeedsWith(options, { clock, random, openUdp });
}

/** Runs a Chia introducer. @throws NodeError `CRAWL_FILE_INVALID`, `PORT_IN_USE`, `PORT_FORBIDDEN`, … */
export function serveIntroductions(options: IntroducerServerOptions): Promise<IntroducerServer> {
  useSha256(sha256);
  return serveIntroductionsWith(options, drivers);
}

/** What a DNS seed returns for a name: asked at `server`, or else of the system's resolver. */
export async function querySeed(name: string, server?: PeerAddress): Promise<SeedAnswers> {
  if (server !== undefined) {
    const [host = server.host] = await resolveHost(server.host);
    return await querySeedWith(name, { host, port: server.port }, { clock, random, openUdp });
  }
  return await querySystemWith(name, { clock, resolveHost });
}
