/**
 * What running a block's generator or a spend comes to, as chia_rs reports it.
 *
 * @module
 */
import {
  bool,
  bytes,
  bytes32,
  g1,
  type Infer,
  list,
  option,
  struct,
  tuple,
  u128,
  u32,
  u64,
} from "../streamable/mod.ts";

/** The conditions of one spend. `flags` are chia_rs's; heights are blocks, seconds are seconds, amounts mojos. */
export const SpendConditions = struct("SpendConditions", {
  coinId: bytes32,
  parentId: bytes32,
  puzzleHash: bytes32,
  coinAmount: u64,
  heightRelative: option(u32),
  secondsRelative: option(u64),
  beforeHeightRelative: option(u32),
  beforeSecondsRelative: option(u64),
  birthHeight: option(u32),
  birthSeconds: option(u64),
  createCoin: list(tuple(bytes32, u64, option(bytes))),
  aggSigMe: list(tuple(g1, bytes)),
  aggSigParent: list(tuple(g1, bytes)),
  aggSigPuzzle: list(tuple(g1, bytes)),
  aggSigAmount: list(tuple(g1, bytes)),
  aggSigPuzzleAmount: list(tuple(g1, bytes)),
  aggSigParentAmount: list(tuple(g1, bytes)),
  aggSigParentPuzzle: list(tuple(g1, bytes)),
  flags: u32,
  executionCost: u64,
  conditionCost: u64,
  atomCount: u64,
  pairCount: u64,
  fingerprint: bytes,
});
/** The value of the struct of this name. */
export type SpendConditions = Infer<typeof SpendConditions>;

/**
 * The conditions of a whole generator: spends, costs, and the limits on height and time that all of them together
 * set.
 */
export const SpendBundleConditions = struct("SpendBundleConditions", {
  spends: list(SpendConditions),
  reserveFee: u64,
  heightAbsolute: u32,
  secondsAbsolute: u64,
  beforeHeightAbsolute: option(u32),
  beforeSecondsAbsolute: option(u64),
  aggSigUnsafe: list(tuple(g1, bytes)),
  cost: u64,
  removalAmount: u128,
  additionAmount: u128,
  validatedSignature: bool,
  executionCost: u64,
  conditionCost: u64,
  numAtoms: u32,
  numPairs: u32,
  heapSize: u32,
});
/** The value of the struct of this name. */
export type SpendBundleConditions = Infer<typeof SpendBundleConditions>;
