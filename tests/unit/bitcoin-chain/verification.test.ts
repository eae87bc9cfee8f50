/** Stored blocks are verified once more: what is damaged is found by the level that reads it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Pruning } from "../../../lib/bitcoin/chain/pruning.ts";
import type { VerificationLevel } from "../../../lib/bitcoin/chain/verification.ts";
import { coinKey } from "../../../lib/bitcoin/coins/key.ts";
import { decodeCoin, encodeCoin } from "../../../lib/bitcoin/coins/coin.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { equalBytes } from "../../../lib/codec/sized.ts";
import type { Block } from "../../../lib/bitcoin/types/block.ts";
import { input, Ledger, output, pay, type Spendable } from "./ledger.ts";

const LEVELS: readonly VerificationLevel[] = [0, 1, 2, 3, 4];

/** A chain whose last blocks spend coins of before, of each other, and of themselves. */
async function scene() {
  const ledger = await Ledger.open();
  const made = await ledger.mine(106);
  const first = pay([made[0]!]);
  const within = pay([output(first)]);
  const later = pay([made[1]!, output(within)]);
  const blocks: Block[] = [];
  for (const spends of [[first, within], [later], [pay([output(later), made[2]!])], []]) {
    blocks.push(ledger.block(spends));
    assert.equal(await ledger.add(blocks.at(-1)!), "ok");
  }
  ledger.chain.flushCoins();
  await ledger.rest();
  const { signal } = new AbortController();
  const verify = (level: VerificationLevel, count: number) =>
    ledger.until(ledger.chain.inspection.verify(level, count, signal));
  /** The first level that finds something wrong in the last blocks, and what. */
  const found = async (count = 6) => {
    for (const level of LEVELS) {
      const { isRight, problem = "" } = (await verify(level, count))!;
      if (!isRight) return `${level} ${problem}`;
    }
    return "nothing";
  };
  const row = (block: Block) => ledger.chain.headers.find(block.hash);
  return { ledger, made, blocks, later, verify, found, row };
}

