/**
 * Signatures of a block's inputs, as a job.
 *
 * @module
 */
import type { Job } from "../../core/ports.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Check } from "../../engine/secp256k1/mod.ts";

/** What is verified, and by which implementation or a slower one. */
export interface SignatureInput {
  readonly checks: readonly Check[];
  readonly engine: Engine;
}

/** The verdicts, and the implementation that gave them. */
export interface SignatureVerdicts {
  readonly engine: Engine;
  /** In the order of the checks. */
  readonly verdicts: readonly boolean[];
}

/** Verifies signatures and tweaked keys; many good ones of BIP340 as sums. */
export const signatureVerdicts: Job<SignatureInput, SignatureVerdicts> = {
  name: "bitcoin.signatures",
  deadlineMs: 60_000,
  async run({ checks, engine: from }) {
    // A thread that has other work does not load it.
    const { arithmetic } = await import("../../engine/arithmetic.ts");
    const { secp256k1 } = arithmetic(from);
    const { engine } = secp256k1;
    const verdicts = secp256k1.areAllGood(checks) ? checks.map(() => true) : secp256k1.verdicts(checks);
    return { engine, verdicts };
  },
};
