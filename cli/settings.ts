/**
 * The settings of `gemel run`: one table from which flags, environment names, file keys and `config show` all come.
 * Precedence is flag, environment, file, default; a key that nobody knows is an error with the nearest known name.
 *
 * @module
 */
import { NodeError } from "../mod.ts";

/** One setting. Its key is the flag without dashes, the path in the file, and, in capitals, the environment name. */
export interface Setting {
  readonly key: string;
  /** What stands behind the flag in help; none: a switch. */
  readonly value?: string;
  /** May be given more than once, or as a list in the file. */
  readonly list?: true;
  /** A text of a list may hold commas. */
  readonly commas?: true;
  readonly help: string;
  /** What `config show` prints when nobody set it. */
  readonly standard?: string;
}

/** Chains that this version runs. */
export const CHAINS = ["chia", "bitcoin"] as const;
/** One of {@link CHAINS}. */
export type ChainName = (typeof CHAINS)[number];

/** Settings that a chain has under its own name (`chia.network`), and bare where one chain runs. */
const CHAIN_SETTINGS: readonly (Setting & { readonly only?: ChainName })[] = [
  {
    key: "network",
    value: "NAME",
    help:
      "network to follow: chia mainnet, testnet11, simulator0; bitcoin mainnet, testnet3, testnet4, signet, regtest",
    standard: "mainnet",
  },
  { key: "connect", value: "HOST:PORT", list: true, help: "connect to this peer only (may be repeated)" },
  { key: "add-peer", value: "HOST:PORT", list: true, help: "keep a connection to this peer too (may be repeated)" },
  { key: "seed", value: "NAMES", help: "DNS seeds to ask instead of the network's, separated by commas" },
  { key: "no-dns", help: "ask no DNS seeds", standard: "false" },
  { key: "import-peers", value: "FILE", help: "begin the address book with a peers.dat of the reference node" },
  { key: "no-fixed-seeds", help: "do not fall back on addresses that are built in", standard: "false" },
  { key: "listen", value: "HOST:PORT", list: true, help: "let peers connect to this address (may be repeated)" },
  {
    key: "whitelist",
    value: "LIST",
    list: true,
    help: "never ban these addresses and subnets; PERMISSIONS@SUBNET for more: noban, download, addr, in, out, all",
  },
  { key: "external-ip", value: "IP", help: "our address as others reach it, to be told to peers" },
  { key: "seed-node", value: "HOST:PORT", list: true, help: "ask this node for addresses first (may be repeated)" },
  { key: "peer-timeout", value: "TIME", help: "time for the handshake (bitcoin 60s; chia 120s out, 30s in)" },
  {
    key: "ua-comment",
    value: "TEXT",
    list: true,
    commas: true,
    help: "comment in what peers are told of this program",
  },
  { key: "network-active", value: "ON|OFF", help: "off: neither dial nor accept peers", standard: "on" },
  { key: "max-peers", value: "N", help: "connections at most, both directions (chia 40, bitcoin 125)" },
  { key: "outbound", value: "N", help: "outgoing connections to aim at", standard: "8" },
  {
    key: "constants",
    value: "FILE",
    help: "chia: consensus constants (JSON, the reference's names) laid over the network's",
    only: "chia",
  },
  { key: "introducer", value: "HOST:PORT", list: true, help: "chia: ask these introducers", only: "chia" },
  { key: "rate-limits", value: "N", help: "chia: announce rate limits of version 2 or 3", standard: "2", only: "chia" },
  { key: "asmap", value: "FILE", help: "bitcoin: group addresses by this map of operators", only: "bitcoin" },
  { key: "mode", value: "MODE", help: "bitcoin: headers, filters or full", standard: "full", only: "bitcoin" },
  { key: "v2", value: "ON|OFF", help: "bitcoin: encrypted transport (BIP324)", standard: "on", only: "bitcoin" },
  {
    key: "blocks-only",
    help: "bitcoin: take no transactions from peers, as always",
    standard: "false",
    only: "bitcoin",
  },
  { key: "prune", value: "SIZE", help: "bitcoin: keep so many bytes of blocks, at least 550M", only: "bitcoin" },
  { key: "txindex", help: "bitcoin: index all transactions by id", standard: "false", only: "bitcoin" },
  { key: "reindex", help: "bitcoin: build the index anew from the block files", standard: "false", only: "bitcoin" },
  { key: "min-work", value: "HEX", help: "bitcoin: follow no chain of less work than this", only: "bitcoin" },
];

