/**
 * From settings to a frozen {@link NodeConfig}: paths, addresses, and the constants file read.
 *
 * @module
 */
import {
  type ChainConfig,
  DEFAULTS,
  freezeConfig,
  networkNamed,
  type NodeConfig,
  type NodePaths,
  pathsBelow,
} from "../mod.ts";
import { isAbsolute, join, resolve } from "node:path";
import { CHAIN_KEYS, CHAINS, configError, type Given, nearest, type Origin, type Settings } from "./settings.ts";
import { parseAddress, parseLogLevel, parseSize, parseTime, parseWhole } from "./values.ts";

/** What the outside world is asked while a configuration is built. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  /** Text of a file; throws when it cannot be read. */
  readText(path: string): Promise<string>;
  /** Whether colours are wanted on the log's output. */
  readonly color: boolean;
}

/** Where things are by the XDG rules: config, data and state each in its own folder. */
export function xdgPaths({ environment, homeDir }: Pick<Surroundings, "environment" | "homeDir">): NodePaths {
  // The specification tells to ignore a relative path.
  const folder = (name: string, standard: string) => {
    const given = environment[name];
    return join(given !== undefined && isAbsolute(given) ? given : join(homeDir, standard), "gemel");
  };
  const config = folder("XDG_CONFIG_HOME", ".config");
  return {
    data: folder("XDG_DATA_HOME", ".local/share"),
    ssl: join(config, "ssl"),
    token: join(config, "token"),
    state: join(folder("XDG_STATE_HOME", ".local/state"), "log"),
  };
}

/** The paths for a `--data-dir`, or the XDG ones without. */
export function resolvePaths(
  dataDir: string | undefined,
  around: Pick<Surroundings, "environment" | "homeDir">,
): NodePaths {
  return dataDir === undefined ? xdgPaths(around) : pathsBelow(resolve(dataDir));
}

/** Where the configuration file is looked for. */
export function configPath(dataDir: string | undefined, around: Pick<Surroundings, "environment" | "homeDir">): string {
  return dataDir === undefined
    ? join(xdgPaths(around).token, "..", "config.toml")
    : join(resolve(dataDir), "config.toml");
}

const text = (given: Given | undefined): string | undefined => given === undefined ? undefined : String(given.value);
const texts = (given: Given | undefined): readonly string[] =>
  given === undefined ? [] : typeof given.value === "string" ? [given.value] : given.value;

const RANK: Record<Origin, number> = { flag: 3, environment: 2, file: 1, default: 0 };

/** A chain's setting: with the chain's name or bare; the higher origin wins, and the named one among equals. */
function chainSetting(settings: Settings, chain: string, key: string): Given | undefined {
  const named = settings.get(`${chain}.${key}`);
  const bare = settings.get(key);
  if (named === undefined || bare === undefined) return named ?? bare;
  return RANK[bare.origin] > RANK[named.origin] ? bare : named;
}

/** Builds the configuration. Throws `CONFIG_INVALID`, `NETWORK_UNKNOWN` or `CONSTANTS_INVALID`. */
export async function buildConfig(settings: Settings, around: Surroundings): Promise<NodeConfig> {
  const names = texts(settings.get("chain"));
  const chains = names.length === 0 ? [...CHAINS] : names;
  for (const name of chains) {
    if ((CHAINS as readonly string[]).includes(name)) continue;
    const near = nearest(name, CHAINS);
    const hint = name === "bitcoin"
      ? "; bitcoin is not in this version"
      : near === undefined
      ? ""
      : `; did you mean ${near}?`;
    throw configError(`chain: this gemel runs ${CHAINS.join(", ")}, not ${name}${hint}`);
  }
  if (new Set(chains).size !== chains.length) throw configError("chain: each chain once");
  if (chains.length > 1) {
    const bare = CHAIN_KEYS.find((key) => settings.has(key));
    if (bare !== undefined) throw configError(`${bare}: which chain's? Name it: ${chains[0]}.${bare}`);
  }
  const db = text(settings.get("db")) ?? "sqlite";
  if (db !== "sqlite" && db !== "memory") throw configError("db: sqlite or memory");
  const format = text(settings.get("log-format")) ?? DEFAULTS.log.format;
  if (format !== "text" && format !== "json") throw configError("log-format: text or json");
  const rpcText = text(settings.get("rpc"));
  return freezeConfig<NodeConfig>({
    chains: await Promise.all(chains.map((chain) => chainConfig(settings, chain, around))),
    paths: resolvePaths(text(settings.get("data-dir")), around),
    database: db,
    cacheBytesMax: parseSize(text(settings.get("memory")) ?? `${DEFAULTS.cacheBytesMax}`, "memory"),
    rpc: {
      ...DEFAULTS.rpc,
      listen: rpcText === undefined ? DEFAULTS.rpc.listen : parseAddress(rpcText, "rpc"),
      allowedHosts: texts(settings.get("rpc-host")),
    },
    log: { ...parseLogLevel(text(settings.get("log-level")) ?? "info", "log-level"), format, color: around.color },
    allowLoopbackExempt: text(settings.get("exempt-loopback")) === "true",
    shutdownTimeoutMs: parseTime(text(settings.get("shutdown-timeout")) ?? "8s", "shutdown-timeout"),
  });
}

async function chainConfig(settings: Settings, chain: string, around: Surroundings): Promise<ChainConfig> {
  const given = (key: string) => chainSetting(settings, chain, key);
  const network = networkNamed(text(given("network")) ?? DEFAULTS.chia.network);
  const constants = text(given("constants"));
  const listen = text(given("listen"));
  let constantsJson: string | undefined;
  if (constants !== undefined) {
    try {
      constantsJson = await around.readText(constants);
    } catch {
      throw configError(`constants: ${constants} cannot be read`);
    }
  }
  return {
    chain: "chia",
    network: network.name,
    ...(constantsJson !== undefined && { constantsJson }),
    connect: texts(given("connect")).map((address) => parseAddress(address, "connect", network.defaultPort)),
    ...(listen !== undefined && { listen: parseAddress(listen, "listen", network.defaultPort) }),
    peersMax: parseWhole(text(given("max-peers")) ?? `${DEFAULTS.chia.peersMax}`, "max-peers", 1, 1_000),
    outbound: parseWhole(text(given("outbound")) ?? `${DEFAULTS.chia.outbound}`, "outbound", 0, 1_000),
  };
}
