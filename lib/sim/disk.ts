/**
 * A disk that outlives the node which writes to it. It loses what was not synced when the power fails, keeps the last
 * write in part, is full for a while, and now and then gives back a file that is not what was written.
 *
 * What is on it are files that are replaced whole, files that grow at their end, and databases, each as the list of its
 * transactions: what a database's journal is, and what a new database can be made of (see `database.ts`).
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import { Mount, type OpenMemoryDatabase } from "./mount.ts";
import type { SeededRandom } from "./random.ts";

/** What a disk does when the power fails; the planted bugs of the tests hang in here. */
export interface DiskFaults {
  /** What is left of a file that was being replaced. */
  settle(old: Uint8Array | undefined, young: Uint8Array, random: SeededRandom): Uint8Array | undefined;
  /** How long it takes to replace a file. */
  readonly writeMs: number;
  /** Transactions that are lost although the database said that they were kept, and was closed in order. */
  readonly stepsLostAtStop?: number;
  /** A file that grows says that it is synced and is not. */
  readonly ignoresSync?: boolean;
}

/** What a file system that keeps its word does. */
export const FAIR_DISK: DiskFaults = { writeMs: 4, settle: (old, young, random) => (random.chance(0.5) ? old : young) };

/** A file that grows. */
export interface Grown {
  bytes: Uint8Array;
  /** Bytes that are in use; `bytes` may have room for more. */
  size: number;
  /** Bytes that a loss of power leaves. */
  synced: number;
}

/** One statement of a transaction; without parameters a script. */
export interface Statement {
  readonly sql: string;
  readonly parameters?: readonly (null | number | string | Uint8Array)[];
}

/** A database file. */
export interface Journal {
  /** What each committed transaction did, in order. */
  readonly transactions: (readonly Statement[])[];
  /** Transactions that a loss of power leaves: those of the last checkpoint. */
  synced: number;
  /** Bytes of parameters since it was last written anew. */
  bytes: number;
  /** What an opening of it is answered with, when it is damaged. */
  isMalformed: boolean;
}

/** How long after a refusal it is still held to be the cause of what goes wrong. */
const TROUBLED_MS = 60_000;
/** Sectors of a torn write that the disk had not got to yet hold zeros. */
const SECTOR_BYTES = 512;

/** One node's disk. */
export class SimDisk {
  readonly files = new Map<string, Uint8Array>();
  /** Contents that are being written. */
  readonly writing = new Map<string, Uint8Array>();
  readonly folders = new Map<string, Map<string, Grown>>();
  readonly journals = new Map<string, Journal>();
  /** Folders that somebody has taken. A crash gives them free, a stop in order is to do so itself. */
  readonly locks = new Set<string>();
  readonly faults: DiskFaults;
  readonly #random: SeededRandom;
  readonly #openMemory: OpenMemoryDatabase;
  #mount: Mount | undefined;
  /** Writes until the disk is full; undefined when there is room. */
  #roomFor: number | undefined;
  /** Writes until the power fails, and who hears of it. */
  #doom: { left: number; readonly dies: () => void } | undefined;
  /** When it was last found full, in virtual milliseconds of the host that asks. */
  #lastRefusal = -Infinity;

  constructor(random: SeededRandom, openMemory: OpenMemoryDatabase, faults: DiskFaults = FAIR_DISK) {
    this.#random = random;
    this.#openMemory = openMemory;
    this.faults = faults;
  }

  /** A node's access to the disk, until it stops or dies. */
  mount(clock: Clock): Mount {
    this.#mount = new Mount(this, clock, this.#openMemory);
    return this.#mount;
  }

  /** The disk takes so many more writes, and none after them, until it is {@link SimDisk.clear}ed. */
  fill(writes: number): void {
    this.#roomFor = writes;
  }

  /** There is room again. */
  clear(): void {
    this.#roomFor = undefined;
  }

  get isFull(): boolean {
    return this.#roomFor === 0;
  }

  /** Whether something could not be written in the last minute, or cannot be now. */
  isTroubled(now: number): boolean {
    return this.#roomFor === 0 || now - this.#lastRefusal < TROUBLED_MS;
  }

