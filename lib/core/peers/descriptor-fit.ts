/**
 * Fits the numbers of connections to the file descriptors that the process may have, so that the node makes room for
 * newcomers as it does elsewhere, and does not find out at the last one.
 *
 * @module
 */

/** Descriptors for the runtime, files and RPC. */
const KEPT = 32;
/** Of the kept ones, those for RPC. */
const KEPT_FOR_RPC = 8;
/** Connections beside the outbound ones that are aimed at: two for blocks only, one extra one or a feeler. */
const OUTBOUND_EXTRA = 3;
const RPC_MAX = 256;

/** Inbound connections of a network that may be shaking hands. */
export const OPENING_MAX = 128;

/** The connections of one chain. */
export interface ChainBounds {
  /** Peers in both directions. */
  readonly peersMax: number;
  readonly outbound: number;
}

/** What fits. */
export interface FittedBounds<C> {
  readonly chains: readonly C[];
  /** Inbound connections of a chain that may be shaking hands. */
  readonly openingMax: number;
  /** Connections of one RPC port. */
  readonly rpcConnectionsMax: number;
  /** Says what was made less, when something was. */
  readonly warning?: string;
}

/** Makes bounds fit. `limit`: descriptors that the process may have; undefined where nobody knows. */
export function fitToDescriptors<C extends ChainBounds>(
  limit: number | undefined,
  chains: readonly C[],
  rpcPorts: number,
): FittedBounds<C> {
  const wanted = chains.reduce((sum, { peersMax }) => sum + peersMax + OUTBOUND_EXTRA + OPENING_MAX, 0);
  if (limit === undefined || limit >= KEPT + wanted + rpcPorts * RPC_MAX) {
    return { chains, openingMax: OPENING_MAX, rpcConnectionsMax: RPC_MAX };
  }
  const free = Math.max(0, limit - KEPT);
  const forRpc = KEPT_FOR_RPC + Math.floor(free / 4);
  const rpcConnectionsMax = Math.min(RPC_MAX, Math.max(4, Math.floor(forRpc / Math.max(1, rpcPorts))));
  const forChain = Math.floor((free - Math.floor(free / 4)) / Math.max(1, chains.length));
  const openingMax = Math.min(OPENING_MAX, Math.max(4, Math.floor(forChain / 4)));
  const fitted = chains.map((chain) => {
    const peersMax = Math.min(chain.peersMax, Math.max(2, forChain - openingMax - OUTBOUND_EXTRA));
    return { ...chain, peersMax, outbound: Math.min(chain.outbound, Math.max(1, peersMax - 1)) };
  });
  const peers = fitted.map(({ peersMax }) => peersMax).join(" and ");
  const warning = `only ${limit} file descriptors: at most ${peers} peers, ${openingMax} handshakes at a time and ` +
    `${rpcConnectionsMax} RPC connections; raise the limit (ulimit -n, LimitNOFILE) to at least ${
      KEPT + wanted + rpcPorts * RPC_MAX
    }`;
  return { chains: fitted, openingMax, rpcConnectionsMax, warning };
}
