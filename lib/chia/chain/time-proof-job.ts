/**
 * Proofs of time, as a job.
 *
 * @module
 */
import type { Job } from "../../core/ports.ts";
import type { TimeProof } from "../../engine/class-group/mod.ts";
import { arithmetic } from "../../engine/arithmetic.ts";
import type { Engine } from "../../engine/engine.ts";

/** Proofs, and by which implementation or a slower one they are verified. */
export interface TimeProofInput {
  readonly proofs: readonly TimeProof[];
  readonly engine: Engine;
}

/** The verdicts, and the implementation that gave them. */
export interface TimeProofVerdicts {
  readonly engine: Engine;
  /** In the order of the proofs. */
  readonly verdicts: readonly boolean[];
}

/** Verifies proofs of time; those of one discriminant should come together. */
export const timeProofVerdicts: Job<TimeProofInput, TimeProofVerdicts> = {
  name: "chia.time-proofs",
  deadlineMs: 60_000,
  async run({ proofs, engine: from }, giveWay) {
    const classGroup = await arithmetic(from).classGroup();
    const verdicts: boolean[] = [];
    for (const proof of proofs) {
      verdicts.push(classGroup.verify(proof));
      await giveWay?.();
    }
    return { engine: classGroup.engine, verdicts };
  },
};
