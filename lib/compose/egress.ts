/**
 * The ways out of this machine, as the configuration wants them: straight or through a proxy, which networks, whose names.
 *
 * @module
 */
import type { NodeConfig } from "../config.ts";
import type { Dialer, PeerAddress } from "../core/ports.ts";
import { Reachability, type SeedUse } from "../core/reachability.ts";
import type { Drivers } from "./chain.ts";
import { socks5Dialer } from "../transport/socks5.ts";

/** What of the platform the ways out are made of. */
export type EgressDrivers = Pick<
  Drivers,
  "dialer" | "resolveHost" | "clock" | "random" | "secureDuplex" | "nameServerResolver"
>;

/** The ways out of one node. */
export interface Egress {
  readonly dialer: Dialer;
  /** Names become addresses here, but for those that only the proxy may look up: they stay names. */
  readonly resolveHost: (name: string) => Promise<string[]>;
  /** Networks whose addresses are dialled of our own accord. */
  readonly networks: readonly string[];
  /** How the names of seeds may be used. */
  readonly seeds: SeedUse;
  /** Where everything goes through. */
  readonly proxy?: PeerAddress;
}

/** @throws NodeError `CONFIG_INVALID` when networks are selected of which none can be reached */
export function egressOf({ egress: wanted }: NodeConfig, drivers: EgressDrivers, signal: AbortSignal): Egress {
  const { proxy, only, dnsServer } = wanted ?? {};
  const reachability = new Reachability({ ...(only && { only }), hasProxy: proxy !== undefined });
  const { clock, random, dialer, secureDuplex: secure, resolveHost, nameServerResolver } = drivers;
  const lookUp = dnsServer === undefined ? resolveHost : nameServerResolver({ server: dnsServer, signal });
  return {
    dialer: proxy === undefined
      ? dialer
      : socks5Dialer({ proxy, dialer, clock, random, secure, credentials: proxy.credentials ?? "isolate" }),
    resolveHost: (name) => (reachability.needsLookup(name) ? lookUp(name) : Promise.resolve([name])),
    networks: reachability.networks,
    seeds: reachability.seeds,
    ...(proxy && { proxy: { host: proxy.host, port: proxy.port } }),
  };
}
