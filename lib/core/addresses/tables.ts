/**
 * The entries of an address book and the two tables they lie in. Keeps them in step: every entry is in exactly one slot
 * of the tried table, or in one to eight of the new table.
 *
 * @module
 */
import type { PeerAddress } from "../ports.ts";
import { Entry, groupNameOf } from "./entry.ts";
import { type AddressRules, BOOK, type Located, type Placement, type TableName } from "./rules.ts";
import { SlotTable } from "./slots.ts";

/** Groups that are remembered to be shared. */
const GROUPS_MAX = 8_192;

/** The state of the book and its elementary changes. */
export class AddressTables {
  readonly rules: AddressRules;
  readonly placement: Placement;
  readonly new = new SlotTable(BOOK.newBuckets);
  readonly tried = new SlotTable(BOOK.triedBuckets);
  /** All entries in random order, as far as samples have shuffled them. */
  readonly order: Entry[] = [];
  /** Newcomers that wait for the test of whom they would displace. */
  readonly collisions = new Set<Entry>();
  readonly #byName = new Map<string, Entry>();
  readonly #perNetwork = new Map<string, Record<TableName, number>>();
  readonly #groups = new Map<string, { readonly name: string; readonly bytes: Uint8Array }>();
  #newCount = 0;

  constructor(rules: AddressRules, secret: Uint8Array) {
    this.rules = rules;
    this.placement = rules.placement(secret);
  }

  /** Entries of a table, on one network or on all; an entry with several references counts once. */
  count(table: TableName, network?: string): number {
    if (network !== undefined) return this.#perNetwork.get(network)?.[table] ?? 0;
    return table === "new" ? this.#newCount : this.tried.occupied.length;
  }

  /** The entry for an address: where hosts have one entry each, that of the host, whatever its port. */
  find(address: PeerAddress): Entry | undefined {
    return this.#byName.get(this.#nameOf(address));
  }

  /** The entry for exactly this host and port. */
  findExact(address: PeerAddress): Entry | undefined {
    const entry = this.find(address);
    return entry?.port === address.port ? entry : undefined;
  }

  /** A new entry. It lies nowhere yet: {@link place} or {@link drop} must follow. */
  create(located: Located, source: string, sourceGroup: Uint8Array): Entry {
    const { name, bytes } = this.#shared(located.group);
    const entry = new Entry(located, bytes, name, source, this.#shared(sourceGroup).bytes);
    this.#byName.set(this.#nameOf(entry), entry);
    entry.order = this.order.push(entry) - 1;
    this.#tally(entry, "new", 1);
    return entry;
  }

  /** Forgets an entry that lies nowhere. */
  drop(entry: Entry): void {
    this.swap(entry.order, this.order.length - 1);
    this.order.pop();
    entry.order = -1;
    this.#byName.delete(this.#nameOf(entry));
    this.collisions.delete(entry);
    this.#tally(entry, "new", -1);
  }

  /** Exchanges two places of {@link order}. */
  swap(one: number, other: number): void {
    const a = this.order[one]!;
    const b = this.order[other]!;
    this.order[one] = b;
    this.order[other] = a;
    a.order = other;
    b.order = one;
  }

  /** The bytes of an entry's address in the hashes. Not kept: it is moved seldom, and there are many. */
  keyOf(entry: Entry): Uint8Array {
    const located = this.rules.locate(entry);
    if (located === undefined) throw new RangeError(`${entry.host} has no place`);
    return located.key;
  }

  /** The slot of the new table for an entry that a source group tells of. */
  newSlot(entry: Entry, sourceGroup: Uint8Array): number {
    return this.slot("new", entry, this.placement.newBucket(entry.group, sourceGroup));
  }

  /** The slot of an entry in a bucket. */
  slot(table: TableName, entry: Entry, bucket: number): number {
    return bucket * BOOK.bucketSize + this.placement.position(table, bucket, this.keyOf(entry));
  }

  /** The slot of the tried table that an entry has or would have. */
  triedSlot(entry: Entry): number {
    return this.slot("tried", entry, this.placement.triedBucket(this.keyOf(entry), entry.group));
  }

  /** Puts an entry into a slot of the new table and displaces who is there. */
  place(entry: Entry, slot: number): void {
    this.clearNew(slot);
    this.new.set(slot, entry);
    entry.newSlots.push(slot);
  }

  /** Empties a slot of the new table; an entry without a slot left is forgotten. */
  clearNew(slot: number): void {
    const entry = this.new.at(slot);
    if (entry === undefined) return;
    this.new.set(slot, undefined);
    entry.newSlots.splice(entry.newSlots.indexOf(slot), 1);
    if (entry.newSlots.length === 0) this.drop(entry);
  }

  /** Moves an entry to the tried table. The holder of its slot there goes back to the new table. */
  makeTried(entry: Entry): void {
    for (const slot of entry.newSlots) this.new.set(slot, undefined);
    entry.newSlots.length = 0;
    const slot = this.triedSlot(entry);
    const old = this.tried.at(slot);
    if (old !== undefined) {
      old.triedSlot = -1;
      this.#tally(old, "tried", -1);
      this.#tally(old, "new", 1);
      this.place(old, this.newSlot(old, old.sourceGroup));
    }
    this.#tally(entry, "new", -1);
    this.#tally(entry, "tried", 1);
    this.tried.set(slot, entry);
    entry.triedSlot = slot;
    this.collisions.delete(entry);
  }

  /** One array and one text for all entries of a group: there are thousands of entries, and few groups. */
  #shared(group: Uint8Array): { readonly name: string; readonly bytes: Uint8Array } {
    const name = groupNameOf({ group });
    let known = this.#groups.get(name);
    if (known === undefined) {
      if (this.#groups.size >= GROUPS_MAX) this.#groups.clear();
      this.#groups.set(name, known = { name, bytes: group.slice() });
    }
    return known;
  }

  #nameOf({ host, port }: PeerAddress): string {
    return this.rules.identity === "host" ? host : `${host} ${port}`;
  }

  #tally({ network }: Entry, table: TableName, change: 1 | -1): void {
    let counts = this.#perNetwork.get(network);
    if (counts === undefined) this.#perNetwork.set(network, counts = { new: 0, tried: 0 });
    counts[table] += change;
    if (table === "new") this.#newCount += change;
  }
}
