/**
 * The right to be the one that writes to a schema. It is a row: who holds it, until when by the server's clock, and an
 * epoch that rises with each holder. Every commit of the holder looks at the epoch (`fence`), so that one that was held
 * up, by a debugger or a machine that slept, cannot write once another has taken over.
 *
 * A row, not an advisory lock: engines that only speak PostgreSQL's protocol have no such locks, and a lock that hangs on
 * a connection is lost with it, when the holder goes on with another one.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { type NodeError } from "../../core/errors.ts";
import type { Lease } from "../../core/ports.ts";
import { postgresError } from "./postgres-errors.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import { makeTable } from "./postgres-tables.ts";
import type { PostgresTarget } from "./postgres-target.ts";

/** How a lease is held. */
export interface LeaseOptions {
  /** How long it holds when nothing is heard of its holder; 5,000 by default. Another takes over after it. */
  readonly leaseMs?: number;
  /** How often its holder says that it lives; a quarter of `leaseMs` by default. */
  readonly renewMs?: number;
}

/** With who asks once a second, another takes over within ten seconds. */
const LEASE_MS = 5_000;

/** Of the table that has the one row. */
const COLUMNS =
  "id SMALLINT PRIMARY KEY, holder TEXT NOT NULL, name TEXT NOT NULL, epoch BIGINT NOT NULL, until TIMESTAMPTZ NOT NULL";

/** A lease that was taken. It is renewed until it is released or lost. */
export class PostgresLease implements Lease {
  readonly epoch: number;
  readonly #pool: PostgresPool;
  readonly #target: PostgresTarget;
  readonly #holder: string;
  /** How long it holds when nothing is heard of its holder. */
  readonly leaseMs: number;
  readonly #lost = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #isOver = false;

  private constructor(pool: PostgresPool, target: PostgresTarget, holder: string, epoch: number, leaseMs: number) {
    this.#pool = pool;
    this.#target = target;
    this.#holder = holder;
    this.epoch = epoch;
    this.leaseMs = leaseMs;
  }

  /**
   * Takes the lease of a schema; undefined while another holds it. `name` tells people who holds it.
   * @throws NodeError of a `PostgresCode`
   */
  static async take(
    pool: PostgresPool,
    target: PostgresTarget,
    name: string,
    { leaseMs = LEASE_MS, renewMs = leaseMs / 4 }: LeaseOptions = {},
  ): Promise<PostgresLease | undefined> {
    const holder = randomBytes(16).toString("hex");
    const epoch = await pool.use(async (link) => {
      await makeTable(link, target, "gemel_lease", COLUMNS);
      const { rows: [taken] } = await link.query(
        "INSERT INTO gemel_lease (id, holder, name, epoch, until) " +
          `VALUES (1, ?, ?, 1, now() + interval '${leaseMs} ms') ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, ` +
          "name = excluded.name, epoch = gemel_lease.epoch + 1, until = excluded.until " +
          "WHERE gemel_lease.until < now() RETURNING epoch",
        [holder, name],
      );
      return taken && Number(taken.epoch);
    });
    if (epoch === undefined) return undefined;
    const lease = new PostgresLease(pool, target, holder, epoch, leaseMs);
    lease.#schedule(renewMs);
    return lease;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Part of a statement: a row when the lease holds, which it then does until the transaction ends. */
  get fence(): string {
    return `SELECT 1 FROM ${this.#target.schema}.gemel_lease WHERE id = 1 AND epoch = ${this.epoch} FOR SHARE`;
  }

  #schedule(renewMs: number): void {
    if (this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.#renewing = this.renew().catch(() => {}).finally(() => this.#schedule(renewMs));
    }, renewMs);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /**
   * Says that the holder lives, and finds out whether another has taken over. While the server is away nobody can.
   * @throws NodeError of a `PostgresCode`: it may be tried again
   */
  async renew(): Promise<void> {
    if (this.#isOver) return;
    const { rows } = await this.#pool.use((link) =>
      link.query(
        `UPDATE gemel_lease SET until = now() + interval '${this.leaseMs} ms' WHERE id = 1 AND holder = ? RETURNING epoch`,
        [this.#holder],
      )
    );
    if (rows.length === 0) this.#lose(await this.#newHolder());
  }

  async #newHolder(): Promise<string> {
    // Lost it is, whether or not the server tells to whom.
    const found = await this.#pool.use((link) => link.query("SELECT name, epoch FROM gemel_lease WHERE id = 1"))
      .catch(() => undefined);
    const [row] = found?.rows ?? [];
    return row === undefined ? "" : `${row.name}, epoch ${row.epoch}`;
  }

  #lose(detail: string): void {
    this.#end();
    this.#lost.abort(takenOver(this.#target, detail));
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  /** Another may take it at once. Safe to call more than once; a server that is away finds out by the time. */
  async release(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    await this.#renewing;
    const sql = "UPDATE gemel_lease SET until = now() - interval '1 ms' WHERE id = 1 AND holder = ?";
    await this.#pool.use((link) => link.query(sql, [this.#holder])).catch(() => {});
  }
}

/** Another writes to the database now. */
export function takenOver(target: PostgresTarget, detail = ""): NodeError {
  const advice = `has another writer now (schema ${target.schema})`;
  return postgresError(["DATABASE_TAKEN_OVER", "self", advice], target, detail);
}
