/**
 * Signatures by themselves, as a job: `gemel engine` tries threads with them. Those of a block are verified with its scripts
 * (`script-job.ts`).
 *
 * @module
 */
import type { Job } from "../../core/ports.ts";
import { arithmetic } from "../../engine/arithmetic.ts";
import type { Engine } from "../../engine/engine.ts";

/** What is verified, and by which implementation or a slower one. */
export interface SignatureInput {
  /** As `checksToBytes` has them. */
  readonly checks: Uint8Array;
  readonly engine: Engine;
}

/** The verdicts, and the implementation that gave them. */
export interface SignatureVerdicts {
  readonly engine: Engine;
  /** One for each check, in order: 1 where it is good, else 0. */
  readonly verdicts: Uint8Array;
}

/** Verifies signatures and tweaked keys; many good ones of BIP340 as sums. */
export const signatureVerdicts: Job<SignatureInput, SignatureVerdicts> = {
  name: "bitcoin.signatures",
  deadlineMs: 60_000,
  async run({ checks: bytes, engine: from }) {
    const { checksFromBytes } = await import("../../engine/secp256k1/check-bytes.ts");
    const secp256k1 = await arithmetic(from).secp256k1();
    const checks = checksFromBytes(bytes);
    const areAllGood = secp256k1.areAllGood(checks);
    const verdicts = areAllGood
      ? new Uint8Array(checks.length).fill(1)
      : Uint8Array.from(secp256k1.verdicts(checks), Number);
    return { engine: secp256k1.engine, verdicts };
  },
};
