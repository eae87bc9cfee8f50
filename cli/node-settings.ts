/**
 * The settings of the node as a whole, each in one place.
 *
 * @module
 */
import { isIP } from "node:net";
import { resolve } from "node:path";
import { addressText, DEFAULTS, ENGINES, isHost, isLoopback, type NodeConfig, parseNetworkKinds } from "../mod.ts";
import { CHAINS, configError, type NodeSetting, oneOf } from "./setting.ts";
import { eventsKeepOf, eventsKeepText, webhookOf } from "./event-settings.ts";
import { parseAddress, parseLogLevel, parsePlace, parseSize, parseTime, parseWhole, sizeText } from "./values.ts";

/** Less than this ends peers for ordinary blocks. */
const PEER_MEMORY_BYTES_MIN = 16 * 1024 * 1024;
/** More threads than any machine has use for are a slip. */
const WORKERS_MAX = 256;
const RPC_TIMEOUT_MS_MIN = 1_000;
const RPC_TIMEOUT_MS_MAX = 86_400_000;
const COOKIE_MODES = { owner: 0o600, group: 0o640, all: 0o644 } as const;

/** Settings of the node as a whole. Those without a reader are read before the others: chains, and paths. */
export const NODE_SETTINGS: readonly NodeSetting[] = [
  { key: "chain", value: "LIST", list: true, help: "chains to run, separated by commas", standard: CHAINS.join(",") },
  {
    key: "data-dir",
    value: "DIR",
    help: "keep everything below this folder instead of the XDG folders",
    document: "one folder for everything",
  },
  {
    key: "proxy",
    value: "socks5://HOST:PORT",
    help: "reach all peers through this proxy (Tor); USER:PASSWORD@ too",
    document: "`socks5://[USER:PASSWORD@]HOST:PORT`: every connection goes through it, and names too",
    shown: withoutPassword,
    read: (text) => ({ egress: { proxy: proxyOf(text) } }),
  },
  {
    key: "onlynet",
    value: "LIST",
    help: "dial these networks only: ipv4, ipv6, onion, i2p, cjdns",
    document: "networks to dial: `ipv4`, `ipv6`, `onion`, `i2p`, `cjdns`",
    standardWords: "all",
    read: (text) => {
      const only = parseNetworkKinds(text);
      return only.length === 0 ? {} : { egress: { only } };
    },
  },
  {
    key: "dns-server",
    value: "IP:PORT",
    help: "look names up at this server, not at the system's",
    document: "`IP:PORT` of the server that names are asked of",
    standardWords: "the system's",
    read: (text) => {
      const dnsServer = parsePlace(text, "dns-server", 53);
      if (isIP(dnsServer.host) === 0) {
        throw configError(`dns-server: ${dnsServer.host} is a name; an IP address is needed`);
      }
      return { egress: { dnsServer } };
    },
  },
  {
    key: "db",
    value: "KIND",
    help: "sqlite, memory to keep nothing, or postgres://… for a server that nodes share",
    document: "or `memory`, or the URL of a PostgreSQL server that nodes share: `postgres://USER@HOST:PORT/DATABASE`",
    standard: "sqlite",
    shown: withoutPassword,
    read: (text) => ({ database: databaseOf(text) }),
  },
  {
    key: "db-password-file",
    value: "FILE",
    help: "file whose first line is the password for --db postgres://…",
    document: "a file whose first line is the server's password; `PGPASSWORD`, `PGPASSFILE` and `~/.pgpass` do as well",
    read: (text) => ({ database: { passwordFile: resolve(text) } }),
  },
  {
    key: "role",
    value: "auto|reader|writer",
    help: "of nodes that share a server one writes a chain; auto: read what it writes and take over when it is gone",
    document:
      "of the nodes that share a server one writes a chain. `auto`: serve what it writes, and take over when it " +
      "is gone; `reader`: serve what it writes, without peers, and change nothing; `writer`: wait until it is gone, and " +
      "end when another takes over",
    standard: "auto",
    read: (text) => ({ role: oneOf(text, "role", ["auto", "reader", "writer"]) }),
  },
  {
    key: "events-keep",
    value: "HOW",
    help: "how much of the event log is kept: a time, a number of events, both (30d,1000000), or all",
    document:
      "how much of the event log is kept ([rpc.md](rpc.md#how-long-events-are-kept)): a time (`12h`, `30d`), a " +
      "number of newest events (`1000000`), both, of which the tighter holds, or `all`",
    standard: eventsKeepText(DEFAULTS.eventsKeep),
    read: (text) => ({ eventsKeep: eventsKeepOf(text) }),
  },
  {
    key: "webhook",
    value: "[NAME=]URL [TOPIC…]",
    list: true,
    commas: true,
    help: "send events there, signed: one text, topics after a space; may be repeated, then with names",
    document:
      "`[NAME=]URL [TOPIC…]`: events are sent there, signed ([rpc.md](rpc.md#webhooks)); may be repeated, then " +
      "with names",
    readAll: (texts) => ({ webhooks: texts.map(webhookOf) }),
  },
  {
    key: "webhook-secrets",
    value: "DIR",
    help: "folder with the webhooks' secrets, NAME.secret (default webhooks in the data folder)",
    document: "folder with the webhooks' secrets, `NAME.secret`, in the data folder",
    standardWords: "`webhooks`",
    read: (text) => ({ webhookSecrets: resolve(text) }),
  },
  {
    key: "memory",
    value: "SIZE",
    help: "block cache: bytes, or with K, M, G",
    document: "cache of blocks",
    standard: sizeText(DEFAULTS.cacheBytesMax),
    read: (text) => ({ cacheBytesMax: parseSize(text, "memory") }),
  },
  {
    key: "peer-memory",
    value: "SIZE",
    help: "what all peers together may hold in memory",
    document:
      "what all peers together may hold in memory, blocks that wait included, 16M or more; beyond it the peer " +
      "that holds most and longest is disconnected",
    standard: sizeText(DEFAULTS.peerMemoryBytesMax),
    read: (text) => {
      const peerMemoryBytesMax = parseSize(text, "peer-memory");
      if (peerMemoryBytesMax < PEER_MEMORY_BYTES_MIN) throw configError("peer-memory: at least 16M");
      return { peerMemoryBytesMax };
    },
  },
  {
    key: "workers",
    value: "N",
    help: "threads for work that takes long; 0: none (default: one less than cores)",
    document: "threads for work that takes long; 0: none, it is done between other work ([why](decisions/workers.md))",
    standardWords: "cores − 1, at least 1",
    read: (text) => ({ workers: parseWhole(text, "workers", 0, WORKERS_MAX) }),
  },
  {
    key: "engine",
    value: "WHICH",
    help: "heavy arithmetic: wide, plain or portable; a slower one where it does not work",
    document: "heavy arithmetic: `wide` or `plain` WebAssembly, or `portable`; a slower one where it does not work " +
      "(`gemel engine` tries it)",
    standard: "wide",
    read: (text) => ({ engine: oneOf(text, "engine", ENGINES, "wide, plain or portable") }),
  },
  {
    key: "max-upload",
    value: "SIZE",
    help: "upload so much a day; old blocks are not served beyond it",
    document: "bytes to upload in a day; beyond it blocks of more than a week ago are not served",
    read: (text) => ({ uploadBytesPerDay: parseSize(text, "max-upload") }),
  },
  {
    key: "rpc",
    value: "HOST:PORT",
    help: "where RPC listens",
    document: "see [rpc.md](rpc.md)",
    standard: addressText(DEFAULTS.rpc.listen),
    read: (text) => ({ rpc: { listen: parseAddress(text, "rpc") } }),
  },
  {
    key: "btc-rpc-http",
    value: "HOST:PORT",
    help: "Bitcoin's JSON-RPC without TLS as well, on loopback only, for clients that know no other",
    document: "Bitcoin's JSON-RPC in plain HTTP as well; loopback only ([bitcoin-rpc.md](bitcoin-rpc.md))",
    read: (text) => {
      const bitcoinHttp = parseAddress(text, "btc-rpc-http", 8332);
      if (isLoopback(bitcoinHttp.host)) return { rpc: { bitcoinHttp } };
      throw configError(
        `btc-rpc-http: ${bitcoinHttp.host} is not this machine; without TLS it listens on 127.0.0.1 or ::1 only`,
      );
    },
  },
  {
    key: "rest",
    help: "Bitcoin's REST on the port of --btc-rpc-http, without a password",
    document: "Bitcoin's REST on the port of `btc-rpc-http`: anybody on this machine may read, without a password",
    standard: "false",
    read: (text) => (text === "true" ? { rpc: { rest: true } } : {}),
  },
  {
    key: "rpcauth",
    value: "LINE",
    list: true,
    help: "name and salted password of Bitcoin's JSON-RPC: user:salt$hash",
    document: "name and salted password of Bitcoin's JSON-RPC: `user:salt$hash`; may be repeated",
    readAll: (rpcauth) => ({ rpc: { rpcauth } }),
  },
  {
    key: "cookie-file",
    value: "FILE",
    help: "cookie of Bitcoin's JSON-RPC (default .cookie in the data folder)",
    document: "cookie of Bitcoin's JSON-RPC, in the data folder",
    standardWords: "`.cookie`",
    read: (text) => ({ rpc: { cookieFile: resolve(text) } }),
  },
  {
    key: "rpc-host",
    value: "NAME",
    list: true,
    help: "further host names by which RPC may be called",
    document: "further host names by which RPC may be called, see [rpc.md](rpc.md)",
    readAll: (texts) => ({ rpc: { allowedHosts: texts.map(hostOf) } }),
  },
  {
    key: "rpc-server-timeout",
    value: "TIME",
    help: "how long a caller of RPC may take, and may wait between calls",
    document: "how long a caller of RPC may take to send a request, and may wait between two",
    standardWords: "60 s, 30 s",
    read: (text) => {
      const serverTimeoutMs = parseTime(text, "rpc-server-timeout");
      if (serverTimeoutMs < RPC_TIMEOUT_MS_MIN || serverTimeoutMs > RPC_TIMEOUT_MS_MAX) {
        throw configError("rpc-server-timeout: from 1s to 1d");
      }
      return { rpc: { serverTimeoutMs } };
    },
  },
  {
    key: "cookie-perms",
    value: "WHO",
    help: "who may read the cookie of Bitcoin's JSON-RPC: owner, group or all",
    document: "who may read the cookie: `owner`, `group` or `all`",
    standard: "owner",
    read: (text) => {
      const words = Object.keys(COOKIE_MODES) as (keyof typeof COOKIE_MODES)[];
      return { rpc: { cookieMode: COOKIE_MODES[oneOf(text, "cookie-perms", words, "owner, group or all")] } };
    },
  },
  {
    key: "log-level",
    value: "LEVEL",
    help: "fatal, error, warning, info, debug; areas too: info,p2p.chia=debug",
    document: "`fatal`, `error`, `warning`, `info`, `debug`; single areas: `info,p2p.chia=debug`",
    standard: DEFAULTS.log.level,
    read: (text) => ({ log: parseLogLevel(text, "log-level") }),
  },
  {
    key: "log-format",
    value: "FORMAT",
    help: "text or json",
    document: "or `json`: one object a line",
    standard: DEFAULTS.log.format,
    read: (text) => ({ log: { format: oneOf(text, "log-format", ["text", "json"], "text or json") } }),
  },
  {
    key: "exempt-loopback",
    help: "free peers on loopback of rate limits and bans",
    document: "peers on loopback are free of rate limits, ours to them included, and of bans",
    standard: "false",
    read: (text) => ({ allowLoopbackExempt: text === "true" }),
  },
  {
    key: "shutdown-timeout",
    value: "TIME",
    help: "time for an orderly stop",
    document: "then the stop is forced",
    standard: `${DEFAULTS.shutdownTimeoutMs / 1000}s`,
    read: (text) => ({ shutdownTimeoutMs: parseTime(text, "shutdown-timeout") }),
  },
];

