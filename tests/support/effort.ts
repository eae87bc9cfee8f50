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

/**
 * Some of what simulated worlds are tried with: all of it on Bun; in the short run on Deno a third, which the seed draws, and
 * says so. The same world runs alike on both, which has a test of its own.
 */
export function someWorlds<T>(what: string, all: readonly T[]): readonly T[] {
  if (isLong || !("Deno" in globalThis)) return all;
  const some = all.filter((_, i) => (i + seed) % 3 === 0);
  process.stdout.write(`counted: ${what}: ${some.length} of ${all.length} on Deno, all on Bun, seed ${seed}\n`);
  return some;
}
