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
  random,
  readFile,
  removeFile,
  resolveHost,
  serveHttps,
  sha256,
  stderr,
  writeFileAtomic,
} from "#platform";
import { useSha256 } from "./codec/sha256.ts";
import { ChiaChain } from "./chia/chain/chain.ts";
import { LinkageValidator } from "./chia/chain/linkage.ts";
import { loadNodeIdentity, loadRpcIdentity, publicAuthorities } from "./chia/identity.ts";
import { type ChiaNetwork, networkNamed, parseConstants } from "./chia/networks/mod.ts";
import { ChiaNode } from "./chia/node.ts";
import { NodeType } from "./chia/protocol/mod.ts";
import { candidateOf } from "./chia/raw-blocks.ts";
import type { ChiaStore } from "./chia/store.ts";
import { MemoryChiaStore } from "./chia/store/memory.ts";
import { openSqlChiaStore } from "./chia/store/sql.ts";
import {
  type ChiaConfig,
  type ChiaReplay,
  databasePath,
  GEMEL_VERSION,
  type NodeConfig,
  rpcUrlFile,
  type RunningNode,
} from "./config.ts";
import { Bus } from "./core/bus.ts";
import { messageOf, NodeError } from "./core/errors.ts";
import { type EventHints, subscribeEvents } from "./core/events-reader.ts";
import type { Database, PeerAddress } from "./core/ports.ts";
import { type Logging, startLogging } from "./log.ts";
import { loadOrCreateToken, rpcApp, type SecretFiles } from "./rpc/mod.ts";
import { MemoryEventLog, SqlEventLog } from "./storage/event-log.ts";
import type { EventLog, NewEvent } from "./storage/events.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Things to undo, last first. */
class Shutdown {
  readonly #steps: (() => Promise<void> | void)[] = [];

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) await step();
  }
}

const secrets: SecretFiles = {
  read: async (path) => {
    const bytes = await readFile(path);
    return bytes === undefined ? undefined : decoder.decode(bytes);
  },
  write: (path, text) => writeFileAtomic(path, encoder.encode(text), 0o600),
};

function networkOf(config: ChiaConfig): ChiaNetwork {
  const network = networkNamed(config.network);
  if (config.constantsJson === undefined) return network;
  return { ...network, constants: parseConstants(config.constantsJson, network.constants) };
}

/** The store and the event log of a chain, in one database. */
async function openStorage(
  config: NodeConfig,
  chain: ChiaConfig,
  network: ChiaNetwork,
  wake: () => void,
  shutdown: Shutdown,
) {
  if (config.database === "memory") {
    const events = new MemoryEventLog({ onAppend: wake });
    return { store: new MemoryChiaStore(events) as ChiaStore, events: events as EventLog };
  }
  const path = databasePath(config.paths, chain);
  await makeDir(path.slice(0, path.lastIndexOf("/")), 0o700);
  const database: Database = await openDatabase(path);
  shutdown.add(() => database.close());
  const store = await openSqlChiaStore(database, {
    network: network.name,
    genesisChallenge: network.constants.GENESIS_CHALLENGE,
    cacheBytesMax: config.cacheBytesMax,
    onEvents: wake,
  });
  return { store: store as ChiaStore, events: new SqlEventLog(database, wake) as EventLog };
}

/** Feeds the rest of a recording to a node, block by block, until it is at its end or the signal aborts. */
async function replay(node: ChiaNode, config: ChiaReplay, signal: AbortSignal): Promise<void> {
  for (const raw of config.blocks.slice(config.atStart)) {
    await clock.sleep(config.everyMs, signal);
    await node.feed([candidateOf(raw)]);
  }
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
  const chainConfig = config.chains[0];
  if (chainConfig === undefined) throw new NodeError("CONFIG_INVALID", "self", "no chain is configured");
  const network = networkOf(chainConfig);
  const logging = await startLogging(config.log, (line) => void stderr.write(line));
  await makeDir(config.paths.data, 0o700);
  const lock = await lockDir(config.paths.data);
  shutdown.add(() => lock.release());

  const bus = new Bus<{ events: null }>();
  const wake = () => bus.emit("events", null);
  const hints: EventHints = (listener) => bus.on("events", () => listener());
  const { store, events } = await openStorage(config, chainConfig, network, wake, shutdown);
  const chain = await ChiaChain.load({ network, store, validator: new LinkageValidator(network.constants), clock });

  const identityParts = { folder: config.paths.ssl, files: { readFile, writeFileAtomic, makeDir }, clock, random };
  const [node, rpcIdentity] = await Promise.all([loadNodeIdentity(identityParts), loadRpcIdentity(identityParts)]);
  const token = await loadOrCreateToken(config.paths.token, secrets, random);

  const stopped = Promise.withResolvers<void>();
  const record = recorder(events, logging);
  const chia = new ChiaNode({
    chain,
    store,
    clock,
    protocol: {
      random,
      dialer,
      identity: node,
      ownNodeId: node.nodeId,
      authorities: publicAuthorities,
      own: {
        networkId: network.name,
        nodeType: NodeType.FULL_NODE,
        softwareVersion: `gemel/${GEMEL_VERSION}`,
        serverPort: chainConfig.listen?.port ?? 0,
      },
      inboundMax: Math.max(0, chainConfig.peersMax - chainConfig.outbound),
    },
    loopbackExempt: config.allowLoopbackExempt,
    connect: chainConfig.connect,
    resolve: resolveHost,
    ...(chainConfig.listen && { listen: { address: chainConfig.listen, open: listen } }),
    outbound: chainConfig.outbound,
    record: record.write,
    notice: (level, area, text) => logging.log(level, area, text),
  });

  const app = rpcApp({
    chia,
    events,
    hints,
    clock,
    log: logging,
    stop: () => void running.stop(),
    version: GEMEL_VERSION,
  }, {
    auth: { token, hosts: [config.rpc.listen.host, ...config.rpc.allowedHosts] },
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
  // So that `gemel status --data-dir DIR` finds the node wherever it listens.
  await writeFileAtomic(rpcUrlFile(config.paths), encoder.encode(`https://${urlHost(rpc.address)}\n`), 0o600);
  shutdown.add(() => removeFile(rpcUrlFile(config.paths)));
  shutdown.add(() => app.close());

  const life = new AbortController();
  await chia.start();
  shutdown.add(() => record.done());
  shutdown.add(() => chia.stop());
  if (chainConfig.replay !== undefined) {
    await chia.feed(chainConfig.replay.blocks.slice(0, chainConfig.replay.atStart).map(candidateOf));
    replay(chia, chainConfig.replay, life.signal).catch((error) => {
      if (!life.signal.aborted) logging.log("error", "chia.replay", messageOf(error));
    });
  }
  record.write([nodeEvent("node.start", { version: GEMEL_VERSION })]);

  let stopping: Promise<void> | undefined;
  const running: RunningNode = {
    config,
    chia,
    events,
    subscribe: (options) => subscribeEvents(events, hints, options),
    rpcAddress: rpc.address,
    ...(chia.listenAddress && { listenAddress: chia.listenAddress }),
    stopped: stopped.promise,
    stop() {
      stopping ??= (async () => {
        life.abort(new NodeError("stopped", "self", "the node stops"));
        record.write([nodeEvent("node.stop", {})]);
        await shutdown.run();
      })();
      stopping.then(stopped.resolve, stopped.reject);
      return stopping;
    },
  };
  return running;
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
