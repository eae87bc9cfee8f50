/**
 * The signals by which a command is told to end, and the wishes that they stand for.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { EXIT } from "./failures.ts";
import type { CliIo } from "./io.ts";

/** Signals that end a command: Ctrl-C, `kill` and containers, a terminal that is closed. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** The exit code of a command that a signal ended: 128 and the signal's number. */
export function exitOf(signal: StopSignal): number {
  return { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp }[signal];
}

/**
 * Signals so close together are one wish: Ctrl-C reaches a program and the one that started it, which passes it on, and a
 * terminal that closes sends SIGHUP beside it.
 */
const ONE_WISH_MS = 500;

/**
 * Calls back for each wish to end: `again` is false for the first and true for every later one. Signals that come within
 * 500 ms of a wish belong to it. Returns what ends it.
 */
export function onStopWish(
  io: Pick<CliIo, "onSignal">,
  wished: (signal: StopSignal, again: boolean) => void,
  now: () => number = () => performance.now(),
): () => void {
  let last: number | undefined;
  return io.onSignal((signal) => {
    const at = now();
    const before = last;
    if (before !== undefined && at - before < ONE_WISH_MS) return;
    last = at;
    wished(signal, before !== undefined);
  });
}

/** Where the signals go at the moment. */
export interface SignalTurns {
  /** Calls back until the returned function is called; the last who asked is called. */
  onSignal(handler: (signal: StopSignal) => void): () => void;
  /** Whether a command handles them. */
  readonly taken: boolean;
}

/**
 * Takes the process's signals from now on. Where no command handles one, it ends the process at once: the system would do
 * so by itself, but not for process 1 of a container, which gets no signal that it has no handler for.
 */
export function takeSignals(): SignalTurns {
  const handlers: ((signal: StopSignal) => void)[] = [];
  const ignored = ignoredSignals();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // `nohup` has SIGHUP ignored for its program; a handler would take that back.
    if (signal === "SIGHUP" && (ignored & 1n) !== 0n) continue;
    process.on(signal, () => {
      const handler = handlers.at(-1);
      if (handler === undefined) process.exit(exitOf(signal));
      handler(signal);
    });
  }
  return {
    onSignal(handler) {
      handlers.push(handler);
      return () => {
        const at = handlers.indexOf(handler);
        if (at >= 0) handlers.splice(at, 1);
      };
    },
    get taken() {
      return handlers.length > 0;
    },
  };
}

/** The signals that this process was started with as ignored, bit 0 for signal 1; none where the system does not tell. */
function ignoredSignals(): bigint {
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return BigInt(`0x${mask}`);
  } catch {
    return 0n;
  }
}
