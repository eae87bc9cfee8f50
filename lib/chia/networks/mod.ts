/**
 * The Chia networks that this node knows by name.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { mainnet } from "./mainnet.ts";
import type { ChiaNetwork } from "./network.ts";
import { simulator0 } from "./simulator0.ts";
import { testnet11 } from "./testnet11.ts";

export type { ChiaConstants, ChiaNetwork } from "./network.ts";
export { parseConstants, readConstants } from "./constants.ts";

const NETWORKS: readonly ChiaNetwork[] = [mainnet, testnet11, simulator0];

/** The names of the Chia networks that there are. */
export const CHIA_NETWORK_NAMES: readonly string[] = NETWORKS.map(({ name }) => name);

/**
 * The network of this name. @throws NodeError `NETWORK_UNKNOWN`, naming those there are
 *
 * @example
 * ```ts
 * import { networkNamed } from "gemel";
 *
 * assert.equal(networkNamed("mainnet").defaultPort, 8444);
 * ```
 */
export function networkNamed(name: string): ChiaNetwork {
  const found = NETWORKS.find((network) => network.name === name);
  if (found !== undefined) return found;
  throw new NodeError(
    "NETWORK_UNKNOWN",
    "self",
    `no Chia network is called ${name}; there are ${CHIA_NETWORK_NAMES.join(", ")}`,
  );
}
