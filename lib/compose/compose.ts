/**
 * Puts a node together from its configuration and drivers. Knows no runtime: `node.ts` gives it the platform's drivers, the
 * simulated world its own.
 *
 * @module
 */
import type { Miner } from "../bitcoin/mining.ts";
import { composeBitcoin } from "./bitcoin.ts";
import { composeChia } from "./chia.ts";
import { loadRpcIdentity } from "../chia/identity/identity.ts";
import { cookieFile, GEMEL_VERSION, type NodeConfig, type RpcConfig, rpcUrlFile, type RunningNode } from "../config.ts";
import { addressText } from "../core/address-text.ts";
import { Bus } from "../core/events/bus.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import { fitToDescriptors } from "../core/peers/descriptor-fit.ts";
import { LiveEvents } from "../core/events/live.ts";
import { type EventHints, subscribeEvents } from "../core/events/reader.ts";
import { MemoryBudget } from "../core/peers/memory-budget.ts";
import type { PeerAddress, PostHttp, Workers } from "../core/ports.ts";
import { Turns } from "../core/peers/turns.ts";
import { UploadTarget } from "../core/peers/upload-target.ts";
import { InlineWorkers } from "../core/work/inline-workers.ts";
import { type Logging, startLogging } from "../log.ts";
import type { Platform } from "../platform/platform.ts";
import {
  type BasicSecrets,
  type EngineState,
  loadOrCreateToken,
  makeCookie,
  parseRpcAuth,
  rpcApp,
  type RpcContext,
  type SecretFiles,
} from "../rpc/mod.ts";
import { type ComposedChain, type Drivers, Shutdown } from "./chain.ts";
import { onlyReads, type ServerSeats, takeSeats } from "./databases.ts";
import type { startEngine } from "./engine.ts";
import { egressOf } from "./egress.ts";
import { openNodeLog } from "./event-log.ts";
import { openWebhooks } from "./webhooks.ts";
import type { EventLog, LiveNodeEvent, NewEvent } from "../storage/events.ts";
import { EventForwarder } from "../storage/node-log.ts";

/** What of the platform a node uses. */
export type NodeDrivers =
  & Drivers
  & Pick<Platform, "lockDir" | "removeFile" | "serveHttp" | "serveHttps" | "stderr">
  & Partial<Pick<Platform, "collectMemory" | "descriptorLimit">>
  /** Threads for jobs; without it jobs run on the thread of the node. `onUnable` hears why there can be none. */
  & { readonly openWorkers?: (threadsMax: number | undefined, onUnable: (cause: string) => void) => Workers }
  & { readonly postHttp?: PostHttp }
  /** Makes the heavy arithmetic; a node without it has none. */
  & { readonly startEngine?: typeof startEngine }
  /** Where log lines go: the process's logging, unless many nodes share the process. */
  & { readonly startLogging?: typeof startLogging };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Secrets as files of their owner alone, or of those that `mode` names. */
function secretFiles({ readFile, writeFileAtomic }: NodeDrivers, mode = 0o600): SecretFiles {
  return {
    read: async (path) => {
      const bytes = await readFile(path);
      return bytes === undefined ? undefined : decoder.decode(bytes);
    },
    write: (path, text) => writeFileAtomic(path, encoder.encode(text), mode),
  };
}

/**
 * Puts a node together from a configuration and drivers, and starts it. What was begun is undone when a later step fails.
 *
 * @throws NodeError with a code and one line that says what to do
 */
export async function composeNode(config: NodeConfig, drivers: NodeDrivers): Promise<RunningNode> {
  const shutdown = new Shutdown();
  try {
    return await start(config, drivers, shutdown);
  } catch (thrown) {
    await shutdown.run();
    throw thrown;
  }
}

