/**
 * Coin ids, and what a block's coins come to: the two roots and the filter.
 *
 * @see chia-blockchain 2.7.5 `chia/types/blockchain_format/coin.py`, `chia/consensus/block_body_validation.py` steps 11, 12
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { sha256 } from "../../codec/sha256.ts";
import type { Coin } from "../types/mod.ts";
import { encodeFilter } from "./filter.ts";
import { compareBytes, merkleSetRoot } from "./merkle-set.ts";

/** An amount as CLVM writes integers: big-endian, signed, as short as it can be; zero is empty. */
function clvmAmount(amount: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = amount; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  if ((bytes[0] ?? 0) & 0x80) bytes.unshift(0);
  return Uint8Array.from(bytes);
}

/** The id of a coin: H(parent ‖ puzzle hash ‖ amount as a CLVM integer). */
export function coinId(coin: Coin): Uint8Array {
  return sha256(coin.parentCoinInfo, coin.puzzleHash, clvmAmount(coin.amount));
}

/** additions_root: for each puzzle hash two leaves, itself and the hash of its coin ids in falling order. */
export function additionsRoot(additions: readonly Coin[]): Uint8Array {
  const byPuzzle = new Map<string, { puzzleHash: Uint8Array; ids: Uint8Array[] }>();
  for (const coin of additions) {
    const key = toHex(coin.puzzleHash);
    const entry = byPuzzle.get(key) ?? { puzzleHash: coin.puzzleHash, ids: [] };
    entry.ids.push(coinId(coin));
    byPuzzle.set(key, entry);
  }
  const leaves = [...byPuzzle.values()].flatMap(({ puzzleHash, ids }) => [
    puzzleHash,
    sha256(...ids.sort((a, b) => compareBytes(b, a))),
  ]);
  return merkleSetRoot(leaves);
}

/** removals_root: the ids of the spent coins are the leaves. */
export function removalsRoot(removalIds: readonly Uint8Array[]): Uint8Array {
  return merkleSetRoot(removalIds);
}

/** The filter of a block: puzzle hashes of all additions (rewards too) and ids of all removals. */
export function transactionsFilter(additions: readonly Coin[], removalIds: readonly Uint8Array[]): Uint8Array {
  return encodeFilter([...additions.map((coin) => coin.puzzleHash), ...removalIds]);
}
