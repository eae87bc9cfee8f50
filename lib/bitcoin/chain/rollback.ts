/**
 * The coins as they were after an earlier block of the active chain, without taking the chain back: the blocks since then are
 * taken back in memory, over a reading of the coins as they are.
 *
 * Core takes its whole node back, with the network switched off, and forwards again. What it costs here is memory for the
 * coins that these blocks made or spent.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (dumptxoutset, TemporaryRollback)
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { type ByteTable, TABLE_SECRET_BYTES } from "../../storage/byte-table.ts";
import { compareParts } from "../../storage/runs/entries.ts";
import type { MergedEntry } from "../../storage/runs/merging.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import type { BitcoinStore, CoinReading } from "../store.ts";
import { CoinState } from "./coins.ts";
import type { ChainCommit } from "./commit.ts";
import { betweenRows } from "./rows.ts";
import { neededBlock } from "./stored-blocks.ts";

/** What is needed to take blocks back in memory. */
export interface RollbackParts {
  readonly headers: HeaderChain;
  readonly store: Pick<BitcoinStore, "block" | "coinUndo">;
  readonly commit: ChainCommit;
  readonly clock: Clock;
  readonly random: Random;
  /** Memory for coins that blocks made or spent, in bytes. */
  readonly bytesMax: number;
  /** The block of a snapshot that is not validated: from there down nothing can be taken back. */
  readonly base: number | undefined;
}

/** Why coins cannot be told as they were. */
export type RollbackCode = "ROLLBACK_IMPOSSIBLE" | "ROLLBACK_TOO_FAR";

/**
 * A reading of the coins as they were after `target`, which is to be an ancestor of the block that `reading` is of.
 * @throws NodeError with a {@link RollbackCode}, `DATABASE_DAMAGED`, or the signal's reason
 */
export async function rolledBack(
  parts: RollbackParts,
  reading: CoinReading,
  target: number,
  signal: AbortSignal,
): Promise<CoinReading> {
  const { headers, store, commit, clock, random, bytesMax, base } = parts;
  const { at = 0, transactions } = reading;
  if (headers.commonAncestor(target, at) !== target) throw impossible("Could not roll back to requested height.");
  const rows = betweenRows(headers, target, at).reverse();
  const isThere = (row: number) => row !== base && (headers.status(row) & HeaderStatus.data) !== 0;
  if (!rows.every(isThere)) {
    throw impossible("Could not roll back to requested height since necessary block data is already pruned.");
  }
  const nothing = () => Promise.reject(new TypeError("nothing is read to take blocks back"));
  const coins = new CoinState(at, {
    store: { coins: nothing, coinUndo: (row) => store.coinUndo(row) },
    waitingUndo: (row) => commit.undoOf(row),
    secret: random.bytes(TABLE_SECRET_BYTES),
    transactions,
  });
  for (const row of rows) {
    signal.throwIfAborted();
    await coins.undo(await neededBlock(parts, row), headers.parent(row));
    if (coins.bytes > bytesMax) {
      const text = `the memory for coins (--coins-cache) suffices to go back to height ${
        headers.height(coins.at)
      } only`;
      throw new NodeError<RollbackCode>("ROLLBACK_TOO_FAR", "self", text);
    }
    await clock.sleep(0);
  }
  const { changed, ...stands } = coins.freeze();
  return { ...stands, all: (take, signal) => over(reading, changed, take, signal) };
}

const impossible = (text: string) => new NodeError<RollbackCode>("ROLLBACK_IMPOSSIBLE", "self", text);

/** Goes through the entries of a reading, with those of a table in the place of its own. */
async function over(
  reading: CoinReading,
  changed: ByteTable,
  take: (entry: MergedEntry) => Promise<void> | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const young = new Cursor(changed);
  const replace = async (entry: MergedEntry) => {
    await giveUpTo(entry);
    if (young.next === undefined || compare(young.next, entry) !== 0) await take(entry);
  };
  /** Gives what comes before an entry; all that is left without one. What is in the entry's place is given next time. */
  const giveUpTo = async (entry: MergedEntry | undefined) => {
    for (; young.next !== undefined && (entry === undefined || compare(young.next, entry) < 0); young.step()) {
      if (young.next.valueLength >= 0) await take(young.next);
    }
  };
  await reading.all(
    (entry) => young.next === undefined || compare(young.next, entry) > 0 ? take(entry) : replace(entry),
    signal,
  );
  await giveUpTo(undefined);
}

const compare = (a: MergedEntry, b: MergedEntry) => compareParts(a.key, 0, a.keyLength, b.key, 0, b.keyLength);

/** The entries of a table, one after the other, rising. */
class Cursor {
  readonly #pauses: Iterator<void>;
  #batch: MergedEntry[] = [];
  #at = 0;

  constructor(table: ByteTable) {
    this.#pauses = table.drain((key, keyAt, keyLength, value, valueAt, valueLength) =>
      void this.#batch.push({
        ...{ key: key.slice(keyAt, keyAt + keyLength), keyLength, valueAt: 0, valueLength },
        bytes: value.slice(valueAt, valueAt + Math.max(0, valueLength)),
      })
    );
    this.#fill();
  }

  /** The entry that it stands at; undefined behind the last. */
  get next(): MergedEntry | undefined {
    return this.#batch[this.#at];
  }

  step(): void {
    this.#at += 1;
    if (this.#at === this.#batch.length) this.#fill();
  }

  #fill(): void {
    [this.#batch, this.#at] = [[], 0];
    while (this.#batch.length === 0 && this.#pauses.next().done !== true);
  }
}
