/**
 * Keeps the mempool over restarts, in Core's file: transactions are judged again when they are read.
 *
 * @see Bitcoin Core `node/mempool_persist.cpp`
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { fromHex, toHex } from "../../codec/hex.ts";
import { messageOf, NodeError } from "../../core/errors.ts";
import type { Clock, NamedFiles, Random } from "../../core/ports.ts";
import type { Transaction } from "../types/transaction.ts";
import type { MempoolEntry, TransactionVerdict } from "./mempool.ts";
import { DAT_KEY_BYTES, type DatEntry, MempoolDatReader, MempoolDatWriter } from "./mempool-dat.ts";

/** The file's name in the folder of the network. */
const FILE_NAME = "mempool.dat";
/** Transactions of a file that are judged at once. */
const AT_ONCE = 64;
/** How often it is looked whether the chain is ready. */
const WAIT_MS = 500;

/** What is kept with, and where. */
export interface MempoolStorageParts {
  readonly files: NamedFiles;
  readonly random: Random;
  /** Whether the mempool is kept over restarts; files that are named are read and written in any case. */
  readonly isKept: boolean;
  /** Writes version 1, which Core could read before release 26. */
  readonly writesVersion1?: boolean | undefined;
}

/** The mempool that is kept. */
export interface StoredPool {
  readonly clock: Clock;
  readonly notice: (level: "error" | "warning" | "info", text: string) => void;
  /** All transactions, those first that others need. */
  readonly entries: () => readonly MempoolEntry[];
  readonly deltas: ReadonlyMap<string, number>;
  readonly prioritise: (txid: Uint8Array, delta: number) => void;
  readonly accept: (transaction: Transaction, time: number, signal: AbortSignal) => Promise<TransactionVerdict>;
  /** Whether transactions can be judged now. */
  readonly isReady: () => boolean;
  /** Transactions older than this, in unix seconds, are not taken. */
  readonly oldest: () => number;
}

/** Transactions that no peer has asked for yet. */
export interface UnbroadcastKeeper {
  list(): Iterable<Uint8Array>;
  add(txid: Uint8Array): void;
}

/** How a file is read. */
export interface LoadOptions {
  /** Transactions count as having come now. */
  readonly usesCurrentTime?: boolean;
  /** What was added to fees is added here. */
  readonly appliesDeltas?: boolean;
  /** Transactions that no peer had asked for are announced again. */
  readonly appliesUnbroadcast?: boolean;
}

/** What became of the transactions of a file. */
export interface LoadFigures {
  readonly accepted: number;
  readonly refused: number;
  readonly expired: number;
  readonly known: number;
  readonly unbroadcast: number;
}

/** Reads and writes files of one mempool. */
export class MempoolStorage {
  readonly #parts: MempoolStorageParts;
  readonly #pool: StoredPool;
  /** Keeps the transactions that no peer has asked for. The relay sets it. */
  unbroadcast: UnbroadcastKeeper | undefined;
  #isLoaded = false;
  #saving: Promise<string> | undefined;
  /** The save that comes after the one that goes on: for callers whose transactions that one does not know of. */
  #following: Promise<string> | undefined;

  constructor(parts: MempoolStorageParts, pool: StoredPool) {
    this.#parts = parts;
    this.#pool = pool;
  }

  /** Whether the transactions of the last run were read, or there are none to be read. */
  get isLoaded(): boolean {
    return this.#isLoaded || !this.#parts.isKept;
  }

  /** Reads what the last run left, once the chain is ready. Never rejects. */
  async restore(signal: AbortSignal): Promise<void> {
    const { files, isKept } = this.#parts;
    const { clock, notice, isReady } = this.#pool;
    if (!isKept) return;
    try {
      while (!isReady()) await clock.sleep(WAIT_MS, signal);
      const path = files.path(FILE_NAME);
      if (await files.exists(path)) {
        const all = { appliesDeltas: true, appliesUnbroadcast: true };
        const { accepted, refused, expired, known } = await this.load(path, signal, all);
        notice(
          "info",
          `${accepted} transactions of the last run; ${refused} refused, ${expired} expired, ${known} known`,
        );
      }
    } catch (thrown) {
      if (signal.aborted) return;
      notice("warning", `transactions of the last run are lost: ${messageOf(thrown)}`);
    }
    this.#isLoaded = true;
  }

