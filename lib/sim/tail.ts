/**
 * How much of a message a node has begun to read: counted from outside, from the bytes that its sockets gave it, so that
 * what the node says of itself can be held against it.
 *
 * @module
 */

/** What is left over at the end of the bytes so far. */
export interface Tail {
  /** Bytes of the message that has begun and not ended, its envelope included. */
  readonly bytes: number;
  push(chunk: Uint8Array): void;
}

/** Bytes of messages that each begin with a head which tells the length. */
export class FramedTail implements Tail {
  bytes = 0;
  readonly #head: number[] = [];
  readonly #lengthOf: (head: readonly number[]) => number | undefined;
  #length: number | undefined;

  /** @param lengthOf the length of a message, head included, as soon as its head tells it */
  constructor(lengthOf: (head: readonly number[]) => number | undefined) {
    this.#lengthOf = lengthOf;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#length === undefined) {
        this.#head.push(chunk[at++]!);
        this.bytes += 1;
        this.#length = this.#lengthOf(this.#head);
      } else {
        const more = Math.min(chunk.length - at, this.#length - this.bytes);
        at += more;
        this.bytes += more;
      }
      if (this.#length === undefined || this.bytes < this.#length) continue;
      this.#head.length = this.bytes = 0;
      this.#length = undefined;
    }
  }
}
