/**
 * Validating stored blocks again while the node runs: tells how far it is, and begins anew after a failure of our own.
 *
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { ChiaChain } from "../chain/chain.ts";
import type { ValidationProgress } from "../chain/revalidation.ts";

/** What it needs. */
export interface RevalidatingParts {
  readonly chain: ChiaChain;
  readonly clock: Clock;
  readonly notice: (level: "info" | "warning" | "error", text: string) => void;
  /** Hears how far it is: once a minute, and at the end. */
  readonly progress: (progress: ValidationProgress) => void;
  /** Hears when the main chain was taken back, and when nothing is left to be validated. */
  readonly changed: () => void;
}

const RETRY_MS = 60_000;

/** Runs until every block of the main chain was checked as far as the validator checks, or the signal aborts. */
export async function revalidate(parts: RevalidatingParts, signal: AbortSignal): Promise<void> {
  const { chain, clock, notice, progress, changed } = parts;
  while (chain.owed !== undefined && !signal.aborted) {
    try {
      notice("info", `blocks from height ${chain.owed} on are validated again, from our own disk`);
      await chain.revalidate(signal, {
        progress: (now) => {
          notice("info", `stored blocks are validated again: height ${now.height} of ${now.to}`);
          progress(now);
        },
        failed: (height, { error, detail }) => {
          const text = `stored block ${height} is invalid and was taken off with what follows: ${error}, ${detail}`;
          notice("warning", text);
          changed();
        },
      });
      changed();
    } catch (thrown) {
      if (signal.aborted) return;
      notice("error", `stored blocks cannot be validated again: ${messageOf(thrown)}; it is tried again in a minute`);
      await clock.sleep(RETRY_MS, signal).catch(() => {});
    }
  }
}
