/**
 * Block bytes in a table of the database: a row a block, written by the transaction of the commit that it comes with. So a
 * store needs no disk of its own. Each has the checksum that it would have in a file, as most servers keep none of what is
 * in their tables.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Database, SqlRow } from "../../core/ports.ts";
import { bytesOf } from "../../storage/columns.ts";
import { rowsAmong } from "../../storage/lookup.ts";
import type { NewBlock } from "../store.ts";
import { HEADER_BYTES } from "../types/header.ts";
import type { BlockBytes, FoundBlock, PrunedBlocks, StagedBlocks } from "./block-bytes.ts";
import { countBlocks } from "./block-index.ts";
import { checksumOf } from "./block-record.ts";
import { addToState } from "./state.ts";

/** Of blocks that are read one after another so many come with one question, those of them that are small. */
const AHEAD_BLOCKS = 32;
const AHEAD_BLOCK_BYTES = 8 * 1024;
/** Blocks that are forgotten by one question. */
const PRUNE_PAGE = 500;
/** Headers that are read at once by a scan: 80 bytes each. */
const SCAN_HEADERS = 1_000;

/** A block that its transaction is to write. */
interface NewRow {
  readonly block: NewBlock;
  /** The first 4 bytes of its SHA-256, little-endian. */
  readonly checksum: number;
}

/** Blocks that their transaction is to write, or to name where they lie. */
class StagedRows implements StagedBlocks {
  readonly fresh: readonly NewRow[];
  /** With the number below zero that each was set aside under. */
  readonly adopted: readonly { readonly block: NewBlock; readonly aside: number }[];

  constructor(fresh: StagedRows["fresh"], adopted: StagedRows["adopted"]) {
    this.fresh = fresh;
    this.adopted = adopted;
  }

  get blocks(): readonly NewBlock[] {
    return [...this.adopted, ...this.fresh].map(({ block }) => block);
  }
}

/**
 * {@link BlockBytes} in the table `bitcoin_block_bytes`. Its key is the header row; below zero are blocks that were set
 * aside to be named anew.
 */
export class TableBlocks implements BlockBytes {
  readonly #database: Database;
  /** What blocks were set aside under that were read to be named, by the memory that they were read into. */
  readonly #adoptable = new WeakMap<ArrayBufferLike, number>();
  /** Blocks that were read with another, by row: they are asked for next, or never. */
  #ahead = new Map<number, Uint8Array>();
  #lastRead = -1;

  constructor(database: Database) {
    this.#database = database;
  }

