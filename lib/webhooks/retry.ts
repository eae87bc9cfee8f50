/**
 * When a delivery that failed is tried again.
 *
 * @module
 */
import type { Random } from "../core/ports.ts";

/** The first wait; each further one is twice as long. */
export const RETRY_MS_MIN = 1_000;
/** The longest wait that is our own. */
export const RETRY_MS_MAX = 5 * 60_000;
/** The longest wait that a receiver may ask for. */
export const RETRY_AFTER_MS_MAX = 60 * 60_000;

/**
 * Milliseconds until the next attempt after so many failures in a row: doubled each time, up to a bound, of which chance
 * takes away up to half, so that many senders do not come at once. At least what the receiver asks for, within reason.
 */
export function retryDelay(failures: number, askedMs: number, random: Random): number {
  const most = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures - 1, 30));
  const own = most - random.below(most / 2 + 1);
  return Math.max(own, Math.min(askedMs, RETRY_AFTER_MS_MAX));
}

/** Milliseconds that a `Retry-After` asks for, as seconds or as a date; 0 where it asks for nothing that can be read. */
export function askedDelay(retryAfter: string | undefined, now: number): number {
  const text = retryAfter?.trim() ?? "";
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1_000;
  // Dates of HTTP begin with the day of the week.
  const date = /^[A-Za-z]/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
