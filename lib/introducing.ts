/**
 * An introducer put together: a TLS port that tells newcomers of the good nodes of a crawl.
 *
 * @module
 */
import { loadNodeIdentity, publicAuthorities } from "./chia/identity/identity.ts";
import { Introducer } from "./chia/addresses/introducer.ts";
import { networkNamed } from "./chia/networks/mod.ts";
import { GEMEL_VERSION } from "./config.ts";
import { NodeError } from "./core/errors.ts";
import type { PeerAddress } from "./core/ports.ts";
import type { CrawlReport } from "./crawl/report.ts";
import { type SeedNode, seedNodes } from "./crawl/seed-policy.ts";
import type { Platform } from "./platform/platform.ts";

/** How an introducer runs. */
export interface IntroducerServerOptions {
  readonly listen: PeerAddress;
  /** Folder of its certificate, which is made when there is none. */
  readonly identityFolder: string;
  /** The nodes that it tells of first. */
  readonly report: CrawlReport;
  /** Hears of each answer and each connection that failed. */
  readonly notice?: (text: string) => void;
}

/** An introducer that runs. */
export interface IntroducerServer {
  readonly address: PeerAddress;
  /** How many nodes it tells of. */
  readonly nodes: number;
  /** Tells of another crawl's nodes from now on. @throws NodeError `CRAWL_FILE_INVALID` when it is of another network */
  replace(report: CrawlReport): void;
  close(): Promise<void>;
}

/** What of the platform it uses. */
export type IntroducerDrivers = Pick<
  Platform,
  "clock" | "random" | "dialer" | "listen" | "readFile" | "writeFileAtomic" | "makeDir"
>;

/** Blocks that a node may be behind the others and be told all the same. */
const LAG_MAX = 144;

/** Runs an introducer. @throws NodeError `CRAWL_FILE_INVALID` for another chain's crawl, and as `Platform.listen` does */
export async function serveIntroductionsWith(
  options: IntroducerServerOptions,
  drivers: IntroducerDrivers,
): Promise<IntroducerServer> {
  const { listen: where, identityFolder, report, notice } = options;
  const { clock, random, dialer, listen } = drivers;
  let vetted: readonly SeedNode[] = [];
  const replace = (next: CrawlReport) => {
    if (next.chain !== "chia" || next.network !== report.network) {
      const text = `the crawl file is of ${next.chain} ${next.network}, the introducer is for chia ${report.network}`;
      throw new NodeError("CRAWL_FILE_INVALID", "self", text);
    }
    vetted = seedNodes(next, { services: 0n, serviceName: "FULL_NODE", lagMax: LAG_MAX });
  };
  replace(report);
  const identity = await loadNodeIdentity({ folder: identityFolder, files: drivers, clock, random });
  const introducer = new Introducer({
    network: networkNamed(report.network),
    clock,
    random,
    dialer,
    identity,
    softwareVersion: `gemel/${GEMEL_VERSION}`,
    serverPort: where.port,
    vetted: () => vetted.map(({ host, port }) => ({ host, port })),
    ...(notice && { notice }),
  });
  const listener = await listen({
    ...where,
    tls: { identity, authorities: publicAuthorities },
    onConnection: (duplex) => introducer.accept(duplex),
    onFailure: (error, remote) => notice?.(`${remote?.host ?? "?"}: ${error.message}`),
  });
  return {
    address: listener.address,
    get nodes() {
      return vetted.length;
    },
    replace,
    async close() {
      await listener.close();
      await introducer.close();
    },
  };
}
