/**
 * From settings to a frozen {@link NodeConfig}: paths, addresses, and the constants file read.
 *
 * @module
 */
import {
  type BitcoinMode,
  bitcoinUserAgent,
  type ChainConfig,
  chiaSoftwareVersion,
  DEFAULTS,
  freezeConfig,
  GEMEL_VERSION,
  isHost,
  isLoopback,
  networkByName,
  networkNamed,
  networks,
  type NodeConfig,
  type NodePaths,
  parseNetworkKinds,
  pathsBelow,
  type PeerAddress,
  type PeeringConfig,
  PermissionList,
  type RpcConfig,
  splitPermissionList,
} from "../mod.ts";
import { isIP } from "node:net";
import { isAbsolute, join, resolve } from "node:path";
import {
  CHAIN_KEYS,
  type ChainName,
  CHAINS,
  configError,
  type Given,
  nearest,
  type Origin,
  type Settings,
} from "./settings.ts";
import { parseAddress, parseLogLevel, parsePlace, parseSize, parseTime, parseWhole } from "./values.ts";

/** What the outside world is asked while a configuration is built. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user's folder; throws where there is none. */
  homeDir(): string;
  /** Text of a file; throws when it cannot be read. */
  readText(path: string): Promise<string>;
  /** Whether colours are wanted on the log's output. */
  readonly color: boolean;
}

/** Where things are by the XDG rules: config, data and state each in its own folder. Throws what `homeDir` throws. */
export function xdgPaths({ environment, homeDir }: Pick<Surroundings, "environment" | "homeDir">): NodePaths {
  // The specification tells to ignore a relative path.
  const folder = (name: string, standard: string) => {
    const given = environment[name];
    return join(given !== undefined && isAbsolute(given) ? given : join(homeDir(), standard), "gemel");
  };
  const config = folder("XDG_CONFIG_HOME", ".config");
  return {
    data: folder("XDG_DATA_HOME", ".local/share"),
    ssl: join(config, "ssl"),
    token: join(config, "token"),
    state: join(folder("XDG_STATE_HOME", ".local/state"), "log"),
  };
}

/** The paths for a `--data-dir`, or the XDG ones without. Throws `CONFIG_INVALID` for a path that is not UTF-8. */
export function resolvePaths(
  dataDir: string | undefined,
  around: Pick<Surroundings, "environment" | "homeDir">,
): NodePaths {
  const paths = dataDir === undefined ? xdgPaths(around) : pathsBelow(resolve(dataDir));
  for (const path of Object.values(paths)) {
    // The runtime has put this character in the place of bytes that it could not read: another folder than was meant.
    if (path.includes("\ufffd")) throw configError(`data-dir: ${JSON.stringify(path)} is not UTF-8`);
  }
  return paths;
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
  const chains = chainsOf(settings);
  const db = text(settings.get("db")) ?? "sqlite";
  if (db !== "sqlite" && db !== "memory") throw configError("db: sqlite or memory");
  const format = text(settings.get("log-format")) ?? DEFAULTS.log.format;
  if (format !== "text" && format !== "json") throw configError("log-format: text or json");
  const plainText = text(settings.get("btc-rpc-http"));
  const plain = plainText === undefined ? undefined : parseAddress(plainText, "btc-rpc-http", 8332);
  if (plain !== undefined && !isLoopback(plain.host)) {
    throw configError(
      `btc-rpc-http: ${plain.host} is not this machine; without TLS it listens on 127.0.0.1 or ::1 only`,
    );
  }
  const cookie = text(settings.get("cookie-file"));
  const upload = text(settings.get("max-upload"));
  const peerMemory = parseSize(text(settings.get("peer-memory")) ?? "192M", "peer-memory");
  if (peerMemory < PEER_MEMORY_BYTES_MIN) throw configError("peer-memory: at least 16M");
  return freezeConfig<NodeConfig>({
    chains: await Promise.all(chains.map((chain) => chainConfig(settings, chain, around))),
    paths: resolvePaths(text(settings.get("data-dir")), around),
    database: db,
    cacheBytesMax: parseSize(text(settings.get("memory")) ?? `${DEFAULTS.cacheBytesMax}`, "memory"),
    peerMemoryBytesMax: peerMemory,
    ...(upload !== undefined && { uploadBytesPerDay: parseSize(upload, "max-upload") }),
    rpc: {
      ...DEFAULTS.rpc,
      ...rpcPlaces(settings),
      ...rpcManners(settings),
      rpcauth: texts(settings.get("rpcauth")),
      ...(plain !== undefined && { bitcoinHttp: plain }),
      ...(cookie !== undefined && { cookieFile: resolve(cookie) }),
    },
    ...reachOf(settings),
    log: { ...parseLogLevel(text(settings.get("log-level")) ?? "info", "log-level"), format, color: around.color },
    allowLoopbackExempt: text(settings.get("exempt-loopback")) === "true",
    shutdownTimeoutMs: parseTime(text(settings.get("shutdown-timeout")) ?? "8s", "shutdown-timeout"),
  });
}

