/**
 * A network of whole nodes under one clock and one seed: honest ones, malicious ones, lines that fail, and rules that
 * hold all the same.
 *
 * @module
 */
import { messageOf, NodeError } from "../core/errors.ts";
import type { Database } from "../core/ports.ts";
import { SimClock } from "./clock.ts";
import { SimDisk } from "./disk.ts";
import type { FaultPlan } from "./faults.ts";
import { partsOf, reachedFrom, Rules } from "./invariants.ts";
import { SimNetwork } from "./network.ts";
import { type Plant, SimNode } from "./sim-node.ts";
import type { Play, SpecialHosts } from "./play.ts";
import { SeededRandom } from "./random.ts";
import { type Breach, delaysJson, type SimReport, WorldLog } from "./report.ts";
import { Troubles } from "./troubles.ts";
import { SimWeather } from "./weather.ts";

/** How a world is made. */
export interface WorldOptions {
  readonly seed: number;
  /** Nodes in all, and the share of them that is malicious. */
  readonly nodes: number;
  readonly malicious: number;
  readonly hours: number;
  readonly faults: FaultPlan;
  /** Makes the chain's part of the world. */
  readonly play: (clock: SimClock, hosts: SpecialHosts, random: SeededRandom) => Play;
  /** Outgoing connections that each node aims at, and connections in all. */
  readonly outbound?: number;
  readonly peersMax?: number;
  /** Mean time between two blocks; the play's own by default. */
  readonly blockEveryMs?: number;
  /** How long the world goes on after its time, at most, until all is as it has to be in the end; 45 minutes by default. */
  readonly graceMs?: number;
  /** How often the rules are checked, in virtual time. */
  readonly checkEveryMs?: number;
  /** A bug to find. */
  readonly plant?: Plant;
  /** Hears each log line. */
  readonly keep?: (line: string) => void;
  /** Hears how far the world is, in virtual hours; at each look at the rules. */
  readonly progress?: (hours: number) => void;
  /** Ends the world early. */
  readonly signal?: AbortSignal;
}

/** What of the runtime a world needs. */
export interface WorldDrivers {
  /** Resolves when all work that waits for no timer has been done. */
  readonly turn: () => Promise<void>;
  /** Milliseconds of real time, for the report. */
  readonly realMs: () => number;
  /** Bytes that the process occupies. */
  readonly memoryUsage: () => number;
  /** Opens an SQL database; nodes' are in memory, see `database.ts`. */
  readonly openDatabase: (path: string) => Promise<Database>;
}

const HOUR_MS = 3_600_000;
const START_SPREAD_MS = 60_000;
/** The end of a world, in which nothing more goes wrong: a share of its time, and a limit. */
const CALM_SHARE = 0.3;
const CALM_MS = 45 * 60_000;
/** Share of the calm in which blocks are still made. */
const CALM_BLOCKS = 0.3;
/** How long a world goes on after its time, and by which steps. */
const GRACE_MS = 45 * 60_000;
const GRACE_STEP_MS = 60_000;
const DNS_ANSWERS = 16;
/** What a ban ends, it ends at once; what else may happen in so short a time is next to nothing. */
const STAYING_MS = 5;
/** The memory is checked once for so many checks of the rules. */
const MEMORY_LOOKS = 60;
/** Breaches that are kept one by one; more are counted. */
const BREACHES_MAX = 100;

/** A host's address: public-looking, and of many groups. */
export function hostOf(index: number): string {
  const groups = [5, 23, 31, 46, 52, 63, 77, 81, 93, 104, 118, 131, 142, 155, 166, 178, 185, 193, 204, 212];
  return `${groups[index % groups.length]}.${(17 + index * 29) % 251}.${1 + ((index * 7) % 250)}.${1 + (index >> 8)}`;
}

/** Outgoing connections that nodes of a small world can fill: who looks for more than there are never rests. */
function outboundOf(nodes: number): number {
  return Math.max(2, Math.min(8, Math.floor(nodes / 4)));
}

const isStopped = (error: unknown) => error instanceof NodeError && error.code === "stopped";

