/** Jobs of the tests of threads, and the thread's side of them. */
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { serveThread } from "#platform";
import { NodeError } from "../../../lib/core/errors.ts";
import type { Job } from "../../../lib/core/ports.ts";
import { jobAnswerer, READY } from "../../../lib/core/work/job-messages.ts";

const job = <In, Out>(name: string, run: (input: In) => Out | Promise<Out>, deadlineMs = 30_000): Job<In, Out> => ({
  name,
  deadlineMs,
  run,
});

/** The sum of the bytes; the first is set to 200, so that the caller sees whose memory it is. */
export const sum = job("test.sum", (bytes: Uint8Array) => {
  const total = bytes.reduce((before, each) => before + each, 0);
  bytes[0] = 200;
  return total;
});
/** Counts what is in `gate[0]` up, and waits until as many have come as `wanted`. */
export const meet = job("test.meet", ({ gate, wanted }: { gate: Int32Array; wanted: number }) => {
  Atomics.add(gate, 0, 1);
  while (Atomics.load(gate, 0) < wanted);
  return Atomics.load(gate, 0);
});
export const fails = job("test.fails", (text: string): string => {
  throw new RangeError(text);
});
export const refuses = job("test.refuses", (path: string): string => {
  throw new NodeError("DISK_FULL", "self", "no room", { data: { path } });
});
/** Memory that nobody has. */
export const swells = job("test.swells", (): number => new Uint8Array(2 ** 53 - 1).length);
export const exits = job("test.exits", (code: number): number => process.exit(code));
export const crashes = job("test.crashes", () => {
  setTimeout(() => {
    throw new Error("nobody caught this");
  }, 0);
  return new Promise<number>(() => {});
});
/** Hangs for longer than anybody waits. Not for ever: Deno says that such a thread has ended, and lets it go on. */
export const hangs = job("test.hangs", (gate: Int32Array): number => {
  Atomics.store(gate, 0, 1);
  const end = performance.now() + 8_000;
  while (performance.now() < end);
  return 0;
}, 300);

if (!isMainThread) serveThread(jobAnswerer([sum, meet, fails, refuses, swells, exits, crashes, hangs] as const), READY);
