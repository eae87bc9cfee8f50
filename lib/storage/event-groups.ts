/**
 * Groups of consumers that share the log: each event goes to one of them. A consumer claims the next events for a time, and
 * says when it has done with them; what it does not acknowledge in time goes to another. A group's place and the claims are
 * rows, and each step is a statement that changes them only as they were read: so it holds for any number of consumers, on
 * any database, and over restarts.
 *
 * @module
 */
import { toHex } from "../codec/hex.ts";
import { NodeError } from "../core/errors.ts";
import type { ReadableLog } from "../core/events/reader.ts";
import type { Clock, Database, Random, SqlRow } from "../core/ports.ts";
import type { EventItem } from "./event-envelope.ts";
import { readPage } from "./event-page.ts";
import type { LoggedEvent } from "./events.ts";

/** The tables. `topics` is JSON; a claim holds the events `from_id` to `to_id`, and `deadline` is unix milliseconds. */
export const EVENT_GROUPS_SCHEMA = `
CREATE TABLE event_groups (name TEXT PRIMARY KEY, topics TEXT NOT NULL, position BIGINT NOT NULL);
CREATE TABLE event_claims (
  group_name TEXT NOT NULL,
  from_id BIGINT NOT NULL,
  to_id BIGINT NOT NULL,
  claim TEXT NOT NULL,
  deadline BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  PRIMARY KEY (group_name, from_id)
);`;

/** Groups of one log. */
export const GROUPS_MAX = 256;
/** Claims of one group that are not acknowledged. */
export const CLAIMS_MAX = 1_000;
/** Events in one claim. */
export const CLAIM_EVENTS_MAX = 1_000;
/** Bytes of a claim's events as JSON, about; one event is given whatever its size. */
const CLAIM_BYTES_MAX = 4 * 1024 * 1024;
/** Events that are read in one step in search of those of the group's topics. */
const SCAN_EVENTS_MAX = 1_000;
const CLAIM_BYTES = 16;
/** Steps that others were quicker with, before a consumer is told to come again. */
const CONTESTED_MAX = 50;

/** A group of consumers. */
export interface EventGroup {
  readonly name: string;
  /** Topics, each with `*` for any run of characters; none: all. */
  readonly topics: readonly string[];
  /** The id up to which events were claimed, or are not wanted. */
  readonly position: number;
  /** Claims that are not acknowledged. */
  readonly claims: number;
}

/** Events for one consumer. */
export interface EventClaim {
  /** By which it is acknowledged. */
  readonly claim: string;
  /** When they go to another consumer, in unix milliseconds. */
  readonly deadline: number;
  /** How often they have been given, this time included. */
  readonly attempt: number;
  /** The events, with a gap in the place of what was trimmed. */
  readonly items: readonly EventItem[];
}

