/**
 * Answers to peers that ask for block filters. Who asks for what is not offered, or not to be had, is disconnected.
 *
 * @see BIP157; Bitcoin Core `net_processing.cpp` (PrepareBlockFilterRequest, ProcessGetCFilters, ProcessGetCFHeaders,
 *   ProcessGetCFCheckPt)
 * @module
 */
import type { BitcoinChain } from "../chain/chain.ts";
import { ZERO_HASH } from "../hash.ts";
import type { FilterIndex } from "../indexes/filter-index.ts";
import { disconnecting } from "../peers/faults.ts";
import { type BitcoinHandler, on } from "../peers/handler.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import type { BodyOf } from "../wire/message.ts";
import {
  CFCheckpt,
  CFCHECKPT_INTERVAL,
  CFHeaders,
  CFHEADERS_MAX,
  CFilter,
  CFILTERS_MAX,
  FILTER_TYPE_BASIC,
  GetCFCheckpt,
  GetCFHeaders,
  GetCFilters,
} from "../wire/filters.ts";
import { isServed } from "./served.ts";

/** What answering needs. */
export interface FilterRequestsParts {
  readonly chain: BitcoinChain;
  /** Undefined when no filters are kept. */
  readonly index: FilterIndex | undefined;
  /** Whether peers are to have them. */
  readonly forPeers: boolean;
}

/** Rows of the branch that ends with a row, from one height to another. */
interface Span {
  readonly index: FilterIndex;
  readonly rows: readonly number[];
}

/** Answers requests for filters. */
export class FilterRequests {
  readonly #parts: FilterRequestsParts;

  constructor(parts: FilterRequestsParts) {
    this.#parts = parts;
  }

  /** Whether filters are offered to peers: every block of the active chain has its own. */
  get isOffered(): boolean {
    const { index, forPeers } = this.#parts;
    return forPeers && index !== undefined && index.isSynced;
  }

  /** What handles the requests. */
  get handlers(): readonly BitcoinHandler[] {
    return [
      on(GetCFilters, (peer, body) => this.#filters(peer, body)),
      on(GetCFHeaders, (peer, body) => this.#headers(peer, body)),
      on(GetCFCheckpt, (peer, body) => this.#checkpoints(peer, body)),
    ];
  }

  /** One filter after the other, each waited for: a peer that does not read holds up only itself. */
  async #filters(peer: BitcoinPeer, { filterType, startHeight, stopHash }: BodyOf<typeof GetCFilters>): Promise<void> {
    const { index, rows } = await this.#span(filterType, startHeight, stopHash, CFILTERS_MAX);
    for (const row of rows) {
      const entry = await index.entry(row);
      if (entry === undefined) return;
      await peer.session.send(CFilter, { filterType, blockHash: entry.blockHash, filter: entry.filter });
    }
  }

  async #headers(peer: BitcoinPeer, { filterType, startHeight, stopHash }: BodyOf<typeof GetCFHeaders>): Promise<void> {
    const { index, rows } = await this.#span(filterType, startHeight, stopHash, CFHEADERS_MAX);
    const { headers } = this.#parts.chain;
    const heads = await index.heads(startHeight === 0 ? rows : [headers.parent(rows[0]!), ...rows]);
    const known = heads.flatMap((head) => head ?? []);
    // Of a branch that was never connected there are none. Core says nothing then.
    if (known.length < heads.length) return;
    const previousFilterHeader = startHeight === 0 ? ZERO_HASH : known[0]!.filterHeader;
    const filterHashes = known.slice(-rows.length).map(({ filterHash }) => filterHash);
    await peer.session.send(CFHeaders, { filterType, stopHash, previousFilterHeader, filterHashes });
  }

  async #checkpoints(peer: BitcoinPeer, { filterType, stopHash }: BodyOf<typeof GetCFCheckpt>): Promise<void> {
    const { index, stop } = await this.#prepare(filterType, stopHash);
    const { headers } = this.#parts.chain;
    const rows: number[] = [];
    for (let at = CFCHECKPT_INTERVAL; at <= headers.height(stop); at += CFCHECKPT_INTERVAL) {
      rows.push(headers.ancestor(stop, at));
    }
    const known = (await index.heads(rows)).flatMap((head) => head ?? []);
    if (known.length < rows.length) return;
    const filterHeaders = known.map(({ filterHeader }) => filterHeader);
    await peer.session.send(CFCheckpt, { filterType, stopHash, filterHeaders });
  }

  async #span(filterType: number, startHeight: number, stopHash: Uint8Array, most: number): Promise<Span> {
    const { index, stop } = await this.#prepare(filterType, stopHash);
    const { headers } = this.#parts.chain;
    const stopHeight = headers.height(stop);
    if (startHeight > stopHeight) {
      throw disconnecting("bad_span", `filters were asked for from height ${startHeight} to ${stopHeight}`);
    }
    if (stopHeight - startHeight >= most) {
      throw disconnecting(
        "bad_span",
        `${stopHeight - startHeight + 1} filters or their headers were asked for at once`,
      );
    }
    const rows = Array.from({ length: stopHeight - startHeight + 1 }, () => 0);
    for (let at = rows.length - 1, row = stop; at >= 0; at--, row = headers.parent(row)) rows[at] = row;
    return { index, rows };
  }

  async #prepare(filterType: number, stopHash: Uint8Array) {
    const { chain, index } = this.#parts;
    if (filterType !== FILTER_TYPE_BASIC || index === undefined || !this.isOffered) {
      throw disconnecting("no_filters", `filters of type ${filterType} were asked for, which we do not offer`);
    }
    const stop = chain.headers.find(stopHash);
    if (stop < 0 || !isServed(chain, stop)) {
      throw disconnecting("unknown_stop", "filters were asked for up to a block that we do not have");
    }
    // A peer that we have just told of a block may ask at once.
    await index.settled();
    return { index, stop };
  }
}
