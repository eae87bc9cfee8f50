/**
 * Answers to what peers ask of us: headers, blocks, addresses.
 *
 * @see spec sections a.5, f.4 (serving); Bitcoin Core `net_processing.cpp`
 * @module
 */
import type { UploadTarget } from "../../core/peers/upload-target.ts";
import type { AddressExchange } from "../addresses/exchange.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import type { CompactSending } from "../compact/sending.ts";
import { HEADERS_MAX } from "../headers/header-batch.ts";
import { findFork, rowsAfter } from "../headers/locator.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { disconnecting, misbehaving } from "../peers/faults.ts";
import { type BitcoinHandler, on } from "../peers/handler.ts";
import { Block, type Inventory, type InventoryBatch, InvType } from "../types/mod.ts";
import {
  type AnyMessage,
  Block as BlockMessage,
  BlockTxn,
  type BodyOf,
  FilterAdd,
  FilterClear,
  FilterLoad,
  GetAddr,
  GetBlocks,
  GetBlockTxn,
  GetData,
  GetHeaders,
  HeadersMessage,
  headersPayload,
  Inv,
  MemPool,
  NotFound,
  Tx,
} from "../wire/mod.ts";
import { isServed } from "./served.ts";

/** What has the transactions that peers may ask for. */
export interface TransactionSource {
  /**
   * The bytes of a transaction in the form that is asked for; undefined when the peer is not to have it, and `silence` when
   * it is told not even that.
   */
  find(peer: BitcoinPeer, asked: Inventory): Uint8Array | undefined | "silence";
  /** A peer wants to hear of all that there are. */
  announceAll(peer: BitcoinPeer): void;
}

/** What answering needs. */
export interface PeerRequestsParts {
  readonly chain: BitcoinChain;
  readonly minimumWork: bigint;
  /** Whether only recent blocks are offered (NODE_NETWORK_LIMITED without NODE_NETWORK), by now. */
  readonly isPruned: () => boolean;
  readonly addresses: AddressExchange;
  readonly upload: Pick<UploadTarget, "servesOld">;
  /** Absent where no transactions are relayed. */
  readonly transactions?: TransactionSource | undefined;
  /** What gives blocks in compact form. */
  readonly compact: CompactSending;
}

/** What new blocks can take in a day at most, a full one every ten minutes: Core keeps so much of an upload target back. */
export const BLOCK_BYTES_PER_DAY = 144 * 4_000_000;
/** Blocks older than this are old ones, for the upload target. */
const OLD_SECONDS = 7 * 86_400;

/** Blocks in the answer to `getblocks`. */
const BLOCKS_MAX = 500;
/** How deep a block may be that is asked of a pruned node (BIP159, with two blocks of leeway). */
const LIMITED_DEPTH = 288 + 2;
/** Transactions of blocks deeper than this are not given one by one. */
const BLOCKTXN_DEPTH = 10;

/** Answers requests. */
export class PeerRequests {
  readonly #parts: PeerRequestsParts;
  /** Where an inventory of {@link BLOCKS_MAX} blocks ended that we sent. */
  readonly #continueAt = new WeakMap<BitcoinPeer, number>();

  constructor(parts: PeerRequestsParts) {
    this.#parts = parts;
  }

