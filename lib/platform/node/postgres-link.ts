/**
 * One connection to a PostgreSQL server. It serves until it is lost and is never opened again: the client would begin
 * anew in silence, in the middle of a transaction that is gone.
 *
 * @module
 */
import type { Socket } from "node:net";
import postgres from "postgres";
import { NodeError } from "../../core/errors.ts";
import type { SqlRow, SqlValue } from "../../core/ports.ts";
import { away, postgresError, postgresFailure } from "./postgres-errors.ts";
import { openPostgresSocket } from "./postgres-socket.ts";
import { batchOf, type PostgresBatch, type PostgresText, postgresText, statementOf } from "./postgres-sql.ts";
import type { PostgresTarget } from "./postgres-target.ts";

/** Statements that the server keeps prepared for this connection; what is new after that is planned each time. */
const PREPARED_MAX = 256;
/** Bytes of parameters that are under way at once. */
const BATCH_BYTES = 4 << 20;
/** Bytes of parameters after which a statement gets no further row: the server works on one while the next is written. */
const STATEMENT_BYTES = 256 << 10;
/** Statements that are under way at once. */
const BATCH_STATEMENTS = 100;
const TOO_MUCH = ["DATABASE_STATEMENT", "self", "answers with too much"] as const;

/** What a connection keeps to. */
export interface LinkLimits {
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** The server ends a statement that takes too long; this much later we give the connection up. */
  readonly graceMs: number;
  /** Bytes that may come between two answers. */
  readonly answerBytesMax: number;
  /** A transaction that nothing is heard of for so long is ended by the server: its locks are in the way of others. */
  readonly abandonedMs: number;
  /** Whether the server is to refuse every change. */
  readonly readOnly: boolean;
}

const integer = (text: string): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value) || text.includes(".")) return value;
  throw new NodeError("DATABASE_STATEMENT", "self", `a column holds ${text}, above 2^53`);
};

/** Values as SQLite gives them: numbers, texts and bytes. By PostgreSQL's numbers of its types. */
const TYPES = {
  integers: { to: 20, from: [20, 1700], serialize: String, parse: integer },
  booleans: { to: 16, from: [16], serialize: String, parse: (text: string) => (text === "t" ? 1 : 0) },
  texts: { to: 25, from: [114, 3802, 1082, 1114, 1184], serialize: String, parse: String },
  bytes: {
    to: 17,
    from: [17],
    serialize: (bytes: Uint8Array) => `\\x${bytes.toHex()}`,
    parse: (text: string) => Uint8Array.fromHex(text.slice(2)),
  },
} as const;

/** What one statement came to. */
export interface LinkResult {
  readonly rows: SqlRow[];
  /** Rows that were changed or read. */
  readonly count: number;
  /** What the server did, like `COMMIT`. */
  readonly command: string;
}

type Pending = Promise<postgres.RowList<postgres.Row[]>>;

/** A connection that stands. */
export class PostgresLink {
  readonly #sql: postgres.Sql;
  readonly #socket: Socket;
  readonly #target: PostgresTarget;
  readonly #graceMs: number;
  readonly #prepared = new Set<string>();
  #isLost = false;
  /** Why we ended it, where the connection itself was in order. */
  #why: NodeError | undefined;
  /** How many statements have no answer yet, and what gives up on them. */
  #pending = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Bytes that came since the last answer. */
  #received = 0;
  /** Whether a statement went over it before. */
  isUsed = false;
  /** Round trips so far, for the tests and figures. */
  roundTrips = 0;

  private constructor(sql: postgres.Sql, socket: Socket, target: PostgresTarget, limits: LinkLimits) {
    this.#sql = sql;
    this.#socket = socket;
    this.#target = target;
    this.#graceMs = limits.statementTimeoutMs + limits.graceMs;
    // Heard before the client hears it, which would go on to write to a socket that is gone.
    socket.once("close", () => void (this.#isLost = true));
  }

  /** Connects and logs in. */
  static async open(target: PostgresTarget, limits: LinkLimits): Promise<PostgresLink> {
    const socket = await openPostgresSocket(target, limits.connectTimeoutMs);
    const late = setTimeout(() => socket.destroy(), limits.connectTimeoutMs);
    let isTaken = false;
    const sql = postgres({
      // A second socket is never given: see above.
      socket: () => isTaken ? Promise.reject(away(target, "the connection was closed")) : (isTaken = true, socket),
      host: target.host,
      port: target.port,
      user: target.user,
      password: target.password,
      database: target.database,
      ssl: false,
      max: 1,
      idle_timeout: 0,
      max_lifetime: 0,
      connect_timeout: limits.connectTimeoutMs / 1_000,
      fetch_types: false,
      debug: false,
      types: TYPES,
      onnotice: () => {},
      connection: {
        application_name: "gemel",
        search_path: target.schema,
        statement_timeout: limits.statementTimeoutMs,
        idle_in_transaction_session_timeout: limits.abandonedMs,
        // What is acknowledged is on the server's disk, whatever its settings say.
        synchronous_commit: "on",
        client_min_messages: "warning",
        ...(limits.readOnly && { default_transaction_read_only: "on" }),
      },
    } as unknown as postgres.Options<Record<string, postgres.PostgresType>>);
    const link = new PostgresLink(sql, socket, target, limits);
    try {
      await link.script("SELECT 1");
      link.#bound(limits.answerBytesMax);
      return link;
    } catch (thrown) {
      link.destroy();
      throw thrown;
    } finally {
      clearTimeout(late);
    }
  }

  /** An answer is held in memory as a whole: one that is larger than any of ours can be ends the connection. */
  #bound(bytesMax: number): void {
    this.#socket.on("data", (chunk: Uint8Array) => {
      this.#received += chunk.length;
      if (this.#received > bytesMax) this.destroy(`an answer of more than ${bytesMax} bytes`);
    });
  }