async function start(config: NodeConfig, drivers: NodeDrivers, shutdown: Shutdown): Promise<RunningNode> {
  const { clock, makeDir, lockDir, stderr } = drivers;
  if (config.chains.length === 0) throw new NodeError("CONFIG_INVALID", "self", "no chain is configured");
  const logging = await (drivers.startLogging ?? startLogging)(config.log, (line) => void stderr.write(line));
  await makeDir(config.paths.data, 0o700);
  const lock = await lockDir(config.paths.data);
  shutdown.add(() => lock.release());

  const bus = new Bus<{ events: null }>();
  const wake = () => bus.emit("events", null);
  const hints: EventHints = (listener) => bus.on("events", () => listener());
  // A chain may ask for it before all are started.
  const askedToStop = Promise.withResolvers<NodeError | undefined>();
  const log = (...line: Parameters<Logging["log"]>) => logging.log(...line);
  const seats = await takeSeats({ config, drivers, shutdown, log, overtaken: askedToStop.resolve });
  const { events, groups, gatherMs } = await openNodeLog(config, { drivers, wake, log, shutdown, seats });
  const reads = onlyReads(seats);
  // Before the chains: what they bring is not to be missed by one that is new. Their cursors are the writer's.
  const webhooks = reads ? [] : await openWebhooks(config, {
    ...{ drivers, events, hints, shutdown, log },
    files: secretFiles(drivers),
  });
  const gather = gatherMs > 0 ? () => clock.sleep(gatherMs) : undefined;
  const forwarder = new EventForwarder(events, (text) => log("error", "store", text), { clock, gather });
  shutdown.add(() => forwarder.close());
  const record = reads ? NO_RECORD : recorder(events, forwarder, logging);
  const live = new LiveEvents<LiveNodeEvent>();
  const nodeEvent = (topic: string, data: NewEvent["data"]) =>
    record.write([{ topic, time: clock.now(), chain: null, network: null, data }]);

  recordWriters(seats, config, drivers, record.write);
  const unable = (cause: string) =>
    logging.log("warning", "node", `no thread can be started (${cause}); jobs run on the thread of the node`);
  const workers = drivers.openWorkers?.(config.workers, unable) ?? new InlineWorkers();
  shutdown.add(() => workers.close());
  const rpcPorts = config.rpc === undefined ? 0 : config.rpc.bitcoinHttp === undefined ? 1 : 2;
  const bounds = fitToDescriptors(drivers.descriptorLimit?.(), config.chains, rpcPorts);
  if (bounds.warning !== undefined) logging.log("warning", "node", bounds.warning);
  const { composed, services, miner, memory, upload } = await composeChains(
    { ...config, chains: bounds.chains },
    bounds.openingMax,
    drivers,
    workers,
    shutdown,
    forwarder,
    record,
    live,
    logging,
    askedToStop.resolve,
    seats,
  );
  const chains = composed.map(({ handle }) => handle);
  const looked: { engine?: EngineState | undefined } = {};
  const stopped = Promise.withResolvers<void>();
  const context: RpcContext & { readonly log: Logging } = {
    ...services,
    ...(miner && { miner }),
    memory,
    upload,
    workers,
    engine: () => looked.engine,
    chains,
    events,
    hints,
    ...(groups && { groups }),
    webhooks: () => webhooks.map((each) => each.state()),
    live,
    clock,
    log: logging,
    stop: () => void running.stop(),
    version: GEMEL_VERSION,
  };
  const rpcAddress = config.rpc === undefined
    ? undefined
    : await openRpc({ ...config, rpc: config.rpc }, bounds.rpcConnectionsMax, drivers, context, shutdown);
  shutdown.add(() => record.done());
  for (const chain of composed) {
    shutdown.add(() => chain.stop());
    await chain.start();
  }
  // RPC and peers do not have to wait for it: it takes some hundredths of a second.
  const names = chains.map(({ chain }) => chain);
  looked.engine = await drivers.startEngine?.(config.engine ?? "wide", names, logging.log);
  nodeEvent("node.start", { version: GEMEL_VERSION });

  let stopping: Promise<void> | undefined;
  let failure: NodeError | undefined;
  const running: RunningNode = {
    ...services,
    config,
    chains,
    events,
    memory,
    subscribe: (options) => subscribeEvents(events, hints, options),
    ...(rpcAddress && { rpcAddress }),
    stopped: stopped.promise,
    stop() {
      stopping ??= (async () => {
        nodeEvent("node.stop", {});
        await shutdown.run();
      })();
      stopping.then(() => failure === undefined ? stopped.resolve() : stopped.reject(failure), stopped.reject);
      return stopping;
    },
  };
  void askedToStop.promise.then((why) => {
    failure = why;
    return running.stop();
  });
  return running;
}

