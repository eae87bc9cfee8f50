/**
 * Coins and what spends them.
 *
 * @module
 */
import { bool, bytes32, g2, type Infer, list, option, Program, struct, u32, u64 } from "../streamable/mod.ts";

/**
 * An amount of mojos (10^-12 XCH) locked by a puzzle. Its id is not the hash of these bytes: the amount is hashed
 * as a minimal signed integer.
 * Wire (Streamable): 72 bytes.
 */
export const Coin = struct("Coin", {
  parentCoinInfo: bytes32,
  puzzleHash: bytes32,
  amount: u64,
});
/** The value of the struct of this name. */
export type Coin = Infer<typeof Coin>;

/** A coin with the heights at which it was made and spent, as wallets get it. */
export const CoinState = struct("CoinState", {
  coin: Coin,
  spentHeight: option(u32),
  createdHeight: option(u32),
});
/** The value of the struct of this name. */
export type CoinState = Infer<typeof CoinState>;

/**
 * A coin as the coin store has it; `spentBlockIndex` is 0 while unspent, `timestamp` is in seconds.
 * Wire (Streamable): 89 bytes.
 */
export const CoinRecord = struct("CoinRecord", {
  coin: Coin,
  confirmedBlockIndex: u32,
  spentBlockIndex: u32,
  coinbase: bool,
  timestamp: u64,
});
/** The value of the struct of this name. */
export type CoinRecord = Infer<typeof CoinRecord>;

/** A coin, the program that locks it and the argument that opens it. */
export const CoinSpend = struct("CoinSpend", {
  coin: Coin,
  puzzleReveal: Program,
  solution: Program,
});
/** The value of the struct of this name. */
export type CoinSpend = Infer<typeof CoinSpend>;

/** A transaction: spends and one signature over all of them. Its hash is the transaction id. */
export const SpendBundle = struct("SpendBundle", {
  coinSpends: list(CoinSpend),
  aggregatedSignature: g2,
});
/** The value of the struct of this name. */
export type SpendBundle = Infer<typeof SpendBundle>;

/**
 * Which coins `RequestPuzzleState` asks for; `minAmount` in mojos.
 * Wire (Streamable): 11 bytes.
 */
export const CoinStateFilters = struct("CoinStateFilters", {
  includeSpent: bool,
  includeUnspent: bool,
  includeHinted: bool,
  minAmount: u64,
});
/** The value of the struct of this name. */
export type CoinStateFilters = Infer<typeof CoinStateFilters>;
