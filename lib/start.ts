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
  namedFiles,
  nameServerResolver,
  openDatabase,
  openFileFolder,
  openServer,
  openThread,
  openUdp,
  parallelism,
  postHttp,
  processName,
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
import { startEngine } from "./compose/engine.ts";
import { checkConfigWith } from "./config-check.ts";
import { hasWideArithmetic } from "./engine/assembler/features.ts";
import type { Engine } from "./engine/engine.ts";
import type { EngineCheck, EngineCheckOptions } from "./engine-check.ts";
import { useRandomBytes } from "./engine/random-bytes.ts";
import type { NodeConfig, RunningNode } from "./config.ts";
import type { PeerAddress, Workers } from "./core/ports.ts";
import { givingWay } from "./core/work/give-way.ts";
import { InlineWorkers } from "./core/work/inline-workers.ts";
import { ThreadPool } from "./core/work/thread-pool.ts";
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

/** Where the thread's entry is: beside this file, or, in the executable, where all of lib is one file, in its folder. */
const WORKER = new URL(import.meta.url.endsWith("/lib/start.ts") ? "./worker.ts" : "./lib/worker.ts", import.meta.url);

function openWorkers(
  threadsMax = Math.max(1, parallelism() - 1),
  onUnable: (cause: string) => void = () => {},
): Workers {
  const giveWay = givingWay(clock);
  if (threadsMax === 0) return new InlineWorkers(undefined, giveWay);
  return new ThreadPool({ threadsMax, clock, open: (events) => openThread(WORKER, events), onUnable, giveWay });
}

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
  openServer,
  openWorkers,
  postHttp,
  processName,
  random,
  readFile,
  removeFile,
  resolveHost,
  secureDuplex,
  namedFiles,
  nameServerResolver,
  serveHttp,
  serveHttps,
  startEngine,
  stderr,
  writeFileAtomic,
};

/**
 * Starts a node. What was begun is undone when a later step fails.
 *
 * @throws NodeError with a code and one line that says what to do: `DATA_FOLDER_IN_USE`, `DATA_FOLDER_UNWRITABLE`,
 * `DATABASE_DAMAGED`, `PORT_IN_USE`, `CONSTANTS_INVALID`, …
 *
 * @example
 * ```ts
 * import { DEFAULTS, freezeConfig, pathsBelow, startNode } from "gemel";
 *
 * const node = await startNode(freezeConfig({
 *   chains: [{ ...DEFAULTS.chia, chain: "chia", network: "simulator0", outbound: 0 }],
 *   paths: pathsBelow(folder),
 *   database: "memory",
 *   cacheBytesMax: DEFAULTS.cacheBytesMax,
 *   log: { ...DEFAULTS.log, level: "error" },
 *   allowLoopbackExempt: false,
 *   shutdownTimeoutMs: DEFAULTS.shutdownTimeoutMs,
 * }));
 * assert.equal(node.chia?.state().peak, undefined);
 * await node.stop();
 * ```
 */
export function startNode(config: NodeConfig): Promise<RunningNode> {
  useSha256(sha256);
  useRandomBytes((length) => random.bytes(length));
  return composeNode(config, drivers);
}

/**
 * Looks into every file that a configuration names. @throws NodeError as {@link startNode} would
 *
 * @example
 * ```ts
 * import { DEFAULTS, checkConfig, freezeConfig, pathsBelow } from "gemel";
 *
 * await checkConfig(freezeConfig({
 *   chains: [{ ...DEFAULTS.bitcoin, chain: "bitcoin", network: "regtest" }],
 *   paths: pathsBelow(folder),
 *   database: "memory",
 *   cacheBytesMax: DEFAULTS.cacheBytesMax,
 *   log: DEFAULTS.log,
 *   allowLoopbackExempt: false,
 *   shutdownTimeoutMs: DEFAULTS.shutdownTimeoutMs,
 * }));
 * ```
 */
export function checkConfig(config: NodeConfig): Promise<void> {
  return checkConfigWith(config, { readFile });
}

/**
 * The implementation of heavy arithmetic that this machine can run; whether it answers rightly is told by {@link checkEngines}.
 *
 * @example
 * ```ts
 * import { engineHere, ENGINES } from "gemel";
 *
 * assert.ok(ENGINES.includes(engineHere()));
 * ```
 */
export function engineHere(): Engine {
  return hasWideArithmetic() ? "wide" : "plain";
}

/**
 * Tries the heavy arithmetic: verdicts and speed, on this thread and on others. It is loaded when it is wanted.
 *
 * @example
 * ```ts
 * import { checkEngines } from "gemel";
 *
 * const { rows } = await checkEngines({ threads: 0, engine: "wide", durationMs: 1 });
 * assert.ok(rows.every(({ isRight }) => isRight));
 * ```
 */
export async function checkEngines(options: EngineCheckOptions): Promise<EngineCheck> {
  useSha256(sha256);
  const { checkEnginesWith } = await import("./engine-check.ts");
  return await checkEnginesWith(options, { clock, random, openWorkers });
}