  /**
   * Takes in the transactions of a file, as they are judged now.
   * @throws NodeError `MEMPOOL_FILE_INVALID` for what is no such file, another for one that cannot be read, or the signal's reason
   */
  async load(name: string, signal: AbortSignal, options: LoadOptions = {}): Promise<LoadFigures> {
    const { files } = this.#parts;
    const path = files.path(name);
    const file = await files.open(path);
    try {
      return await this.#load(new MempoolDatReader(file), signal, options);
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause;
      throw new NodeError("MEMPOOL_FILE_INVALID", "self", `${path} is no mempool.dat: ${cause.message}`, { cause });
    } finally {
      await file.close();
    }
  }

  async #load(reader: MempoolDatReader, signal: AbortSignal, options: LoadOptions): Promise<LoadFigures> {
    const { clock, oldest, prioritise } = this.#pool;
    const figures = { accepted: 0, refused: 0, expired: 0, known: 0, unbroadcast: 0 };
    await reader.begin();
    let group: DatEntry[] = [];
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
      signal.throwIfAborted();
      const { transaction: { txid }, delta } = entry;
      if (delta !== 0 && options.appliesDeltas) prioritise(txid, delta);
      const time = options.usesCurrentTime ? Math.floor(clock.now() / 1_000) : entry.time;
      if (time <= oldest()) figures.expired += 1;
      else group.push({ ...entry, time });
      if (group.length < AT_ONCE) continue;
      await this.#take(group, figures, signal);
      group = [];
    }
    await this.#take(group, figures, signal);
    const { deltas, unbroadcast } = await reader.tail();
    if (options.appliesDeltas) { for (const [txid, delta] of deltas) prioritise(txid, delta); }
    if (!options.appliesUnbroadcast || this.unbroadcast === undefined) return figures;
    const here = new Set(this.#pool.entries().map(({ transaction }) => toHex(transaction.txid)));
    for (const txid of unbroadcast) {
      if (!here.has(toHex(txid))) continue;
      this.unbroadcast.add(txid);
      figures.unbroadcast += 1;
    }
    return figures;
  }

  async #take(
    group: readonly DatEntry[],
    figures: { accepted: number; refused: number; known: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { accept } = this.#pool;
    const verdicts = await Promise.all(group.map(({ transaction, time }) => accept(transaction, time, signal)));
    for (const { ok } of verdicts) figures[ok === "known" ? "known" : ok ? "accepted" : "refused"] += 1;
  }

  /**
   * Writes all transactions that are here now to their file, whose path it gives. Who comes while another save goes on gets
   * one that begins after it. @throws NodeError for one that cannot be written
   */
  async save(): Promise<string> {
    if (this.#saving === undefined) return await this.#begin();
    return await (this.#following ??= this.#saving.catch(() => {}).then(() => {
      this.#following = undefined;
      return this.#begin();
    }));
  }

  #begin(): Promise<string> {
    const saving = this.#save().finally(() => {
      if (this.#saving === saving) this.#saving = undefined;
    });
    return this.#saving = saving;
  }

  async #save(): Promise<string> {
    const { files, random, writesVersion1 } = this.#parts;
    const path = files.path(FILE_NAME);
    const fresh = `${path}.new`;
    const file = await files.create(fresh);
    try {
      const writer = new MempoolDatWriter(file, writesVersion1 ? new Uint8Array() : random.bytes(DAT_KEY_BYTES));
      await this.#write(writer);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(fresh, path);
    return path;
  }

  async #write(writer: MempoolDatWriter): Promise<void> {
    const { clock, entries } = this.#pool;
    // As they are now: what comes or goes meanwhile is not the file's.
    const deltas = new Map(this.#pool.deltas);
    const unbroadcast = [...this.unbroadcast?.list() ?? []];
    const all = entries();
    await writer.begin(all.length);
    for (const [i, { transaction, time, fee, modifiedFee }] of all.entries()) {
      deltas.delete(toHex(transaction.txid));
      await writer.take({ transaction, time, delta: modifiedFee - fee });
      if (i % 1_024 === 1_023) await clock.sleep(0);
    }
    await writer.finish({
      deltas: [...deltas].map(([txid, delta]): [Uint8Array, number] => [fromHex(txid), delta]),
      unbroadcast,
    });
  }

  /** Leaves what the next run is to read. Never rejects. */
  async leave(): Promise<void> {
    const { isKept } = this.#parts;
    // What could not be read so far would be lost.
    if (!isKept || !this.#isLoaded) return;
    await this.save().catch((thrown) => {
      this.#pool.notice("error", `transactions are not kept for the next run: ${messageOf(thrown)}`);
    });
  }
}
