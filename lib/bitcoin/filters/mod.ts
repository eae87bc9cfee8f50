/**
 * Compact block filters: BIP158's sets, BIP157's chain of their headers, and who is right when peers differ over it.
 *
 * @module
 */
export {
  buildBasicFilter,
  filteredOutputs,
  filterHash,
  filterHeader,
  filterHeaders,
  isFilteredOutput,
} from "./basic.ts";
export {
  type Difference,
  type DisputeNeed,
  type DisputeOptions,
  disputeOverCheckpoints,
  type DisputeReason,
  FilterDispute,
  type FilterHeaderClaim,
  type Finding,
  firstDifference,
} from "./dispute.ts";
export { type FilterFlaw, FilterWitness, PROVEN_FLAWS, spentScriptOf } from "./evidence.ts";
export { FILTER_BYTES_MAX, FILTER_M, FILTER_P, GcsFilter } from "./gcs-filter.ts";
