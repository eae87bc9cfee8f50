/**
 * The configuration of one running node, fully resolved, and what a running node gives to its caller. Where the
 * values came from (flag, environment, file) is the command line's business; here every value is there and valid.
 *
 * @module
 */
import type { NetworkKind } from "./core/reachability.ts";
import { type MemoryBudget, PEER_MEMORY_BYTES } from "./core/peers/memory-budget.ts";
import type { EventSubscription, SubscribeOptions } from "./core/events/reader.ts";
import type { PeerAddress } from "./core/ports.ts";
import type { Engine } from "./engine/engine.ts";
import type { EventsKeep } from "./storage/event-retention.ts";
import type { EventLog, LoggedEvent } from "./storage/events.ts";
import type { WebhookConfig } from "./webhooks/config.ts";
import type { BitcoinConfig, ChainConfig, ChiaConfig } from "./chain-config.ts";
import type { BitcoinService } from "./bitcoin/service.ts";
import type { ChiaService } from "./chia/service.ts";
import type { ChainHandle } from "./rpc/chain-handle.ts";

export * from "./chain-config.ts";

// The client of a node's RPC belongs to the library's surface, which takes it from here.
export {
  type ChainStatus,
  type FetchText,
  type HttpAnswer,
  type HttpRequest,
  RpcClient,
  RpcFailure,
} from "./rpc/client.ts";

/** Version of this program, as `gemel version` prints it and the handshake carries it. */
export const GEMEL_VERSION = "0.1.0";

/** Where a node keeps what. All absolute. */
export interface NodePaths {
  /** Databases (`NETWORK/CHAIN.sqlite` below it) and the lock file. */
  readonly data: string;
  /** Certificates and keys: `ca.crt`, `rpc.crt`, … */
  readonly ssl: string;
  /** The bearer token's file. */
  readonly token: string;
  /** Logs and what may be lost. */
  readonly state: string;
}

/** How much is logged, least to most. */
export const LOG_LEVELS = ["fatal", "error", "warning", "info", "debug"] as const;
/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How a node logs. */
export interface LogConfig {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Levels of single areas: `p2p.chia` → `debug`. An area holds for all below it. */
  readonly areas: Readonly<Record<string, LogLevel>>;
  /** ANSI colours in text. */
  readonly color: boolean;
}

/** How a node reaches its peers. */
export interface EgressConfig {
  /** A SOCKS5 proxy that every connection goes through; with random credentials for each unless some are given. */
  readonly proxy?: PeerAddress & { readonly credentials?: { readonly user: string; readonly password: string } };
  /** The networks whose addresses are dialled of our own accord; absent: all that can be reached. */
  readonly only?: readonly NetworkKind[];
  /** The DNS server that names are asked of; absent: the system's. An IP literal. */
  readonly dnsServer?: PeerAddress;
}

/** How a node answers RPC. */
export interface RpcConfig {
  /** Where it listens; port 0 lets the system choose. */
  readonly listen: PeerAddress;
  /** Names besides the loopback ones and `listen.host` that a request's Host header may carry. */
  readonly allowedHosts: readonly string[];
  /** Requests answered at once. */
  readonly concurrency: number;
  /** Requests that wait; more are answered with 503. */
  readonly queue: number;
  /** Where Bitcoin's JSON-RPC listens without TLS, on loopback only; absent: nowhere. */
  readonly bitcoinHttp?: PeerAddress;
  /** Whether Bitcoin's REST is answered there as well, to anybody on this machine. */
  readonly rest?: boolean;
  /** Names with salted hashes of their passwords, as Core's `rpcauth` has them: `user:salt$hash`. */
  readonly rpcauth: readonly string[];
  /** Where the cookie of Bitcoin's JSON-RPC is kept; `.cookie` in the data folder when absent. */
  readonly cookieFile?: string;
  /** Mode of that file; 0600 when absent. */
  readonly cookieMode?: number;
  /** Milliseconds for a caller to send a request, and between two; 60 s and 30 s when absent. */
  readonly serverTimeoutMs?: number;
}

