/**
 * Blocks: a header and its transactions, over the bytes as they were received.
 *
 * @see Bitcoin Core `primitives/block.h`; BIP141
 * @module
 */
import { CodecError, within } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { type Bytes32, equalBytes } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import { type Codec, compactSizeBytes, readCompactSize } from "../codec/mod.ts";
import { sha256d, ZERO_HASH } from "../hash.ts";
import { type BlockHeader, decodeHeader, encodeHeader, HEADER_BYTES } from "./header.ts";
import { CROWD_MIN, rootOfCrowd, strippedBytes } from "./crowd.ts";
import { merkleNode, type MerkleRoot, merkleRoot } from "./merkle.ts";
import { TransactionScanner } from "./transaction-scan.ts";
import { Transaction, TRANSACTION_BYTES_MIN, writeTransactions } from "./transaction.ts";

/** First bytes of the script of a witness commitment: OP_RETURN, a push of 36 bytes, aa21a9ed (BIP141). */
const COMMITMENT_PREFIX = Uint8Array.of(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed);
/** The shortest script that can be one. */
const COMMITMENT_BYTES_MIN = 38;

/** What a block commits to about its witnesses. */
export type WitnessCommitment =
  /** No output of the coinbase is a commitment: no transaction may have a witness. */
  | { readonly kind: "absent" }
  /** The coinbase's witness is not the one item of 32 bytes that it has to be. */
  | { readonly kind: "bad-nonce" }
  /** A commitment and the value that the transactions give. */
  | { readonly kind: "present"; readonly matches: boolean };

/**
 * A block. Decoding finds where each transaction is, and checks that the bytes are well-formed; nothing is hashed or
 * taken apart before it is asked for.
 */
export class Block {
  /** The bytes as received: header, count, transactions. */
  readonly raw: Uint8Array;
  readonly header: BlockHeader;
  readonly transactionCount: number;
  /** Bytes without witnesses. */
  readonly strippedSize: number;
  #transactions: readonly Transaction[] | undefined;
  #hash: Bytes32 | undefined;
  #merkle: MerkleRoot | undefined;

  private constructor(
    raw: Uint8Array,
    header: BlockHeader,
    sizes: { readonly transactionCount: number; readonly strippedSize: number },
    transactions?: readonly Transaction[],
  ) {
    this.raw = raw;
    this.header = header;
    this.transactionCount = sizes.transactionCount;
    this.strippedSize = sizes.strippedSize;
    this.#transactions = transactions;
  }

  /** Of a block that has too many of them to be valid they are made when they are asked for. */
  get transactions(): readonly Transaction[] {
    return this.#transactions ??= this.#listed();
  }

