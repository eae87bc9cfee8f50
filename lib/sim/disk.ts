/**
 * A disk that outlives the node which writes to it, and loses what was not synced when the power fails.
 *
 * A store is kept as the steps that it was given, each of them atomic, as a database's log keeps them: after a crash a
 * new store is made of the steps that survived, always the first ones. Files are replaced whole: a crash leaves the old
 * one or the new one.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { AppendFile, FileFolder } from "../core/ports.ts";
import type { SeededRandom } from "./random.ts";

/** Steps that a database may lose with the power: a journal in normal synchronous mode is synced now and then. */
const UNSYNCED_STEPS_MAX = 8;

/** What a disk does when the power fails; the planted bugs of the tests hang in here. */
export interface DiskFaults {
  /** What is left of a file that was being replaced. */
  settle(old: Uint8Array | undefined, young: Uint8Array, random: SeededRandom): Uint8Array | undefined;
  /** How long it takes to replace a file. */
  readonly writeMs: number;
  /** Steps that are lost although the database said that they were kept, and although it was closed in order. */
  readonly stepsLostAtStop?: number;
}

/** What a file system that keeps its word does. */
export const FAIR_DISK: DiskFaults = { writeMs: 4, settle: (old, young, random) => (random.chance(0.5) ? old : young) };

/** One node's disk. */
export class SimDisk {
  readonly #random: SeededRandom;
  readonly #faults: DiskFaults;
  readonly #steps: unknown[] = [];
  readonly #files = new Map<string, Uint8Array>();
  /** Contents that are being written. */
  readonly #writing = new Map<string, Uint8Array>();
  readonly #folders = new Map<string, Map<string, { bytes: Uint8Array; synced: number }>>();
  #lockedBy: object | undefined;

  constructor(random: SeededRandom, faults: DiskFaults = FAIR_DISK) {
    this.#random = random;
    this.#faults = faults;
  }

  /** How long it takes to replace a file. */
  get writeMs(): number {
    return this.#faults.writeMs;
  }

  /** The steps that a store was given and has. */
  steps<S>(): readonly S[] {
    return this.#steps as readonly S[];
  }

  /** A step that was made. */
  append(step: unknown): void {
    this.#steps.push(step);
  }

  /** The node stopped in order. */
  close(): void {
    this.#steps.length -= Math.min(this.#steps.length, this.#faults.stepsLostAtStop ?? 0);
  }

  /** The process died: files that were being written are the old ones or the new ones. */
  crash(): void {
    for (const [path, young] of this.#writing) {
      const left = this.#faults.settle(this.#files.get(path), young, this.#random);
      if (left === undefined) this.#files.delete(path);
      else this.#files.set(path, left);
    }
    this.#writing.clear();
    this.#lockedBy = undefined;
  }

  /** The power fails: beside that, some of the newest steps are as if they had never been. Returns how many. */
  losePower(): number {
    this.crash();
    const lost = Math.min(this.#steps.length, this.#random.below(UNSYNCED_STEPS_MAX + 1));
    this.#steps.length -= lost;
    for (const folder of this.#folders.values()) {
      for (const content of folder.values()) {
        // What was not synced may be there in part.
        const torn = content.synced + this.#random.below(content.bytes.length - content.synced + 1);
        content.bytes = content.bytes.slice(0, torn);
        content.synced = torn;
      }
    }
    return lost;
  }

  readFile(path: string): Promise<Uint8Array | undefined> {
    return Promise.resolve((this.#writing.get(path) ?? this.#files.get(path))?.slice());
  }

  /** Begins to replace a file; it is on the disk when {@link endWrite} is called. */
  beginWrite(path: string, bytes: Uint8Array): void {
    this.#writing.set(path, bytes.slice());
  }

  endWrite(path: string): void {
    const bytes = this.#writing.get(path);
    if (bytes !== undefined) this.#files.set(path, bytes);
    this.#writing.delete(path);
  }

  removeFile(path: string): Promise<void> {
    this.#files.delete(path);
    this.#writing.delete(path);
    return Promise.resolve();
  }

  lock(): Promise<{ release(): Promise<void> }> {
    if (this.#lockedBy !== undefined) {
      return Promise.reject(new NodeError("DATA_FOLDER_IN_USE", "self", "the data folder is in use"));
    }
    const holder = {};
    this.#lockedBy = holder;
    return Promise.resolve({
      release: () => {
        if (this.#lockedBy === holder) this.#lockedBy = undefined;
        return Promise.resolve();
      },
    });
  }

  folder(path: string): FileFolder {
    const files = this.#folders.get(path) ?? new Map<string, { bytes: Uint8Array; synced: number }>();
    this.#folders.set(path, files);
    return {
      list: () =>
        Promise.resolve(
          [...files].map(([name, { bytes }]) => ({ name, size: bytes.length })).sort((a, b) =>
            a.name < b.name ? -1 : 1
          ),
        ),
      open: (name, { create = false } = {}) => {
        const content = files.get(name) ?? (create ? { bytes: new Uint8Array(), synced: 0 } : undefined);
        if (content === undefined) return Promise.resolve(undefined);
        files.set(name, content);
        return Promise.resolve(appendFile(content));
      },
      remove: (name) => {
        files.delete(name);
        return Promise.resolve();
      },
    };
  }
}

function appendFile(content: { bytes: Uint8Array; synced: number }): AppendFile {
  return {
    get size() {
      return content.bytes.length;
    },
    append: (parts) => {
      const offset = content.bytes.length;
      const grown = new Uint8Array(parts.reduce((sum, part) => sum + part.length, offset));
      grown.set(content.bytes);
      let at = offset;
      for (const part of parts) {
        grown.set(part, at);
        at += part.length;
      }
      content.bytes = grown;
      return Promise.resolve(offset);
    },
    read: (offset, length) => Promise.resolve(content.bytes.slice(offset, offset + length)),
    sync: () => {
      content.synced = content.bytes.length;
      return Promise.resolve();
    },
    truncate: (size) => {
      content.bytes = content.bytes.slice(0, size);
      content.synced = Math.min(content.synced, size);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
