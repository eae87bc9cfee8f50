/**
 * Scripts: whether inputs may spend their outputs.
 *
 * @module
 */
export { type InputFailure, ScriptBatch } from "./batch.ts";
export { CHECKS_MAX, DeferringChecker, ImmediateChecker, type SignatureChecker } from "./checker.ts";
export { type CombineParts, combineSignatures } from "./combine.ts";
export { SCRIPT_ERROR_TEXTS, type ScriptError } from "./errors.ts";
export { ALL_FLAGS, checkFlags, NO_FLAGS, ScriptFlag, type ScriptFlagName } from "./flags.ts";
export { legacyDigest } from "./sighash-legacy.ts";
export { taprootDigest, type TaprootExtra, witnessV0Digest } from "./sighash-witness.ts";
export { sigOpCost } from "./sigops.ts";
export { SpendingTransaction } from "./spending-transaction.ts";
export { verifyInput } from "./verify-input.ts";
export { verifyTransaction } from "./verify-transaction.ts";
