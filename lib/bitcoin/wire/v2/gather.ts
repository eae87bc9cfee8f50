/**
 * Bytes that come in pieces.
 *
 * @module
 */

/** A buffer has this much room at first, and more only as bytes arrive: a length field alone must not cost megabytes. */
const FIRST_ALLOCATION_BYTES = 64 * 1024;

/** Collects a known number of bytes in memory that is at most about twice what came. */
export class Gather {
  #bytes = new Uint8Array();
  #length = 0;

  /** How many bytes are here. */
  get length(): number {
    return this.#length;
  }

  /** Appends a piece. `total` is how many bytes there will be at most. */
  append(piece: Uint8Array, total: number): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, Math.min(total, Math.max(FIRST_ALLOCATION_BYTES, 2 * length))));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** What is here so far, without a copy: valid until the next call. */
  peek(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What is here; the memory goes with it and the next piece begins anew. */
  take(): Uint8Array {
    // Memory that is mostly empty would live as long as the payload in it.
    const taken = this.#length * 2 < this.#bytes.length ? this.#bytes.slice(0, this.#length) : this.peek();
    this.#bytes = new Uint8Array();
    this.#length = 0;
    return taken;
  }
}
