/**
 * A cache of byte strings with a bound in bytes; the least recently used goes first.
 *
 * @module
 */
import { ownBytes } from "../codec/own.ts";

/** Bytes under text keys, at most `bytesMax` together. A value larger than a quarter of the bound is not kept. */
export class ByteCache {
  readonly #entries = new Map<string, Uint8Array>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    if (!(bytesMax >= 0)) throw new RangeError("bytesMax must not be negative");
    this.#bytesMax = bytesMax;
  }

  /** Bytes of all values that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value, which becomes the most recently used. */
  get(key: string): Uint8Array | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    // A Map keeps insertion order: to delete and set again is to move to the end.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Keeps the value, in memory of its own, and drops the oldest until all fit. */
  set(key: string, value: Uint8Array): void {
    this.delete(key);
    if (value.length * 4 > this.#bytesMax) return;
    this.#entries.set(key, ownBytes(value));
    this.#bytes += value.length;
    for (const [oldest, dropped] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#entries.delete(oldest);
      this.#bytes -= dropped.length;
    }
  }

  /** Forgets one value. */
  delete(key: string): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= value.length;
  }
}
