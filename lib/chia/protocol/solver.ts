/**
 * Farmers and solvers.
 *
 * @module
 */
import { SolverInfo, SolverResponse } from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { KiB, message, separate } from "./message.ts";

/** The completed proof. */
export const solutionResponse = message({
  id: 108,
  name: "solution_response",
  body: SolverResponse,
  sentBy: [NodeType.SOLVER],
  handledBy: [],
  limits: { v1: separate(120, 1 * KiB) },
});

/** A partial proof to complete. */
export const solve = message({
  id: 109,
  name: "solve",
  body: SolverInfo,
  sentBy: [NodeType.FARMER],
  handledBy: [NodeType.SOLVER],
  limits: { v1: separate(120, 1 * KiB) },
});
