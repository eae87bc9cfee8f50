/**
 * From settings to a frozen {@link NodeConfig}: which chains run, what each setting means, and what does not go together.
 *
 * @module
 */
import {
  type ChainConfig,
  CHIA_NETWORK_NAMES,
  DEFAULTS,
  freezeConfig,
  networkByName,
  networkNamed,
  networks,
  type NodeConfig,
  type RpcConfig,
} from "../mod.ts";
import { CHAIN_SETTINGS } from "./chain-settings.ts";
import { NODE_SETTINGS } from "./node-settings.ts";
import { type PathSources, resolvePaths } from "./paths.ts";
import {
  type ChainContext,
  type ChainName,
  type ChainPatch,
  CHAINS,
  configError,
  type Files,
  type NodePatch,
} from "./setting.ts";
import { type Given, nearest, type Origin, type Settings } from "./settings.ts";

/** What the outside world is asked while a configuration is built. */
export interface Surroundings extends PathSources, Files {
  /** Whether colours are wanted on the log's output. */
  readonly color: boolean;
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
  const chains = chainsOf(settings);
  // Each value of these comes from the table, which has a default for every one that is needed.
  const { rpc, log, ...values } = nodeValues(settings) as NodeConfig;
  if (typeof values.database === "object" && values.database.url === undefined) {
    throw configError("db-password-file: needs db, the URL of a server");
  }
  if (rpc?.rest === true && rpc.bitcoinHttp === undefined) throw configError("rest: needs btc-rpc-http");
  return freezeConfig<NodeConfig>({
    ...values,
    chains: await Promise.all(chains.map((chain) => chainConfig(settings, chain, around))),
    paths: resolvePaths(text(settings.get("data-dir")), around),
    rpc: { ...DEFAULTS.rpc, ...rpc },
    log: { ...log, color: around.color },
  });
}

/** Where RPC listens, and by which further names it is called. */
export function rpcPlaces(settings: Settings): Pick<RpcConfig, "listen" | "allowedHosts"> {
  const { listen, allowedHosts } = { ...DEFAULTS.rpc, ...nodeValues(settings, ["rpc", "rpc-host"]).rpc };
  return { listen, allowedHosts };
}

/** What the settings of the node mean together: all, or those of some keys. */
function nodeValues(settings: Settings, keys?: readonly string[]): NodePatch {
  const values: Record<string, unknown> = {};
  for (const { key, standard, read, readAll } of NODE_SETTINGS) {
    if (keys !== undefined && !keys.includes(key)) continue;
    const given = settings.get(key);
    const one = text(given) ?? standard;
    const patch = given !== undefined && readAll !== undefined
      ? readAll(texts(given))
      : one === undefined
      ? undefined
      : read?.(one);
    for (const [name, value] of Object.entries(patch ?? {})) {
      const before = values[name];
      values[name] = typeof value === "object" && typeof before === "object" ? { ...before, ...value } : value;
    }
  }
  return values;
}

/** The chains that are to run, checked against the bare settings, which must tell whose they are. */
function chainsOf(settings: Settings): readonly ChainName[] {
  const names = texts(settings.get("chain"));
  for (const name of names) {
    if ((CHAINS as readonly string[]).includes(name)) continue;
    const near = nearest(name, CHAINS);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    throw configError(`chain: this gemel runs ${CHAINS.join(", ")}, not ${name}${hint}`);
  }
  if (new Set(names).size !== names.length) throw configError("chain: each chain once");
  const chains = names.length > 0 ? names as ChainName[] : chainsByNetwork(settings);
  const [only, other] = chains;
  if (other !== undefined) {
    const bare = CHAIN_SETTINGS.find(({ key, only }) => settings.has(key) && only === undefined && key !== "network");
    if (bare !== undefined) throw configError(`${bare.key}: which chain's? Name it: ${only}.${bare.key}`);
  }
  const foreign = CHAIN_SETTINGS.find(({ key, only }) =>
    settings.has(key) && only !== undefined && !chains.includes(only)
  );
  if (foreign !== undefined) throw configError(`${foreign.key}: only ${foreign.only} has it, which does not run`);
  return chains;
}

/** Without a word on the chain, those that have a network of the given name; both without any name. */
function chainsByNetwork(settings: Settings): readonly ChainName[] {
  const name = text(settings.get("network"));
  if (name === undefined) return CHAINS;
  const having = CHAINS.filter((chain) =>
    chain === "bitcoin" ? networkByName(name) !== undefined : CHIA_NETWORK_NAMES.includes(name)
  );
  if (having.length > 0) return having;
  const known = [`chia ${CHIA_NETWORK_NAMES.join(", ")}`, `bitcoin ${Object.keys(networks).join(", ")}`].join("; ");
  throw configError(`network: none is called ${name}; there are ${known}`);
}

/** The network that a chain follows. */
function networkOf(chain: ChainName, name: string): { readonly name: string; readonly defaultPort: number } {
  if (chain === "chia") return networkNamed(name);
  const network = networkByName(name);
  if (network !== undefined) return network;
  throw configError(`no Bitcoin network is called ${name}; there are ${Object.keys(networks).join(", ")}`);
}

async function chainConfig(settings: Settings, chain: ChainName, { readText }: Files): Promise<ChainConfig> {
  const network = networkOf(chain, text(chainSetting(settings, chain, "network")) ?? DEFAULTS[chain].network);
  const context: ChainContext = { chain, network: network.name, port: network.defaultPort, readText };
  const values: ChainPatch = {};
  for (const { key, only, read, readAll } of CHAIN_SETTINGS) {
    const given = chainSetting(settings, chain, key);
    if (given === undefined || (only !== undefined && only !== chain)) continue;
    const patch = await (readAll?.(texts(given), context) ?? read?.(String(given.value), context));
    // Each setting of the mempool is one value of its policy.
    const mempool = { ...values.mempool, ...patch?.mempool };
    Object.assign(values, patch, patch?.mempool && { mempool });
  }
  const { connect = [], added = [], pruneBytes, transactionIndex } = values;
  if (connect.length > 0 && added.length > 0) throw configError("add-peer: with connect there are no other peers");
  if (pruneBytes !== undefined && transactionIndex === true) {
    throw configError("txindex: an index needs all blocks; drop prune");
  }
  const place = { network: network.name, ...values };
  if (chain === "chia") return { ...DEFAULTS.chia, chain, ...place };
  return { ...DEFAULTS.bitcoin, chain, ...place, ...filtersOf(values) };
}

/** Whether filters are kept and given to peers. A pruned folder may lack what they are made from: there they are asked for. */
function filtersOf(
  { filterIndex, peerFilters, pruneBytes, mode = DEFAULTS.bitcoin.mode }: ChainPatch,
): Pick<ChainPatch, "filterIndex" | "peerFilters"> {
  if (filterIndex === true && mode !== "full") throw configError("blockfilterindex: needs --mode full");
  const isKept = mode === "full" && (filterIndex ?? (DEFAULTS.bitcoin.filterIndex && pruneBytes === undefined));
  if (peerFilters === true && !isKept) throw configError("Cannot set peerblockfilters without blockfilterindex.");
  return { filterIndex: isKept, peerFilters: isKept && (peerFilters ?? DEFAULTS.bitcoin.peerFilters) };
}
