/**
 * Where the databases of a node are: files below its folder, or schemas of one server. On a server each chain has one
 * writer at a time.
 *
 * @module
 */
import { type ChainConfig, databasePath, type LogLevel, type NodeConfig, type ServerConfig } from "../config.ts";
import type { NodeError } from "../core/errors.ts";
import type { Clock, Database, ServerDatabase } from "../core/ports.ts";
import type { Platform } from "../platform/platform.ts";
import type { NewEvent } from "../storage/events.ts";
import type { Shutdown } from "./chain.ts";

/** How often a node that stands by looks whether it may write. With the time that a lease holds it is less than ten seconds. */
const LOOK_MS = 1_000;

/** What databases are opened with. */
export interface DatabasesParts {
  readonly config: NodeConfig;
  readonly drivers:
    & Pick<Platform, "makeDir" | "openDatabase">
    & Partial<Pick<Platform, "openServer" | "processName">>
    & { readonly clock: Clock };
  readonly shutdown: Shutdown;
  readonly log: (level: LogLevel, area: string, text: string) => void;
  /** Writes events that belong to no block. */
  readonly record: (events: readonly NewEvent[]) => void;
  /** Ends the node: another has taken its place as the writer of a chain. */
  readonly overtaken: (why: NodeError) => void;
}

/** A name as a schema may have it. */
const partOf = (...names: readonly string[]) => names.join("_").toLowerCase().replaceAll(/[^a-z0-9_]/g, "_");

async function openPart(
  { drivers: { openServer }, shutdown }: Pick<DatabasesParts, "drivers" | "shutdown">,
  server: ServerConfig,
  part: string,
): Promise<ServerDatabase> {
  // The simulated world, which has no servers, is not told of one.
  if (openServer === undefined) throw new TypeError("there are no servers here");
  const database = await openServer(server, part);
  shutdown.add(() => database.close());
  return database;
}

/**
 * Opens the database of the node's own events.
 *
 * @throws NodeError with a code of the database's driver
 */
export async function openEventsDatabase(
  parts: Pick<DatabasesParts, "config" | "drivers" | "shutdown">,
): Promise<Database> {
  const { config, drivers, shutdown } = parts;
  if (typeof config.database === "object") return await openPart(parts, config.database, "events");
  const database = await drivers.openDatabase(`${config.paths.data}/events.sqlite`, { shrinks: true });
  shutdown.add(() => database.close());
  return database;
}

/** The databases of one chain. */
export interface ChainDatabases {
  /** What the chain's store and its events are in. */
  readonly chain: Database;
  /** Opens one more on the same server, for what is kept beside the chain; absent where each is a file. */
  readonly openBeside?: (name: string) => Promise<Database>;
}

/**
 * Opens a chain's database. One on a server is opened for who writes to it: while another does so, this waits for its end.
 *
 * @throws NodeError with a code of the database's driver
 */
export async function openChainDatabase(parts: DatabasesParts, chain: ChainConfig): Promise<ChainDatabases> {
  const { config, drivers, shutdown } = parts;
  if (typeof config.database !== "object") {
    const path = databasePath(config.paths, chain);
    await drivers.makeDir(path.slice(0, path.lastIndexOf("/")), 0o700);
    const database = await drivers.openDatabase(path);
    shutdown.add(() => database.close());
    return { chain: database };
  }
  const server = config.database;
  const part = partOf(chain.chain, chain.network);
  const database = await openPart(parts, server, part);
  const lease = await becomeWriter(parts, chain, database);
  return {
    chain: database,
    openBeside: async (name) => {
      const beside = await openPart(parts, server, partOf(part, name));
      beside.fence(lease);
      return beside;
    },
  };
}

/** Takes the right to write, once nobody else has it. The node ends when it is lost. */
async function becomeWriter(parts: DatabasesParts, { chain, network }: ChainConfig, database: ServerDatabase) {
  const { drivers: { clock, processName }, log, record, overtaken } = parts;
  const name = processName?.() ?? "gemel";
  let lease = await database.lease(name);
  for (let told: string | undefined; lease === undefined; lease = await database.lease(name)) {
    const holder = await database.leaseHolder();
    if (holder !== undefined && holder !== told) {
      log("info", "store", `${holder} writes ${chain} ${network} to ${database.name}; this node stands by`);
      told = holder;
    }
    await clock.sleep(LOOK_MS);
  }
  const { epoch, lost } = lease;
  log("info", "store", `writes ${chain} ${network} to ${database.name}, epoch ${epoch}`);
  record([{ topic: "node.writer", time: clock.now(), chain, network, data: { epoch, holder: name } }]);
  lost.addEventListener("abort", () => overtaken(lost.reason), { once: true });
  return lease;
}