  async stage(blocks: readonly NewBlock[]): Promise<StagedBlocks> {
    const sqlOf = (places: string) => `SELECT header FROM bitcoin_block_bytes WHERE header IN (${places})`;
    const found = await rowsAmong(this.#database, blocks.map(({ row }) => row), sqlOf);
    const seen = new Set(found.map(({ header }) => Number(header)));
    const fresh: NewRow[] = [];
    const adopted: { block: NewBlock; aside: number }[] = [];
    for (const block of blocks) {
      if (seen.has(block.row)) continue;
      seen.add(block.row);
      const aside = this.#adoptable.get(block.raw.buffer);
      if (aside === undefined) fresh.push({ block, checksum: checksumOf(block.raw) });
      else adopted.push({ block, aside });
    }
    return new StagedRows(fresh, adopted);
  }

  async name(within: Database, staged: StagedBlocks): Promise<void> {
    if (!(staged instanceof StagedRows)) throw new TypeError("these blocks were staged elsewhere");
    const { fresh, adopted, blocks } = staged;
    if (blocks.length === 0) return;
    await within.runMany(
      "UPDATE bitcoin_block_bytes SET header = ?, height = ? WHERE header = ?",
      adopted.map(({ block, aside }) => [block.row, block.height, aside]),
    );
    await within.runMany(
      "INSERT INTO bitcoin_block_bytes (header, height, checksum, size, bytes) VALUES (?, ?, ?, ?, ?)",
      fresh.map(({ block: { row, height, raw }, checksum }) => [row, height, checksum, raw.length, raw]),
    );
    await addToState(within, "blocks", blocks.length);
    await addToState(within, "block_bytes", blocks.reduce((sum, { raw }) => sum + raw.length, 0));
  }

  /** They are where they were written. */
  named(): void {}

  async read(row: number): Promise<Uint8Array | undefined> {
    const known = this.#ahead.get(row);
    const isNext = row > this.#lastRead && row - this.#lastRead <= AHEAD_BLOCKS;
    this.#lastRead = row;
    if (known !== undefined) {
      this.#ahead.delete(row);
      return known;
    }
    const sql = "SELECT header, checksum, bytes FROM bitcoin_block_bytes WHERE header = ?";
    if (!isNext) return rawOf(await this.#database.get(sql, [row]));
    const more = "header > ? AND header < ? AND size <= ?";
    const found = await this.#database.all(`${sql} OR (${more})`, [row, row, row + AHEAD_BLOCKS, AHEAD_BLOCK_BYTES]);
    this.#ahead = new Map();
    for (const each of found) {
      // One that is damaged is told of when it is asked for.
      const raw = Number(each.header) === row ? undefined : soundOf(each);
      if (raw !== undefined) this.#ahead.set(Number(each.header), raw);
    }
    return rawOf(found.find(({ header }) => Number(header) === row));
  }

  async size(row: number): Promise<number | undefined> {
    const found = await this.#database.get("SELECT size FROM bitcoin_block_bytes WHERE header = ?", [row]);
    return found && Number(found.size);
  }

  async prune(within: Database, bytesMax: number, belowHeight: number): Promise<PrunedBlocks> {
    let { blockBytes: left } = await countBlocks(within);
    const before = left;
    const rows: number[] = [];
    while (left > bytesMax) {
      const lowest = await within.all(
        `SELECT header, size FROM bitcoin_block_bytes WHERE height < ? AND header >= 0 ORDER BY height, header LIMIT ${PRUNE_PAGE}`,
        [belowHeight],
      );
      const gone: number[] = [];
      for (const { header, size } of lowest) {
        if (left <= bytesMax) break;
        gone.push(Number(header));
        left -= Number(size);
      }
      await within.runMany("DELETE FROM bitcoin_block_bytes WHERE header = ?", gone.map((row) => [row]));
      rows.push(...gone);
      if (lowest.length < PRUNE_PAGE) break;
    }
    if (rows.length === 0) return { rows };
    await addToState(within, "blocks", -rows.length);
    await addToState(within, "block_bytes", left - before);
    return { rows };
  }

  /** The server gives their room to later blocks by itself. */
  async pruned(): Promise<void> {
    this.#ahead.clear();
  }

  /** What knows the headers was not lost without the blocks. */
  isOrphaned(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async setAside(within: Database): Promise<void> {
    // Below those that an earlier reindex, which did not end, has left aside.
    const found = await within.get("SELECT MIN(header) AS lowest FROM bitcoin_block_bytes");
    const lowest = Math.min(0, Number(found?.lowest ?? 0));
    await within.run("UPDATE bitcoin_block_bytes SET header = ? - header WHERE header >= 0", [lowest - 1]);
  }

  async resume(isReindexing: boolean): Promise<void> {
    if (!isReindexing) await this.#database.run("DELETE FROM bitcoin_block_bytes WHERE header < 0");
  }

  /** The blocks that are set aside; and with `header` those that are named too, which may be the parents of others. */
  async *scan(part: "block" | "header", onDamage: () => void = () => {}): AsyncGenerator<FoundBlock> {
    if (part === "block") yield* this.#scanBlocks(onDamage);
    else yield* this.#scanHeaders(onDamage);
  }

  async *#scanBlocks(onDamage: () => void): AsyncGenerator<FoundBlock> {
    const sql = "SELECT header, checksum, bytes FROM bitcoin_block_bytes WHERE header < ? ORDER BY header DESC LIMIT 1";
    for (let row = await this.#database.get(sql, [0]); row !== undefined;) {
      const aside = Number(row.header);
      const bytes = bytesOf(row.bytes);
      if (checksumOf(bytes) === Number(row.checksum)) yield this.#found(bytes, aside);
      else onDamage();
      row = await this.#database.get(sql, [aside]);
    }
  }

  async *#scanHeaders(onDamage: () => void): AsyncGenerator<FoundBlock> {
    // Below zero from the top, as they came; then from zero on.
    for (
      const [sql, from] of [
        [
          `SELECT header, SUBSTR(bytes, 1, 80) AS bytes FROM bitcoin_block_bytes WHERE header < ? ORDER BY header DESC LIMIT ${SCAN_HEADERS}`,
          0,
        ],
        [
          `SELECT header, SUBSTR(bytes, 1, 80) AS bytes FROM bitcoin_block_bytes WHERE header > ? ORDER BY header LIMIT ${SCAN_HEADERS}`,
          -1,
        ],
      ] as const
    ) {
      for (let last: number = from;;) {
        const rows = await this.#database.all(sql, [last]);
        for (const { header, bytes: value } of rows) {
          const bytes = bytesOf(value);
          last = Number(header);
          if (bytes.length === HEADER_BYTES) yield this.#found(bytes, last);
          else onDamage();
        }
        if (rows.length < SCAN_HEADERS) break;
      }
    }
  }

  #found(bytes: Uint8Array, row: number): FoundBlock {
    const isNamed = () => Promise.resolve(row >= 0);
    return { bytes, isNamed, adopt: () => void this.#adoptable.set(bytes.buffer, row) };
  }

  async close(): Promise<void> {}
}

/** The bytes of a row; undefined when they are not those that were written. */
function soundOf(found: SqlRow): Uint8Array | undefined {
  const raw = bytesOf(found.bytes);
  return checksumOf(raw) === Number(found.checksum) ? raw : undefined;
}

/** The bytes of a row. @throws NodeError `DATABASE_DAMAGED` when they are not those that were written */
function rawOf(found: SqlRow | undefined): Uint8Array | undefined {
  if (found === undefined) return undefined;
  const raw = soundOf(found);
  if (raw !== undefined) return raw;
  const row = Number(found.header);
  const text = `the block of header ${row} in the database is not what was written; restore a backup of the database`;
  throw new NodeError("DATABASE_DAMAGED", "self", text, { data: { row } });
}
