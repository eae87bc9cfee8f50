/**
 * How much of a long test is run: a seeded sample in `tests/run.sh`, the full count in `tests/long.sh`. Each says what
 * it ran in a line `counted: …`, which the runner prints.
 */
import process from "node:process";

/** Whether the full counts are wanted. */
export const isLong = process.env.GEMEL_LONG === "1";

/** The seed of every sample. `GEMEL_SEED` sets another. */
export const seed = Number(process.env.GEMEL_SEED ?? 20_260_401);

/** `sample` or, in the long run, `full`; prints which. */
export function effort(what: string, sample: number, full: number): number {
  const count = isLong ? full : sample;
  process.stdout.write(`counted: ${what}: ${count}${isLong ? "" : ` of ${full} in the long run`}, seed ${seed}\n`);
  return count;
}
