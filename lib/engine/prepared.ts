/**
 * Programs that were emitted before the process began: none, when the sources run. `compile.sh` makes another module with
 * this shape and has the bundler put it in this one's place (`#prepared`), so that the executable emits nothing.
 *
 * @module
 */
import type { Program, Topic } from "./programs.ts";

/** What emission would make for a topic, or undefined where that is not known yet. */
export function prepared(_topic: Topic, _wide: boolean): Program | undefined {
  return undefined;
}
