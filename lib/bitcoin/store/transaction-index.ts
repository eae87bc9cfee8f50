/**
 * The transaction index in SQL. A row is a part of the txid and the transaction's place, 18 bytes with all that SQLite adds:
 * the txid itself is in the block, where the caller goes anyway, and there the rest of it is compared.
 *
 * @module
 */
import type { Database } from "../../core/ports.ts";
import type { BitcoinStep, TransactionPlace } from "../store.ts";
import { Block } from "../types/block.ts";
import { unknownBlock } from "./step.ts";

/** Transactions that one block may have in a place: far above the 16,666 of 60 bytes that fit. */
const PLACES_PER_BLOCK = 2 ** 17;

/** The transactions of one block, by txid. */
export interface IndexedBlock {
  readonly row: number;
  readonly txids: readonly Uint8Array[];
}

/** The transactions of a step, ids computed from the block where the step has none. `load` reads a stored block. */
export async function indexedOf(
  { transactions, blocks = [] }: BitcoinStep,
  load: (row: number) => Promise<Uint8Array | undefined>,
): Promise<{ readonly left: readonly IndexedBlock[]; readonly joined: readonly IndexedBlock[] }> {
  const raw = new Map(blocks.map((block) => [block.row, block.raw]));
  const complete = async (listed: readonly IndexedBlock[]): Promise<IndexedBlock[]> => {
    const found: IndexedBlock[] = [];
    for (const { row, txids } of listed) {
      if (txids.length > 0) {
        found.push({ row, txids });
        continue;
      }
      const bytes = raw.get(row) ?? await load(row);
      if (bytes === undefined) throw unknownBlock(row);
      found.push({ row, txids: Block.decode(bytes).txids() });
    }
    return found;
  };
  return { left: await complete(transactions?.left ?? []), joined: await complete(transactions?.joined ?? []) };
}

/** Six bytes of a txid as a number: among 10⁹ transactions a few thousand pairs share them. */
function keyOf(txid: Uint8Array): number {
  let key = 0;
  for (let i = 0; i < 6; i++) key = key * 256 + txid[i]!;
  return key;
}

/** Rows of blocks, by key: neighbours in the tree are written one after another. */
function rowsOf(blocks: readonly IndexedBlock[]): [number, number][] {
  return blocks
    .flatMap(({ row, txids }) => txids.map((txid, i): [number, number] => [keyOf(txid), row * PLACES_PER_BLOCK + i]))
    .sort(([a], [b]) => a - b);
}

/** Takes the blocks that left out of the index, then puts in those that joined. Inside a transaction. */
export async function moveTransactions(
  within: Database,
  left: readonly IndexedBlock[],
  joined: readonly IndexedBlock[],
): Promise<void> {
  await within.runMany("DELETE FROM bitcoin_transactions WHERE id = ? AND place = ?", rowsOf(left));
  await within.runMany(
    "INSERT INTO bitcoin_transactions (id, place) VALUES (?, ?) ON CONFLICT (id, place) DO NOTHING",
    rowsOf(joined),
  );
}

/** Where a transaction may be, the newest place first. */
export async function transactionCandidates(database: Database, txid: Uint8Array): Promise<TransactionPlace[]> {
  const rows = await database.all("SELECT place FROM bitcoin_transactions WHERE id = ? ORDER BY place DESC", [
    keyOf(txid),
  ]);
  return rows.map(({ place }) => ({
    row: Math.floor(Number(place) / PLACES_PER_BLOCK),
    index: Number(place) % PLACES_PER_BLOCK,
  }));
}
