/**
 * Jobs on threads: who gets which thread, and what becomes of a job whose thread dies, hangs or cannot be started.
 *
 * A job whose thread died or hung is refused and not tried again: what ended a thread would end the node, if it were done
 * there, and a stranger whose block does it would have it done twice. Only a thread that died before it was ready for a job
 * proves that no thread can be started here: then, and from then on, jobs run on the caller's thread.
 *
 * @module
 */
import { NodeError } from "../errors.ts";
import type { Clock, GiveWay, Job, JobCounts, JobThread, ThreadEvents, Workers } from "../ports.ts";
import { InlineWorkers } from "./inline-workers.ts";
import { failureError, type JobAnswer } from "./job-messages.ts";

/** Jobs that may wait for a thread. */
export const JOBS_WAITING_MAX = 4_096;
/** A thread without work for so long is ended, and its memory given back. */
export const THREAD_IDLE_MS = 60_000;

/** How a {@link ThreadPool} is made. */
export interface ThreadPoolOptions {
  /** Threads at most; at least 1. Each is started when there is a job for it. */
  readonly threadsMax: number;
  readonly clock: Pick<Clock, "after">;
  /** Starts a thread on which `jobAnswerer` answers. May throw where there can be none. */
  readonly open: (events: ThreadEvents) => JobThread;
  /** Hears once why no thread can be started. */
  readonly onUnable?: (cause: string) => void;
  /** How jobs on the caller's thread let others have their turn. */
  readonly giveWay?: GiveWay;
}

/** A job that waits or runs. */
interface Task {
  readonly id: number;
  readonly job: Job<unknown, unknown>;
  readonly input: unknown;
  readonly resolve: (output: unknown) => void;
  readonly reject: (reason: unknown) => void;
  /** Nobody waits for the result any more. */
  isDropped: boolean;
}

/** A thread, and what it is doing. */
class Seat {
  thread: JobThread | undefined;
  task: Task | undefined;
  /** It has said so. No job goes to it before: what ends a thread that has none is not the job. */
  isReady = false;
  /** Cancels the timer that is set: of the task's deadline, or of idleness. */
  cancel: () => void = () => {};
}

/** See the module's comment. */
export class ThreadPool implements Workers {
  readonly threadsMax: number;
  readonly #clock: Pick<Clock, "after">;
  readonly #open: (events: ThreadEvents) => JobThread;
  readonly #onUnable: (cause: string) => void;
  readonly #seats = new Set<Seat>();
  /** In the order of asking. */
  readonly #waiting = new Map<number, Task>();
  readonly #inline: InlineWorkers;
  /** Ends of threads that are not over yet. */
  readonly #ending = new Set<Promise<void>>();
  #isUnable = false;
  #isClosed = false;
  #lastId = 0;
  #done = 0;
  #failed = 0;
  #lost = 0;

  constructor({ threadsMax, clock, open, onUnable = () => {}, giveWay }: ThreadPoolOptions) {
    if (!Number.isSafeInteger(threadsMax) || threadsMax < 1) throw new RangeError(`${threadsMax} threads`);
    this.threadsMax = threadsMax;
    this.#clock = clock;
    this.#open = open;
    this.#onUnable = onUnable;
    this.#inline = new InlineWorkers(undefined, giveWay);
  }

