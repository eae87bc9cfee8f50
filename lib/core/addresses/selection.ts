/**
 * Drawing an address to dial, with the references' chances.
 *
 * @see Bitcoin Core `addrman.cpp` Select_; chia-blockchain 2.7.5 `address_manager.py` select_peer_
 * @module
 */
import type { Random } from "../ports.ts";
import { type Entry, selectionChance } from "./entry.ts";
import { BOOK, type TableName } from "./rules.ts";
import type { AddressTables } from "./tables.ts";

/** What may be drawn. */
export interface SelectOptions {
  /** Only addresses that have not answered us yet: what a feeler is for. */
  readonly newOnly?: boolean;
  /** Only these networks; all by default. */
  readonly networks?: readonly string[];
}

/** Chances are compared with a number of this many values, as both references do. */
const RESOLUTION = 2 ** 30;
/** The chance of what is drawn next, beside that of what was refused before. */
const GROWTH = 1.2;

/** Draws an entry; undefined when there is none to draw from. */
export function draw(
  tables: AddressTables,
  random: Random,
  nowS: number,
  { newOnly = false, networks }: SelectOptions,
): Entry | undefined {
  const counted = (table: TableName) =>
    networks === undefined
      ? tables.count(table)
      : networks.reduce((sum, network) => sum + tables.count(table, network), 0);
  const fresh = counted("new");
  const tried = newOnly ? 0 : counted("tried");
  if (fresh + tried === 0) return undefined;
  const table = tried > 0 && (fresh === 0 || random.below(2) === 0) ? "tried" : "new";
  for (let factor = 1;; factor *= GROWTH) {
    const entry = drawSlot(tables, random, table, networks);
    if (random.below(RESOLUTION) < factor * selectionChance(entry, nowS) * RESOLUTION) return entry;
  }
}

/** One occupied slot of a table that is known to have one. */
function drawSlot(
  tables: AddressTables,
  random: Random,
  name: TableName,
  networks: readonly string[] | undefined,
): Entry {
  const { rules } = tables;
  const table = tables[name];
  const size = BOOK.bucketSize;
  const fits = (entry: Entry | undefined): entry is Entry =>
    entry !== undefined && (networks === undefined || networks.includes(entry.network));
  for (;;) {
    // To draw among those that hold something is the same as to draw until one does, and quick in a small book too.
    let bucket = rules.draw.kind === "scan"
      ? table.filled[random.below(table.filled.length)] ?? 0
      : random.below(table.buckets);
    let position = random.below(size);
    if (rules.draw.kind === "scan") {
      for (let i = 0; i < size; i++) {
        const entry = table.at(bucket * size + (position + i) % size);
        if (fits(entry)) return entry;
      }
      continue;
    }
    if (table.occupied.length < Math.sqrt(table.capacity)) {
      const entry = table.at(table.occupied[random.below(table.occupied.length)] ?? -1);
      if (fits(entry)) return entry;
      continue;
    }
    let entry = table.at(bucket * size + position);
    while (entry === undefined) {
      bucket = (bucket + random.below(rules.draw.steps[name])) % table.buckets;
      position = random.below(size);
      entry = table.at(bucket * size + position);
    }
    if (fits(entry)) return entry;
  }
}
