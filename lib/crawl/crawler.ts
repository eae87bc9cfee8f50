/**
 * Walks a network from its seeds: visits an address, hears of others, visits those. Knows neither chain nor socket: the
 * probe, the clock and the chance are given.
 *
 * Manners: so many visits at once, so many new connections a second, one connection to a group of addresses at a time,
 * one visit an address and crawl, and each visit ends soon.
 *
 * @module
 */
import { addressText } from "../core/address-text.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { Clock, PeerAddress, Random } from "../core/ports.ts";
import type { Visit, Visitor } from "../core/peers/visit.ts";
import { Frontier, type Place, type Waiting } from "./frontier.ts";

/** How a crawl behaves. */
export interface CrawlLimits {
  /** Addresses that are visited at most. */
  readonly visitsMax: number;
  /** Visits at once. */
  readonly concurrency: number;
  /** New visits a second. */
  readonly perSecond: number;
  /** Time for one visit. */
  readonly visitMs: number;
  /** Connections at once to one group of addresses; 1 by default. */
  readonly perGroup?: number;
  /** Ports of one host that are visited; 4 by default. */
  readonly portsPerHost?: number;
  /** Addresses of which anything is kept; 1,000,000 by default. */
  readonly knownMax?: number;
  /** Addresses that are taken from one visit; 2,000 by default. */
  readonly toldMax?: number;
}

/** What a crawl needs. */
export interface CrawlParts {
  readonly visit: Visitor;
  /** The normal form of an address and its group; undefined for one that is not to be dialled. */
  readonly locate: (address: PeerAddress) => Place | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears of each visit as it ends. */
  readonly progress?: (state: CrawlProgress) => void;
}

/** How far a crawl is. */
export interface CrawlProgress {
  readonly visited: number;
  readonly reachable: number;
  readonly active: number;
  readonly waiting: number;
}

/** One address that was visited. Times are unix milliseconds. */
export interface CrawledNode {
  readonly host: string;
  readonly port: number;
  readonly network: string;
  readonly reachable: boolean;
  /** What it said of itself, where it was reached. */
  readonly said?: Omit<Visit, "told" | "latencyMs">;
  readonly latencyMs: number | undefined;
  /** Milliseconds from the dial to the end of the visit. */
  readonly visitMs: number;
  /** How many addresses it told. */
  readonly told: number;
  readonly toldBy: string;
  readonly firstSeen: number;
  /** When it was last reached; undefined when never. */
  readonly lastSeen: number | undefined;
  /** Code of what went wrong, and one line about it. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** What a crawl found. */
export interface CrawlResult {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Why it ended: nobody was left to visit, the limit was reached, or it was told to stop. */
  readonly ended: "exhausted" | "limit" | "stopped";
  readonly nodes: readonly CrawledNode[];
  /** Addresses that were heard of, visited or not. */
  readonly known: number;
  /** Addresses that were told and are not to be dialled: private, malformed, of networks out of reach. */
  readonly undialable: number;
  /** Addresses that were told when no more could be kept. */
  readonly dropped: number;
}

/** Networks that a socket reaches without a proxy. */
const DIALABLE = new Set(["ipv4", "ipv6"]);

/** Crawls until nobody is left, the limit is reached or the signal aborts. Never rejects for what a peer does. */
export async function crawl(
  seeds: readonly PeerAddress[],
  limits: CrawlLimits,
  parts: CrawlParts,
  signal: AbortSignal,
): Promise<CrawlResult> {
  return await new Crawl(limits, parts, signal).run(seeds);
}

class Crawl {
  readonly #limits: CrawlLimits;
  readonly #parts: CrawlParts;
  readonly #signal: AbortSignal;
  readonly #frontier: Frontier;
  readonly #knownMax: number;
  readonly #nodes: CrawledNode[] = [];
  readonly #active = new Set<Promise<void>>();
  readonly #undialable = new Set<string>();
  #started = 0;
  #reachable = 0;

  constructor(limits: CrawlLimits, parts: CrawlParts, signal: AbortSignal) {
    this.#limits = limits;
    this.#parts = parts;
    this.#signal = signal;
    this.#knownMax = limits.knownMax ?? 1_000_000;
    const { perGroup = 1, portsPerHost = 4 } = limits;
    this.#frontier = new Frontier({ knownMax: this.#knownMax, perGroup, portsPerHost });
  }

