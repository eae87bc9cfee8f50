/**
 * How much of the node's log is kept. The oldest events go in small steps, so that nobody waits for them; the newest
 * stays always. Ids stay as they are: a reader that comes too late is told which events are gone.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import type { EventAge } from "./events.ts";

/** What is kept; an event goes when either bound says so. Without any bound all of it is kept. */
export interface EventsKeep {
  /** So many of the newest events. */
  readonly eventsMax?: number;
  /** Events of the last so many milliseconds. */
  readonly ageMsMax?: number;
}

/** A log whose oldest events can go. */
export interface TrimmableLog {
  bounds(): Promise<{ readonly oldest: number; readonly newest: number }>;
  /** Ids and times of the oldest events, rising, at most `limit`. */
  eldest(limit: number): Promise<readonly EventAge[]>;
  /** Forgets events up to `id`. */
  trim(id: number): Promise<void>;
  /** Gives space that trimmed events left back to the system, a little at a time; whether there is more. */
  giveBack(): Promise<boolean>;
}

/** Events that go in one step: some milliseconds, in which others wait. */
export const TRIM_STEP_EVENTS_MAX = 500;
/** Between two steps, in which others write and read. */
const TRIM_PAUSE_MS = 50;
/** How often the log is measured. */
const TRIM_EVERY_MS = 30_000;

/** Trims a log as long as it runs. */
export class EventRetention {
  readonly #log: TrimmableLog;
  readonly #keep: EventsKeep;
  readonly #clock: Clock;
  readonly #failed: (text: string) => void;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    keep: EventsKeep,
    { log, clock, failed }: {
      readonly log: TrimmableLog;
      readonly clock: Clock;
      readonly failed: (text: string) => void;
    },
  ) {
    this.#keep = keep;
    this.#log = log;
    this.#clock = clock;
    this.#failed = failed;
  }

  /** Begins; the first look is at once. */
  start(): void {
    if (this.#keep.eventsMax !== undefined || this.#keep.ageMsMax !== undefined) this.#running = this.#run();
  }

  /** Ends, after the step that is being made. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Lets go the oldest events that are not to be kept, at most a step of them; whether there may be more. */
  async step(): Promise<boolean> {
    const { eventsMax = Infinity, ageMsMax = Infinity } = this.#keep;
    const { newest } = await this.#log.bounds();
    const eldest = await this.#log.eldest(TRIM_STEP_EVENTS_MAX);
    const bornAfter = this.#clock.now() - ageMsMax;
    // What comes after an event that stays, stays too: there are no holes in a log.
    const firstKept = eldest.findIndex(({ id, time }) => id >= newest || (id > newest - eventsMax && time > bornAfter));
    const last = firstKept < 0 ? eldest.at(-1) : eldest[firstKept - 1];
    if (last !== undefined) await this.#log.trim(last.id);
    return firstKept < 0 && last !== undefined;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        while (await this.step() && !signal.aborted) await this.#clock.sleep(TRIM_PAUSE_MS, signal);
        while (await this.#log.giveBack() && !signal.aborted) await this.#clock.sleep(TRIM_PAUSE_MS, signal);
      } catch (thrown) {
        if (!signal.aborted) this.#failed(`old events could not be removed: ${messageOf(thrown)}`);
      }
      await this.#clock.sleep(TRIM_EVERY_MS, signal).catch(() => {});
    }
  }
}
