/**
 * What of the book its file holds, and what an import from another node brings.
 *
 * @module
 */
import type { Entry } from "./entry.ts";
import { BOOK } from "./rules.ts";
import type { AddressTables } from "./tables.ts";

/** One entry of {@link BookState}. Times are unix seconds. */
export interface EntryState {
  readonly host: string;
  readonly port: number;
  readonly services: bigint;
  /** Host or seed that told of it. */
  readonly source: string;
  readonly timeS: number;
  readonly lastTryS: number;
  readonly lastSuccessS: number;
  readonly attempts: number;
  readonly isTried: boolean;
  /** Its buckets in the new table; without any, that of its source. Positions follow from the key. */
  readonly newBuckets: readonly number[];
}

/** A whole book. */
export interface BookState {
  /** The secret key, 32 bytes. */
  readonly key: Uint8Array;
  /** The grouping under which the buckets were found (`AddressRules.grouping`). */
  readonly grouping: string;
  readonly lastGoodS: number;
  readonly entries: readonly EntryState[];
}

/** The state of the tables. Its entries are those of the tables, not copies: to be read before anything changes. */
export function snapshot(tables: AddressTables, key: Uint8Array, lastGoodS: number): BookState {
  return { key, grouping: tables.rules.grouping, lastGoodS, entries: tables.order };
}

/**
 * Fills empty tables. Places are found anew from the key, so that a file cannot put an entry where it does not belong;
 * who comes second to a slot loses it, and an entry without a slot is left out.
 */
export function restore(tables: AddressTables, state: BookState): void {
  const sameGroups = state.grouping === tables.rules.grouping;
  for (const kept of state.entries) {
    const located = tables.rules.locate(kept);
    if (located === undefined || tables.find(located) !== undefined) continue;
    const sourceGroup = tables.rules.sourceGroup(kept.source) ?? located.group;
    const entry = tables.create(located, kept.source, sourceGroup);
    entry.services = kept.services;
    entry.timeS = kept.timeS;
    entry.lastTryS = kept.lastTryS;
    entry.lastSuccessS = kept.lastSuccessS;
    entry.attempts = kept.attempts;
    if (kept.isTried && tables.tried.at(tables.triedSlot(entry)) === undefined) tables.makeTried(entry);
    else placeNew(tables, entry, sameGroups && !kept.isTried ? kept.newBuckets : [], sourceGroup);
  }
}

/** Puts an entry into those of its slots that are free, at least one of its source's if that is; or forgets it. */
function placeNew(
  tables: AddressTables,
  entry: Entry,
  buckets: readonly number[],
  sourceGroup: Uint8Array,
): void {
  const slots = buckets.length > 0
    ? buckets.slice(0, BOOK.referencesMax).map((bucket) => tables.slot("new", entry, bucket))
    : [tables.newSlot(entry, sourceGroup)];
  for (const slot of slots) if (tables.new.at(slot) === undefined) tables.place(entry, slot);
  if (entry.references === 0) tables.drop(entry);
}
