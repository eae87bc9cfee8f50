/**
 * The composition root: takes a resolved configuration, names every concrete driver, and starts a node.
 *
 * @module
 */
import {
  clock,
  dialer,
  listen,
  lockDir,
  makeDir,
  openDatabase,
  openFileFolder,
  random,
  readFile,
  removeFile,
  resolveHost,
  serveHttp,
  serveHttps,
  sha256,
  stderr,
  writeFileAtomic,
} from "#platform";
import { useSha256 } from "./codec/sha256.ts";
import type { Miner } from "./bitcoin/mining.ts";
import { bitcoinSide } from "./bitcoin-side.ts";
import { chiaSide } from "./chia-side.ts";
import { loadRpcIdentity } from "./chia/identity.ts";
import { cookieFile, GEMEL_VERSION, type NodeConfig, rpcUrlFile, type RunningNode } from "./config.ts";
import { Bus } from "./core/bus.ts";
import { messageOf, NodeError } from "./core/errors.ts";
import { type EventHints, subscribeEvents } from "./core/events-reader.ts";
import type { PeerAddress } from "./core/ports.ts";
import { type Logging, startLogging } from "./log.ts";
import { type BasicSecrets, loadOrCreateToken, makeCookie, parseRpcAuth, rpcApp, type SecretFiles } from "./rpc/mod.ts";
import { type Drivers, Shutdown, type Side } from "./side.ts";
import type { EventLog, NewEvent } from "./storage/events.ts";
import { migrate } from "./storage/migrate.ts";
import { EventForwarder, MemoryNodeLog, NODE_LOG_MIGRATIONS, type NodeLog, SqlNodeLog } from "./storage/node-log.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

const drivers: Drivers = {
  clock,
  random,
  dialer,
  listen,
  resolveHost,
  openDatabase,
  openFileFolder,
  makeDir,
  readFile,
  writeFileAtomic,
};

const secrets: SecretFiles = {
  read: async (path) => {
    const bytes = await readFile(path);
    return bytes === undefined ? undefined : decoder.decode(bytes);
  },
  write: (path, text) => writeFileAtomic(path, encoder.encode(text), 0o600),
};

/** The node's own event log, in a database of its own. */
async function openNodeLog(config: NodeConfig, wake: () => void, shutdown: Shutdown): Promise<NodeLog> {
  if (config.database === "memory") return new MemoryNodeLog({ onAppend: wake });
  const database = await openDatabase(`${config.paths.data}/events.sqlite`);
  shutdown.add(() => database.close());
  await migrate(database, NODE_LOG_MIGRATIONS, { chain: "events", network: "all", genesis: "" });
  return new SqlNodeLog(database, wake);
}

/**
 * Starts a node. What was begun is undone when a later step fails.
 *
 * @throws NodeError with a code and one line that says what to do: `DATA_FOLDER_IN_USE`, `DATA_FOLDER_UNWRITABLE`,
 * `DATABASE_DAMAGED`, `PORT_IN_USE`, `CONSTANTS_INVALID`, …
 */
export async function startNode(config: NodeConfig): Promise<RunningNode> {
  const shutdown = new Shutdown();
  try {
    return await start(config, shutdown);
  } catch (thrown) {
    await shutdown.run();
    throw thrown;
  }
}

