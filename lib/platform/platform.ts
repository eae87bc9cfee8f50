/**
 * What a runtime gives the node. `node/mod.ts` (Deno, Node and whatever speaks `node:`) and `bun/mod.ts` export the
 * members of {@link Platform} by name; package.json `"imports"` chooses one of them as `#platform`.
 *
 * @module
 */
import type { NodeError } from "../core/errors.ts";
import type {
  ByteDuplex,
  Clock,
  Database,
  Dialer,
  FileFolder,
  JobThread,
  Listener,
  ListenOptions,
  NamedFiles,
  PeerAddress,
  PostHttp,
  Random,
  ServerDatabase,
  ThreadEvents,
  TlsIdentity,
} from "../core/ports.ts";
import type { NameServerOptions } from "./node/resolver.ts";
import type { secureDuplex } from "./node/secure.ts";
import type { UdpOptions, UdpPort } from "./node/udp.ts";

/** How {@link Platform.openDatabase} opens a file. */
export interface DatabaseOptions {
  /** How long a statement waits for another process's lock; 5,000 by default. */
  readonly busyTimeoutMs?: number;
  /** `normal` may lose the last commits when power fails, `full` may not; neither is damaged by it. */
  readonly synchronous?: "normal" | "full";
  /** A new file can shrink again, by `Database.giveBack`. It is a little larger for that, and slower to write. */
  readonly shrinks?: boolean;
}

/** A lock that this process holds on a folder. */
export interface FolderLock {
  /** Gives the folder free. Safe to call more than once. */
  release(): Promise<void>;
}

/** What is known about one HTTP request beside the request itself. */
export interface HttpsRequestInfo {
  readonly remote: PeerAddress;
  /** Whether the client showed a certificate that one of the client authorities had signed. */
  readonly authorized: boolean;
  /** To be called when the request carried a secret that is right: its connection then stays before those that showed none. */
  readonly proved: () => void;
}

/** An HTTP request that asked to leave HTTP (`Connection: Upgrade`). */
export interface UpgradeRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** Header values by lower-case name; a repeated header is joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
}

/** How {@link Platform.serveHttp} serves. */
export interface HttpOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly fetch: (request: Request, info: HttpsRequestInfo) => Response | Promise<Response>;
  /**
   * Takes over a connection after its upgrade request, before any answer. The first bytes after the request head are
   * the first that `duplex` gives. Without it such requests are refused.
   */
  readonly onUpgrade?: (request: UpgradeRequest, duplex: ByteDuplex, info: HttpsRequestInfo) => void;
  /**
   * Connections open at once; 256 by default. At that the one goes that has shown least: no TLS, no request, no right secret.
   * The last 32 places (of less than 64, half) are for those only that have shown a secret.
   */
  readonly connectionsMax?: number;
  /** Hears `TOO_MANY_FILES`, once a minute, when nothing is accepted for want of descriptors. */
  readonly onFailure?: (error: NodeError) => void;
  /** Time for the TLS handshake and, after it, for a request's head. 10,000 by default. */
  readonly headersTimeoutMs?: number;
  /** Time for a whole request. 60,000 by default. */
  readonly requestTimeoutMs?: number;
  /** How long a connection may wait for its next request; clients are told so. 30,000 by default, as Core's. */
  readonly keepAliveTimeoutMs?: number;
}

/** How {@link Platform.serveHttps} serves. */
export interface HttpsOptions extends HttpOptions {
  readonly identity: TlsIdentity;
  /** PEM certificates that may have signed a client's certificate. Clients without one are let in, not authorized. */
  readonly clientAuthorities: readonly string[];
}

/** An open HTTP or HTTPS port. `close` ends every connection. */
export type HttpsListener = Listener;

/** A stream of text for people: standard output or standard error. */
export interface TextOutput {
  readonly isTTY: boolean;
  /** Width of the terminal; 80 when it is none. */
  readonly columns: number;
  /** Resolves when the text has been handed to the system; a closed pipe is not an error. */
  write(text: string): Promise<void>;
}