/** Settings of the node as a whole. */
const NODE_SETTINGS: readonly Setting[] = [
  {
    key: "chain",
    value: "LIST",
    list: true,
    help: "chains to run, separated by commas",
    standard: CHAINS.join(","),
  },
  { key: "data-dir", value: "DIR", help: "keep everything below this folder instead of the XDG folders" },
  { key: "proxy", value: "socks5://HOST:PORT", help: "reach all peers through this proxy (Tor); USER:PASSWORD@ too" },
  { key: "onlynet", value: "LIST", help: "dial these networks only: ipv4, ipv6, onion, i2p, cjdns" },
  { key: "dns-server", value: "IP:PORT", help: "look names up at this server, not at the system's" },
  { key: "db", value: "KIND", help: "sqlite, or memory to keep nothing", standard: "sqlite" },
  { key: "memory", value: "SIZE", help: "block cache: bytes, or with K, M, G", standard: "64M" },
  { key: "peer-memory", value: "SIZE", help: "what all peers together may hold in memory", standard: "192M" },
  { key: "max-upload", value: "SIZE", help: "upload so much a day; old blocks are not served beyond it" },
  { key: "rpc", value: "HOST:PORT", help: "where RPC listens", standard: "127.0.0.1:8555" },
  {
    key: "btc-rpc-http",
    value: "HOST:PORT",
    help: "Bitcoin's JSON-RPC without TLS as well, on loopback only, for clients that know no other",
  },
  { key: "rpcauth", value: "LINE", list: true, help: "name and salted password of Bitcoin's JSON-RPC: user:salt$hash" },
  { key: "cookie-file", value: "FILE", help: "cookie of Bitcoin's JSON-RPC (default .cookie in the data folder)" },
  { key: "rpc-host", value: "NAME", list: true, help: "further host names by which RPC may be called" },
  { key: "rpc-server-timeout", value: "TIME", help: "how long a caller of RPC may take, and may wait between calls" },
  {
    key: "cookie-perms",
    value: "WHO",
    help: "who may read the cookie of Bitcoin's JSON-RPC: owner, group or all",
    standard: "owner",
  },
  {
    key: "log-level",
    value: "LEVEL",
    help: "fatal, error, warning, info, debug; areas too: info,p2p.chia=debug",
    standard: "info",
  },
  { key: "log-format", value: "FORMAT", help: "text or json", standard: "text" },
  { key: "exempt-loopback", help: "free peers on loopback of rate limits and bans", standard: "false" },
  { key: "shutdown-timeout", value: "TIME", help: "time for an orderly stop", standard: "8s" },
];

/** Every setting, chain settings both bare and with their chain's name. */
export const SETTINGS: readonly Setting[] = [
  ...NODE_SETTINGS,
  ...CHAIN_SETTINGS,
  ...CHAINS.flatMap((chain) =>
    CHAIN_SETTINGS.filter(({ only }) => only === undefined || only === chain)
      .map((setting): Setting => ({ ...setting, key: `${chain}.${setting.key}` }))
  ),
];

/** Names of the settings that a chain has, and the one chain that has it where it is only one. */
export const CHAIN_KEYS: readonly { readonly key: string; readonly only?: ChainName }[] = CHAIN_SETTINGS;

/** Where a value came from. */
export type Origin = "flag" | "environment" | "file" | "default";
/** A value as it was given: text, or texts where a setting takes several. */
export interface Given {
  readonly value: string | readonly string[];
  readonly origin: Origin;
}
/** What was given, by key; what was not is absent. */
export type Settings = ReadonlyMap<string, Given>;

