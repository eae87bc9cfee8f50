/**
 * Entries by key in sorted files that never change ("runs"). What is written together becomes a new run; of a key that is
 * in several the newest counts. Runs are merged when newer ones together have grown to the size of an older one, so that
 * there are few and each entry is written a few times only.
 *
 * Which runs count is not known here but in a list that the owner keeps in its database: a run is durable before the list
 * names it, and is removed after the list has forgotten it for good. So a step of the owner is there as a whole or not at
 * all, and files that the list does not name are what a crash left.
 *
 * @see O'Neil et al., "The log-structured merge-tree" (1996)
 * @module
 */
import type { FileFolder } from "../../core/ports.ts";
import type { SortedEntries } from "./entries.ts";
import { damagedRun } from "./format.ts";
import { merged, type MergedEntry } from "./merging.ts";
import { type Found, Run, runName, type RunRecord } from "./run.ts";
import { RunWriter } from "./writer.ts";

const NAME = /^run(\d{6,9})\.dat$/;
/** Runs of more entries have no filter, so that memory does not grow with the set: one of so many takes 40 MiB. */
const FILTERED_ENTRIES_MAX = 32 * 1024 * 1024;
/** An older run is merged with newer ones that have this share of its bytes together. */
const SHARE = 1;

/** The entries of one moment; see {@link SortedRuns.pin}. */
export interface PinnedRuns {
  /** See {@link SortedRuns.all}. */
  all(take: (entry: MergedEntry) => Promise<void> | undefined, signal?: AbortSignal): Promise<void>;
  release(): Promise<void>;
}

/** The runs of one set. Made by {@link SortedRuns.open}. */
export class SortedRuns {
  readonly #folder: FileFolder;
  /** The newest first. */
  #runs: readonly Run[];
  #next: number;

  private constructor(folder: FileFolder, runs: readonly Run[], next: number) {
    this.#folder = folder;
    this.#runs = runs;
    this.#next = next;
  }

  /**
   * Opens the runs that the owner's list names, and removes all other files of runs.
   * @throws NodeError `DATABASE_DAMAGED` when one is missing or not what was written
   */
  static async open(folder: FileFolder, records: readonly RunRecord[]): Promise<SortedRuns> {
    const known = new Set(records.map(({ run }) => runName(run)));
    let next = Math.max(0, ...records.map(({ run }) => run + 1));
    for (const { name } of await folder.list()) {
      const number = NAME.exec(name)?.[1];
      if (number === undefined) continue;
      next = Math.max(next, Number(number) + 1);
      if (!known.has(name)) await folder.remove(name);
    }
    const runs: Run[] = [];
    try {
      for (const record of [...records].sort((a, b) => b.age - a.age)) runs.push(await openRun(folder, record));
    } catch (thrown) {
      for (const run of runs) await run.release();
      throw thrown;
    }
    return new SortedRuns(folder, runs, next);
  }

  /** The runs that count, the newest first. */
  get records(): readonly RunRecord[] {
    return this.#runs.map(({ record }) => record);
  }

  /** Bytes of memory that finding things takes. */
  get bytesHeld(): number {
    return this.#runs.reduce((sum, { bytesHeld }) => sum + bytesHeld, 0);
  }

