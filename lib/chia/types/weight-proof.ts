/**
 * Weight proofs: the evidence that a chain is the heaviest, without all its blocks.
 *
 * @module
 */
import { type Infer, list, struct } from "../streamable/mod.ts";
import { HeaderBlock } from "./header.ts";
import { SubEpochChallengeSegment, SubEpochData } from "./sub-epoch.ts";

/** The last headers of a chain. */
export const RecentChainData = struct("RecentChainData", {
  recentChainData: list(HeaderBlock),
});
/** The value of the struct of this name. */
export type RecentChainData = Infer<typeof RecentChainData>;

/** Every sub-epoch's data, sampled segments and the recent headers. */
export const WeightProof = struct("WeightProof", {
  subEpochs: list(SubEpochData),
  subEpochSegments: list(SubEpochChallengeSegment),
  recentChainData: list(HeaderBlock),
});
/** The value of the struct of this name. */
export type WeightProof = Infer<typeof WeightProof>;
