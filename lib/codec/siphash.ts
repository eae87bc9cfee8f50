/**
 * SipHash-2-4, the keyed hash of block filters, address tables and gossip. Written over halves of 32 bits: numbers of that
 * size stay in registers, big integers would be made anew at each step.
 *
 * @see Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012)
 * @module
 */

/** A key of four 32-bit words, low word first. */
export type SipKey = readonly [number, number, number, number];

/** One hash after another, so that nothing is allocated for any of them. The state is v0 … v3, each in two halves. */
class State {
  #v0l = 0;
  #v0h = 0;
  #v1l = 0;
  #v1h = 0;
  #v2l = 0;
  #v2h = 0;
  #v3l = 0;
  #v3h = 0;
  /** The result of {@link finish}, in halves. */
  low = 0;
  high = 0;

  begin([k0l, k0h, k1l, k1h]: SipKey): void {
    // The constants spell "somepseudorandomlygeneratedbytes".
    this.#v0l = k0l ^ 0x70736575;
    this.#v0h = k0h ^ 0x736f6d65;
    this.#v1l = k1l ^ 0x6e646f6d;
    this.#v1h = k1h ^ 0x646f7261;
    this.#v2l = k0l ^ 0x6e657261;
    this.#v2h = k0h ^ 0x6c796765;
    this.#v3l = k1l ^ 0x79746573;
    this.#v3h = k1h ^ 0x74656462;
  }

  /** Takes eight bytes of the message. */
  absorb(low: number, high: number): void {
    this.#v3l ^= low;
    this.#v3h ^= high;
    this.#rounds(2);
    this.#v0l ^= low;
    this.#v0h ^= high;
  }

