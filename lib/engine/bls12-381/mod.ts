/**
 * BLS12-381 as Chia uses it: signatures of the augmented scheme, and the operations on points that CLVM has. Public data
 * only: how long it takes depends on the numbers.
 *
 * @module
 */
import { chooseEngine, type Engine, type EngineTrouble } from "../engine.ts";
import { EmittedBls, type Group, type SignedMessage } from "./emitted.ts";
import { selfTest } from "./known-answers.ts";
import { PortableBls } from "./portable.ts";

export type { Group, SignedMessage } from "./emitted.ts";
export { AUGMENTED_DST } from "./emitted.ts";

/**
 * Points are compressed bytes, 48 of G1 and 96 of G2, with infinity in its one encoding. Bytes of another length, of no
 * point, or of a point that is not in its group are no good: verification says false, other calls undefined.
 *
 * @see draft-irtf-cfrg-bls-signature section 3.2 (message augmentation)
 */
export interface Bls12381 {
  readonly engine: Engine;
  /**
   * Whether the signature is the sum of each key's signature of its message. An infinite key makes it false; no messages at
   * all have the infinite signature; a key or a message may come more than once.
   */
  aggregateVerify(signed: readonly SignedMessage[], signature: Uint8Array): boolean;
  /**
   * What verification of these messages comes to before the signature is known, for {@link Bls12381.isSigned}: so that
   * several threads share one verification. Undefined when a key is no good. Of use to the same engine only.
   */
  product(signed: readonly SignedMessage[]): Uint8Array | undefined;
  /** Whether the signature is that of all messages of which these are the products. */
  isSigned(products: readonly Uint8Array[], signature: Uint8Array): boolean;
  isValid(group: Group, point: Uint8Array): boolean;
  /** The sum; with `subtracts` the first less the others. Infinity for none. */
  add(group: Group, points: readonly Uint8Array[], subtracts?: boolean): Uint8Array | undefined;
  negate(group: Group, point: Uint8Array): Uint8Array | undefined;
  /** So many times the point; the scalar is unsigned, its highest byte first. */
  multiply(group: Group, point: Uint8Array, scalar: Uint8Array): Uint8Array | undefined;
  /** A message hashed to the group (RFC 9380), with a domain separation tag of one byte or more. */
  hash(group: Group, message: Uint8Array, tag: Uint8Array): Uint8Array;
  /** Whether the product of the pairings is 1. */
  isPairingOne(pairs: readonly (readonly [g1: Uint8Array, g2: Uint8Array])[]): boolean | undefined;
}

/** How it is made. */
export interface Bls12381Options {
  /** This implementation and no quicker one. */
  readonly from?: Engine;
  readonly onTrouble?: (trouble: EngineTrouble) => void;
}

/** Makes the quickest one that works here. */
export function makeBls12381({ from, onTrouble }: Bls12381Options = {}): Bls12381 {
  return chooseEngine<Bls12381>({
    ...(from && { from }),
    ...(onTrouble && { onTrouble }),
    make: (engine) =>
      Object.assign(engine === "portable" ? new PortableBls() : new EmittedBls(engine === "wide"), { engine }),
    selfTest,
  });
}
