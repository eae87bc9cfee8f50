/**
 * The coins on disk: sorted runs in files, and the list of those that count in the database. So the coins change in the
 * transaction of the step that they belong to, by one row, however many they are.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Database, FileFolder } from "../../core/ports.ts";
import type { SortedEntries } from "../../storage/runs/entries.ts";
import type { Run, RunRecord } from "../../storage/runs/run.ts";
import { SortedRuns } from "../../storage/runs/sorted-runs.ts";
import type { CoinReading, StagedCoins } from "../store.ts";
import type { CoinBytes, CoinMoment } from "./coin-bytes.ts";

/** Runs that may wait to be merged; a flush waits when there are more. */
const RUNS_MAX = 16;

/** Coins that lie in a file of their own which no step has named yet. */
class StagedRun implements StagedCoins {
  readonly run: Run;

  constructor(run: Run) {
    this.run = run;
  }

  get count(): number {
    return this.run.record.entries;
  }
}

/** What the coins on disk need. */
export interface CoinRunsParts {
  readonly database: Database;
  /** The place of the set that they are of, of those that the database has lists for. */
  readonly place: number;
  /** Makes or opens the folder of runs. Not called before coins are asked for or kept. */
  readonly openFolder: () => Promise<FileFolder>;
  /** Runs what writes to the store, one after another. */
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

/** {@link CoinBytes} in sorted runs. */
export class CoinRuns implements CoinBytes {
  readonly #parts: CoinRunsParts;
  readonly #ending = new AbortController();
  #opening: Promise<SortedRuns> | undefined;
  #merging: Promise<void> | undefined;
  /** What a merge found damaged: told to the next that wants to write. */
  #damage: unknown;
  /** Laid ready and not named yet: their files are open. */
  readonly #staged = new Set<StagedRun>();

  constructor(parts: CoinRunsParts) {
    this.#parts = parts;
  }

  /** The coins of keys, in the order of the question. @throws NodeError `DATABASE_DAMAGED` */
  async get(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return keys.length === 0 ? [] : await (await this.#runs()).getMany(keys);
  }

  /** Bytes of all runs. */
  async bytes(): Promise<number> {
    return (await this.#runs()).records.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async read<T>(
    momentOf: (database: Database) => Promise<CoinMoment>,
    use: (reading: CoinReading) => Promise<T>,
  ): Promise<T> {
    const { database, exclusive } = this.#parts;
    // What is read, and of which block it is, belong together; the reading itself keeps nobody from writing.
    const { pinned, moment } = await exclusive(async () => ({
      moment: await momentOf(database),
      pinned: (await this.#runs()).pin(),
    }));
    try {
      return await use({ ...moment, all: pinned.all });
    } finally {
      await pinned.release();
    }
  }

  /** Writes changes to a file that counts from the step on that names it. @throws NodeError `DATABASE_DAMAGED` */
  async stage(changes: SortedEntries): Promise<StagedCoins> {
    if (this.#damage !== undefined) throw this.#damage;
    const runs = await this.#runs();
    if (runs.records.length >= RUNS_MAX) await this.#merging;
    const staged = new StagedRun(await runs.write(changes));
    this.#staged.add(staged);
    return staged;
  }

  /** They are a run like others. */
  load(coins: SortedEntries): Promise<StagedCoins> {
    return this.stage(coins);
  }

  /** Names what was staged, inside the step's transaction. */
  async name(within: Database, staged: StagedCoins): Promise<void> {
    await insertRun(within, this.#parts.place, own(staged).run.record);
  }

  /** The step is durable: what it named counts. */
  async named(staged: StagedCoins): Promise<void> {
    const runs = await this.#runs();
    const mine = own(staged);
    runs.add(mine.run);
    this.#staged.delete(mine);
    this.#mergeSoon(runs);
  }

  /** Resolves when nothing is left to be merged. */
  async rest(): Promise<void> {
    await this.#merging;
  }

  /** Ends what goes on by itself: from now on the list is not changed but by steps. */
  async halt(): Promise<void> {
    this.#ending.abort(new NodeError("stopped", "self", "the coins are closed"));
    await this.#merging;
  }

  /** Files that the list does not name are removed when the others are opened. */
  async clean(): Promise<void> {
    await this.#runs();
  }

  /** Ends what goes on by itself, and closes all files. */
  async close(): Promise<void> {
    await this.halt();
    await (await this.#opening?.catch(() => undefined))?.close();
    for (const { run } of this.#staged) await run.release();
  }

  #mergeSoon(runs: SortedRuns): void {
    if (runs.due() === undefined || this.#merging !== undefined) return;
    this.#merging = this.#merge(runs).catch((thrown: unknown) => {
      // A full disk passes: the next flush tries again. Nothing was changed.
      if (thrown instanceof NodeError && thrown.code === "DATABASE_DAMAGED") this.#damage = thrown;
    }).finally(() => (this.#merging = undefined));
  }

  async #merge(runs: SortedRuns): Promise<void> {
    const { database, exclusive, place } = this.#parts;
    const { signal } = this.#ending;
    for (let due = runs.due(); due !== undefined && !signal.aborted; due = runs.due()) {
      const old = due;
      const young = await runs.merge(old, signal);
      await exclusive(async () => {
        try {
          await database.transaction(async (within) => {
            await within.runMany(
              "DELETE FROM bitcoin_coin_runs WHERE place = ? AND run = ?",
              old.map(({ run }) => [place, run]),
            );
            await insertRun(within, place, young.record);
          });
        } catch (thrown) {
          // Its file is removed at the next start, by the list.
          await young.release();
          throw thrown;
        }
        await runs.replace(old, young);
        // A file may go only when no loss of power can bring back the list that names it. Else the next start removes it.
        if (await database.checkpoint()) await runs.remove(old);
      });
    }
  }

  #runs(): Promise<SortedRuns> {
    return this.#opening ??= this.#open().catch((thrown) => {
      this.#opening = undefined;
      throw thrown;
    });
  }

  async #open(): Promise<SortedRuns> {
    const { database, openFolder, place } = this.#parts;
    const rows = await database.all("SELECT run, age, bytes, entries FROM bitcoin_coin_runs WHERE place = ?", [place]);
    const number = (value: unknown) => Number(value);
    const records = rows.map(({ run, age, bytes, entries }): RunRecord => ({
      run: number(run),
      age: number(age),
      bytes: number(bytes),
      entries: number(entries),
    }));
    const runs = await SortedRuns.open(await openFolder(), records);
    // An earlier run may have ended before it came to it.
    this.#mergeSoon(runs);
    return runs;
  }
}

function own(staged: StagedCoins): StagedRun {
  if (!(staged instanceof StagedRun)) throw new TypeError("these coins were staged elsewhere");
  return staged;
}

async function insertRun(within: Database, place: number, { run, age, bytes, entries }: RunRecord): Promise<void> {
  await within.run("INSERT INTO bitcoin_coin_runs (place, run, age, bytes, entries) VALUES (?, ?, ?, ?, ?)", [
    place,
    run,
    age,
    bytes,
    entries,
  ]);
}
