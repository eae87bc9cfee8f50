/**
 * Fee estimates.
 *
 * @module
 */
import { type Infer, list, option, str, struct, u64 } from "../streamable/mod.ts";

/**
 * A price: mojos for a unit of CLVM cost.
 * Wire (Streamable): 8 bytes.
 */
export const FeeRate = struct("FeeRate", {
  mojosPerClvmCost: u64,
});
/** The value of the struct of this name. */
export type FeeRate = Infer<typeof FeeRate>;

/** The price to be in a block at `timeTarget` (unix seconds), or why there is none. */
export const FeeEstimate = struct("FeeEstimate", {
  error: option(str),
  timeTarget: u64,
  estimatedFeeRate: FeeRate,
});
/** The value of the struct of this name. */
export type FeeEstimate = Infer<typeof FeeEstimate>;

/** Several estimates, or why there are none. */
export const FeeEstimateGroup = struct("FeeEstimateGroup", {
  error: option(str),
  estimates: list(FeeEstimate),
});
/** The value of the struct of this name. */
export type FeeEstimateGroup = Infer<typeof FeeEstimateGroup>;