/** The world. */
export class World {
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly play: Play;
  readonly nodes: readonly SimNode[];
  readonly log: WorldLog;
  readonly breaches: Breach[] = [];
  /** Breaches in all, one of each rule and host. */
  broken = 0;
  readonly #options: WorldOptions;
  readonly #drivers: WorldDrivers;
  readonly #random: SeededRandom;
  readonly #troubles: Troubles;
  readonly #rules: Rules;
  readonly #hosts: readonly string[];
  readonly #honest: ReadonlySet<string>;
  readonly #durationMs: number;
  readonly #calmAtMs: number;
  /** When each valid block was made, and which nodes have had it for their tip. */
  readonly #made = new Map<string, { readonly at: number; readonly seen: Set<string> }>();
  readonly #delays: number[] = [];
  readonly #faults: Record<string, number> = {};
  readonly #told = new Set<string>();
  #bestHeight = 0;
  #peakMemory = 0;

  constructor(options: WorldOptions, drivers: WorldDrivers) {
    const { seed, nodes, malicious, hours, outbound = outboundOf(options.nodes), peersMax = 40, plant, keep } = options;
    this.#options = options;
    this.#drivers = drivers;
    this.#durationMs = hours * HOUR_MS;
    this.#calmAtMs = this.#durationMs - Math.min(CALM_MS, this.#durationMs * CALM_SHARE);
    this.#random = new SeededRandom(seed);
    this.clock = new SimClock({ turn: drivers.turn });
    const weather = new SimWeather(options.faults, this.#random.fork("weather"));
    this.network = new SimNetwork(this.clock, weather, this.#random.fork("network"), plant?.windowBytes);
    this.log = new WorldLog(keep);
    this.#hosts = Array.from({ length: nodes }, (_, i) => hostOf(i));
    const liars = Math.round(nodes * malicious);
    const honest = this.#hosts.slice(0, nodes - liars);
    this.#honest = new Set(honest);
    this.play = options.play(this.clock, {
      trusting: honest.at(-1),
      furnished: new Set(honest.filter((_, i) => i % 2 === 0)),
    }, this.#random.fork("play"));
    const lies = this.#random.fork("lies").shuffle(this.play.lies);
    const lieOf = (index: number) => lies[index % lies.length]!;
    // A peer behind another's address is behind that of the first host.
    const isShared = Array.from({ length: liars }, (_, i) => lieOf(i)).includes("neighbour");
    const broke = (rule: string, host: string, detail: string) => this.#broke(rule, host, detail);
    const shared = new Set(isShared ? honest.slice(0, 1) : []);
    this.#rules = new Rules({ play: this.play, honest: this.#honest, shared, outbound, peersMax, broke });
    this.nodes = honest.map((host) => {
      const random = this.#random.fork(`node ${host}`);
      const dns = random.fork("dns");
      const wrong = options.faults.clockWrongMs;
      return new SimNode({
        host,
        play: this.play,
        options: { outbound, peersMax },
        clock: this.clock,
        network: this.network,
        disk: new SimDisk(random.fork("disk"), () => drivers.openDatabase(":memory:"), plant?.disk),
        random,
        wrongMs: wrong === 0 ? 0 : random.below(2 * wrong) - wrong,
        resolve: (name) => name.endsWith(".sim") ? dns.shuffle(this.#hosts).slice(0, DNS_ANSWERS) : [name],
        heard: (node, level, area, text) => this.#heard(node, level, area, text),
        broke,
        plant,
      });
    });
    this.#troubles = new Troubles({
      clock: this.clock,
      network: this.network,
      weather,
      faults: options.faults,
      random: this.#random,
      nodes: this.nodes,
      hosts: this.#hosts,
      tell: (kind, host, count) => this.#fault(kind, host, count),
    });
    this.#hosts.slice(nodes - liars).forEach((host, i) => {
      const lie = lieOf(i);
      this.play.lie({
        lie,
        broke,
        presence: lie === "neighbour" ? this.network.behind(honest[0] ?? host) : this.network.arrive(host),
        network: this.network,
        clock: this.clock,
        random: this.#random.fork(`liar ${host}`),
        hosts: nodes,
        victims: honest,
      });
    });
  }

