/**
 * Full nodes and timelords.
 *
 * @module
 */
import {
  NewEndOfSubSlotVDF,
  NewInfusionPointVDF,
  NewPeakTimelord,
  NewSignagePointVDF,
  NewUnfinishedBlockTimelord,
  RequestCompactProofOfTime,
  RespondCompactProofOfTime,
} from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, KiB, message } from "./message.ts";

/** The chain has a new tip to build on. */
export const newPeakTimelord = message({
  id: 13,
  name: "new_peak_timelord",
  body: NewPeakTimelord,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.TIMELORD],
  limits: { v1: aggregated(100, 20 * KiB) },
});

/** A block that waits for its proofs of time. */
export const newUnfinishedBlockTimelord = message({
  id: 14,
  name: "new_unfinished_block_timelord",
  body: NewUnfinishedBlockTimelord,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.TIMELORD],
  limits: { v1: aggregated(100, 10 * KiB) },
});

/** The proofs of time of a block's infusion point. */
export const newInfusionPointVdf = message({
  id: 15,
  name: "new_infusion_point_vdf",
  body: NewInfusionPointVDF,
  sentBy: [NodeType.TIMELORD],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(100, 100 * KiB) },
});

/** The proofs of time of a signage point. */
export const newSignagePointVdf = message({
  id: 16,
  name: "new_signage_point_vdf",
  body: NewSignagePointVDF,
  sentBy: [NodeType.TIMELORD],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(100, 100 * KiB) },
});

/** The proofs of time of the end of a sub-slot. */
export const newEndOfSubSlotVdf = message({
  id: 17,
  name: "new_end_of_sub_slot_vdf",
  body: NewEndOfSubSlotVDF,
  sentBy: [NodeType.TIMELORD],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(100, 100 * KiB) },
});

/** Asks a timelord for a compact proof. */
export const requestCompactProofOfTime = message({
  id: 18,
  name: "request_compact_proof_of_time",
  body: RequestCompactProofOfTime,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.TIMELORD],
  limits: { v1: aggregated(100, 10 * KiB) },
});

/** The compact proof that was asked for. */
export const respondCompactProofOfTime = message({
  id: 19,
  name: "respond_compact_proof_of_time",
  body: RespondCompactProofOfTime,
  sentBy: [NodeType.TIMELORD],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(100, 100 * KiB) },
});
