/**
 * Full nodes exchange transactions, signage points, ends of sub-slots and compact proofs.
 *
 * @module
 */
import { bytes32, type Infer, struct, u32, u8 } from "../streamable/mod.ts";
import { SpendBundle } from "./coin.ts";
import { EndOfSubSlotBundle } from "./slots.ts";
import { VDFInfo, VDFProof } from "./vdf.ts";

/**
 * Asks for a transaction by its id.
 * Wire (Streamable): 32 bytes.
 */
export const RequestTransaction = struct("RequestTransaction", {
  transactionId: bytes32,
});
/** The value of the struct of this name. */
export type RequestTransaction = Infer<typeof RequestTransaction>;

/** The transaction that was asked for. */
export const RespondTransaction = struct("RespondTransaction", {
  transaction: SpendBundle,
});
/** The value of the struct of this name. */
export type RespondTransaction = Infer<typeof RespondTransaction>;

/**
 * Asks for a signage point, or with index 0 the end of a sub-slot.
 * Wire (Streamable): 65 bytes.
 */
export const RequestSignagePointOrEndOfSubSlot = struct("RequestSignagePointOrEndOfSubSlot", {
  challengeHash: bytes32,
  indexFromChallenge: u8,
  lastRcInfusion: bytes32,
});
/** The value of the struct of this name. */
export type RequestSignagePointOrEndOfSubSlot = Infer<typeof RequestSignagePointOrEndOfSubSlot>;

/** The signage point that was asked for. */
export const RespondSignagePoint = struct("RespondSignagePoint", {
  indexFromChallenge: u8,
  challengeChainVdf: VDFInfo,
  challengeChainProof: VDFProof,
  rewardChainVdf: VDFInfo,
  rewardChainProof: VDFProof,
});
/** The value of the struct of this name. */
export type RespondSignagePoint = Infer<typeof RespondSignagePoint>;

/** The end of a sub-slot that was asked for. */
export const RespondEndOfSubSlot = struct("RespondEndOfSubSlot", {
  endOfSlotBundle: EndOfSubSlotBundle,
});
/** The value of the struct of this name. */
export type RespondEndOfSubSlot = Infer<typeof RespondEndOfSubSlot>;

/**
 * Asks for the compact proof of a VDF. `fieldVdf` is a `CompressibleVDFField`.
 * Wire (Streamable): 177 bytes.
 */
export const RequestCompactVDF = struct("RequestCompactVDF", {
  height: u32,
  headerHash: bytes32,
  fieldVdf: u8,
  vdfInfo: VDFInfo,
});
/** The value of the struct of this name. */
export type RequestCompactVDF = Infer<typeof RequestCompactVDF>;

/** The compact proof that was asked for. */
export const RespondCompactVDF = struct("RespondCompactVDF", {
  height: u32,
  headerHash: bytes32,
  fieldVdf: u8,
  vdfInfo: VDFInfo,
  vdfProof: VDFProof,
});
/** The value of the struct of this name. */
export type RespondCompactVDF = Infer<typeof RespondCompactVDF>;
