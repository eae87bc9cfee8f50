/**
 * Jobs on the thread that wants them: for machines that have no thread to spare, and for simulated worlds, where nothing
 * may depend on a scheduler.
 *
 * @module
 */
import { NodeError } from "../errors.ts";
import type { GiveWay, Job, JobCounts, Workers } from "../ports.ts";
import { jobError } from "./job-messages.ts";

/** Runs each job at once, where `before` does not hold it up. */
export class InlineWorkers implements Workers {
  readonly threadsMax = 0;
  readonly #before: (name: string) => Promise<void>;
  readonly #giveWay: GiveWay | undefined;
  readonly #closing = new AbortController();
  #running = 0;
  #done = 0;
  #failed = 0;

  /**
   * `before`: what a job waits for before it runs. A world's way of making jobs late, and of failing them.
   * `giveWay`: how jobs let others on the thread have their turn; they do not when it is absent.
   */
  constructor(before: (name: string) => Promise<void> = () => Promise.resolve(), giveWay?: GiveWay) {
    this.#before = before;
    this.#giveWay = giveWay;
  }

  get counts(): JobCounts {
    return { threads: 0, running: this.#running, waiting: 0, done: this.#done, failed: this.#failed, lost: 0 };
  }

  async run<In, Out>(job: Job<In, Out>, input: In, signal?: AbortSignal): Promise<Out> {
    const ended = signal === undefined ? this.#closing.signal : AbortSignal.any([this.#closing.signal, signal]);
    ended.throwIfAborted();
    this.#running++;
    try {
      await this.#before(job.name);
      ended.throwIfAborted();
      const giveWay = this.#giveWay;
      const output = await job.run(
        input,
        giveWay && (() => {
          ended.throwIfAborted();
          return giveWay();
        }),
      );
      ended.throwIfAborted();
      this.#done++;
      return output;
    } catch (thrown) {
      if (ended.aborted) throw ended.reason;
      this.#failed++;
      throw jobError(job.name, thrown);
    } finally {
      this.#running--;
    }
  }

  close(): Promise<void> {
    this.#closing.abort(new NodeError("JOBS_CLOSED", "self", "the node is stopping"));
    return Promise.resolve();
  }
}
