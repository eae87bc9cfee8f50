/**
 * Blocks of our own, and what they spent: for those who look at blocks that are connected.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Coin } from "../coins/coin.ts";
import { spentByInput } from "../coins/spent.ts";
import type { SpentCoin } from "../coins/undo.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { BitcoinStore } from "../store.ts";
import { Block } from "../types/block.ts";
import type { CoinState } from "./coins.ts";
import type { ChainCommit } from "./commit.ts";

/** What blocks are read from. */
export interface BlockReading {
  readonly headers: HeaderChain;
  readonly commit: Pick<ChainCommit, "rawOf">;
  readonly store: Pick<BitcoinStore, "block">;
}

/** What they, and what they spent, are read from. */
export interface StoredBlocksParts extends BlockReading {
  readonly coins: Pick<CoinState, "spentBy"> | undefined;
}

/** The blocks of one chain. */
export class StoredBlocks {
  readonly #parts: StoredBlocksParts;

  constructor(parts: StoredBlocksParts) {
    this.#parts = parts;
  }

  /** A block that is stored or waits to be; undefined when it is neither. @throws NodeError `DATABASE_DAMAGED` */
  read(row: number): Promise<Block | undefined> {
    return read(this.#parts, row);
  }

  /** Its bytes, for those who pass them on: the store keeps the last of these at hand. @throws as {@link read} does */
  async bytes(row: number): Promise<Uint8Array | undefined> {
    return this.#parts.commit.rawOf(row) ?? await this.#parts.store.block(row);
  }

  /** See {@link CoinState.spentBy}; undefined where no coins are kept. Genesis spends nothing. */
  async spentBy(row: number, block: Block): Promise<readonly SpentCoin[] | undefined> {
    return row === 0 ? [] : await this.#parts.coins?.spentBy(row, block);
  }

  /**
   * For each transaction of a block but the coinbase, in order, the outputs that its inputs spend; undefined when nobody
   * knows them, as for {@link StoredBlocks.spentBy}.
   */
  async spentByInput(row: number, block: Block): Promise<readonly (readonly Coin[])[] | undefined> {
    const outside = await this.spentBy(row, block);
    return outside && spentByInput(block, this.#parts.headers.height(row), outside);
  }
}

async function read({ commit, store }: BlockReading, row: number): Promise<Block | undefined> {
  const raw = commit.rawOf(row) ?? await store.block(row, true);
  return raw && Block.decode(raw);
}

/** A block that is needed. @throws NodeError `BLOCK_PRUNED`, `DATABASE_DAMAGED` */
export async function neededBlock(parts: BlockReading, row: number): Promise<Block> {
  const block = await read(parts, row);
  if (block !== undefined) return block;
  const text = `the block at height ${parts.headers.height(row)} is not stored any more`;
  throw new NodeError("BLOCK_PRUNED", "self", text);
}
