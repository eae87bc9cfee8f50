/**
 * The part of a block that proofs of time do not commit to: rewards, transactions, and the links between blocks.
 *
 * @module
 */
import { bytes32, g2, type Infer, list, option, struct, u32, u64 } from "../streamable/mod.ts";
import { Coin } from "./coin.ts";

/**
 * Where the pool's part of the reward goes, and until which height the pool signed it (0: always).
 * Wire (Streamable): 36 bytes.
 */
export const PoolTarget = struct("PoolTarget", {
  puzzleHash: bytes32,
  maxHeight: u32,
});
/** The value of the struct of this name. */
export type PoolTarget = Infer<typeof PoolTarget>;

/** What the plot signs about a block besides its transactions. */
export const FoliageBlockData = struct("FoliageBlockData", {
  unfinishedRewardBlockHash: bytes32,
  poolTarget: PoolTarget,
  poolSignature: option(g2),
  farmerRewardPuzzleHash: bytes32,
  extensionData: bytes32,
});
/** The value of the struct of this name. */
export type FoliageBlockData = Infer<typeof FoliageBlockData>;

/**
 * The signed part of a block: the previous block, the reward block, and the transaction block if there is one. Its
 * hash is the header hash.
 */
export const Foliage = struct("Foliage", {
  prevBlockHash: bytes32,
  rewardBlockHash: bytes32,
  foliageBlockData: FoliageBlockData,
  foliageBlockDataSignature: g2,
  foliageTransactionBlockHash: option(bytes32),
  foliageTransactionBlockSignature: option(g2),
});
/** The value of the struct of this name. */
export type Foliage = Infer<typeof Foliage>;

/**
 * What a transaction block commits to. `timestamp` is in seconds.
 * Wire (Streamable): 168 bytes.
 */
export const FoliageTransactionBlock = struct("FoliageTransactionBlock", {
  prevTransactionBlockHash: bytes32,
  timestamp: u64,
  filterHash: bytes32,
  additionsRoot: bytes32,
  removalsRoot: bytes32,
  transactionsInfoHash: bytes32,
});
/** The value of the struct of this name. */
export type FoliageTransactionBlock = Infer<typeof FoliageTransactionBlock>;

/**
 * What the transactions of a block amount to: `fees` in mojos, `cost` in CLVM cost, and the rewards of the blocks
 * before.
 */
export const TransactionsInfo = struct("TransactionsInfo", {
  generatorRoot: bytes32,
  generatorRefsRoot: bytes32,
  aggregatedSignature: g2,
  fees: u64,
  cost: u64,
  rewardClaimsIncorporated: list(Coin),
});
/** The value of the struct of this name. */
export type TransactionsInfo = Infer<typeof TransactionsInfo>;