/**
 * Runs a simulated network to its end: whole nodes in this process, under a virtual clock and one seed. The same options
 * give the same log hash on every runtime. What is simulated is loaded when it is wanted.
 *
 * @example
 * ```ts
 * import { simulate } from "gemel";
 *
 * const report = await simulate({ chain: "bitcoin", nodes: 3, hours: 0.05, malicious: 0, seed: 1, faults: "none" });
 * assert.deepEqual(report.breaches, []);
 * ```
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
 *
 * @example
 * ```ts
 * import { shrinkSimulation, simulate } from "gemel";
 *
 * const options = { chain: "bitcoin", nodes: 3, hours: 0.05, malicious: 0, seed: 1, faults: "none" } as const;
 * await assert.rejects(shrinkSimulation(options, await simulate(options)), RangeError);
 * ```
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
 *
 * @example
 * ```ts
 * import { crawlNetwork } from "gemel";
 *
 * const seeds = [{ host: "127.0.0.1", port: 1 }];
 * const limits = { visitsMax: 10, concurrency: 4, perSecond: 10, visitMs: 1_000 };
 * const report = await crawlNetwork({ chain: "bitcoin", network: "regtest", seeds, ...limits }, new AbortController().signal);
 * assert.equal(report.reachable, 0);
 * ```
 */
export function crawlNetwork(options: CrawlOptions, signal: AbortSignal): Promise<CrawlReport> {
  useSha256(sha256);
  return crawlWith(options, drivers, signal);
}

/**
 * Writes what a crawl found, in one step. @throws NodeError `FILE_FAILED` or `DISK_FULL`
 *
 * @example
 * ```ts
 * import { crawlNetwork, readCrawl, saveCrawl } from "gemel";
 *
 * const seeds = [{ host: "127.0.0.1", port: 1 }];
 * const limits = { visitsMax: 10, concurrency: 4, perSecond: 10, visitMs: 1_000 };
 * const report = await crawlNetwork({ chain: "bitcoin", network: "regtest", seeds, ...limits }, new AbortController().signal);
 * await saveCrawl(report, `${folder}/crawl.json`, "json");
 * assert.equal((await readCrawl(`${folder}/crawl.json`))?.network, "regtest");
 * ```
 */
export function saveCrawl(report: CrawlReport, path: string, format: SavedFormat): Promise<void> {
  return saveCrawlWith(report, path, format, drivers);
}

/**
 * What an earlier crawl wrote as JSON; undefined when there is no such file. @throws NodeError `CRAWL_FILE_INVALID`
 *
 * @example
 * ```ts
 * import { readCrawl } from "gemel";
 *
 * assert.equal(await readCrawl(`${folder}/none.json`), undefined);
 * ```
 */
export function readCrawl(path: string): Promise<CrawlReport | undefined> {
  return readCrawlWith(path, drivers);
}

/**
 * Serves a DNS zone with the good nodes of a crawl. @throws NodeError `PORT_IN_USE`, `PORT_FORBIDDEN`, …
 *
 * @example
 * ```ts
 * import { crawlNetwork, serveSeeds } from "gemel";
 *
 * const limits = { visitsMax: 1, concurrency: 1, perSecond: 10, visitMs: 1_000 };
 * const network = { chain: "bitcoin", network: "regtest", seeds: [{ host: "127.0.0.1", port: 1 }] } as const;
 * const report = await crawlNetwork({ ...network, ...limits }, new AbortController().signal);
 * const listen = { host: "127.0.0.1", port: 0 };
 * const server = await serveSeeds({ listen, zone: "seed.example", report, perSecond: 10 });
 * assert.equal(server.nodes, 0);
 * await server.close();
 * ```
 */
export function serveSeeds(options: SeedServerOptions): Promise<SeedServer> {
  return serveSeedsWith(options, { clock, random, openUdp });
}

/**
 * Runs a Chia introducer. @throws NodeError `CRAWL_FILE_INVALID`, `PORT_IN_USE`, `PORT_FORBIDDEN`, …
 *
 * @example
 * ```ts
 * import { crawlNetwork, serveIntroductions } from "gemel";
 *
 * const limits = { visitsMax: 1, concurrency: 1, perSecond: 10, visitMs: 1_000 };
 * const network = { chain: "chia", network: "simulator0", seeds: [{ host: "127.0.0.1", port: 1 }] } as const;
 * const report = await crawlNetwork({ ...network, ...limits }, new AbortController().signal);
 * const listen = { host: "127.0.0.1", port: 0 };
 * const server = await serveIntroductions({ listen, identityFolder: folder, report });
 * assert.equal(server.nodes, 0);
 * await server.close();
 * ```
 */
export function serveIntroductions(options: IntroducerServerOptions): Promise<IntroducerServer> {
  useSha256(sha256);
  return serveIntroductionsWith(options, drivers);
}

/**
 * What a DNS seed returns for a name: asked at `server`, or else of the system's resolver.
 *
 * @example
 * ```ts
 * import { crawlNetwork, querySeed, serveSeeds } from "gemel";
 *
 * const limits = { visitsMax: 1, concurrency: 1, perSecond: 10, visitMs: 1_000 };
 * const network = { chain: "bitcoin", network: "regtest", seeds: [{ host: "127.0.0.1", port: 1 }] } as const;
 * const report = await crawlNetwork({ ...network, ...limits }, new AbortController().signal);
 * const listen = { host: "127.0.0.1", port: 0 };
 * const server = await serveSeeds({ listen, zone: "seed.example", report, perSecond: 10 });
 * assert.deepEqual((await querySeed("seed.example", server.address)).answers.map(({ type }) => type), ["A", "AAAA"]);
 * await server.close();
 * ```
 */
export async function querySeed(name: string, server?: PeerAddress): Promise<SeedAnswers> {
  if (server !== undefined) {
    const [host = server.host] = await resolveHost(server.host);
    return await querySeedWith(name, { host, port: server.port }, { clock, random, openUdp });
  }
  return await querySystemWith(name, { clock, resolveHost });
}
