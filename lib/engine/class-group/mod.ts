/**
 * Class groups of imaginary quadratic fields, as Chia's proofs of time use them: discriminants, and Wesolowski proofs in segments.
 * Public data only: how long it takes depends on the numbers.
 *
 * @module
 */
import { chooseEngine, type Engine, type EngineTrouble } from "../engine.ts";
import { type Arithmetic, DISCRIMINANT_BITS_MAX, type Sha256 } from "./arithmetic.ts";
import { EmittedArithmetic } from "./emitted.ts";
import { type Discriminant, discriminantOf } from "./form-bytes.ts";
import { selfTest } from "./known-answers.ts";
import { bitLength } from "./numbers.ts";
import { portableArithmetic } from "./portable.ts";
import { isProofRight, type ProofBytes } from "./verify.ts";

export type { Sha256 } from "./arithmetic.ts";
export { FORM_BYTES } from "./form-bytes.ts";
export { SEGMENT_BYTES } from "./verify.ts";

/** A proof of time, and the discriminant that it is for. */
export interface TimeProof extends ProofBytes {
  /** As {@link ClassGroup.createDiscriminant} makes it: below 0, 1 modulo 8, a prime but for its sign, and of 1,024 bits at most. */
  readonly discriminant: bigint;
}

/** Proofs of time. */
export interface ClassGroup {
  readonly engine: Engine;
  /**
   * The discriminant of a challenge: chiavdf's `create_discriminant`.
   *
   * @param seed any bytes, but a few at least
   * @param bits 8 to 1,024, a multiple of 8
   * @throws RangeError for other sizes, and for a seed that is empty or too short for a prime to come of it
   */
  createDiscriminant(seed: Uint8Array, bits: number): bigint;
  /**
   * Whether a proof is right: chiavdf's `verify_n_wesolowski`. Wrong bytes of any length are a wrong proof, and no error.
   *
   * @throws RangeError for a discriminant that is none
   */
  verify(proof: TimeProof): boolean;
}

/** How it is made. */
export interface ClassGroupOptions {
  readonly sha256: Sha256;
  /** This implementation and no quicker one. */
  readonly from?: Engine;
  readonly onTrouble?: (trouble: EngineTrouble) => void;
}

/** Makes the quickest implementation that works here. */
export function makeClassGroup({ sha256, from, onTrouble }: ClassGroupOptions): ClassGroup {
  return chooseEngine({
    ...(from && { from }),
    ...(onTrouble && { onTrouble }),
    make: (engine) => new Group(engine, engine === "portable" ? portableArithmetic(sha256) : emitted(engine, sha256)),
    selfTest,
  });
}

const emitted = (engine: Engine, sha256: Sha256) => new EmittedArithmetic({ wide: engine === "wide", sha256 });

class Group implements ClassGroup {
  readonly engine: Engine;
  readonly #arithmetic: Arithmetic;
  /** The last discriminant: proofs of one challenge come together. */
  #last: Discriminant | undefined;

  constructor(engine: Engine, arithmetic: Arithmetic) {
    this.engine = engine;
    this.#arithmetic = arithmetic;
  }

  createDiscriminant(seed: Uint8Array, bits: number): bigint {
    if (!Number.isSafeInteger(bits) || bits < 8 || bits > DISCRIMINANT_BITS_MAX || bits % 8 !== 0) {
      throw new RangeError(`a discriminant cannot have ${bits} bits`);
    }
    if (seed.length === 0) throw new RangeError("a discriminant needs a seed");
    return -this.#arithmetic.hashToPrime(seed, bits, "discriminant");
  }

  verify(proof: TimeProof): boolean {
    const { discriminant } = proof;
    if (this.#last?.value !== discriminant) {
      if (discriminant >= 0n || (discriminant & 7n) !== 1n || bitLength(-discriminant) > DISCRIMINANT_BITS_MAX) {
        throw new RangeError("not the discriminant of a challenge");
      }
      this.#last = discriminantOf(discriminant);
    }
    return isProofRight(this.#arithmetic, this.#last, proof);
  }
}