  /** The first transaction, without the others of a block that has too many; undefined where there is none. */
  get first(): Transaction | undefined {
    if (this.#transactions !== undefined) return this.#transactions[0];
    return Transaction.read(new Reader(this.raw.subarray(this.#transactionsAt)));
  }

  #listed(): Transaction[] {
    const scanner = new TransactionScanner(this.raw, this.#transactionsAt, this.raw.length);
    return Array.from({ length: this.transactionCount }, () => {
      scanner.next(true);
      return new Transaction(scanner);
    });
  }

  get #transactionsAt(): number {
    return HEADER_BYTES + compactSizeBytes(this.transactionCount);
  }

  /** Reads one block and moves the reader over it. Throws {@link CodecError}. */
  static read(reader: Reader): Block {
    const { bytes, offset, end } = reader;
    let header: BlockHeader;
    try {
      header = decodeHeader(reader);
    } catch (thrown) {
      throw within("header", thrown);
    }
    let [count, done, strippedSize] = [0, 0, 0];
    let transactions: Transaction[] | undefined;
    try {
      const countAt = reader.offset;
      count = readCompactSize(reader);
      if (count * TRANSACTION_BYTES_MIN > reader.left) {
        throw new CodecError("count", `${count} elements cannot be in ${reader.left} bytes`, countAt);
      }
      const scanner = new TransactionScanner(bytes, reader.offset, end);
      strippedSize = reader.offset - offset;
      if (count < CROWD_MIN) transactions = [];
      try {
        for (; done < count; done++) {
          scanner.next(true);
          strippedSize += strippedBytes(scanner);
          transactions?.push(new Transaction(scanner));
        }
      } catch (thrown) {
        throw within(`[${done}]`, thrown);
      }
      reader.offset = scanner.at;
    } catch (thrown) {
      throw within("transactions", thrown);
    }
    const sizes = { transactionCount: count, strippedSize };
    return new Block(bytes.subarray(offset, reader.offset), header, sizes, transactions);
  }

  /** The block of exactly these bytes. Throws {@link CodecError}, whose path starts with `block`. */
  static decode(bytes: Uint8Array): Block {
    const reader = new Reader(bytes);
    try {
      const block = Block.read(reader);
      reader.finish();
      return block;
    } catch (thrown) {
      throw within("block", thrown);
    }
  }

  /** The block of a header and transactions. */
  static of(header: BlockHeader, transactions: readonly Transaction[]): Block {
    const head = HEADER_BYTES + compactSizeBytes(transactions.length);
    const size = transactions.reduce((sum, transaction) => sum + transaction.size, head);
    const strippedSize = transactions.reduce((sum, transaction) => sum + transaction.strippedSize, head);
    const writer = new Writer(size);
    encodeHeader(writer, header);
    writeTransactions(writer, transactions);
    return new Block(writer.finish(), header, { transactionCount: transactions.length, strippedSize }, transactions);
  }

  /** Hash of the header, in wire order. Computed once. */
  get hash(): Bytes32 {
    return (this.#hash ??= sha256d(this.raw.subarray(0, HEADER_BYTES)));
  }

  /** Bytes with witnesses. */
  get size(): number {
    return this.raw.length;
  }

  /** Weight units (BIP141); a valid block has at most 4,000,000. */
  get weight(): number {
    return 3 * this.strippedSize + this.size;
  }

  /** The bytes without witnesses, as `MSG_BLOCK` serves them. */
  get stripped(): Uint8Array {
    if (!this.transactions.some((transaction) => transaction.hasWitness)) return this.raw;
    const writer = new Writer(this.strippedSize);
    writer.raw(this.raw.subarray(0, this.#transactionsAt));
    for (const transaction of this.transactions) writer.raw(transaction.stripped);
    return writer.finish();
  }

  /** The txids in order. */
  txids(): Bytes32[] {
    return Transaction.computeTxids(this.transactions);
  }

  /** The Merkle root over the txids, and whether the tree is mutated (see {@link merkleRoot}). Computed once. */
  merkleRoot(): MerkleRoot {
    return this.#merkle ??= this.#transactions === undefined
      ? rootOfCrowd(this.raw, this.#transactionsAt, this.transactionCount)
      : merkleRoot(this.txids());
  }

  /** The Merkle root over the wtxids, with zeros for the coinbase's. */
  witnessRoot(): Bytes32 {
    return merkleRoot([ZERO_HASH, ...Transaction.computeWtxids(this.transactions.slice(1))]).root;
  }

  /** Holds the commitment of the coinbase against the witnesses. The last output that looks like one counts. */
  witnessCommitment(): WitnessCommitment {
    const coinbase = this.transactions[0];
    const committed = coinbase?.outputs.findLast(({ scriptPubKey }) => isWitnessCommitment(scriptPubKey));
    if (coinbase === undefined || committed === undefined) return { kind: "absent" };
    const [nonce, ...more] = coinbase.inputs[0]?.witness ?? [];
    if (nonce === undefined || nonce.length !== 32 || more.length > 0) return { kind: "bad-nonce" };
    const expected = merkleNode(this.witnessRoot(), nonce);
    return { kind: "present", matches: equalBytes(expected, committed.scriptPubKey.subarray(6, 38)) };
  }
}

/** Whether a script of a coinbase's output is a witness commitment. */
export function isWitnessCommitment(scriptPubKey: Uint8Array): boolean {
  return scriptPubKey.length >= COMMITMENT_BYTES_MIN && COMMITMENT_PREFIX.every((byte, i) => scriptPubKey[i] === byte);
}

/** A block with all its witnesses. */
export const block: Codec<Block> = {
  type: "block",
  minSize: HEADER_BYTES + 1,
  maxSize: Infinity,
  read: (reader) => Block.read(reader),
  write: (writer, value) => writer.raw(value.raw),
};
