/**
 * The node's event log, and what belongs to it while the node runs.
 *
 * @module
 */
import { DEFAULTS, type NodeConfig } from "../config.ts";
import { EventRetention } from "../storage/event-retention.ts";
import { migrate } from "../storage/migrate.ts";
import { MemoryNodeLog, NODE_LOG_MIGRATIONS, type NodeLog, SqlNodeLog } from "../storage/node-log.ts";
import type { Drivers, Shutdown } from "./chain.ts";
import type { Logging } from "../log.ts";

/** Events that a log in memory keeps at most. */
const MEMORY_EVENTS_MAX = 100_000;

/** What the log is opened with. */
interface LogParts {
  readonly drivers: Pick<Drivers, "clock" | "openDatabase">;
  /** Told when there are new events. */
  readonly wake: () => void;
  readonly log: Logging["log"];
  readonly shutdown: Shutdown;
}

/** Opens the node's own event log, in a database of its own, and keeps it within its bounds. */
export async function openNodeLog(config: NodeConfig, parts: LogParts): Promise<NodeLog> {
  const { drivers: { clock }, log, shutdown } = parts;
  const keep = config.eventsKeep ?? DEFAULTS.eventsKeep;
  const events = config.database === "memory"
    ? new MemoryNodeLog({
      onAppend: parts.wake,
      eventsMax: Math.min(keep.eventsMax ?? Infinity, MEMORY_EVENTS_MAX),
    })
    : await openSqlLog(config, parts);
  const failed = (text: string) => log("error", "store", text);
  const retention = new EventRetention(keep, { log: events, clock, failed });
  shutdown.add(() => retention.stop());
  retention.start();
  return events;
}

async function openSqlLog({ paths }: NodeConfig, { drivers, wake, shutdown }: LogParts): Promise<SqlNodeLog> {
  const database = await drivers.openDatabase(`${paths.data}/events.sqlite`, { shrinks: true });
  shutdown.add(() => database.close());
  await migrate(database, NODE_LOG_MIGRATIONS, { chain: "events", network: "all", genesis: "" });
  return new SqlNodeLog(database, wake);
}
