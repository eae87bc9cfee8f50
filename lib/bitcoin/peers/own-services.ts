/**
 * What a node offers to its peers.
 *
 * @module
 */
import type { BitcoinMode } from "../mode.ts";
import { ServiceFlag } from "../types/mod.ts";

/** The service bits of a node. */
export function ownServices({ mode, isPruned, v2, hasFilters }: {
  readonly mode: BitcoinMode;
  readonly isPruned: boolean;
  readonly v2: boolean;
  /** Whether peers may ask for the filter of every block. */
  readonly hasFilters: boolean;
}): bigint {
  const transport = v2 ? ServiceFlag.P2P_V2 : 0n;
  if (mode !== "full") return transport;
  const history = isPruned ? 0n : ServiceFlag.NETWORK;
  const filters = hasFilters ? ServiceFlag.COMPACT_FILTERS : 0n;
  return transport | history | filters | ServiceFlag.NETWORK_LIMITED | ServiceFlag.WITNESS;
}
