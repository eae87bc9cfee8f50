/**
 * A folder of files in memory that outlives the node which writes to it, and that can fail: at any call, half-way
 * through a write, and with the loss of all that was not synced.
 *
 * @module
 */
import type { AppendFile, FileFolder, NamedFiles } from "../../lib/core/ports.ts";

interface Content {
  bytes: Uint8Array;
  /** Bytes that a loss of power leaves. */
  synced: number;
}

/** What a node's calls go through: throws when the node is to die, and ever after. */
export interface Fate {
  /** `partly` is done when this very call is the last one. */
  step(partly?: () => void): void;
}

const IMMORTAL: Fate = { step: () => {} };

/** The files; `open` gives a view of them for one life of the node. */
export class MemoryFolder {
  readonly files = new Map<string, Content>();

  /** Takes away what a loss of power takes. */
  losePower(): void {
    for (const content of this.files.values()) content.bytes = content.bytes.slice(0, content.synced);
  }

  /** The same files, apart from these. */
  copy(): MemoryFolder {
    const copy = new MemoryFolder();
    for (const [name, { bytes, synced }] of this.files) copy.files.set(name, { bytes: bytes.slice(), synced });
    return copy;
  }

  /** The same files by path, of which relative ones are below `folder`. */
  named(folder: string): NamedFiles {
    const view = this.view();
    const opened = async (path: string, create: boolean) => {
      const file = await view.open(path, { create });
      if (file === undefined) throw new Error(`${path} is not there`);
      return file;
    };
    return {
      path: (name) => name.startsWith("/") ? name : `${folder}/${name}`,
      exists: async (path) => this.files.has(path),
      create: async (path) => {
        if (path.startsWith("/nowhere/")) throw new Error("no such folder");
        this.files.delete(path);
        return await opened(path, true);
      },
      open: (path) => opened(path, false),
      rename: async (from, to) => {
        this.files.set(to, this.files.get(from)!);
        this.files.delete(from);
      },
      remove: (path) => view.remove(path),
    };
  }

  view(fate: Fate = IMMORTAL): FileFolder {
    return {
      list: async () => {
        fate.step();
        return [...this.files].map(([name, { bytes }]) => ({ name, size: bytes.length }))
          .sort((a, b) => (a.name < b.name ? -1 : 1));
      },
      open: async (name, { create = false } = {}) => {
        fate.step();
        if (!this.files.has(name) && !create) return undefined;
        const content = this.files.get(name) ?? { bytes: new Uint8Array(), synced: 0 };
        this.files.set(name, content);
        return fileOf(content, fate);
      },
      remove: async (name) => {
        fate.step(() => this.files.delete(name));
        this.files.delete(name);
      },
    };
  }
}

function fileOf(content: Content, fate: Fate): AppendFile {
  let size = content.bytes.length;
  const write = (bytes: Uint8Array) => {
    const grown = new Uint8Array(size + bytes.length);
    grown.set(content.bytes.subarray(0, size));
    grown.set(bytes, size);
    content.bytes = grown;
  };
  return {
    get size() {
      return size;
    },
    append: async (parts) => {
      const bytes = joined(parts);
      fate.step(() => write(bytes.subarray(0, bytes.length >> 1)));
      write(bytes);
      size += bytes.length;
      return size - bytes.length;
    },
    read: async (offset, length) => {
      fate.step();
      return content.bytes.slice(offset, offset + length);
    },
    sync: async () => {
      fate.step();
      content.synced = content.bytes.length;
    },
    truncate: async (to) => {
      fate.step();
      content.bytes = content.bytes.slice(0, to);
      content.synced = Math.min(content.synced, to);
      size = to;
    },
    close: async () => {},
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
