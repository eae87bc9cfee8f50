/**
 * What can be said of the whole set of coins: how many there are, and hashes by which two nodes compare theirs.
 *
 * @see Bitcoin Core `kernel/coinstats.cpp`
 * @module
 */
import { sha256 as incremental } from "@noble/hashes/sha2.js";
import { sha256 } from "../../codec/sha256.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import type { MergedEntry } from "../../storage/runs/merging.ts";
import { type OutPoint, OutPointCodec, TxOutputCodec } from "../types/transaction-parts.ts";
import { codeOf, type Coin, decodeCoin } from "./coin.ts";
import { outPointOf } from "./key.ts";
import { MuHash } from "./muhash.ts";

/** The hashes that Core offers; `none` counts only. */
export type CoinHash = "hash_serialized_3" | "muhash" | "none";

/** What was found. */
export interface CoinStatistics {
  /** Outputs that are not spent. */
  readonly coins: number;
  /** Transactions that have such outputs. */
  readonly transactions: number;
  /** Satoshi. */
  readonly amount: bigint;
  /** Core's measure of the set's size, which depends on no database: 50 bytes and the script for each coin. */
  readonly bogosize: number;
  /** In the order of the bytes; people see it the other way round. Absent for `none`. */
  readonly hash?: Bytes32;
}

const BOGO_BYTES = 50;
/** Coins between two pauses. */
const PAUSE_EVERY = 512;

/** What both hashes take in for a coin: outpoint 36 ‖ height × 2 + coinbase u32 LE ‖ value i64 LE ‖ script. */
export function hashedCoin(outpoint: OutPoint, coin: Coin): Uint8Array {
  const writer = new Writer(128);
  writeHashedCoin(writer, outpoint, coin);
  return writer.finish();
}

function writeHashedCoin(writer: Writer, outpoint: OutPoint, coin: Coin): void {
  OutPointCodec.write(writer, outpoint);
  writer.u32Le(codeOf(coin));
  TxOutputCodec.write(writer, coin);
}

/** Bytes that are hashed at a time: each call costs as much as the hashing of a coin. */
const HASHED_BYTES = 16 * 1024;

/** `hash_serialized_3` of coins in the order of their outpoints. */
export class SerializedHash {
  readonly #hash = incremental.create();
  #writer = new Writer(HASHED_BYTES);

  /** Takes the next coin in. */
  add(outpoint: OutPoint, coin: Coin): void {
    writeHashedCoin(this.#writer, outpoint, coin);
    if (this.#writer.length >= HASHED_BYTES) this.#flush();
  }

  /** The hash, in the order of the bytes. Nothing can be added afterwards. */
  digest(): Bytes32 {
    this.#flush();
    return sha256(this.#hash.digest());
  }

  #flush(): void {
    this.#hash.update(this.#writer.finish());
    this.#writer = new Writer(HASHED_BYTES);
  }
}

/** Goes through coins in the order of their keys; see `BitcoinStore.allCoins`. */
export type AllCoins = (
  take: (entry: MergedEntry) => Promise<void> | undefined,
  signal?: AbortSignal,
) => Promise<unknown>;

/**
 * Counts the coins and hashes them. `pause` gives others their turn.
 * @throws NodeError `DATABASE_DAMAGED`, or the signal's reason
 */
export async function coinStatistics(
  all: AllCoins,
  kind: CoinHash,
  pause: () => Promise<void>,
  signal?: AbortSignal,
): Promise<CoinStatistics> {
  let [coins, transactions, bogosize, amount] = [0, 0, 0, 0n];
  let last: Uint8Array | undefined;
  const serialized = new SerializedHash();
  const muhash = new MuHash();
  await all(({ key, keyLength, bytes, valueAt, valueLength }) => {
    const outpoint = outPointOf(key.subarray(0, keyLength));
    const coin = decodeCoin(bytes.slice(valueAt, valueAt + valueLength));
    if (last === undefined || outpoint.txid.some((byte, i) => byte !== last![i])) transactions += 1;
    last = outpoint.txid;
    coins += 1;
    amount += coin.value;
    bogosize += BOGO_BYTES + coin.scriptPubKey.length;
    if (kind === "hash_serialized_3") serialized.add(outpoint, coin);
    else if (kind === "muhash") muhash.add(hashedCoin(outpoint, coin));
    return coins % PAUSE_EVERY === 0 ? pause() : undefined;
  }, signal);
  const counted = { coins, transactions, amount, bogosize };
  if (kind === "none") return counted;
  return { ...counted, hash: kind === "muhash" ? muhash.digest() : serialized.digest() };
}