/** Where RPC listens, and by which further names it is called. */
export function rpcPlaces(settings: Settings): Pick<RpcConfig, "listen" | "allowedHosts"> {
  const listen = text(settings.get("rpc"));
  return {
    listen: listen === undefined ? DEFAULTS.rpc.listen : parseAddress(listen, "rpc"),
    allowedHosts: texts(settings.get("rpc-host")).map(hostOf),
  };
}

const COOKIE_MODES: Readonly<Record<string, number>> = { owner: 0o600, group: 0o640, all: 0o644 };

/** How long callers of RPC may take, and who may read the cookie. */
function rpcManners(settings: Settings): Pick<RpcConfig, "serverTimeoutMs" | "cookieMode"> {
  const timeout = text(settings.get("rpc-server-timeout"));
  const serverTimeoutMs = timeout === undefined ? undefined : parseTime(timeout, "rpc-server-timeout");
  if (serverTimeoutMs !== undefined && (serverTimeoutMs < 1_000 || serverTimeoutMs > 86_400_000)) {
    throw configError("rpc-server-timeout: from 1s to 1d");
  }
  const perms = text(settings.get("cookie-perms"));
  const cookieMode = perms === undefined ? undefined : COOKIE_MODES[perms];
  if (perms !== undefined && cookieMode === undefined) throw configError("cookie-perms: owner, group or all");
  return {
    ...(serverTimeoutMs !== undefined && { serverTimeoutMs }),
    ...(cookieMode !== undefined && { cookieMode }),
  };
}

/** A host without a port; an IPv6 address with or without its brackets. */
function hostOf(text: string): string {
  const host = /^\[(.*:.*)\]$/.exec(text)?.[1] ?? text;
  if (isHost(host)) return host;
  throw configError(`rpc-host: ${JSON.stringify(text)} is no host (an IP address or a name, without a port)`);
}

/** How peers are reached. */
function reachOf(settings: Settings): Pick<NodeConfig, "reach"> {
  const proxyText = text(settings.get("proxy"));
  const only = text(settings.get("onlynet"));
  const server = text(settings.get("dns-server"));
  if (proxyText === undefined && only === undefined && server === undefined) return {};
  const dnsServer = server === undefined ? undefined : parsePlace(server, "dns-server", 53);
  if (dnsServer !== undefined && isIP(dnsServer.host) === 0) {
    throw configError(`dns-server: ${dnsServer.host} is a name; an IP address is needed`);
  }
  const kinds = only === undefined ? [] : parseNetworkKinds(only);
  return {
    reach: {
      ...(proxyText !== undefined && { proxy: proxyOf(proxyText) }),
      ...(kinds.length > 0 && { only: kinds }),
      ...(dnsServer !== undefined && { dnsServer }),
    },
  };
}

const PROXY = /^(?:socks5h?:\/\/)?(?:(?<user>[^:@/]+):(?<password>[^@/]+)@)?(?<place>[^@/]+)\/?$/;

