/**
 * The seams of the node: what the pure code asks of the world. `lib/platform` answers with a runtime, `lib/sim` and
 * the tests with a pretended one. Nothing here names a protocol or a runtime.
 *
 * @module
 */

/** Where a peer is. `host` is an IP literal without brackets. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** A two-way stream of bytes, as TCP or TLS give it. Chunks have no meaning: a reader must not rely on their borders. */
export interface ByteDuplex {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly remote: PeerAddress;
  readonly local: PeerAddress;
  /** DER of the certificate that the other side showed; absent without TLS or when it showed none. */
  readonly peerCertificate?: Uint8Array;
  /** Bytes that came and that nobody has read yet; not all links know. */
  readonly unreadBytes?: number;
  /** Takes a chunk back that was read, of which the reader keeps nothing: its memory is free at once, if it can be. */
  release?(chunk: Uint8Array): void;
  /** Settles (never rejects) when both directions have ended and the socket is released. */
  readonly closed: Promise<void>;
  /** Ends the connection at once. Safe to call more than once. */
  destroy(reason?: unknown): void;
}

/** How a {@link PeerSocket} ended or is to end. `closeCode` is an RFC 6455 close code; `reason` at most 123 UTF-8 bytes. */
export interface CloseInfo {
  readonly closeCode?: number;
  readonly reason?: string;
}

/**
 * A socket of whole messages, in the shape of the web's WebSocketStream. A text message arrives as a string, a binary
 * one as bytes. Back pressure goes end to end: a reader that stops reading stops the socket.
 */
export interface PeerSocket {
  /** The streams, once the opening handshake is done; rejects with a `NodeError` when it failed. */
  readonly opened: Promise<{
    readonly readable: ReadableStream<Uint8Array | string>;
    readonly writable: WritableStream<Uint8Array | string>;
  }>;
  /** Resolves when the socket is closed in order (1006 when the bytes ended without a close frame); never rejects. */
  readonly closed: Promise<Required<CloseInfo>>;
  readonly readable: ReadableStream<Uint8Array | string>;
  readonly writable: WritableStream<Uint8Array | string>;
  readonly remote: PeerAddress;
  readonly local: PeerAddress;
  /** DER of the peer's TLS certificate, where there is one. */
  readonly peerCertificate?: Uint8Array;
  /** Bytes moved so far, for statistics. */
  readonly traffic: { readonly bytesRead: number; readonly bytesWritten: number };
  /** The least round trip of a ping so far, in milliseconds; absent before the first answer. */
  readonly minimumPingMs?: number | undefined;
  /** The peer has introduced itself: from here on its messages may be as long as messages are. */
  welcome?(): void;
  /** Starts the closing handshake; the socket is destroyed when the answer does not come in time. */
  close(info?: CloseInfo): void;
}

/** A PEM pair: one certificate (or chain) and its private key. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly privateKey: string;
}

/** How one connection is made. */
export interface DialOptions {
  readonly signal?: AbortSignal;
  /** Time for TCP and TLS together. */
  readonly timeoutMs?: number;
  readonly tls?: {
    readonly identity: TlsIdentity;
    /** PEM certificates, one of which must have signed the peer's certificate. Host names are not checked. */
    readonly authorities: readonly string[];
  };
  /** The local address to bind to, for tests that must not come from 127.0.0.1. */
  readonly localHost?: string;
}

/** Makes outgoing connections. Rejects with a `NodeError` (fault `network`, or `peer` for a bad certificate). */
export interface Dialer {
  dial(to: PeerAddress, options?: DialOptions): Promise<ByteDuplex>;
}

/** How a {@link Listener} is opened. */
export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls?: {
    readonly identity: TlsIdentity;
    /** PEM certificates of which one must have signed the client's; the client must show a certificate. */
    readonly authorities: readonly string[];
  };
  /** Asked at accept, before anything is read: false refuses the connection. */
  readonly admit?: (host: string) => boolean;
  /** Called for each connection once TLS is done. An exception ends that connection only. */
  readonly onConnection: (duplex: ByteDuplex) => void;
  /** Called when a connection failed before it was usable (bad TLS, wrong certificate, handshake too slow). */
  readonly onFailure?: (error: Error, remote: PeerAddress | undefined) => void;
  /** Time for the TLS handshake. */
  readonly handshakeTimeoutMs?: number;
  /** Connections that may be open at once; more are refused at accept. */
  readonly connectionsMax?: number;
}

/** An open port. */
export interface Listener {
  readonly address: PeerAddress;
  close(): Promise<void>;
}

