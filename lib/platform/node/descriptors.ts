/**
 * File descriptors: how many the process may have, and how many are left. Linux tells; elsewhere nothing is known and
 * nothing is bounded by it. Both runtimes raise the soft limit to the hard one when they start.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** A count is good for so long, unless there is plenty. */
const COUNT_AGE_MS = 50;
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

/** One more was taken than at the last count. */
export function takeDescriptor(): void {
  left -= 1;
}

/** How many may still be opened, counted often enough to be a bound; infinite where that is not known. */
export function descriptorsLeft(): number {
  const now = performance.now();
  const age = now - countedAt;
  if (age < (left > PLENTY ? PLENTY_AGE_MS : COUNT_AGE_MS)) return left;
  countedAt = now;
  const limit = descriptorLimit();
  try {
    left = limit === undefined ? Infinity : limit - openNow();
  } catch {
    // Not even the folder can be opened.
    left = 0;
  }
  return left;
}
