/**
 * Transactions, read lazily: a transaction is its bytes and the places of its parts in them.
 *
 * @see BIP141, BIP144; Bitcoin Core `primitives/transaction.h`
 * @module
 */
import { within } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { sha256dMany } from "../../codec/sha256.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import type { Writer } from "../../codec/writer.ts";
import { type Codec, readCompactSize, writeCompactSize } from "../codec/mod.ts";
import { sha256d } from "../hash.ts";
import {
  encodeParts,
  NULL_VOUT,
  readInputs,
  readOutputs,
  type TransactionParts,
  type TxInput,
  type TxOutput,
} from "./transaction-parts.ts";
import { TransactionScanner } from "./transaction-scan.ts";

export {
  NULL_VOUT,
  type OutPoint,
  OutPointCodec,
  type TransactionParts,
  type TxInput,
  type TxOutput,
  TxOutputCodec,
} from "./transaction-parts.ts";

/** The fewest bytes of a transaction as {@link Transaction.read} takes it: version, two empty lists, lock time. */
export const TRANSACTION_BYTES_MIN = 10;

/**
 * A transaction. Its bytes are those it was decoded from, which it keeps alive as a whole: code that keeps one transaction
 * of a block beyond the block takes {@link Transaction.detach}. Everything else is computed when first asked for.
 */
export class Transaction {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #inputsAt: number;
  readonly #outputsAt: number;
  readonly #witnessAt: number;
  readonly #end: number;
  #txid: Bytes32 | undefined;
  #wtxid: Bytes32 | undefined;
  #inputs: readonly TxInput[] | undefined;
  #outputs: readonly TxOutput[] | undefined;

  /** The transaction that the scanner moved over last. */
  constructor(scanner: TransactionScanner) {
    this.#bytes = scanner.bytes;
    this.#start = scanner.start;
    this.#inputsAt = scanner.inputs;
    this.#outputsAt = scanner.outputs;
    this.#witnessAt = scanner.witness;
    this.#end = scanner.at;
  }

  /** Reads one transaction, with or without witness, and moves the reader over it. Throws CodecError. */
  static read(reader: Reader): Transaction {
    const scanner = new TransactionScanner(reader.bytes, reader.offset, reader.end);
    scanner.next(true);
    reader.offset = scanner.at;
    return new Transaction(scanner);
  }

  /**
   * The transaction of exactly these bytes. With `witness: false` they are read in the form without marker and flag,
   * in which a transaction of no inputs can have outputs. Throws CodecError, whose path starts with `transaction`.
   */
  static decode(bytes: Uint8Array, { witness = true }: { readonly witness?: boolean } = {}): Transaction {
    const reader = new Reader(bytes);
    const scanner = new TransactionScanner(reader.bytes, 0, reader.end);
    try {
      scanner.next(witness);
      reader.offset = scanner.at;
      reader.finish();
    } catch (thrown) {
      throw within("transaction", thrown);
    }
    return new Transaction(scanner);
  }

  /** The transaction of these parts; with marker, flag and witnesses when an input has a witness. */
  static of(parts: TransactionParts): Transaction {
    const bytes = encodeParts(parts);
    const scanner = new TransactionScanner(bytes, 0, bytes.length);
    // No inputs look like the extended form, which has at least one; read back as what was written.
    scanner.next(parts.inputs.length > 0 || parts.outputs.length === 0);
    return new Transaction(scanner);
  }

