/**
 * The address book: who may be dialled. Addresses that were told lie in the new table, those that have answered us in the
 * tried table; a secret key decides in which bucket, and each group of sources and of addresses reaches a few buckets
 * only, so that nobody can fill the tables from one corner of the network.
 *
 * Knows no protocol: the rules of a network are passed in. Does no I/O: {@link AddressBook.encode} gives a file's bytes,
 * `AddressKeeper` writes them.
 *
 * @see Bitcoin Core `addrman.cpp`; chia-blockchain 2.7.5 `address_manager.py`; Heilman et al., "Eclipse Attacks on
 *   Bitcoin's Peer-to-Peer Network" (2015)
 * @module
 */
import { ADDRESS_BUDGET, type BudgetOptions, SourceBudgets } from "./budgets.ts";
import { type Entry, groupNameOf, isTerrible, type KnownAddress, type Slot } from "./entry.ts";
import { type AddressRules, BOOK, type HeardAddress, type TableName } from "./rules.ts";
import { type SampleOptions, Samples } from "./samples.ts";
import { draw, type SelectOptions } from "./selection.ts";
import { type BookState, restore, snapshot } from "./state.ts";
import { AddressTables } from "./tables.ts";
import type { Clock, PeerAddress, Random } from "../ports.ts";
import { shuffled } from "../random.ts";

export { believableTimeS, groupNameOf, isTerrible, type KnownAddress, selectionChance, type Slot } from "./entry.ts";
export type { AddressRules, HeardAddress, Located, Placement, TableName } from "./rules.ts";
export { BOOK } from "./rules.ts";

/** What a book is made of. */
export interface AddressBookOptions {
  readonly rules: AddressRules;
  readonly clock: Clock;
  readonly random: Random;
  /** The secret key, 32 bytes; drawn by default. */
  readonly key?: Uint8Array;
  /** How many addresses a source may tell; false for no limit, which is for experiments. */
  readonly budget?: BudgetOptions | false;
  /** Whether the source of an address decides its bucket; false is for experiments. */
  readonly limitsSources?: boolean;
}

/** How addresses are taken. */
export interface LearnOptions {
  /** Taken off the times that are told, in seconds; none by default. Both references use 7,200 for gossip. */
  readonly penaltyS?: number;
  /** The source is not limited: a seed, or our own configuration. */
  readonly unlimited?: boolean;
}

/** What became of the addresses that were told. */
export interface Learned {
  /** New to the book, and kept. */
  readonly added: number;
  /** Known already. */
  readonly known: number;
  /** Private, malformed, or without a place. */
  readonly refused: number;
  /** Over the source's budget. */
  readonly limited: number;
}

/** How many entries there are. */
export interface BookSize {
  readonly new: number;
  readonly tried: number;
  readonly total: number;
  /** Occupied slots of the new table; an address may hold several. */
  readonly newSlots: number;
  readonly collisions: number;
}

/** A source of addresses. */
interface Source {
  readonly group: Uint8Array | undefined;
  readonly budget: string;
}

/** Sources that are remembered; of more, all are looked up again. */
const SOURCES_MAX = 256;

/** The address book of one network. */
export class AddressBook {
  readonly newCapacity = BOOK.newBuckets * BOOK.bucketSize;
  readonly triedCapacity = BOOK.triedBuckets * BOOK.bucketSize;
  readonly #options: AddressBookOptions;
  readonly #key: Uint8Array;
  readonly #tables: AddressTables;
  readonly #budgets: SourceBudgets | undefined;
  readonly #samples: Samples;
  readonly #sources = new Map<string, Source>();
  /** When any address last answered; failures count only once after it, so that our own outage condemns nobody. */
  #lastGoodS = 1;

