/**
 * Blocks in flat files that only grow: `blk00000.dat`, `blk00001.dat`, … Where each block lies is the database's to know.
 * A block is on disk before the database is told of it, so a crash leaves at most a tail that nothing refers to; it is
 * cut off before the next block is written.
 *
 * @see Bitcoin Core `node/blockstorage.cpp`, whose files have the same names and heads without a checksum
 * @module
 */
import type { Sized } from "../../codec/sized.ts";
import { NodeError } from "../../core/errors.ts";
import type { AppendFile, FileFolder } from "../../core/ports.ts";
import { checksumOf, readRecordHead, RECORD_HEAD_BYTES, recordHead } from "./block-record.ts";

/** Where a block lies. */
export interface BlockPlace {
  /** Number of the file. */
  readonly file: number;
  /** Where its record begins. */
  readonly offset: number;
  /** Bytes of the block, without the head of its record. */
  readonly length: number;
}

/** How {@link BlockFiles} are laid out. */
export interface BlockFilesOptions {
  /** First bytes of each record: the network's. */
  readonly magic: Sized<4>;
  /** A file gets no further block when it would be longer; 128 MiB by default, as in Core. Pruning removes whole files. */
  readonly fileBytesMax?: number;
}

const FILE_BYTES_MAX = 128 * 1024 * 1024;
/** Files that are kept open. */
const OPEN_MAX = 16;
const NAME = /^blk(\d{5,9})\.dat$/;

/** The name of a file by its number. */
export const blockFileName = (file: number): string => `blk${String(file).padStart(5, "0")}.dat`;

interface OpenFile {
  readonly opening: Promise<AppendFile | undefined>;
  /** Calls that are using it or wait for it to open; it is not closed before they end. */
  users: number;
  /** No longer in the list of open files: closed by the last user. */
  gone: boolean;
}

/** The block files of one network. Owned by its store, which makes one call that writes after another. */
export class BlockFiles {
  readonly magic: Sized<4>;
  readonly #folder: FileFolder;
  readonly #fileBytesMax: number;
  /** By number, the one unused for longest first. */
  readonly #open = new Map<number, OpenFile>();
  /** End of what the database knows of; what lies behind is cut off. */
  #kept = { file: 0, size: 0 };
  #end = this.#kept;

  constructor(folder: FileFolder, options: BlockFilesOptions) {
    this.#folder = folder;
    this.magic = options.magic;
    this.#fileBytesMax = options.fileBytesMax ?? FILE_BYTES_MAX;
  }

