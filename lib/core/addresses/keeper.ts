/**
 * The address book on disk: read at start, written at intervals and at stop. Nothing that is wrong with the file stops a
 * node: it begins with an empty book and says so.
 *
 * @module
 */
import { AddressBook, type AddressBookOptions } from "./book.ts";
import { messageOf, NodeError } from "../errors.ts";
import { decodeBook, encodeBook } from "./file.ts";
import type { BookState } from "./state.ts";

/** The files that a keeper needs; a platform has them by these names. */
export interface AddressFiles {
  /** A file's bytes, or undefined when there is no such file. */
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Replaces a file in one step. */
  writeFileAtomic(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  removeFile(path: string): Promise<void>;
}

/** What a keeper needs. */
export interface AddressKeeperOptions extends Omit<AddressBookOptions, "key"> {
  readonly path: string;
  readonly files: AddressFiles;
  /** What to begin with where there is no file yet: the book of another program. */
  readonly imported?: BookState | undefined;
  /** Time between two writes; 15 minutes by default, as both references have it. */
  readonly intervalMs?: number;
  readonly notice: (level: "info" | "warning", text: string) => void;
}

const INTERVAL_MS = 15 * 60_000;
/** The key is in it: who knows it can choose addresses that displace others. */
const FILE_MODE = 0o600;

/** Keeps one book in one file. */
export class AddressKeeper {
  readonly book: AddressBook;
  readonly #options: AddressKeeperOptions;
  #writing: Promise<void> = Promise.resolve();

  /** Use {@link AddressKeeper.open}. */
  private constructor(book: AddressBook, options: AddressKeeperOptions) {
    this.book = book;
    this.#options = options;
  }

  /** Reads the file. One that is damaged or of another network is set aside as `….damaged`. Never rejects. */
  static async open(options: AddressKeeperOptions): Promise<AddressKeeper> {
    const { path, files, notice, rules, random } = options;
    let bytes: Uint8Array | undefined;
    try {
      bytes = await files.readFile(path);
      if (bytes !== undefined) {
        const { network, state, isMigrated } = decodeBook(bytes, () => random.bytes(32));
        if (network !== rules.name) {
          throw new NodeError("addresses_damaged", "self", `it is an address book of ${network}, not of ${rules.name}`);
        }
        if (isMigrated) notice("info", `${path} had an older version and is written anew`);
        return new AddressKeeper(AddressBook.fromState(state, options), options);
      }
    } catch (thrown) {
      const kept = bytes === undefined ? "" : await setAside(files, path, bytes);
      notice("warning", `${path}: ${messageOf(thrown)}; the address book begins empty${kept}`);
    }
    const { imported } = options;
    if (imported === undefined || bytes !== undefined) return new AddressKeeper(new AddressBook(options), options);
    const book = AddressBook.fromState(imported, options);
    notice("info", `${book.size.total} of ${imported.entries.length} addresses were taken over`);
    return new AddressKeeper(book, options);
  }

  /** Writes at intervals until the signal aborts, then once more. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs = INTERVAL_MS } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(intervalMs, signal).catch(() => {});
      await this.save();
    }
  }

  /** Writes the file now, after a write that is under way. A failure is told, and the old file stays. Never rejects. */
  save(): Promise<void> {
    const { path, files, rules, notice } = this.#options;
    this.#writing = this.#writing.then(async () => {
      try {
        await files.writeFileAtomic(path, encodeBook(rules.name, this.book.state()), FILE_MODE);
      } catch (thrown) {
        notice("warning", `the address book was not written: ${messageOf(thrown)}`);
      }
    });
    return this.#writing;
  }
}

/** Moves a file out of the way, so that the operator can look at it; tells where to. */
async function setAside(files: AddressFiles, path: string, bytes: Uint8Array): Promise<string> {
  try {
    await files.writeFileAtomic(`${path}.damaged`, bytes, FILE_MODE);
    await files.removeFile(path);
    return `, the file is kept as ${path}.damaged`;
  } catch (thrown) {
    return `, and the file could not be set aside (${messageOf(thrown)})`;
  }
}
