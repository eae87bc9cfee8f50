/**
 * Golomb–Rice coding: a sorted set of numbers as the differences between neighbours, each in about as many bits as its
 * size needs. The bit stream begins with the highest bit of its first byte.
 *
 * @see BIP158, "Golomb-Coded Sets"
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import type { Reader } from "../../codec/reader.ts";

/** Writes bits. */
class BitWriter {
  readonly #bytes: number[] = [];
  #partial = 0;
  #free = 8;

  /** The lowest `count` bits of `value`, highest first; `count` at most 31. */
  write(value: number, count: number): void {
    let left = count;
    while (left > 0) {
      const taken = Math.min(left, this.#free);
      const bits = (value >>> (left - taken)) & ((1 << taken) - 1);
      this.#free -= taken;
      this.#partial |= bits << this.#free;
      left -= taken;
      if (this.#free === 0) this.#flush();
    }
  }

  /** The bytes, the last one filled up with zeros. */
  finish(): Uint8Array {
    if (this.#free < 8) this.#flush();
    return Uint8Array.from(this.#bytes);
  }

  #flush(): void {
    this.#bytes.push(this.#partial);
    this.#partial = 0;
    this.#free = 8;
  }
}

/**
 * Codes numbers that are sorted in rising order (equal ones may follow each other). `p` is how many low bits of a
 * difference are written as they are; the rest is counted in ones.
 */
export function encodeGolomb(sorted: ArrayLike<number>, p: number): Uint8Array {
  const writer = new BitWriter();
  const unit = 2 ** p;
  let last = 0;
  for (let i = 0; i < sorted.length; i++) {
    const difference = sorted[i]! - last;
    last = sorted[i]!;
    let quotient = Math.floor(difference / unit);
    for (; quotient >= 16; quotient -= 16) writer.write(0xffff, 16);
    // The ones that are left, and the zero that ends them.
    writer.write((1 << (quotient + 1)) - 2, quotient + 1);
    writer.write(difference % unit, p);
  }
  return writer.finish();
}

/**
 * Reads `count` numbers and moves the reader over the bytes that they end in. The memory is bounded by the bytes that
 * are there, whatever `count` says. Throws {@link CodecError} `count` when so many cannot be in them, `short` when the
 * bits run out.
 */
export function decodeGolomb(reader: Reader, count: number, p: number): Float64Array {
  const { bytes, offset, end } = reader;
  const bitsLeft = (end - offset) * 8;
  if (count * (p + 1) > bitsLeft) {
    throw new CodecError("count", `${count} elements cannot be in ${end - offset} bytes`, offset);
  }
  const unit = 2 ** p;
  const values = new Float64Array(count);
  let at = offset;
  let partial = 0;
  /** Bits of `partial` that were not read yet; they are its lowest. */
  let have = 0;
  let last = 0;
  for (let i = 0; i < count; i++) {
    let quotient = 0;
    for (;;) {
      if (have === 0) {
        if (at === end) throw new CodecError("short", "the bits end within an element", at);
        partial = bytes[at++]!;
        have = 8;
      }
      // Leading ones of what is left of this byte, counted at once.
      const ones = Math.min(have, Math.clz32(~(partial << (32 - have))));
      quotient += ones;
      have -= ones;
      if (have > 0) break;
    }
    have--;
    let rest = 0;
    let need = p;
    while (need > 0) {
      if (have === 0) {
        if (at === end) throw new CodecError("short", "the bits end within an element", at);
        partial = bytes[at++]!;
        have = 8;
      }
      const taken = Math.min(need, have);
      have -= taken;
      need -= taken;
      rest = (rest << taken) | ((partial >>> have) & ((1 << taken) - 1));
    }
    last += quotient * unit + rest;
    values[i] = last;
  }
  reader.offset = at;
  return values;
}
