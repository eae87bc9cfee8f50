/**
 * What a crawl found as a document: nodes, totals, and where it began and ended. JSON in, JSON out; tables and pages are
 * made from it.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { CrawledNode, CrawlResult } from "./crawler.ts";

/** One node of a document. Times are ISO 8601. */
export interface ReportNode {
  readonly host: string;
  readonly port: number;
  readonly network: string;
  readonly reachable: boolean;
  /** Bits in hex, `0x409`; null when it was not reached. */
  readonly services: string | null;
  readonly service_names: readonly string[];
  readonly protocol_version: string | null;
  readonly user_agent: string | null;
  readonly height: number | null;
  /** From a question to its answer. */
  readonly latency_ms: number | null;
  /** The whole visit, from the dial. */
  readonly visit_ms: number;
  /** Addresses that it told, and who told its own. */
  readonly told: number;
  readonly told_by: string;
  readonly first_seen: string;
  readonly last_seen: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** How often something was found. */
export interface Count {
  readonly name: string;
  readonly nodes: number;
}

/** Sums over the nodes that were reached, most frequent first. */
export interface Totals {
  readonly user_agents: readonly Count[];
  readonly protocol_versions: readonly Count[];
  readonly services: readonly Count[];
  readonly networks: readonly Count[];
  /** Over those that were not. */
  readonly errors: readonly Count[];
  readonly height: { readonly min: number; readonly median: number; readonly max: number } | null;
  readonly latency_ms:
    | { readonly p10: number; readonly p50: number; readonly p90: number; readonly p99: number }
    | null;
}

/** A crawl as a document. */
export interface CrawlReport {
  readonly format: "gemel-crawl";
  readonly version: 1;
  readonly chain: string;
  readonly network: string;
  /** The network's port, at which a seed's answers are dialled. */
  readonly default_port: number;
  readonly started: string;
  readonly ended: string;
  readonly end: CrawlResult["ended"];
  readonly known: number;
  readonly visited: number;
  readonly reachable: number;
  readonly undialable: number;
  readonly dropped: number;
  readonly totals: Totals;
  readonly nodes: readonly ReportNode[];
}

/** What a document is about. */
export interface ReportSubject {
  readonly chain: string;
  readonly network: string;
  readonly defaultPort: number;
}

const iso = (ms: number) => new Date(ms).toISOString();
const round = (ms: number) => Math.round(ms * 10) / 10;

/** The document of a crawl; an earlier one of the same network lends its nodes' times. */
export function reportOf(result: CrawlResult, subject: ReportSubject, before?: CrawlReport): CrawlReport {
  const isSame = before?.chain === subject.chain && before.network === subject.network;
  const earlier = new Map(isSame ? before.nodes.map((node) => [`${node.host} ${node.port}`, node]) : []);
  const nodes = result.nodes.map((node) => nodeOf(node, earlier.get(`${node.host} ${node.port}`)));
  return {
    format: "gemel-crawl",
    version: 1,
    chain: subject.chain,
    network: subject.network,
    default_port: subject.defaultPort,
    started: iso(result.startedAt),
    ended: iso(result.endedAt),
    end: result.ended,
    known: result.known,
    visited: nodes.length,
    reachable: nodes.filter(({ reachable }) => reachable).length,
    undialable: result.undialable,
    dropped: result.dropped,
    totals: totalsOf(nodes),
    nodes,
  };
}

function nodeOf(node: CrawledNode, earlier: ReportNode | undefined): ReportNode {
  const { said } = node;
  return {
    host: node.host,
    port: node.port,
    network: node.network,
    reachable: node.reachable,
    services: said === undefined ? null : `0x${said.services.toString(16)}`,
    service_names: said?.serviceNames ?? [],
    protocol_version: said?.protocolVersion ?? null,
    user_agent: said?.userAgent ?? null,
    height: said?.height ?? null,
    latency_ms: node.latencyMs === undefined ? null : round(node.latencyMs),
    visit_ms: round(node.visitMs),
    told: node.told,
    told_by: node.toldBy,
    first_seen: earlier?.first_seen ?? iso(node.firstSeen),
    last_seen: node.lastSeen === undefined ? earlier?.last_seen ?? null : iso(node.lastSeen),
    error: node.error ?? null,
  };
}

/** How often each name occurs, most frequent first, then by name. */
function count(names: Iterable<string>): Count[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, nodes]) => ({ name, nodes }))
    .sort((a, b) => b.nodes - a.nodes || (a.name < b.name ? -1 : 1));
}

