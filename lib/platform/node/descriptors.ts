/**
 * File descriptors: how many the process may have, and how many are left. Linux tells; elsewhere nothing is known and
 * nothing is bounded by it. Both runtimes raise the soft limit to the hard one when they start.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** A count is good for so long, and for so many times as long as it took to make, unless there is plenty. */
const COUNT_AGE_MS = 2;
const COUNT_AGE_COSTS = 20;
/** With so many left nothing needs to be counted again for a second. */
const PLENTY = 1_024;
const PLENTY_AGE_MS = 1_000;

/** The most descriptors that the process may have; undefined where that is not known. */
export function descriptorLimit(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

function openNow(): number {
  // Less the one that reads the folder.
  return readdirSync("/proc/self/fd").length - 1;
}

let left = Infinity;
let countedAt = -Infinity;
let countMs = 0;

/** One more was taken than at the last count. */
export function takeDescriptor(): void {
  left -= 1;
}

/** How many may still be opened, counted often enough to be a bound; infinite where that is not known. */
export function descriptorsLeft(): number {
  const now = performance.now();
  const age = now - countedAt;
  if (age < (left > PLENTY ? PLENTY_AGE_MS : Math.max(COUNT_AGE_MS, COUNT_AGE_COSTS * countMs))) return left;
  countedAt = now;
  const limit = descriptorLimit();
  try {
    left = limit === undefined ? Infinity : limit - openNow();
  } catch {
    // Not even the folder can be opened.
    left = 0;
  }
  countMs = performance.now() - now;
  return left;
}

/** Ports that keep places for themselves, and how many of these are not taken. */
const reserved = new Map<object, () => number>();

/** Keeps places for the connections of one port. `untaken`: how many of them are not taken. Gives what ends it. */
export function reserveDescriptors(untaken: () => number): () => void {
  const key = {};
  reserved.set(key, untaken);
  return () => void reserved.delete(key);
}

/** How many are kept for the ports that have places of their own. */
export function descriptorsReserved(): number {
  let sum = 0;
  for (const untaken of reserved.values()) sum += untaken();
  return sum;
}