describe("Inspection.verify()", () => {
  test("finds nothing wrong at any level, changes nothing, and counts the blocks", async () => {
    const { ledger, verify, made } = await scene();
    const before = await ledger.until(ledger.chain.coinStatistics("hash_serialized_3"));
    for (const level of LEVELS) {
      assert.deepEqual(await verify(level, 6), { isRight: true, blocks: 6 });
      assert.deepEqual(await verify(level, 0), { isRight: true, blocks: 110 });
      assert.deepEqual(await verify(level, 1_000), { isRight: true, blocks: 110 });
    }
    const after = await ledger.until(ledger.chain.coinStatistics("hash_serialized_3"));
    assert.deepEqual(after, before);
    assert.equal(ledger.said.at(-1), "info 110 blocks were verified: all is right");
    assert.deepEqual((await ledger.chain.coins([made[0]!]))?.coins, [undefined]);
    await ledger.mine(1);
    assert.equal(ledger.height, 111);
  });

  test("level 0 finds blocks that cannot be read, or are others", async () => {
    const { ledger, blocks, found, row } = await scene();
    const { store } = ledger;
    const read = store.block.bind(store);
    const lost = row(blocks[1]!);
    store.block = (at) => at === lost ? Promise.resolve(undefined) : read(at);
    assert.match(await found(), /^0 the block at height 108 cannot be read: it is not there/);
    store.block = async (at) => at === lost ? (await read(at))!.slice(0, 100) : await read(at);
    assert.match(await found(), /^0 the block at height 108 cannot be read/);
    store.block = (at) => read(at === lost ? lost - 1 : at);
    assert.match(await found(), /^0 the block at height 108 is another one/);
    assert.equal(await found(2), "nothing", "it is not among the last two");
  });

  test("level 1 finds a block whose transactions are not those of its header", async () => {
    const { ledger, blocks, found, row } = await scene();
    const { store } = ledger;
    const read = store.block.bind(store);
    const changed = row(blocks[3]!);
    store.block = async (at) => {
      const raw = (await read(at))!.slice();
      if (at === changed) raw[raw.length - 1]! ^= 1;
      return raw;
    };
    assert.match(await found(), /^1 the block at height 110 is bad: bad-txnmrklroot/);
  });

  test("level 2 finds what takes a block back damaged or lost", async () => {
    const { ledger, blocks, found, row } = await scene();
    const { store } = ledger;
    const read = store.coinUndo.bind(store);
    const damaged = row(blocks[0]!);
    store.coinUndo = async (at) => {
      const bytes = (await read(at))!.slice();
      if (at === damaged) bytes[bytes.length - 1]! ^= 1;
      return bytes;
    };
    assert.match(await found(), /^2 what takes the block at height 107 back cannot be read/);
    store.coinUndo = (at) => at === damaged ? Promise.resolve(undefined) : read(at);
    assert.match(await found(), /^2 what takes the block at height 107 back cannot be read: it is not there/);
  });

  test("level 3 finds a coin that is lost, changed, or there though it was spent", async () => {
    const { ledger, blocks, found, made } = await scene();
    const { store } = ledger;
    const read = store.coins.bind(store);
    const answer = (wanted: Spendable, of: (bytes: Uint8Array | undefined) => Uint8Array | undefined) => {
      const key = coinKey(wanted);
      store.coins = async (keys) => (await read(keys)).map((bytes, i) => equalBytes(keys[i]!, key) ? of(bytes) : bytes);
    };
    const coinbase = output(blocks[3]!.transactions[0]!);
    answer(coinbase, () => undefined);
    assert.match(await found(), /^3 the coins are not what the block at height 110 left/);
    answer(coinbase, (bytes) => encodeCoin({ ...decodeCoin(bytes!), value: 1n }));
    assert.match(await found(), /^3 the coins are not what the block at height 110 left/);
    answer(made[1]!, () => encodeCoin({ ...made[1]!, scriptPubKey: Uint8Array.of(1), height: 2, isCoinbase: true }));
    assert.match(await found(), /^3 coins are there that the block at height 108 spent/);
  });

  test("level 4 connects again, and verifies scripts that are assumed to be good", async () => {
    const ledger = await Ledger.open();
    const made = await ledger.mine(102);
    const later = [
      ledger.block([pay([made[0]!], 1n, { inputs: [input(made[0]!, { scriptSig: Uint8Array.of(0x6a) })] })]),
    ];
    while (later.length < 2_100) later.push(ledger.block([], { parent: later.at(-1)! }));
    ledger.assumeValid(later.at(-1)!);
    ledger.tellHeaders(later);
    assert.equal(await ledger.add(later[0]!), "ok", "its scripts are not verified");
    const { signal } = new AbortController();
    const verify = (level: VerificationLevel) => ledger.until(ledger.chain.inspection.verify(level, 3, signal));
    assert.equal((await verify(3))!.isRight, true);
    assert.match((await verify(4))!.problem!, /height 103 cannot be connected: block-script-verify-flag-failed/);
  });

  test("takes no more memory than there is for coins, and says what it left out", async () => {
    const ledger = await Ledger.open(regtest, { coins: { random: new SeededRandom(1), bytesMax: 1 } });
    await ledger.mine(3);
    const { signal } = new AbortController();
    const verify = (level: VerificationLevel) => ledger.until(ledger.chain.inspection.verify(level, 3, signal));
    assert.deepEqual(await verify(2), { isRight: true, blocks: 3 });
    for (const level of [3, 4] as const) {
      const problem = "not all blocks were taken back: the memory for coins does not suffice (--coins-cache)";
      assert.deepEqual(await verify(level), { isRight: false, blocks: 3, problem });
    }
  });

  test("says so when blocks are pruned, and ends when nobody waits for it or the chain is closed", async () => {
    const ledger = await Ledger.open();
    await ledger.mine(300);
    ledger.chain.flushCoins();
    await ledger.rest();
    await new Pruning({ ...ledger, bytesMax: 0, failed: assert.fail }).below(1_000);
    const { inspection } = ledger.chain;
    const { signal } = new AbortController();
    assert.deepEqual(await ledger.until(inspection.verify(4, 0, signal)), {
      isRight: false,
      blocks: 289,
      problem: "not all blocks were verified: some are pruned",
    });
    assert.equal((await ledger.until(inspection.verify(4, 288, signal)))!.isRight, true);
    await assert.rejects(ledger.until(inspection.verify(4, 0, AbortSignal.abort(new Error("gone")))), /gone/);
    const verified = inspection.verify(4, 0, signal);
    const failed = assert.rejects(verified, { code: "stopped" });
    await ledger.until(ledger.chain.close());
    await ledger.until(failed);
  });
});
