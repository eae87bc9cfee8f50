/**
 * One honest node of the world, over all its runs: a whole node from {@link composeNode}, of which only what is around it
 * is simulated.
 *
 * @module
 */
import { composeNode, type NodeDrivers } from "../compose/compose.ts";
import { type ChainConfig, freezeConfig, type NodeConfig, pathsBelow, type RunningNode } from "../config.ts";
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
  /** How far its clock is ahead at first. */
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
  /** Files of its disk that were damaged before it began. */
  readonly damaged: readonly string[];
  /** Its wall clock jumped: what was to last until a time lasts longer or shorter. */
  hasJumped: boolean;
  /** Undefined until it is up. */
  node: RunningNode | undefined;
  isOver: boolean;
}

/** How long it takes somebody to see what a node asks for in its log, and to do it. */
const OPERATOR_MS = 20_000;
/** How long a stop in order may take. */
const STOP_LIMIT_MS = 180_000;

/** One host. */
export class SimNode {
  readonly host: string;
  readonly disk: SimDisk;
  readonly #parts: SimNodeParts;
  readonly #chain: ChainConfig;
  #wrongMs: number;
  #life: Life | undefined;
  #isStopping = false;
  #lives = 0;
  /** What was damaged since a run last came up. */
  #damaged: string[] = [];
  /** Files that ever were damaged: that may show much later. */
  readonly #everDamaged = new Set<string>();
  /** The next start is to build the index anew. */
  #reindexes = false;
  #isTended = false;
  /** What its tip weighed when it was stopped in order; 0 after a crash. */
  weightAtStop = 0n;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    this.host = parts.host;
    this.disk = parts.disk;
    this.#wrongMs = parts.wrongMs;
    this.#chain = parts.play.configOf(parts.host, { ...parts.options, ...parts.plant?.options });
  }

  #config(): NodeConfig {
    const chain = this.#chain;
    return freezeConfig({
      chains: [chain.chain === "bitcoin" ? { ...chain, reindex: this.#reindexes } : chain],
      paths: pathsBelow(`/${this.host}`),
      database: "sqlite",
      // What is served comes from the disk, so that damage to it is met with.
      cacheBytesMax: 0,
      // The rules ask for all that has happened.
      eventsKeep: {},
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
    // The caller that stops it starts it again.
    if (this.#life !== undefined || this.#isStopping) return;
    const { clock, network } = this.#parts;
    this.#lives += 1;
    const life: Life = {
      clock: new LifeClock(clock, this.#wrongMs),
      presence: network.arrive(this.host),
      damaged: [...this.#damaged],
      hasJumped: this.#wrongMs !== this.#parts.wrongMs,
      node: undefined,
      isOver: false,
    };
    life.presence.newTail = () => this.#parts.play.newTail();
    this.#life = life;
    this.#compose(life).catch((error) => {
      if (life.isOver) return;
      // Without room it is started again when there is some.
      const isExcused = this.#tend(error) || this.disk.isFull;
      if (!isExcused) this.#parts.broke("a node starts", this.host, messageOf(error));
      this.crash("kill");
    });
  }

  /** Sets the wall clock so far ahead of the true time, or right but for what it always is wrong by. */
  setClock(wrongMs: number | "right"): void {
    this.#wrongMs = wrongMs === "right" ? this.#parts.wrongMs : wrongMs;
    if (this.#life === undefined) return;
    this.#life.hasJumped ||= this.#life.clock.wrongMs !== this.#wrongMs;
    this.#life.clock.wrongMs = this.#wrongMs;
  }

  /** Whether its disk takes what it writes and its clock is right: what happens to it otherwise is not its fault. */
  get isSound(): boolean {
    return this.#wrongMs === this.#parts.wrongMs && !this.disk.isTroubled(this.#parts.clock.monotonic());
  }

  /** Damages a file of a host that is off. Which one; undefined when there is none. */
  damage(): string | undefined {
    if (this.#life !== undefined) return undefined;
    const path = this.disk.damage();
    if (path === undefined) return undefined;
    this.#damaged.push(path);
    this.#everDamaged.add(path);
    return path;
  }

  /**
   * Does as an operator what an error asks for: a database that cannot be read is removed, an index built anew from the
   * block files. False when it asks for nothing of the kind, or had no reason to.
   */
  #tend(error: unknown): boolean {
    const isDamage = error instanceof NodeError && error.code === "DATABASE_DAMAGED";
    if (!isDamage || this.#everDamaged.size === 0) return false;
    const path = (error.data as { readonly path?: unknown } | undefined)?.path;
    if (typeof path === "string") this.disk.removeDatabase(path);
    else this.#reindexes = true;
    this.#restartSoon();
    return true;
  }

  /** Whether a node may complain: of a disk that is full, or of files that were damaged. Sees to the latter. */
  excuses(text: string): boolean {
    if (this.disk.isTroubled(this.#parts.clock.monotonic())) return true;
    const isDamage = [...this.#everDamaged].some((path) => text.includes(path.slice(path.lastIndexOf("/") + 1)));
    if (!isDamage || !/damaged/.test(text)) return false;
    if (/--reindex/.test(text)) {
      this.#reindexes = true;
      this.#restartSoon();
    }
    return true;
  }

  #restartSoon(): void {
    if (this.#isTended) return;
    this.#isTended = true;
    this.#parts.clock.after(OPERATOR_MS, () => {
      void this.stop().then(() => {
        // What was damaged is not there any more.
        this.weightAtStop = 0n;
        this.start();
        this.#reindexes = this.#isTended = false;
      });
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
    await this.disk.close();
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
    const node = await composeNode(this.#config(), this.#parts.plant?.drivers?.(drivers, this.host) ?? drivers);
    // The caller of stop hears of it.
    node.stopped.catch(() => {});
    life.node = node;
    if (this.#lives === 1) await this.#parts.play.furnish(node, this.host);
    this.#damaged = [];
  }

  #drivers(life: Life): NodeDrivers {
    const { play, network, random, resolve, heard } = this.#parts;
    const { host } = this;
    const mount = this.disk.mount(life.clock);
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
      openDatabase: (path) => mount.openDatabase(path),
      openFileFolder: (path) => mount.openFileFolder(path),
      namedFiles: (folder) => mount.namedFiles(folder),
      makeDir: () => mount.reading(),
      lockDir: (path) => mount.lockDir(path),
      readFile: (path) => mount.readFile(path),
      removeFile: (path) => mount.removeFile(path),
      writeFileAtomic: (path, bytes) => mount.writeFileAtomic(path, bytes),
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
      substitutes: play.substitutesOf(host, random.fork(`substitutes ${this.#lives}`)),
    };
  }
}
