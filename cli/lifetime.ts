/**
 * A node in the foreground: from its first line to the last, signals included.
 *
 * @module
 */
import { NodeError, type RunningNode } from "../mod.ts";
import { EXIT } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { exitOf, onStopWish } from "./signals.ts";

/** The longest that a timer of the runtimes waits; beyond it they do not wait at all. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Why a node ended and with which exit code. */
export interface Ending {
  readonly exit: number;
}

/**
 * Waits until the node stops by itself, a signal comes or `until` resolves; then stops all nodes in order. A second
 * wish (signals within 500 ms are one), or a stop that takes longer than the configuration allows, ends the process at
 * once: that is safe, because each step of the store is one transaction.
 */
export async function untilStopped(
  nodes: readonly RunningNode[],
  io: CliIo,
  options: {
    readonly until?: Promise<void>;
    /** Called once, while the nodes still have all that they had. */
    readonly beforeStop?: () => void;
    /** Milliseconds of a clock that only goes forward; a test's own. */
    readonly now?: () => number;
  } = {},
): Promise<Ending> {
  const { until, beforeStop, now } = options;
  let exit: number = EXIT.ok;
  const signalled = Promise.withResolvers<void>();
  const off = onStopWish(io, (signal, again) => {
    exit = exitOf(signal);
    if (again) {
      io.err("stopped at once\n");
      io.exit(exit);
    }
    io.err("stopping (once more to force)\n");
    signalled.resolve();
  }, now);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const ended = Promise.race([signalled.promise, ...nodes.map((node) => node.stopped), ...(until ? [until] : [])]);
    await ended.finally(() => beforeStop?.());
    const limitMs = Math.min(TIMER_MS_MAX, Math.max(0, ...nodes.map((node) => node.config.shutdownTimeoutMs)));
    const late = new Promise<never>((_, reject) => {
      const error = new NodeError("STOP_FORCED", "self", `the stop took more than ${limitMs} ms and was forced`);
      timer = setTimeout(() => reject(error), limitMs);
    });
    await Promise.race([Promise.all(nodes.map((node) => node.stop())), late]);
    return { exit };
  } finally {
    clearTimeout(timer);
    off();
  }
}
