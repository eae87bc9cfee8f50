/** A simulated clock on the runtime that runs the test. */
import { setImmediate } from "node:timers";
import { SimClock } from "../../../lib/sim/clock.ts";

/** Two turns of the event loop: streams of either runtime come to rest within one. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => void setImmediate(() => resolve()));
}

/** A clock that stands at a fixed moment. */
export function simClock(startMs?: number): SimClock {
  return new SimClock({ turn, ...(startMs !== undefined && { startMs }) });
}
