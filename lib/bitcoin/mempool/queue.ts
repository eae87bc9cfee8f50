/**
 * What waits to be judged by the mempool: one thing after the other, in the order of asking.
 *
 * @module
 */
import { unlessAborted } from "../../core/work/abortable.ts";

/** Transactions that are judged together. */
const BATCH_MAX = 256;
/** Bytes of transactions that are judged together, beyond the first: what comes meanwhile waits for all of them. */
const BATCH_BYTES_MAX = 100_000;
/** Questions that may wait. */
export const QUESTIONS_MAX = 4_096;

/** A question that may be judged together with others. */
interface Waiting<In, Out> {
  readonly question: In;
  readonly bytes: number;
  readonly answer: PromiseWithResolvers<Out>;
}

/** Something that is done by itself. */
interface Alone {
  readonly work: () => Promise<void>;
  readonly fail: (error: unknown) => void;
}

/** How questions are answered. */
export interface QueueParts<In, Out> {
  /** Answers some questions, each by itself as soon as it can. */
  readonly together: (
    questions: readonly In[],
    answer: (index: number, out: Out) => void,
    fail: (index: number, error: unknown) => void,
  ) => Promise<void>;
  /** Does what has to be done before the next question is judged. */
  readonly before: () => Promise<void>;
  readonly closing: AbortSignal;
}

/** The queue. */
export class QuestionQueue<In, Out> {
  readonly #parts: QueueParts<In, Out>;
  readonly #waiting: (Waiting<In, Out> | Alone)[] = [];
  #running: Promise<void> | undefined;
  #isWoken = false;

  constructor(parts: QueueParts<In, Out>) {
    this.#parts = parts;
  }

  /** Whether nothing more may wait. */
  get isFull(): boolean {
    return this.#waiting.length >= QUESTIONS_MAX;
  }

  /** Asks a question. @param bytes what it weighs among others @throws what answering it throws, or the signal's reason */
  ask(question: In, bytes: number, signal: AbortSignal | undefined): Promise<Out> {
    const answer = Promise.withResolvers<Out>();
    return this.#wait({ question, bytes, answer }, answer.promise, signal);
  }

  /** Has something done while no question is judged. @throws what it throws, or the signal's reason */
  alone<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    return this.#wait({ work: () => work().then(resolve, reject), fail: reject }, promise, signal);
  }

  async #wait<T>(entry: Waiting<In, Out> | Alone, end: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const { closing } = this.#parts;
    closing.throwIfAborted();
    signal?.throwIfAborted();
    this.#waiting.push(entry);
    this.wake();
    return await unlessAborted(end, signal === undefined ? closing : AbortSignal.any([closing, signal]));
  }

  /** Begins to work, if it does not yet: something waits, or something is to be done before the next. */
  wake(): void {
    this.#isWoken = true;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is done any more. */
  async rest(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    const { before, closing } = this.#parts;
    while ((this.#isWoken || this.#waiting.length > 0) && !closing.aborted) {
      this.#isWoken = false;
      // What comes in the same moment is judged together.
      await undefined;
      try {
        await before();
        closing.throwIfAborted();
        await this.#next();
      } catch (error) {
        // What came too early to be judged is refused with the reason, and tried again with the next question.
        for (const entry of this.#waiting.splice(0)) ("work" in entry ? entry.fail : entry.answer.reject)(error);
      }
    }
    this.#running = undefined;
  }

  async #next(): Promise<void> {
    const [first] = this.#waiting;
    if (first === undefined) return;
    if ("work" in first) {
      this.#waiting.shift();
      await first.work();
    } else {
      await this.#answer(this.#batch());
    }
  }

  #batch(): Waiting<In, Out>[] {
    const batch: Waiting<In, Out>[] = [];
    let bytes = 0;
    for (const entry of this.#waiting) {
      if ("work" in entry || batch.length >= BATCH_MAX) break;
      if (batch.length > 0 && bytes + entry.bytes > BATCH_BYTES_MAX) break;
      batch.push(entry);
      bytes += entry.bytes;
    }
    this.#waiting.splice(0, batch.length);
    return batch;
  }

  async #answer(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      await this.#parts.together(
        batch.map(({ question }) => question),
        (index, out) => batch[index]!.answer.resolve(out),
        (index, error) => batch[index]!.answer.reject(error),
      );
    } catch (error) {
      for (const { answer } of batch) answer.reject(error);
    }
  }
}
