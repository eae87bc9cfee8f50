/**
 * What full nodes tell each other unasked, and the peers they know.
 *
 * @module
 */
import { bytes, bytes32, type Infer, list, option, struct, u128, u32, u64, u8 } from "../streamable/mod.ts";
import { TimestampedPeerInfo } from "./peer.ts";
import { VDFInfo } from "./vdf.ts";

/**
 * The sender's chain has a new tip.
 * Wire (Streamable): 88 bytes.
 */
export const NewPeak = struct("NewPeak", {
  headerHash: bytes32,
  height: u32,
  weight: u128,
  forkPointWithPreviousPeak: u32,
  unfinishedRewardBlockHash: bytes32,
});
/** The value of the struct of this name. */
export type NewPeak = Infer<typeof NewPeak>;

/**
 * The sender's mempool has a new transaction; `cost` in CLVM cost, `fees` in mojos.
 * Wire (Streamable): 48 bytes.
 */
export const NewTransaction = struct("NewTransaction", {
  transactionId: bytes32,
  cost: u64,
  fees: u64,
});
/** The value of the struct of this name. */
export type NewTransaction = Infer<typeof NewTransaction>;

/**
 * The sender has a new unfinished block.
 * Wire (Streamable): 32 bytes.
 */
export const NewUnfinishedBlock = struct("NewUnfinishedBlock", {
  unfinishedRewardHash: bytes32,
});
/** The value of the struct of this name. */
export type NewUnfinishedBlock = Infer<typeof NewUnfinishedBlock>;

/** The sender has a new unfinished block; tells blocks with the same proof of space apart. */
export const NewUnfinishedBlock2 = struct("NewUnfinishedBlock2", {
  unfinishedRewardHash: bytes32,
  foliageHash: option(bytes32),
});
/** The value of the struct of this name. */
export type NewUnfinishedBlock2 = Infer<typeof NewUnfinishedBlock2>;

/** The sender has a new signage point, or with index 0 the end of a sub-slot. */
export const NewSignagePointOrEndOfSubSlot = struct("NewSignagePointOrEndOfSubSlot", {
  prevChallengeHash: option(bytes32),
  challengeHash: bytes32,
  indexFromChallenge: u8,
  lastRcInfusion: bytes32,
});
/** The value of the struct of this name. */
export type NewSignagePointOrEndOfSubSlot = Infer<typeof NewSignagePointOrEndOfSubSlot>;

/**
 * The sender has a compact proof for a VDF of a block that we may hold with a long one.
 * Wire (Streamable): 177 bytes.
 */
export const NewCompactVDF = struct("NewCompactVDF", {
  height: u32,
  headerHash: bytes32,
  fieldVdf: u8,
  vdfInfo: VDFInfo,
});
/** The value of the struct of this name. */
export type NewCompactVDF = Infer<typeof NewCompactVDF>;

/** Asks for the mempool's transactions but those in `filter`, a BIP-158 filter of transaction ids. */
export const RequestMempoolTransactions = struct("RequestMempoolTransactions", {
  filter: bytes,
});
/** The value of the struct of this name. */
export type RequestMempoolTransactions = Infer<typeof RequestMempoolTransactions>;

/**
 * Asks for addresses of other full nodes.
 * Wire (Streamable): 0 bytes.
 */
export const RequestPeers = struct("RequestPeers", {});
/** The value of the struct of this name. */
export type RequestPeers = Infer<typeof RequestPeers>;

/** Addresses of full nodes. */
export const RespondPeers = struct("RespondPeers", {
  peerList: list(TimestampedPeerInfo),
});
/** The value of the struct of this name. */
export type RespondPeers = Infer<typeof RespondPeers>;
