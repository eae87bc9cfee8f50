/**
 * Where the databases of a node are: files below its folder, or schemas of one server. On a server each chain has one
 * writer at a time, and others follow it.
 *
 * @module
 */
import { type ChainConfig, databasePath, type LogLevel, type NodeConfig, type ServerConfig } from "../config.ts";
import { NodeError } from "../core/errors.ts";
import { Following } from "../core/following.ts";
import type { Clock, Database, Lease, ServerDatabase } from "../core/ports.ts";
import type { Platform } from "../platform/platform.ts";
import type { Shutdown } from "./chain.ts";

/** How often a node that waits looks again. With the time that a lease holds it is less than ten seconds. */
const LOOK_MS = 1_000;

/** All nodes write to one log of events: one that is stopped in the middle of it is not in the way of the others for longer. */
const EVENTS_ABANDONED_MS = 5_000;

/** What databases are opened with. */
export interface DatabasesParts {
  readonly config: NodeConfig;
  readonly drivers:
    & Pick<Platform, "makeDir" | "openDatabase">
    & Partial<Pick<Platform, "openServer" | "processName">>
    & { readonly clock: Clock };
  readonly shutdown: Shutdown;
  readonly log: (level: LogLevel, area: string, text: string) => void;
  /** Ends the node: another has taken its place as the writer of a chain, or it is to take another's. */
  readonly overtaken: (why: NodeError) => void;
}

/** What a node is to one chain on a server: the writer, with a lease, or one that follows it. */
export interface ServerSeat {
  /** Where the chain's store and its events are; one that follows cannot change it. */
  readonly database: ServerDatabase;
  readonly lease?: Lease;
  readonly following?: Following;
}

/** The seats of a node, by the names of its chains; none where databases are files. */
export type ServerSeats = ReadonlyMap<string, ServerSeat>;

/** Whether a node writes nothing to its server, not even its own events. */
export function onlyReads(seats: ServerSeats): boolean {
  return seats.size > 0 && [...seats.values()].every(({ following }) => following !== undefined);
}

/** A name as a schema may have it. */
const partOf = (...names: readonly string[]) => names.join("_").toLowerCase().replaceAll(/[^a-z0-9_]/g, "_");

