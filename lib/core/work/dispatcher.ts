/**
 * A list of tasks over many peers: in parallel, results in order, tasks of slow or failing peers given to others.
 *
 * @module
 */
import { NodeError } from "../errors.ts";
import type { Clock } from "../ports.ts";

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
  /** Whether one more task may be begun while results wait for an earlier one. Always when absent. */
  readonly hasRoom?: () => boolean;
  /** Time for the first try; each further try of the same task has twice as long. */
  readonly timeoutMs: number;
  readonly triesMax: number;
  /** After so long without a result a task is given to a second worker too, and the first one wins. Never when absent. */
  readonly hedgeMs?: number;
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
 * worker is left, or when the signal aborts; a caller that stops reading stops the run. Nothing is under way after the end.
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

  /** Taken in the same step as it is chosen, or others would choose it too. */
  const take = (tried: ReadonlySet<W>): W | undefined => {
    const worker = choose(tried);
    if (worker !== undefined) load.set(worker, (load.get(worker) ?? 0) + 1);
    return worker;
  };

  /** Waits for a worker and takes one of its places. */
  const acquire = async (tried: Set<W>): Promise<W> => {
    let none: number | undefined;
    for (;;) {
      over.signal.throwIfAborted();
      const worker = take(tried);
      if (worker !== undefined) return worker;
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

  type Outcome = { readonly worker: W } & ({ readonly result: R } | { readonly thrown: unknown });

  const complete = async (task: T): Promise<Dispatched<W, T, R>> => {
    const tried = new Set<W>();
    const running = new Map<W, Promise<Outcome>>();
    const done = new AbortController();
    const end = () => done.abort(over.signal.reason);
    over.signal.addEventListener("abort", end, { once: true });
    let tries = 0;

    const begin = (worker: W): void => {
      tries += 1;
      tried.add(worker);
      const release = (outcome: Outcome): Outcome => {
        running.delete(worker);
        // A worker that was overtaken has failed too.
        if ("result" in outcome) failures.delete(worker);
        else if (!over.signal.aborted) failures.set(worker, (failures.get(worker) ?? 0) + 1);
        load.set(worker, (load.get(worker) ?? 1) - 1);
        freed.resolve();
        freed = Promise.withResolvers();
        return outcome;
      };
      const timeoutMs = options.timeoutMs * 2 ** (tries - 1);
      const trying = options.run(worker, task, timeoutMs, done.signal);
      running.set(
        worker,
        trying.then((result) => release({ worker, result }), (thrown) => release({ worker, thrown })),
      );
    };

    try {
      for (;;) {
        if (running.size === 0) begin(await acquire(tried));
        const outcome = await firstWithin(clock, options.hedgeMs, [...running.values()]);
        over.signal.throwIfAborted();
        if (outcome === undefined) {
          // It may still come. Two at once are enough: a slow line is no reason to fill all others.
          const second = running.size > 1 || tries >= triesMax ? undefined : take(tried);
          if (second !== undefined) begin(second);
          continue;
        }
        if ("result" in outcome) return { worker: outcome.worker, task, result: outcome.result };
        if (tries >= triesMax && running.size === 0) throw outcome.thrown;
      }
    } finally {
      over.signal.removeEventListener("abort", end);
      done.abort(new NodeError("stopped", "self", "another was quicker"));
      await Promise.all(running.values());
    }
  };

  let taken = 0;
  const fill = () => {
    while (inOrder.length < Math.min(aheadMax, aheadAtFirst + taken)) {
      // The first in order is always begun: it is what makes room.
      if (inOrder.length > 0 && options.hasRoom?.() === false) return;
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

/** The first that settles, or undefined when none has within the time. */
async function firstWithin<V>(
  clock: Clock,
  ms: number | undefined,
  promises: readonly Promise<V>[],
): Promise<V | undefined> {
  if (ms === undefined) return await Promise.race(promises);
  const late = Promise.withResolvers<undefined>();
  const cancel = clock.after(ms, () => late.resolve(undefined));
  try {
    return await Promise.race([...promises, late.promise]);
  } finally {
    cancel();
  }
}
