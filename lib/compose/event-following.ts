/**
 * The event log where other processes append to it: those who listen here are woken for what comes from there.
 *
 * @module
 */
import type { Clock } from "../core/ports.ts";
import type { EventLog } from "../storage/events.ts";

/** How often it is asked for its newest event. */
const EVERY_MS = 500;

/** Looks whether the log has grown, until the returned function is called. While it cannot be read nobody is woken. */
export function followLog(events: Pick<EventLog, "bounds">, wake: () => void, clock: Clock): () => Promise<void> {
  const over = new AbortController();
  const run = async () => {
    let known: number | undefined;
    while (!over.signal.aborted) {
      const newest = await events.bounds().then((bounds) => bounds.newest, () => known);
      if (newest !== known) wake();
      known = newest;
      await clock.sleep(EVERY_MS, over.signal).catch(() => {});
    }
  };
  const done = run();
  return async () => {
    over.abort();
    await done;
  };
}
