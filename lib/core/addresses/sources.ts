/**
 * Where addresses come from when the book leads to nobody: the seeds, the introducers, and at last those that are built
 * in.
 *
 * @see Bitcoin Core `net.cpp` ThreadDNSAddressSeed, ThreadOpenConnections (fixed seeds)
 * @module
 */
import { addressText } from "../address-text.ts";
import type { AddressBook } from "./book.ts";
import type { HeardAddress } from "./rules.ts";
import { messageOf } from "../errors.ts";
import type { Clock, PeerAddress, Random } from "../ports.ts";
import { shuffled } from "../random.ts";

/** What asking for addresses needs. */
export interface AddressSourcesParts {
  readonly book: AddressBook;
  /** Names of the network's DNS seeds, and the port of the addresses that they give. */
  readonly dnsSeeds: readonly string[];
  readonly defaultPort: number;
  /** Addresses that are built in: the last resort. */
  readonly fixedSeeds?: readonly PeerAddress[];
  /** Asks peers that only tell addresses; when the seeds gave none that are new. */
  readonly askIntroducers?: () => Promise<readonly HeardAddress[]>;
  /** Nodes that are asked for addresses before any seed is, by visiting them. */
  readonly seedNodes?: readonly PeerAddress[];
  readonly visitNode?: (place: PeerAddress) => Promise<readonly PeerAddress[]>;
  /** What nodes that a seed tells of offer, as far as it says. */
  readonly seedServices?: bigint;
  /** Looks a host name up. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Asks a seed by name for addresses, in the place of looking it up. */
  readonly visitSeed?: (name: string) => Promise<readonly PeerAddress[]>;
  /** Whether there are connections enough to make seeds needless. */
  readonly hasEnough: () => boolean;
  /** Whether there may be connections; so unless it says otherwise. */
  readonly isActive?: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly notice: (level: "debug" | "warning", text: string) => void;
}

/** How long the book's own addresses have before seeds are asked as well, when it has few or many. */
const SEEDS_WAIT_MS = 11_000;
const SEEDS_WAIT_MANY_MS = 300_000;
const MANY_ADDRESSES = 1_000;
/** How often it is seen whether there may be connections by now. */
const INACTIVE_MS = 5_000;
/** Seeds that are asked at a time, and addresses taken from one. */
const SEEDS_AT_ONCE = 3;
const SEED_ADDRESSES_MAX = 32;
/** One that is asked as a peer gives a whole answer. */
const SEED_VISIT_MAX = 1_000;
/** One that takes longer is not waited for; what it gives is taken when it comes. */
const SEED_PATIENCE_MS = 15_000;
/** Seeds that gave nothing are asked again after a while, later each time. */
const SEEDS_AGAIN_FIRST_MS = 1_000;
const SEEDS_AGAIN_LAST_MS = 300_000;
/** The built-in addresses come so long after everything else gave nothing. */
const FIXED_SEEDS_AFTER_MS = 60_000;
const DAY_S = 86_400;

/** The loop that fills the book. */
export class AddressSources {
  readonly #parts: AddressSourcesParts;

  constructor(parts: AddressSourcesParts) {
    this.#parts = parts;
  }