function proxyOf(given: string): NonNullable<NonNullable<NodeConfig["reach"]>["proxy"]> {
  const { user, password, place } = PROXY.exec(given)?.groups ?? {};
  // The text may hold a password: it is not repeated.
  if (place === undefined) throw configError("proxy: socks5://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT");
  const address = parsePlace(place, "proxy", 9_050);
  if (user === undefined || password === undefined) return address;
  return { ...address, credentials: { user: decodeURIComponent(user), password: decodeURIComponent(password) } };
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
    const bare = CHAIN_KEYS.find(({ key, only }) => settings.has(key) && only === undefined && key !== "network");
    if (bare !== undefined) throw configError(`${bare.key}: which chain's? Name it: ${only}.${bare.key}`);
  }
  const foreign = CHAIN_KEYS.find(({ key, only }) => settings.has(key) && only !== undefined && !chains.includes(only));
  if (foreign !== undefined) throw configError(`${foreign.key}: only ${foreign.only} has it, which does not run`);
  return chains;
}

/** Without a word on the chain, those that have a network of the given name; both without any name. */
function chainsByNetwork(settings: Settings): readonly ChainName[] {
  const name = text(settings.get("network"));
  if (name === undefined) return CHAINS;
  const having = CHAINS.filter((chain) =>
    chain === "bitcoin" ? networkByName(name) !== undefined : hasChiaNetwork(name)
  );
  // A name that nobody knows is told by the chain that is tried with it.
  return having.length > 0 ? having : CHAINS;
}

function hasChiaNetwork(name: string): boolean {
  try {
    return networkNamed(name).name === name;
  } catch {
    return false;
  }
}

async function chainConfig(settings: Settings, chain: ChainName, around: Surroundings): Promise<ChainConfig> {
  const given = (key: string) => text(chainSetting(settings, chain, key));
  const places = (key: string, port: number) =>
    texts(chainSetting(settings, chain, key)).map((address) =>
      key === "listen" ? parseAddress(address, key, port) : parsePlace(address, key, port)
    );
  const whole = (key: string, standard: number, least: number) =>
    parseWhole(given(key) ?? `${standard}`, key, least, 1_000);
  const list = (key: string) => texts(chainSetting(settings, chain, key));
  return chain === "chia"
    ? await chiaConfig(given, list, places, whole, around)
    : bitcoinConfig(given, list, places, whole);
}

type GivenText = (key: string) => string | undefined;
type GivenTexts = (key: string) => readonly string[];
type Places = (key: string, port: number) => readonly PeerAddress[];
type Whole = (key: string, standard: number, least: number) => number;

const listOf = (given: string | undefined): readonly string[] =>
  given?.split(",").map((part) => part.trim()).filter((part) => part !== "") ?? [];

/** What is the same for both chains. */
function peering(
  given: GivenText,
  list: GivenTexts,
  places: Places,
  whole: Whole,
  port: number,
  standard: { readonly peersMax: number; readonly outbound: number },
): PeeringConfig {
  const connect = places("connect", port);
  const added = places("add-peer", port);
  if (connect.length > 0 && added.length > 0) throw configError("add-peer: with connect there are no other peers");
  const importPeers = given("import-peers");
  const seeds = listOf(given("seed"));
  const wrong = seeds.find((seed) => seed.length > 253 || !/^[a-z0-9_.-]+$/i.test(seed));
  if (wrong !== undefined) throw configError(`seed: ${wrong} is not the name of a DNS seed`);
  const externalHost = given("external-ip");
  if (externalHost !== undefined && isIP(externalHost) === 0) {
    throw configError(`external-ip: ${externalHost} is not an IP address`);
  }
  const seedNodes = places("seed-node", port);
  const timeout = given("peer-timeout");
  const peerTimeoutMs = timeout === undefined ? undefined : parseTime(timeout, "peer-timeout");
  if (peerTimeoutMs !== undefined && peerTimeoutMs < 1_000) throw configError("peer-timeout: at least 1s");
  const userAgentComments = list("ua-comment");
  const networkActive = given("network-active") ?? "on";
  if (!["on", "off"].includes(networkActive)) throw configError("network-active: on or off");
  return {
    connect,
    added,
    ...(seedNodes.length > 0 && { seedNodes }),
    ...(peerTimeoutMs !== undefined && { peerTimeoutMs }),
    ...(userAgentComments.length > 0 && { userAgentComments }),
    ...(networkActive === "off" && { networkActive: false }),
    dns: given("no-dns") !== "true",
    fixedSeeds: given("no-fixed-seeds") !== "true",
    ...(seeds.length > 0 && { seeds }),
    ...(importPeers !== undefined && { importPeers: resolve(importPeers) }),
    ...(externalHost !== undefined && { externalHost }),
    listen: places("listen", port),
    whitelist: whitelistOf(list("whitelist")),
    peersMax: whole("max-peers", standard.peersMax, 1),
    outbound: whole("outbound", standard.outbound, 0),
  };
}

