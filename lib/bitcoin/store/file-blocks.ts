/**
 * Block bytes in flat files, and in SQL where each block lies. What a commit names is on disk before its transaction.
 *
 * @module
 */
import type { Database } from "../../core/ports.ts";
import type { NewBlock } from "../store.ts";
import type { BlockBytes, FoundBlock, PrunedBlocks, StagedBlocks } from "./block-bytes.ts";
import type { BlockFiles, BlockPlace } from "./block-files.ts";
import { forgetFiles, indexedEnds, insertBlocks, isPlaceKnown, placeOf, storedAmong } from "./block-index.ts";
import { scanBlocks } from "./block-scan.ts";

/** A block, and where it lies. */
interface PlacedBlock {
  readonly block: NewBlock;
  readonly place: BlockPlace;
}

/** Blocks that are on disk. */
class PlacedBlocks implements StagedBlocks {
  readonly placed: readonly PlacedBlock[];
  /** Whether files have grown for them. */
  readonly isWritten: boolean;

  constructor(placed: readonly PlacedBlock[], isWritten: boolean) {
    this.placed = placed;
    this.isWritten = isWritten;
  }

  get blocks(): readonly NewBlock[] {
    return this.placed.map(({ block }) => block);
  }
}

/** Blocks that were forgotten with their files. */
class PrunedFiles implements PrunedBlocks {
  readonly files: readonly number[];
  readonly rows: readonly number[];

  constructor({ files, rows }: { readonly files: readonly number[]; readonly rows: readonly number[] }) {
    this.files = files;
    this.rows = rows;
  }
}

/** {@link BlockBytes} in {@link BlockFiles}. Pruning removes whole files. */
export class FileBlocks implements BlockBytes {
  readonly #database: Database;
  readonly #files: BlockFiles;
  /** Where blocks lie that were read from a file to be named, by the memory that they were read into. */
  readonly #adoptable = new WeakMap<ArrayBufferLike, BlockPlace>();

  constructor(database: Database, files: BlockFiles) {
    this.#database = database;
    this.#files = files;
  }

  async stage(blocks: readonly NewBlock[]): Promise<StagedBlocks> {
    const stored = await storedAmong(this.#database, blocks.map(({ row }) => row));
    const missing = new Map<number, NewBlock>();
    for (const block of blocks) {
      if (!missing.has(block.row) && !stored.has(block.row)) missing.set(block.row, block);
    }
    const adopted: PlacedBlock[] = [];
    const fresh: NewBlock[] = [];
    for (const block of missing.values()) {
      const place = this.#adoptable.get(block.raw.buffer);
      if (place === undefined) fresh.push(block);
      else adopted.push({ block, place });
    }
    const places = fresh.length === 0 ? [] : await this.#files.write(fresh.map(({ raw }) => raw));
    const written = fresh.map((block, i) => ({ block, place: places[i]! }));
    return new PlacedBlocks([...adopted, ...written], fresh.length > 0);
  }

  async name(within: Database, staged: StagedBlocks): Promise<void> {
    await insertBlocks(within, own(staged, PlacedBlocks).placed);
  }

  named(staged: StagedBlocks): void {
    if (own(staged, PlacedBlocks).isWritten) this.#files.keep();
  }

  async read(row: number): Promise<Uint8Array | undefined> {
    const place = await placeOf(this.#database, row);
    if (place === undefined) return undefined;
    try {
      return await this.#files.read(place);
    } catch (thrown) {
      // Pruned while it was read: that is no damage.
      if (await placeOf(this.#database, row) === undefined) return undefined;
      throw thrown;
    }
  }

  async size(row: number): Promise<number | undefined> {
    return (await placeOf(this.#database, row))?.length;
  }

  async prune(within: Database, bytesMax: number, belowHeight: number): Promise<PrunedBlocks> {
    return new PrunedFiles(await forgetFiles(within, bytesMax, belowHeight));
  }

  async pruned(gone: PrunedBlocks): Promise<void> {
    const { files } = own(gone, PrunedFiles);
    if (files.length === 0) return;
    // A file may go only when no loss of power can bring back the rows that refer to it. One that is in the way of
    // somebody else's reading stays, and is removed at the next start.
    if (!await this.#database.checkpoint()) return;
    for (const file of files) await this.#files.remove(file);
  }

  async isOrphaned(): Promise<boolean> {
    return (await this.#files.list()).some(({ size }) => size > 0);
  }

  /** The index is emptied with all tables of the chain, and the files are as they were. */
  async setAside(): Promise<void> {}

  async resume(isReindexing: boolean): Promise<void> {
    await this.#files.resume(await indexedEnds(this.#database), isReindexing);
  }

  async *scan(part: "block" | "header", onDamage: () => void = () => {}): AsyncGenerator<FoundBlock> {
    for await (const { bytes, place } of scanBlocks(this.#files, part, onDamage)) {
      yield {
        bytes,
        isNamed: () => isPlaceKnown(this.#database, place),
        adopt: () => void this.#adoptable.set(bytes.buffer, place),
      };
    }
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

function own<T extends object>(made: object, by: new (...made: never[]) => T): T {
  if (!(made instanceof by)) throw new TypeError("these blocks were staged elsewhere");
  return made;
}