  /** Lets the world run to its end, and tells what became of it. */
  async run(): Promise<SimReport> {
    const began = this.#drivers.realMs();
    const { checkEveryMs = 1_000, graceMs = GRACE_MS, progress, signal } = this.#options;
    await this.play.prepare?.();
    this.#begin();
    let looks = 0;
    for (let at = 0; at < this.#durationMs; at += checkEveryMs) {
      signal?.throwIfAborted();
      await this.clock.advance(Math.min(checkEveryMs, this.#durationMs - at));
      for (const node of this.nodes) this.#rules.check(node, this.clock.monotonic());
      if (looks++ % MEMORY_LOOKS === 0) this.#peakMemory = Math.max(this.#peakMemory, this.#drivers.memoryUsage());
      progress?.(this.clock.monotonic() / HOUR_MS);
    }
    for (let late = 0; late < graceMs && this.#unfinished().length > 0; late += GRACE_STEP_MS) {
      signal?.throwIfAborted();
      await this.clock.advance(GRACE_STEP_MS);
    }
    for (const { rule, host, detail } of this.#unfinished()) this.#broke(rule, host, detail);
    const connectivity = this.#connectivity(partsOf(this.nodes, this.play));
    await this.#end();
    return this.#report(connectivity, (this.#drivers.realMs() - began) / 1000);
  }

  #begin(): void {
    const random = this.#random.fork("begin");
    for (const node of this.nodes) {
      this.#spawn(node.host, async () => {
        await this.clock.sleep(random.fork(node.host).fraction() * START_SPREAD_MS);
        node.start();
        await this.#troubles.churn(node);
      });
    }
    this.#spawn("world", () => this.#makeBlocks());
    const { nodes, play } = this;
    const broke = (rule: string, host: string, detail: string) => this.#broke(rule, host, detail);
    const living = { nodes, random: this.#random.fork("living"), calmAtMs: this.#calmAtMs, broke };
    if (play.live !== undefined) this.#spawn("world", () => play.live!(living));
    for (const story of this.#troubles.stories()) this.#spawn("world", story);
    this.clock.after(this.#calmAtMs, () => {
      this.#troubles.calm();
      this.log.add(this.clock.monotonic(), "world", "calm");
    });
  }

  async #makeBlocks(): Promise<void> {
    const random = this.#random.fork("blocks");
    const lastAt = this.#calmAtMs + (this.#durationMs - this.#calmAtMs) * CALM_BLOCKS;
    await this.clock.sleep(START_SPREAD_MS);
    for (let count = 0;; count++) {
      await this.clock.sleep(random.wait(this.#options.blockEveryMs ?? this.play.blockEveryMs));
      if (this.clock.monotonic() > lastAt) return;
      // A clock in 1970 would refuse its own block.
      const up = this.nodes.filter(({ running, isSound }) => running !== undefined && isSound);
      if (up.length === 0) continue;
      const node = random.pick(up);
      const at = this.clock.monotonic();
      // The node may crash over it, or be stopped before its verdict; then the block was never there.
      this.play.extend(node.running!, `${count}`, (tip) => {
        this.#made.set(tip.hash, { at, seen: new Set() });
        this.#bestHeight = Math.max(this.#bestHeight, tip.height);
      }).catch((error) => {
        if (node.isSound && !isStopped(error)) this.#broke("a block is taken", node.host, messageOf(error));
      });
    }
  }

  /** A node logged something; of chains, that its tip may have moved. */
  #heard(node: SimNode, level: string, area: string, text: string): void {
    const at = this.clock.monotonic();
    this.log.add(at, node.host, `${level} ${area} ${text}`);
    const banned = /^banned (\S+) for /.exec(text)?.[1];
    if (banned !== undefined) this.#requireStaying(node, banned);
    if (level === "error" && !node.excuses(text)) {
      this.#broke("nothing goes wrong inside", node.host, `${area}: ${text}`);
    }
    if (!area.endsWith(".chain") || node.running === undefined) return;
    const tip = this.play.tipOf(node.running);
    const made = tip && this.#made.get(tip.hash);
    if (made === undefined || made.seen.has(node.host)) return;
    made.seen.add(node.host);
    this.#delays.push(at - made.at);
  }

  /** A ban is for what came from a host, or for the one connection that offended: whom a node dialled there stays. */
  #requireStaying(node: SimNode, banned: string): void {
    const { life, running } = node;
    if (running === undefined) return;
    const dialled = () =>
      this.play.peersOf(running).filter(({ host, direction }) => host === banned && direction === "out");
    const before = dialled();
    if (before.length === 0) return;
    this.clock.after(STAYING_MS, () => {
      if (node.life !== life || before.every(({ name }) => dialled().some((peer) => peer.name === name))) return;
      this.#broke("a ban cuts nobody else", node.host, `a peer that it dialled at ${banned} went with a ban`);
    });
  }