/** A call of somebody else's HTTP server. */
export interface HttpPost {
  /** `http` or `https`, without a user and a password. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** What the server answered. Of its body nothing is kept. */
export interface HttpPosted {
  readonly status: number;
  readonly retryAfter?: string;
}

/**
 * Posts once: no redirect is followed, and of the answer's body a bounded part is read. Rejects with a `NodeError` of fault
 * `network` when there is no answer, and with the signal's reason once that aborts.
 */
export type PostHttp = (post: HttpPost) => Promise<HttpPosted>;

/** Wall time, monotonic time and timers. The only source of any of them outside `lib/platform`. */
export interface Clock {
  /** Unix time in milliseconds. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary start. Never goes back. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. Leaves no timer behind. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** Randomness for keys and choices. */
export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array;
  /** A uniform integer in `0 … bound − 1`; `bound` at most 2^32. */
  below(bound: number): number;
}

/** What a SQL statement takes and gives. Bytes are `Uint8Array`; integers above 2^53 travel as bytes or text. */
export type SqlValue = null | number | string | Uint8Array;
/** One row of a result, by column name. */
export type SqlRow = Record<string, SqlValue>;

/** The language of a SQL database, where the two differ. */
export type SqlDialect = "sqlite" | "postgresql";

/**
 * A SQL database that one process owns. Statements use `?` for parameters and keep to what SQLite and PostgreSQL share;
 * code that needs more asks `dialect`. Methods are asynchronous so that a networked database fits behind them: each call
 * may be a round trip, so what concerns many rows is one call.
 */
export interface Database {
  readonly dialect: SqlDialect;
  /** Runs one statement that gives no rows; returns how many rows it changed. */
  run(sql: string, parameters?: readonly SqlValue[]): Promise<number>;
  /**
   * Runs one statement for each row of parameters, in their order; returns how many rows were changed by all together.
   * All of it is done or, when it rejects, nothing. Rows of one call have one length.
   */
  runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<number>;
  /** All rows of a query. */
  all(sql: string, parameters?: readonly SqlValue[]): Promise<SqlRow[]>;
  /**
   * All rows of a query over what is committed. Other than {@link Database.all} it waits for no change that was asked for
   * before it, where the database can answer beside one. Inside a transaction both are the same.
   */
  committed(sql: string, parameters?: readonly SqlValue[]): Promise<SqlRow[]>;
  /** The first row, or undefined. */
  get(sql: string, parameters?: readonly SqlValue[]): Promise<SqlRow | undefined>;
  /** Several statements without parameters, as a migration has them. */
  script(sql: string): Promise<void>;
  /**
   * Runs `work` in one transaction, after those that were asked for before it; an exception rolls it back. Where others
   * write to the same database, `work` may be run again from its beginning: it changes nothing but the database.
   */
  transaction<T>(work: (database: Database) => Promise<T>): Promise<T>;
  /**
   * Runs `work` on the database as it is when those have ended that were asked for before: it asks over a connection of
   * its own and sees nothing that is committed meanwhile, and nobody waits for it. It can change nothing. A database in
   * memory, which has one connection only, refuses it with a TypeError.
   */
  snapshot<T>(work: (database: Database) => Promise<T>): Promise<T>;
  /** Whether no loss of power can take back what was committed before the call. False: not yet. */
  checkpoint(): Promise<boolean>;
  /**
   * Gives some of the space that nothing uses any more back to the system, in a step of milliseconds; whether there is
   * more to give. Absent where the database sees to that itself.
   */
  giveBack?(): Promise<boolean>;
  close(): Promise<void>;
}

/** The right to be the only one that writes to a database; see {@link ServerDatabase.lease}. */
export interface Lease {
  /** Rises with each holder. */
  readonly epoch: number;
  /** Aborts, with a NodeError `DATABASE_TAKEN_OVER`, when it is found that another has taken over. */
  readonly lost: AbortSignal;
  /** Another may take it at once. */
  release(): Promise<void>;
}

/** A database on a server, which others may use at the same time. */
export interface ServerDatabase extends Database {
  /** Where it is, for people; without the password. */
  readonly name: string;
  /**
   * Takes the right to write; undefined while another has it. From then on each commit that is made without it is refused
   * with `DATABASE_TAKEN_OVER`. It is given back when the database is closed. `name` tells people who holds it.
   */
  lease(name: string): Promise<Lease | undefined>;
  /** Commits are refused without this lease: that of another database of the same server, to which this one belongs. */
  fence(lease: Lease): void;
  /** Who holds the lease; undefined when nobody does. */
  leaseHolder(): Promise<string | undefined>;
}

/** A file that grows at its end and can be cut short. One owner writes, one call after another; reads may overlap. */
export interface AppendFile {
  /** Bytes that were appended and not cut off. */
  readonly size: number;
  /** Writes the parts behind one another at the end and returns where the first lies. What failed leaves `size` as it was. */
  append(parts: readonly Uint8Array[]): Promise<number>;
  /** `length` bytes from `offset` on; fewer where the file ends. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Resolves when everything that was appended survives a loss of power, and so does the file's name. */
  sync(): Promise<void>;
  /** Cuts the file to `size` bytes. */
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** A folder of {@link AppendFile}s. Rejects with a `NodeError` that names the file. */
export interface FileFolder {
  /** The files in it, sorted by name. */
  list(): Promise<readonly { readonly name: string; readonly size: number }[]>;
  /** Opens a file; one that is not there is made, or undefined without `create`. */
  open(name: string, options?: { readonly create?: boolean }): Promise<AppendFile | undefined>;
  /** Removes a file; one that is not there is no error. */
  remove(name: string): Promise<void>;
}

/**
 * Files that the operator names while the node runs, wherever they are. Rejects with a `NodeError` that names the file.
 */
export interface NamedFiles {
  /** The absolute path of a name; one that is relative is below the node's folder for the network. */
  path(name: string): string;
  /** Whether there is a file or folder of that path. */
  exists(path: string): Promise<boolean>;
  /** Makes a file, in the place of one that is there. */
  create(path: string): Promise<AppendFile>;
  /** Opens a file that is only read. */
  open(path: string): Promise<Pick<AppendFile, "size" | "read" | "close">>;
  /** Gives a file another name, durably. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; one that is not there is no error. */
  remove(path: string): Promise<void>;
}

/**
 * Work that any thread can do: data in, data out, and nothing else. `run` sees nothing of the node but its input, which
 * it neither changes nor keeps, so that it does not matter where it runs.
 */
export interface Job<In, Out> {
  /** By which it is found on the other side: `chain.what`. Unique among `JOBS` (`lib/jobs.ts`). */
  readonly name: string;
  /** Milliseconds that it may take on a thread, starting that thread included. Then the thread is ended. */
  readonly deadlineMs: number;
  /**
   * Input and result can be cloned: plain data and typed arrays. Bytes over a `SharedArrayBuffer` are not copied. What is
   * wrong with a peer's bytes belongs into the result; an exception is our own fault. `giveWay` is there when the thread has
   * other work.
   */
  readonly run: (input: In, giveWay?: GiveWay) => Out | Promise<Out>;
}

/**
 * To be called between the steps of long work, and awaited when it gives something to await: others on the thread have their
 * turn then. Throws when the work is not wanted any more.
 */
export type GiveWay = () => Promise<void> | undefined;

/** What has become of jobs so far. */
export interface JobCounts {
  /** Threads that live now. */
  readonly threads: number;
  readonly running: number;
  readonly waiting: number;
  readonly done: number;
  /** Jobs that threw. */
  readonly failed: number;
  /** Jobs whose thread died or was ended at the deadline. */
  readonly lost: number;
}

/** Runs jobs, on other threads where there are some. */
export interface Workers {
  /** Threads at most. 0: jobs run on the thread of the caller, which waits for them. */
  readonly threadsMax: number;
  readonly counts: JobCounts;
  /**
   * Runs a job and gives its result. Rejects with the signal's reason once it aborts; a job that runs already runs on, and
   * its result is dropped.
   *
   * @throws NodeError, all of fault `self`: `JOB_FAILED` (it threw, unless it threw a NodeError, which is passed on),
   * `JOB_LOST` (its thread died), `JOB_LATE` (past its deadline), `JOBS_BUSY` (too many wait), `JOBS_CLOSED`
   */
  run<In, Out>(job: Job<In, Out>, input: In, signal?: AbortSignal): Promise<Out>;
  /** Ends every thread; jobs that wait or run are rejected with `JOBS_CLOSED`. */
  close(): Promise<void>;
}

/** One thread that takes messages. */
export interface JobThread {
  /** Hands a message over. Throws where it cannot be cloned. */
  post(message: unknown): void;
  /** Ends the thread, whatever it is doing, within a second or so. Nothing is heard from it any more. Resolves when it is gone. */
  end(): Promise<void>;
}

/** What is heard of a {@link JobThread}. */
export interface ThreadEvents {
  readonly onMessage: (message: unknown) => void;
  /** It is gone: of its own accord, by an error that nobody caught, or after `end`. Called once. */
  readonly onEnd: (cause: string) => void;
}