  async run(seeds: readonly PeerAddress[]): Promise<CrawlResult> {
    const { clock, random } = this.#parts;
    const { concurrency, perSecond, visitsMax } = this.#limits;
    const startedAt = clock.now();
    for (const seed of seeds) this.#hear(seed, "seed");
    let nextAt = clock.monotonic();
    while (!this.#signal.aborted && this.#started < visitsMax) {
      const next = this.#active.size < concurrency ? this.#frontier.take(random) : undefined;
      if (next === undefined) {
        if (this.#active.size === 0) break;
        await Promise.race(this.#active);
        continue;
      }
      const waitMs = nextAt - clock.monotonic();
      if (waitMs > 0) await clock.sleep(waitMs, this.#signal).catch(() => {});
      if (this.#signal.aborted) break;
      nextAt = Math.max(nextAt, clock.monotonic()) + 1_000 / perSecond;
      this.#start(next);
    }
    while (this.#active.size > 0) await Promise.race(this.#active);
    return {
      startedAt,
      endedAt: clock.now(),
      ended: this.#signal.aborted ? "stopped" : this.#frontier.waiting > 0 ? "limit" : "exhausted",
      nodes: this.#nodes,
      known: this.#frontier.known,
      undialable: this.#undialable.size,
      dropped: this.#frontier.dropped,
    };
  }

  #hear(address: PeerAddress, toldBy: string): void {
    const place = this.#parts.locate(address);
    if (place === undefined || !DIALABLE.has(place.network) || place.port === 0) {
      // Counted once an address, and never more of them than the crawl keeps of others.
      if (this.#undialable.size < this.#knownMax) {
        this.#undialable.add(`${address.host.slice(0, 64)} ${address.port}`);
      }
      return;
    }
    this.#frontier.add({ place, toldBy, heardAt: this.#parts.clock.now() });
  }

  #start(waiting: Waiting): void {
    this.#started += 1;
    const visiting = this.#visit(waiting).finally(() => {
      this.#active.delete(visiting);
      this.#frontier.release(waiting);
      this.#parts.progress?.({
        visited: this.#nodes.length,
        reachable: this.#reachable,
        active: this.#active.size,
        waiting: this.#frontier.waiting,
      });
    });
    this.#active.add(visiting);
  }

  async #visit(waiting: Waiting): Promise<void> {
    const { clock, visit } = this.#parts;
    const { host, port, network } = waiting.place;
    const began = clock.monotonic();
    const over = new AbortController();
    const late = new NodeError("timeout", "network", `no visit within ${this.#limits.visitMs} ms`);
    const cancel = clock.after(this.#limits.visitMs, () => over.abort(late));
    const stop = () => over.abort(this.#signal.reason);
    this.#signal.addEventListener("abort", stop, { once: true });
    const about = { host, port, network, toldBy: waiting.toldBy, firstSeen: waiting.heardAt };
    try {
      const { told, latencyMs, ...said } = await visit({ host, port }, over.signal);
      const visitMs = clock.monotonic() - began;
      this.#reachable += 1;
      this.#nodes.push({
        ...about,
        reachable: true,
        said,
        latencyMs,
        visitMs,
        told: told.length,
        lastSeen: clock.now(),
      });
      const from = addressText({ host, port });
      for (const each of told.slice(0, this.#limits.toldMax ?? 2_000)) this.#hear(each, from);
    } catch (thrown) {
      // What was broken off because the crawl ends says nothing about the node.
      if (this.#signal.aborted) return;
      const cause = over.signal.aborted ? late : thrown;
      const error = { code: cause instanceof NodeError ? cause.code : "internal", message: messageOf(cause) };
      this.#nodes.push({
        ...about,
        reachable: false,
        latencyMs: undefined,
        visitMs: clock.monotonic() - began,
        told: 0,
        lastSeen: undefined,
        error,
      });
    } finally {
      cancel();
      this.#signal.removeEventListener("abort", stop);
    }
  }
}
