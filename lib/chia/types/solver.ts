/**
 * What a solver is asked: it completes partial proofs of new-format plots.
 *
 * @module
 */
import { bytes, bytes32, type Infer, struct, u8 } from "../streamable/mod.ts";
import { PartialProof } from "./proof-of-space.ts";

/**
 * A partial proof to complete.
 * Wire (Streamable): 162 bytes.
 */
export const SolverInfo = struct("SolverInfo", {
  partialProof: PartialProof,
  plotId: bytes32,
  strength: u8,
  size: u8,
});
/** The value of the struct of this name. */
export type SolverInfo = Infer<typeof SolverInfo>;

/** The completed proof. */
export const SolverResponse = struct("SolverResponse", {
  partialProof: PartialProof,
  proof: bytes,
});
/** The value of the struct of this name. */
export type SolverResponse = Infer<typeof SolverResponse>;
