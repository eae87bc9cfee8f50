/**
 * How Bitcoin's outgoing connections are chosen: Core's numbers for the engine in `lib/core/dialling/dialling.ts`.
 *
 * @see spec section f.1; Bitcoin Core `net.cpp` ThreadOpenConnections
 * @module
 */
import { REQUIRED_SERVICES } from "./handshake.ts";
import type { NodeParts } from "../../core/node-parts.ts";
import type { DiallingRules } from "../../core/peer-network.ts";
import type { BitcoinMode } from "../mode.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import type { BitcoinPeer } from "./peer.ts";
import { ServiceFlag } from "../types/mod.ts";

/** Outgoing connections for blocks only. */
export const BLOCK_RELAY_PEERS = 2;
const RETRY_MS = 600_000;
const FEELER_MEAN_MS = 120_000;
const EXTRA_MEAN_MS = 300_000;

/** Of what a node is made, what its dialling goes by. */
export interface BitcoinDiallingParts
  extends Pick<NodeParts, "outbound" | "resolve" | "seeds" | "usesFixedSeeds" | "visitSeed"> {
  readonly network: BitcoinNetwork;
  readonly mode: BitcoinMode;
  readonly isTipStale: () => boolean;
  readonly isSynced: () => boolean;
}

/** The rules of a node. */
export function bitcoinDialling(parts: BitcoinDiallingParts): DiallingRules<BitcoinPeer> {
  const { network, mode, isTipStale, isSynced } = parts;
  const needed = REQUIRED_SERVICES | (mode === "filters" ? ServiceFlag.COMPACT_FILTERS : 0n);
  // Seeds are asked for peers with these bits, as Core's crawlers name them.
  const prefix = `x${needed.toString(16)}.`;
  return {
    // Through a proxy the plain name is dialled: what a prefix would ask for, only DNS could answer.
    dnsSeeds: parts.seeds ?? network.dnsSeeds.map((seed) => (parts.visitSeed === undefined ? prefix + seed : seed)),
    // Core too takes it that seeds tell of full nodes.
    seedServices: REQUIRED_SERVICES,
    // Not every seed knows the prefix: then its plain name must do.
    resolve: async (name) => {
      const seed = network.dnsSeeds.find((each) => name === prefix + each);
      if (seed === undefined) return await parts.resolve(name);
      const found = await parts.resolve(name).catch(() => []);
      return found.length > 0 ? found : await parts.resolve(seed);
    },
    fixedSeeds: parts.usesFixedSeeds === false
      ? []
      : network.seedHosts.map((host) => ({ host, port: network.defaultPort })),
    defaultPort: network.defaultPort,
    slots: { full: parts.outbound, blockRelay: mode === "full" && parts.outbound > 0 ? BLOCK_RELAY_PEERS : 0 },
    retryMs: RETRY_MS,
    feelerMeanMs: FEELER_MEAN_MS,
    extraMeanMs: EXTRA_MEAN_MS,
    offersEnough: ({ services }) => services === 0n || (services & needed) === needed,
    isTipStale,
    isSynced,
    isBusy: ({ session }) => session.awaitsMore(),
    isSame: (one, other) => one.id === other.id,
  };
}
