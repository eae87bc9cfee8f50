/**
 * How a database finds out what has become of a commit whose connection was lost. Each open database has a row of its own,
 * and each of its commits writes its number there. A lost commit is looked up there; and before that the row gets another
 * epoch, without which the lost one, should the server only come to it now, refuses itself.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { messageOf, NodeError } from "../../core/errors.ts";
import { away, isAway, postgresError } from "./postgres-errors.ts";
import type { PostgresLease } from "./postgres-lease.ts";
import type { PostgresLink } from "./postgres-link.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import { makeTable } from "./postgres-tables.ts";
import type { PostgresTarget } from "./postgres-target.ts";

/** How long a server is waited for that was lost in the middle of a commit. */
const LOOKUP_TIMEOUT_MS = 30_000;
/** The SQLSTATE of a commit that has refused itself. */
const DIVISION_BY_ZERO = "22012";
/** Rows of databases that have not been heard of for so long are removed. */
const KEEP = "30 days";

const COLUMNS = "writer TEXT PRIMARY KEY, epoch BIGINT NOT NULL, number BIGINT NOT NULL, " +
  "seen TIMESTAMPTZ NOT NULL DEFAULT now()";

/** The row of an open database. */
export class PostgresWriter {
  readonly #pool: PostgresPool;
  readonly #target: PostgresTarget;
  readonly #name: string;
  readonly #lookupTimeoutMs: number;
  #epoch = 1;
  #number = 0;
  #lease: PostgresLease | undefined;

  private constructor(pool: PostgresPool, target: PostgresTarget, name: string, lookupTimeoutMs: number) {
    this.#pool = pool;
    this.#target = target;
    this.#name = name;
    this.#lookupTimeoutMs = lookupTimeoutMs;
  }

  /** Makes the schema, the table and the row where they are not there. */
  static async open(
    pool: PostgresPool,
    target: PostgresTarget,
    lookupTimeoutMs = LOOKUP_TIMEOUT_MS,
  ): Promise<PostgresWriter> {
    const name = randomBytes(16).toString("hex");
    const link = await pool.take((each) => makeTable(each, target, "gemel_writers", COLUMNS));
    try {
      await link.query("INSERT INTO gemel_writers (writer, epoch, number) VALUES (?, 1, 0)", [name]);
      await link.script(`DELETE FROM gemel_writers WHERE seen < now() - interval '${KEEP}'`);
    } finally {
      pool.give(link);
    }
    return new PostgresWriter(pool, target, name, lookupTimeoutMs);
  }

  /** No commit from now on is made without the lease. */
  fence(lease: PostgresLease): void {
    this.#lease = lease;
  }

  /**
   * What a transaction begins with. Of a writer with a lease that is stopped in the middle of one, the server waits no longer
   * than the lease holds: its locks are in the way of the one that takes over.
   */
  get begin(): string {
    const { leaseMs } = this.#lease ?? {};
    return leaseMs === undefined ? "BEGIN" : `BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${leaseMs}`;
  }

  /** Why a transaction failed: another's changes may have come between, and then nothing else is to be said of it. */
  async causeOf(thrown: unknown): Promise<unknown> {
    if (this.#lease === undefined || isAway(thrown)) return thrown;
    await this.#lease.renew().catch(() => {});
    return this.#lease.lost.aborted ? this.#lease.lost.reason : thrown;
  }

  /**
   * Commits what was begun on a connection. When that is lost meanwhile, finds out whether it was committed.
   * @throws NodeError `DATABASE_AWAY` when it was not, `DATABASE_OUTCOME_UNKNOWN` when the server did not come back,
   * `DATABASE_TAKEN_OVER` when the lease is another's
   */
  async commit(link: PostgresLink): Promise<void> {
    if (link.isLost) throw away(this.#target, "the connection was closed");
    const number = ++this.#number;
    const [held, and] = this.#lease === undefined ? ["", ""] : [`, held AS (${this.#lease.fence})`, ", held"];
    try {
      // Divides by zero, which ends the transaction, when a row has another epoch. All of it is one round trip.
      const { command } = await link.script(
        `WITH mark AS (UPDATE gemel_writers SET number = ${number}, seen = now() ` +
          `WHERE writer = '${this.#name}' AND epoch = ${this.#epoch} RETURNING 1)${held} ` +
          `SELECT 1 / count(*) FROM mark${and}; COMMIT`,
      );
      if (command !== "COMMIT") throw this.#unknown(`the server says ${command}`);
    } catch (thrown) {
      if (thrown instanceof NodeError && thrown.data["sqlstate"] === DIVISION_BY_ZERO) {
        throw await this.causeOf(this.#forgotten());
      }
      if (!isAway(thrown)) throw thrown;
      if (!await this.#isCommitted(number, thrown)) throw thrown;
    }
  }

  /** Whether a commit was made whose connection was lost. From the answer on it cannot be made any more. */
  async #isCommitted(number: number, lost: unknown): Promise<boolean> {
    const end = performance.now() + this.#lookupTimeoutMs;
    for (;;) {
      try {
        // Idempotent: an answer that is lost may be asked for again, and only raises the epoch once more.
        const sql = "UPDATE gemel_writers SET epoch = epoch + 1 WHERE writer = ? RETURNING epoch, number";
        const [row] = await this.#pool.use(async (link) => (await link.query(sql, [this.#name])).rows);
        if (row === undefined) throw this.#unknown("its row is gone");
        this.#epoch = Number(row.epoch);
        return Number(row.number) >= number;
      } catch (thrown) {
        if (!isAway(thrown) || performance.now() > end) {
          throw this.#unknown(`${messageOf(lost)}; then ${messageOf(thrown)}`);
        }
      }
    }
  }

  #forgotten(): NodeError {
    const advice = "has forgotten this program, which was not heard of for long; start it again";
    return postgresError(["DATABASE_TAKEN_OVER", "self", advice], this.#target);
  }

  #unknown(detail: string): NodeError {
    const advice = "was lost in the middle of a commit, which may have been made or not; open it again and see";
    return postgresError(["DATABASE_OUTCOME_UNKNOWN", "network", advice], this.#target, detail);
  }

  /** Removes the row, where that can be done. */
  async close(): Promise<void> {
    await this.#pool.use((link) => link.query("DELETE FROM gemel_writers WHERE writer = ?", [this.#name])).catch(
      () => {},
    );
  }
}
