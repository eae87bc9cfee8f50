/**
 * Signatures of secp256k1: ECDSA, BIP340 and the tweaked keys of BIP341, one by one or many at once. Public data only: how
 * long it takes depends on the numbers.
 *
 * @module
 */
import { chooseEngine, type Engine, type EngineTrouble } from "../engine.ts";
import { EmittedVerifier, type FillRandom, type Sha256 } from "./emitted.ts";
import { selfTest } from "./known-answers.ts";
import { portable } from "./portable.ts";

export type { FillRandom, Sha256 } from "./emitted.ts";

/** One thing to verify. All are bytes of fixed lengths, big-endian; another length is a bad signature, no error. */
export type Check =
  | {
    readonly kind: "ecdsa";
    /** 32 bytes. */
    readonly digest: Uint8Array;
    /** r and s, 32 bytes each. A high s is as good as a low one: that is a matter of policy. */
    readonly signature: Uint8Array;
    /** 33 bytes, or 65: uncompressed or hybrid. */
    readonly key: Uint8Array;
  }
  | {
    readonly kind: "schnorr";
    /** Of any length. */
    readonly message: Uint8Array;
    /** 64 bytes. */
    readonly signature: Uint8Array;
    /** 32 bytes. */
    readonly key: Uint8Array;
  }
  | {
    readonly kind: "tweak";
    /** 32 bytes: a key by its x. */
    readonly internal: Uint8Array;
    readonly tweak: Uint8Array;
    /** The tweaked key by its x, and whether its y is odd. */
    readonly output: Uint8Array;
    readonly isOdd: boolean;
  };

/** Verifies. */
export interface Secp256k1 {
  readonly engine: Engine;
  /** The verdict of each, in order. */
  verdicts(checks: readonly Check[]): boolean[];
  /** Whether all are good; many BIP340 signatures as one sum, with the verdict of each as the judge when it is not right. */
  areAllGood(checks: readonly Check[]): boolean;
}

/** How it is made. */
export interface Secp256k1Options {
  readonly sha256: Sha256;
  /** For the sums: what a stranger could foresee would let bad signatures cancel each other. */
  readonly fillRandom: FillRandom;
  /** This implementation and no quicker one. */
  readonly from?: Engine;
  readonly onTrouble?: (trouble: EngineTrouble) => void;
}

/** From so many BIP340 signatures on a sum is quicker than each by itself. */
const SUM_MIN = 16;

/** Makes the quickest verifier that works here. */
export function makeSecp256k1({ from, onTrouble, ...options }: Secp256k1Options): Secp256k1 {
  return chooseEngine({
    ...(from && { from }),
    ...(onTrouble && { onTrouble }),
    make: (engine) => (engine === "portable" ? new Portable() : new Emitted(engine, options)),
    selfTest,
  });
}

class Emitted implements Secp256k1 {
  readonly engine: Engine;
  readonly #verifier: EmittedVerifier;

  constructor(engine: "wide" | "plain", options: Pick<Secp256k1Options, "sha256" | "fillRandom">) {
    this.engine = engine;
    this.#verifier = new EmittedVerifier({ ...options, wide: engine === "wide" });
  }

  verdicts(checks: readonly Check[]): boolean[] {
    const verdicts: boolean[] = [];
    for (const check of checks) {
      if (this.#verifier.isFull) verdicts.push(...this.#verifier.verdicts());
      this.#add(check);
    }
    verdicts.push(...this.#verifier.verdicts());
    return verdicts;
  }

  areAllGood(checks: readonly Check[]): boolean {
    const signatures = checks.filter(({ kind }) => kind === "schnorr");
    if (signatures.length < SUM_MIN) return this.verdicts(checks).every((isGood) => isGood);
    return this.#isSumGood(signatures) &&
      this.verdicts(checks.filter(({ kind }) => kind !== "schnorr")).every((isGood) => isGood);
  }

  /** A sum that is not right may be the fault of the sum: the signatures themselves decide. */
  #isSumGood(signatures: readonly Check[]): boolean {
    let [isGood, from] = [true, 0];
    for (const [i, check] of signatures.entries()) {
      this.#add(check);
      if (!this.#verifier.isFull && i < signatures.length - 1) continue;
      isGood = this.#verifier.areAllGood() || this.verdicts(signatures.slice(from, i + 1)).every((each) => each);
      if (!isGood) return false;
      from = i + 1;
    }
    return isGood;
  }

  #add(check: Check): void {
    if (check.kind === "ecdsa") this.#verifier.addEcdsa(check.digest, check.signature, check.key);
    else if (check.kind === "schnorr") this.#verifier.addSchnorr(check.message, check.signature, check.key);
    else this.#verifier.addTweak(check.internal, check.tweak, check.output, check.isOdd);
  }
}

class Portable implements Secp256k1 {
  readonly engine = "portable";

  verdicts(checks: readonly Check[]): boolean[] {
    return checks.map((check) => {
      if (check.kind === "ecdsa") return portable.ecdsa(check.digest, check.signature, check.key);
      if (check.kind === "schnorr") return portable.schnorr(check.message, check.signature, check.key);
      return portable.tweak(check.internal, check.tweak, check.output, check.isOdd);
    });
  }

  areAllGood(checks: readonly Check[]): boolean {
    return this.verdicts(checks).every((isGood) => isGood);
  }
}
