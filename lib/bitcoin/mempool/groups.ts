/**
 * Transactions that hang together.
 *
 * @module
 */

/** Items by their indices, each in one group, which one of them stands for; with what a group comes to. */
export class Groups {
  readonly count: number[];
  readonly weight: number[];
  readonly #above: number[];

  /** Each item is a group by itself. */
  constructor(items: readonly { readonly weight: number }[]) {
    this.count = items.map(() => 1);
    this.weight = items.map(({ weight }) => weight);
    this.#above = items.map((_, i) => i);
  }

  /** What stands for the group of an item. */
  of(item: number): number {
    let at = item;
    while (this.#above[at] !== at) {
      // Half of the way is left out the next time.
      at = this.#above[at] = this.#above[this.#above[at]!]!;
    }
    return at;
  }

  /** Puts the groups of two items together. */
  join(a: number, b: number): void {
    const [from, into] = [this.of(a), this.of(b)];
    if (from === into) return;
    this.#above[from] = into;
    this.count[into]! += this.count[from]!;
    this.weight[into]! += this.weight[from]!;
  }
}
