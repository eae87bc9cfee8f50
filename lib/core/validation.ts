/**
 * How far a chain was checked. Rising order; nothing is ever reported above what was checked.
 * Numbers are stored in the database and never change meaning.
 *
 * - `headers`: proof of work or header hashes only.
 * - `linkage`: Chia: every hash that binds a block to its parent and its body, and the arithmetic between them.
 * - `structure`: Bitcoin: every block rule that needs no earlier output.
 * - `full`: everything the reference node checks.
 */
export const Validation = { headers: 1, linkage: 2, structure: 3, full: 4 } as const;
/** The name of a level, as RPC and CLI print it. */
export type Validation = keyof typeof Validation;

const NAMES = new Map<number, Validation>(
  Object.entries(Validation).map(([name, number]) => [number, name as Validation]),
);

/** The level of a stored number. @throws RangeError for a number that no level has */
export function validationOf(number: number): Validation {
  const name = NAMES.get(number);
  if (name === undefined) throw new RangeError(`${number} is no level of validation`);
  return name;
}

/**
 * How many blocks of a chain were checked how far: what joins the chain and what leaves it is told, and the least is
 * known without going through the chain.
 */
export class ValidationCounts {
  /** By the level's number. */
  readonly #counts = new Uint32Array(Math.max(...NAMES.keys()) + 1);

  /** A block joined the chain. */
  join(level: Validation): void {
    this.#counts[Validation[level]]! += 1;
  }

  /** A block left the chain. */
  leave(level: Validation): void {
    this.#counts[Validation[level]]! -= 1;
  }

  /** The least level of a block of the chain; undefined when it has none. */
  get least(): Validation | undefined {
    const number = this.#counts.findIndex((count) => count > 0);
    return number < 0 ? undefined : validationOf(number);
  }
}