  finish(): void {
    this.#v2l ^= 0xff;
    this.#rounds(4);
    this.low = (this.#v0l ^ this.#v1l ^ this.#v2l ^ this.#v3l) >>> 0;
    this.high = (this.#v0h ^ this.#v1h ^ this.#v2h ^ this.#v3h) >>> 0;
  }

  #rounds(count: number): void {
    let v0l = this.#v0l >>> 0, v0h = this.#v0h, v1l = this.#v1l >>> 0, v1h = this.#v1h;
    let v2l = this.#v2l >>> 0, v2h = this.#v2h, v3l = this.#v3l >>> 0, v3h = this.#v3h;
    let sum = 0, kept = 0;
    for (let i = 0; i < count; i++) {
      // A carry shows itself as a sum that does not fit into 32 bits.
      sum = v0l + v1l;
      v0h = (v0h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0;
      v0l = sum >>> 0;
      kept = v1l;
      v1l = ((v1l << 13) | (v1h >>> 19)) ^ v0l;
      v1h = ((v1h << 13) | (kept >>> 19)) ^ v0h;
      v1l >>>= 0;
      kept = v0l;
      v0l = v0h >>> 0;
      v0h = kept;

      sum = v2l + v3l;
      v2h = (v2h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0;
      v2l = sum >>> 0;
      kept = v3l;
      v3l = (((v3l << 16) | (v3h >>> 16)) ^ v2l) >>> 0;
      v3h = ((v3h << 16) | (kept >>> 16)) ^ v2h;

      sum = v0l + v3l;
      v0h = (v0h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0;
      v0l = sum >>> 0;
      kept = v3l;
      v3l = (((v3l << 21) | (v3h >>> 11)) ^ v0l) >>> 0;
      v3h = ((v3h << 21) | (kept >>> 11)) ^ v0h;

      sum = v2l + v1l;
      v2h = (v2h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0;
      v2l = sum >>> 0;
      kept = v1l;
      v1l = (((v1l << 17) | (v1h >>> 15)) ^ v2l) >>> 0;
      v1h = ((v1h << 17) | (kept >>> 15)) ^ v2h;
      kept = v2l;
      v2l = v2h >>> 0;
      v2h = kept;
    }
    this.#v0l = v0l;
    this.#v0h = v0h;
    this.#v1l = v1l;
    this.#v1h = v1h;
    this.#v2l = v2l;
    this.#v2h = v2h;
    this.#v3l = v3l;
    this.#v3h = v3h;
  }
}

const state = new State();

/** SipHash-2-4 of a message under a key. The result is below 2^64. */
export function sipHash24(key: SipKey, message: Uint8Array): bigint {
  absorbAll(key, message);
  return (BigInt(state.high) << 32n) | BigInt(state.low);
}

/**
 * SipHash-2-4 of a message in halves, for those who hash by the thousand: the lower 32 bits become `into[at]`, the upper
 * ones `into[at + 1]`.
 */
export function sipHash24Into(key: SipKey, message: Uint8Array, into: Uint32Array, at: number): void {
  absorbAll(key, message);
  into[at] = state.low;
  into[at + 1] = state.high;
}

function absorbAll(key: SipKey, message: Uint8Array): void {
  const whole = message.length & ~7;
  state.begin(key);
  for (let at = 0; at < whole; at += 8) state.absorb(wordAt(message, at), wordAt(message, at + 4));
  // Bytes past the end count as zero; the last byte of all is the length.
  state.absorb(wordAt(message, whole), wordAt(message, whole + 4) | (message.length << 24));
  state.finish();
}

/**
 * The upper 53 bits of SipHash-2-4 as a whole number, of the first `count` 32-bit words as a message, little-endian: for
 * those who compare hashes by the thousand and need no particular one.
 */
export function sipHash24Words(key: SipKey, words: Uint32Array, count = words.length): number {
  state.begin(key);
  let at = 0;
  for (; at + 1 < count; at += 2) state.absorb(words[at]!, words[at + 1]!);
  // A word that is left over shares the last block with the length in bytes.
  state.absorb(at < count ? words[at]! : 0, (count * 4) << 24);
  state.finish();
  return state.high * 2 ** 21 + (state.low >>> 11);
}

/**
 * SipHash-2-4 of many messages of 32 bytes, one straight loop with its state in local variables: compact blocks hash all
 * ids of a mempool. Message `i` is eight little-endian words from `8 * (first + i)` on; its hash goes to `low[i]` and
 * `high[i]`.
 */
export function sipHash24Ids(
  [k0l, k0h, k1l, k1h]: SipKey,
  words: Uint32Array,
  first: number,
  count: number,
  low: Uint32Array,
  high: Uint32Array,
): void {
  for (let i = 0; i < count; i++) {
    const at = 8 * (first + i);
    let v0l = k0l ^ 0x70736575, v0h = k0h ^ 0x736f6d65, v1l = k1l ^ 0x6e646f6d, v1h = k1h ^ 0x646f7261;
    let v2l = k0l ^ 0x6e657261, v2h = k0h ^ 0x6c796765, v3l = k1l ^ 0x79746573, v3h = k1h ^ 0x74656462;
    let sum = 0, kept = 0;
    // Four blocks of the message, one with its length in bytes, and the end, which absorbs nothing.
    for (let block = 0; block < 6; block++) {
      const l = block < 4 ? words[at + 2 * block]! | 0 : 0;
      const h = block < 4 ? words[at + 2 * block + 1]! | 0 : block === 4 ? 32 << 24 : 0;
      if (block === 5) v2l ^= 0xff;
      v3l ^= l;
      v3h ^= h;
      for (let round = block === 5 ? 4 : 2; round > 0; round--) {
        // The carry is worked out from bits: numbers that are compared as unsigned would not stay in 32 bits.
        sum = (v0l + v1l) | 0;
        v0h = (v0h + v1h + (((v0l & v1l) | ((v0l | v1l) & ~sum)) >>> 31)) | 0;
        v0l = sum;
        kept = v1l;
        v1l = ((v1l << 13) | (v1h >>> 19)) ^ v0l;
        v1h = ((v1h << 13) | (kept >>> 19)) ^ v0h;
        kept = v0l;
        v0l = v0h;
        v0h = kept;

        sum = (v2l + v3l) | 0;
        v2h = (v2h + v3h + (((v2l & v3l) | ((v2l | v3l) & ~sum)) >>> 31)) | 0;
        v2l = sum;
        kept = v3l;
        v3l = ((v3l << 16) | (v3h >>> 16)) ^ v2l;
        v3h = ((v3h << 16) | (kept >>> 16)) ^ v2h;

        sum = (v0l + v3l) | 0;
        v0h = (v0h + v3h + (((v0l & v3l) | ((v0l | v3l) & ~sum)) >>> 31)) | 0;
        v0l = sum;
        kept = v3l;
        v3l = ((v3l << 21) | (v3h >>> 11)) ^ v0l;
        v3h = ((v3h << 21) | (kept >>> 11)) ^ v0h;

        sum = (v2l + v1l) | 0;
        v2h = (v2h + v1h + (((v2l & v1l) | ((v2l | v1l) & ~sum)) >>> 31)) | 0;
        v2l = sum;
        kept = v1l;
        v1l = ((v1l << 17) | (v1h >>> 15)) ^ v2l;
        v1h = ((v1h << 17) | (kept >>> 15)) ^ v2h;
        kept = v2l;
        v2l = v2h;
        v2h = kept;
      }
      v0l ^= l;
      v0h ^= h;
    }
    low[i] = v0l ^ v1l ^ v2l ^ v3l;
    high[i] = v0h ^ v1h ^ v2h ^ v3h;
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}
