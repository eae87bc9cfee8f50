/**
 * Which block lies where, in SQL; and for each block file how much of it is known, and up to which height it reaches.
 *
 * @module
 */
import type { Database } from "../../core/ports.ts";
import type { NewBlock } from "../store.ts";
import type { BlockPlace } from "./block-files.ts";
import { RECORD_HEAD_BYTES } from "./block-record.ts";
import { addToState, readState } from "./state.ts";
import { rowsAmong } from "../../storage/lookup.ts";

/** Where the block of a row lies; undefined when it is not stored. */
export async function placeOf(database: Database, row: number): Promise<BlockPlace | undefined> {
  const found = await database.get("SELECT file, start, bytes FROM bitcoin_blocks WHERE header = ?", [row]);
  return found && { file: Number(found.file), offset: Number(found.start), length: Number(found.bytes) };
}

/** Which of these rows have their block stored. */
export async function storedAmong(database: Database, rows: readonly number[]): Promise<Set<number>> {
  const sqlOf = (places: string) => `SELECT header FROM bitcoin_blocks WHERE header IN (${places})`;
  return new Set((await rowsAmong(database, rows, sqlOf)).map(({ header }) => Number(header)));
}

/** Whether a block is known to begin there. */
export async function isPlaceKnown(database: Database, { file, offset }: BlockPlace): Promise<boolean> {
  const found = await database.get("SELECT header FROM bitcoin_blocks WHERE file = ? AND start = ?", [file, offset]);
  return found !== undefined;
}

/** Enters blocks that are not stored. Inside a transaction. */
export async function insertBlocks(
  within: Database,
  blocks: readonly { readonly block: NewBlock; readonly place: BlockPlace }[],
): Promise<void> {
  if (blocks.length === 0) return;
  await within.runMany(
    "INSERT INTO bitcoin_blocks (header, file, start, bytes) VALUES (?, ?, ?, ?)",
    blocks.map(({ block, place }) => [block.row, place.file, place.offset, place.length]),
  );
  const files = Map.groupBy(blocks, ({ place }) => place.file);
  let grown = 0;
  for (const [file, inFile] of files) grown += await growFile(within, file, inFile);
  await addToState(within, "blocks", blocks.length);
  await addToState(within, "block_bytes", grown);
}

/** Notes blocks of one file; returns by how many bytes its known part grew. Blocks of a step lie in one file or two. */
async function growFile(
  within: Database,
  file: number,
  blocks: readonly { readonly block: NewBlock; readonly place: BlockPlace }[],
): Promise<number> {
  const found = await within.get("SELECT bytes, blocks, height_max FROM bitcoin_block_files WHERE file = ?", [file]);
  const known = Number(found?.bytes ?? 0);
  let [end, height] = [known, Number(found?.height_max ?? 0)];
  for (const { block, place } of blocks) {
    end = Math.max(end, place.offset + RECORD_HEAD_BYTES + place.length);
    height = Math.max(height, block.height);
  }
  await within.run(
    "INSERT INTO bitcoin_block_files (file, bytes, blocks, height_max) VALUES (?, ?, ?, ?) ON CONFLICT (file) DO UPDATE " +
      "SET bytes = excluded.bytes, blocks = excluded.blocks, height_max = excluded.height_max",
    [file, end, Number(found?.blocks ?? 0) + blocks.length, height],
  );
  return end - known;
}

/** How many bytes of each block file are indexed. */
export async function indexedEnds(database: Database): Promise<Map<number, number>> {
  const rows = await database.all("SELECT file, bytes FROM bitcoin_block_files");
  return new Map(rows.map(({ file, bytes }) => [Number(file), Number(bytes)]));
}

/**
 * Forgets files, the ones with the lowest blocks first and none with a block at or above `belowHeight`, until at most
 * `bytesMax` bytes are left. Returns the files and the rows of their blocks. Inside a transaction.
 */
export async function forgetFiles(
  within: Database,
  bytesMax: number,
  belowHeight: number,
): Promise<{ readonly files: readonly number[]; readonly rows: readonly number[] }> {
  let { blockBytes } = await countBlocks(within);
  const files: number[] = [];
  const rows: number[] = [];
  while (blockBytes > bytesMax) {
    const found = await within.get(
      "SELECT file, bytes FROM bitcoin_block_files WHERE height_max < ? ORDER BY height_max, file LIMIT 1",
      [belowHeight],
    );
    if (found === undefined) break;
    const file = Number(found.file);
    const blocks = await within.all("SELECT header FROM bitcoin_blocks WHERE file = ? ORDER BY header", [file]);
    for (const { header } of blocks) rows.push(Number(header));
    await within.run("DELETE FROM bitcoin_blocks WHERE file = ?", [file]);
    await within.run("DELETE FROM bitcoin_block_files WHERE file = ?", [file]);
    await addToState(within, "blocks", -blocks.length);
    await addToState(within, "block_bytes", -Number(found.bytes));
    files.push(file);
    blockBytes -= Number(found.bytes);
  }
  return { files, rows };
}

/** How many blocks are stored, and the bytes of their files. */
export async function countBlocks(
  database: Database,
): Promise<{ readonly blocks: number; readonly blockBytes: number }> {
  const blocks = await readState(database, "blocks") ?? 0;
  return { blocks, blockBytes: await readState(database, "block_bytes") ?? 0 };
}