  /** What handles the requests. For what we do not offer the peer is disconnected, as by Core. */
  get handlers(): readonly BitcoinHandler[] {
    return [
      on(GetHeaders, (peer, body) => this.#headers(peer, body)),
      on(GetBlocks, (peer, body) => this.#blocks(peer, body)),
      on<unknown, InventoryBatch>(GetData, (peer, asked) => this.#data(peer, asked)),
      on(GetBlockTxn, (peer, body) => this.#blockTransactions(peer, body)),
      on(GetAddr, (peer) => this.#parts.addresses.answer(peer)),
      on(MemPool, (peer) => {
        const { transactions } = this.#parts;
        // It is not offered to everybody.
        if (transactions === undefined || !peer.may("mempool")) throw noBloom(MemPool);
        transactions.announceAll(peer);
      }),
      ...[FilterLoad, FilterAdd, FilterClear].map((message) =>
        on<unknown>(message, () => {
          throw noBloom(message);
        })
      ),
    ];
  }

  async #headers(peer: BitcoinPeer, { locator, stop }: BodyOf<typeof GetHeaders>): Promise<void> {
    const { chain, minimumWork } = this.#parts;
    const { headers } = chain;
    let rows: number[] = [];
    const isReady = headers.work(chain.tip) >= minimumWork || peer.may("download");
    if (isReady && locator.length === 0) {
      const row = headers.find(stop);
      if (row < 0 || !isServed(chain, row)) return;
      rows = [row];
    } else if (isReady) {
      const most = chain.network.headersPerMessage ?? HEADERS_MAX;
      rows = rowsAfter(headers, chain.tip, findFork(headers, chain.tip, locator), stop, most);
    }
    const last = rows.at(-1) ?? chain.tip;
    peer.knowledge.receives(headers, last);
    // As they are kept: a full answer has two thousand of them.
    await peer.session.sendBytes(HeadersMessage, headersPayload(rows.length, (i) => headers.headerBytes(rows[i]!)));
  }

  async #blocks(peer: BitcoinPeer, { locator, stop }: BodyOf<typeof GetBlocks>): Promise<void> {
    const { chain } = this.#parts;
    const { headers } = chain;
    const fork = findFork(headers, chain.tip, locator);
    const rows = rowsAfter(headers, chain.tip, fork, stop, BLOCKS_MAX).filter((row) => chain.hasData(row));
    if (rows.length === 0) return;
    // When it fetches the last of these, it is told of the tip, and asks on.
    if (rows.length === BLOCKS_MAX) this.#continueAt.set(peer, rows.at(-1) ?? -1);
    const inventory = rows.map((row) => ({ type: InvType.BLOCK, hash: headers.hash(row) }));
    await peer.session.send(Inv, { inventory });
  }

  /** One entry after the other, each waited for: a peer that does not read holds up only itself. */
  async #data(peer: BitcoinPeer, asked: InventoryBatch): Promise<void> {
    const missing: number[] = [];
    for (let i = 0; i < asked.length; i++) {
      const entry = asked.at(i);
      if (entry.type === InvType.TX || entry.type === InvType.WITNESS_TX || entry.type === InvType.WTX) {
        const found = this.#parts.transactions?.find(peer, entry);
        if (found === undefined) missing.push(i);
        else if (found !== "silence") await peer.session.sendBytes(Tx, found);
      } else await this.#block(peer, entry);
    }
    if (missing.length > 0) await peer.session.send(NotFound, { inventory: missing.map((i) => asked.at(i)) });
  }

  async #block(peer: BitcoinPeer, { type, hash }: Inventory): Promise<void> {
    const { chain, compact } = this.#parts;
    const row = chain.headers.find(hash);
    if (row < 0) return;
    // One that was announced before it was validated is given when it is, and those before it as well.
    if (!isServed(chain, row)) await chain.settled(row, peer.session.signal).catch(() => {});
    if (!isServed(chain, row)) return;
    const depth = chain.headers.height(chain.tip) - chain.headers.height(row);
    // Core ends it for all such blocks alike, so that nobody can find out by them how much is kept.
    if (this.#parts.isPruned() && depth > LIMITED_DEPTH && !peer.may("noban")) {
      throw disconnecting("too_deep", `a block ${depth} deep was asked of a node that serves the last 288`);
    }
    if (!chain.hasData(row)) return;
    const age = chain.headers.time(chain.headers.best) - chain.headers.time(row);
    if (age > OLD_SECONDS && !peer.may("download") && !this.#parts.upload.servesOld(BLOCK_BYTES_PER_DAY)) {
      throw disconnecting("upload_target", "the upload target leaves nothing for old blocks");
    }
    if (type === InvType.CMPCT_BLOCK && compact.isGiven(row)) {
      if (await compact.give(peer, row)) peer.knowledge.receives(chain.headers, row);
      return;
    }
    const raw = compact.recent(row)?.raw ?? await chain.blocks.bytes(row);
    if (raw === undefined) return;
    // A compact block that was asked for may be answered with the whole one.
    if (type === InvType.WITNESS_BLOCK || type === InvType.CMPCT_BLOCK) {
      await peer.session.sendBytes(BlockMessage, raw);
    } else if (type === InvType.BLOCK) await peer.session.sendBytes(BlockMessage, Block.decode(raw).stripped);
    else return;
    peer.knowledge.receives(chain.headers, row);
    if (row !== this.#continueAt.get(peer)) return;
    this.#continueAt.delete(peer);
    await peer.session.send(Inv, { inventory: [{ type: InvType.BLOCK, hash: chain.headers.hash(chain.tip) }] });
  }

  async #blockTransactions(peer: BitcoinPeer, { blockHash, indexes }: BodyOf<typeof GetBlockTxn>): Promise<void> {
    const { chain, compact } = this.#parts;
    const row = chain.headers.find(blockHash);
    if (row < 0 || !chain.hasData(row)) return;
    if (chain.headers.height(row) < chain.headers.height(chain.tip) - BLOCKTXN_DEPTH) {
      // The whole block is sent, by the rules for blocks: it costs the peer more than it costs us.
      return await this.#block(peer, { type: InvType.WITNESS_BLOCK, hash: blockHash });
    }
    const block = compact.recent(row) ?? await chain.blocks.read(row);
    if (block === undefined) return;
    const { transactions } = block;
    const chosen = indexes.map((index) => {
      const transaction = transactions[index];
      if (transaction === undefined) {
        throw misbehaving("index_out_of_range", "bad_index", "getblocktxn with out-of-bounds tx indices");
      }
      return transaction;
    });
    await peer.session.send(BlockTxn, { blockHash, transactions: chosen });
  }
}

function noBloom({ type }: AnyMessage): Error {
  return disconnecting("no_bloom", `${type} without NODE_BLOOM`);
}
