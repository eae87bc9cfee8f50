/**
 * Several runs read as one: of a key that is in more than one the newest counts.
 *
 * @module
 */
import { compareParts } from "./entries.ts";
import type { Run } from "./run.ts";

/** Where the reading of one run stands: at an entry, or at its end. */
class Cursor {
  readonly #blocks: AsyncGenerator<Uint8Array>;
  #block: Uint8Array = new Uint8Array();
  #at = 0;
  readonly key: Uint8Array = new Uint8Array(255);
  keyLength = 0;
  /** The first four bytes of the key, as a number whose order is theirs. */
  head = 0;
  valueAt = 0;
  /** −1 for a key that is gone. */
  valueLength = 0;
  isAtEnd = false;

  constructor(run: Run) {
    this.#blocks = run.blocks();
  }

  get bytes(): Uint8Array {
    return this.#block;
  }

  /** Whether the next entry needs another block to be read. */
  get needsBlock(): boolean {
    return this.#at >= this.#block.length;
  }

  async load(): Promise<void> {
    const { value, done } = await this.#blocks.next();
    if (done) this.isAtEnd = true;
    else {
      this.#block = value;
      this.#at = 0;
      this.step();
    }
  }

  /** Goes to the next entry of the block. */
  step(): void {
    const block = this.#block;
    let at = this.#at;
    const shared = block[at++]!;
    const more = block[at++]!;
    let length = 0;
    for (let shift = 0;; shift += 7) {
      const byte = block[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const key = this.key;
    for (let i = 0; i < more; i++) key[shared + i] = block[at + i]!;
    this.keyLength = shared + more;
    if (shared < 4) {
      let head = 0;
      for (let i = 0; i < 4; i++) head = (head << 8) | (i < this.keyLength ? key[i]! : 0);
      this.head = head >>> 0;
    }
    this.valueAt = at + more;
    this.valueLength = length - 1;
    this.#at = this.valueAt + Math.max(0, this.valueLength);
  }

  async end(): Promise<void> {
    await this.#blocks.return(undefined);
  }
}

function isBefore(a: Cursor, b: Cursor): boolean {
  if (a.head !== b.head) return a.head < b.head;
  return compareParts(a.key, 0, a.keyLength, b.key, 0, b.keyLength) < 0;
}

const isSame = (a: Cursor, b: Cursor) =>
  a.head === b.head && compareParts(a.key, 0, a.keyLength, b.key, 0, b.keyLength) === 0;

/** An entry of {@link merged}; its bytes are good until the next one. */
export type MergedEntry = Pick<Cursor, "key" | "keyLength" | "bytes" | "valueAt" | "valueLength">;

/**
 * Goes through the entries of several runs, the newest run first, in the order of their keys. `take` is called for each;
 * what it returns is waited for when it is a promise. A read that takes long gives others their turn.
 *
 * @throws NodeError `DATABASE_DAMAGED`
 */
export async function merged(
  runs: readonly Run[],
  take: (entry: MergedEntry) => Promise<void> | undefined,
  signal?: AbortSignal,
): Promise<void> {
  for (const run of runs) run.enter();
  const cursors = runs.map((run) => new Cursor(run));
  try {
    for (const cursor of cursors) await cursor.load();
    let left = cursors.filter(({ isAtEnd }) => !isAtEnd);
    while (left.length > 0) {
      let least = left[0]!;
      for (let i = 1; i < left.length; i++) if (isBefore(left[i]!, least)) least = left[i]!;
      const taken = take(least);
      if (taken !== undefined) await taken;
      let ended = false;
      // The newest first: it was chosen, and the older ones of the same key are passed over.
      for (const cursor of left) {
        if (cursor === least || !isSame(cursor, least)) continue;
        if (cursor.needsBlock) {
          await cursor.load();
          ended ||= cursor.isAtEnd;
        } else cursor.step();
      }
      if (least.needsBlock) {
        signal?.throwIfAborted();
        await least.load();
        ended ||= least.isAtEnd;
      } else least.step();
      if (ended) left = left.filter(({ isAtEnd }) => !isAtEnd);
    }
  } finally {
    for (const cursor of cursors) await cursor.end();
    for (const run of runs) await run.leave();
  }
}
