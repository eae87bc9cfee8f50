/** Coins in Core's compact form. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { compressAmount, decompressAmount } from "../../../lib/bitcoin/coins/amount.ts";
import { type Coin, decodeCoin, encodeCoin } from "../../../lib/bitcoin/coins/coin.ts";
import { coinKey, outPointOf } from "../../../lib/bitcoin/coins/key.ts";
import { readScript, writeScript } from "../../../lib/bitcoin/coins/script.ts";
import { isUnspendable } from "../../../lib/bitcoin/types/script.ts";
import { readVarInt64, writeVarInt64 } from "../../../lib/bitcoin/codec/mod.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { Reader } from "../../../lib/codec/reader.ts";
import { Writer } from "../../../lib/codec/writer.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const COIN = 100_000_000n;
const U64_MAX = 2n ** 64n - 1n;

describe("compressAmount()", () => {
  test("gives Core's numbers", () => {
    // Core's compress_tests.
    const pairs: [bigint, bigint][] = [
      [0n, 0x0n],
      [1n, 0x1n],
      [COIN / 100n, 0x7n],
      [COIN, 0x9n],
      [50n * COIN, 0x32n],
      [21_000_000n * COIN, 0x140_6f40n],
    ];
    for (const [amount, number] of pairs) {
      assert.equal(compressAmount(amount), number);
      assert.equal(decompressAmount(number), amount);
    }
  });

  test("is taken back exactly, for round amounts and others, on both sides of where numbers are exact", () => {
    const amounts = [21n * 10n ** 14n - 1n, 21n * 10n ** 14n, 900_000_000_000_000n];
    for (let i = 1n; i <= 3_000n; i++) amounts.push(i, i * COIN / 100n, i * COIN, i * 50n * COIN);
    const random = new SeededRandom(1);
    for (let i = 0; i < 3_000; i++) amounts.push(BigInt(random.below(2 ** 32)) * BigInt(1 + random.below(600_000)));
    for (let i = -3n; i <= 3n; i++) amounts.push(900_000_000_000_000n + i);
    for (const amount of amounts) assert.equal(decompressAmount(compressAmount(amount)), amount);
    for (let number = 0n; number < 10_000n; number++) assert.equal(compressAmount(decompressAmount(number)), number);
  });

  test("both ways of reckoning agree where one takes over from the other", () => {
    // What no number of nine more digits could hold is reckoned with large integers.
    for (const amount of [899_999_999_999_999n, 900_000_000_000_001n, 1_234_567_890_123_456n]) {
      const digits = amount.toString().replace(/0{1,9}$/, "");
      const zeros = BigInt(amount.toString().length - digits.length);
      const rest = BigInt(digits);
      assert.equal(compressAmount(amount), 1n + (rest / 10n * 9n + rest % 10n - 1n) * 10n + zeros);
    }
  });
});

describe("VARINT of 64 bits", () => {
  test("reads what it writes, up to the largest, and nothing above", () => {
    const numbers = [0n, 127n, 128n, 16_511n, 16_512n, 2n ** 45n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, U64_MAX];
    for (const number of numbers) {
      const writer = new Writer();
      writeVarInt64(writer, number);
      const reader = new Reader(writer.finish());
      assert.equal(readVarInt64(reader), number);
      reader.finish();
    }
    // Core's serialize_tests.
    const writer = new Writer();
    writeVarInt64(writer, U64_MAX);
    assert.equal(toHex(writer.finish()), "80fefefefefefefefe7f");
    assert.throws(() => readVarInt64(new Reader(fromHex("80fefefefefefefeff00"))), { code: "limit" });
    assert.throws(() => readVarInt64(new Reader(new Uint8Array(5).fill(0x80))), { code: "short" });
    for (const number of [-1n, U64_MAX + 1n]) {
      assert.throws(() => writeVarInt64(new Writer(), number), { code: "value" });
    }
  });
});

const key = (n: number) => secp256k1.getPublicKey(new Uint8Array(32).fill(n), true);
const fullKey = (n: number) => secp256k1.getPublicKey(new Uint8Array(32).fill(n), false);
const hash = toHex(new Uint8Array(20).map((_, i) => i + 1));
const script = (hex: string) => fromHex(hex.replaceAll(" ", ""));

const written = (bytes: Uint8Array) => {
  const writer = new Writer();
  writeScript(writer, bytes);
  return writer.finish();
};
const readBack = (bytes: Uint8Array) => {
  const reader = new Reader(bytes);
  const found = readScript(reader);
  reader.finish();
  return found;
};

describe("writeScript()", () => {
  test("writes the six forms short, and reads them back", () => {
    // Core's script_compression tests: sizes, first bytes.
    const even = [1, 2, 3, 4, 5, 6].find((n) => key(n)[0] === 2)!;
    const odd = [1, 2, 3, 4, 5, 6].find((n) => key(n)[0] === 3)!;
    const forms: [Uint8Array, string][] = [
      [script(`76a914 ${hash} 88ac`), `00${hash}`],
      [script(`a914 ${hash} 87`), `01${hash}`],
      [script(`21 ${toHex(key(even))} ac`), toHex(key(even))],
      [script(`21 ${toHex(key(odd))} ac`), toHex(key(odd))],
      [script(`41 ${toHex(fullKey(even))} ac`), `04${toHex(fullKey(even)).slice(2, 66)}`],
      [script(`41 ${toHex(fullKey(odd))} ac`), `05${toHex(fullKey(odd)).slice(2, 66)}`],
    ];
    for (const [whole, short] of forms) {
      assert.equal(toHex(written(whole)), short);
      assert.deepEqual(readBack(fromHex(short)), whole);
    }
  });

  test("the key of genesis is compressed as Core compresses it", () => {
    const genesis =
      "4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de" +
      "5c384df7ba0b8d578a4c702b6bf11d5fac";
    const short = "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6".replace(/^04/, "05");
    assert.equal(toHex(written(fromHex(genesis))), short);
    assert.equal(toHex(readBack(fromHex(short))), genesis);
  });

  test("leaves whole what only seems to have a form", () => {
    const whole = [
      "",
      "51",
      `76a914 ${hash} 88ad`,
      `76a913 ${hash} 88ac`,
      `a914 ${hash} 88`,
      `a914 ${hash} 87 51`,
      `0014 ${hash}`,
      // A key that begins with neither 2 nor 3, and one whose point is not on the curve.
      `21 05 ${"11".repeat(32)} ac`,
      `41 04 ${"11".repeat(64)} ac`,
      `41 06 ${toHex(fullKey(1)).slice(2)} ac`,
    ].map(script);
    for (const bytes of whole) {
      const compact = written(bytes);
      assert.equal(compact[0], bytes.length + 6);
      assert.deepEqual(compact.slice(1), bytes);
      assert.deepEqual(readBack(compact), bytes);
    }
    // A compressed key need not be a point: nothing is computed from it.
    const noPoint = script(`21 02 ${"ff".repeat(32)} ac`);
    assert.equal(written(noPoint).length, 33);
    assert.deepEqual(readBack(written(noPoint)), noPoint);
  });

  test("a script that is too long is read as OP_RETURN, and a full key that is no point is refused", () => {
    for (const [length, expected] of [[10_000, 10_000], [10_001, 1]] as const) {
      assert.equal(readBack(written(new Uint8Array(length).fill(0x51))).length, expected);
    }
    assert.deepEqual(readBack(written(new Uint8Array(10_001))), Uint8Array.of(0x6a));
    assert.throws(() => readBack(fromHex(`04${"00".repeat(31)}05`)), { code: "value" });
    for (const bytes of [written(script(`a914${hash}87`)), written(new Uint8Array(10_001))]) {
      for (const length of [0, 1, bytes.length - 1]) {
        assert.throws(() => readBack(bytes.slice(0, length)), { code: "short" });
      }
    }
  });

  test("isUnspendable() knows OP_RETURN at the beginning and what is too long", () => {
    const yes = [Uint8Array.of(0x6a), Uint8Array.of(0x6a, 1, 2), new Uint8Array(10_001)];
    const no = [new Uint8Array(), Uint8Array.of(0x51, 0x6a), new Uint8Array(10_000)];
    assert.deepEqual([...yes, ...no].map(isUnspendable), [...yes.map(() => true), ...no.map(() => false)]);
  });
});

describe("encodeCoin()", () => {
  const coin = (more: Partial<Coin> = {}): Coin => ({
    value: 60_000_000_000n,
    scriptPubKey: fromHex("76a914816115944e077fe7c803cfa57f29b36bf87c1d3588ac"),
    height: 203_998,
    isCoinbase: false,
    ...more,
  });

  test("gives the bytes of Core's coins_tests", () => {
    assert.equal(toHex(encodeCoin(coin())), "97f23c835800816115944e077fe7c803cfa57f29b36bf87c1d35");
    const second = coin({
      value: 110_397n,
      scriptPubKey: fromHex("76a9148c988f1a4a4de2161e0f50aac7f17e7f9555caa488ac"),
      height: 120_891,
      isCoinbase: true,
    });
    assert.equal(toHex(encodeCoin(second)), "8ddf77bbd123008c988f1a4a4de2161e0f50aac7f17e7f9555caa4");
  });

  test("reads back random coins, and refuses bytes that are short or too many", () => {
    const random = new SeededRandom(3);
    for (let i = 0; i < 2_000; i++) {
      const made = coin({
        value: BigInt(random.below(2 ** 32)) * BigInt(random.below(400_000)),
        scriptPubKey: random.bytes(random.below(80)),
        height: random.below(2 ** 24),
        isCoinbase: random.chance(0.5),
      });
      const bytes = encodeCoin(made);
      assert.deepEqual(decodeCoin(bytes), made);
      assert.throws(() => decodeCoin(bytes.slice(0, -1)), { code: "short" });
      assert.throws(() => decodeCoin(Uint8Array.of(...bytes, 0)), { code: "trailing" });
    }
    assert.throws(() => encodeCoin(coin({ value: -1n })), { code: "value" });
  });
});

describe("coinKey()", () => {
  test("gives every outpoint a key of its own, in the order of txid and index", () => {
    const outpoints = [0, 1, 252, 253, 254, 255, 256, 16_511, 16_512, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1]
      .flatMap((vout) => [1, 2].map((n) => ({ txid: new Uint8Array(32).fill(n), vout })));
    for (const outpoint of outpoints) assert.deepEqual(outPointOf(coinKey(outpoint)), outpoint);
    const sorted = outpoints.map((outpoint) => toHex(coinKey(outpoint))).sort();
    const expected = [...outpoints].sort((a, b) => a.txid[0]! - b.txid[0]! || a.vout - b.vout).map((outpoint) =>
      toHex(coinKey(outpoint))
    );
    assert.deepEqual(sorted, expected);
    assert.equal(coinKey(outpoints[0]!).length, 33);
  });
});
