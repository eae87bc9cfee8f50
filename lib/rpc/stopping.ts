/**
 * What a call is told that the stop of the node ends.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";

/** The reason with which the signals of running calls abort when the node stops. */
export function stopping(): NodeError {
  return new NodeError("stopped", "self", "the node is stopping");
}

/** Whether a call's signal was aborted because the node stops, and not because its caller has gone. */
export function isStopping({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof NodeError && reason.code === "stopped";
}

/**
 * Why a call failed, whatever it threw: while the node stops, its parts close one after another, and each says so in words
 * of its own (an aborted wait, a closed database, a thread that is gone). Not for answers that a call chose to give.
 */
export function causeOf(thrown: unknown, signal: AbortSignal): unknown {
  return isStopping(signal) ? signal.reason : thrown;
}
