/**
 * What a node offers to its peers.
 *
 * @module
 */
import type { BitcoinMode } from "../mode.ts";
import { ServiceFlag } from "../types/mod.ts";

/** The service bits of a node. Block filters are not among them: they cannot be built without earlier outputs. */
export function ownServices({ mode, isPruned, v2 }: {
  readonly mode: BitcoinMode;
  readonly isPruned: boolean;
  readonly v2: boolean;
}): bigint {
  const transport = v2 ? ServiceFlag.P2P_V2 : 0n;
  if (mode !== "full") return transport;
  const history = isPruned ? 0n : ServiceFlag.NETWORK;
  return transport | history | ServiceFlag.NETWORK_LIMITED | ServiceFlag.WITNESS;
}