/** A host without a port; an IPv6 address with or without its brackets. */
function hostOf(text: string): string {
  const host = /^\[(.*:.*)\]$/.exec(text)?.[1] ?? text;
  if (isHost(host)) return host;
  throw configError(`rpc-host: ${JSON.stringify(text)} is no host (an IP address or a name, without a port)`);
}

/** Where chains are kept. The text may hold a password: no error repeats it. */
function databaseOf(text: string): "sqlite" | "memory" | { readonly url: string } {
  if (/^postgres(?:ql)?:\/\//.test(text)) return { url: text };
  const known = "sqlite, memory or postgres://USER@HOST:PORT/DATABASE";
  return oneOf<"sqlite" | "memory">(text.includes("@") ? "" : text, "db", ["sqlite", "memory"], known);
}

/** A URL as it may be shown to anybody. */
function withoutPassword(text: string): string {
  return text.replace(/^([a-z0-9]+:\/\/)?([^/?#]*)@/i, (whole, scheme = "", login: string) => {
    const at = login.indexOf(":");
    return at < 0 ? whole : `${scheme}${login.slice(0, at)}:***@`;
  });
}

const PROXY = /^(?:socks5h?:\/\/)?(?:(?<user>[^:@/]+):(?<password>[^@/]+)@)?(?<place>[^@/]+)\/?$/;

function proxyOf(given: string): NonNullable<NonNullable<NodeConfig["egress"]>["proxy"]> {
  const { user, password, place } = PROXY.exec(given)?.groups ?? {};
  // The text may hold a password: it is not repeated.
  if (place === undefined) throw configError("proxy: socks5://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT");
  const address = parsePlace(place, "proxy", 9_050);
  if (user === undefined || password === undefined) return address;
  return { ...address, credentials: { user: decodeURIComponent(user), password: decodeURIComponent(password) } };
}
