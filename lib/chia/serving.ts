/**
 * Answers to what full nodes and wallets ask of us. What a follower without mempool and coin set does not know is left
 * unanswered, as the protocol allows.
 *
 * @see spec section g
 * @module
 */
import { Writer } from "../codec/writer.ts";
import type { AddressExchange } from "./address-exchange.ts";
import type { ChiaChain } from "./chain/chain.ts";
import { decodeBody } from "./decode-body.ts";
import type { ChiaPeer } from "./peer.ts";
import {
  rejectBlock,
  rejectBlocks,
  requestBlock,
  requestBlocks,
  requestPeers,
  respondBlock,
  respondBlocks,
  respondPeers,
} from "./protocol/mod.ts";
import type { Incoming } from "./session.ts";
import type { ChiaStore } from "./store.ts";
import { FullBlock } from "./types/mod.ts";

/** What serving needs. */
export interface ServingParts {
  readonly chain: ChiaChain;
  readonly store: ChiaStore;
  /** What a peer that asks for addresses is told. */
  readonly addresses: Pick<AddressExchange, "answer">;
  /** Hears that a peer took our tip from us. */
  readonly tipTaken: (peer: ChiaPeer) => void;
}

/** Bytes of blocks in one `respond_blocks`: the message has a bound of 50 MiB, and the rest of it needs some too. */
const RESPONSE_BYTES_MAX = 50 * 1024 * 1024 - 64;

/** The block as `include_transaction_block = false` wants it: without its generator, all else unchanged. */
function withoutGenerator(raw: Uint8Array): Uint8Array {
  const block = FullBlock.decode(raw);
  return FullBlock.encode({ ...block, transactionsGenerator: null, transactionsGeneratorBuffer: null });
}

/** `respond_blocks` put together from stored bytes: no block is decoded to be sent. */
function encodeBlocks(start: number, end: number, blocks: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer(12 + blocks.reduce((sum, block) => sum + block.length, 0));
  writer.u32(start);
  writer.u32(end);
  writer.u32(blocks.length);
  for (const block of blocks) writer.raw(block);
  return writer.finish();
}

/** Answers requests. */
export class Serving {
  readonly #parts: ServingParts;

  constructor(parts: ServingParts) {
    this.#parts = parts;
  }

  /** Handles a message if it is a request that we answer; undefined when it is not. */
  answer(peer: ChiaPeer, incoming: Incoming): Promise<void> | undefined {
    switch (incoming.message.id) {
      case requestBlock.id:
        return this.#block(peer, incoming);
      case requestBlocks.id:
        return this.#blocks(peer, incoming);
      case requestPeers.id:
        return this.#peers(peer, incoming);
    }
    return undefined;
  }

  async #block(peer: ChiaPeer, { data, id }: Incoming): Promise<void> {
    const { height, includeTransactionBlock } = decodeBody(requestBlock, data);
    const hash = await this.#parts.store.hashAt(height);
    const raw = hash === undefined ? undefined : await this.#parts.store.block(hash);
    if (raw === undefined) return await peer.session.send(rejectBlock, { height }, id);
    await peer.session.sendBytes(respondBlock, includeTransactionBlock ? raw : withoutGenerator(raw), id);
    if (includeTransactionBlock) this.#noteTip(peer, height);
  }

  async #blocks(peer: ChiaPeer, { data, id }: Incoming): Promise<void> {
    const { startHeight, endHeight, includeTransactionBlock } = decodeBody(requestBlocks, data);
    const reject = () => peer.session.send(rejectBlocks, { startHeight, endHeight }, id);
    const most = this.#parts.chain.network.constants.MAX_BLOCK_COUNT_PER_REQUESTS;
    const peak = this.#parts.chain.peak?.height ?? -1;
    if (endHeight < startHeight || endHeight - startHeight > most || endHeight > peak) return await reject();
    const stored = await this.#parts.store.mainBlocks(startHeight, endHeight + 1);
    if (stored.length !== endHeight - startHeight + 1) return await reject();
    const blocks = includeTransactionBlock ? stored : stored.map(withoutGenerator);
    if (blocks.reduce((sum, block) => sum + block.length, 0) > RESPONSE_BYTES_MAX) return await reject();
    await peer.session.sendBytes(respondBlocks, encodeBlocks(startHeight, endHeight, blocks), id);
    if (includeTransactionBlock) this.#noteTip(peer, endHeight);
  }

  #noteTip(peer: ChiaPeer, height: number): void {
    const { peak } = this.#parts.chain;
    if (peak?.height !== height) return;
    peer.taken = peak.headerHash;
    this.#parts.tipTaken(peer);
  }

  async #peers(peer: ChiaPeer, { data, id }: Incoming): Promise<void> {
    decodeBody(requestPeers, data);
    await peer.session.send(respondPeers, { peerList: [...this.#parts.addresses.answer(peer)] }, id);
  }
}
