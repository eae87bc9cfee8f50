/**
 * A node's configuration in one call.
 *
 * @module
 */
import { type ChainConfig, DEFAULTS, freezeConfig, type NodeConfig, pathsBelow } from "./config.ts";

/**
 * A configuration by the defaults: everything lies below one folder, no RPC is served, and the log has warnings only.
 *
 * @example
 * ```ts
 * import { DEFAULTS, standardConfig } from "gemel";
 *
 * const config = standardConfig("/data", [{ ...DEFAULTS.bitcoin, chain: "bitcoin" }], { database: "memory" });
 * assert.deepEqual([config.paths.data, config.rpc], ["/data", undefined]);
 * ```
 */
export function standardConfig(
  dataDir: string,
  chains: readonly ChainConfig[],
  more: Partial<NodeConfig> = {},
): NodeConfig {
  return freezeConfig({
    chains,
    paths: pathsBelow(dataDir),
    database: "sqlite",
    cacheBytesMax: DEFAULTS.cacheBytesMax,
    log: { ...DEFAULTS.log, level: "warning" },
    allowLoopbackExempt: false,
    shutdownTimeoutMs: DEFAULTS.shutdownTimeoutMs,
    ...more,
  });
}
