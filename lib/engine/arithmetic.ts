/**
 * The heavy arithmetic of one thread: each topic is loaded and made when it is first used, and kept. A node of one chain does
 * not load the curves of the other.
 *
 * @module
 */
import { sha256 } from "../codec/sha256.ts";
import type { Bls12381 } from "./bls12-381/mod.ts";
import type { ClassGroup } from "./class-group/mod.ts";
import type { Engine, EngineTrouble } from "./engine.ts";
import { fillRandom } from "./random-bytes.ts";
import type { Secp256k1 } from "./secp256k1/mod.ts";

/** What there is. Loaded and made on first use, in some milliseconds each. */
export interface Arithmetic {
  secp256k1(): Promise<Secp256k1>;
  bls12381(): Promise<Bls12381>;
  classGroup(): Promise<ClassGroup>;
  /** Implementations that were passed over so far, and why. */
  readonly troubles: readonly EngineTrouble[];
}

class Lazy implements Arithmetic {
  readonly troubles: EngineTrouble[] = [];
  readonly #options: { readonly from: Engine; readonly onTrouble: (trouble: EngineTrouble) => void };
  #secp256k1: Promise<Secp256k1> | undefined;
  #bls12381: Promise<Bls12381> | undefined;
  #classGroup: Promise<ClassGroup> | undefined;

  constructor(from: Engine) {
    this.#options = { from, onTrouble: (trouble) => this.troubles.push(trouble) };
  }

  secp256k1(): Promise<Secp256k1> {
    const options = { ...this.#options, sha256: (bytes: Uint8Array) => sha256(bytes), fillRandom };
    return this.#secp256k1 ??= import("./secp256k1/mod.ts").then(({ makeSecp256k1 }) => makeSecp256k1(options));
  }

  bls12381(): Promise<Bls12381> {
    return this.#bls12381 ??= import("./bls12-381/mod.ts").then(({ makeBls12381 }) => makeBls12381(this.#options));
  }

  classGroup(): Promise<ClassGroup> {
    const options = { ...this.#options, sha256: (bytes: Uint8Array) => sha256(bytes) };
    return this.#classGroup ??= import("./class-group/mod.ts").then(({ makeClassGroup }) => makeClassGroup(options));
  }
}

/** Arithmetic that this thread does not keep: for a look at what works here. */
export const tryArithmetic = (from: Engine): Arithmetic => new Lazy(from);

const made = new Map<Engine, Arithmetic>();

/** This thread's arithmetic, by the quickest implementation that works here of `from` and slower ones. */
export function arithmetic(from: Engine = "wide"): Arithmetic {
  const found = made.get(from) ?? new Lazy(from);
  made.set(from, found);
  return found;
}
