/**
 * How Chia's outgoing connections are chosen: the reference's numbers for the engine in `lib/core/dialling/dialling.ts`.
 *
 * @see spec section f; chia-blockchain 2.7.5 `chia/server/node_discovery.py`
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { HeardAddress } from "../../core/addresses/rules.ts";
import type { NodeParts } from "../../core/node-parts.ts";
import type { DiallingRules } from "../../core/peer-network.ts";
import type { ChiaPeer } from "./peer.ts";

const RETRY_MS = 1_800_000;
const FEELER_MEAN_MS = 240_000;

/** Of what a node is made, what its dialling goes by. */
export interface ChiaDiallingParts extends Pick<NodeParts, "outbound" | "resolve" | "seeds"> {
  readonly chain: { readonly network: { readonly dnsSeeds: readonly string[]; readonly defaultPort: number } };
  /** Asks peers that only tell addresses; when the seeds gave none that are new. */
  readonly askIntroducers?: () => Promise<readonly HeardAddress[]>;
}

/** The rules of a node. */
export function chiaDialling(parts: ChiaDiallingParts): DiallingRules<ChiaPeer> {
  const { chain: { network }, outbound, resolve, seeds, askIntroducers } = parts;
  return {
    dnsSeeds: seeds ?? network.dnsSeeds,
    defaultPort: network.defaultPort,
    ...(askIntroducers && { askIntroducers }),
    resolve,
    slots: { full: outbound, blockRelay: 0 },
    retryMs: RETRY_MS,
    feelerMeanMs: FEELER_MEAN_MS,
    extraMeanMs: Infinity,
    isSame: (one, other) => equalBytes(one.session.nodeId, other.session.nodeId),
  };
}
