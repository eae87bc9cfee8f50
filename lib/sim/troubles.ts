/**
 * What goes wrong in a world while it goes on: stories that run beside one another, each with its own chance, until the
 * world calms.
 *
 * @module
 */
import type { SimClock } from "./clock.ts";
import type { FaultPlan } from "./faults.ts";
import type { SimNetwork } from "./network.ts";
import type { SimNode } from "./sim-node.ts";
import type { SeededRandom } from "./random.ts";
import type { SimWeather } from "./weather.ts";

/** What troubles befall, and who hears of them. */
export interface TroublesParts {
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly weather: SimWeather;
  readonly faults: FaultPlan;
  readonly random: SeededRandom;
  /** The honest nodes. */
  readonly nodes: readonly SimNode[];
  /** All hosts, malicious ones too. */
  readonly hosts: readonly string[];
  /** Hears of each fault; `count` is 1 when absent. */
  readonly tell: (kind: string, host: string, count?: number) => void;
}

const HOUR_MS = 3_600_000;
/** The power fails within so many writes, or after so long when there are fewer; a disk fills up within as many. */
const TORN_WRITES = 12;
const TORN_WAIT_MS = 120_000;

/** The stories of one world. */
export class Troubles {
  readonly #parts: TroublesParts;
  #isCalm = false;

  constructor(parts: TroublesParts) {
    this.#parts = parts;
  }

  /** The stories that befall the world as a whole, as far as the plan has them. */
  stories(): (() => Promise<void>)[] {
    const { partitionEveryMs, deafEveryMs, diskFullEveryMs, clockJumpEveryMs } = this.#parts.faults;
    return [
      ...(partitionEveryMs > 0 ? [() => this.#part()] : []),
      ...(deafEveryMs > 0 ? [() => this.#deafen()] : []),
      ...(diskFullEveryMs > 0 ? [() => this.#fillDisks()] : []),
      ...(clockJumpEveryMs > 0 ? [() => this.#moveClocks()] : []),
    ];
  }

  /** Nothing goes wrong any more: lines carry, disks have room, clocks are right, and every node is started. */
  calm(): void {
    const { weather, network, nodes } = this.#parts;
    this.#isCalm = true;
    weather.calm();
    network.mend();
    for (const node of nodes) {
      node.disk.clear();
      node.setClock("right");
      node.start();
    }
  }

  /** A node goes down and comes back, again and again. */
  async churn(node: SimNode): Promise<void> {
    const { clock, faults, tell } = this.#parts;
    const { uptimeMs, downtimeMs, torn, rot, steady } = faults;
    if (uptimeMs === 0 || this.#parts.random.fork(`steady ${node.host}`).chance(steady)) return;
    const random = this.#parts.random.fork(`churn ${node.host}`);
    for (;;) {
      await clock.sleep(random.wait(uptimeMs));
      if (this.#isCalm) return;
      const how = random.pick(["stop", "kill", "power"] as const);
      const isTorn = how === "power" && random.chance(torn);
      tell(isTorn ? "torn" : how, node.host);
      if (how === "stop") await node.stop();
      else if (isTorn) await this.#tear(node, random);
      else this.#crash(node, how);
      if (how === "power" && random.chance(rot)) this.#rot(node);
      if (!this.#isCalm) await clock.sleep(random.wait(downtimeMs));
      node.start();
    }
  }

  #crash(node: SimNode, how: "kill" | "power"): void {
    const lost = node.crash(how);
    if (lost > 0) this.#parts.tell("steps_lost", node.host, lost);
  }

  /** The power fails while the node writes; if it does not write, a little later. */
  async #tear(node: SimNode, random: SeededRandom): Promise<void> {
    let dies = () => {};
    const died = new Promise<void>((resolve) => {
      dies = () => {
        this.#crash(node, "power");
        resolve();
      };
    });
    node.disk.failPowerAfter(random.below(TORN_WRITES), dies);
    const tooLate = this.#parts.clock.after(TORN_WAIT_MS, dies);
    await died;
    tooLate();
    // It may have been off all the time.
    node.disk.keepPower();
  }

  #rot(node: SimNode): void {
    const path = node.damage();
    if (path !== undefined) this.#parts.tell("rot", `${node.host} ${path}`);
  }

  /** A disk is full for a while, from some write on. */
  async #fillDisks(): Promise<void> {
    const { clock, nodes, tell, faults: { diskFullEveryMs, partitionMs } } = this.#parts;
    const random = this.#parts.random.fork("disks");
    for (;;) {
      await clock.sleep(random.wait(diskFullEveryMs));
      if (this.#isCalm) return;
      const node = random.pick(nodes);
      tell("disk_full", node.host);
      node.disk.fill(random.below(TORN_WRITES));
      await clock.sleep(random.wait(partitionMs));
      node.disk.clear();
      // It may have refused to start.
      node.start();
    }
  }

  /** A wall clock jumps, and is set right after a while. Time that passes is not touched. */
  async #moveClocks(): Promise<void> {
    const { clock, nodes, tell, faults: { clockJumpEveryMs, partitionMs } } = this.#parts;
    const random = this.#parts.random.fork("clocks");
    for (;;) {
      await clock.sleep(random.wait(clockJumpEveryMs));
      if (this.#isCalm) return;
      const node = random.pick(nodes);
      tell("clock_jump", node.host);
      node.setClock(random.pick([2 * HOUR_MS, -2 * HOUR_MS, -clock.now()]));
      await clock.sleep(random.wait(partitionMs));
      node.setClock("right");
    }
  }

  /** Cuts the network in two now and then. */
  async #part(): Promise<void> {
    const { clock, hosts, tell, weather, network, faults: { partitionEveryMs, partitionMs } } = this.#parts;
    const random = this.#parts.random.fork("partitions");
    for (;;) {
      await clock.sleep(random.wait(partitionEveryMs));
      if (this.#isCalm) return;
      const apart = random.shuffle(hosts).slice(
        0,
        1 + random.below(Math.ceil(hosts.length / 2)),
      );
      tell("partition", "world");
      weather.part(apart);
      await clock.sleep(random.wait(partitionMs));
      weather.heal();
      network.mend();
    }
  }

  /** Lets a host hear nothing for a while. */
  async #deafen(): Promise<void> {
    const { clock, hosts, tell, weather, network, faults: { deafEveryMs, partitionMs } } = this.#parts;
    const random = this.#parts.random.fork("deaf");
    for (;;) {
      await clock.sleep(random.wait(deafEveryMs));
      if (this.#isCalm) return;
      const host = random.pick(hosts);
      tell("deaf", host);
      weather.deafen(host);
      await clock.sleep(random.wait(partitionMs));
      weather.heal();
      network.mend();
    }
  }
}
