/**
 * What is drawn at random: orders and waits.
 *
 * @module
 */
import type { Random } from "./ports.ts";

/** The items in an order drawn at random, each order as likely as any other (Fisher and Yates, from the last one down). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T];
  }
  return mixed;
}

/** A random wait with this mean, in milliseconds, of an exponential distribution: nobody can foresee it. */
export function poissonDelay(meanMs: number, below: (bound: number) => number): number {
  const resolution = 2 ** 32;
  return Math.round(-Math.log((below(resolution) + 1) / (resolution + 1)) * meanMs);
}
