/**
 * The heavy arithmetic of one thread: each topic is made when it is first used, and kept.
 *
 * @module
 */
import { sha256 } from "../codec/sha256.ts";
import { type Bls12381, makeBls12381 } from "./bls12-381/mod.ts";
import { type ClassGroup, makeClassGroup } from "./class-group/mod.ts";
import type { Engine, EngineTrouble } from "./engine.ts";
import { fillRandom } from "./random-bytes.ts";
import { makeSecp256k1, type Secp256k1 } from "./secp256k1/mod.ts";

/** What there is. Made on first use, in some milliseconds each. */
export interface Arithmetic {
  readonly secp256k1: Secp256k1;
  readonly bls12381: Bls12381;
  readonly classGroup: ClassGroup;
  /** Implementations that were passed over so far, and why. */
  readonly troubles: readonly EngineTrouble[];
}

class Lazy implements Arithmetic {
  readonly troubles: EngineTrouble[] = [];
  readonly #options: { readonly from: Engine; readonly onTrouble: (trouble: EngineTrouble) => void };
  #secp256k1: Secp256k1 | undefined;
  #bls12381: Bls12381 | undefined;
  #classGroup: ClassGroup | undefined;

  constructor(from: Engine) {
    this.#options = { from, onTrouble: (trouble) => this.troubles.push(trouble) };
  }

  get secp256k1(): Secp256k1 {
    return this.#secp256k1 ??= makeSecp256k1({ ...this.#options, sha256: (bytes) => sha256(bytes), fillRandom });
  }

  get bls12381(): Bls12381 {
    return this.#bls12381 ??= makeBls12381(this.#options);
  }

  get classGroup(): ClassGroup {
    return this.#classGroup ??= makeClassGroup({ ...this.#options, sha256: (bytes) => sha256(bytes) });
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