  /** Unsigned, 32 bits. */
  get version(): number {
    return u32At(this.#bytes, this.#start);
  }

  /** A height below 500,000,000, else seconds since 1970; 0 for none. */
  get lockTime(): number {
    return u32At(this.#bytes, this.#end - 4);
  }

  /** Whether the bytes have marker, flag and witnesses. */
  get hasWitness(): boolean {
    return this.#inputsAt > this.#start + 4;
  }

  /** The inputs, each with its witness. Made once. */
  get inputs(): readonly TxInput[] {
    const witnessAt = this.hasWitness ? this.#witnessAt : undefined;
    return (this.#inputs ??= readInputs(this.#bytes, this.#inputsAt, witnessAt));
  }

  /** The outputs. Made once. */
  get outputs(): readonly TxOutput[] {
    return (this.#outputs ??= readOutputs(this.#bytes, this.#outputsAt));
  }

  /** How many inputs, without making them. */
  get inputCount(): number {
    return readCompactSize(new Reader(this.#bytes, this.#inputsAt));
  }

  /** How many outputs, without making them. */
  get outputCount(): number {
    return readCompactSize(new Reader(this.#bytes, this.#outputsAt));
  }

  /** The bytes as received, with witness where there is one: a view. */
  get raw(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** The bytes without marker, flag and witnesses, as `MSG_TX` serves them; a view where there are none. */
  get stripped(): Uint8Array {
    if (!this.hasWitness) return this.raw;
    const bytes = new Uint8Array(this.strippedSize);
    let at = 0;
    for (const part of this.#strippedParts()) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #strippedParts(): [Uint8Array, Uint8Array, Uint8Array] {
    const bytes = this.#bytes;
    return [
      bytes.subarray(this.#start, this.#start + 4),
      bytes.subarray(this.#inputsAt, this.#witnessAt),
      bytes.subarray(this.#end - 4, this.#end),
    ];
  }

  /** Hash of the bytes without witness, in wire order. Computed once. */
  get txid(): Bytes32 {
    return (this.#txid ??= this.hasWitness ? sha256d(...this.#strippedParts()) : sha256d(this.raw));
  }

  /** Hash of all bytes, in wire order; the txid where there is no witness. Computed once. */
  get wtxid(): Bytes32 {
    return (this.#wtxid ??= this.hasWitness ? sha256d(this.raw) : this.txid);
  }

  /** Computes the txids of many transactions, which is quicker than one by one where many are hashed at once. */
  static computeTxids(transactions: readonly Transaction[]): Bytes32[] {
    const without = transactions.filter((one) => one.#txid === undefined);
    const digests = sha256dMany(without.map((one) => one.hasWitness ? one.#strippedParts() : [one.raw]));
    without.forEach((one, i) => one.#txid = digests[i]);
    return transactions.map(({ txid }) => txid);
  }

  /** As {@link Transaction.computeTxids}, the wtxids. */
  static computeWtxids(transactions: readonly Transaction[]): Bytes32[] {
    const without = transactions.filter((one) => one.#wtxid === undefined && one.hasWitness);
    const digests = sha256dMany(without.map((one) => [one.raw]));
    without.forEach((one, i) => one.#wtxid = digests[i]);
    Transaction.computeTxids(transactions.filter((one) => !one.hasWitness));
    return transactions.map(({ wtxid }) => wtxid);
  }

  /** Bytes with witness. */
  get size(): number {
    return this.#end - this.#start;
  }

  /** Bytes without witness. */
  get strippedSize(): number {
    return this.#witnessAt - this.#inputsAt + 8;
  }

  /** Weight units: three times the stripped size and once the whole (BIP141). */
  get weight(): number {
    return 3 * this.strippedSize + this.size;
  }

  /** Virtual bytes: a quarter of the weight, rounded up. */
  get vsize(): number {
    return Math.ceil(this.weight / 4);
  }

  /** Whether it has exactly one input and that spends nothing. */
  get isCoinbase(): boolean {
    const bytes = this.#bytes;
    const at = this.#inputsAt;
    if (bytes[at] !== 1 || u32At(bytes, at + 33) !== NULL_VOUT) return false;
    for (let i = at + 1; i < at + 33; i++) if (bytes[i] !== 0) return false;
    return true;
  }

  /** The same transaction over bytes of its own. */
  detach(): Transaction {
    const scanner = new TransactionScanner(this.raw.slice(), 0, this.size);
    scanner.next(this.hasWitness || this.inputCount > 0 || this.outputCount === 0);
    const copy = new Transaction(scanner);
    copy.#txid = this.#txid;
    copy.#wtxid = this.#wtxid;
    return copy;
  }
}

function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** A transaction with its witness, if it has one. */
export const transaction: Codec<Transaction> = {
  type: "tx",
  minSize: TRANSACTION_BYTES_MIN,
  maxSize: Infinity,
  read: (reader) => Transaction.read(reader),
  write: (writer, value) => writer.raw(value.raw),
};

/** Writes a list of transactions as a block has it. */
export function writeTransactions(writer: Writer, transactions: readonly Transaction[]): void {
  writeCompactSize(writer, transactions.length);
  for (const { raw } of transactions) writer.raw(raw);
}
