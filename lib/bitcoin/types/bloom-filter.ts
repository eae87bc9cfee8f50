/**
 * Bloom filters of connections that want only some transactions.
 *
 * @see BIP37; Bitcoin Core `common/bloom.cpp`
 * @module
 */
import { Writer } from "../../codec/writer.ts";
import { type Infer, struct, u32, u32Max, u8, varBytes } from "../codec/mod.ts";
import { ScriptReader } from "./script.ts";
import { scriptTemplate } from "./script-template.ts";
import type { Transaction } from "./transaction.ts";
import { type OutPoint, OutPointCodec } from "./transaction-parts.ts";

/** Bytes of a filter (Core's MAX_BLOOM_FILTER_SIZE). */
export const FILTER_BYTES_MAX = 36_000;
/** Hash functions of a filter (Core's MAX_HASH_FUNCS). */
export const FILTER_HASHES_MAX = 50;
/** A Bloom filter as it travels. `tweak` goes into every hash's seed; `flags` as in `BloomUpdate`. */
export const FilterParameters = struct("filter", {
  filter: varBytes(FILTER_BYTES_MAX),
  hashCount: u32Max(FILTER_HASHES_MAX),
  tweak: u32,
  flags: u8,
});
/** A Bloom filter as it travels. */
export type FilterParameters = Infer<typeof FilterParameters>;

/** What a match in an output adds to the filter. The low two bits of `flags`. */
export const BloomUpdate = { NONE: 0, ALL: 1, P2PUBKEY_ONLY: 2 } as const;

/** MurmurHash3 of 32 bits. */
export function murmurHash3(seed: number, data: Uint8Array): number {
  let hash = seed;
  const blocks = data.length >> 2;
  const mix = (k: number) => {
    k = Math.imul(k, 0xcc9e2d51);
    return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  };
  for (let i = 0; i < 4 * blocks; i += 4) {
    hash ^= mix(data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24));
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  let rest = 0;
  for (let i = data.length - 1; i >= 4 * blocks; i--) rest = (rest << 8) | data[i]!;
  hash ^= mix(rest) ^ data.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A filter that answers "certainly not" or "perhaps". Holds its own copy of the bits. */
export class BloomFilter {
  readonly hashCount: number;
  readonly tweak: number;
  readonly flags: number;
  readonly #bits: Uint8Array;

  /** The filter that a peer sent. */
  constructor({ filter, hashCount, tweak, flags }: FilterParameters) {
    this.#bits = filter.slice();
    this.hashCount = hashCount;
    this.tweak = tweak;
    this.flags = flags;
  }

  /** An empty filter for so many elements at a rate of false matches, within the protocol's bounds. */
  static sized(
    { elements, falsePositives, tweak, flags }: {
      readonly elements: number;
      readonly falsePositives: number;
      readonly tweak: number;
      readonly flags: number;
    },
  ): BloomFilter {
    const wished = Math.floor((-elements * Math.log(falsePositives)) / Math.LN2 ** 2);
    const bytes = Math.floor(Math.min(wished, 8 * FILTER_BYTES_MAX) / 8);
    const hashCount = Math.min(Math.floor((8 * bytes * Math.LN2) / elements), FILTER_HASHES_MAX);
    return new BloomFilter({ filter: new Uint8Array(bytes), hashCount, tweak, flags });
  }

  /** As it goes into `filterload`. */
  get parameters(): FilterParameters {
    return { filter: this.#bits.slice(), hashCount: this.hashCount, tweak: this.tweak, flags: this.flags };
  }

  #bit(n: number, data: Uint8Array): number {
    return murmurHash3((Math.imul(n, 0xfba4c795) + this.tweak) >>> 0, data) % (8 * this.#bits.length);
  }

  /** Adds an element. Nothing happens to a filter of no bytes, which matches everything (as in Core). */
  insert(data: Uint8Array): void {
    if (this.#bits.length === 0) return;
    for (let n = 0; n < this.hashCount; n++) {
      const bit = this.#bit(n, data);
      this.#bits[bit >> 3]! |= 1 << (bit & 7);
    }
  }

  /** False only when the element was never added. */
  contains(data: Uint8Array): boolean {
    for (let n = 0; n < this.hashCount && this.#bits.length > 0; n++) {
      const bit = this.#bit(n, data);
      if ((this.#bits[bit >> 3]! & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }

  /** {@link BloomFilter.insert} of an outpoint: txid ‖ index. */
  insertOutPoint(prevout: OutPoint): void {
    this.insert(outPointBytes(prevout));
  }

  /** {@link BloomFilter.contains} of an outpoint. */
  containsOutPoint(prevout: OutPoint): boolean {
    return this.contains(outPointBytes(prevout));
  }

  /**
   * Whether the filter wants a transaction: by its txid, by what its outputs push, or by what its inputs spend or push.
   * An output that matches is added as the flags say, so that its spender matches too.
   */
  matches(transaction: Transaction): boolean {
    let found = this.contains(transaction.txid);
    transaction.outputs.forEach(({ scriptPubKey }, vout) => {
      if (!this.#matchesPush(scriptPubKey)) return;
      found = true;
      if (this.#keeps(scriptPubKey)) this.insertOutPoint({ txid: transaction.txid, vout });
    });
    return found ||
      transaction.inputs.some(({ prevout, scriptSig }) =>
        this.containsOutPoint(prevout) || this.#matchesPush(scriptSig)
      );
  }

  #matchesPush(script: Uint8Array): boolean {
    const reader = new ScriptReader(script);
    while (reader.next()) {
      const { data } = reader;
      if (data.length > 0 && this.contains(data)) return true;
    }
    return false;
  }

  #keeps(scriptPubKey: Uint8Array): boolean {
    const update = this.flags & 3;
    if (update === BloomUpdate.ALL) return true;
    if (update !== BloomUpdate.P2PUBKEY_ONLY) return false;
    const { type } = scriptTemplate(scriptPubKey);
    return type === "pubkey" || type === "multisig";
  }
}

function outPointBytes(prevout: OutPoint): Uint8Array {
  const writer = new Writer(36);
  OutPointCodec.write(writer, prevout);
  return writer.finish();
}
