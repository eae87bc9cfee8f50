/**
 * One branch of the header tree by height.
 *
 * @module
 */
import type { HeaderSource } from "./difficulty.ts";

const ROWS_MIN = 1_024;

/** The rows of the chain that ends at a tip. Moving the tip costs as much as the branches differ. */
export class HeightIndex {
  readonly #source: HeaderSource;
  /** Valid up to {@link top}. */
  #rows = new Int32Array(ROWS_MIN);
  #tip = 0;
  #top = 0;

  /** Starts at row 0, the genesis header. */
  constructor(source: HeaderSource) {
    this.#source = source;
  }

  /** Row of the last header. */
  get tip(): number {
    return this.#tip;
  }

  /** Height of the last header. */
  get top(): number {
    return this.#top;
  }

  get byteLength(): number {
    return this.#rows.byteLength;
  }

  /** The row at `height`; −1 above the tip. */
  at(height: number): number {
    return height >= 0 && height <= this.#top ? this.#rows[height]! : -1;
  }

  /** Goes over to the chain that ends at `row`. */
  setTip(row: number): void {
    const source = this.#source;
    const top = source.height(row);
    if (top >= this.#rows.length) {
      const grown = new Int32Array(Math.max(top + 1, Math.ceil(this.#rows.length * 1.5)));
      grown.set(this.#rows);
      this.#rows = grown;
    }
    let at = row;
    for (let height = top; height > this.#top || this.#rows[height] !== at; height--) {
      this.#rows[height] = at;
      at = source.parent(at);
    }
    this.#tip = row;
    this.#top = top;
  }
}
