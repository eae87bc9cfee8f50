/**
 * Proofs of time: what a verifiable delay function was asked, its answer and the proof.
 *
 * @module
 */
import { bool, bytes, bytes100, bytes32, type Infer, struct, u64, u8 } from "../streamable/mod.ts";

/**
 * A class group element in its compressed form: input or output of a VDF. The identity is `08` and 99 zero bytes.
 * Wire (Streamable): 100 bytes.
 */
export const ClassgroupElement = struct("ClassgroupElement", {
  data: bytes100,
});
/** The value of the struct of this name. */
export type ClassgroupElement = Infer<typeof ClassgroupElement>;

/**
 * What a VDF computed: from `challenge`, in `numberOfIterations` squarings, to `output`.
 * Wire (Streamable): 140 bytes.
 */
export const VDFInfo = struct("VDFInfo", {
  challenge: bytes32,
  numberOfIterations: u64,
  output: ClassgroupElement,
});
/** The value of the struct of this name. */
export type VDFInfo = Infer<typeof VDFInfo>;

/**
 * The proof of a {@link VDFInfo}. `witnessType` counts the segments (0: one, compact); `normalizedToIdentity` tells
 * that the input is the identity instead of the element before.
 */
export const VDFProof = struct("VDFProof", {
  witnessType: u8,
  witness: bytes,
  normalizedToIdentity: bool,
});
/** The value of the struct of this name. */
export type VDFProof = Infer<typeof VDFProof>;
