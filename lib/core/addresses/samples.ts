/**
 * What the book tells others: a random share of it, the same for a day to all who ask from one network, so that asking
 * often does not empty it.
 *
 * @see Bitcoin Core `addrman.cpp` GetAddr_, `net.cpp` CConnman::GetAddresses
 * @module
 */
import type { Random } from "../ports.ts";
import { isTerrible, type KnownAddress } from "./entry.ts";
import type { AddressTables } from "./tables.ts";

/** How a sample is taken. */
export interface SampleOptions {
  /** Only this network. */
  readonly network?: string;
  /**
   * Names who asks, by network and by the address of ours that was dialled: the same name gets the same answer for 21 to
   * 27 hours. Without it each sample is new.
   */
  readonly cacheKey?: string;
}

const CACHE_MS = 21 * 3_600_000;
const CACHE_SPREAD_MS = 6 * 3_600_000;
/** Answers that are kept; the oldest goes first. */
const CACHE_MAX = 64;

/** Samples of a book, and those that are kept. */
export class Samples {
  readonly #tables: AddressTables;
  readonly #random: Random;
  readonly #cache = new Map<string, { readonly untilMs: number; readonly addresses: readonly KnownAddress[] }>();

  constructor(tables: AddressTables, random: Random) {
    this.#tables = tables;
    this.#random = random;
  }

  /** See `AddressBook.addresses`. `nowMs` are unix milliseconds. */
  take(max: number, percent: number, nowMs: number, { network, cacheKey }: SampleOptions): readonly KnownAddress[] {
    const name = cacheKey === undefined ? undefined : `${cacheKey} ${network ?? ""} ${max} ${percent}`;
    const kept = name === undefined ? undefined : this.#cache.get(name);
    if (kept !== undefined && kept.untilMs > nowMs) return kept.addresses;
    const addresses = this.#draw(max, percent, Math.floor(nowMs / 1000), network);
    if (name !== undefined) {
      this.#cache.delete(name);
      this.#cache.set(name, { untilMs: nowMs + CACHE_MS + this.#random.below(CACHE_SPREAD_MS), addresses });
      if (this.#cache.size > CACHE_MAX) this.#cache.delete(this.#cache.keys().next().value ?? "");
    }
    return addresses;
  }

  #draw(max: number, percent: number, nowS: number, network: string | undefined): KnownAddress[] {
    const { order, rules } = this.#tables;
    const wanted = Math.min(max, rules.share(order.length, percent));
    const sample: KnownAddress[] = [];
    for (let i = 0; i < order.length && sample.length < wanted; i++) {
      this.#tables.swap(i, i + this.#random.below(order.length - i));
      const entry = order[i];
      if (entry === undefined || (network !== undefined && entry.network !== network)) continue;
      if (isTerrible(entry, nowS)) continue;
      // A copy: what is told later must not tell what happened since.
      const { host, port, services, source, timeS, lastTryS, lastSuccessS, attempts, isTried, references } = entry;
      const { network: on, groupName } = entry;
      const own = { host, port, network: on, groupName, services, source, timeS };
      sample.push({ ...own, lastTryS, lastSuccessS, attempts, isTried, references });
    }
    return sample;
  }
}
