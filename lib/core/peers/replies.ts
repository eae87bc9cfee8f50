/**
 * Questions that wait for their answers, by number.
 *
 * @module
 */
import { NodeError } from "../errors.ts";
import type { Clock } from "../ports.ts";

interface Pending<T> {
  readonly resolve: (answer: T) => void;
  readonly reject: (error: Error) => void;
  readonly cancel: () => void;
}

/** How ids are given out. */
export interface RepliesOptions {
  readonly clock: Clock;
  /** First and last id of our side's range. */
  readonly range: readonly [first: number, last: number];
  /** Ids that timed out and may still be answered are remembered, this many at most; the oldest is forgotten. */
  readonly lateMax: number;
}

/** Open questions of one connection. At most as many as the id range holds. */
export class Replies<Q, T> {
  readonly #options: RepliesOptions;
  readonly #pending = new Map<number, Pending<T> & { readonly question: Q }>();
  readonly #late = new Set<number>();
  #next: number;
  #ended: Error | undefined;

  constructor(options: RepliesOptions) {
    this.#options = options;
    this.#next = options.range[0];
  }

  get open(): number {
    return this.#pending.size;
  }

  /**
   * Takes an id for a question. `answer` settles with the reply, or rejects: `timeout` after `timeoutMs`, `closed` when
   * the connection ends. @throws NodeError `ids_exhausted` when every id is taken
   */
  ask(question: Q, timeoutMs: number): { readonly id: number; readonly answer: Promise<T> } {
    const id = this.#free();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // The asker may have gone before the answer fails; that must not bring the process down.
    promise.catch(() => {});
    if (this.#ended !== undefined) {
      reject(this.#ended);
      return { id, answer: promise };
    }
    const cancel = this.#options.clock.after(timeoutMs, () => {
      this.withdraw(id, new NodeError("timeout", "peer", `no answer within ${timeoutMs} ms`));
    });
    this.#pending.set(id, { question, resolve, reject, cancel });
    return { id, answer: promise };
  }

  /** What was asked under an id, while it waits. */
  questionOf(id: number): Q | undefined {
    return this.#pending.get(id)?.question;
  }

  /** Answers a question. False when none waits under this id. */
  settle(id: number, answer: T): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined) return false;
    this.#pending.delete(id);
    pending.cancel();
    pending.resolve(answer);
    return true;
  }

  /** Stops waiting: the question fails with `error`, and an answer that still comes is excused. No-op once answered. */
  withdraw(id: number, error: Error): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    this.#late.add(id);
    if (this.#late.size > this.#options.lateMax) this.#late.delete(this.#late.values().next().value ?? id);
    pending.cancel();
    pending.reject(error);
  }

  /** Whether an answer under this id comes too late; each is excused once. */
  excuse(id: number): boolean {
    return this.#late.delete(id);
  }

  /** Rejects every open question and each one that follows. */
  failAll(error: Error): void {
    this.#ended ??= error;
    for (const pending of this.#pending.values()) {
      pending.cancel();
      pending.reject(error);
    }
    this.#pending.clear();
  }

  #free(): number {
    const [first, last] = this.#options.range;
    for (let tried = first; tried <= last; tried++) {
      const id = this.#next;
      this.#next = id === last ? first : id + 1;
      if (!this.#pending.has(id) && !this.#late.has(id)) return id;
    }
    throw new NodeError("ids_exhausted", "self", "every request id is in use");
  }
}
