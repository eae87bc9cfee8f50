/**
 * The chain of filter headers beside the active chain of blocks, in memory and in the store: 32 bytes a block.
 *
 * @see BIP157, "Filter Headers"
 * @module
 */
import { type Bytes32, equalBytes } from "../../codec/sized.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import { ZERO_HASH } from "../hash.ts";
import { buildBasicFilter, filterHash, filterHeader } from "../filters/mod.ts";
import { Block } from "../types/mod.ts";
import type { LightStep, LightStore } from "./store.ts";

const BYTES = 32;

/** Filter headers by height, from genesis up. What leaves the active chain leaves here too. */
export class FilterChain {
  readonly #chain: BitcoinChain;
  readonly #store: LightStore;
  #bytes = new Uint8Array(1_024 * BYTES);
  #length = 0;

  private constructor(chain: BitcoinChain, store: LightStore) {
    this.#chain = chain;
    this.#store = store;
  }

  /**
   * Opens it where the store stands. An empty store gets the genesis block's, which needs nobody's word. `shared` is the
   * height up to which it follows the active chain: what is above belongs to blocks that left, and is for the caller to
   * drop.
   */
  static async load(
    chain: BitcoinChain,
    store: LightStore,
  ): Promise<{ readonly filters: FilterChain; readonly shared: number }> {
    const filters = new FilterChain(chain, store);
    for await (const page of store.filterHeaders()) filters.#append(page);
    const { headers, network } = chain;
    const genesis = Block.decode(network.genesis.blockBytes);
    const first = filterHeader(filterHash(buildBasicFilter(genesis, []).bytes), ZERO_HASH);
    const tipHash = await store.tipHash();
    const row = tipHash === undefined ? -1 : headers.find(tipHash);
    const isSound = row >= 0 && filters.#length === headers.height(row) + 1 && equalBytes(filters.at(0), first);
    if (!isSound) {
      filters.#length = 0;
      filters.#append(first);
      const anew = { startHeight: 0, bytes: first, tipHash: network.genesis.hash };
      await store.commit({ undone: { above: 0 }, rewind: 0, filterHeaders: anew });
      return { filters, shared: 0 };
    }
    return { filters, shared: headers.height(headers.commonAncestor(row, chain.tip)) };
  }

  /** Height of the last filter header. */
  get height(): number {
    return this.#length - 1;
  }

  /** The filter header at a height. @throws RangeError when there is none */
  at(height: number): Bytes32 {
    if (!(height >= 0 && height < this.#length)) throw new RangeError(`there is no filter header at ${height}`);
    return this.#bytes.slice(height * BYTES, (height + 1) * BYTES);
  }

  /** Whether a filter is the one that the header at `height` commits to. */
  commitsTo(height: number, filterBytes: Uint8Array): boolean {
    const previous = height === 0 ? ZERO_HASH : this.at(height - 1);
    return equalBytes(filterHeader(filterHash(filterBytes), previous), this.at(height));
  }

  /** Adds the headers after the last, durably. `row` is the block of the last of them. */
  async append(added: readonly Uint8Array[], row: number): Promise<void> {
    const startHeight = this.#length;
    for (const each of added) this.#append(each);
    const bytes = this.#bytes.slice(startHeight * BYTES, this.#length * BYTES);
    await this.#store.commit({ filterHeaders: { startHeight, bytes, tipHash: this.#chain.headers.hash(row) } });
  }

  /** Drops all headers above a height at once, and gives the part of a step that makes it durable. */
  cut(height: number): Pick<LightStep, "filterHeaders"> {
    if (height >= this.height) return {};
    this.#length = height + 1;
    const row = this.#chain.activeAt(height);
    return {
      filterHeaders: { startHeight: height + 1, bytes: new Uint8Array(), tipHash: this.#chain.headers.hash(row) },
    };
  }

  #append(bytes: Uint8Array): void {
    const at = this.#length * BYTES;
    if (at + bytes.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(at + bytes.length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, at);
    this.#length += bytes.length / BYTES;
  }
}
