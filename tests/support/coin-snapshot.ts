/** Snapshots of a {@link CoinTree}'s coins, and a chain that takes them. */
import { SnapshotWriter } from "../../lib/bitcoin/coins/snapshot-writer.ts";
import { type Coin, encodeCoin } from "../../lib/bitcoin/coins/coin.ts";
import { encodeSnapshotHead } from "../../lib/bitcoin/coins/snapshot.ts";
import { coinStatistics } from "../../lib/bitcoin/coins/statistics.ts";
import type { AssumedCoins, BitcoinNetwork } from "../../lib/bitcoin/networks/mod.ts";
import type { Bytes32 } from "../../lib/codec/sized.ts";
import { fromHex } from "../../lib/codec/hex.ts";
import { concat } from "../unit/bitcoin-chain/mining.ts";
import { entryOf } from "../unit/bitcoin-coins/snapshot-support.ts";
import type { CoinTree } from "./coin-tree.ts";

/** A snapshot and what a network's parameters would say of it. */
export interface TreeSnapshot {
  readonly bytes: Uint8Array;
  readonly assumed: AssumedCoins;
}

/** The snapshot of a tree's coins after a block, with coins changed where `change` changes them. */
export async function snapshotOf(
  tree: CoinTree,
  row: number,
  network: BitcoinNetwork,
  change: (coin: Coin, index: number) => Coin = (coin) => coin,
): Promise<TreeSnapshot> {
  const coins = [...tree.coinsAfter(row)].sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { coin }], i) => entryOf(fromHex(name), encodeCoin(change(coin, i))));
  const base = tree.headers.hash(row);
  const parts = [encodeSnapshotHead(network.magic, { base, coins: BigInt(coins.length) })];
  const writer = new SnapshotWriter({ append: (bytes) => Promise.resolve(parts.push(...bytes)) });
  for (const entry of coins) await writer.take(entry);
  await writer.finish();
  const all = async (take: (entry: typeof coins[number]) => Promise<void> | undefined) => {
    for (const entry of coins) await take(entry);
  };
  const { hash } = await coinStatistics(all, "hash_serialized_3", () => Promise.resolve());
  const assumed = { height: tree.headers.height(row), block: base as Bytes32, hash: hash as Bytes32 };
  return { bytes: concat(...parts), assumed };
}
