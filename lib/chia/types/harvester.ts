/**
 * A farmer and its harvesters.
 *
 * @module
 */
import {
  bool,
  bytes,
  bytes32,
  g1,
  g2,
  type Infer,
  list,
  option,
  str,
  struct,
  tuple,
  u16,
  u32,
  u64,
  u8,
} from "../streamable/mod.ts";
import { PartialProof, ProofOfSpace } from "./proof-of-space.ts";
import { RewardChainBlockUnfinished } from "./reward-chain.ts";

/**
 * A pool's own difficulty, for the plots of its contract.
 * Wire (Streamable): 48 bytes.
 */
export const PoolDifficulty = struct("PoolDifficulty", {
  difficulty: u64,
  subSlotIters: u64,
  poolContractPuzzleHash: bytes32,
});
/** The value of the struct of this name. */
export type PoolDifficulty = Infer<typeof PoolDifficulty>;

/** The keys whose plots the harvester should use. */
export const HarvesterHandshake = struct("HarvesterHandshake", {
  farmerPublicKeys: list(g1),
  poolPublicKeys: list(g1),
});
/** The value of the struct of this name. */
export type HarvesterHandshake = Infer<typeof HarvesterHandshake>;

/** A signage point, as harvesters before protocol 0.0.38 read it. */
export const NewSignagePointHarvester = struct("NewSignagePointHarvester", {
  challengeHash: bytes32,
  difficulty: u64,
  subSlotIters: u64,
  signagePointIndex: u8,
  spHash: bytes32,
  poolDifficulties: list(PoolDifficulty),
  filterPrefixBits: u8,
});
/** The value of the struct of this name. */
export type NewSignagePointHarvester = Infer<typeof NewSignagePointHarvester>;

/** A signage point, with what the filter of new plots needs. */
export const NewSignagePointHarvester2 = struct("NewSignagePointHarvester2", {
  challengeHash: bytes32,
  difficulty: u64,
  subSlotIters: u64,
  signagePointIndex: u8,
  spHash: bytes32,
  poolDifficulties: list(PoolDifficulty),
  peakHeight: u32,
  lastTxHeight: u32,
  filterChallenge: option(bytes32),
});
/** The value of the struct of this name. */
export type NewSignagePointHarvester2 = Infer<typeof NewSignagePointHarvester2>;

/**
 * The fee that the harvester asks for its hardware's work.
 * Wire (Streamable): 4 bytes.
 */
export const ProofOfSpaceFeeInfo = struct("ProofOfSpaceFeeInfo", {
  appliedFeeThreshold: u32,
});
/** The value of the struct of this name. */
export type ProofOfSpaceFeeInfo = Infer<typeof ProofOfSpaceFeeInfo>;

/** A proof of space that is good enough. */
export const NewProofOfSpace = struct("NewProofOfSpace", {
  challengeHash: bytes32,
  spHash: bytes32,
  plotIdentifier: str,
  proof: ProofOfSpace,
  signagePointIndex: u8,
  includeSourceSignatureData: bool,
  farmerRewardAddressOverride: option(bytes32),
  feeInfo: option(ProofOfSpaceFeeInfo),
});
/** The value of the struct of this name. */
export type NewProofOfSpace = Infer<typeof NewProofOfSpace>;

/** The data behind a hash to sign; `kind` is a `SigningDataKind`. */
export const SignatureRequestSourceData = struct("SignatureRequestSourceData", {
  kind: u8,
  data: bytes,
});
/** The value of the struct of this name. */
export type SignatureRequestSourceData = Infer<typeof SignatureRequestSourceData>;

/** Asks for signatures by a plot's key. */
export const RequestSignatures = struct("RequestSignatures", {
  plotIdentifier: str,
  challengeHash: bytes32,
  spHash: bytes32,
  messages: list(bytes32),
  messageData: option(list(option(SignatureRequestSourceData))),
  rcBlockUnfinished: option(RewardChainBlockUnfinished),
});
/** The value of the struct of this name. */
export type RequestSignatures = Infer<typeof RequestSignatures>;

/** The signatures that were asked for, by hash. */
export const RespondSignatures = struct("RespondSignatures", {
  plotIdentifier: str,
  challengeHash: bytes32,
  spHash: bytes32,
  localPk: g1,
  farmerPk: g1,
  messageSignatures: list(tuple(bytes32, g2)),
  includeSourceSignatureData: bool,
  farmerRewardAddressOverride: option(bytes32),
});
/** The value of the struct of this name. */
export type RespondSignatures = Infer<typeof RespondSignatures>;

/** A plot; `fileSize` in bytes, `timeModified` in unix seconds. */
export const Plot = struct("Plot", {
  filename: str,
  size: u8,
  plotId: bytes32,
  poolPublicKey: option(g1),
  poolContractPuzzleHash: option(bytes32),
  plotPublicKey: g1,
  fileSize: u64,
  timeModified: u64,
  compressionLevel: option(u8),
});
/** The value of the struct of this name. */
export type Plot = Infer<typeof Plot>;

/** A plot, with the fields of the new format. */
export const Plot2 = struct("Plot2", {
  filename: str,
  size: u8,
  plotId: bytes32,
  poolPublicKey: option(g1),
  poolContractPuzzleHash: option(bytes32),
  plotPublicKey: g1,
  fileSize: u64,
  timeModified: u64,
  compressionLevel: option(u8),
  plotIndex: u16,
  metaGroup: u8,
});
/** The value of the struct of this name. */
export type Plot2 = Infer<typeof Plot2>;

/**
 * Asks for all plots.
 * Wire (Streamable): 0 bytes.
 */
export const RequestPlots = struct("RequestPlots", {});
/** The value of the struct of this name. */
export type RequestPlots = Infer<typeof RequestPlots>;

/** All plots, and files that failed. */
export const RespondPlots = struct("RespondPlots", {
  plots: list(Plot),
  failedToOpenFilenames: list(str),
  noKeyFilenames: list(str),
});
/** The value of the struct of this name. */
export type RespondPlots = Infer<typeof RespondPlots>;

/** All plots, and files that failed, with the fields of the new format. */
export const RespondPlots2 = struct("RespondPlots2", {
  plots: list(Plot2),
  failedToOpenFilenames: list(str),
  noKeyFilenames: list(str),
});
/** The value of the struct of this name. */
export type RespondPlots2 = Infer<typeof RespondPlots2>;

/** Partial proofs of a new-format plot, for a solver to complete. */
export const PartialProofsData = struct("PartialProofsData", {
  challengeHash: bytes32,
  spHash: bytes32,
  plotIdentifier: str,
  partialProofs: list(PartialProof),
  signagePointIndex: u8,
  plotSize: u8,
  plotIndex: u16,
  metaGroup: u8,
  strength: u8,
  plotId: bytes32,
  poolPublicKey: option(g1),
  poolContractPuzzleHash: option(bytes32),
  plotPublicKey: g1,
});
/** The value of the struct of this name. */
export type PartialProofsData = Infer<typeof PartialProofsData>;