async function start(config: NodeConfig, shutdown: Shutdown): Promise<RunningNode> {
  useSha256(sha256);
  if (config.chains.length === 0) throw new NodeError("CONFIG_INVALID", "self", "no chain is configured");
  const logging = await startLogging(config.log, (line) => void stderr.write(line));
  await makeDir(config.paths.data, 0o700);
  const lock = await lockDir(config.paths.data);
  shutdown.add(() => lock.release());

  const bus = new Bus<{ events: null }>();
  const wake = () => bus.emit("events", null);
  const hints: EventHints = (listener) => bus.on("events", () => listener());
  const events = await openNodeLog(config, wake, shutdown);
  const record = recorder(events, logging);
  const forwarder = new EventForwarder(events, (text) => logging.log("error", "store", text));
  shutdown.add(() => forwarder.drain());

  const { sides, services, miner } = await openSides(config, shutdown, forwarder, record, logging);
  const rpcIdentity = await loadRpcIdentity({ folder: config.paths.ssl, files: drivers, clock, random });
  const token = await loadOrCreateToken(config.paths.token, secrets, random);

  const stopped = Promise.withResolvers<void>();
  const chains = sides.map(({ handle }) => handle);
  const basic = services.bitcoin === undefined ? undefined : await openBasic(config, shutdown);
  const app = rpcApp({
    ...services,
    ...(miner && { miner }),
    chains,
    events,
    hints,
    clock,
    log: logging,
    stop: () => void running.stop(),
    version: GEMEL_VERSION,
  }, {
    auth: { token, ...(basic && { basic }), hosts: [config.rpc.listen.host, ...config.rpc.allowedHosts] },
    limits: { concurrency: config.rpc.concurrency, queue: config.rpc.queue },
    random,
  });
  const rpc = await serveHttps({
    ...config.rpc.listen,
    identity: rpcIdentity.server,
    clientAuthorities: [rpcIdentity.authority],
    fetch: (request, info) => app.fetch(request, info),
    onUpgrade: (request, duplex, info) => void app.upgrade(request, duplex, info),
  });
  shutdown.add(() => rpc.close());
  if (config.rpc.bitcoinHttp !== undefined && basic !== undefined) {
    const plain = await serveHttp({ ...config.rpc.bitcoinHttp, fetch: (request) => app.fetchPlain(request) });
    shutdown.add(() => plain.close());
  }
  // So that `gemel status --data-dir DIR` finds the node wherever it listens.
  await writeFileAtomic(rpcUrlFile(config.paths), encoder.encode(`https://${urlHost(rpc.address)}\n`), 0o600);
  shutdown.add(() => removeFile(rpcUrlFile(config.paths)));
  shutdown.add(() => app.close());
  shutdown.add(() => record.done());
  for (const side of sides) {
    shutdown.add(() => side.stop());
    await side.start();
  }
  record.write([nodeEvent("node.start", { version: GEMEL_VERSION })]);

  let stopping: Promise<void> | undefined;
  const running: RunningNode = {
    ...services,
    config,
    chains,
    events,
    subscribe: (options) => subscribeEvents(events, hints, options),
    rpcAddress: rpc.address,
    stopped: stopped.promise,
    stop() {
      stopping ??= (async () => {
        record.write([nodeEvent("node.stop", {})]);
        await shutdown.run();
      })();
      stopping.then(stopped.resolve, stopped.reject);
      return stopping;
    },
  };
  return running;
}

/** Opens every chain that is configured, and copies its events into the node's log from then on. */
async function openSides(
  config: NodeConfig,
  shutdown: Shutdown,
  forwarder: EventForwarder,
  record: ReturnType<typeof recorder>,
  logging: Logging,
): Promise<{
  readonly sides: readonly Side[];
  readonly services: Pick<RunningNode, "chia" | "bitcoin">;
  readonly miner: Miner | undefined;
}> {
  const sides: Side[] = [];
  let miner: Miner | undefined;
  let services: Pick<RunningNode, "chia" | "bitcoin"> = {};
  for (const chain of config.chains) {
    const name = `${chain.chain}/${chain.network}`;
    const parts = {
      config,
      drivers,
      shutdown,
      onEvents: () => forwarder.poke(name),
      record: record.write,
      log: (...line: Parameters<Logging["log"]>) => logging.log(...line),
    };
    if (chain.chain === "chia") {
      const side = await chiaSide(parts, chain);
      services = { ...services, chia: side.service };
      sides.push(side);
    } else {
      const side = await bitcoinSide(parts, chain);
      services = { ...services, bitcoin: side.service };
      miner = side.miner;
      sides.push(side);
    }
    const events = sides.at(-1)?.events;
    if (events !== undefined) await forwarder.add(name, events);
  }
  return { sides, services, miner };
}

/** The cookie of this run, and the names with passwords. */
async function openBasic(config: NodeConfig, shutdown: Shutdown): Promise<BasicSecrets> {
  const cookie = await makeCookie(cookieFile(config), { ...secrets, remove: removeFile }, random);
  shutdown.add(() => cookie.remove());
  return { cookie: cookie.secret, rpcauth: config.rpc.rpcauth.map(parseRpcAuth) };
}

/** Host and port as a URL has them; an address for everywhere is called on loopback. */
function urlHost({ host, port }: PeerAddress): string {
  if (host === "0.0.0.0" || host === "::") return `127.0.0.1:${port}`;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function nodeEvent(topic: string, data: NewEvent["data"]): NewEvent {
  return { topic, time: clock.now(), chain: null, network: null, data };
}

/** Writes events one after another without making anybody wait; `done` waits for the last. */
function recorder(events: EventLog, logging: Logging) {
  let queue: Promise<unknown> = Promise.resolve();
  return {
    write(added: readonly NewEvent[]): void {
      queue = queue.then(() => events.append(added)).catch((error) => {
        logging.log("error", "store", `an event could not be written: ${messageOf(error)}`);
      });
    },
    async done(): Promise<void> {
      await queue;
    },
  };
}