/** Signals that the node listens to. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Everything that knows a runtime. */
export interface Platform {
  /** Name and version, like `bun 1.4.5`. */
  readonly runtime: string;
  readonly dialer: Dialer;
  /**
   * Opens a port. Rejects with `PORT_IN_USE`, `PORT_FORBIDDEN`, `ADDRESS_NOT_AVAILABLE` or `TLS_CHECKS_DISABLED`, all
   * fault `self`.
   */
  listen(options: ListenOptions): Promise<Listener>;
  /** Opens an HTTPS port with optional client certificates. Fails as {@link Platform.listen} does. */
  serveHttps(options: HttpsOptions): Promise<HttpsListener>;
  /** Opens an HTTP port on loopback. Fails as {@link Platform.listen} does, and with `CONFIG_INVALID` elsewhere. */
  serveHttp(options: HttpOptions): Promise<HttpsListener>;
  /** Calls somebody else's HTTP server. */
  readonly postHttp: PostHttp;
  /** Opens a port for datagrams. Fails as {@link Platform.listen} does. */
  openUdp(options: UdpOptions): Promise<UdpPort>;
  /** Speaks TLS as a client over a connection that stands, with the checks of {@link Platform.dialer}. */
  readonly secureDuplex: typeof secureDuplex;
  /** A {@link Platform.resolveHost} that asks one DNS server. */
  nameServerResolver(options: NameServerOptions): (name: string) => Promise<string[]>;
  /** Addresses of a host name, as IP literals; rejects with `NodeError` code `name_not_found`, fault `network`. */
  resolveHost(name: string): Promise<string[]>;
  readonly clock: Clock;
  readonly random: Random;
  /** SHA-256 of the concatenation of `parts`, by the quickest means of the runtime. */
  sha256(parts: readonly Uint8Array[]): Uint8Array;
  /** Opens or makes an SQLite file. Rejects with `DATABASE_DAMAGED`, `DATABASE_BUSY` or `DATABASE_UNAVAILABLE`. */
  openDatabase(path: string, options?: DatabaseOptions): Promise<Database>;
  /**
   * Opens a database on a server, in the schema for a part of a node's data, which is made where it is not there, unless
   * it is only read. Of who is stopped in the middle of a transaction the server waits for `abandonedMs`, a minute when it
   * is absent.
   *
   * @throws NodeError of a `PostgresCode`, and `CONFIG_INVALID` for a URL that cannot be read
   */
  openServer(
    server: { readonly url: string; readonly passwordFile?: string },
    part: string,
    options?: { readonly readOnly?: boolean; readonly abandonedMs?: number },
  ): Promise<ServerDatabase>;
  /** Who this process is, to people who have several machines: its host and its number. */
  processName(): string;
  /** A file's bytes, or undefined when there is no such file. */
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Replaces a file in one step: after a crash there is the old one or the new one, on disk. `mode` like `0o600`. */
  writeFileAtomic(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** Makes a folder and those above it; sets `mode` on it. Rejects with `DATA_FOLDER_UNWRITABLE`. */
  makeDir(path: string, mode?: number): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Names in a folder, sorted; empty when there is no such folder. */
  listDir(path: string): Promise<string[]>;
  /** Removes a file; one that is not there is no error. */
  removeFile(path: string): Promise<void>;
  /** Makes a folder, if need be, for files that grow at their end. Rejects with `DATA_FOLDER_UNWRITABLE`. */
  openFileFolder(path: string): Promise<FileFolder>;
  /** Files that are named while the node runs; relative names are below `folder`. */
  namedFiles(folder: string): NamedFiles;
  /**
   * Takes a folder for this process alone. The system gives it free when the process dies, however it dies. Rejects
   * with `DATA_FOLDER_IN_USE` (naming the process) or `DATA_FOLDER_UNWRITABLE`.
   */
  lockDir(path: string): Promise<FolderLock>;
  /** Resolves when all work that waits for no timer and no input has been done: a turn of the event loop, or less. */
  turn(): Promise<void>;
  /** Starts a thread that runs the module at `entry`, which calls {@link Platform.serveThread}. */
  openThread(entry: URL, events: ThreadEvents): JobThread;
  /** On a thread that {@link Platform.openThread} started: says `hello`, and answers each message, one after another. */
  serveThread(answer: (message: unknown) => Promise<unknown>, hello: unknown): void;
  /** Threads that can run at the same time on this machine, as far as the process may. At least 1. */
  parallelism(): number;
  gzip(bytes: Uint8Array): Uint8Array;
  /** Rejects more than `bytesMax` bytes of output with a `RangeError`, before they are made. */
  gunzip(bytes: Uint8Array, bytesMax: number): Uint8Array;
  /** Calls back on a signal until the returned function is called. */
  onSignal(name: SignalName, handler: () => void): () => void;
  environment(name: string): string | undefined;
  exit(code: number): never;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  homeDir(): string;
  /** File descriptors that the process may have; undefined where nobody tells. The runtimes raise it as far as they may. */
  descriptorLimit(): number | undefined;
  /** Collects at once what nobody holds any more, which may take some milliseconds; does nothing where that cannot be asked. */
  collectMemory(): void;
  /** Bytes of memory that the process occupies (resident set). */
  memoryUsage(): number;
}