  /** @throws RangeError when the key is not 32 bytes long */
  constructor(options: AddressBookOptions) {
    this.#options = options;
    this.#key = options.key ?? options.random.bytes(32);
    if (this.#key.length !== 32) throw new RangeError(`a key of ${this.#key.length} bytes`);
    this.#tables = new AddressTables(options.rules, this.#key);
    this.#samples = new Samples(this.#tables, options.random);
    const budget = options.budget ?? ADDRESS_BUDGET;
    this.#budgets = budget === false ? undefined : new SourceBudgets(budget);
  }

  /** A book with what {@link encode}'s reader or an import found. What does not fit is left out, as the references do. */
  static fromState(state: BookState, options: Omit<AddressBookOptions, "key">): AddressBook {
    const book = new AddressBook({ ...options, key: state.key });
    restore(book.#tables, state);
    book.#lastGoodS = Math.max(1, state.lastGoodS);
    return book;
  }

  /** Everything worth keeping over a restart, as it is now: to be read before the book changes. */
  state(): BookState {
    return snapshot(this.#tables, this.#key, this.#lastGoodS);
  }

  get size(): BookSize {
    const fresh = this.#tables.count("new");
    const tried = this.#tables.count("tried");
    return {
      new: fresh,
      tried,
      total: fresh + tried,
      newSlots: this.#tables.new.occupied.length,
      collisions: this.#tables.collisions.size,
    };
  }

  /** Entries of one table on one network. */
  countOn(network: string, table: TableName): number {
    return this.#tables.count(table, network);
  }

  /**
   * Takes addresses. `source` is the host that told them, or the name of a seed; without it each speaks for itself. The
   * caller has bounded the list and seen to its times (`believableTimeS`).
   */
  learn(addresses: readonly HeardAddress[], source?: string, options: LearnOptions = {}): Learned {
    let allowed = addresses;
    if (this.#budgets !== undefined && source !== undefined && options.unlimited !== true) {
      const count = this.#budgets.take(this.#sourceOf(source).budget, addresses.length, this.#monotonicS());
      // Which ones are dropped must not be the sender's choice.
      allowed = count === addresses.length ? addresses : shuffled(addresses, this.#options.random).slice(0, count);
    }
    const learned = { added: 0, known: 0, refused: 0, limited: addresses.length - allowed.length };
    for (const address of allowed) learned[this.#learnOne(address, source, options.penaltyS ?? 0)] += 1;
    return learned;
  }

  /** Allows a source so many addresses more: we have asked it. */
  grant(source: string, addresses: number): void {
    this.#budgets?.grant(this.#sourceOf(source).budget, addresses, this.#monotonicS());
  }

  /**
   * An address has answered as a node of this network: a dial or a feeler succeeded. It moves to the tried table; where
   * that would displace another it waits until the other was tested, unless `testBeforeEvict` is false.
   */
  good(address: PeerAddress, options: { readonly testBeforeEvict?: boolean } = {}): void {
    this.#good(address, options.testBeforeEvict ?? true);
  }

  /** An address was dialled. `countFailure` tells whether a failure counts: one of our own network must not. */
  attempt(address: PeerAddress, countFailure: boolean): void {
    const entry = this.#exact(address);
    if (entry === undefined) return;
    const nowS = this.#nowS();
    entry.lastTryS = nowS;
    if (countFailure && entry.lastCountedS < this.#lastGoodS) {
      entry.lastCountedS = nowS;
      entry.attempts += 1;
    }
  }

  /** The address was connected until now, or still is. Written no more often than every 20 minutes. */
  connected(address: PeerAddress): void {
    const entry = this.#exact(address);
    const nowS = this.#nowS();
    if (entry !== undefined && nowS - entry.timeS > BOOK.connectedUpdateS) entry.timeS = nowS;
  }

  /** What a peer said it offers, in place of what others told. */
  setServices(address: PeerAddress, services: bigint): void {
    const entry = this.#exact(address);
    if (entry !== undefined) entry.services = services;
  }

  /** What is known of exactly this address. */
  find(address: PeerAddress): KnownAddress | undefined {
    return this.#exact(address);
  }

  /** An address to dial, drawn with the references' chances; undefined when there is none. */
  select(options: SelectOptions = {}): KnownAddress | undefined {
    return draw(this.#tables, this.#options.random, this.#nowS(), options);
  }

  /** Whether any entry that {@link select} may draw fits. Looks at all of them: for small books. */
  some(fits: (address: KnownAddress) => boolean, { newOnly = false, networks }: SelectOptions = {}): boolean {
    return this.#tables.order.some((entry) =>
      !(newOnly && entry.isTried) && (networks?.includes(entry.network) ?? true) && fits(entry)
    );
  }

  /**
   * The address in the tried table that a newcomer would displace, for one collision at random: a feeler dials it next.
   * Undefined when no collision waits.
   */
  selectCollision(): KnownAddress | undefined {
    const waiting = [...this.#tables.collisions];
    if (waiting.length === 0) return undefined;
    const newcomer = waiting[this.#options.random.below(waiting.length)];
    return newcomer && this.#tables.tried.at(this.#tables.triedSlot(newcomer));
  }

  /** Decides the collisions whose incumbent was tested, or whose test did not come about in time. */
  resolveCollisions(): void {
    const nowS = this.#nowS();
    for (const newcomer of this.#tables.collisions) {
      const old = this.#tables.tried.at(this.#tables.triedSlot(newcomer));
      if (old === undefined) {
        this.#good(newcomer, false);
      } else if (nowS - old.lastSuccessS < BOOK.replacementS) {
        // The incumbent lives, so it stays.
      } else if (nowS - old.lastTryS < BOOK.replacementS) {
        // It was tried and has not succeeded; the last try may still be under way.
        if (nowS - old.lastTryS <= 60) continue;
        this.#good(newcomer, false);
      } else if (nowS - newcomer.lastSuccessS > BOOK.testWindowS) {
        this.#good(newcomer, false);
      } else {
        continue;
      }
      this.#tables.collisions.delete(newcomer);
    }
  }

  /** A random sample to tell others: at most `max`, and at most `percent` of the book, none of them terrible. */
  addresses(max: number, percent: number, options: SampleOptions = {}): readonly KnownAddress[] {
    return this.#samples.take(max, percent, this.#options.clock.now(), options);
  }

  /** Removes new entries that were not seen for `ageS` seconds and have failed so often; returns how many slots. */
  cleanUp(ageS: number, attempts: number): number {
    const nowS = this.#nowS();
    const old = this.#tables.new.occupied.filter((slot) => {
      const entry = this.#tables.new.at(slot);
      return entry !== undefined && entry.timeS < nowS - ageS && entry.attempts >= attempts;
    });
    for (const slot of old) this.#tables.clearNew(slot);
    return old.length;
  }

  /** Whether the book would rather be rid of an address. */
  isTerrible(address: PeerAddress): boolean {
    const entry = this.#exact(address);
    return entry !== undefined && isTerrible(entry, this.#nowS());
  }

  /** Every entry with its slots, the tried ones first by slot. For people and experiments; not quick. */
  *entries(): Generator<KnownAddress & { readonly slots: readonly Slot[] }> {
    const slotOf = (table: TableName, slot: number): Slot => ({
      table,
      bucket: Math.floor(slot / BOOK.bucketSize),
      position: slot % BOOK.bucketSize,
    });
    const all = [...this.#tables.order].sort((a, b) => (slotFirst(a) - slotFirst(b)));
    for (const entry of all) {
      const { host, port, network, services, source, timeS, lastTryS, lastSuccessS, attempts, isTried, references } =
        entry;
      const slots = isTried
        ? [slotOf("tried", entry.triedSlot)]
        : entry.newSlots.toSorted((a, b) => a - b).map((slot) => slotOf("new", slot));
      const { groupName } = entry;
      yield {
        ...{ host, port, network, services, source, timeS, lastTryS, lastSuccessS, attempts, isTried, references },
        ...{ slots, groupName },
      };
    }
  }

  #learnOne(told: HeardAddress, source: string | undefined, penaltyS: number): "added" | "known" | "refused" {
    const { rules, random } = this.#options;
    const located = rules.locate(told);
    if (located === undefined) return "refused";
    const nowS = this.#nowS();
    const toldS = told.timeS ?? 0;
    const sourceGroup = source === undefined ? undefined : this.#sourceOf(source).group;
    const found = this.#tables.find(located);
    const penalty = rules.waivesPenalty(located, source, found?.port === located.port) ? 0 : penaltyS;
    let entry = found;
    if (entry !== undefined) {
      const { timeS, isNews } = rules.merge({ storedS: entry.timeS, toldS, penaltyS: penalty, nowS });
      entry.timeS = timeS;
      if (entry.port === located.port) entry.services |= told.services ?? 0n;
      if (!isNews || entry.isTried || entry.references >= BOOK.referencesMax) return "known";
      // Each further slot is twice as hard to get.
      if (entry.references > 0 && random.below(2 ** entry.references) !== 0) return "known";
    } else {
      entry = this.#tables.create(located, source ?? located.host, sourceGroup ?? located.group);
      entry.timeS = Math.max(0, toldS - penalty);
      entry.services = told.services ?? 0n;
    }
    // Chia's manager asks without a source again where none was told: then it is the entry's first one.
    const group = sourceGroup ?? entry.sourceGroup;
    const slot = this.#tables.newSlot(entry, this.#options.limitsSources === false ? located.key : group);
    const holder = this.#tables.new.at(slot);
    if (holder !== entry) {
      const yields = holder === undefined || isTerrible(holder, nowS) ||
        (holder.references > 1 && entry.references === 0);
      if (yields) this.#tables.place(entry, slot);
      else if (entry.references === 0) this.#tables.drop(entry);
    }
    return found !== undefined ? "known" : entry.order < 0 ? "refused" : "added";
  }

  #good(address: PeerAddress, testBeforeEvict: boolean): void {
    const nowS = this.#nowS();
    this.#lastGoodS = nowS;
    const entry = this.#exact(address);
    if (entry === undefined) return;
    entry.lastSuccessS = nowS;
    entry.lastTryS = nowS;
    entry.attempts = 0;
    // The time stays: a change would tell others to whom we are connected.
    if (entry.isTried || entry.references === 0) return;
    const isTaken = this.#tables.tried.at(this.#tables.triedSlot(entry)) !== undefined;
    if (!testBeforeEvict || !isTaken) this.#tables.makeTried(entry);
    else if (this.#tables.collisions.size < BOOK.collisionsMax) this.#tables.collisions.add(entry);
  }

  #exact(address: PeerAddress): Entry | undefined {
    const located = this.#options.rules.locate(address);
    return located && this.#tables.findExact(located);
  }

  /** The group of a source and the name of its budget. The same few tell again and again. */
  #sourceOf(source: string): Source {
    const known = this.#sources.get(source);
    if (known !== undefined) return known;
    const group = this.#options.rules.sourceGroup(source);
    // Budgets are shared by a group of sources: its addresses are cheap to the owner of one of them.
    const found = { group, budget: group === undefined ? source : groupNameOf({ group }) };
    if (this.#sources.size >= SOURCES_MAX) this.#sources.clear();
    this.#sources.set(source, found);
    return found;
  }

  #nowS(): number {
    return Math.floor(this.#options.clock.now() / 1000);
  }

  #monotonicS(): number {
    return this.#options.clock.monotonic() / 1000;
  }
}

/** Where an entry stands in a listing: the tried table before the new one. */
function slotFirst(entry: Entry): number {
  return entry.isTried ? entry.triedSlot : BOOK.triedBuckets * BOOK.bucketSize + Math.min(...entry.newSlots);
}
