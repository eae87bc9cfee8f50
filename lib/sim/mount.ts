/**
 * What one run of a node sees of its disk. When the run is over nothing that it began is ever answered: a process that
 * died does not see its writes fail.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { AppendFile, Clock, Database, FileFolder, NamedFiles } from "../core/ports.ts";
import { openSimDatabase } from "./database.ts";
import type { Grown, SimDisk } from "./disk.ts";

/** Opens an empty database in memory: a real SQLite, for it is what the node's statements are written for. */
export type OpenMemoryDatabase = () => Promise<Database>;

/** The disk as the running node has it. */
export class Mount {
  readonly #disk: SimDisk;
  readonly #clock: Clock;
  readonly #openMemory: OpenMemoryDatabase;
  readonly #databases = new Set<Database>();
  #isOver = false;

  constructor(disk: SimDisk, clock: Clock, openMemory: OpenMemoryDatabase) {
    this.#disk = disk;
    this.#clock = clock;
    this.#openMemory = openMemory;
  }

  /** The run is over. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const database of this.#databases) await database.close();
  }

  /** Before a read: resolves at once while the node lives. */
  async reading(): Promise<void> {
    if (this.#isOver) await new Promise(() => {});
  }

  /** Before a write: false when the node is dead, or dies at it. @throws NodeError `DISK_FULL` */
  admit(path: string, partly?: () => void): boolean {
    return !this.#isOver && this.#disk.admit(path, this.#clock.monotonic(), partly);
  }

  /** {@link Mount.admit} that never returns to a node that is dead. */
  async writing(path: string, partly?: () => void): Promise<void> {
    if (!this.admit(path, partly)) await new Promise(() => {});
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    await this.reading();
    return this.#disk.files.get(path)?.slice();
  }

  async writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
    const { writing, files, faults } = this.#disk;
    const young = bytes.slice();
    await this.writing(path, () => void writing.set(path, young));
    writing.set(path, young);
    await this.#clock.sleep(faults.writeMs);
    await this.reading();
    files.set(path, young);
    writing.delete(path);
  }

  async removeFile(path: string): Promise<void> {
    await this.writing(path);
    this.#disk.files.delete(path);
  }

  /** Takes a folder; the system gives it free when the process dies. Rejects with `DATA_FOLDER_IN_USE`. */
  async lockDir(path: string): Promise<{ release(): Promise<void> }> {
    await this.reading();
    const { locks } = this.#disk;
    if (locks.has(path)) throw new NodeError("DATA_FOLDER_IN_USE", "self", `${path} is in use`);
    locks.add(path);
    return { release: () => Promise.resolve(void locks.delete(path)) };
  }

  async openDatabase(path: string): Promise<Database> {
    await this.reading();
    const known = this.#disk.journals.get(path);
    const journal = known ?? { transactions: [], synced: 0, bytes: 0, isMalformed: false };
    this.#disk.journals.set(path, journal);
    const inner = await this.#openMemory();
    this.#databases.add(inner);
    return await openSimDatabase(inner, { journal, path, mount: this });
  }

  async openFileFolder(path: string): Promise<FileFolder> {
    await this.reading();
    const files = this.#disk.folders.get(path) ?? new Map<string, Grown>();
    this.#disk.folders.set(path, files);
    return {
      list: async () => {
        await this.reading();
        const found = [...files].map(([name, { size }]) => ({ name, size }));
        return found.sort((a, b) => (a.name < b.name ? -1 : 1));
      },
      open: async (name, { create = false } = {}) => {
        await this.reading();
        if (!files.has(name)) {
          if (!create) return undefined;
          await this.writing(name);
          files.set(name, { bytes: new Uint8Array(), size: 0, synced: 0 });
        }
        return this.#appendFile(`${path}/${name}`, files.get(name)!);
      },
      remove: async (name) => {
        await this.writing(name);
        files.delete(name);
      },
    };
  }

  /** Files by name, in the folders of {@link Mount.openFileFolder}. */
  namedFiles(folder: string): NamedFiles {
    const split = (path: string) =>
      [path.slice(0, path.lastIndexOf("/")), path.slice(path.lastIndexOf("/") + 1)] as const;
    const filesOf = (path: string) => this.#disk.folders.get(split(path)[0]);
    const opened = async (path: string, create: boolean) => {
      const [parent, name] = split(path);
      const file = await (await this.openFileFolder(parent)).open(name, { create });
      if (file === undefined) throw new NodeError("FILE_FAILED", "self", `${path} is not there`);
      return file;
    };
    const remove = async (path: string) => {
      await this.writing(path);
      filesOf(path)?.delete(split(path)[1]);
    };
    return {
      path: (name) => name.startsWith("/") ? name : `${folder}/${name}`,
      exists: (path) => Promise.resolve(filesOf(path)?.has(split(path)[1]) ?? false),
      create: async (path) => {
        await remove(path);
        return await opened(path, true);
      },
      open: (path) => opened(path, false),
      rename: async (from, to) => {
        await this.writing(to);
        const files = filesOf(from);
        const file = files?.get(split(from)[1]);
        if (file === undefined) throw new NodeError("FILE_FAILED", "self", `${from} is not there`);
        files!.delete(split(from)[1]);
        filesOf(to)?.set(split(to)[1], file);
      },
      remove,
    };
  }

  #appendFile(path: string, file: Grown): AppendFile {
    const { ignoresSync = false } = this.#disk.faults;
    return {
      get size() {
        return file.size;
      },
      append: async (parts) => {
        const offset = file.size;
        // When the power fails half of it may be there: how much of that is left, the disk decides.
        await this.writing(path, () => append(file, parts));
        append(file, parts);
        return offset;
      },
      read: async (offset, length) => {
        await this.reading();
        return file.bytes.slice(offset, Math.min(file.size, offset + length));
      },
      sync: async () => {
        await this.writing(path);
        if (!ignoresSync) file.synced = file.size;
      },
      truncate: async (size) => {
        await this.writing(path);
        file.size = Math.min(file.size, size);
        file.synced = Math.min(file.synced, file.size);
      },
      close: () => Promise.resolve(),
    };
  }
}

function append(file: Grown, parts: readonly Uint8Array[]): void {
  const size = parts.reduce((sum, part) => sum + part.length, file.size);
  if (size > file.bytes.length) {
    const grown = new Uint8Array(Math.max(size, 2 * file.bytes.length));
    grown.set(file.bytes.subarray(0, file.size));
    file.bytes = grown;
  }
  for (const part of parts) {
    file.bytes.set(part, file.size);
    file.size += part.length;
  }
}
