/**
 * Reads the coins of a snapshot, which may come from anybody: every one is checked as Core checks it, and all of them are
 * hashed on the way.
 *
 * Core takes transactions in any order, for it sorts them in its database. Here they are to come in the order of their ids,
 * as Core writes them, so that the coins go to disk as they are read.
 *
 * @see Bitcoin Core `validation.cpp` (PopulateAndValidateSnapshot)
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { NodeError } from "../../core/errors.ts";
import type { AppendFile } from "../../core/ports.ts";
import { compareParts, type SortedEntries, type TakeEntry } from "../../storage/runs/entries.ts";
import { readCompactSize } from "../codec/mod.ts";
import { MAX_MONEY } from "../types/money.ts";
import { type Coin, encodeCoin, readCoin } from "./coin.ts";
import { COIN_KEY_BYTES_MAX, writeCoinKey } from "./key.ts";
import { SNAPSHOT_HEAD_BYTES, type SnapshotCode } from "./snapshot.ts";
import { SerializedHash } from "./statistics.ts";

/** Bytes that are read at a time. */
const READ_BYTES = 1024 * 1024;
/** No coin of a valid block takes more, nor does what stands before a transaction's coins. */
const PIECE_BYTES_MAX = 10_100;
/** More outputs, of nine bytes at least, fit into no block. */
const OUTPUTS_MAX = 111_111;
const TXID_BYTES = 32;
const VOUT_END = 0xffff_ffff;
/** Coins between two pauses. */
const PAUSE_EVERY = 512;

interface Output {
  readonly vout: number;
  readonly coin: Coin;
}

/** What the coins are held against. */
export interface SnapshotTerms {
  /** How many there are to be. */
  readonly coins: number;
  /** Height of the block that they are of. */
  readonly height: number;
  /** Gives others their turn. */
  readonly pause: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** The coins of a snapshot, to be gone through once. */
export class SnapshotReader implements SortedEntries {
  readonly #file: Pick<AppendFile, "read">;
  readonly #terms: SnapshotTerms;
  readonly #serialized = new SerializedHash();
  #at = SNAPSHOT_HEAD_BYTES;
  #reader = new Reader(new Uint8Array());
  #isAtEnd = false;
  #taken = 0;
  #last: Uint8Array | undefined;

  constructor(file: Pick<AppendFile, "read">, terms: SnapshotTerms) {
    this.#file = file;
    this.#terms = terms;
  }

  get size(): number {
    return this.#terms.coins;
  }

  /** `hash_serialized_3` of the coins, in the order of the bytes, once all are taken. */
  digest(): Uint8Array {
    return this.#serialized.digest();
  }

  /** @throws NodeError `SNAPSHOT_REFUSED` in Core's words, or the signal's reason */
  async *drain(take: TakeEntry): AsyncGenerator<void> {
    const { coins, pause, signal } = this.#terms;
    let pauseAt = PAUSE_EVERY;
    while (this.#taken < coins) {
      for (const { key, keyLength, value } of this.#inOrder(...await this.#transaction())) {
        take(key, 0, keyLength, value, 0, value.length);
      }
      yield;
      if (this.#taken < pauseAt) continue;
      signal.throwIfAborted();
      await pause();
      pauseAt = this.#taken + PAUSE_EVERY;
    }
    await this.#fill();
    if (this.#reader.left > 0) throw population(`Bad snapshot - coins left over after deserializing ${coins} coins`);
  }

  /** The coins of the next transaction. */
  async #transaction(): Promise<[txid: Uint8Array, outputs: Output[]]> {
    const { coins } = this.#terms;
    const { txid, count } = await this.#piece((reader) => ({
      txid: reader.take(TXID_BYTES).slice(),
      count: readCompactSize(reader),
    }));
    if (count > coins - this.#taken) {
      throw population("Mismatch in coins count in snapshot metadata and actual snapshot data");
    }
    if (count > OUTPUTS_MAX) throw this.#bad();
    if (this.#last !== undefined && compareParts(this.#last, 0, TXID_BYTES, txid, 0, TXID_BYTES) >= 0) {
      throw this.#bad(" - transactions are not in the order of their ids");
    }
    this.#last = txid;
    const outputs: Output[] = [];
    for (let i = 0; i < count; i++) {
      const output = await this.#piece((reader) => ({ vout: readCompactSize(reader), coin: readCoin(reader) }));
      this.#check(output);
      outputs.push(output);
      this.#taken += 1;
    }
    return [txid, outputs];
  }

  #check({ vout, coin: { height, value } }: Output): void {
    if (height > this.#terms.height || vout >= VOUT_END) throw this.#bad();
    if (value < 0n || value > MAX_MONEY) throw this.#bad(" - bad tx out value");
  }

  /** The entries of a transaction's coins, rising, each hashed when it is given. */
  *#inOrder(txid: Uint8Array, outputs: Output[]) {
    const key = new Uint8Array(COIN_KEY_BYTES_MAX);
    let before = -1;
    for (const { vout, coin } of outputs.sort((a, b) => a.vout - b.vout)) {
      if (vout === before) throw this.#bad(" - an output is there twice");
      before = vout;
      this.#serialized.add({ txid, vout }, coin);
      yield { key, keyLength: writeCoinKey({ txid, vout }, key), value: encodeCoin(coin) };
    }
  }

  /** Reads something that is no longer than a piece may be. */
  async #piece<T>(read: (reader: Reader) => T): Promise<T> {
    if (this.#reader.left < PIECE_BYTES_MAX) await this.#fill();
    try {
      return read(this.#reader);
    } catch (thrown) {
      if (!(thrown instanceof CodecError)) throw thrown;
      const text = `Bad snapshot format or truncated snapshot after deserializing ${this.#taken} coins`;
      throw population(text, thrown);
    }
  }

  /** Has more bytes at hand, if there are more. */
  async #fill(): Promise<void> {
    if (this.#isAtEnd) return;
    const rest = this.#reader.bytes.subarray(this.#reader.offset);
    const more = await this.#file.read(this.#at, READ_BYTES);
    this.#at += more.length;
    this.#isAtEnd = more.length < READ_BYTES;
    const bytes = new Uint8Array(rest.length + more.length);
    bytes.set(rest);
    bytes.set(more, rest.length);
    this.#reader = new Reader(bytes);
  }

  #bad(more = ""): NodeError<SnapshotCode> {
    return population(`Bad snapshot data after deserializing ${this.#taken} coins${more}`);
  }
}

/** A snapshot is not taken for what is in it, as Core says it. */
const population = (text: string, cause?: unknown) => refused(`Population failed: ${text}`, cause);

/** A snapshot is not taken. */
export function refused(text: string, cause?: unknown): NodeError<SnapshotCode> {
  return new NodeError<SnapshotCode>("SNAPSHOT_REFUSED", "self", text, { cause });
}
