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
import { migrate, unreadableFor } from "../storage/migrate.ts";
import {
  MemoryNodeLog,
  NODE_LOG_IDENTITY,
  NODE_LOG_MIGRATIONS,
  type NodeLog,
  SqlNodeLog,
} from "../storage/node-log.ts";
import { followLog } from "./event-following.ts";
import type { Drivers, Shutdown } from "./chain.ts";
import { onlyReads, openEventsDatabase, type ServerSeats, untilReadable } from "./databases.ts";
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
  /** What the node is to its chains: who follows all of them only reads the log as well. */
  readonly seats: ServerSeats;
}

/** The log, and the consumers that share it. */
export interface OpenLog {
  readonly events: NodeLog;
  /** Absent where the log is only read. */
  readonly groups: (() => Promise<EventGroups>) | undefined;
  /** From one copy of a chain's events into it to the next, in milliseconds. */
  readonly gatherMs: number;
}

/** Opens the node's own event log, in a database of its own, and keeps it within its bounds. */
export async function openNodeLog(config: NodeConfig, parts: LogParts): Promise<OpenLog> {
  const { wake, shutdown, seats, drivers: { clock } } = parts;
  if (config.database === "memory") return inMemory(config, parts);
  const isOnlyRead = onlyReads(seats);
  const database = await openEventsDatabase({ config, ...parts }, isOnlyRead);
  const followings = [...seats.values()].flatMap(({ following }) => following ?? []);
  const gatherMs = gatherMsOf(database);
  if (!isOnlyRead) await migrate(database, NODE_LOG_MIGRATIONS, NODE_LOG_IDENTITY);
  const events = await untilReadable(parts, "the events", followings[0], async () => {
    const obstacle = isOnlyRead ? await unreadableFor(database, NODE_LOG_MIGRATIONS, NODE_LOG_IDENTITY) : undefined;
    return obstacle ?? new SqlNodeLog(database, wake);
  });
  // What others append is told here as well.
  if (followings.length > 0) shutdown.add(followLog(events, wake, clock));
  // Groups move with each claim.
  if (isOnlyRead) return { events, gatherMs, groups: undefined };
  keepBounded(config, events, parts);
  return { events, gatherMs, groups: groupsOf(events, parts, () => Promise.resolve(database)) };
}

/** A log in memory, which has no database; few nodes of that kind have groups. */
function inMemory(config: NodeConfig, parts: LogParts): OpenLog {
  const { eventsMax = Infinity } = config.eventsKeep ?? DEFAULTS.eventsKeep;
  const events = new MemoryNodeLog({ onAppend: parts.wake, eventsMax: Math.min(eventsMax, MEMORY_EVENTS_MAX) });
  keepBounded(config, events, parts);
  const open = async () => {
    const database = await parts.drivers.openDatabase(":memory:");
    parts.shutdown.add(() => database.close());
    await migrate(database, NODE_LOG_MIGRATIONS, NODE_LOG_IDENTITY);
    return database;
  };
  return { events, gatherMs: 0, groups: groupsOf(events, parts, open) };
}

function keepBounded(config: NodeConfig, events: NodeLog, { drivers: { clock }, log, shutdown }: LogParts): void {
  const failed = (text: string) => log("error", "store", text);
  const retention = new EventRetention(config.eventsKeep ?? DEFAULTS.eventsKeep, { log: events, clock, failed });
  shutdown.add(() => retention.stop());
  retention.start();
}

/** Opens the groups when they are first asked for. */
function groupsOf(
  log: NodeLog,
  { drivers: { clock, random } }: LogParts,
  open: () => Promise<Database>,
): () => Promise<EventGroups> {
  let groups: Promise<EventGroups> | undefined;
  return () => groups ??= open().then((database) => new EventGroups({ database, log, clock, random }));
}
