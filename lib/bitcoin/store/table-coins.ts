/**
 * Coins in a table of the database: a row a coin, changed by the transaction of the step that they belong to. So a store
 * needs no disk of its own. A place for coins has a table of its own, which can be emptied at once whatever its size.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Database, SqlValue } from "../../core/ports.ts";
import { bytesOf } from "../../storage/columns.ts";
import type { SortedEntries } from "../../storage/runs/entries.ts";
import { emptyTable, tableBytes } from "../../storage/server-schema.ts";
import type { CoinReading, StagedCoins } from "../store.ts";
import type { CoinBytes, CoinMoment } from "./coin-bytes.ts";
import type { CoinPlace } from "./coin-set.ts";

/** Keys of one question; several are asked at the same time. */
const LOOKUP_KEYS = 500;
/** Coins that are read at once, going through all. In the text of its statement: a server plans for a bound that it knows. */
const PAGE_COINS = 4_000;
/** Bytes of changes that are turned into rows at once. */
const CHUNK_BYTES = 1 << 20;
/** Before the bytes of an entry: length of the key 1 ‖ 1 + length of the coin, or 0 when it is gone, u32 LE. */
const ENTRY_HEAD_BYTES = 5;

/** Changes that wait for their transaction, in memory. */
class StagedChanges implements StagedCoins {
  readonly chunks: readonly Uint8Array[];
  readonly count: number;

  constructor(chunks: readonly Uint8Array[], count: number) {
    this.chunks = chunks;
    this.count = count;
  }
}

/** Packs entries one behind another into chunks: an object for each would take more than its bytes. */
class Packer {
  /** Chunks that are full. */
  full: Uint8Array[] = [];
  count = 0;
  #chunk = new Uint8Array(CHUNK_BYTES);
  #view = new DataView(this.#chunk.buffer);
  #size = 0;

  readonly take: Parameters<SortedEntries["drain"]>[0] = (key, keyAt, keyLength, coin, coinAt, coinLength) => {
    const bytes = ENTRY_HEAD_BYTES + keyLength + Math.max(0, coinLength);
    if (this.#size + bytes > this.#chunk.length) this.#turn(Math.max(CHUNK_BYTES, bytes));
    const chunk = this.#chunk;
    let at = this.#size;
    chunk[at] = keyLength;
    this.#view.setUint32(at + 1, coinLength + 1, true);
    at += ENTRY_HEAD_BYTES;
    for (let i = 0; i < keyLength; i++) chunk[at + i] = key[keyAt + i]!;
    at += keyLength;
    for (let i = 0; i < coinLength; i++) chunk[at + i] = coin[coinAt + i]!;
    this.#size += bytes;
    this.count += 1;
  };

  #turn(bytes: number): void {
    if (this.#size > 0) this.full.push(this.#chunk.subarray(0, this.#size));
    this.#chunk = new Uint8Array(bytes);
    this.#view = new DataView(this.#chunk.buffer);
    this.#size = 0;
  }

  /** All that is there, the last chunk too. */
  end(): Uint8Array[] {
    this.#turn(0);
    return this.full;
  }
}

/** What a chunk of {@link Packer} changes, as parameters of statements. */
function rowsOf(chunk: Uint8Array): { readonly kept: SqlValue[][]; readonly gone: SqlValue[][] } {
  const kept: SqlValue[][] = [];
  const gone: SqlValue[][] = [];
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  for (let at = 0; at < chunk.length;) {
    const coinAt = at + ENTRY_HEAD_BYTES + chunk[at]!;
    const coinLength = view.getUint32(at + 1, true) - 1;
    const key = chunk.subarray(at + ENTRY_HEAD_BYTES, coinAt);
    at = coinAt + Math.max(0, coinLength);
    if (coinLength < 0) gone.push([key]);
    else kept.push([key, chunk.subarray(coinAt, at)]);
  }
  return { kept, gone };
}

/** What coins in a table need. */
export interface TableCoinsParts {
  readonly database: Database;
  /** The place of the set that they are of. */
  readonly place: CoinPlace;
  /** Runs what writes to the store, one after another. */
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

/** {@link CoinBytes} in the tables `bitcoin_coins_0` and `bitcoin_coins_1`, one for each place. */
export class TableCoins implements CoinBytes {
  readonly #database: Database;
  readonly #place: CoinPlace;
  readonly #exclusive: TableCoinsParts["exclusive"];
  /** Coins are there that no step has named. */
  #isHidden = false;

  constructor({ database, place, exclusive }: TableCoinsParts) {
    this.#database = database;
    this.#place = place;
    this.#exclusive = exclusive;
  }

