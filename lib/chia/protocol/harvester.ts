/**
 * Farmers and harvesters.
 *
 * @module
 */
import {
  FarmingInfo,
  HarvesterHandshake,
  NewProofOfSpace,
  NewSignagePointHarvester2,
  PartialProofsData,
  RequestPlots,
  RequestSignatures,
  RespondPlots,
  RespondPlots2,
  RespondSignatures,
} from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, KiB, message, MiB, separate } from "./message.ts";

/** The keys whose plots the harvester should use. */
export const harvesterHandshake = message({
  id: 3,
  name: "harvester_handshake",
  body: HarvesterHandshake,
  sentBy: [NodeType.FARMER],
  handledBy: [NodeType.HARVESTER],
  limits: { v1: aggregated(5, 1 * MiB) },
});

/** A proof of space that is good enough. */
export const newProofOfSpace = message({
  id: 5,
  name: "new_proof_of_space",
  body: NewProofOfSpace,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(100, 2 * KiB) },
});

/** Asks for signatures by a plot's key. */
export const requestSignatures = message({
  id: 6,
  name: "request_signatures",
  body: RequestSignatures,
  sentBy: [NodeType.FARMER],
  handledBy: [NodeType.HARVESTER],
  limits: { v1: aggregated(100, 2 * KiB) },
});

/** The signatures that were asked for, by hash. */
export const respondSignatures = message({
  id: 7,
  name: "respond_signatures",
  body: RespondSignatures,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(100, 2 * KiB) },
});

/** Statistics of one lookup; `lookupTime` in milliseconds. */
export const farmingInfo = message({
  id: 12,
  name: "farming_info",
  body: FarmingInfo,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(100, 1 * KiB) },
});

/** A signage point, with what the filter of new plots needs. */
export const newSignagePointHarvester = message({
  id: 66,
  name: "new_signage_point_harvester",
  body: NewSignagePointHarvester2,
  sentBy: [NodeType.FARMER],
  handledBy: [NodeType.HARVESTER],
  limits: { v1: aggregated(100, 4886) },
});

/** Asks for all plots. */
export const requestPlots = message({
  id: 67,
  name: "request_plots",
  body: RequestPlots,
  sentBy: [NodeType.FARMER],
  handledBy: [NodeType.HARVESTER],
  limits: { v1: aggregated(10, 10 * MiB) },
});

/** All plots, and files that failed. */
export const respondPlots = message({
  id: 68,
  name: "respond_plots",
  body: RespondPlots,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(10, 100 * MiB) },
});

/** Partial proofs of a new-format plot, for a solver to complete. */
export const partialProofs = message({
  id: 110,
  name: "partial_proofs",
  body: PartialProofsData,
  sentBy: [NodeType.HARVESTER],
  handledBy: [],
  limits: { v1: separate(120, 3 * KiB) },
});

/** All plots, and files that failed, with the fields of the new format. */
export const respondPlots2 = message({
  id: 113,
  name: "respond_plots2",
  body: RespondPlots2,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(10, 100 * MiB) },
});