  /** What is not yet as it has to be in the end: every honest node is up, connected, and on the heaviest valid chain. */
  #unfinished(): Omit<Breach, "at">[] {
    const largest = new Set(partsOf(this.nodes, this.play)[0]);
    const tips = this.nodes.map(({ running }) => (running === undefined ? undefined : this.play.tipOf(running)));
    // Not the heaviest that was ever made: a crash may have taken that one before anybody saw it.
    const best = tips.reduce((most, tip) => (tip !== undefined && tip.weight > most ? tip.weight : most), 0n);
    const holders = this.nodes.filter((_, i) => (tips[i]?.weight ?? 0n) >= best).map(({ host }) => host);
    const reached = reachedFrom(holders, this.nodes, this.play);
    const unmet = this.play.unmet?.() ?? [];
    return [
      ...unmet,
      ...this.nodes.flatMap(({ host, running }, i) => {
        if (running === undefined) return [{ rule: "a node is up in the end", host, detail: "it is not" }];
        if (!largest.has(host)) return [{ rule: "honest nodes hang together", host, detail: "it is cut off" }];
        const tip = tips[i];
        if ((tip?.weight ?? 0n) >= best || !reached.has(host)) return [];
        const detail = `${tip?.height} of ${this.#bestHeight}`;
        return [{ rule: "the heaviest valid chain is reached", host, detail }];
      }),
    ];
  }

  #connectivity(parts: readonly string[][]): SimReport["connectivity"] {
    const honest = new Set(this.nodes.map(({ host }) => host));
    const peers = this.nodes.map(({ running }) => (running === undefined ? [] : this.play.peersOf(running)));
    const outbound = peers.flat().filter(({ direction }) => direction === "out");
    const share = (part: number, of: number) => (of === 0 ? 0 : Math.round(part / of * 1e4) / 1e4);
    return {
      largest_part: share(parts[0]?.length ?? 0, this.nodes.length),
      outbound_mean: share(outbound.length, this.nodes.length),
      inbound_mean: share(peers.flat().length - outbound.length, this.nodes.length),
      outbound_malicious: share(outbound.filter(({ host }) => !honest.has(host)).length, outbound.length),
    };
  }

  async #end(): Promise<void> {
    let stopped = false;
    const stopping = Promise.all(this.nodes.map((node) => node.stop())).then(() => (stopped = true));
    for (let i = 0; i < 400 && !stopped; i++) await this.clock.advance(1_000);
    if (!stopped) this.#broke("the world ends", "world", "nodes do not stop");
    else await stopping;
  }

  #report(connectivity: SimReport["connectivity"], wallSeconds: number): SimReport {
    const { seed, nodes, hours } = this.#options;
    return {
      chain: this.play.chain,
      seed,
      nodes,
      malicious: nodes - this.nodes.length,
      virtual_hours: hours,
      events: this.clock.fired,
      wall_seconds: Math.round(wallSeconds * 10) / 10,
      peak_memory: this.#peakMemory,
      connectivity,
      propagation_ms: delaysJson(this.#delays),
      blocks: { made: this.#made.size, best_height: this.#bestHeight },
      ...(this.play.transactions && { transactions: this.play.transactions }),
      faults: this.#faults,
      network: this.network.counts,
      breaches: this.breaches,
      breach_count: this.broken,
      log_lines: this.log.lines,
      log_hash: this.log.hash,
    };
  }

  #fault(kind: string, host: string, count = 1): void {
    this.#faults[kind] = (this.#faults[kind] ?? 0) + count;
    this.log.add(this.clock.monotonic(), host, `fault ${kind}`);
  }

  #broke(rule: string, host: string, detail: string): void {
    const at = this.clock.monotonic();
    // What stays wrong is not told each second.
    const name = `${rule} ${host}`;
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.broken += 1;
    if (this.breaches.length < BREACHES_MAX) this.breaches.push({ at, rule, host, detail });
    this.log.add(at, host, `breach ${rule}: ${detail}`);
  }

  /** Runs a story beside the others; one that fails breaks the world. */
  #spawn(host: string, story: () => Promise<void>): void {
    story().catch((error) => this.#broke("the world runs", host, messageOf(error)));
  }
}
