/**
 * Full nodes and farmers.
 *
 * @module
 */
import {
  DeclareProofOfSpace,
  FarmNewBlockProtocol,
  NewSignagePoint,
  RequestSignedValues,
  SignedValues,
} from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, KiB, message } from "./message.ts";

/** A signage point to look for proofs at. */
export const newSignagePoint = message({
  id: 8,
  name: "new_signage_point",
  body: NewSignagePoint,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(200, 2 * KiB) },
});

/** A proof of space that wins a block, with the farmer's signatures. */
export const declareProofOfSpace = message({
  id: 9,
  name: "declare_proof_of_space",
  body: DeclareProofOfSpace,
  sentBy: [NodeType.FARMER],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(100, 10 * KiB) },
});

/** Asks the farmer to sign the block that was made with its proof. */
export const requestSignedValues = message({
  id: 10,
  name: "request_signed_values",
  body: RequestSignedValues,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(100, 10 * KiB) },
});

/** The signatures that were asked for. */
export const signedValues = message({
  id: 11,
  name: "signed_values",
  body: SignedValues,
  sentBy: [NodeType.FARMER],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(100, 1 * KiB) },
});

/** Asks for a block at once, in simulators. */
export const farmNewBlock = message({
  id: 65,
  name: "farm_new_block",
  body: FarmNewBlockProtocol,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  limits: { v1: aggregated(200, 200) },
});
