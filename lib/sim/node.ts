/**
 * One honest node of the world, over all its runs: a whole node from {@link composeNode}, of which only what is around it
 * is simulated.
 *
 * @module
 */
import { composeNode, type NodeDrivers } from "../compose.ts";
import { freezeConfig, type NodeConfig, pathsBelow, type RunningNode } from "../config.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { SimClock } from "./clock.ts";
import type { DiskFaults, SimDisk } from "./disk.ts";
import { LifeClock } from "./life.ts";
import type { Presence, SimNetwork } from "./network.ts";
import type { Play, PlayOptions } from "./play.ts";
import type { SeededRandom } from "./random.ts";

/** A bug that the tests plant, to see that the rules find it. */
export interface Plant {
  /** Changes what a node runs on. */
  readonly drivers?: (drivers: NodeDrivers, host: string) => NodeDrivers;
  /** Changes how it is configured, behind the back of the rules. */
  readonly options?: Partial<PlayOptions>;
  /** Changes its disk. */
  readonly disk?: DiskFaults;
  /** Bytes that a connection takes before its writer waits. */
  readonly windowBytes?: number;
}

/** What a node is made of. */
export interface SimNodeParts {
  readonly host: string;
  readonly play: Play;
  readonly options: PlayOptions;
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly disk: SimDisk;
  readonly random: SeededRandom;
  /** How far its clock is ahead. */
  readonly wrongMs: number;
  /** Looks a name up. */
  readonly resolve: (name: string) => readonly string[];
  /** Hears every log line. */
  readonly heard: (node: SimNode, level: string, area: string, text: string) => void;
  /** Hears of what must never happen. */
  readonly broke: (rule: string, host: string, detail: string) => void;
  readonly plant?: Plant | undefined;
}

/** One run, from start to stop or crash. */
export interface Life {
  readonly clock: LifeClock;
  readonly presence: Presence;
  /** Undefined until it is up. */
  node: RunningNode | undefined;
  isOver: boolean;
}

/** Bytes of blocks that a node of the world may keep in memory beside its store. */
const CACHE_BYTES = 1 << 20;
/** How long a stop in order may take. */
const STOP_LIMIT_MS = 180_000;

/** One host. */
export class SimNode {
  readonly host: string;
  readonly disk: SimDisk;
  readonly #parts: SimNodeParts;
  readonly #config: NodeConfig;
  #life: Life | undefined;
  #isStopping = false;
  #lives = 0;
  /** What its tip weighed when it was stopped in order; 0 after a crash. */
  weightAtStop = 0n;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    this.host = parts.host;
    this.disk = parts.disk;
    this.#config = freezeConfig({
      chains: [parts.play.configOf(parts.host, { ...parts.options, ...parts.plant?.options })],
      paths: pathsBelow(`/${parts.host}`),
      database: "memory",
      cacheBytesMax: CACHE_BYTES,
      log: { level: "debug", format: "text", areas: {}, color: false },
      allowLoopbackExempt: false,
      shutdownTimeoutMs: STOP_LIMIT_MS,
    });
  }

  /** The run that goes on; undefined while the host is off. */
  get life(): Life | undefined {
    return this.#life;
  }

  /** The running node, once it is up. */
  get running(): RunningNode | undefined {
    return this.#life?.node;
  }

  /** Switches the host on. */
  start(): void {
    // Who stops it starts it again.
    if (this.#life !== undefined || this.#isStopping) return;
    const { clock, network, wrongMs } = this.#parts;
    this.#lives += 1;
    const life: Life = {
      clock: new LifeClock(clock, wrongMs),
      presence: network.arrive(this.host),
      node: undefined,
      isOver: false,
    };
    this.#life = life;
    this.#compose(life).catch((error) => {
      if (!life.isOver) this.#parts.broke("a node starts", this.host, messageOf(error));
    });
  }

  /** Stops in order; nothing of the node may be left then. */
  async stop(): Promise<void> {
    const life = this.#life;
    const node = life?.node;
    // One that is not up yet has nothing to stop in order.
    if (life === undefined || node === undefined) return void this.crash("kill");
    const { clock, play, broke } = this.#parts;
    this.weightAtStop = play.tipOf(node)?.weight ?? 0n;
    this.#life = undefined;
    this.#isStopping = true;
    const late = clock.after(STOP_LIMIT_MS, () => broke("a node stops", this.host, `not within ${STOP_LIMIT_MS} ms`));
    try {
      await node.stop();
    } catch (error) {
      broke("a node stops", this.host, messageOf(error));
    }
    this.#isStopping = false;
    late();
    if (life.clock.pending > 0) broke("no timer outlives its node", this.host, `${life.clock.pending} timers are left`);
    const open = [...life.presence.ends].filter(({ isOver }) => !isOver).length;
    if (open > 0) broke("no connection outlives its node", this.host, `${open} connections are left`);
    if (life.presence.listeners.size > 0) broke("no port outlives its node", this.host, "a port is still open");
    life.isOver = true;
    this.disk.close();
    this.#parts.network.leave(life.presence, "kill");
  }

  /** Ends the node between two instants: it gets to do nothing more. Returns how many steps its disk forgot. */
  crash(how: "kill" | "power"): number {
    const life = this.#life;
    if (life === undefined) return 0;
    this.#life = undefined;
    this.weightAtStop = 0n;
    life.isOver = true;
    life.clock.end();
    this.#parts.network.leave(life.presence, how);
    if (how === "power") return this.disk.losePower();
    this.disk.crash();
    return 0;
  }

  async #compose(life: Life): Promise<void> {
    const drivers = this.#drivers(life);
    const node = await composeNode(this.#config, this.#parts.plant?.drivers?.(drivers, this.host) ?? drivers);
    // Told by whoever stops it.
    node.stopped.catch(() => {});
    life.node = node;
  }

  #drivers(life: Life): NodeDrivers {
    const { play, network, random, resolve, heard } = this.#parts;
    const { disk, host } = this;
    const absent = () => Promise.reject(new NodeError("absent", "self", "not in the simulated world"));
    return {
      clock: life.clock,
      random: random.fork(`life ${this.#lives}`),
      dialer: network.dialer(life.presence),
      listen: (options) => network.listen(life.presence, options),
      secureDuplex: () => Promise.reject(new TypeError("a simulated node has no proxy")),
      nameServerResolver: () => () => Promise.reject(new TypeError("a simulated node has no name server")),
      resolveHost: (name) => {
        const found = resolve(name);
        if (found.length > 0) return Promise.resolve([...found]);
        return Promise.reject(new NodeError("name_not_found", "network", `${name} has no address`));
      },
      openDatabase: absent,
      openFileFolder: (path) => Promise.resolve(disk.folder(path)),
      makeDir: () => Promise.resolve(),
      lockDir: () => disk.lock(),
      readFile: (path) => disk.readFile(path),
      removeFile: (path) => disk.removeFile(path),
      writeFileAtomic: async (path, bytes) => {
        disk.beginWrite(path, bytes);
        await life.clock.sleep(disk.writeMs);
        disk.endWrite(path);
      },
      serveHttp: absent,
      serveHttps: absent,
      stderr: { isTTY: false, columns: 80, write: () => Promise.resolve() },
      startLogging: (config) =>
        Promise.resolve({
          level: () => config.level,
          set: () => {},
          configured: config.level,
          log: (level, area, text) => {
            if (!life.isOver) heard(this, level, area, text);
          },
        }),
      substitutes: play.substitutesOf(host, disk),
    };
  }
}
