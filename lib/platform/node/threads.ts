/**
 * Threads of the runtime. All three runtimes have `node:worker_threads`, with the same events.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { parentPort, Worker } from "node:worker_threads";
import { messageOf } from "../../core/errors.ts";
import type { JobThread, ThreadEvents } from "../../core/ports.ts";

/** See `Platform.openThread`. */
export function openThread(entry: URL, { onMessage, onEnd }: ThreadEvents): JobThread {
  let isOver = false;
  const gone = Promise.withResolvers<void>();
  const end = (cause: string) => {
    gone.resolve();
    if (isOver) return;
    isOver = true;
    onEnd(cause);
  };
  const worker = new Worker(entry);
  worker.on("message", (message: unknown) => {
    if (!isOver) onMessage(message);
  });
  // An error that nobody caught ends the thread; its exit, which follows, says less of the cause.
  worker.on("error", (thrown: unknown) => end(messageOf(thrown)));
  worker.on("exit", (code: number) => end(`it ended with code ${code}`));
  return {
    post: (message) => worker.postMessage(message),
    async end() {
      await worker.terminate();
      await gone.promise;
    },
  };
}

/** See `Platform.serveThread`. */
export function serveThread(answer: (message: unknown) => Promise<unknown>, hello: unknown): void {
  const port = parentPort;
  if (port === null) throw new TypeError("serveThread() is for threads");
  let tail: Promise<void> = Promise.resolve();
  port.on("message", (message: unknown) => {
    tail = tail.then(async () => port.postMessage(await answer(message)));
  });
  port.postMessage(hello);
}

/** See `Platform.parallelism`. */
export function parallelism(): number {
  return Math.max(1, availableParallelism());
}