  /** The files that are there, rising by number. */
  async list(): Promise<{ readonly file: number; readonly size: number }[]> {
    const found = (await this.#folder.list()).flatMap(({ name, size }) => {
      const number = NAME.exec(name)?.[1];
      return number === undefined ? [] : [{ file: Number(number), size }];
    });
    return found.sort((a, b) => a.file - b.file);
  }

  /**
   * Takes up where the database stands: `ends` tells for each file how many of its bytes are indexed. With `keepOthers`
   * no file is touched, and new blocks go to a new one; otherwise files and a tail that the database does not know are
   * removed.
   * @throws NodeError `DATABASE_DAMAGED` when a file is missing or too short
   */
  async resume(ends: ReadonlyMap<number, number>, keepOthers: boolean): Promise<void> {
    const found = await this.list();
    const sizes = new Map(found.map(({ file, size }) => [file, size]));
    for (const [file, end] of ends) {
      const size = sizes.get(file);
      if (size === undefined) throw damaged(file, "it is missing");
      if (size < end) throw damaged(file, `it has ${size} bytes of ${end}`);
    }
    const last = keepOthers ? Math.max(-1, ...sizes.keys()) + 1 : Math.max(0, ...ends.keys());
    this.#kept = { file: last, size: keepOthers ? 0 : ends.get(last) ?? 0 };
    this.#end = this.#kept;
    if (keepOthers) return;
    for (const { file } of found) if (!ends.has(file)) await this.#forget(file);
    if ((sizes.get(last) ?? 0) > this.#kept.size) await this.#cut(this.#kept);
  }

  /**
   * Appends blocks and resolves with their places when they are on disk. They stay only if {@link BlockFiles.keep}
   * follows; otherwise the next write takes their room.
   */
  async write(blocks: readonly Uint8Array[]): Promise<BlockPlace[]> {
    await this.#undo();
    const places: BlockPlace[] = [];
    let parts: Uint8Array[] = [];
    let { file, size } = this.#end;
    for (const raw of blocks) {
      const bytes = RECORD_HEAD_BYTES + raw.length;
      if (size > 0 && size + bytes > this.#fileBytesMax) {
        await this.#append(file, parts);
        parts = [];
        file += 1;
        size = 0;
      }
      places.push({ file, offset: size, length: raw.length });
      parts.push(recordHead(this.magic, raw), raw);
      size += bytes;
    }
    await this.#append(file, parts);
    return places;
  }

  async #append(number: number, parts: readonly Uint8Array[]): Promise<void> {
    if (parts.length === 0) return;
    await this.#use(number, true, async (file) => {
      // Remembered before the first byte: a write that fails half-way is undone like one that was not kept.
      this.#end = { file: number, size: Infinity };
      if (file.size !== (number === this.#kept.file ? this.#kept.size : 0)) {
        throw damaged(number, `it has ${file.size} bytes and nobody else may write to it`);
      }
      await file.append(parts);
      await file.sync();
      this.#end = { file: number, size: file.size };
    });
  }

  /** What was written is known to the database now. */
  keep(): void {
    this.#kept = this.#end;
  }

  async #undo(): Promise<void> {
    if (this.#end === this.#kept) return;
    for (let file = this.#end.file; file > this.#kept.file; file--) await this.#forget(file);
    await this.#cut(this.#kept);
    this.#end = this.#kept;
  }

  async #cut({ file, size }: { readonly file: number; readonly size: number }): Promise<void> {
    await this.#use(file, false, (opened) => opened.size > size ? opened.truncate(size) : Promise.resolve());
  }

  /**
   * The block at a place, checked against its checksum.
   * @throws NodeError `DATABASE_DAMAGED`
   */
  async read({ file, offset, length }: BlockPlace): Promise<Uint8Array> {
    const record = await this.readBytes(file, offset, RECORD_HEAD_BYTES + length);
    if (record === undefined) throw damaged(file, "it is missing");
    if (record.length !== RECORD_HEAD_BYTES + length) throw damaged(file, `it ends within the block at ${offset}`);
    const head = readRecordHead(this.magic, record);
    const raw = record.subarray(RECORD_HEAD_BYTES);
    if (head?.length !== length || head.checksum !== checksumOf(raw)) {
      throw damaged(file, `the block at ${offset} is not what was written`);
    }
    return raw;
  }

  /** Bytes of a file as they are; fewer where it ends, undefined when there is no such file. */
  readBytes(file: number, offset: number, length: number): Promise<Uint8Array | undefined> {
    return this.#use(file, false, (opened) => opened.read(offset, length));
  }

  /** Removes a file that the database no longer knows. */
  async remove(file: number): Promise<void> {
    if (file === this.#end.file) this.#end = this.#kept = { file: file + 1, size: 0 };
    await this.#forget(file);
  }

  async #forget(file: number): Promise<void> {
    await this.#release(file);
    await this.#folder.remove(blockFileName(file));
  }

  /** Closes all files. Reads that are under way are not waited for, but get their bytes. */
  async close(): Promise<void> {
    for (const file of [...this.#open.keys()]) await this.#release(file);
  }

  async #use<T>(number: number, create: false, work: (file: AppendFile) => Promise<T>): Promise<T | undefined>;
  async #use<T>(number: number, create: true, work: (file: AppendFile) => Promise<T>): Promise<T>;
  async #use<T>(number: number, create: boolean, work: (file: AppendFile) => Promise<T>): Promise<T | undefined> {
    for (;;) {
      const entry = this.#enter(number, create);
      entry.users += 1;
      try {
        const file = await entry.opening;
        if (file !== undefined) return await work(file);
      } finally {
        entry.users -= 1;
        await this.#leave(entry);
      }
      if (!create) return undefined;
      // Somebody who only wanted to read was first, when there was no file yet.
    }
  }

  #enter(number: number, create: boolean): OpenFile {
    const known = this.#open.get(number);
    this.#open.delete(number);
    const entry = known ?? { opening: this.#folder.open(blockFileName(number), { create }), users: 0, gone: false };
    this.#open.set(number, entry);
    if (known === undefined) {
      const forget = () => void (this.#open.get(number) === entry && this.#open.delete(number));
      entry.opening.then((file) => file ?? forget(), forget);
    }
    return entry;
  }

  /** Closes what nobody uses: this file, when it was given up, and the ones unused for longest, when there are too many. */
  async #leave(entry: OpenFile): Promise<void> {
    const idle = entry.gone && entry.users === 0 ? [entry] : [];
    for (const [number, other] of this.#open) {
      if (this.#open.size <= OPEN_MAX) break;
      if (other.users > 0) continue;
      this.#open.delete(number);
      other.gone = true;
      idle.push(other);
    }
    for (const { opening } of idle) await (await opening.catch(() => undefined))?.close();
  }

  async #release(number: number): Promise<void> {
    const entry = this.#open.get(number);
    if (entry === undefined) return;
    this.#open.delete(number);
    entry.gone = true;
    if (entry.users === 0) await this.#leave(entry);
  }
}

/** What is said of a file that is not as the database knows it. */
export function damaged(file: number, why: string): NodeError<"DATABASE_DAMAGED"> {
  const name = blockFileName(file);
  return new NodeError(
    "DATABASE_DAMAGED",
    "self",
    `block file ${name} is damaged: ${why}; start with --reindex to go on from what is good in the block files`,
    { data: { file: name } },
  );
}