/** The sums of a list of nodes. */
export function totalsOf(nodes: readonly ReportNode[]): Totals {
  const reached = nodes.filter(({ reachable }) => reachable);
  const heights = reached.flatMap(({ height }) => height ?? []).sort((a, b) => a - b);
  const latencies = reached.flatMap(({ latency_ms }) => latency_ms ?? []).sort((a, b) => a - b);
  return {
    user_agents: count(reached.map(({ user_agent }) => user_agent || "(none)")),
    protocol_versions: count(reached.map(({ protocol_version }) => protocol_version || "(none)")),
    services: count(reached.flatMap(({ service_names }) => service_names)),
    networks: count(reached.map(({ network }) => network)),
    errors: count(nodes.flatMap(({ error }) => error?.code ?? [])),
    height: heights.length === 0 ? null : { min: heights[0]!, median: quantile(heights, 0.5), max: heights.at(-1)! },
    latency_ms: latencies.length === 0 ? null : {
      p10: quantile(latencies, 0.1),
      p50: quantile(latencies, 0.5),
      p90: quantile(latencies, 0.9),
      p99: quantile(latencies, 0.99),
    },
  };
}

/** The value below or at which a share of a sorted, filled list lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** Reads a document. @throws NodeError `CRAWL_FILE_INVALID`, fault `self`, naming what is wrong */
export function parseReport(text: string): CrawlReport {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
  const report = read as Partial<CrawlReport> | null;
  if (typeof report !== "object" || report === null || report.format !== "gemel-crawl") {
    throw invalid("it is no crawl of gemel (write one with: gemel crawl … --out FILE.json)");
  }
  if (report.version !== 1) throw invalid(`its version is ${String(report.version)}, this program reads 1`);
  const isText = [report.chain, report.network].every((each) => typeof each === "string");
  if (!isText || !Number.isInteger(report.default_port)) throw invalid("it does not say of which network it is");
  if (!Array.isArray(report.nodes)) throw invalid("it has no list of nodes");
  const wrong = report.nodes.findIndex((node) => !isNode(node));
  if (wrong >= 0) throw invalid(`its node ${wrong} is malformed`);
  return report as CrawlReport;
}

function isNode(node: unknown): boolean {
  const { host, port, reachable, services, height, first_seen, last_seen } = (node ?? {}) as Partial<ReportNode>;
  return typeof host === "string" && host.length <= 64 && Number.isInteger(port) && port! > 0 && port! <= 65_535 &&
    typeof reachable === "boolean" && typeof first_seen === "string" &&
    (last_seen === null || typeof last_seen === "string") && (height === null || Number.isInteger(height)) &&
    (services === null || (typeof services === "string" && /^0x[0-9a-f]{1,16}$/.test(services)));
}

function invalid(what: string, cause?: unknown): NodeError {
  return new NodeError("CRAWL_FILE_INVALID", "self", `the crawl file cannot be used: ${what}`, { cause });
}

const COLUMNS = [
  "host",
  "port",
  "network",
  "reachable",
  "services",
  "service_names",
  "protocol_version",
  "user_agent",
  "height",
  "latency_ms",
  "visit_ms",
  "told",
  "told_by",
  "first_seen",
  "last_seen",
  "error",
] as const satisfies readonly (keyof ReportNode)[];

/** The nodes as CSV (RFC 4180) with a header. */
export function toCsv({ nodes }: CrawlReport): string {
  const rows = nodes.map((node) => COLUMNS.map((column) => cell(valueOf(node, column))).join(","));
  return [COLUMNS.join(","), ...rows, ""].join("\r\n");
}

function valueOf(node: ReportNode, column: typeof COLUMNS[number]): string {
  if (column === "error") return node.error === null ? "" : `${node.error.code}: ${node.error.message}`;
  return column === "service_names" ? node.service_names.join(" ") : String(node[column] ?? "");
}

/** A field. What a spreadsheet would take for a formula is a peer's text, and is marked as text. */
function cell(text: string): string {
  const marked = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(marked) ? `"${marked.replaceAll('"', '""')}"` : marked;
}
