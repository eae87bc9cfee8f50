/**
 * The node's event log, and what belongs to it while the node runs.
 *
 * @module
 */
import { DEFAULTS, type NodeConfig } from "../config.ts";
import type { Database } from "../core/ports.ts";
import { gatherMsOf } from "../storage/gathering.ts";
import { EventGroups } from "../storage/event-groups.ts";
import { EventRetention } from "../storage/event-retention.ts";
import { migrate } from "../storage/migrate.ts";
import { MemoryNodeLog, NODE_LOG_MIGRATIONS, type NodeLog, SqlNodeLog } from "../storage/node-log.ts";
import type { Drivers, Shutdown } from "./chain.ts";
import { openEventsDatabase } from "./databases.ts";
import type { Logging } from "../log.ts";

/** Events that a log in memory keeps at most. */
const MEMORY_EVENTS_MAX = 100_000;

/** What the log is opened with. */
interface LogParts {
  readonly drivers: Pick<Drivers, "clock" | "makeDir" | "openDatabase" | "openServer" | "random">;
  /** Told when there are new events. */
  readonly wake: () => void;
  readonly log: Logging["log"];
  readonly shutdown: Shutdown;
}

/** The log, and the consumers that share it. */
export interface OpenLog {
  readonly events: NodeLog;
  readonly groups: () => Promise<EventGroups>;
  /** From one copy of a chain's events into it to the next, in milliseconds. */
  readonly gatherMs: number;
}

/** Opens the node's own event log, in a database of its own, and keeps it within its bounds. */
export async function openNodeLog(config: NodeConfig, parts: LogParts): Promise<OpenLog> {
  const { drivers: { clock, random }, log, shutdown } = parts;
  const keep = config.eventsKeep ?? DEFAULTS.eventsKeep;
  const isMemory = config.database === "memory";
  const database = isMemory ? undefined : await migrated(await openEventsDatabase({ config, ...parts }));
  const events = database !== undefined ? new SqlNodeLog(database, parts.wake) : new MemoryNodeLog({
    onAppend: parts.wake,
    eventsMax: Math.min(keep.eventsMax ?? Infinity, MEMORY_EVENTS_MAX),
  });
  const failed = (text: string) => log("error", "store", text);
  const retention = new EventRetention(keep, { log: events, clock, failed });
  shutdown.add(() => retention.stop());
  retention.start();
  let groups: Promise<EventGroups> | undefined;
  const openGroups = async () =>
    new EventGroups({ database: database ?? await inMemory(parts), log: events, clock, random });
  // A log in memory has no database, and few nodes of that kind have groups.
  return { events, groups: () => groups ??= openGroups(), gatherMs: database === undefined ? 0 : gatherMsOf(database) };
}

async function inMemory({ drivers, shutdown }: LogParts): Promise<Database> {
  const database = await drivers.openDatabase(":memory:");
  shutdown.add(() => database.close());
  return await migrated(database);
}

async function migrated(database: Database): Promise<Database> {
  await migrate(database, NODE_LOG_MIGRATIONS, { chain: "events", network: "all", genesis: "" });
  return database;
}
