/**
 * Which implementation of heavy arithmetic runs. `wide`: emitted WebAssembly with wide-arithmetic instructions; `plain`:
 * the same without them; `portable`: a library in plain JavaScript. They give the same verdicts.
 *
 * @module
 */
import { hasWideArithmetic } from "./assembler/mod.ts";

/** The implementations, quickest first. */
export const ENGINES = ["wide", "plain", "portable"] as const;
/** One of {@link ENGINES}. */
export type Engine = (typeof ENGINES)[number];

/** Why an implementation was passed over. */
export interface EngineTrouble {
  readonly engine: Engine;
  readonly message: string;
}

/** How one is chosen. */
export interface EngineOptions<T> {
  /** This one and no quicker one; the quickest that works when absent. */
  readonly from?: Engine;
  readonly make: (engine: Engine) => T;
  /** Known answers: throws when the implementation gives another. */
  readonly selfTest: (made: T) => void;
  /** Hears of one that could not be made, or whose answers were wrong. */
  readonly onTrouble?: (trouble: EngineTrouble) => void;
}

/**
 * Makes the quickest implementation that works here and whose known answers are right: the instructions are new in engines,
 * and a wrong verdict costs more than a slow one.
 *
 * @throws the error of the last one when none works
 */
export function chooseEngine<T>({ from = "wide", make, selfTest, onTrouble }: EngineOptions<T>): T {
  let failure: unknown;
  for (const engine of ENGINES.slice(ENGINES.indexOf(from))) {
    if (engine === "wide" && !hasWideArithmetic()) continue;
    try {
      const made = make(engine);
      selfTest(made);
      return made;
    } catch (thrown) {
      failure = thrown;
      onTrouble?.({ engine, message: thrown instanceof Error ? thrown.message : String(thrown) });
    }
  }
  throw failure;
}