  /** Whether it serves no more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Runs one statement. */
  async query(sql: string, parameters: readonly SqlValue[] = []): Promise<LinkResult> {
    this.roundTrips++;
    const { text } = postgresText(sql);
    return resultOf(await this.#answer(() => this.#send(text, parameters)));
  }

  /** Runs several statements without parameters; what the last one came to. */
  async script(sql: string): Promise<LinkResult> {
    this.roundTrips++;
    const results = await this.#answer(() => this.#sql.unsafe(sql) as unknown as Pending);
    const last = Array.isArray(results[0]) ? results.at(-1) : results;
    return resultOf(last as unknown as Awaited<Pending>);
  }

  /**
   * Runs one statement for each row; how many rows were changed. Inside a transaction. Rows go by the hundred in one
   * statement where that means the same; statements are sent one after another without waiting for the answers between them.
   */
  async many(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<number> {
    const text = postgresText(sql);
    let changed = 0;
    for (let from = 0; from < rows.length;) {
      const answers: Promise<Awaited<Pending>>[] = [];
      for (let bytes = 0; from < rows.length && answers.length < BATCH_STATEMENTS && bytes < BATCH_BYTES;) {
        const batch = batchOf(text, rows, from, STATEMENT_BYTES);
        from += batch.rows.length;
        bytes += batch.bytes;
        answers.push(this.#answer(() => this.#sendBatch(text, batch)));
      }
      this.roundTrips++;
      // The first that was refused is the cause; the others were refused because of it.
      for (const each of await Promise.allSettled(answers)) {
        if (each.status === "rejected") throw each.reason;
        changed += each.value.count ?? 0;
      }
    }
    return changed;
  }

  #sendBatch({ text, row, parameters }: PostgresText, { rows, isFull }: PostgresBatch): Pending {
    if (row === undefined || rows.length === 1) return this.#send(text, rows[0]!);
    // Only full ones come often enough to be kept.
    return this.#send(statementOf(row, parameters, rows.length), rows.flat(), isFull);
  }

  #send(text: string, parameters: readonly SqlValue[], mayPrepare = true): Pending {
    this.isUsed = true;
    let prepare = this.#prepared.has(text);
    if (!prepare && mayPrepare && this.#prepared.size < PREPARED_MAX) {
      this.#prepared.add(text);
      prepare = true;
    }
    const how = { prepare, simple: false } as postgres.UnsafeQueryOptions;
    return this.#sql.unsafe(text, [...parameters], how) as unknown as Pending;
  }

  /** Waits for an answer, but not for ever. */
  async #answer(ask: () => Pending): Promise<Awaited<Pending>> {
    if (this.#isLost) throw away(this.#target, "the connection was closed");
    this.#pending++;
    this.#watch();
    try {
      return await ask();
    } catch (thrown) {
      const failure = this.#why ?? postgresFailure(thrown, this.#target);
      if (failure instanceof NodeError && failure.code === "DATABASE_AWAY") this.destroy();
      throw failure;
    } finally {
      this.#pending--;
      this.#received = 0;
      this.#watch();
    }
  }

  /** As long as there are statements without an answer, one has to come within a time. */
  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#pending === 0 ? undefined : setTimeout(() => this.destroy(), this.#graceMs);
  }

  /** Ends it in order. */
  async end(): Promise<void> {
    const isOver = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    if (!this.#isLost) await Promise.race([this.#sql.end({ timeout: 1 }), isOver]);
    this.destroy();
  }

  /** Ends it at once; statements that wait for their answer are refused with `DATABASE_AWAY`. */
  destroy(why?: string): void {
    if (why !== undefined) this.#why ??= postgresError(TOO_MUCH, this.#target, why);
    if (!this.#isLost) void this.#sql.end({ timeout: 0 }).catch(() => {});
    this.#isLost = true;
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }
}

function resultOf(result: Awaited<Pending>): LinkResult {
  return { rows: Array.from(result) as SqlRow[], count: result.count ?? 0, command: result.command ?? "" };
}
