/**
 * Waiting for a validator's verdicts.
 *
 * @module
 */
import type { Refusal } from "../headers/verdict.ts";
import type { ConnectVerdict, Passed } from "./validator.ts";

/** Work of which somebody asks now and then whether it has ended. */
export class Awaited<T> {
  /** Resolves, and never rejects, when the work has ended or was withdrawn. */
  readonly done: Promise<void>;
  #isOver = false;
  #outcome: { readonly value: T } | { readonly thrown: unknown } | undefined;

  /** @param signal withdraws the work: how it ends counts for nothing then */
  constructor(work: Promise<T>, signal: AbortSignal) {
    this.done = new Promise((resolve) => {
      const end = () => {
        signal.removeEventListener("abort", end);
        this.#isOver = true;
        resolve();
      };
      signal.addEventListener("abort", end, { once: true });
      work.then(
        (value) => void (this.#outcome ??= { value }),
        (thrown: unknown) => void (this.#outcome ??= { thrown }),
      ).then(end);
    });
  }

  /** Whether {@link done} has resolved, or is about to. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What came of the work; undefined when it was withdrawn before. @throws what it threw */
  get value(): T | undefined {
    if (this.#outcome === undefined) return undefined;
    if ("thrown" in this.#outcome) throw this.#outcome.thrown;
    return this.#outcome.value;
  }
}

/** The verdict on all of a block, its scripts included. */
export async function withScripts(verdict: ConnectVerdict | Promise<ConnectVerdict>): Promise<Refusal | Passed> {
  const found = await verdict;
  return found.ok ? await found.scripts ?? found : found;
}