/** A PostgreSQL server that keeps what nodes share. */
export interface ServerConfig {
  /**
   * `postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=…&sslmode=…&sslrootcert=…`, as libpq takes it. Each chain has a
   * schema of its own, whose name begins with the one that is named here; `gemel` when none is.
   */
  readonly url: string;
  /** A file whose first line is the password. */
  readonly passwordFile?: string;
}

/** Everything a node needs to know to start. Deeply frozen by {@link freezeConfig}. */
export interface NodeConfig {
  readonly chains: readonly ChainConfig[];
  readonly paths: NodePaths;
  /**
   * Where chains and events are: files, `memory` only, or a server that nodes share. Certificates, token, bans and address
   * books are files in any case.
   */
  readonly database: "sqlite" | "memory" | ServerConfig;
  /**
   * What a node does with a server where another writes: as `auto` it reads what that one writes, and takes over when it is
   * gone; as `reader` it only reads; as `writer` it waits once, and fails when another takes over from it. `auto` when
   * absent.
   */
  readonly role?: "auto" | "reader" | "writer";
  /** How much of the event log is kept; {@link DEFAULTS} when absent, and of a log in memory no more than 100,000 events. */
  readonly eventsKeep?: EventsKeep;
  /** Where events are sent to; absent: nowhere. */
  readonly webhooks?: readonly WebhookConfig[];
  /** Folder with the secret of each, `NAME.secret`; `webhooks` in the data folder when absent. */
  readonly webhookSecrets?: string;
  /** Bound of the block caches in bytes. */
  readonly cacheBytesMax: number;
  /** What all peers together may hold in memory, in bytes; 192 MiB when absent. */
  readonly peerMemoryBytesMax?: number;
  /** Threads for work that takes long; 0: none. One less than there are cores, but one at least, when absent. */
  readonly workers?: number;
  /** The implementation of heavy arithmetic, or a slower one where it does not work; the quickest when absent. */
  readonly engine?: Engine;
  /** Bytes that may be uploaded in a day before old blocks are no longer served; absent: no bound. */
  readonly uploadBytesPerDay?: number;
  /** Absent: no RPC is served. */
  readonly rpc?: RpcConfig;
  readonly log: LogConfig;
  /** How peers are reached; absent: straight, on every network that can be. */
  readonly egress?: EgressConfig;
  /** Peers on loopback are free of rate limits and bans, as they are in the reference. Off unless asked for. */
  readonly allowLoopbackExempt: boolean;
  /** How long a stop may take before it is forced. */
  readonly shutdownTimeoutMs: number;
}

/** Defaults that do not depend on paths or chains. */
export const DEFAULTS = {
  rpc: { listen: { host: "127.0.0.1", port: 8555 }, allowedHosts: [], concurrency: 16, queue: 64, rpcauth: [] },
  log: { level: "info", format: "text", areas: {}, color: false },
  chia: {
    network: "mainnet",
    connect: [],
    added: [],
    listen: [],
    whitelist: [],
    dns: true,
    fixedSeeds: true,
    peersMax: 40,
    outbound: 8,
  },
  bitcoin: {
    network: "mainnet",
    mode: "full",
    connect: [],
    added: [],
    listen: [],
    whitelist: [],
    dns: true,
    fixedSeeds: true,
    peersMax: 125,
    outbound: 8,
    v2: true,
    coinsCacheBytes: 450 * 1024 * 1024,
    transactionIndex: false,
    filterIndex: true,
    peerFilters: true,
    reindex: false,
    reindexChainstate: false,
  },
  cacheBytesMax: 64 * 1024 * 1024,
  peerMemoryBytesMax: PEER_MEMORY_BYTES,
  eventsKeep: { eventsMax: 1_000_000, ageMsMax: 30 * 86_400_000 },
  shutdownTimeoutMs: 8_000,
} as const satisfies {
  rpc: RpcConfig;
  log: LogConfig;
  chia: Omit<ChiaConfig, "chain">;
  bitcoin: Omit<BitcoinConfig, "chain">;
  cacheBytesMax: number;
  peerMemoryBytesMax: number;
  eventsKeep: EventsKeep;
  shutdownTimeoutMs: number;
};

