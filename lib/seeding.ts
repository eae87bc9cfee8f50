/**
 * DNS put together: a seeder on a socket, and questions to other seeders.
 *
 * @module
 */
import { ServiceFlag } from "./bitcoin/types/mod.ts";
import { messageOf, NodeError } from "./core/errors.ts";
import type { PeerAddress } from "./core/ports.ts";
import { askDns, type DnsAnswer } from "./crawl/dns-client.ts";
import type { CrawlReport } from "./crawl/report.ts";
import { type SeedNode, seedNodes } from "./crawl/seed-policy.ts";
import { Seeder, type SeederCounts } from "./crawl/seeder.ts";
import type { Platform } from "./platform/platform.ts";

/** How a zone is served. */
export interface SeedServerOptions {
  readonly listen: PeerAddress;
  readonly zone: string;
  /** The name of this server. */
  readonly ns?: string;
  /** What is served first. */
  readonly report: CrawlReport;
  /** Port of the nodes that are told, where it is not the network's own. */
  readonly port?: number;
  /** Answers a second to one asker. */
  readonly perSecond: number;
}

/** A seeder that runs. */
export interface SeedServer {
  readonly address: PeerAddress;
  /** How many nodes it tells of. */
  readonly nodes: number;
  readonly counts: Readonly<SeederCounts>;
  /** Serves another crawl from now on. @throws NodeError `CRAWL_FILE_INVALID` when it is of another network */
  replace(report: CrawlReport): void;
  close(): Promise<void>;
}

/** What of the platform DNS uses. */
export type DnsDrivers = Pick<Platform, "clock" | "random" | "openUdp">;

/** Blocks that a node may be behind the others and be told all the same. */
const LAG_MAX = 144;
const QUERY_TIMEOUT_MS = 2_000;

function goodNodes(report: CrawlReport, port: number | undefined): SeedNode[] {
  const isBitcoin = report.chain === "bitcoin";
  return seedNodes(report, {
    port: port ?? report.default_port,
    services: isBitcoin ? ServiceFlag.NETWORK : 0n,
    ...(isBitcoin ? {} : { serviceName: "FULL_NODE" }),
    lagMax: LAG_MAX,
  });
}

/** Serves a zone from what a crawl found. @throws NodeError as `Platform.listen` does */
export async function serveSeedsWith(options: SeedServerOptions, drivers: DnsDrivers): Promise<SeedServer> {
  const { listen, zone, ns, perSecond, port } = options;
  const { chain, network } = options.report;
  const seeder = new Seeder(
    { zone, ...(ns !== undefined && { ns }), filters: chain === "bitcoin", perSecond },
    drivers,
  );
  let nodes = 0;
  const replace = (report: CrawlReport) => {
    if (report.chain !== chain || report.network !== network) {
      const message =
        `the crawl file is now of ${report.chain} ${report.network}, this zone is for ${chain} ${network}`;
      throw new NodeError("CRAWL_FILE_INVALID", "self", message);
    }
    const good = goodNodes(report, port);
    nodes = good.length;
    seeder.replace(good, Math.floor(Date.parse(report.ended) / 1000) || 1);
  };
  replace(options.report);
  const socket = await drivers.openUdp({
    ...listen,
    onMessage: (bytes, from) => {
      const answer = seeder.answer(bytes, from.host);
      if (answer !== undefined) socket.send(answer, from);
    },
  });
  return {
    address: socket.address,
    get nodes() {
      return nodes;
    },
    counts: seeder.counts,
    replace,
    close: () => socket.close(),
  };
}

/** What a name's seed returned: both questions, or what went wrong with one. */
export interface SeedAnswers {
  readonly name: string;
  readonly answers: readonly (
    & { readonly type: "A" | "AAAA" }
    & (DnsAnswer | { readonly error: string })
  )[];
}

/** Asks a server for the addresses of a name. Never rejects for what the server does. */
export async function querySeedWith(name: string, server: PeerAddress, drivers: DnsDrivers): Promise<SeedAnswers> {
  const { clock, random, openUdp } = drivers;
  const ask = async (type: "A" | "AAAA") => {
    try {
      const answer = await askDns(name, type, {
        clock,
        random,
        timeoutMs: QUERY_TIMEOUT_MS,
        open: async (onMessage) => {
          const socket = await openUdp({
            host: server.host.includes(":") ? "::" : "0.0.0.0",
            port: 0,
            // A datagram from elsewhere answers nothing.
            onMessage: (bytes, from) => from.host === server.host && from.port === server.port && onMessage(bytes),
          });
          return { send: (bytes) => socket.send(bytes, server), close: () => socket.close() };
        },
      });
      return { type, ...answer };
    } catch (thrown) {
      return { type, error: messageOf(thrown) };
    }
  };
  return { name, answers: [await ask("A"), await ask("AAAA")] };
}

/** Asks the system's resolver, which tells neither lifetimes nor why there is nothing. */
export async function querySystemWith(
  name: string,
  { clock, resolveHost }: Pick<Platform, "clock" | "resolveHost">,
): Promise<SeedAnswers> {
  const began = clock.monotonic();
  try {
    const hosts = await resolveHost(name);
    const elapsedMs = clock.monotonic() - began;
    const of = (type: "A" | "AAAA") => {
      const addresses = hosts.filter((host) => host.includes(":") === (type === "AAAA"))
        .map((host) => ({ host, type, ttl: 0 }));
      return { type, rcode: "NOERROR", addresses, truncated: false, bytes: 0, elapsedMs };
    };
    return { name, answers: [of("A"), of("AAAA")] };
  } catch (thrown) {
    return { name, answers: [{ type: "A", error: messageOf(thrown) }] };
  }
}