async function openPart(
  { drivers: { openServer }, shutdown }: Pick<DatabasesParts, "drivers" | "shutdown">,
  server: ServerConfig,
  part: string,
  options: { readonly readOnly?: boolean; readonly abandonedMs?: number } = {},
): Promise<ServerDatabase> {
  // The simulated world, which has no servers, is not told of one.
  if (openServer === undefined) throw new TypeError("there are no servers here");
  const database = await openServer(server, part, options);
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
  readOnly: boolean,
): Promise<Database> {
  const { config, drivers, shutdown } = parts;
  if (typeof config.database === "object") {
    return await openPart(parts, config.database, "events", { readOnly, abandonedMs: EVENTS_ABANDONED_MS });
  }
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
 * Opens a chain's database, on a server that of the node's seat.
 *
 * @throws NodeError with a code of the database's driver
 */
export async function openChainDatabase(
  parts: Pick<DatabasesParts, "config" | "drivers" | "shutdown"> & { readonly seat: ServerSeat | undefined },
  chain: ChainConfig,
): Promise<ChainDatabases> {
  const { config, drivers, shutdown, seat } = parts;
  if (typeof config.database !== "object" || seat === undefined) {
    const path = databasePath(config.paths, chain);
    await drivers.makeDir(path.slice(0, path.lastIndexOf("/")), 0o700);
    const database = await drivers.openDatabase(path);
    shutdown.add(() => database.close());
    return { chain: database };
  }
  const { database, lease } = seat;
  const server = config.database;
  return {
    chain: database,
    openBeside: async (name) => {
      const beside = await openPart(parts, server, partOf(chain.chain, chain.network, name), {
        readOnly: lease === undefined,
      });
      if (lease !== undefined) beside.fence(lease);
      return beside;
    },
  };
}

/**
 * Settles for each chain on a server whether this node writes it or follows who does. A node that is only to write waits
 * until it may.
 *
 * @throws NodeError with a code of the database's driver
 */
export async function takeSeats(parts: DatabasesParts): Promise<ServerSeats> {
  const { config } = parts;
  const seats = new Map<string, ServerSeat>();
  if (typeof config.database !== "object") {
    if (config.role !== "reader") return seats;
    throw new NodeError(
      "CONFIG_INVALID",
      "self",
      "role: a reader needs a server whose writer it follows (--db postgres://…)",
    );
  }
  for (const chain of config.chains) seats.set(chain.chain, await takeSeat(parts, chain, config.database));
  return seats;
}

async function takeSeat(parts: DatabasesParts, chain: ChainConfig, server: ServerConfig): Promise<ServerSeat> {
  const { config: { role = "auto" } } = parts;
  const part = partOf(chain.chain, chain.network);
  if (role !== "reader") {
    const database = await openPart(parts, server, part);
    const lease = await leaseOf(parts, chain, database, role === "writer");
    if (lease !== undefined) return { database, lease };
    // What only reads cannot write by mistake.
    await database.close();
  }
  const database = await openPart(parts, server, part, { readOnly: true });
  return { database, following: await followingOf(parts, chain, database, role === "auto") };
}

/** Takes the right to write, now or once nobody else has it. The node ends when it is lost. */
async function leaseOf(
  { drivers: { clock, processName }, log, overtaken }: DatabasesParts,
  { chain, network }: ChainConfig,
  database: ServerDatabase,
  waits: boolean,
): Promise<Lease | undefined> {
  const name = processName?.() ?? "gemel";
  let lease = await database.lease(name);
  for (let told: string | undefined; lease === undefined && waits; lease = await database.lease(name)) {
    const holder = await database.leaseHolder();
    if (holder !== undefined && holder !== told) {
      log("info", "store", `${holder} writes ${chain} ${network} to ${database.name}; this node stands by`);
      told = holder;
    }
    await clock.sleep(LOOK_MS);
  }
  if (lease === undefined) return undefined;
  const { epoch, lost } = lease;
  log("info", "store", `writes ${chain} ${network} to ${database.name}, epoch ${epoch}`);
  lost.addEventListener("abort", () => overtaken(lost.reason), { once: true });
  return lease;
}

async function followingOf(
  { drivers: { clock }, log, overtaken }: DatabasesParts,
  { chain, network }: ChainConfig,
  database: ServerDatabase,
  standsBy: boolean,
): Promise<Following> {
  const holder = await database.leaseHolder();
  const who = holder === undefined ? "nobody" : holder;
  const does = standsBy ? "this node stands by, and only reads until then" : "this node only reads";
  log("info", "store", `${who} writes ${chain} ${network} to ${database.name}; ${does}`);
  return new Following({
    clock,
    subject: `${chain} ${network}`,
    writer: () => database.leaseHolder(),
    startAgain: overtaken,
    standsBy,
    notice: (level, text) => log(level, "store", text),
  }, holder);
}

/**
 * Opens what the writer makes, or waits for it: `open` says why it cannot be opened yet. It is told once.
 *
 * @throws NodeError `WRITER_WANTED` when nobody will make it but this node, or what `open` throws
 */
export async function untilReadable<T extends object>(
  { drivers: { clock }, log }: Pick<DatabasesParts, "drivers" | "log">,
  subject: string,
  following: Following | undefined,
  open: () => Promise<T | string>,
): Promise<T> {
  let told: string | undefined;
  for (;;) {
    const opened = await open();
    if (typeof opened !== "string") return opened;
    if (opened !== told) log("info", "store", `${subject}: ${opened}; its writer is waited for`);
    told = opened;
    await following?.stillStandsBy();
    await clock.sleep(LOOK_MS);
  }
}
