/**
 * The lines between hosts: long and short, wide and narrow, now and then cut.
 *
 * @module
 */
import type { Conditions, Weather } from "./links.ts";
import type { SeededRandom } from "./random.ts";

/** How bad lines may be. */
export interface WeatherOptions {
  /** Chance of each chunk to be lost and sent again. */
  readonly loss: number;
  /** Chance of each chunk to be answered by a reset. */
  readonly reset: number;
  /** Share of lines that damage bytes, and the chance of each chunk on them. */
  readonly damagedLines: number;
  readonly damage: number;
}

/** Lines whose conditions follow from the seed and the two hosts. */
export class SimWeather implements Weather {
  readonly #options: WeatherOptions;
  readonly #random: SeededRandom;
  readonly #lines = new Map<string, Map<string, Conditions>>();
  /** Hosts that are cut off from those that are not in here. */
  readonly #apart = new Set<string>();
  /** Hosts that nothing reaches although their own bytes arrive. */
  readonly #deaf = new Set<string>();
  #isCalm = false;
  era = 0;

  constructor(options: WeatherOptions, random: SeededRandom) {
    this.#options = options;
    this.#random = random;
  }

  of(from: string, to: string): Conditions {
    const lines = this.#lines.get(from) ?? new Map<string, Conditions>();
    if (lines.size === 0) this.#lines.set(from, lines);
    const known = lines.get(to);
    if (known !== undefined) return known;
    const drawn = this.#draw(from, to);
    lines.set(to, drawn);
    return drawn;
  }

  isCut(from: string, to: string): boolean {
    if (this.#apart.size === 0 && this.#deaf.size === 0) return false;
    return this.#apart.has(from) !== this.#apart.has(to) || this.#deaf.has(to);
  }

  /** Cuts these hosts off from all others. */
  part(hosts: readonly string[]): void {
    for (const host of hosts) this.#apart.add(host);
  }

  /** Lets nothing arrive at a host; what it sends does. */
  deafen(host: string): void {
    this.#deaf.add(host);
  }

  /** Mends all cuts. */
  heal(): void {
    this.#apart.clear();
    this.#deaf.clear();
  }

  /** No line loses or damages anything from now on. */
  calm(): void {
    this.#isCalm = true;
    this.#lines.clear();
    this.era += 1;
    this.heal();
  }

  #draw(from: string, to: string): Conditions {
    // Both directions of a line are alike.
    const random = this.#random.fork(from < to ? `${from} ${to}` : `${to} ${from}`);
    const { loss, reset, damage, damagedLines } = this.#options;
    const latencyMs = 2 + random.fraction() * 150;
    const bytesPerMs = 100 * 2 ** random.below(8);
    const isDamaged = random.chance(damagedLines);
    return {
      latencyMs,
      jitterMs: latencyMs / 8,
      bytesPerMs,
      loss: this.#isCalm ? 0 : loss * 2 * random.fraction(),
      reset: this.#isCalm ? 0 : reset,
      damage: this.#isCalm || !isDamaged ? 0 : damage,
    };
  }
}