/** A mistake in the configuration: exit code 78. */
export function configError(message: string): NodeError {
  return new NodeError("CONFIG_INVALID", "self", message);
}

/** The environment's name of a setting: `chia.max-peers` is `GEMEL_RUN_CHIA_MAX_PEERS`. */
export function environmentName(key: string): string {
  return "GEMEL_RUN_" + key.toUpperCase().replaceAll(/[.-]/g, "_");
}

/** What is known from where. The file is parsed TOML. */
export interface Sources {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly path: string; readonly content: Readonly<Record<string, unknown>> };
}

/** Lays the sources over one another. Throws {@link configError} for unknown keys and values of the wrong kind. */
export function resolveSettings(sources: Sources): Settings {
  const settings = new Map<string, Given>();
  const fromFile = sources.file === undefined ? new Map<string, unknown>() : flatten(sources.file.content);
  for (const key of fromFile.keys()) {
    requireKnown(
      key,
      SETTINGS.map((setting) => setting.key),
      `${sources.file!.path}: `,
    );
  }
  const names = new Map(SETTINGS.map(({ key }) => [environmentName(key), key]));
  for (const name of Object.keys(sources.environment)) {
    if (name.startsWith("GEMEL_RUN_")) requireKnown(name, [...names.keys()], "environment: ");
  }
  for (const setting of SETTINGS) {
    const { key } = setting;
    const flag = sources.flags[key];
    const environment = sources.environment[environmentName(key)];
    const file = fromFile.get(key);
    if (flag !== undefined) settings.set(key, { value: textOf(setting, flag, `--${key}`), origin: "flag" });
    else if (environment !== undefined && environment.trim() !== "") {
      settings.set(key, { value: textOf(setting, environment, environmentName(key)), origin: "environment" });
    } else if (file !== undefined) {
      settings.set(key, { value: textOf(setting, file, `${sources.file!.path}: ${key}`), origin: "file" });
    }
  }
  return settings;
}

/** `{chia: {network: …}}` as `chia.network`. */
function flatten(table: Readonly<Record<string, unknown>>, prefix = ""): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [name, value] of Object.entries(table)) {
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
    if (!isTable) flat.set(prefix + name, value);
    else {for (const [key, inner] of flatten(value as Record<string, unknown>, `${prefix}${name}.`)) {
        flat.set(key, inner);
      }}
  }
  return flat;
}

function textOf(setting: Setting, value: unknown, where: string): string | string[] {
  const scalar = (item: unknown): string => {
    if (typeof item === "string" || typeof item === "number" || typeof item === "bigint" || typeof item === "boolean") {
      return String(item);
    }
    throw configError(`${where}: a text${setting.list ? " or a list of texts" : ""} is needed`);
  };
  if (setting.list) {
    const items = Array.isArray(value) ? value.map(scalar) : [scalar(value)];
    // Commas belong to the value of some settings.
    const parts = (setting.commas ? items : items.flatMap((item) => item.split(",")).map((item) => item.trim()))
      .filter((item) => item !== "");
    if (parts.length === 0 && items.length > 0) throw configError(`${where}: a value is needed`);
    return parts;
  }
  if (Array.isArray(value)) throw configError(`${where}: one value, not a list`);
  const text = scalar(value);
  if (text.trim() === "") throw configError(`${where}: a value is needed`);
  if (setting.value === undefined && !["true", "false"].includes(text)) throw configError(`${where}: true or false`);
  return text;
}

function requireKnown(name: string, known: readonly string[], where: string): void {
  if (known.includes(name)) return;
  const near = nearest(name, known);
  throw configError(`${where}there is no setting ${name}${near === undefined ? "" : `; did you mean ${near}?`}`);
}

/** The known name with the fewest edits, when they are few enough to be a slip. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = edits(name, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