  /** While a step is being committed, a coin that it changes may be as before it or as after it. */
  async get(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    if (this.#isHidden || keys.length === 0) return keys.map(() => undefined);
    const found = new Map<string, Uint8Array>();
    const ask = async (some: readonly Uint8Array[]) => {
      const places = some.map(() => "?").join(", ");
      const sql = `SELECT outpoint, coin FROM bitcoin_coins_${this.#place} WHERE outpoint IN (${places})`;
      for (const { outpoint, coin } of await this.#database.committed(sql, some)) {
        found.set(toHex(bytesOf(outpoint)), bytesOf(coin));
      }
    };
    const asked: Promise<void>[] = [];
    for (let at = 0; at < keys.length; at += LOOKUP_KEYS) asked.push(ask(keys.slice(at, at + LOOKUP_KEYS)));
    await Promise.all(asked);
    return keys.map((key) => found.get(toHex(key)));
  }

  bytes(): Promise<number> {
    return tableBytes(this.#database, `bitcoin_coins_${this.#place}`, ["outpoint", "coin"]);
  }

  async read<T>(
    momentOf: (database: Database) => Promise<CoinMoment>,
    use: (reading: CoinReading) => Promise<T>,
  ): Promise<T> {
    const begin = Promise.withResolvers<void>();
    const read = () =>
      this.#database.snapshot(async (within) => {
        const moment = await momentOf(within);
        // On a server, who has asked a table keeps it from being emptied; a snapshot alone does not.
        await within.get(`SELECT outpoint FROM bitcoin_coins_${this.#place} LIMIT 1`);
        begin.resolve();
        // Without a moment no step has named what is there.
        const all: CoinReading["all"] = moment.at === undefined
          ? () => Promise.resolve()
          : (take, signal) => this.#all(within, take, signal);
        return await use({ ...moment, all });
      });
    let reading: Promise<T> | undefined;
    // Only its beginning keeps others from writing.
    await this.#exclusive(() => Promise.race([begin.promise, reading = read()]));
    return await reading!;
  }

  async #all(within: Database, take: Parameters<CoinReading["all"]>[0], signal?: AbortSignal): Promise<void> {
    const sql =
      `SELECT outpoint, coin FROM bitcoin_coins_${this.#place} WHERE outpoint > ? ORDER BY outpoint LIMIT ${PAGE_COINS}`;
    for (let last: Uint8Array = new Uint8Array();;) {
      signal?.throwIfAborted();
      const rows = await within.all(sql, [last]);
      for (const { outpoint, coin } of rows) {
        const key = bytesOf(outpoint);
        const bytes = bytesOf(coin);
        const taken = take({ key, keyLength: key.length, bytes, valueAt: 0, valueLength: bytes.length });
        if (taken !== undefined) await taken;
        last = key;
      }
      if (rows.length < PAGE_COINS) return;
    }
  }

  /** Holds changes in memory until their step: as many bytes as they have, and five for each. */
  async stage(changes: SortedEntries): Promise<StagedCoins> {
    const packer = new Packer();
    for await (const _ of changes.drain(packer.take));
    return new StagedChanges(packer.end(), packer.count);
  }

  /** Writes coins as they come, in many transactions; they are hidden until their step. */
  async load(coins: SortedEntries): Promise<StagedCoins> {
    this.#isHidden = true;
    await this.clean();
    const packer = new Packer();
    const write = async (chunks: readonly Uint8Array[]) => {
      for (const chunk of chunks) await this.#database.transaction((within) => this.#change(within, chunk));
    };
    for await (const _ of coins.drain(packer.take)) if (packer.full.length > 0) await write(packer.full.splice(0));
    await write(packer.end());
    return new StagedChanges([], packer.count);
  }

  async name(within: Database, staged: StagedCoins): Promise<void> {
    if (!(staged instanceof StagedChanges)) throw new TypeError("these coins were staged elsewhere");
    for (const chunk of staged.chunks) await this.#change(within, chunk);
  }

  async #change(within: Database, chunk: Uint8Array): Promise<void> {
    const { kept, gone } = rowsOf(chunk);
    await within.runMany(
      `INSERT INTO bitcoin_coins_${this.#place} (outpoint, coin) VALUES (?, ?) ` +
        "ON CONFLICT (outpoint) DO UPDATE SET coin = excluded.coin",
      kept,
    );
    await within.runMany(`DELETE FROM bitcoin_coins_${this.#place} WHERE outpoint = ?`, gone);
  }

  named(): Promise<void> {
    this.#isHidden = false;
    return Promise.resolve();
  }

  rest(): Promise<void> {
    return Promise.resolve();
  }

  halt(): Promise<void> {
    return Promise.resolve();
  }

  async clean(): Promise<void> {
    await this.#exclusive(() => this.#database.transaction((within) => emptyCoins(within, this.#place)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** No coins are in the table of a place any more. Inside a transaction. */
export async function emptyCoins(within: Database, place: CoinPlace): Promise<void> {
  await emptyTable(within, `bitcoin_coins_${place}`);
}
