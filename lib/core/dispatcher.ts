/**
 * A list of tasks over many peers: in parallel, results in order, tasks of slow or failing peers given to others.
 *
 * @module
 */
import { NodeError } from "./errors.ts";
import type { Clock } from "./ports.ts";

/** How a run is spread. */
export interface DispatchOptions<W, T, R> {
  readonly clock: Clock;
  /** The workers that may be used right now, best first. Asked again before each task. */
  readonly workers: () => readonly W[];
  /** Does one task; rejects when the worker could not. Must give up after `timeoutMs`, and when the signal aborts. */
  readonly run: (worker: W, task: T, timeoutMs: number, signal: AbortSignal) => Promise<R>;
  /** Tasks that one worker may hold at a time. */
  readonly perWorkerMax: number;
  /** Tasks that may be under way or waiting for an earlier one. */
  readonly aheadMax: number;
  /** {@link aheadMax} before the first result was taken; each one taken allows one more. The same when absent. */
  readonly aheadAtFirst?: number;
  /** Time for the first try; each further try of the same task has twice as long. */
  readonly timeoutMs: number;
  readonly triesMax: number;
  readonly signal: AbortSignal;
}

/** One finished task. */
export interface Dispatched<W, T, R> {
  readonly worker: W;
  readonly task: T;
  readonly result: R;
}

/** How long a task waits before it looks for workers again, and how long there may be none at all. */
const NO_WORKER_WAIT_MS = 1_000;
/** Failures in a row after which a worker is left aside while there are others. */
const FAILURES_MAX = 2;

/**
 * Runs `tasks` and yields their results in order. Ends early by throwing when a task failed `triesMax` times, when no
 * worker is left, or when the signal aborts; whoever stops reading stops the run. Nothing is under way after the end.
 *
 * @throws NodeError `no_workers`, the error of the last try, or the signal's reason
 */
export async function* dispatch<W, T, R>(
  tasks: Iterable<T>,
  options: DispatchOptions<W, T, R>,
): AsyncGenerator<Dispatched<W, T, R>> {
  const { clock, perWorkerMax, aheadMax, aheadAtFirst = aheadMax, triesMax, signal } = options;
  const source = tasks[Symbol.iterator]();
  const load = new Map<W, number>();
  /** Failures in a row. */
  const failures = new Map<W, number>();
  const inOrder: Promise<Dispatched<W, T, R>>[] = [];
  const underWay = new Set<Promise<unknown>>();
  const over = new AbortController();
  const stop = () => over.abort(signal.reason);
  let freed = Promise.withResolvers<void>();

  const inDoubt = (worker: W) => (failures.get(worker) ?? 0) >= FAILURES_MAX;

  /**
   * The least burdened worker that has not failed at this task; who failed before comes last, and who failed repeatedly
   * only when there is nobody else to wait for.
   */
  const choose = (tried: ReadonlySet<W>): W | undefined => {
    const untried = options.workers().filter((w) => !tried.has(w));
    const sound = untried.filter((w) => !inDoubt(w));
    const free = (sound.length > 0 ? sound : untried).filter((w) => (load.get(w) ?? 0) < perWorkerMax);
    const cost = (w: W) => (failures.get(w) ?? 0) * perWorkerMax + (load.get(w) ?? 0);
    return free.reduce<W | undefined>((best, w) => (best === undefined || cost(w) < cost(best) ? w : best), undefined);
  };

  /** Until a worker is free, or for a while: workers come and go without telling. */
  const pause = async (): Promise<void> => {
    const wait = new AbortController();
    const end = () => wait.abort();
    over.signal.addEventListener("abort", end, { once: true });
    await Promise.race([freed.promise, clock.sleep(NO_WORKER_WAIT_MS, wait.signal).catch(() => {})]);
    over.signal.removeEventListener("abort", end);
    end();
  };

  /** Waits for a worker and takes one of its places. */
  const acquire = async (tried: Set<W>): Promise<W> => {
    let none: number | undefined;
    for (;;) {
      over.signal.throwIfAborted();
      const worker = choose(tried);
      if (worker !== undefined) {
        // Taken in the same step as it is chosen, or others would choose it too.
        load.set(worker, (load.get(worker) ?? 0) + 1);
        return worker;
      }
      const usable = options.workers();
      if (usable.length > 0) {
        none = undefined;
        if (usable.every((w) => tried.has(w))) tried.clear();
      } else {
        none ??= clock.monotonic();
        if (clock.monotonic() - none >= NO_WORKER_WAIT_MS) {
          throw new NodeError("no_workers", "network", "no peer is left to ask");
        }
      }
      await pause();
    }
  };

  const complete = async (task: T): Promise<Dispatched<W, T, R>> => {
    const tried = new Set<W>();
    for (let attempt = 1;; attempt++) {
      const worker = await acquire(tried);
      try {
        const result = await options.run(worker, task, options.timeoutMs * 2 ** (attempt - 1), over.signal);
        failures.delete(worker);
        return { worker, task, result };
      } catch (thrown) {
        over.signal.throwIfAborted();
        tried.add(worker);
        failures.set(worker, (failures.get(worker) ?? 0) + 1);
        if (attempt >= triesMax) throw thrown;
      } finally {
        load.set(worker, (load.get(worker) ?? 1) - 1);
        freed.resolve();
        freed = Promise.withResolvers();
      }
    }
  };

  let taken = 0;
  const fill = () => {
    while (inOrder.length < Math.min(aheadMax, aheadAtFirst + taken)) {
      const next = source.next();
      if (next.done === true) return;
      const promise = complete(next.value);
      // Its turn may come long after it failed.
      const settled = promise.then(() => {}, () => {}).finally(() => underWay.delete(settled));
      underWay.add(settled);
      inOrder.push(promise);
    }
  };

  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    for (fill(); inOrder.length > 0; fill()) {
      const first = inOrder.shift();
      if (first !== undefined) yield await first;
      taken += 1;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    over.abort(new NodeError("stopped", "self", "the run was given up"));
    source.return?.();
    await Promise.all(underWay);
  }
}
