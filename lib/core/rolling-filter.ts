/**
 * What has been seen lately, in little memory: a Bloom filter that forgets the oldest. Its answer may be wrong by saying
 * that something was seen, as seldom as it is told to be.
 *
 * It is a row of Bloom filters, the newest of which takes what comes. Those behind it are kept as long as the others have
 * not enough by themselves. The first ones are small, so that a filter in which little was put costs little.
 *
 * @see Bitcoin Core `common/bloom.h` (CRollingBloomFilter), which keeps two generations or three in one field of bits
 * @module
 */
import { sipHash24Into, type SipKey } from "../codec/siphash.ts";
import type { Random } from "./ports.ts";

/** What the first generation takes. */
const FIRST_ITEMS = 128;
/** Each generation errs so many times less often than the whole, since several are asked. */
const SHARES = 8;

interface Generation {
  readonly words: Uint32Array;
  readonly bits: number;
  readonly itemsMax: number;
  items: number;
}

/** The two halves of an item's hash. */
const halves = new Uint32Array(2);

/** The filter. */
export class RollingFilter {
  readonly #itemsMax: number;
  readonly #hashes: number;
  readonly #random: Random;
  /** The newest is the last. */
  #generations: Generation[] = [];
  #key: SipKey;
  #bytes = 0;

  /**
   * @param itemsMax how many of the latest items it knows for certain; it may know half as many more
   * @param falsePositives how often it takes an item for known that is not: 0.000001 is one of a million
   */
  constructor(itemsMax: number, falsePositives: number, random: Random) {
    this.#itemsMax = itemsMax;
    this.#hashes = Math.ceil(Math.log2(SHARES / falsePositives));
    this.#random = random;
    this.#key = drawKey(random);
  }

  /** Bytes of memory that it has taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes an item in. */
  add(item: Uint8Array): void {
    sipHash24Into(this.#key, item, halves, 0);
    const generation = this.#room();
    const { words, bits } = generation;
    for (let i = 0; i < this.#hashes; i++) {
      const bit = bitOf(i, bits);
      words[bit >>> 5]! |= 1 << (bit & 31);
    }
    generation.items += 1;
  }

  /** False only when an item is not among the latest. */
  has(item: Uint8Array): boolean {
    if (this.#generations.length === 0) return false;
    sipHash24Into(this.#key, item, halves, 0);
    return this.#generations.some((generation) => this.#isIn(generation));
  }

  /** Forgets everything, and which items it takes for others. */
  clear(): void {
    if (this.#generations.length === 0) return;
    this.#generations = [];
    this.#bytes = 0;
    this.#key = drawKey(this.#random);
  }

  /** Whether the item of {@link halves} is in a generation. */
  #isIn({ words, bits }: Generation): boolean {
    for (let i = 0; i < this.#hashes; i++) {
      const bit = bitOf(i, bits);
      if ((words[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  /** The generation that takes the next item. */
  #room(): Generation {
    const newest = this.#generations.at(-1);
    if (newest !== undefined && newest.items < newest.itemsMax) return newest;
    const half = Math.ceil(this.#itemsMax / 2);
    const itemsMax = Math.min(newest === undefined ? FIRST_ITEMS : newest.itemsMax * 2, half);
    const bits = Math.ceil((itemsMax * this.#hashes) / Math.LN2);
    const next = { words: new Uint32Array(Math.ceil(bits / 32)), bits, itemsMax, items: 0 };
    const kept = [...this.#generations, next];
    let items = kept.reduce((sum, each) => sum + each.items, 0);
    while (items - kept[0]!.items >= this.#itemsMax) items -= kept.shift()!.items;
    this.#generations = kept;
    this.#bytes = kept.reduce((sum, { words }) => sum + words.byteLength, 0);
    return next;
  }
}

/** The bit of the n-th hash of the item of {@link halves}: numbers in equal steps, mixed as MurmurHash3 ends. */
function bitOf(n: number, bits: number): number {
  let hash = (halves[0]! + Math.imul(n, halves[1]! | 1)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return Math.floor((((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32) * bits);
}

function drawKey(random: Random): SipKey {
  const word = () => random.below(2 ** 32);
  return [word(), word(), word(), word()];
}
