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
  /** Does one task; rejects when the worker could not. Must give up after `timeoutMs`. */
  readonly run: (worker: W, task: T, timeoutMs: number) => Promise<R>;
  /** Tasks that one worker may hold at a time. */
  readonly perWorkerMax: number;
  /** Tasks that may be under way or waiting for an earlier one. */
  readonly aheadMax: number;
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

/** How long to wait for a worker when none is free and none is at work. */
const NO_WORKER_WAIT_MS = 1_000;

/**
 * Runs `tasks` and yields their results in order. Ends early by throwing when a task failed `triesMax` times, when no
 * worker is left, or when the signal aborts; whoever stops reading stops the run.
 *
 * @throws NodeError `no_workers`, or the error of the last try
 */
export async function* dispatch<W, T, R>(
  tasks: Iterable<T>,
  options: DispatchOptions<W, T, R>,
): AsyncGenerator<Dispatched<W, T, R>> {
  const { clock, perWorkerMax, aheadMax, triesMax, signal } = options;
  const source = tasks[Symbol.iterator]();
  const load = new Map<W, number>();
  const failures = new Map<W, number>();
  const inOrder: Promise<Dispatched<W, T, R>>[] = [];
  let freed = Promise.withResolvers<void>();
  let running = true;

  /** The least burdened worker that has not failed at this task; workers that failed before come last. */
  const choose = (tried: ReadonlySet<W>): W | undefined => {
    const free = options.workers().filter((w) => !tried.has(w) && (load.get(w) ?? 0) < perWorkerMax);
    const cost = (w: W) => (failures.get(w) ?? 0) * perWorkerMax + (load.get(w) ?? 0);
    return free.reduce<W | undefined>((best, w) => (best === undefined || cost(w) < cost(best) ? w : best), undefined);
  };

  const acquire = async (tried: Set<W>): Promise<W> => {
    for (let waited = false;;) {
      signal.throwIfAborted();
      if (!running) throw new NodeError("stopped", "self", "the run was given up");
      const worker = choose(tried);
      if (worker !== undefined) return worker;
      const usable = options.workers();
      if (usable.length > 0 && usable.every((w) => tried.has(w))) tried.clear();
      else if (usable.length === 0) {
        if (waited) throw new NodeError("no_workers", "network", "no peer is left to ask");
        waited = true;
      }
      const wait = new AbortController();
      await Promise.race([freed.promise, clock.sleep(NO_WORKER_WAIT_MS, wait.signal).catch(() => {})]);
      wait.abort();
    }
  };

  const complete = async (task: T): Promise<Dispatched<W, T, R>> => {
    const tried = new Set<W>();
    for (let attempt = 1;; attempt++) {
      const worker = await acquire(tried);
      load.set(worker, (load.get(worker) ?? 0) + 1);
      try {
        const result = await options.run(worker, task, options.timeoutMs * 2 ** (attempt - 1));
        return { worker, task, result };
      } catch (thrown) {
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

  const fill = () => {
    while (inOrder.length < aheadMax) {
      const next = source.next();
      if (next.done === true) return;
      const promise = complete(next.value);
      // Its turn may come long after it failed.
      promise.catch(() => {});
      inOrder.push(promise);
    }
  };

  try {
    for (fill(); inOrder.length > 0; fill()) {
      const first = inOrder.shift();
      if (first !== undefined) yield await first;
    }
  } finally {
    running = false;
    freed.resolve();
  }
}
