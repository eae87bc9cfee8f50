/**
 * Proving a run of blocks: all of them at once, away from the chain, while others are linked and fetched.
 *
 * @module
 */
import { unlessAborted } from "../../core/work/abortable.ts";
import type { BlockValidator, Frame } from "./validator.ts";
import type { Refusal } from "./verdict.ts";

/** The first block of a run that is refused. */
export interface FirstRefusal {
  /** Its place in the run. */
  readonly at: number;
  readonly refusal: Refusal;
}

/** The proofs of one run. They belong to these frames and no others: a run that is linked anew is proven anew. */
export class ProofRun {
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  readonly #verdict: Promise<FirstRefusal | undefined>;

  /** @param signal aborts it as well as {@link abort} does */
  constructor(validator: BlockValidator, frames: readonly Frame[], signal?: AbortSignal) {
    this.#signal = AbortSignal.any([this.#over.signal, ...(signal === undefined ? [] : [signal])]);
    this.#verdict = frames.length === 0 ? Promise.resolve(undefined) : this.#prove(validator, [...frames]);
    // It may be withdrawn before anybody waits for it.
    this.#verdict.catch(() => {});
  }

  /** The first that is refused; undefined when all are right. Rejects with the reason of {@link abort}. */
  verdict(): Promise<FirstRefusal | undefined> {
    return this.#verdict;
  }

  /** Ends it: nobody wants the answer any more. */
  abort(reason: unknown): void {
    this.#over.abort(reason);
  }

  async #prove(validator: BlockValidator, frames: readonly Frame[]): Promise<FirstRefusal | undefined> {
    const signal = this.#signal;
    const answers = await unlessAborted(validator.prove(frames, signal), signal);
    if (answers.length !== frames.length) {
      throw new RangeError(`${answers.length} answers to the proofs of ${frames.length} blocks`);
    }
    const at = answers.findIndex((answer) => answer !== undefined);
    const refusal = answers[at];
    return refusal && { at, refusal };
  }
}