  /** The power fails at the write after so many more; `dies` has to call {@link SimDisk.losePower}. */
  failPowerAfter(writes: number, dies: () => void): void {
    this.#doom = { left: writes, dies };
  }

  /** The power does not fail any more. */
  keepPower(): void {
    this.#doom = undefined;
  }

  /**
   * Every write is let through here before it is done. False when the power fails at it: `partly` was done then, and
   * nobody is there any more to be told.
   * @throws NodeError `DISK_FULL`
   */
  admit(path: string, now: number, partly: () => void = () => {}): boolean {
    if (this.#doom !== undefined && this.#doom.left-- <= 0) {
      const { dies } = this.#doom;
      this.#doom = undefined;
      partly();
      dies();
      return false;
    }
    if (this.#roomFor === undefined) return true;
    if (this.#roomFor === 0) {
      this.#lastRefusal = now;
      throw new NodeError("DISK_FULL", "self", `no room on the disk for ${path}`);
    }
    this.#roomFor -= 1;
    return true;
  }

  /** The node stopped in order. */
  async close(): Promise<void> {
    const lost = this.faults.stepsLostAtStop ?? 0;
    for (const journal of this.journals.values()) {
      journal.transactions.length -= Math.min(journal.transactions.length, lost);
      journal.synced = Math.min(journal.synced, journal.transactions.length);
    }
    await this.#leave();
  }

  /** The process died: files that were being written are the old ones or the new ones. */
  crash(): void {
    for (const [path, young] of this.writing) {
      const left = this.faults.settle(this.files.get(path), young, this.#random);
      if (left === undefined) this.files.delete(path);
      else this.files.set(path, left);
    }
    this.writing.clear();
    this.locks.clear();
    void this.#leave();
  }

  /** The power fails: beside that, what was not synced is there in part, or not at all. Returns how much was lost. */
  losePower(): number {
    this.crash();
    let lost = 0;
    for (const journal of this.journals.values()) {
      const left = journal.synced + this.#random.below(journal.transactions.length - journal.synced + 1);
      lost += journal.transactions.length - left;
      journal.transactions.length = left;
    }
    for (const folder of this.folders.values()) for (const file of folder.values()) this.#tear(file);
    return lost;
  }

  /** Of what was not synced a part is there, and of its last sector perhaps only the room. */
  #tear(file: Grown): void {
    const left = file.synced + this.#random.below(file.size - file.synced + 1);
    if (left > file.synced && this.#random.chance(0.5)) {
      file.bytes.fill(0, Math.max(file.synced, left - SECTOR_BYTES), left);
    }
    file.size = file.synced = left;
  }

  /**
   * Damages one of the files; undefined when there is none yet. Only while no node runs on the disk: which file it was.
   * Replaced files and growing ones get a byte changed or lose their end; a database cannot be read any more.
   */
  damage(): string | undefined {
    const random = this.#random;
    const targets: [string, () => void][] = [...this.files.keys()].filter((path) => /\.(json|cbor)$/.test(path))
      .map((path) => [path, () => this.files.set(path, spoiled(this.files.get(path)!, random))]);
    for (const [folder, files] of this.folders) {
      for (const [name, file] of files) {
        if (file.size === 0) continue;
        targets.push([`${folder}/${name}`, () => {
          file.bytes = spoiled(file.bytes.subarray(0, file.size), random);
          file.size = file.synced = file.bytes.length;
        }]);
      }
    }
    for (const [path, journal] of this.journals) targets.push([path, () => void (journal.isMalformed = true)]);
    if (targets.length === 0) return undefined;
    const [path, spoil] = random.pick(targets.sort(([a], [b]) => (a < b ? -1 : 1)));
    spoil();
    return path;
  }

  /** The operator removes a database. */
  removeDatabase(path: string): void {
    this.journals.delete(path);
  }

  async #leave(): Promise<void> {
    this.#doom = undefined;
    const mount = this.#mount;
    this.#mount = undefined;
    await mount?.end();
  }
}

/** A copy with one bit changed, or without its end. */
function spoiled(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const at = random.below(Math.max(1, bytes.length));
  if (random.chance(0.3)) return bytes.slice(0, at);
  const copy = bytes.slice();
  if (at < copy.length) copy[at]! ^= 1 << random.below(8);
  return copy;
}
