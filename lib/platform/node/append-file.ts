/**
 * Files that grow at their end, through `node:fs`.
 *
 * @module
 */
import { constants, readSync } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { AppendFile, FileFolder } from "../../core/ports.ts";
import { codeOf } from "./failures.ts";
import { fileFailure, makeDir, removeFile, syncFolder } from "./files.ts";

/** Parts up to this size are laid together, so that many small ones are one write. */
const GATHER_BYTES_MAX = 256 * 1024;
/** The gathered parts of one write. */
const CHUNK_BYTES_MAX = 1024 * 1024;
/** Reads up to this size are done on the spot: to hand them to another thread takes longer than they do. */
const AT_ONCE_BYTES_MAX = 64 * 1024;
const MODE = 0o600;

/** Makes a folder, if need be, for files that grow at their end; see `Platform.openFileFolder`. */
export async function openFileFolder(folder: string): Promise<FileFolder> {
  await makeDir(folder);
  const guarded = async <T>(name: string, work: (file: string) => Promise<T>): Promise<T> => {
    const file = path.join(folder, name);
    try {
      return await work(file);
    } catch (cause) {
      throw fileFailure(cause, file);
    }
  };
  return {
    list: () =>
      guarded(".", async () => {
        const names = (await readdir(folder)).sort();
        const found = await Promise.all(names.map(async (name) => ({ name, is: await stat(path.join(folder, name)) })));
        return found.filter(({ is }) => is.isFile()).map(({ name, is }) => ({ name, size: is.size }));
      }),
    open: (name, { create = false } = {}) =>
      guarded(name, async (file) => {
        try {
          return await openAppendFile(file, constants.O_RDWR | (create ? constants.O_CREAT : 0));
        } catch (cause) {
          if (codeOf(cause) === "ENOENT" && !create) return undefined;
          throw cause;
        }
      }),
    remove: (name) => guarded(name, removeFile),
  };
}

/** Opens one file, by the flags of `open`(2). Rejects with the system's error. */
export async function openAppendFile(file: string, flags: number): Promise<AppendFile> {
  const handle = await open(file, flags, MODE);
  const { size } = await handle.stat();
  return new HandleFile(handle, file, size);
}

/** Writes by position and not in append mode: what a failed write left behind is written over by the next. */
class HandleFile implements AppendFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  #size: number;
  /** A file that was just made has a name that only the folder's own sync makes durable. */
  #nameIsSafe: boolean;

  constructor(handle: FileHandle, path: string, size: number) {
    this.#handle = handle;
    this.#path = path;
    this.#size = size;
    this.#nameIsSafe = size > 0;
  }

  get size(): number {
    return this.#size;
  }

  append(parts: readonly Uint8Array[]): Promise<number> {
    return this.#guarded(async () => {
      const start = this.#size;
      let end = start;
      for (const chunk of gathered(parts)) {
        await this.#writeAll(chunk, end);
        end += chunk.length;
      }
      this.#size = end;
      return start;
    });
  }

  async #writeAll(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#guarded(async () => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, this.#size - offset)));
      for (let done = 0; done < bytes.length;) {
        const left = bytes.length - done;
        const bytesRead = left <= AT_ONCE_BYTES_MAX
          ? readSync(this.#handle.fd, bytes, done, left, offset + done)
          : (await this.#handle.read(bytes, done, left, offset + done)).bytesRead;
        // Somebody else cut the file.
        if (bytesRead === 0) return bytes.subarray(0, done);
        done += bytesRead;
      }
      return bytes;
    });
  }

  sync(): Promise<void> {
    return this.#guarded(async () => {
      await this.#handle.datasync();
      if (this.#nameIsSafe) return;
      await syncFolder(path.dirname(this.#path));
      this.#nameIsSafe = true;
    });
  }

  async truncate(size: number): Promise<void> {
    if (size > this.#size) throw new RangeError(`cannot cut ${this.#size} bytes to ${size}`);
    await this.#guarded(async () => {
      await this.#handle.truncate(size);
      this.#size = size;
    });
  }

  close(): Promise<void> {
    return this.#guarded(() => this.#handle.close());
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw fileFailure(cause, this.#path);
    }
  }
}

/** The parts as few writes: small ones copied together, large ones as they are. */
function* gathered(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  const together = () => {
    const chunk = new Uint8Array(bytes);
    let at = 0;
    for (const part of waiting) {
      chunk.set(part, at);
      at += part.length;
    }
    waiting = [];
    bytes = 0;
    return chunk;
  };
  for (const part of parts) {
    const large = part.length > GATHER_BYTES_MAX;
    if (bytes > 0 && (large || bytes + part.length > CHUNK_BYTES_MAX)) yield together();
    if (large) yield part;
    else {
      waiting.push(part);
      bytes += part.length;
    }
  }
  if (bytes > 0) yield together();
}