type RpcNodeConfig = NodeConfig & { readonly rpc: RpcConfig };

/** Serves RPC; where it listens. */
async function openRpc(
  config: RpcNodeConfig,
  connectionsMax: number,
  drivers: NodeDrivers,
  context: RpcContext & { readonly log: Logging },
  shutdown: Shutdown,
): Promise<PeerAddress> {
  const { clock, random, serveHttp, serveHttps, writeFileAtomic, removeFile } = drivers;
  const hosts = [config.rpc.listen.host, ...config.rpc.allowedHosts];
  const identity = await loadRpcIdentity({ folder: config.paths.ssl, files: drivers, clock, random }, hosts);
  const token = await loadOrCreateToken(config.paths.token, secretFiles(drivers), random);
  const basic = context.bitcoin === undefined ? undefined : await openBasic(config, drivers, shutdown);
  const app = rpcApp(context, {
    auth: { token, ...(basic && { basic }), hosts },
    limits: { concurrency: config.rpc.concurrency, queue: config.rpc.queue },
    rest: config.rpc.rest ?? false,
    random,
  });
  const { serverTimeoutMs } = config.rpc;
  const bounds = {
    connectionsMax,
    onFailure: (error: NodeError) => context.log.log("warning", "rpc", error.message),
    ...(serverTimeoutMs !== undefined && {
      keepAliveTimeoutMs: serverTimeoutMs,
      requestTimeoutMs: serverTimeoutMs,
      headersTimeoutMs: Math.min(serverTimeoutMs, 10_000),
    }),
  };
  const rpc = await serveHttps({
    ...config.rpc.listen,
    ...bounds,
    identity: identity.server,
    clientAuthorities: [identity.authority],
    fetch: (request, info) => app.fetch(request, info),
    onUpgrade: (request, duplex, info) => void app.upgrade(request, duplex, info),
  });
  shutdown.add(() => rpc.close());
  if (config.rpc.bitcoinHttp !== undefined && basic !== undefined) {
    const plain = await serveHttp({
      ...config.rpc.bitcoinHttp,
      ...bounds,
      fetch: (request, info) => app.fetchPlain(request, info),
    });
    shutdown.add(() => plain.close());
  }
  // So that `gemel status --data-dir DIR` finds the node wherever it listens.
  await writeFileAtomic(rpcUrlFile(config.paths), encoder.encode(`https://${urlHost(rpc.address)}\n`), 0o600);
  shutdown.add(() => removeFile(rpcUrlFile(config.paths)));
  shutdown.add(() => app.close());
  return rpc.address;
}

