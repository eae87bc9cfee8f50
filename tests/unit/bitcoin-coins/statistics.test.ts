/** Hashes of the set of coins, by values that Core has in its own sources. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { type Coin, encodeCoin } from "../../../lib/bitcoin/coins/coin.ts";
import { coinKey } from "../../../lib/bitcoin/coins/key.ts";
import { MuHash } from "../../../lib/bitcoin/coins/muhash.ts";
import { type AllCoins, type CoinHash, coinStatistics, hashedCoin } from "../../../lib/bitcoin/coins/statistics.ts";
import { sha256d, toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { encodeParts, type OutPoint } from "../../../lib/bitcoin/types/transaction-parts.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

/** Coins in the order that a store gives them in. */
const allOf = (coins: readonly (readonly [OutPoint, Coin])[]): AllCoins => async (take, signal) => {
  const entries = coins.map(([outpoint, coin]) => ({ key: coinKey(outpoint), bytes: encodeCoin(coin) }));
  entries.sort((a, b) => (toHex(a.key) < toHex(b.key) ? -1 : 1));
  for (const { key, bytes } of entries) {
    signal?.throwIfAborted();
    await take({ key, keyLength: key.length, bytes, valueAt: 0, valueLength: bytes.length });
  }
};
const statisticsOf = (coins: readonly (readonly [OutPoint, Coin])[], kind: CoinHash, signal?: AbortSignal) =>
  coinStatistics(allOf(coins), kind, () => Promise.resolve(), signal);

/**
 * The coinbases of the chain of Core's unit tests (TestChain100Setup, mined up to a height): 50 coins to the key 1, and the
 * witness commitment of a block without other transactions. Since release 30 a coinbase is locked to the height before it.
 */
function testChainCoins(heights: number, isLocked: boolean): [OutPoint, Coin][] {
  const secret = new Uint8Array(32);
  secret[31] = 1;
  const scriptPubKey = Uint8Array.of(33, ...secp256k1.getPublicKey(secret, true), 0xac);
  const commitment = Uint8Array.of(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed, ...sha256d(new Uint8Array(64)));
  return Array.from({ length: heights }, (_, i) => {
    const height = i + 1;
    const scriptSig = Uint8Array.of(...(height <= 16 ? [0x50 + height] : [1, height]), 0);
    const prevout = { txid: new Uint8Array(32), vout: 0xffff_ffff };
    const raw = encodeParts({
      version: 2,
      inputs: [{ prevout, scriptSig, sequence: isLocked ? 0xffff_fffe : 0xffff_ffff, witness: [] }],
      outputs: [{ value: 5_000_000_000n, scriptPubKey }, { value: 0n, scriptPubKey: commitment }],
      lockTime: isLocked ? height - 1 : 0,
    });
    return [{ txid: sha256d(raw), vout: 0 }, { value: 5_000_000_000n, scriptPubKey, height, isCoinbase: true }];
  });
}

describe("coinStatistics()", () => {
  test("hashes the chain of Core's unit tests to what Core expects of its snapshot at height 110", async () => {
    // chainparams.cpp, m_assumeutxo_data of regtest: releases 26 to 29, and those from 30 on.
    const expected = {
      "6657b736d4fe4db0cbc796789e812d5dba7f5c143764b1b6905612f1830609d1": false,
      "b952555c8ab81fec46f3d4253b7af256d766ceb39fb7752b9d18cdf4a0141327": true,
    };
    for (const [hash, isLocked] of Object.entries(expected)) {
      const found = await statisticsOf(testChainCoins(110, isLocked), "hash_serialized_3");
      assert.equal(toDisplayHex(found.hash!), hash);
      assert.deepEqual([found.coins, found.transactions, found.amount], [110, 110, 110n * 5_000_000_000n]);
      assert.equal(found.bogosize, 110 * (50 + 35));
    }
  });

  test("counts transactions and not outputs, and hashes nothing when it is to count only", async () => {
    const [[first, coin], [second]] = testChainCoins(2, false) as [[OutPoint, Coin], [OutPoint, Coin]];
    const coins = [first, { ...first, vout: 300 }, { ...first, vout: 1 }, second].map((outpoint) =>
      [outpoint, coin] as const
    );
    const found = await statisticsOf(coins, "none");
    assert.deepEqual([found.coins, found.transactions, "hash" in found], [4, 2, false]);
  });

  test("ends when the signal says so, and gives others their turn", async () => {
    const coins = testChainCoins(120, false).flatMap(([outpoint, coin]) =>
      Array.from({ length: 10 }, (_, vout) => [{ ...outpoint, vout }, coin] as const)
    );
    let pauses = 0;
    await coinStatistics(allOf(coins), "none", () => Promise.resolve(void (pauses += 1)));
    assert.equal(pauses, 2);
    await assert.rejects(statisticsOf(coins, "none", AbortSignal.abort(new Error("enough"))), /enough/);
  });

  test("muhash of the set is that of its coins, in any order and with others taken away", async () => {
    const coins = testChainCoins(30, true);
    const found = await statisticsOf(coins, "muhash");
    const other = new MuHash();
    const [gone, ...rest] = coins.toReversed();
    other.remove(hashedCoin(...gone!));
    for (const [outpoint, coin] of rest) other.add(hashedCoin(outpoint, coin));
    other.add(hashedCoin(...gone!));
    other.add(hashedCoin(...gone!));
    assert.deepEqual(other.digest(), found.hash);
  });
});

describe("MuHash", () => {
  const element = (byte: number) => Uint8Array.of(byte, ...new Uint8Array(31));

  test("gives the value of Core's crypto_tests", () => {
    const hash = new MuHash();
    hash.add(element(0));
    hash.add(element(1));
    hash.remove(element(2));
    assert.equal(toDisplayHex(hash.digest()), "10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863");
  });

  test("is that of the empty set when all was taken away, in whatever order", () => {
    const random = new SeededRandom(1);
    const elements = Array.from({ length: 20 }, () => random.bytes(60));
    const hash = new MuHash();
    for (const one of elements) hash.remove(one);
    for (const one of elements.toReversed()) hash.add(one);
    assert.deepEqual(hash.digest(), new MuHash().digest());
    hash.add(elements[0]!);
    assert.notDeepEqual(hash.digest(), new MuHash().digest());
  });
});