  /** Fills the book until the signal aborts: at once when it is empty, later when it leads to nobody. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { book, clock, random, dnsSeeds, fixedSeeds = [], askIntroducers, hasEnough } = this.#parts;
    const { isActive = () => true } = this.#parts;
    while (!isActive() && !signal.aborted) await clock.sleep(INACTIVE_MS, signal).catch(() => {});
    const began = clock.monotonic();
    const order = shuffled(dnsSeeds, random);
    let wait = SEEDS_AGAIN_FIRST_MS;
    /** New addresses that the seeds gave in this round. */
    let told = 0;
    if (book.size.total > 0) {
      const patience = book.size.total >= MANY_ADDRESSES ? SEEDS_WAIT_MANY_MS : SEEDS_WAIT_MS;
      await clock.sleep(patience, signal).catch(() => {});
    }
    if (!signal.aborted && !hasEnough()) await this.#askNodes(signal);
    for (let at = 0; !signal.aborted;) {
      if (hasEnough()) {
        while (hasEnough() && !signal.aborted) await clock.sleep(SEEDS_WAIT_MANY_MS, signal).catch(() => {});
        // Peers went; the book has its chance before anybody is asked.
        await clock.sleep(SEEDS_WAIT_MS, signal).catch(() => {});
        [at, told, wait] = [0, 0, SEEDS_AGAIN_FIRST_MS];
        continue;
      }
      if (at < order.length) {
        // All at once when nothing is known, else a few, since each learns that we are here.
        const some = order.slice(at, at + (book.size.total === 0 ? order.length : SEEDS_AT_ONCE));
        at += some.length;
        for (const count of await Promise.all(some.map((seed) => this.#askSeed(seed, signal)))) told += count;
        if (book.size.total > 0) await clock.sleep(SEEDS_WAIT_MS, signal).catch(() => {});
        continue;
      }
      // A book of addresses that nobody answers at is no better than an empty one.
      if (told === 0 && askIntroducers !== undefined) {
        const asking = askIntroducers().then((heard) => book.learn(heard, undefined, { unlimited: true }).added);
        await this.#patiently(asking, signal);
      }
      if (book.size.total === 0 && clock.monotonic() - began >= FIXED_SEEDS_AFTER_MS) {
        book.learn(fixedSeeds.map((seed) => ({ ...seed, timeS: this.#seedTimeS() })), undefined, { unlimited: true });
      }
      await clock.sleep(wait, signal).catch(() => {});
      wait = Math.min(wait * 2, SEEDS_AGAIN_LAST_MS);
      [at, told] = [0, 0];
    }
  }

  /** Asks the nodes that the operator named for addresses. What they tell has its chance before seeds are asked. */
  async #askNodes(signal: AbortSignal): Promise<void> {
    const { seedNodes = [], visitNode, clock } = this.#parts;
    if (seedNodes.length === 0 || visitNode === undefined) return;
    const ask = (place: PeerAddress) => this.#take(addressText(place), visitNode(place), SEED_VISIT_MAX, signal);
    const counts = await Promise.all(seedNodes.map(ask));
    if (counts.some((count) => count > 0)) await clock.sleep(SEEDS_WAIT_MS, signal).catch(() => {});
  }

  /** Asks one seed; how many addresses were new. */
  #askSeed(seed: string, signal: AbortSignal): Promise<number> {
    const { resolve, visitSeed, defaultPort: port } = this.#parts;
    const asked = visitSeed === undefined
      ? resolve(seed).then((hosts) => hosts.map((host) => ({ host, port })))
      : visitSeed(seed);
    return this.#take(seed, asked, visitSeed === undefined ? SEED_ADDRESSES_MAX : SEED_VISIT_MAX, signal);
  }

  /** Takes at most so many of the addresses that somebody tells; how many were new. */
  #take(seed: string, asked: Promise<readonly PeerAddress[]>, most: number, signal: AbortSignal): Promise<number> {
    const { book, seedServices: services = 0n, random, notice } = this.#parts;
    const asking = asked.then((told) => {
      if (signal.aborted) return 0;
      const some = shuffled(told, random).slice(0, most);
      const heard = some.map((address) => ({ ...address, timeS: this.#seedTimeS(), services }));
      return book.learn(heard, seed, { unlimited: true }).added;
    }, (error) => {
      notice("debug", `seed ${seed}: ${messageOf(error)}`);
      return 0;
    });
    return this.#patiently(asking, signal);
  }

  /** What `asking` gives; 0 when it fails, takes long or is stopped. It goes on by itself then. */
  #patiently(asking: Promise<number>, signal: AbortSignal): Promise<number> {
    return new Promise((resolve) => {
      const end = (count: number) => {
        cancel();
        signal.removeEventListener("abort", give);
        resolve(count);
      };
      const give = () => end(0);
      const cancel = this.#parts.clock.after(SEED_PATIENCE_MS, give);
      signal.addEventListener("abort", give, { once: true });
      asking.then(end, give);
      if (signal.aborted) give();
    });
  }

  /** Seeds do not say how old an address is: three to seven days. */
  #seedTimeS(): number {
    const { clock, random } = this.#parts;
    return Math.floor(clock.now() / 1000) - 3 * DAY_S - random.below(4 * DAY_S);
  }
}
