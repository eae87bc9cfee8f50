/**
 * Blocks of more transactions than any valid block has. A stranger makes 400,000 of them out of one message; as objects they
 * would take a hundred megabytes until they are collected, only to be refused. So they stay bytes: what refuses such a block
 * needs their number, their size and their Merkle root.
 *
 * @module
 */
import { sha256Into } from "../../codec/sha256.ts";
import { foldMerkle, merkleRoom, type MerkleRoot } from "./merkle.ts";
import { TransactionScanner } from "./transaction-scan.ts";

/** A transaction of one input and one output without scripts: version 4, counts 2, input 41, output 9, lock time 4. */
const VALID_TRANSACTION_BYTES_MIN = 60;
/** Of no more transactions than this a block can be valid (Core's bound of a block without witnesses is 1,000,000 bytes). */
export const CROWD_MIN: number = Math.floor(1_000_000 / VALID_TRANSACTION_BYTES_MIN) + 1;
/** Inputs up to so many bytes are hashed from an array of their length that is kept. */
const SCRATCH_BYTES_MAX = 256;
const HASH_BYTES = 32;

/** The bytes without witnesses of the transaction that a scanner moved over last. */
export const strippedBytes = ({ inputs, witness }: TransactionScanner): number => witness - inputs + 8;

/** SHA-256 of SHA-256 of what is copied together, without an object for each. */
class Hasher {
  readonly #scratch = new Map<number, Uint8Array>();
  readonly #once = new Uint8Array(HASH_BYTES);
  readonly #twice = new Uint8Array(HASH_BYTES);

  /** An array to copy into, of so many bytes. */
  room(length: number): Uint8Array {
    const kept = this.#scratch.get(length) ?? new Uint8Array(length);
    if (length <= SCRATCH_BYTES_MAX) this.#scratch.set(length, kept);
    return kept;
  }

  /** Overwritten by the next call. */
  hash(input: Uint8Array): Uint8Array {
    sha256Into(input, this.#once);
    sha256Into(this.#once, this.#twice);
    return this.#twice;
  }
}

function copy(bytes: Uint8Array, from: number, to: number, into: Uint8Array, at: number): number {
  if (to - from > SCRATCH_BYTES_MAX) into.set(bytes.subarray(from, to), at);
  else for (let i = from; i < to; i++) into[at + i - from] = bytes[i]!;
  return at + to - from;
}

/**
 * The Merkle root over the txids of `count` transactions from `at` on, and whether it is mutated, as `merkleRoot` says. The
 * bytes were scanned before. Needs 32 bytes for each transaction.
 */
export function rootOfCrowd(
  bytes: Uint8Array,
  at: number,
  count: number,
): MerkleRoot {
  const scanner = new TransactionScanner(bytes, at, bytes.length);
  const hasher = new Hasher();
  const level = merkleRoom(count);
  for (let i = 0; i < count; i++) {
    scanner.next(true);
    const input = hasher.room(strippedBytes(scanner));
    let end = copy(bytes, scanner.start, scanner.start + 4, input, 0);
    end = copy(bytes, scanner.inputs, scanner.witness, input, end);
    copy(bytes, scanner.at - 4, scanner.at, input, end);
    level.set(hasher.hash(input), HASH_BYTES * i);
  }
  return foldMerkle(level, count);
}
