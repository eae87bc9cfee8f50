/**
 * The networks of Bitcoin.
 *
 * @module
 */
import { mainnet } from "./mainnet.ts";
import type { BitcoinNetwork } from "./network.ts";
import { regtest } from "./regtest.ts";
import { signet } from "./signet.ts";
import { testnet3 } from "./testnet3.ts";
import { testnet4 } from "./testnet4.ts";

export type { AssumedCoins } from "./assumed-coins.ts";
export { type GenesisBlock, genesisBlock } from "./genesis.ts";
export { mainnet } from "./mainnet.ts";
export type {
  Base58Prefixes,
  BitcoinNetwork,
  ForkHeights,
  HeadersSyncParams,
  KnownBlock,
  PowParams,
  ScriptFlagException,
} from "./network.ts";
export { regtest } from "./regtest.ts";
export { customSignet, signet, signetMagic } from "./signet.ts";
export { testnet3 } from "./testnet3.ts";
export { testnet4 } from "./testnet4.ts";

/** Every network by its name. */
export const networks: Readonly<Record<string, BitcoinNetwork>> = {
  mainnet,
  testnet3,
  testnet4,
  signet,
  regtest,
};

/**
 * The network of a name, also by the names of Core's `-chain` (`main`, `test`); undefined when there is none.
 *
 * @example
 * ```ts
 * import { networkByName } from "gemel";
 *
 * assert.equal(networkByName("signet")?.defaultPort, 38333);
 * assert.equal(networkByName("nonsense"), undefined);
 * ```
 */
export function networkByName(name: string): BitcoinNetwork | undefined {
  return Object.values(networks).find((network) => network.name === name || network.chain === name);
}
