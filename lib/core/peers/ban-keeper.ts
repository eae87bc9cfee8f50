/**
 * Keeps a ban list in a file: `{"version": 2, "checksum", "bans": [{"host", "since", "until", "reason", "effect",
 * "scope", "port"}]}`, times in unix milliseconds, the checksum that of the list as JSON (SHA-256, hexadecimal): a changed digit would ban
 * somebody else. Each change is written soon, as a whole, in one step; a file that cannot be read is set aside.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { sha256 } from "../../codec/sha256.ts";
import type { Ban, BanList } from "./bans.ts";
import { messageOf } from "../errors.ts";
import type { Clock } from "../ports.ts";

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
  /** Tries again after a while what could not be written; without it the next change or the end does. */
  readonly clock?: Pick<Clock, "after">;
}

const VERSION = 2;
/** Without effects: all were bans. */
const VERSION_BEFORE_EFFECTS = 1;
const RETRY_MS = 60_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads the file and writes it again after each change. */
export class BanKeeper {
  readonly #parts: BanKeeperParts;
  #writing: Promise<void> | undefined;
  #again = false;
  /** The file is not what the list is. */
  #isBehind = false;
  #cancelRetry = () => {};

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

  /** Resolves when every change so far is written, or could not be. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#isBehind) this.#write();
    while (this.#writing !== undefined) await this.#writing;
    this.#cancelRetry();
  }

  #write(): void {
    this.#again = true;
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  async #writeAll(): Promise<void> {
    const { bans, path, files, failed, clock } = this.#parts;
    // What changes in one turn is one write.
    await Promise.resolve();
    while (this.#again) {
      this.#again = false;
      this.#cancelRetry();
      const list = bans.list();
      const text = JSON.stringify({ version: VERSION, checksum: checksumOf(list), bans: list });
      try {
        await files.writeFileAtomic(path, encoder.encode(text), 0o600);
        this.#isBehind = false;
      } catch (error) {
        // Said once, not each time that it is tried.
        if (!this.#isBehind) failed(`${path} cannot be written: ${messageOf(error)}`);
        this.#isBehind = true;
        this.#cancelRetry = clock?.after(RETRY_MS, () => this.#write()) ?? (() => {});
      }
    }
  }
}

const checksumOf = (bans: unknown): string => toHex(sha256(encoder.encode(JSON.stringify(bans))));

function parse(bytes: Uint8Array): Ban[] {
  const file = JSON.parse(decoder.decode(bytes)) as { version?: unknown; checksum?: unknown; bans?: unknown };
  const { version, checksum, bans } = file;
  if (version !== VERSION && version !== VERSION_BEFORE_EFFECTS) throw new TypeError(`version ${String(version)}`);
  if (!Array.isArray(bans)) throw new TypeError("no list of bans");
  if (version === VERSION && checksum !== checksumOf(bans)) throw new TypeError("the checksum does not match");
  return bans.map((ban: Partial<Ban>) => {
    // Without a scope: all held for both directions.
    const { host, since, until, reason, effect = "ban", scope = "all", port } = ban;
    if (typeof host !== "string" || typeof since !== "number" || typeof until !== "number") {
      throw new TypeError("no ban");
    }
    if (effect !== "ban" && effect !== "discourage") throw new TypeError(`effect ${String(effect)}`);
    if (scope !== "inbound" && scope !== "all") throw new TypeError(`scope ${String(scope)}`);
    if (port !== undefined && typeof port !== "number") throw new TypeError(`port ${String(port)}`);
    return { host, since, until, reason: String(reason ?? ""), effect, scope, ...(port !== undefined && { port }) };
  });
}