  /**
   * The values of keys, in the order of the question; undefined for a key that is not there.
   * @throws NodeError `DATABASE_DAMAGED`
   */
  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const runs = this.#runs.map((run) => run.enter());
    try {
      const found: (Uint8Array | undefined)[] = [];
      for (const key of keys) {
        let value: Found;
        for (const run of runs) {
          if (!run.mayHold(key)) continue;
          value = await run.get(key);
          if (value !== undefined) break;
        }
        found.push(value === "gone" ? undefined : value);
      }
      return found;
    } finally {
      for (const run of runs) await run.leave();
    }
  }

  /**
   * Goes through all entries in the order of their keys, as they are now. The bytes are good until `take` has ended.
   * @throws NodeError `DATABASE_DAMAGED`
   */
  async all(take: (entry: MergedEntry) => Promise<void> | undefined, signal?: AbortSignal): Promise<void> {
    await all(this.#runs, take, signal);
  }

  /** What goes through all entries as they are now, as often as one likes until it is released. */
  pin(): PinnedRuns {
    const runs = this.#runs.map((run) => run.enter());
    return {
      all: (take, signal) => all(runs, take, signal),
      release: async () => {
        for (const run of runs) await run.leave();
      },
    };
  }

  /**
   * Writes a run that the owner's list may name once this resolves; it counts when it is {@link SortedRuns.add}ed. One
   * that never is, its owner releases.
   */
  async write(entries: SortedEntries): Promise<Run> {
    // Where nothing is older a key that is gone says nothing, and nearly all that is asked for is there.
    const isOldest = this.#runs.length === 0;
    return await this.#make(undefined, isOldest ? undefined : entries.size, async (writer) => {
      const take: Parameters<SortedEntries["drain"]>[0] = (key, keyAt, keyLength, value, valueAt, valueLength) => {
        if (!isOldest || valueLength >= 0) writer.add(key, keyAt, keyLength, value, valueAt, valueLength);
      };
      for await (const _ of entries.drain(take)) if (writer.isFull) await writer.drain();
    });
  }

  /** A run that the owner's list names now counts, as the newest. */
  add(run: Run): void {
    this.#runs = [run, ...this.#runs];
  }

  /** The runs that are to be merged, the newest first; undefined when there are few enough. */
  due(): readonly RunRecord[] | undefined {
    let bytes = 0;
    let count = 0;
    for (const [i, { record }] of this.#runs.entries()) {
      if (i > 0 && bytes >= record.bytes * SHARE) count = i + 1;
      bytes += record.bytes;
    }
    return count === 0 ? undefined : this.#runs.slice(0, count).map(({ record }) => record);
  }

  /**
   * Writes what several runs that follow one another hold as one. The owner's list may name it in their place once this
   * resolves; it counts when it {@link SortedRuns.replace}s them.
   * @throws NodeError `DATABASE_DAMAGED`, or the signal's reason: nothing is left behind then
   */
  async merge(records: readonly RunRecord[], signal?: AbortSignal): Promise<Run> {
    const numbers = new Set(records.map(({ run }) => run));
    const runs = this.#runs.filter(({ record }) => numbers.has(record.run));
    const isOldest = this.#runs.at(-1) === runs.at(-1);
    const entries = records.reduce((sum, { entries }) => sum + entries, 0);
    return await this.#make(
      records[0]!.age,
      isOldest ? undefined : entries,
      (writer) =>
        merged(runs, ({ key, keyLength, bytes, valueAt, valueLength }) => {
          if (isOldest && valueLength < 0) return undefined;
          writer.add(key, 0, keyLength, bytes, valueAt, valueLength);
          return writer.isFull ? writer.drain() : undefined;
        }, signal),
    );
  }

  /** The owner's list names `young` now where it named others: those are not asked any more. */
  async replace(records: readonly RunRecord[], young: Run): Promise<void> {
    const numbers = new Set(records.map(({ run }) => run));
    const old = this.#runs.filter(({ record }) => numbers.has(record.run));
    const at = this.#runs.indexOf(old[0]!);
    const others = this.#runs.filter((run) => !old.includes(run));
    this.#runs = [...others.slice(0, at), young, ...others.slice(at)];
    for (const run of old) await run.release();
  }

  /** Removes files of runs that the owner's list has forgotten for good. */
  async remove(records: readonly Pick<RunRecord, "run">[]): Promise<void> {
    for (const { run } of records) await this.#folder.remove(runName(run));
  }

  /** Closes all files; readings that are under way get their bytes. */
  async close(): Promise<void> {
    const runs = this.#runs;
    this.#runs = [];
    for (const run of runs) await run.release();
  }

  async #make(
    age: number | undefined,
    filterOf: number | undefined,
    fill: (writer: RunWriter) => Promise<void>,
  ): Promise<Run> {
    const run = this.#next++;
    const file = (await this.#folder.open(runName(run), { create: true }))!;
    try {
      const isFiltered = filterOf !== undefined && filterOf <= FILTERED_ENTRIES_MAX;
      const writer = new RunWriter(file, isFiltered ? filterOf : undefined);
      await fill(writer);
      await writer.finish();
      await file.sync();
      return await Run.open({ run, age: age ?? run, bytes: file.size, entries: writer.entries }, file);
    } catch (thrown) {
      await file.close();
      await this.#folder.remove(runName(run)).catch(() => {});
      throw thrown;
    }
  }
}

async function all(
  runs: readonly Run[],
  take: (entry: MergedEntry) => Promise<void> | undefined,
  signal?: AbortSignal,
): Promise<void> {
  await merged(runs, (entry) => entry.valueLength < 0 ? undefined : take(entry), signal);
}

async function openRun(folder: FileFolder, record: RunRecord): Promise<Run> {
  const file = await folder.open(runName(record.run));
  if (file === undefined) throw damagedRun(runName(record.run), "it is missing");
  try {
    return await Run.open(record, file);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}
