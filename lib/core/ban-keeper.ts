/**
 * Keeps a ban list in a file: `{"version": 1, "bans": [{"host", "since", "until", "reason"}]}`, times in unix
 * milliseconds. Each change is written soon, as a whole, in one step; a file that cannot be read is set aside.
 *
 * @module
 */
import type { Ban, BanList } from "./bans.ts";
import { messageOf } from "./errors.ts";

/** The files that a ban list is kept in; the platform has these functions under these names. */
export interface BanFiles {
  readFile(path: string): Promise<Uint8Array | undefined>;
  writeFileAtomic(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
}

/** What a keeper needs. */
export interface BanKeeperParts {
  readonly bans: BanList;
  readonly path: string;
  readonly files: BanFiles;
  /** Hears of trouble: bans then hold until the next start only. */
  readonly failed: (text: string) => void;
}

const VERSION = 1;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads the file and writes it again after each change. */
export class BanKeeper {
  readonly #parts: BanKeeperParts;
  #writing: Promise<void> | undefined;
  #again = false;

  private constructor(parts: BanKeeperParts) {
    this.#parts = parts;
  }

  /** Restores what was kept, and keeps the list from now on. Never rejects: a damaged file is set aside and said so. */
  static async open(parts: BanKeeperParts): Promise<BanKeeper> {
    const { bans, path, files, failed } = parts;
    const keeper = new BanKeeper(parts);
    const bytes = await files.readFile(path).catch((error) => void failed(`${path}: ${messageOf(error)}`));
    if (bytes !== undefined) {
      try {
        bans.restore(parse(bytes));
      } catch (error) {
        failed(`${path} is damaged (${messageOf(error)}); it is kept as ${path}.damaged, and nobody is banned`);
        await files.writeFileAtomic(`${path}.damaged`, bytes, 0o600).catch(() => {});
      }
    }
    bans.onChange = () => keeper.#write();
    return keeper;
  }

  /** Resolves when every change so far is written. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #write(): void {
    this.#again = true;
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  async #writeAll(): Promise<void> {
    const { bans, path, files, failed } = this.#parts;
    // What changes in one turn is one write.
    await Promise.resolve();
    while (this.#again) {
      this.#again = false;
      const text = JSON.stringify({ version: VERSION, bans: bans.list() });
      await files.writeFileAtomic(path, encoder.encode(text), 0o600).catch((error) =>
        failed(`${path} cannot be written: ${messageOf(error)}`)
      );
    }
  }
}

function parse(bytes: Uint8Array): Ban[] {
  const { version, bans } = JSON.parse(decoder.decode(bytes)) as { version?: unknown; bans?: unknown };
  if (version !== VERSION) throw new TypeError(`version ${String(version)}`);
  if (!Array.isArray(bans)) throw new TypeError("no list of bans");
  return bans.map((ban: Partial<Ban>) => {
    const { host, since, until, reason } = ban;
    if (typeof host !== "string" || typeof since !== "number" || typeof until !== "number") {
      throw new TypeError("no ban");
    }
    return { host, since, until, reason: String(reason ?? "") };
  });
}
