/**
 * The network monitor put together: which probe visits which network, where what was found is kept.
 *
 * @module
 */
import { bitcoinAddressRules } from "./bitcoin/addresses/rules.ts";
import { networkByName, networks } from "./bitcoin/networks/mod.ts";
import { bitcoinVisitor } from "./bitcoin/addresses/probe.ts";
import { chiaAddressRules } from "./chia/addresses/rules.ts";
import { type IdentityFiles, loadNodeIdentity } from "./chia/identity/identity.ts";
import { networkNamed } from "./chia/networks/mod.ts";
import { chiaVisitor } from "./chia/addresses/probe.ts";
import { GEMEL_VERSION } from "./config.ts";
import type { AddressRules } from "./core/addresses/rules.ts";
import { NodeError } from "./core/errors.ts";
import type { PeerAddress } from "./core/ports.ts";
import type { Visitor } from "./core/peers/visit.ts";
import { crawl, type CrawlProgress } from "./crawl/crawler.ts";
import { toHtml } from "./crawl/page.ts";
import { type CrawlReport, parseReport, reportOf, toCsv } from "./crawl/report.ts";
import type { Platform } from "./platform/platform.ts";

/** How a network is crawled. */
export interface CrawlOptions {
  readonly chain: "chia" | "bitcoin";
  readonly network: string;
  /** Where it begins; a host may be a name. */
  readonly seeds: readonly PeerAddress[];
  /** Addresses that are visited at most. */
  readonly visitsMax: number;
  /** Visits at once. */
  readonly concurrency: number;
  /** New connections a second. */
  readonly perSecond: number;
  /** Time for one visit. */
  readonly visitMs: number;
  /** An earlier crawl, which lends the times at which nodes were seen. */
  readonly before?: CrawlReport;
  readonly progress?: (state: CrawlProgress) => void;
}

/** What of the platform a crawl uses. */
export type CrawlDrivers = Pick<Platform, "clock" | "random" | "dialer" | "resolveHost">;
/** How a crawl is written. */
export type SavedFormat = "json" | "csv" | "html";

interface Target {
  readonly defaultPort: number;
  /** Without seeds of its own it is a network within somebody's machines. */
  readonly isPrivate: boolean;
  readonly rules: (allowPrivate: boolean) => AddressRules;
  readonly visitor: () => Promise<Visitor>;
}

function bitcoinTarget(name: string, { clock, random, dialer }: CrawlDrivers): Target {
  const network = networkByName(name);
  if (network === undefined) {
    const known = Object.keys(networks).join(", ");
    throw new NodeError("NETWORK_UNKNOWN", "self", `no Bitcoin network is called ${name}; there are ${known}`);
  }
  const userAgent = `/gemel:${GEMEL_VERSION}(crawler)/`;
  return {
    defaultPort: network.defaultPort,
    isPrivate: network.dnsSeeds.length === 0,
    rules: (allowPrivate) => bitcoinAddressRules({ allowPrivate }),
    visitor: () => Promise.resolve(bitcoinVisitor({ network, clock, random, dialer, userAgent })),
  };
}

function chiaTarget(name: string, { clock, random, dialer }: CrawlDrivers): Target {
  const network = networkNamed(name);
  const softwareVersion = `gemel/${GEMEL_VERSION} crawler`;
  return {
    defaultPort: network.defaultPort,
    isPrivate: network.dnsSeeds.length === 0,
    rules: (allowPrivate) => chiaAddressRules({ allowPrivate }),
    async visitor() {
      const identity = await loadNodeIdentity({ folder: "crawl", files: memoryFiles(), clock, random });
      return chiaVisitor({ network, clock, random, dialer, identity, softwareVersion });
    },
  };
}

/** Crawls with the drivers that are given; see `crawlNetwork`. */
export async function crawlWith(
  options: CrawlOptions,
  drivers: CrawlDrivers,
  signal: AbortSignal,
): Promise<CrawlReport> {
  const { chain, network, progress, before } = options;
  const target = chain === "chia" ? chiaTarget(network, drivers) : bitcoinTarget(network, drivers);
  const seeds = await addressesOf(options.seeds, drivers);
  // A private seed means a network of private addresses.
  const allowPrivate = target.isPrivate || !seeds.some((seed) => target.rules(false).locate(seed) !== undefined);
  const rules = target.rules(allowPrivate);
  if (!seeds.some((seed) => rules.locate(seed) !== undefined)) {
    throw new NodeError("CONFIG_INVALID", "self", "none of the seeds is an address that can be dialled");
  }
  const limits = {
    visitsMax: options.visitsMax,
    concurrency: options.concurrency,
    perSecond: options.perSecond,
    visitMs: options.visitMs,
    ...(allowPrivate && { portsPerHost: 65_535 }),
  };
  const parts = {
    visit: await target.visitor(),
    locate: (address: PeerAddress) => rules.locate(address),
    clock: drivers.clock,
    random: drivers.random,
    ...(progress && { progress }),
  };
  const result = await crawl(seeds, limits, parts, signal);
  return reportOf(result, { chain, network, defaultPort: target.defaultPort }, before);
}

/** The seeds as IP literals. A name that is not found is an error only when nothing else is left to begin with. */
async function addressesOf(seeds: readonly PeerAddress[], { resolveHost }: CrawlDrivers): Promise<PeerAddress[]> {
  const found: PeerAddress[] = [];
  let failure: unknown;
  for (const { host, port } of seeds) {
    try {
      for (const each of await resolveHost(host)) found.push({ host: each, port });
    } catch (thrown) {
      failure = thrown;
    }
  }
  if (found.length === 0 && failure !== undefined) throw failure;
  return found;
}

/** A certificate for one crawl leaves no file. */
function memoryFiles(): IdentityFiles {
  const files = new Map<string, Uint8Array>();
  return {
    readFile: (path) => Promise.resolve(files.get(path)),
    writeFileAtomic: (path, bytes) => Promise.resolve(void files.set(path, bytes)),
    makeDir: () => Promise.resolve(),
  };
}

/** The text of a crawl in a format. */
function textOf(report: CrawlReport, format: SavedFormat): string {
  if (format === "csv") return toCsv(report);
  return format === "html" ? toHtml(report) : `${JSON.stringify(report, null, 1)}\n`;
}

/** Writes a crawl in one step. */
export async function saveCrawlWith(
  report: CrawlReport,
  path: string,
  format: SavedFormat,
  { writeFileAtomic }: Pick<Platform, "writeFileAtomic">,
): Promise<void> {
  await writeFileAtomic(path, new TextEncoder().encode(textOf(report, format)), 0o644);
}

/** Reads a crawl that was written as JSON. */
export async function readCrawlWith(
  path: string,
  { readFile }: Pick<Platform, "readFile">,
): Promise<CrawlReport | undefined> {
  const bytes = await readFile(path);
  return bytes === undefined ? undefined : parseReport(new TextDecoder().decode(bytes));
}
