/**
 * Threads of the runtime. All three runtimes have `node:worker_threads`, with the same events.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { type MessagePort as NodePort, parentPort, Worker } from "node:worker_threads";
import { messageOf } from "../../core/errors.ts";
import type { JobThread, ThreadEvents } from "../../core/ports.ts";

/** Time for what a thread is at, before it is ended from outside. */
const END_GRACE_MS = 1_000;

/**
 * See `Platform.openThread`. Messages go through a channel of their own: what `Worker.postMessage` of Deno's `node:` does
 * to a typed array takes 50 ns a byte, even where the memory is shared.
 */
export function openThread(entry: URL, { onMessage, onEnd }: ThreadEvents): JobThread {
  let isOver = false;
  const gone = Promise.withResolvers<void>();
  const { port1: port, port2: theirs } = new MessageChannel();
  const end = (cause: string) => {
    port.close();
    gone.resolve();
    if (isOver) return;
    isOver = true;
    onEnd(cause);
  };
  const worker = new Worker(entry);
  worker.postMessage(theirs, [theirs as unknown as Transferable & NodePort]);
  port.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (!isOver) onMessage(data);
  };
  // An error that nobody caught ends the thread; its exit, which follows, says less of the cause.
  worker.on("error", (thrown: unknown) => end(messageOf(thrown)));
  worker.on("exit", (code: number) => end(`it ended with code ${code}`));
  return {
    post: (message) => port.postMessage(message),
    async end() {
      // Without its channel a thread has nothing to wait for. Ending it from outside takes another thread for a moment, and
      // Bun aborts the process where this user may have no more of them: that is left for one that does not end by itself.
      port.close();
      const timer = setTimeout(() => void worker.terminate().catch(() => gone.resolve()), END_GRACE_MS);
      await gone.promise;
      clearTimeout(timer);
    },
  };
}

/** See `Platform.serveThread`. */
export function serveThread(answer: (message: unknown) => Promise<unknown>, hello: unknown): void {
  if (parentPort === null) throw new TypeError("serveThread() is for threads");
  parentPort.once("message", (port: MessagePort) => {
    let tail: Promise<void> = Promise.resolve();
    port.onmessage = ({ data }: MessageEvent<unknown>) => {
      tail = tail.then(async () => port.postMessage(await answer(data)));
    };
    port.postMessage(hello);
  });
}

/** See `Platform.parallelism`. */
export function parallelism(): number {
  return Math.max(1, availableParallelism());
}
