/**
 * Bytes that come in pieces and become one message. What is held is what is accounted: memory is taken in pieces as bytes
 * arrive, so that a length field alone costs nothing and nothing is copied before the message is whole.
 *
 * @module
 */

/** The largest piece of memory that is taken at a time. */
export const PIECE_BYTES = 64 * 1024;

/** A list of pieces, of which the last one has room. */
export class Gather {
  /** Full pieces, in order. */
  #full: Uint8Array[] = [];
  /** Where the next bytes go, from {@link Gather.tailLength} on. Its room is made by {@link Gather.reserve}. */
  tail: Uint8Array = NOTHING;
  /** How much of {@link Gather.tail} is filled. */
  tailLength = 0;
  #fullBytes = 0;

  /** How many bytes are here. */
  get length(): number {
    return this.#fullBytes + this.tailLength;
  }

  /** How much memory they take, in bytes: less than 64 KiB more than there are bytes. */
  get capacity(): number {
    return this.#fullBytes + this.tail.length;
  }

  /** Makes room at the tail and tells how much there is. `toCome`: how many bytes are still to come, as far as is known. */
  reserve(toCome: number): number {
    const room = this.tail.length - this.tailLength;
    if (room > 0) return room;
    if (this.tail.length > 0) {
      this.#full.push(this.tail);
      this.#fullBytes += this.tail.length;
    }
    // As much as is to come; at least as much as is here, because many small pieces would cost more than their bytes.
    this.tail = new Uint8Array(Math.min(PIECE_BYTES, Math.max(1, toCome, this.#fullBytes)));
    this.tailLength = 0;
    return this.tail.length;
  }

  /** Appends a piece. `toCome`: how many bytes are to come, those of the piece included. */
  append(piece: Uint8Array, toCome: number): void {
    for (let at = 0; at < piece.length;) {
      const bytes = Math.min(this.reserve(toCome - at), piece.length - at);
      this.tail.set(bytes === piece.length ? piece : piece.subarray(at, at + bytes), this.tailLength);
      this.tailLength += bytes;
      at += bytes;
    }
  }

  /** What is here so far. Not a copy when it lies in one piece, as up to 64 KiB do: valid until the next call. */
  peek(): Uint8Array {
    return this.#full.length === 0 ? this.tail.subarray(0, this.tailLength) : this.#joined();
  }

  /** What is here, in memory of exactly that size; the next piece begins anew. */
  take(): Uint8Array {
    const isExact = this.#full.length === 0 && this.tailLength === this.tail.length;
    if (!isExact) {
      const whole = this.#joined();
      this.clear();
      return whole;
    }
    const taken = this.tail;
    this.tail = NOTHING;
    this.tailLength = 0;
    return taken;
  }

  /** Lets go of what is here, and gives the memory back at once. */
  clear(): void {
    for (const piece of this.#full) free(piece);
    free(this.tail);
    this.#full = [];
    this.#fullBytes = 0;
    this.tail = NOTHING;
    this.tailLength = 0;
  }

  #joined(): Uint8Array {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#full) {
      whole.set(piece, at);
      at += piece.length;
    }
    whole.set(this.tail.subarray(0, this.tailLength), at);
    return whole;
  }
}

const NOTHING = new Uint8Array();
/** Less than this is left to the collector. */
const FREED_BYTES_MIN = 4 * 1024;

/**
 * Gives the memory of a piece back. Nobody else has a view of it. Left to the collector it would go much later than a flood
 * fills the next one: buffers count little for its schedule.
 */
function free({ buffer }: Uint8Array): void {
  if (buffer.byteLength >= FREED_BYTES_MIN) (buffer as ArrayBuffer).transfer(0);
}
