/**
 * Questions to peers about filters and blocks, and their answers. Bitcoin's messages carry no ids: an answer is known by
 * what it says.
 *
 * @see BIP157, "New Messages"
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { toHex } from "../../codec/hex.ts";
import { NodeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { FilterHeaderClaim } from "../filters/mod.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import type { Incoming } from "../peers/session.ts";
import { type Block, InvType } from "../types/mod.ts";
import {
  type AnyMessage,
  Block as BlockMessage,
  type BodyOf,
  CFCheckpt,
  CFHeaders,
  CFilter,
  FILTER_TYPE_BASIC,
  GetCFCheckpt,
  GetCFHeaders,
  GetCFilters,
  GetData,
  type Message,
  NotFound,
} from "../wire/mod.ts";

/** How long a peer may leave a question unanswered, or its answer unfinished. */
export const ANSWER_MS = 10_000;

/** An answer of many messages may take so many times as long as a peer may be silent: none is held up by a trickle. */
const WHOLE_ANSWER = 12;

/** What a message is to an open question. */
type Reception = "strange" | "more" | "done";

interface Question {
  readonly receive: (incoming: Incoming) => Reception;
  readonly fail: (error: NodeError) => void;
  /** Begins the time of silence anew. */
  readonly restart: () => void;
}

/** How a question is put. */
export interface AskOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

/** The open questions to all peers. The caller bounds how many there are. */
export class Questions {
  readonly #clock: Clock;
  readonly #open = new Map<BitcoinPeer, Set<Question>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Hands a message to the question that waits for it; false when none does. A handler's exception ends the peer's session. */
  take(peer: BitcoinPeer, incoming: Incoming): boolean {
    let taken = false;
    // One answer may serve two questions; neither is asked again.
    for (const question of [...this.#open.get(peer) ?? []]) {
      const reception = question.receive(incoming);
      if (reception === "strange") continue;
      taken = true;
      if (reception === "more") question.restart();
    }
    return taken;
  }

  /** The peer has gone: its questions fail. */
  forget(peer: BitcoinPeer): void {
    for (const question of [...this.#open.get(peer) ?? []]) {
      question.fail(new NodeError("closed", "network", `${peer.session.label} has gone`));
    }
  }

  /** Every thousandth filter header up to a block. */
  checkpoints(peer: BitcoinPeer, stopHash: Uint8Array, options: AskOptions): Promise<readonly Uint8Array[]> {
    return this.#ask(peer, options, GetCFCheckpt, { filterType: FILTER_TYPE_BASIC, stopHash }, (incoming, done) => {
      const body = bodyOf(incoming, CFCheckpt);
      if (body?.filterType !== FILTER_TYPE_BASIC || !equalBytes(body.stopHash, stopHash)) return "strange";
      // What stays is not to keep the whole message alive.
      done(body.filterHeaders.map((header) => header.slice()));
      return "done";
    });
  }

  /** The filter hashes of a run of blocks that ends with `stopHash`. How many there are is for the asker to judge. */
  headers(
    peer: BitcoinPeer,
    startHeight: number,
    stopHash: Uint8Array,
    options: AskOptions,
  ): Promise<FilterHeaderClaim> {
    const span = { filterType: FILTER_TYPE_BASIC, startHeight, stopHash };
    return this.#ask<FilterHeaderClaim, typeof span>(peer, options, GetCFHeaders, span, (incoming, done) => {
      const body = bodyOf(incoming, CFHeaders);
      if (body?.filterType !== FILTER_TYPE_BASIC || !equalBytes(body.stopHash, stopHash)) return "strange";
      const { previousFilterHeader, filterHashes } = body;
      done({ previousFilterHeader, filterHashes });
      return "done";
    });
  }

  /**
   * The filters of consecutive blocks from `startHeight` on. Each is handed to `each` with its height as it comes, in
   * whatever order, and none is kept here. What `each` throws ends the question, and the peer's session with it.
   */
  filters(
    peer: BitcoinPeer,
    startHeight: number,
    hashes: readonly Uint8Array[],
    each: (height: number, filter: Uint8Array) => void,
    options: AskOptions,
  ): Promise<void> {
    const missing = new Map(hashes.map((hash, i) => [toHex(hash), startHeight + i]));
    const span = { filterType: FILTER_TYPE_BASIC, startHeight, stopHash: hashes.at(-1)! };
    return this.#ask<void, typeof span>(peer, options, GetCFilters, span, (incoming, done) => {
      const body = bodyOf(incoming, CFilter);
      if (body?.filterType !== FILTER_TYPE_BASIC) return "strange";
      const key = toHex(body.blockHash);
      const height = missing.get(key);
      if (height === undefined) return "strange";
      missing.delete(key);
      each(height, body.filter);
      if (missing.size > 0) return "more";
      done();
      return "done";
    });
  }

  /** A block with witnesses. Rejects with `absent` when the peer says that it has none. */
  block(peer: BitcoinPeer, hash: Uint8Array, options: AskOptions): Promise<Block> {
    const body = { inventory: [{ type: InvType.WITNESS_BLOCK, hash }] };
    return this.#ask(peer, options, GetData, body, (incoming, done, fail) => {
      const block = bodyOf(incoming, BlockMessage);
      if (block !== undefined) {
        if (!equalBytes(block.hash, hash)) return "strange";
        done(block);
        return "done";
      }
      const absent = bodyOf(incoming, NotFound)?.inventory.some((entry) => equalBytes(entry.hash, hash)) ?? false;
      if (!absent) return "strange";
      fail(new NodeError("absent", "network", `${peer.session.label} does not have the block`));
      return "done";
    });
  }

  #ask<T, B>(
    peer: BitcoinPeer,
    { signal, timeoutMs = ANSWER_MS }: AskOptions,
    message: Message<string, B>,
    body: B,
    receive: (incoming: Incoming, done: (answer: T) => void, fail: (error: Error) => void) => Reception,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    promise.catch(() => {});
    let cancel: () => void = () => {};
    const settle = (how: () => void) => {
      cancel();
      signal.removeEventListener("abort", abort);
      const open = this.#open.get(peer);
      open?.delete(question);
      if (open?.size === 0) this.#open.delete(peer);
      how();
    };
    const fail = (error: Error) => settle(() => reject(error));
    const abort = () => fail(new NodeError("stopped", "self", "the question was given up"));
    const deadline = this.#clock.monotonic() + timeoutMs * WHOLE_ANSWER;
    const restart = () => {
      cancel();
      const left = Math.min(timeoutMs, deadline - this.#clock.monotonic());
      const late = new NodeError("timeout", "peer", `${peer.session.label} did not answer ${message.type} in time`);
      cancel = this.#clock.after(left, () => fail(late));
    };
    const question: Question = {
      receive: (incoming) => {
        try {
          return receive(incoming, (answer) => settle(() => resolve(answer)), fail);
        } catch (thrown) {
          fail(thrown instanceof Error ? thrown : new Error(String(thrown)));
          throw thrown;
        }
      },
      fail,
      restart,
    };
    const open = this.#open.get(peer);
    if (open === undefined) this.#open.set(peer, new Set([question]));
    else open.add(question);
    restart();
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    else if (peer.session.signal.aborted) this.forget(peer);
    else peer.session.post(message, body);
    return promise;
  }
}

/** The body when the message is the one that is meant. */
function bodyOf<M extends AnyMessage>(incoming: Incoming, message: M): BodyOf<M> | undefined {
  return incoming.message === message ? incoming.body as BodyOf<M> : undefined;
}
