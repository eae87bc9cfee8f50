/**
 * A queue of single bits.
 *
 * @module
 */

const BYTES_MIN = 64;

/** First in, first out; eight bits a byte. What was taken out is not given back before all is. */
export class BitQueue {
  #bytes = new Uint8Array(BYTES_MIN);
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  push(bit: boolean): void {
    if (this.#to === this.#bytes.length * 8) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    if (bit) this.#bytes[this.#to >> 3]! |= 1 << (this.#to & 7);
    this.#to++;
  }

  /** Takes the oldest bit. @throws RangeError when there is none */
  shift(): boolean {
    if (this.length === 0) throw new RangeError("no bit is left");
    const bit = (this.#bytes[this.#from >> 3]! >> (this.#from & 7)) & 1;
    this.#from++;
    return bit === 1;
  }

  /** How many bytes a queue holds at most after `bits` pushes. */
  static bytesFor(bits: number): number {
    let bytes = BYTES_MIN;
    while (bytes * 8 < bits) bytes *= 2;
    return bytes;
  }
}