function whitelistOf(given: readonly string[]): readonly string[] {
  const entries = splitPermissionList(given);
  // Made only to find what is wrong before anything is opened.
  void new PermissionList(entries);
  return entries;
}

async function chiaConfig(
  given: GivenText,
  list: GivenTexts,
  places: Places,
  whole: Whole,
  around: Surroundings,
): Promise<ChainConfig> {
  chiaSoftwareVersion(GEMEL_VERSION, list("ua-comment"));
  const network = networkNamed(given("network") ?? DEFAULTS.chia.network);
  const introducers = places("introducer", network.defaultPort);
  const rateLimits = given("rate-limits") ?? "2";
  if (rateLimits !== "2" && rateLimits !== "3") throw configError("rate-limits: 2 or 3");
  const constants = given("constants");
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
    ...(introducers.length > 0 && { introducers }),
    ...(rateLimits === "3" && { rateLimits: 3 }),
    ...peering(given, list, places, whole, network.defaultPort, DEFAULTS.chia),
  };
}

const MODES: readonly BitcoinMode[] = ["headers", "filters", "full"];
/** Less than this ends peers for ordinary blocks. */
const PEER_MEMORY_BYTES_MIN = 16 * 1024 * 1024;
/** Core's least: enough for the blocks that a reorganisation may need. */
const PRUNE_BYTES_MIN = 550 * 1024 * 1024;

function bitcoinConfig(given: GivenText, list: GivenTexts, places: Places, whole: Whole): ChainConfig {
  bitcoinUserAgent(GEMEL_VERSION, list("ua-comment"));
  const name = given("network") ?? DEFAULTS.bitcoin.network;
  const network = networkByName(name);
  if (network === undefined) {
    throw configError(`no Bitcoin network is called ${name}; there are ${Object.keys(networks).join(", ")}`);
  }
  const mode = MODES.find((each) => each === (given("mode") ?? DEFAULTS.bitcoin.mode));
  if (mode === undefined) throw configError(`mode: ${MODES.join(", ")}`);
  const prune = given("prune");
  const pruneBytes = prune === undefined ? undefined : parseSize(prune, "prune");
  const minimumWork = given("min-work");
  const transactionIndex = given("txindex") === "true";
  if (pruneBytes !== undefined && pruneBytes < PRUNE_BYTES_MIN && network.name !== "regtest") {
    throw configError("prune: at least 550M");
  }
  if (pruneBytes !== undefined && transactionIndex) throw configError("txindex: an index needs all blocks; drop prune");
  if (minimumWork !== undefined && !/^(0x)?[0-9a-fA-F]{1,64}$/.test(minimumWork)) {
    throw configError("min-work: a hexadecimal number");
  }
  const asmap = given("asmap");
  const v2 = given("v2") ?? "on";
  if (!["on", "off"].includes(v2)) throw configError("v2: on or off");
  return {
    chain: "bitcoin",
    network: network.name,
    mode,
    ...peering(given, list, places, whole, network.defaultPort, DEFAULTS.bitcoin),
    ...(given("blocks-only") === "true" && { blocksOnly: true }),
    v2: v2 === "on",
    ...(asmap !== undefined && { asMapFile: resolve(asmap) }),
    ...(pruneBytes !== undefined && { pruneBytes }),
    transactionIndex,
    reindex: given("reindex") === "true",
    ...(minimumWork !== undefined && { minimumWork: BigInt(`0x${minimumWork.replace(/^0x/, "")}`) }),
  };
}
