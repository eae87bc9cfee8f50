/**
 * Answers to what full nodes ask of us, and the end of connections that ask for more.
 *
 * @see spec section g
 * @module
 */
import { Writer } from "../../codec/writer.ts";
import type { UploadTarget } from "../../core/peers/upload-target.ts";
import type { AddressExchange } from "../addresses/exchange.ts";
import type { ChiaChain } from "../chain/chain.ts";
import { decodeBody } from "../peers/decode-body.ts";
import type { ChiaPeer } from "../peers/peer.ts";
import { politeEnd } from "../peers/faults.ts";
import {
  type BodyOf,
  rejectBlock,
  rejectBlocks,
  requestBlock,
  requestBlocks,
  requestPeers,
  respondBlock,
  respondBlocks,
  respondPeers,
} from "../protocol/mod.ts";
import { type ChiaHandler, on } from "../peers/handler.ts";
import type { Incoming } from "../peers/session.ts";
import type { ChiaStore } from "../store.ts";
import { FullBlock } from "../types/mod.ts";

/** What answering needs. */
export interface PeerRequestsParts {
  readonly chain: ChiaChain;
  readonly store: ChiaStore;
  readonly upload: Pick<UploadTarget, "servesOld">;
  /** What a peer that asks for addresses is told. */
  readonly addresses: Pick<AddressExchange, "answer">;
}

/** What new blocks can take in a day at most as a rule: a transaction block of 512 KiB every 52 s. */
const BLOCK_BYTES_PER_DAY = 1_660 * 512 * 1024;
/** Blocks this far below the peak are old ones, for the upload target: about a week. */
const OLD_DEPTH = 7 * 4_608;

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

/**
 * Takes what nothing is answered to. A request that we do not serve ends the connection at once, for no fault: a peer
 * that waits for an answer is better off with another node. A fresh reference node waits 360 s for a weight proof.
 *
 * @throws PeerFault for such a request, and for a body that does not parse
 */
export function refuseRequest({ message, data }: Incoming): void {
  const { name, body, replies } = message;
  if (body !== null) decodeBody({ name, body }, data);
  if (replies().length > 0) throw politeEnd("NOT_SERVED", `asked for ${name}, which is not served here`);
}

/** Answers requests. */
export class PeerRequests {
  readonly #parts: PeerRequestsParts;
  readonly #last = new WeakMap<ChiaPeer, Promise<void>>();

  constructor(parts: PeerRequestsParts) {
    this.#parts = parts;
  }

  /** What handles the requests that we answer. */
  get handlers(): readonly ChiaHandler[] {
    return [
      on(requestBlock, (peer, body, id) => this.#inTurn(peer, () => this.#block(peer, body, id))),
      on(requestBlocks, (peer, body, id) => this.#inTurn(peer, () => this.#blocks(peer, body, id))),
      on(requestPeers, (peer, _, id) => this.#peers(peer, id)),
    ];
  }

  /** One after the other for each peer: answers may be large, and for a peer that does not read them only one is to wait. */
  #inTurn(peer: ChiaPeer, answer: () => Promise<void>): Promise<void> {
    const before = this.#last.get(peer) ?? Promise.resolve();
    const now = before.then(answer, answer);
    this.#last.set(peer, now);
    return now;
  }

  async #block(
    peer: ChiaPeer,
    { height, includeTransactionBlock }: BodyOf<typeof requestBlock>,
    id: number | null,
  ): Promise<void> {
    const hash = this.#serves(peer, height) ? await this.#parts.store.hashAt(height) : undefined;
    const raw = hash === undefined ? undefined : await this.#parts.store.block(hash);
    if (raw === undefined) return await peer.session.send(rejectBlock, { height }, id);
    await peer.session.sendBytes(respondBlock, includeTransactionBlock ? raw : withoutGenerator(raw), id);
  }

  async #blocks(
    peer: ChiaPeer,
    { startHeight, endHeight, includeTransactionBlock }: BodyOf<typeof requestBlocks>,
    id: number | null,
  ): Promise<void> {
    const reject = () => peer.session.send(rejectBlocks, { startHeight, endHeight }, id);
    const most = this.#parts.chain.network.constants.MAX_BLOCK_COUNT_PER_REQUESTS;
    const peak = this.#parts.chain.peak?.height ?? -1;
    if (endHeight < startHeight || endHeight - startHeight > most || endHeight > peak) return await reject();
    if (!this.#serves(peer, startHeight)) return await reject();
    const stored = await this.#parts.store.mainBlocks(startHeight, endHeight + 1);
    if (stored.length !== endHeight - startHeight + 1) return await reject();
    const blocks = includeTransactionBlock ? stored : stored.map(withoutGenerator);
    if (blocks.reduce((sum, block) => sum + block.length, 0) > RESPONSE_BYTES_MAX) return await reject();
    await peer.session.sendBytes(respondBlocks, encodeBlocks(startHeight, endHeight, blocks), id);
  }

  /** Whether the upload target allows for a block, or does not hold for the peer. */
  #serves(peer: ChiaPeer, height: number): boolean {
    const depth = (this.#parts.chain.peak?.height ?? 0) - height;
    return depth < OLD_DEPTH || peer.may("download") || this.#parts.upload.servesOld(BLOCK_BYTES_PER_DAY);
  }

  async #peers(peer: ChiaPeer, id: number | null): Promise<void> {
    await peer.session.send(respondPeers, { peerList: [...this.#parts.addresses.answer(peer)] }, id);
  }
}