/**
 * The paths when everything is to lie below one folder.
 *
 * @example
 * ```ts
 * import { pathsBelow } from "gemel";
 *
 * assert.equal(pathsBelow("/data").token, "/data/token");
 * ```
 */
export function pathsBelow(dataDir: string): NodePaths {
  return { data: dataDir, ssl: `${dataDir}/ssl`, token: `${dataDir}/token`, state: `${dataDir}/log` };
}

/**
 * The database file of one chain on one network.
 *
 * @example
 * ```ts
 * import { DEFAULTS, databasePath, pathsBelow } from "gemel";
 *
 * const chain = { ...DEFAULTS.chia, chain: "chia" } as const;
 * assert.equal(databasePath(pathsBelow("/data"), chain), "/data/mainnet/chia.sqlite");
 * ```
 */
export function databasePath(paths: NodePaths, chain: ChainConfig): string {
  return `${paths.data}/${chain.network}/${chain.chain}.sqlite`;
}

/**
 * The file of the cookie with which Bitcoin's clients call.
 *
 * @example
 * ```ts
 * import { cookieFile, pathsBelow } from "gemel";
 *
 * assert.equal(cookieFile({ paths: pathsBelow("/data") }), "/data/.cookie");
 * ```
 */
export function cookieFile({ paths, rpc }: Pick<NodeConfig, "paths" | "rpc">): string {
  return rpc?.cookieFile ?? `${paths.data}/.cookie`;
}

/**
 * The file in which a running node says where its RPC is; gone when it stopped in order.
 *
 * @example
 * ```ts
 * import { pathsBelow, rpcUrlFile } from "gemel";
 *
 * assert.equal(rpcUrlFile(pathsBelow("/data")), "/data/rpc.url");
 * ```
 */
export function rpcUrlFile({ data }: Pick<NodePaths, "data">): string {
  return `${data}/rpc.url`;
}

/**
 * Freezes a configuration to its leaves (bytes of a recording excepted: typed arrays cannot be frozen).
 *
 * @example
 * ```ts
 * import { freezeConfig } from "gemel";
 *
 * const config = freezeConfig({ log: { level: "info" } });
 * assert.ok(Object.isFrozen(config.log));
 * ```
 */
export function freezeConfig<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freezeConfig(part);
  return Object.freeze(value);
}

/** A node that runs. */
export interface RunningNode {
  readonly config: NodeConfig;
  /** Every chain that runs, in the order of the configuration. */
  readonly chains: readonly ChainHandle[];
  /** The Chia side, where Chia runs. */
  readonly chia?: ChiaService;
  /** The Bitcoin side, where Bitcoin runs. */
  readonly bitcoin?: BitcoinService;
  readonly events: EventLog;
  /** What all peers together hold of its memory, and each of them. */
  readonly memory: Pick<MemoryBudget, "used" | "bytesMax" | "charged" | "accounts">;
  /** Events from a cursor on, with the buffer and the gap rules of {@link EventSubscription}. */
  subscribe(options?: SubscribeOptions): EventSubscription<LoggedEvent>;
  /** Where RPC listens, with the port that was chosen; absent when none is served. */
  readonly rpcAddress?: PeerAddress;
  /** Resolves when the node has stopped for whatever reason (also RPC `stop_node`); rejects when it failed. */
  readonly stopped: Promise<void>;
  /** Stops in order. Safe to call more than once. */
  stop(): Promise<void>;
}
