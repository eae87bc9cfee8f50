/**
 * Finds where the parts of a transaction are, without making anything of them. This is what decoding a block costs, so
 * it walks the bytes with plain numbers; a test holds it equal to another implementation.
 *
 * @see Bitcoin Core `primitives/transaction.h`, UnserializeTransaction; BIP144
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { COMPACT_SIZE_MAX } from "../codec/compact-size.ts";

/** An input: outpoint 36 ‖ empty script 1 ‖ sequence 4. */
const INPUT_BYTES_MIN = 41;
/** An output: value 8 ‖ empty script 1. */
const OUTPUT_BYTES_MIN = 9;

/**
 * A cursor over serialised transactions. {@link TransactionScanner.next} moves it over one and leaves the offsets of its
 * parts in the fields: `version 4 ‖ (marker, flag) ‖ inputs ‖ outputs ‖ (witnesses) ‖ lock time 4`.
 */
export class TransactionScanner {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Position of the next transaction. */
  at: number;
  /** Where the transaction starts. */
  start = 0;
  /** Where the count of inputs is. */
  inputs = 0;
  /** Where the count of outputs is. */
  outputs = 0;
  /** Where the witnesses start, or the lock time when there are none: one past the last output. */
  witness = 0;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /**
   * Moves over one transaction. Without `allowWitness` a transaction of no inputs is read as such, where otherwise its
   * count of inputs would be the marker of the extended form. Throws {@link CodecError}.
   */
  next(allowWitness: boolean): void {
    const { bytes } = this;
    this.start = this.at;
    this.#skip(4, "version");
    this.inputs = this.at;
    let count = this.#count(INPUT_BYTES_MIN, "inputs");
    let extended = false;
    if (count === 0 && allowWitness) {
      if (this.at >= this.end) throw this.#short(1, "flags");
      const flags = bytes[this.at]!;
      if (flags === 0) {
        // Neither inputs nor outputs: the flags' byte is the count of outputs.
        this.outputs = this.at++;
        this.witness = this.at;
        this.#skip(4, "lockTime");
        return;
      }
      if (flags !== 1) throw new CodecError("witness", `unknown flags ${flags}`, this.at).within("flags");
      extended = true;
      this.inputs = ++this.at;
      count = this.#count(INPUT_BYTES_MIN, "inputs");
    }
    for (let i = 0; i < count; i++) this.#script(36, 4, "inputs", "scriptSig", i);
    this.outputs = this.at;
    const outputCount = this.#count(OUTPUT_BYTES_MIN, "outputs");
    for (let i = 0; i < outputCount; i++) this.#script(8, 0, "outputs", "scriptPubKey", i);
    this.witness = this.at;
    if (extended) this.#witnesses(count);
    this.#skip(4, "lockTime");
  }

  #witnesses(inputCount: number): void {
    let empty = true;
    for (let i = 0; i < inputCount; i++) {
      const items = this.#count(1, "inputs", i, "witness");
      if (items > 0) empty = false;
      for (let k = 0; k < items; k++) this.#script(0, 0, "inputs", "witness", i, k);
    }
    if (empty) throw new CodecError("witness", "the flag of witnesses without one", this.witness).within("flags");
  }

  /** Moves over `before` bytes, a CompactSize, as many bytes as it says, and `after` bytes. */
  #script(before: number, after: number, list: string, field: string, i: number, k = -1): void {
    const from = this.at + before;
    let to = from + 1 + after;
    if (to <= this.end) {
      const first = this.bytes[from]!;
      if (first < 0xfd) {
        to += first;
        if (to <= this.end) {
          this.at = to;
          return;
        }
      } else {
        this.at = from;
        const length = this.#size(list, i, field, k);
        to = this.at + length + after;
        if (to <= this.end) {
          this.at = to;
          return;
        }
      }
    }
    throw place(this.#short(to - this.end), list, i, field, k);
  }

  #skip(length: number, field: string): void {
    const to = this.at + length;
    if (to > this.end) throw this.#short(to - this.end, field);
    this.at = to;
  }

  /** A count of elements of at least `bytesMin` bytes each. */
  #count(bytesMin: number, list: string, i = -1, field = ""): number {
    const { at } = this;
    const count = this.#size(list, i, field, -1);
    if (count * bytesMin > this.end - this.at) {
      const left = this.end - this.at;
      throw place(new CodecError("count", `${count} elements cannot be in ${left} bytes`, at), list, i, field, -1);
    }
    return count;
  }

  /** A CompactSize. */
  #size(list: string, i: number, field: string, k: number): number {
    const { bytes, at } = this;
    if (at >= this.end) throw place(this.#short(1), list, i, field, k);
    const first = bytes[at]!;
    if (first < 0xfd) {
      this.at = at + 1;
      return first;
    }
    const width = first === 0xfd ? 2 : first === 0xfe ? 4 : 8;
    const next = at + 1 + width;
    if (next > this.end) throw place(this.#short(next - this.end), list, i, field, k);
    let value = bytes[at + 1]! | (bytes[at + 2]! << 8);
    let least = 0xfd;
    if (width >= 4) {
      value = (value | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 24)) >>> 0;
      least = 0x1_0000;
    }
    if (width === 8) {
      for (let b = 0; b < 4; b++) value += bytes[at + 5 + b]! * 2 ** (32 + 8 * b);
      least = 0x1_0000_0000;
    }
    if (value < least) {
      throw place(new CodecError("minimal", `${value} in a longer form than it needs`, at), list, i, field, k);
    }
    if (value > COMPACT_SIZE_MAX) throw place(new CodecError("count", `a length of ${value}`, at), list, i, field, k);
    this.at = next;
    return value;
  }

  #short(missing: number, field?: string): CodecError {
    const error = new CodecError("short", `${missing} ${missing === 1 ? "byte" : "bytes"} short`, this.at);
    return field === undefined ? error : error.within(field);
  }
}

/** Puts `list[i].field[k]` into the error's path, leaving out what is -1 or empty. */
function place(error: CodecError, list: string, i: number, field: string, k: number): CodecError {
  if (k >= 0) error.within(`[${k}]`);
  if (field !== "") error.within(field);
  if (i >= 0) error.within(`[${i}]`);
  return error.within(list);
}
