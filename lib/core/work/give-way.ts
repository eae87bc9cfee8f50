/**
 * Long work on a thread that has other work as well.
 *
 * @module
 */
import type { Clock, GiveWay } from "../ports.ts";

/** How long others on the thread may wait. */
const TURN_MS = 10;

/** Lets others have their turn whenever the last is `turnMs` ago. */
export function givingWay(clock: Pick<Clock, "monotonic" | "sleep">, turnMs = TURN_MS): GiveWay {
  let last = clock.monotonic();
  return () => {
    if (clock.monotonic() - last < turnMs) return undefined;
    return clock.sleep(0).then(() => void (last = clock.monotonic()));
  };
}