/** Opens every chain that is configured, and copies its events into the node's log from then on. */
async function composeChains(
  config: NodeConfig,
  openingMax: number,
  drivers: NodeDrivers,
  workers: Workers,
  shutdown: Shutdown,
  forwarder: EventForwarder,
  record: ReturnType<typeof recorder>,
  live: LiveEvents<LiveNodeEvent>,
  logging: Logging,
  stop: (why?: NodeError) => void,
  seats: ServerSeats,
): Promise<{
  readonly composed: readonly ComposedChain[];
  readonly services: Pick<RunningNode, "chia" | "bitcoin">;
  readonly miner: Miner | undefined;
  readonly memory: MemoryBudget;
  readonly upload: UploadTarget;
}> {
  const stopping = new AbortController();
  shutdown.add(() => stopping.abort());
  const egress = egressOf(config, drivers, stopping.signal);
  const composed: ComposedChain[] = [];
  const memory = new MemoryBudget(drivers.clock, config.peerMemoryBytesMax, drivers.collectMemory);
  const sent = () => composed.reduce((sum, { handle }) => sum + handle.traffic.sent.bytes, 0);
  const upload = new UploadTarget({ clock: drivers.clock, bytesMax: config.uploadBytesPerDay, sent });
  const turns = new Turns(drivers.clock);
  let miner: Miner | undefined;
  let services: Pick<RunningNode, "chia" | "bitcoin"> = {};
  for (const chain of config.chains) {
    const name = `${chain.chain}/${chain.network}`;
    const seat = seats.get(chain.chain);
    const parts = {
      config,
      drivers,
      egress,
      shutdown,
      memory,
      upload,
      turns,
      workers,
      openingMax,
      stop: () => stop(),
      onEvents: () => forwarder.poke(name),
      // What happens to a chain is told by its writer.
      record: seat?.following === undefined ? record.write : NO_RECORD.write,
      seat,
      live,
      log: (...line: Parameters<Logging["log"]>) => logging.log(...line),
    };
    if (chain.chain === "chia") {
      const chia = await composeChia(parts, chain);
      services = { ...services, chia: chia.service };
      composed.push(chia);
    } else {
      const bitcoin = await composeBitcoin(parts, chain);
      services = { ...services, bitcoin: bitcoin.service };
      miner = bitcoin.miner;
      composed.push(bitcoin);
    }
    const events = composed.at(-1)?.events;
    if (events !== undefined) await forwarder.add(name, events);
  }
  return { composed, services, miner, memory, upload };
}

/** The record of a node that writes nothing. */
const NO_RECORD: ReturnType<typeof recorder> = { write() {}, done: () => Promise.resolve() };

/** Tells of each chain that this node writes to a server from now on. */
function recordWriters(
  seats: ServerSeats,
  { chains }: NodeConfig,
  { clock, processName }: NodeDrivers,
  write: (events: readonly NewEvent[]) => void,
): void {
  for (const { chain, network } of chains) {
    const epoch = seats.get(chain)?.lease?.epoch;
    if (epoch === undefined) continue;
    const data = { epoch, holder: processName?.() ?? "gemel" };
    write([{ topic: "node.writer", time: clock.now(), chain, network, data }]);
  }
}

/** The cookie of this run, and the names with passwords. */
async function openBasic(config: RpcNodeConfig, drivers: NodeDrivers, shutdown: Shutdown): Promise<BasicSecrets> {
  const files = { ...secretFiles(drivers, config.rpc.cookieMode), remove: drivers.removeFile };
  const cookie = await makeCookie(cookieFile(config), files, drivers.random);
  shutdown.add(() => cookie.remove());
  return { cookie: cookie.secret, rpcauth: config.rpc.rpcauth.map(parseRpcAuth) };
}

/** Host and port as a URL has them; an address for everywhere is called on loopback. */
function urlHost({ host, port }: PeerAddress): string {
  return addressText({ host: host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host, port });
}

/**
 * Writes events one after another without making anybody wait, each after the blocks' events that came before it; `done`
 * waits for the last.
 */
function recorder(events: EventLog, forwarder: EventForwarder, logging: Logging) {
  let queue: Promise<unknown> = Promise.resolve();
  return {
    write(added: readonly NewEvent[]): void {
      queue = queue.then(() => forwarder.copied()).then(() => events.append(added)).catch((error) => {
        logging.log("error", "store", `an event could not be written: ${messageOf(error)}`);
      });
    },
    async done(): Promise<void> {
      await queue;
    },
  };
}
