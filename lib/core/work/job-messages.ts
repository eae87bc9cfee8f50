/**
 * What the thread of a job and the thread that wants it tell each other.
 *
 * @module
 */
import { messageOf, NodeError } from "../errors.ts";
import type { Job } from "../ports.ts";

/** A job that is to be done. `id` comes back with the answer. */
export interface JobRequest {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}

/** What is known of an exception on the other side of a border that errors do not pass with their class. */
export interface JobFailure {
  readonly code: string;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The first message of a thread is {@link READY}; each other one answers a {@link JobRequest}. */
export type JobAnswer =
  | { readonly ready: true }
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly failure: JobFailure };

/** What a thread says when it takes jobs. */
export const READY: JobAnswer = { ready: true };

/** A job of any types. What a caller passes in is typed by the job that it names. */
export type AnyJob = Job<never, unknown>;

/** Answers requests for the given jobs. Never rejects. */
export function jobAnswerer(jobs: readonly AnyJob[]): (message: unknown) => Promise<JobAnswer> {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  if (byName.size !== jobs.length) throw new TypeError("two jobs of one name");
  return async (message) => {
    const { id, name, input } = message as JobRequest;
    try {
      const job = byName.get(name);
      if (job === undefined) throw new TypeError(`no job is called ${name}`);
      return { id, output: await job.run(input as never) };
    } catch (thrown) {
      const { code, message, data } = jobError(name, thrown);
      // Data that cannot be cloned would be the end of the thread.
      return { id, failure: { code, message, data: JSON.parse(JSON.stringify(data)) } };
    }
  };
}

/** What a job threw, as a NodeError: itself, or `JOB_FAILED` around it. */
export function jobError(name: string, thrown: unknown): NodeError {
  if (thrown instanceof NodeError) return thrown;
  return new NodeError("JOB_FAILED", "self", `${name} failed: ${messageOf(thrown)}`, { cause: thrown });
}

/** The error that a failure stands for. Always our own fault: what a peer did wrong is a result of the job. */
export function failureError({ code, message, data }: JobFailure): NodeError {
  return new NodeError(code, "self", message, { data });
}