  get counts(): JobCounts {
    const { running, done, failed } = this.#inline.counts;
    return {
      threads: this.#seats.size,
      running: [...this.#seats].filter(({ task }) => task !== undefined).length + running,
      waiting: this.#waiting.size,
      done: this.#done + done,
      failed: this.#failed + failed,
      lost: this.#lost,
    };
  }

  run<In, Out>(job: Job<In, Out>, input: In, signal?: AbortSignal): Promise<Out> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#isClosed) return Promise.reject(closed());
    if (this.#waiting.size >= JOBS_WAITING_MAX) {
      return Promise.reject(new NodeError("JOBS_BUSY", "self", `${JOBS_WAITING_MAX} jobs wait for a thread`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Out>();
    const task: Task = {
      id: ++this.#lastId,
      job: job as Job<unknown, unknown>,
      input,
      resolve: resolve as (output: unknown) => void,
      reject,
      isDropped: false,
    };
    const drop = () => {
      task.isDropped = true;
      this.#waiting.delete(task.id);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", drop, { once: true });
    this.#waiting.set(task.id, task);
    this.#assign();
    return promise.finally(() => signal?.removeEventListener("abort", drop));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const task of this.#waiting.values()) task.reject(closed());
    this.#waiting.clear();
    for (const seat of this.#seats) {
      const { task } = seat;
      this.#remove(seat);
      task?.reject(closed());
    }
    await this.#inline.close();
    await Promise.all(this.#ending);
  }

  /** Gives waiting jobs to threads that are free, and starts threads for them. */
  #assign(): void {
    for (const task of this.#waiting.values()) {
      const seat = this.#isUnable ? undefined : this.#freeSeat() ?? this.#newSeat();
      if (seat === undefined && !this.#isUnable) return;
      this.#waiting.delete(task.id);
      if (seat === undefined) this.#runInline(task);
      else this.#give(seat, task);
    }
  }

  #freeSeat(): Seat | undefined {
    for (const seat of this.#seats) if (seat.task === undefined) return seat;
    return undefined;
  }

  /** A new thread, unless there are enough or there can be none. */
  #newSeat(): Seat | undefined {
    if (this.#seats.size >= this.threadsMax) return undefined;
    const seat = new Seat();
    this.#seats.add(seat);
    try {
      seat.thread = this.#open({
        onMessage: (message) => this.#hear(seat, message as JobAnswer),
        onEnd: (cause) => this.#lose(seat, cause),
      });
      return seat;
    } catch (thrown) {
      this.#seats.delete(seat);
      this.#unable(String(thrown));
      return undefined;
    }
  }

  #give(seat: Seat, task: Task): void {
    seat.cancel();
    seat.task = task;
    seat.cancel = this.#clock.after(task.job.deadlineMs, () => {
      this.#remove(seat);
      this.#lost++;
      task.reject(new NodeError("JOB_LATE", "self", `${task.job.name} took more than ${task.job.deadlineMs} ms`));
      this.#assign();
    });
    if (seat.isReady) this.#post(seat, task);
  }

  #post(seat: Seat, { id, job, input, reject }: Task): void {
    try {
      seat.thread?.post({ id, name: job.name, input });
    } catch (cause) {
      this.#rest(seat);
      reject(new TypeError(`the input of ${job.name} cannot be cloned`, { cause }));
      this.#assign();
    }
  }

  #hear(seat: Seat, answer: JobAnswer): void {
    if ("ready" in answer) {
      seat.isReady = true;
      if (seat.task !== undefined) this.#post(seat, seat.task);
      return;
    }
    const { task } = seat;
    if (task === undefined || answer.id !== task.id) return;
    this.#rest(seat);
    if ("output" in answer) {
      this.#done++;
      task.resolve(answer.output);
    } else {
      this.#failed++;
      task.reject(failureError(answer.failure));
    }
    this.#assign();
  }

  /** The thread has nothing to do, for a time. */
  #rest(seat: Seat): void {
    seat.cancel();
    seat.task = undefined;
    seat.cancel = this.#clock.after(THREAD_IDLE_MS, () => this.#remove(seat));
  }

  /** The thread is gone, and nobody told it to go. */
  #lose(seat: Seat, cause: string): void {
    if (!this.#seats.delete(seat)) return;
    seat.cancel();
    const { task } = seat;
    if (!seat.isReady) {
      this.#unable(cause);
      if (task !== undefined && !task.isDropped) this.#runInline(task);
    } else if (task !== undefined) {
      this.#lost++;
      task.reject(new NodeError("JOB_LOST", "self", `the thread of ${task.job.name} died: ${cause}`));
    }
    this.#assign();
  }

  #unable(cause: string): void {
    if (this.#isUnable) return;
    this.#isUnable = true;
    this.#onUnable(cause);
  }

  #runInline({ job, input, resolve, reject }: Task): void {
    this.#inline.run(job, input).then(resolve, reject);
  }

  /** Ends a thread and forgets it at once. */
  #remove(seat: Seat): void {
    seat.cancel();
    this.#seats.delete(seat);
    const end = seat.thread?.end() ?? Promise.resolve();
    const over = end.catch(() => {}).then(() => void this.#ending.delete(over));
    this.#ending.add(over);
  }
}

const closed = () => new NodeError("JOBS_CLOSED", "self", "the node is stopping");