/** The groups of a log. */
export class EventGroups {
  readonly #database: Database;
  readonly #log: ReadableLog<LoggedEvent>;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(
    { database, log, clock, random }: {
      /** With the tables of {@link EVENT_GROUPS_SCHEMA}. */
      readonly database: Database;
      readonly log: ReadableLog<LoggedEvent>;
      readonly clock: Clock;
      readonly random: Random;
    },
  ) {
    this.#database = database;
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
  }

  /** All groups, by name. */
  async list(): Promise<EventGroup[]> {
    const rows = await this.#database.all(
      "SELECT g.name, g.topics, g.position, (SELECT COUNT(*) FROM event_claims c WHERE c.group_name = g.name) AS claims " +
        "FROM event_groups g ORDER BY g.name",
    );
    return rows.map((row) => ({ ...groupOf(row), claims: Number(row.claims) }));
  }

  /**
   * Makes a group that begins after `since`, or with what comes from now on. False: it is there, with the same topics.
   * @throws NodeError `GROUP_DIFFERS` when it has other topics, `GROUPS_FULL`
   */
  async make(name: string, topics: readonly string[], since?: number): Promise<boolean> {
    const { newest } = await this.#log.bounds();
    const position = Math.min(since ?? newest, newest);
    const text = JSON.stringify(topics);
    const made = await this.#database.run(
      "INSERT INTO event_groups (name, topics, position) SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT) " +
        "WHERE (SELECT COUNT(*) FROM event_groups) < ? ON CONFLICT (name) DO NOTHING",
      [name, text, position, GROUPS_MAX],
    );
    if (made > 0) return true;
    const there = await this.#group(name);
    if (there === undefined) throw new NodeError("GROUPS_FULL", "self", `there are ${GROUPS_MAX} groups already`);
    if (JSON.stringify(there.topics) === text) return false;
    throw new NodeError("GROUP_DIFFERS", "self", `the group ${name} has other topics; remove it first`);
  }

  /** Removes a group with its claims; false when there is none. */
  remove(name: string): Promise<boolean> {
    return this.#database.transaction(async (within) => {
      await within.run("DELETE FROM event_claims WHERE group_name = ?", [name]);
      return await within.run("DELETE FROM event_groups WHERE name = ?", [name]) > 0;
    });
  }

  /**
   * Claims events for a time: first those that another has not acknowledged in time, then the next ones, at most `limit`.
   * Undefined when there are none now.
   * @throws NodeError `GROUP_UNKNOWN`, or `GROUP_BUSY` when too many claims are open or too many consumers come at once
   */
  async next(name: string, limit: number, leaseMs: number): Promise<EventClaim | undefined> {
    for (let contested = 0; contested < CONTESTED_MAX;) {
      const group = await this.#group(name);
      if (group === undefined) throw new NodeError("GROUP_UNKNOWN", "self", `there is no group ${name}`);
      const late = await this.#database.get(
        "SELECT * FROM event_claims WHERE group_name = ? AND deadline <= ? ORDER BY from_id LIMIT 1",
        [name, this.#clock.now()],
      );
      if (late !== undefined) {
        const claim = await this.#again(group, late, leaseMs);
        if (claim !== undefined) return claim;
        contested += 1;
        continue;
      }
      const scanMax = group.topics.length === 0 ? limit : Math.max(limit, SCAN_EVENTS_MAX);
      const bounds = { scanMax, itemsMax: limit, bytesMax: CLAIM_BYTES_MAX };
      const { items, upTo, isEnd } = await readPage(this.#log, group.position, group.topics, bounds);
      if (items.length === 0) {
        if (upTo !== group.position) await this.#move(this.#database, group, upTo);
        if (isEnd) return undefined;
        // What is not wanted must not keep others waiting.
        await this.#clock.sleep(0);
        continue;
      }
      const claim = await this.#take(group, upTo, items, leaseMs);
      if (claim !== undefined) return claim;
      contested += 1;
    }
    throw new NodeError("GROUP_BUSY", "self", `too many consumers of ${name} come at once`);
  }

  /** The consumer has done with its events. False: the claim is not its own any more, and others have them or will. */
  async acknowledge(name: string, claim: string): Promise<boolean> {
    const sql = "DELETE FROM event_claims WHERE group_name = ? AND claim = ?";
    return await this.#database.run(sql, [name, claim]) > 0;
  }

  /** Gives the consumer another time from now on, 0 to give its events to another at once. False as above. */
  async extend(name: string, claim: string, leaseMs: number): Promise<boolean> {
    const sql = "UPDATE event_claims SET deadline = ? WHERE group_name = ? AND claim = ?";
    return await this.#database.run(sql, [this.#clock.now() + leaseMs, name, claim]) > 0;
  }

  async #group(name: string): Promise<Omit<EventGroup, "claims"> | undefined> {
    const row = await this.#database.get("SELECT name, topics, position FROM event_groups WHERE name = ?", [name]);
    return row && groupOf(row);
  }

  /** Gives events to another consumer; undefined when one was quicker. */
  async #again(
    { name, topics }: Omit<EventGroup, "claims">,
    row: SqlRow,
    leaseMs: number,
  ): Promise<EventClaim | undefined> {
    const { claim, deadline } = this.#ticket(leaseMs);
    const changed = await this.#database.run(
      "UPDATE event_claims SET claim = ?, deadline = ?, attempt = attempt + 1 " +
        "WHERE group_name = ? AND from_id = ? AND claim = ? AND deadline = ?",
      [claim, deadline, name, row.from_id!, row.claim!, row.deadline!],
    );
    if (changed === 0) return undefined;
    const [from, upTo] = [Number(row.from_id), Number(row.to_id)];
    const bounds = { scanMax: upTo - from + 1, itemsMax: Infinity, bytesMax: Infinity, upTo };
    const { items } = await readPage(this.#log, from - 1, topics, bounds);
    return { claim, deadline, attempt: Number(row.attempt) + 1, items };
  }

  /** Takes the next events for a consumer; undefined when another was quicker. */
  async #take(
    group: Omit<EventGroup, "claims">,
    upTo: number,
    items: readonly EventItem[],
    leaseMs: number,
  ): Promise<EventClaim | undefined> {
    const { claim, deadline } = this.#ticket(leaseMs);
    const taken = await this.#database.transaction(async (within) => {
      // First what makes others wait: of two that read the same position one goes on.
      if (!await this.#move(within, group, upTo)) return "late";
      const open = await within.get("SELECT COUNT(*) AS open FROM event_claims WHERE group_name = ?", [group.name]);
      if (Number(open?.open) >= CLAIMS_MAX) {
        await this.#move(within, { ...group, position: upTo }, group.position);
        return "full";
      }
      await within.run(
        "INSERT INTO event_claims (group_name, from_id, to_id, claim, deadline, attempt) VALUES (?, ?, ?, ?, ?, 1)",
        [group.name, group.position + 1, upTo, claim, deadline],
      );
      return "taken";
    });
    if (taken === "full") {
      throw new NodeError("GROUP_BUSY", "self", `${CLAIMS_MAX} claims of ${group.name} are not acknowledged`);
    }
    return taken === "taken" ? { claim, deadline, attempt: 1, items } : undefined;
  }

  /** Moves a group's position if it is where it was read; whether it was. */
  async #move(database: Database, { name, position }: Omit<EventGroup, "claims">, to: number): Promise<boolean> {
    const sql = "UPDATE event_groups SET position = ? WHERE name = ? AND position = ?";
    return await database.run(sql, [to, name, position]) > 0;
  }

  #ticket(leaseMs: number): Pick<EventClaim, "claim" | "deadline"> {
    return { claim: toHex(this.#random.bytes(CLAIM_BYTES)), deadline: this.#clock.now() + leaseMs };
  }
}

function groupOf(row: SqlRow): Omit<EventGroup, "claims"> {
  return {
    name: String(row.name),
    topics: JSON.parse(String(row.topics)) as string[],
    position: Number(row.position),
  };
}
