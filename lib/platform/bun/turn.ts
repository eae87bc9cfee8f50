/**
 * A turn without the event loop: the microtasks are run at once, which takes a fortieth of the time.
 *
 * @module
 */
import { drainMicrotasks } from "bun:jsc";
import { turn as turnOfLoop } from "../node/clock.ts";

/** So many turns, and the event loop has one: signals, timers of the runtime and its collector wait for it. */
const LOOP_EVERY = 256;
const DONE = Promise.resolve();
let turns = 0;

/** See `Platform.turn`. */
export function turn(): Promise<void> {
  if (++turns % LOOP_EVERY === 0) return turnOfLoop();
  drainMicrotasks();
  return DONE;
}
