/**
 * The light client: the chain of filter headers, the search for watched scripts, and what ties both to the chain of
 * headers. Two loops, one for each, that sleep until something happens.
 *
 * @module
 */
import { messageOf, NodeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { EventData } from "../../storage/events.ts";
import type { BitcoinChain, TipMove } from "../chain/chain.ts";
import { toDisplayHex } from "../hash.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import type { Incoming } from "../peers/session.ts";
import { matchEvent } from "./events.ts";
import { FilterChain } from "./filter-chain.ts";
import { FilterSync } from "./filter-sync.ts";
import { Questions } from "./questions.ts";
import { Scan } from "./scan.ts";
import type { LightProgress, LightService, Match, Watched } from "./service.ts";
import type { LightStore } from "./store.ts";
import { WatchList } from "./watch-list.ts";

/** What a light client needs. */
export interface LightClientParts {
  readonly chain: BitcoinChain;
  readonly store: LightStore;
  readonly clock: Clock;
  readonly peers: () => readonly BitcoinPeer[];
  /** Whether some peer has told us all its headers. One that never says must not keep us from asking the others. */
  readonly hasHeaders: () => boolean;
  /** Writes an event that belongs to no block. */
  readonly event: (topic: string, data: EventData) => void;
  readonly notice: (level: "debug" | "info" | "warning" | "error", text: string) => void;
}

/** After an error of our own, a loop waits so long before it tries again. */
const FAILURE_MS = 5_000;

/** The running light client. */
export class LightClient implements LightService {
  readonly #parts: LightClientParts;
  readonly #filters: FilterChain;
  readonly #watch: WatchList;
  readonly #questions: Questions;
  readonly #sync: FilterSync;
  readonly #scan: Scan;
  #moved = Promise.withResolvers<void>();
  /** Row of the tip that the log was told of last: everything up to there was searched. */
  #toldTip: number | undefined;

  /** Opens it where the store stands. @throws the store's error */
  static async open(parts: LightClientParts): Promise<LightClient> {
    const { filters, shared } = await FilterChain.load(parts.chain, parts.store);
    const client = new LightClient(parts, filters, await WatchList.load(parts.store));
    if (shared < filters.height) await client.#leave(shared);
    return client;
  }

  private constructor(parts: LightClientParts, filters: FilterChain, watch: WatchList) {
    const { chain, clock, store, peers, notice } = parts;
    this.#parts = parts;
    this.#filters = filters;
    this.#watch = watch;
    this.#questions = new Questions(clock);
    const advanced = () => this.wake();
    const shared = { chain, clock, filters, questions: this.#questions, peers, notice, advanced };
    this.#sync = new FilterSync({ ...shared, drop: (height) => this.#drop(height) });
    this.#scan = new Scan({ ...shared, store, watch, agreeing: (row) => this.#sync.agreeing(row) });
  }

  /** Works until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.wake();
    signal.addEventListener("abort", stop, { once: true });
    await Promise.all([
      this.#loop(signal, async () => this.#parts.hasHeaders() && await this.#sync.step(signal)),
      this.#loop(signal, () => this.#scan.step(signal)),
    ]);
    signal.removeEventListener("abort", stop);
  }

  /** Something happened, or a second has passed: looks whether there is work. */
  wake(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  /** Hands on what answers a question. @throws BitcoinFault what it costs the peer */
  take(peer: BitcoinPeer, incoming: Incoming): boolean {
    return this.#questions.take(peer, incoming);
  }

  /** The peer has gone. */
  forget(peer: BitcoinPeer): void {
    this.#questions.forget(peer);
  }

  /** The active chain moved. What belongs to blocks that left is dropped. */
  async onMove({ fork }: TipMove): Promise<void> {
    const height = this.#parts.chain.headers.height(fork);
    const leaving = height < this.#filters.height ? this.#leave(height) : undefined;
    this.wake();
    await leaving;
  }

  async watch(scripts: readonly Uint8Array[], from: number): Promise<readonly Watched[]> {
    const added = await this.#watch.add(scripts, from);
    if (this.#scan.height < this.#filters.height) this.#toldTip = undefined;
    this.wake();
    return added;
  }

  unwatch(scripts: readonly Uint8Array[]): Promise<number> {
    return this.#watch.remove(scripts);
  }

  watched(): readonly Watched[] {
    return this.#watch.list();
  }

  matches(since: number, limit: number): Promise<readonly Match[]> {
    return this.#parts.store.matches(since, limit);
  }

  progress(): LightProgress {
    const { chain, peers } = this.#parts;
    const filterHeaders = this.#filters.height;
    const headers = chain.headers.height(chain.tip);
    const { height: scanned } = this.#scan;
    return {
      headers,
      filterHeaders,
      scanned,
      synced: this.#parts.hasHeaders() && filterHeaders === headers && scanned === headers,
      peers: {
        offering: peers().filter(({ servesFilters }) => servesFilters).length,
        agreeing: this.#sync.agreeing(chain.activeAt(filterHeaders)).length,
      },
    };
  }

  /** Blocks above a height left the active chain. All is changed here before anybody else has a turn, then in the store. */
  async #leave(height: number): Promise<void> {
    const { store, chain: { network }, clock } = this.#parts;
    const event = (match: Match) => matchEvent("bitcoin.unmatch", match, network, clock.now());
    this.#watch.rewind(height);
    await store.commit({ undone: { above: height, event }, rewind: height, ...this.#filters.cut(height) });
  }

  /** The filter headers above a height were wrong. What was found with them is true all the same: it was in the blocks. */
  async #drop(height: number): Promise<void> {
    this.#watch.rewind(height);
    this.#toldTip = undefined;
    await this.#parts.store.commit({ rewind: height, ...this.#filters.cut(height) });
    this.wake();
  }

  async #loop(signal: AbortSignal, step: () => Promise<boolean>): Promise<void> {
    while (!signal.aborted) {
      // Taken before the step: what happens during it is not missed.
      const { promise } = this.#moved;
      try {
        if (await step()) continue;
        this.#tell();
        await promise;
      } catch (thrown) {
        if (signal.aborted) return;
        this.#parts.notice(
          "error",
          thrown instanceof NodeError ? `${thrown.code}: ${thrown.message}` : messageOf(thrown),
        );
        await this.#parts.clock.sleep(FAILURE_MS, signal).catch(() => {});
      }
    }
  }

  /** Tells the log of each tip up to which everything was searched, and again after it had to be searched anew. */
  #tell(): void {
    const { headers, filterHeaders, synced } = this.progress();
    const { chain, event } = this.#parts;
    if (!synced || this.#toldTip === chain.tip) return;
    this.#toldTip = chain.tip;
    event("bitcoin.filters_synced", {
      height: headers,
      hash: toDisplayHex(chain.headers.hash(chain.tip)),
      filter_header: toDisplayHex(this.#filters.at(filterHeaders)),
    });
  }
}
