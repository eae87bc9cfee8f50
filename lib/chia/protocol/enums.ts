/**
 * Numbers of the protocol that have names. On the wire each is a plain u8; a name may be unknown to an older node.
 *
 * @module
 */

/** What a node is, as handshakes tell it. */
export const NodeType = {
  FULL_NODE: 1,
  HARVESTER: 2,
  FARMER: 3,
  TIMELORD: 4,
  INTRODUCER: 5,
  WALLET: 6,
  DATA_LAYER: 7,
  SOLVER: 8,
} as const;
/** A number of {@linkcode NodeType}. */
export type NodeType = typeof NodeType[keyof typeof NodeType];

/** What a node can do, as handshakes tell it. */
export const Capability = {
  BASE: 1,
  BLOCK_HEADERS: 2,
  RATE_LIMITS_V2: 3,
  NONE_RESPONSE: 4,
  MEMPOOL_UPDATES: 5,
  HARD_FORK_2: 6,
  RATE_LIMITS_V3: 7,
} as const;
/** A number of {@linkcode Capability}. */
export type Capability = typeof Capability[keyof typeof Capability];

/** What became of a transaction that was sent. */
export const MempoolInclusionStatus = {
  SUCCESS: 1,
  PENDING: 2,
  FAILED: 3,
} as const;
/** A number of {@linkcode MempoolInclusionStatus}. */
export type MempoolInclusionStatus = typeof MempoolInclusionStatus[keyof typeof MempoolInclusionStatus];

/** Why a transaction left the mempool. */
export const MempoolRemoveReason = {
  CONFLICT: 1,
  BLOCK_INCLUSION: 2,
  POOL_FULL: 3,
  EXPIRED: 4,
} as const;
/** A number of {@linkcode MempoolRemoveReason}. */
export type MempoolRemoveReason = typeof MempoolRemoveReason[keyof typeof MempoolRemoveReason];

/** Why a request for coin or puzzle state is refused. */
export const RejectStateReason = {
  REORG: 0,
  EXCEEDED_SUBSCRIPTION_LIMIT: 1,
} as const;
/** A number of {@linkcode RejectStateReason}. */
export type RejectStateReason = typeof RejectStateReason[keyof typeof RejectStateReason];

/** Which VDF of a block a compact proof is for. (EOS: end of sub-slot, SP: signage point, IP: infusion point.) */
export const CompressibleVDFField = {
  CC_EOS_VDF: 1,
  ICC_EOS_VDF: 2,
  CC_SP_VDF: 3,
  CC_IP_VDF: 4,
} as const;
/** A number of {@linkcode CompressibleVDFField}. */
export type CompressibleVDFField = typeof CompressibleVDFField[keyof typeof CompressibleVDFField];

/** What a plot is asked to sign. */
export const SigningDataKind = {
  FOLIAGE_BLOCK_DATA: 1,
  FOLIAGE_TRANSACTION_BLOCK: 2,
  CHALLENGE_CHAIN_VDF: 3,
  REWARD_CHAIN_VDF: 4,
  CHALLENGE_CHAIN_SUB_SLOT: 5,
  REWARD_CHAIN_SUB_SLOT: 6,
  PARTIAL: 7,
} as const;
/** A number of {@linkcode SigningDataKind}. */
export type SigningDataKind = typeof SigningDataKind[keyof typeof SigningDataKind];
