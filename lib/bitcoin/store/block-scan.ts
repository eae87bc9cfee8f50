/**
 * Reads block files without an index.
 *
 * @see Bitcoin Core `validation.cpp` (LoadExternalBlockFile), which looks for the magic in the same way
 * @module
 */
import { HEADER_BYTES } from "../types/header.ts";
import type { BlockFiles, BlockPlace } from "./block-files.ts";
import { checksumOf, readRecordHead, RECORD_HEAD_BYTES, type RecordHead } from "./block-record.ts";

/** How far one look for the next magic goes. */
const SEARCH_BYTES = 64 * 1024;

/** A record that was found. */
export interface ScannedBlock {
  readonly place: BlockPlace;
  /** The whole block, or its first 80 bytes. */
  readonly bytes: Uint8Array;
}

/**
 * The blocks of all files in the order in which they lie. With `part` `block` each is checked against its checksum; with
 * `header` only its first bytes are read, and the caller checks their proof of work. Where there is no good record,
 * the next one is looked for by its magic, and `onDamage` hears of the place.
 */
export async function* scanBlocks(
  files: BlockFiles,
  part: "block" | "header",
  onDamage: (file: number, offset: number) => void = () => {},
): AsyncGenerator<ScannedBlock> {
  for (const { file, size } of await files.list()) {
    let offset = 0;
    let good = true;
    /** Where to look for a magic when there is none at `offset`. */
    let from = 1;
    while (offset + RECORD_HEAD_BYTES + HEADER_BYTES <= size) {
      const found = await recordAt(files, { file, offset, size }, part);
      if (found !== undefined) {
        yield found;
        // Without its checksum a record's length may be wrong: then the next one is looked for from its header on.
        from = offset + RECORD_HEAD_BYTES + HEADER_BYTES;
        offset += RECORD_HEAD_BYTES + found.place.length;
        if (part === "block") from = offset + 1;
        good = true;
        continue;
      }
      if (good) onDamage(file, offset);
      good = false;
      offset = await nextMagic(files, file, from, size);
      from = offset + 1;
    }
    if (good && offset < size) onDamage(file, offset);
  }
}

async function recordAt(
  files: BlockFiles,
  { file, offset, size }: { readonly file: number; readonly offset: number; readonly size: number },
  part: "block" | "header",
): Promise<ScannedBlock | undefined> {
  const start = await files.readBytes(file, offset, RECORD_HEAD_BYTES + HEADER_BYTES);
  const head = start && readRecordHead(files.magic, start);
  if (start?.length !== RECORD_HEAD_BYTES + HEADER_BYTES || head === undefined || head.length < HEADER_BYTES) {
    return undefined;
  }
  if (part === "header") {
    const length = Math.min(head.length, size - offset - RECORD_HEAD_BYTES);
    return { place: { file, offset, length }, bytes: start.subarray(RECORD_HEAD_BYTES) };
  }
  const place = { file, offset, length: head.length };
  const bytes = await wholeBlock(files, place, head);
  return bytes && { place, bytes };
}

async function wholeBlock(files: BlockFiles, { file, offset }: BlockPlace, head: RecordHead) {
  const bytes = await files.readBytes(file, offset + RECORD_HEAD_BYTES, head.length);
  return bytes?.length === head.length && checksumOf(bytes) === head.checksum ? bytes : undefined;
}

/** Where the next magic is from `from` on; the file's size when there is none. */
async function nextMagic(files: BlockFiles, file: number, from: number, size: number): Promise<number> {
  const { magic } = files;
  for (let at = from; at < size;) {
    const bytes = await files.readBytes(file, at, SEARCH_BYTES) ?? new Uint8Array();
    for (let i = bytes.indexOf(magic[0]!); i >= 0; i = bytes.indexOf(magic[0]!, i + 1)) {
      if (magic.every((byte, k) => bytes[i + k] === byte)) return at + i;
    }
    // The last bytes are searched again: a magic may begin in them.
    if (bytes.length < SEARCH_BYTES) return size;
    at += bytes.length - magic.length + 1;
  }
  return size;
}
