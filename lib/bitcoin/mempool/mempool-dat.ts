/**
 * The file of a mempool as Bitcoin Core has it, `mempool.dat`: version u64 ‖ from version 2 on a key, as a list of bytes ‖ count
 * u64 ‖ for each transaction: itself with its witness ‖ time i64 ‖ what was added to its fee i64 ‖ a map of txids to what was
 * added to the fees of transactions that are not here, i64 each ‖ the set of txids that no peer has asked for. Behind the key
 * every byte is combined with that of the key that its place in the file comes to.
 *
 * @see Bitcoin Core `node/mempool_persist.cpp`, `streams.cpp` (AutoFile)
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { AppendFile } from "../../core/ports.ts";
import { readCompactSize, writeCompactSize } from "../codec/mod.ts";
import { Transaction } from "../types/transaction.ts";

/** Bytes of the key. */
export const DAT_KEY_BYTES = 8;
const VERSION_WITHOUT_KEY = 1n;
const VERSION = 2n;
const TXID_BYTES = 32;
/** Bytes that wait before they are written. */
const WRITE_BYTES = 256 * 1024;
/** No transaction of a block takes more, with what stands behind it. */
const PIECE_BYTES_MAX = 4_000_032;
/** Bytes that are read at a time. */
const READ_BYTES = 2 * PIECE_BYTES_MAX;

/** A transaction of the file. */
export interface DatEntry {
  readonly transaction: Transaction;
  /** Unix seconds at which it entered. */
  readonly time: number;
  /** What was added to its fee, in satoshi. */
  readonly delta: number;
}

/** What stands behind the transactions. */
export interface DatTail {
  /** Satoshi that were added to fees of other transactions, by txid in wire order. */
  readonly deltas: Iterable<readonly [txid: Uint8Array, delta: number]>;
  /** Txids in wire order. */
  readonly unbroadcast: Iterable<Uint8Array>;
}

/** Combines bytes with the key; `at` is where the first lies in the file. */
function obfuscate(bytes: Uint8Array, key: Uint8Array, at: number): void {
  if (key.length === 0) return;
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= key[(at + i) % key.length]!;
}

/** Writes a file from its beginning on. */
export class MempoolDatWriter {
  readonly #file: Pick<AppendFile, "append">;
  readonly #key: Uint8Array;
  #writer = new Writer(WRITE_BYTES);
  #written = 0;

  /** @param key eight unpredictable bytes; none for version 1 */
  constructor(file: Pick<AppendFile, "append">, key: Uint8Array) {
    this.#file = file;
    this.#key = key;
  }

  /** Begins a file of so many transactions. */
  async begin(count: number): Promise<void> {
    const writer = new Writer(32);
    writer.u64Le(this.#key.length === 0 ? VERSION_WITHOUT_KEY : VERSION);
    if (this.#key.length > 0) {
      writeCompactSize(writer, this.#key.length);
      writer.raw(this.#key);
    }
    this.#written = writer.length;
    await this.#file.append([writer.finish()]);
    this.#writer.u64Le(BigInt(count));
  }

  /** Writes one transaction. */
  async take({ transaction, time, delta }: DatEntry): Promise<void> {
    this.#writer.raw(transaction.raw);
    this.#writer.u64Le(BigInt(time));
    this.#writer.u64Le(BigInt.asUintN(64, BigInt(delta)));
    await this.#drain(WRITE_BYTES);
  }

  /** Writes the rest. */
  async finish({ deltas, unbroadcast }: DatTail): Promise<void> {
    const [map, set] = [[...deltas], [...unbroadcast]];
    writeCompactSize(this.#writer, map.length);
    for (const [txid, delta] of map) {
      this.#writer.raw(txid);
      this.#writer.u64Le(BigInt.asUintN(64, BigInt(delta)));
      await this.#drain(WRITE_BYTES);
    }
    writeCompactSize(this.#writer, set.length);
    for (const txid of set) this.#writer.raw(txid);
    await this.#drain(0);
  }

  async #drain(from: number): Promise<void> {
    if (this.#writer.length < from) return;
    const bytes = this.#writer.finish();
    this.#writer = new Writer(WRITE_BYTES);
    obfuscate(bytes, this.#key, this.#written);
    this.#written += bytes.length;
    await this.#file.append([bytes]);
  }
}

/** Reads a file once, from its beginning to its end. Every method throws a CodecError for what is no such file. */
export class MempoolDatReader {
  readonly #file: Pick<AppendFile, "read">;
  #key: Uint8Array = new Uint8Array();
  /** Where the next byte lies that is to be read. */
  #at = 0;
  #reader = new Reader(new Uint8Array());
  #left = 0n;

  constructor(file: Pick<AppendFile, "read">) {
    this.#file = file;
  }

  /** Begins; gives how many transactions there are. */
  async begin(): Promise<number> {
    const head = new Reader(await this.#file.read(0, 32));
    const version = head.u64Le();
    if (version === VERSION) this.#key = head.take(readCompactSize(head)).slice();
    else if (version !== VERSION_WITHOUT_KEY) throw new CodecError("version", `mempool.dat of version ${version}`, 0);
    this.#at = head.offset;
    await this.#fill();
    this.#left = this.#reader.u64Le();
    return Number(this.#left);
  }

  /** The next transaction; undefined behind the last. */
  async next(): Promise<DatEntry | undefined> {
    if (this.#left === 0n) return undefined;
    this.#left -= 1n;
    await this.#fill();
    const transaction = Transaction.read(this.#reader);
    const time = Number(BigInt.asIntN(64, this.#reader.u64Le()));
    return { transaction: transaction.detach(), time, delta: this.#amount() };
  }

  /** What stands behind the transactions, of which all were read. */
  async tail(): Promise<DatTail> {
    const deltas: [Uint8Array, number][] = [];
    await this.#fill();
    for (let left = readCompactSize(this.#reader); left > 0; left--) {
      await this.#fill();
      const txid = this.#reader.take(TXID_BYTES).slice();
      deltas.push([txid, this.#amount()]);
    }
    const unbroadcast: Uint8Array[] = [];
    await this.#fill();
    for (let left = readCompactSize(this.#reader); left > 0; left--) {
      await this.#fill();
      unbroadcast.push(this.#reader.take(TXID_BYTES).slice());
    }
    return { deltas, unbroadcast };
  }

  /** What was added to a fee. Core takes any number of 64 bits; who reads it here bounds it. */
  #amount(): number {
    return Number(BigInt.asIntN(64, this.#reader.u64Le()));
  }

  /** Has at least one piece at hand, or all that is left. */
  async #fill(): Promise<void> {
    const { left, bytes, offset } = this.#reader;
    if (left >= PIECE_BYTES_MAX) return;
    const more = await this.#file.read(this.#at, READ_BYTES - left);
    if (more.length === 0) return;
    obfuscate(more, this.#key, this.#at);
    this.#at += more.length;
    const all = new Uint8Array(left + more.length);
    all.set(bytes.subarray(offset, offset + left));
    all.set(more, left);
    this.#reader = new Reader(all);
  }
}
