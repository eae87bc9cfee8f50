/** The index of block filters beside a chain that is validated in full. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectedBlock } from "../../../lib/bitcoin/chain/chain.ts";
import type { BackgroundChain } from "../../../lib/bitcoin/chain/background.ts";
import { NO_CHANGES } from "../../../lib/bitcoin/coins/changes.ts";
import { buildBasicFilter, filterHash, filterHeader } from "../../../lib/bitcoin/filters/mod.ts";
import { ZERO_HASH } from "../../../lib/bitcoin/hash.ts";
import { FilterIndex } from "../../../lib/bitcoin/indexes/filter-index.ts";
import { type FilterEntry, MemoryFilterStore } from "../../../lib/bitcoin/indexes/filter-store.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { Block } from "../../../lib/bitcoin/types/block.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import type { Clock } from "../../../lib/core/ports.ts";
import { Ledger, output, pay, type Spendable } from "../bitcoin-chain/ledger.ts";

/** Longer than filters wait to be written, and than a failure is rested from. */
const WHILE_MS = 15_000;

/** A store that refuses to write while it is told to, and counts what it was given. */
class TestStore extends MemoryFilterStore {
  failure: Error | undefined;
  written = 0;
  writes = 0;

  override put(entries: readonly FilterEntry[]): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.written += entries.length;
    this.writes += 1;
    return super.put(entries);
  }
}

/** A chain whose blocks an index hears of, where there is one. */
async function scene() {
  const made: { index?: FilterIndex } = {};
  const store = new MemoryBitcoinStore();
  const ledger = await Ledger.open(regtest, { store, onConnected: (connected) => made.index?.connected(connected) });
  const filters = new TestStore();
  const said: string[] = [];
  const { chain, clock } = ledger;
  const reads: number[] = [];
  const read = chain.blocks.read.bind(chain.blocks);
  chain.blocks.read = (row) => {
    reads.push(chain.headers.height(row));
    return read(row);
  };
  const open = async () => {
    const notice = (level: string, text: string) => void said.push(`${level} ${text}`);
    const index = await FilterIndex.open({ chain, store: filters, clock, notice });
    made.index = index;
    return index;
  };
  /** Ends an index as a crash would: it hears nothing more. */
  const crash = () => delete made.index;
  /** The filters of a branch that ends with a block, by the blocks alone. */
  const expected = async (tip: number) => {
    const outputs = new Map<string, Uint8Array>();
    const found: { filter: string; header: string }[] = [];
    let above: Uint8Array = ZERO_HASH;
    for (let height = 0; height <= chain.headers.height(tip); height++) {
      const raw = (await store.block(chain.headers.ancestor(tip, height)))!;
      const block = Block.decode(raw);
      const name = (txid: Uint8Array, vout: number) => `${toHex(txid)}:${vout}`;
      for (const { txid, outputs: all } of block.transactions) {
        for (const [vout, { scriptPubKey }] of all.entries()) outputs.set(name(txid, vout), scriptPubKey);
      }
      const spent = block.transactions.slice(1).flatMap(({ inputs }) =>
        inputs.map(({ prevout }) => outputs.get(name(prevout.txid, prevout.vout))!)
      );
      const { bytes } = buildBasicFilter(block, spent);
      above = filterHeader(filterHash(bytes), above);
      found.push({ filter: toHex(bytes), header: toHex(above) });
    }
    return found;
  };
  /** The filters of the same branch as the index has them. */
  const kept = async (index: FilterIndex, tip: number) => {
    const found: { filter: string; header: string }[] = [];
    for (let height = 0; height <= chain.headers.height(tip); height++) {
      const row = chain.headers.ancestor(tip, height);
      const entry = await index.entry(row);
      const head = await index.head(row);
      assert.ok(entry !== undefined && head !== undefined, `height ${height}`);
      assert.deepEqual(head.filterHeader, entry.filterHeader);
      assert.equal(toHex(filterHash(entry.filter)), toHex(head.filterHash));
      found.push({ filter: toHex(entry.filter), header: toHex(entry.filterHeader) });
    }
    return found;
  };
  return { ledger, chain, clock, store, filters, said, reads, open, crash, expected, kept };
}

/** An output of a script that no other has, and one that spends it in the same block. */
function payments(coin: Spendable, n: number) {
  const own = Uint8Array.of(0x51, 0x01, n, 0x75);
  const first = pay([coin], 0n, { outputs: [{ value: coin.value, scriptPubKey: own }] });
  return { first, inside: pay([output(first)]) };
}

describe("FilterIndex", () => {
  test("connected() makes filters from what the block has and spends, and reads nothing again", async () => {
    const { ledger, chain, clock, filters, open, expected, kept, reads } = await scene();
    const index = await open();
    assert.equal(index.height, -1);
    index.start();
    await clock.advance(WHILE_MS);
    assert.equal(index.height, 0);
    assert.deepEqual(reads.splice(0), [0]);
    assert.ok(index.isSynced);
    const coins = await ledger.mine(110);
    const { first, inside } = payments(coins[0]!, 1);
    assert.equal(await ledger.verdict([first]), "ok");
    assert.equal(await ledger.verdict([inside]), "ok");
    const both = payments(coins[1]!, 2);
    assert.equal(await ledger.verdict([both.first, both.inside]), "ok");
    await clock.until(index.settled());
    assert.equal(index.height, 113);
    assert.deepEqual(await kept(index, chain.tip), await expected(chain.tip));
    assert.deepEqual(reads, []);
    await clock.advance(WHILE_MS);
    assert.equal(filters.written, 114);
    await index.close();
  });

  test("open() takes up a chain that had no filters, or went on without them, from its own disk", async () => {
    const { ledger, chain, clock, open, crash, expected, kept, reads } = await scene();
    const coins = await ledger.mine(110);
    assert.equal(await ledger.verdict([payments(coins[0]!, 1).first]), "ok");
    const early = await open();
    early.start();
    await clock.advance(WHILE_MS);
    assert.ok(early.isSynced);
    assert.equal(reads.length, 112);
    await early.close();
    crash();
    assert.equal(await ledger.verdict([payments(coins[1]!, 2).first]), "ok");
    await ledger.mine(2);
    reads.length = 0;
    const late = await open();
    assert.equal(late.height, 111);
    assert.equal(late.isSynced, false, "not yet");
    late.start();
    await clock.advance(WHILE_MS);
    assert.deepEqual(reads, [112, 113, 114]);
    assert.deepEqual(await kept(late, chain.tip), await expected(chain.tip));
    await late.close();
  });

  test("open() goes on from genesis, which has a filter header of its own", async () => {
    const { ledger, chain, clock, filters, open, crash, expected, kept } = await scene();
    const first = await open();
    first.start();
    await clock.advance(WHILE_MS);
    await first.close();
    crash();
    assert.equal(filters.written, 1);
    await ledger.mine(3);
    const index = await open();
    assert.equal(index.height, 0);
    index.start();
    await clock.advance(WHILE_MS);
    assert.deepEqual(await kept(index, chain.tip), await expected(chain.tip));
    // At rest nothing waits for the clock.
    index.start();
    await clock.advance(1);
    assert.equal(clock.pending, 0);
    await index.close();
  });

  test("gives others their turn on a long way, and tells how far it is", async () => {
    const { ledger, chain, clock, filters } = await scene();
    await ledger.mine(99);
    const catchUp = async (msEach: number) => {
      const said: string[] = [];
      let [now, sleeps] = [0, 0];
      const slow: Clock = {
        now: () => clock.now(),
        monotonic: () => (now += msEach),
        after: (ms, callback) => clock.after(ms, callback),
        sleep: (ms, signal) => {
          sleeps += 1;
          return clock.sleep(ms, signal);
        },
      };
      const notice = (level: string, text: string) => void said.push(`${level} ${text}`);
      const store = new TestStore();
      const index = await FilterIndex.open({ chain, store, clock: slow, notice });
      index.start();
      await clock.advance(WHILE_MS);
      assert.equal(index.height, 99);
      await index.close();
      return { said, sleeps };
    };
    // One before it begins.
    assert.deepEqual(await catchUp(0), { said: [], sleeps: 1 });
    assert.deepEqual(await catchUp(0.04), { said: [], sleeps: 1 });
    assert.deepEqual(await catchUp(5), { said: [], sleeps: 101 });
    // Two readings for each block: the clock is at 60 s after 10 blocks, and so on.
    const { said } = await catchUp(3_000);
    assert.deepEqual(said.slice(0, 2), [
      "info basic block filter index: height 9 of 99",
      "info basic block filter index: height 19 of 99",
    ]);
    assert.ok(said.length >= 9 && said.length <= 10);
    assert.equal(filters.written, 0);
  });

  test("connected() holds 8 MiB of blocks at most, and lets go of those that are done with or not needed", async () => {
    const { ledger, chain, clock, reads, expected, kept } = await scene();
    await ledger.mine(30);
    /** A block that takes three MiB of memory, as it is told. */
    const heavy = async (height: number): Promise<ConnectedBlock> => {
      const row = chain.activeAt(height);
      const { hash, transactions } = (await chain.blocks.read(row))!;
      const block = { hash, transactions, raw: new Uint8Array(3 * 1024 * 1024) } as unknown as Block;
      return { row, block, changes: NO_CHANGES };
    };
    const told = await Promise.all([1, 2, 3, 20, 21, 1, 2].map(heavy));
    let now = 0;
    let turns = 0;
    const hints: ((index: FilterIndex) => void)[] = [];
    const slow: Clock = {
      now: () => clock.now(),
      monotonic: () => (now += 5),
      after: (ms, callback) => clock.after(ms, callback),
      sleep: (ms, signal) => {
        turns += 1;
        if (turns === 10) { for (const hint of hints) hint(index); }
        return clock.sleep(ms, signal);
      },
    };
    const index = await FilterIndex.open({ chain, store: new TestStore(), clock: slow, notice: assert.fail });
    // The third is too much; those that come later have the room of the first two.
    for (const each of told.slice(0, 3)) index.connected(each);
    hints.push((index) => told.slice(3, 5).forEach((each) => index.connected(each)));
    reads.length = 0;
    await clock.advance(WHILE_MS);
    assert.deepEqual(
      reads,
      Array.from({ length: 31 }, (_, height) => height).filter((at) => ![1, 2, 20, 21].includes(at)),
    );
    // These have their filters already.
    for (const each of told.slice(5, 7)) index.connected(each);
    await clock.advance(WHILE_MS);
    await ledger.mine(1);
    const last = await heavy(31);
    reads.length = 0;
    index.connected(last);
    await clock.advance(WHILE_MS);
    assert.deepEqual(reads, []);
    assert.deepEqual(await kept(index, chain.tip), await expected(chain.tip));
    await index.close();
  });

  test("says so when a filter is missing that others follow from", async () => {
    const { ledger, chain, clock, filters, said, open } = await scene();
    const index = await open();
    index.start();
    await ledger.mine(5);
    const fork = ledger.block();
    assert.equal(await ledger.add(fork), "ok");
    await ledger.mine(1);
    await clock.advance(WHILE_MS);
    const { heads } = filters;
    filters.heads = (hashes) => Promise.resolve(hashes.map(() => undefined));
    const one = ledger.block([], { parent: fork, salt: 1 });
    const two = ledger.block([], { parent: one, salt: 1 });
    await ledger.add(one);
    assert.equal(await ledger.add(two), "ok");
    await clock.advance(WHILE_MS);
    assert.equal(index.isSynced, false);
    assert.deepEqual(said, [
      "warning basic block filter index: a filter is missing; start with --reindex; it is tried again every 10 s",
    ]);
    filters.heads = heads;
    await clock.advance(WHILE_MS);
    assert.deepEqual([index.isSynced, index.height], [true, chain.headers.height(chain.tip)]);
    await index.close();
  });

  test("open() goes on after a crash in which filters were lost that were not written", async () => {
    const { ledger, chain, clock, filters, open, crash, expected, kept } = await scene();
    const index = await open();
    index.start();
    await ledger.mine(20);
    await clock.advance(WHILE_MS);
    const written = filters.written;
    filters.failure = new Error("the power fails");
    await ledger.mine(3);
    await clock.until(index.settled());
    assert.equal(index.height, 23);
    crash();
    filters.failure = undefined;
    const after = await open();
    assert.equal(after.height, written - 1);
    after.start();
    await clock.advance(WHILE_MS);
    assert.deepEqual(await kept(after, chain.tip), await expected(chain.tip));
    await after.close();
    await index.close();
  });

  test("follows a reorganisation; filters of blocks that left stay, and come back with them", async () => {
    const { ledger, chain, clock, open, expected, kept } = await scene();
    const index = await open();
    index.start();
    const coins = await ledger.mine(105);
    const fork = ledger.block();
    assert.equal(await ledger.add(fork), "ok");
    const left = ledger.block([payments(coins[0]!, 1).first]);
    assert.equal(await ledger.add(left), "ok");
    const before = chain.tip;
    // Another branch, which spends the same output otherwise.
    const one = ledger.block([payments(coins[0]!, 2).first], { parent: fork, salt: 1 });
    const two = ledger.block([], { parent: one, salt: 1 });
    await ledger.add(one);
    assert.equal(await ledger.add(two), "ok");
    const after = chain.tip;
    assert.equal(chain.headers.find(two.hash), after);
    await clock.advance(WHILE_MS);
    assert.equal(index.height, 108);
    assert.deepEqual(await kept(index, after), await expected(after));
    assert.deepEqual(await kept(index, before), await expected(before));
    // And back.
    const three = ledger.block([], { parent: left, salt: 3 });
    const four = ledger.block([], { parent: three, salt: 3 });
    await ledger.add(three);
    assert.equal(await ledger.add(four), "ok");
    await clock.advance(WHILE_MS);
    assert.deepEqual(await kept(index, chain.tip), await expected(chain.tip));
    assert.ok(index.isSynced);
    await index.close();
  });

  test("entry() makes a filter anew that is not what was written", async () => {
    const { ledger, chain, clock, filters, said, open, expected, kept } = await scene();
    const index = await open();
    index.start();
    const coins = await ledger.mine(110);
    assert.equal(await ledger.verdict([payments(coins[0]!, 1).first]), "ok");
    await clock.advance(WHILE_MS);
    const hash = chain.headers.hash(chain.tip);
    const entry = (await filters.entry(hash))!;
    const filter = entry.filter.slice();
    filter[2]! ^= 1;
    await filters.put([{ ...entry, filter }]);
    assert.deepEqual(await kept(index, chain.tip), await expected(chain.tip));
    assert.deepEqual((await filters.entry(hash))!.filter, entry.filter);
    assert.deepEqual(said, ["warning the filter of the block at height 111 is damaged; it is made anew"]);
    // Without the header before there is none to be made, and without the block no filter.
    await filters.put([{ ...entry, filter }]);
    const { heads } = filters;
    filters.heads = (hashes) => Promise.resolve(hashes.map(() => undefined));
    assert.equal(await index.entry(chain.tip), undefined);
    filters.heads = heads;
    assert.equal(said.length, 1);
    chain.blocks.read = () => Promise.resolve(undefined);
    assert.equal(await index.entry(chain.tip), undefined);
    await index.close();
  });

  test("open() refuses a chain whose blocks are gone before their filters were made", async () => {
    const { ledger, chain, clock, store, filters, open, crash } = await scene();
    await ledger.mine(20);
    const index = await open();
    index.start();
    await clock.advance(WHILE_MS);
    await index.close();
    crash();
    await ledger.mine(20);
    chain.dropData(await store.prune(0, 21));
    // All that has no filter is still there.
    await (await open()).close();
    chain.dropData(await store.prune(0, 22));
    await assert.rejects(open(), {
      code: "INDEX_PRUNED",
      message: /basic block filter index best block .* pruned data/,
    });
    assert.equal(filters.written, 21);
  });

  test("follows the blocks that are complete; behind a snapshot of the coins it is not synced", async () => {
    const { ledger, chain, clock, filters, expected, kept } = await scene();
    await ledger.mine(20);
    // As if a snapshot stood for the first blocks, which come behind it.
    let [complete, background] = [chain.activeAt(8), {} as BackgroundChain | undefined];
    const behind = {
      ...{ headers: chain.headers, blocks: chain.blocks, tip: chain.tip },
      activeAt: (height: number) => chain.activeAt(height),
      hasData: (row: number) => chain.headers.height(row) <= chain.headers.height(complete),
      states: {
        get complete() {
          return complete;
        },
        get background() {
          return background;
        },
      },
    };
    const index = await FilterIndex.open({ chain: behind, store: filters, clock, notice: assert.fail });
    index.start();
    await clock.advance(WHILE_MS);
    assert.deepEqual([index.height, index.isSynced], [8, false]);
    [complete, background] = [chain.activeAt(20), undefined];
    index.connected({ row: complete, block: undefined, changes: NO_CHANGES });
    await clock.advance(WHILE_MS);
    assert.deepEqual([index.height, index.isSynced], [20, true]);
    assert.deepEqual(await kept(index, chain.tip), await expected(chain.tip));
    background = {} as BackgroundChain;
    assert.equal(index.isSynced, false, "a snapshot was loaded");
    await index.close();
  });

  test("is not synced while it cannot write, holds no more than so many, and goes on when it can", async () => {
    const { ledger, chain, clock, filters, said, open, expected, kept } = await scene();
    const index = await open();
    index.start();
    await clock.advance(WHILE_MS);
    filters.failure = new Error("no room on the disk");
    for (let i = 0; i < 6; i++) {
      await ledger.mine(100);
      await clock.advance(WHILE_MS);
    }
    assert.equal(index.isSynced, false);
    assert.equal(index.height, 500);
    assert.deepEqual(said, [
      "warning basic block filter index: no room on the disk; it is tried again every 10 s",
    ]);
    filters.failure = undefined;
    await clock.advance(WHILE_MS);
    assert.ok(index.isSynced);
    assert.deepEqual(said.slice(1), ["info basic block filter index: it goes on"]);
    assert.deepEqual(await kept(index, chain.tip), await expected(chain.tip));
    await index.close();
  });

  test("close() writes what is made, and nothing is made after it", async () => {
    const { ledger, clock, filters, open } = await scene();
    const index = await open();
    index.start();
    await ledger.mine(5);
    await clock.until(index.close());
    const { written } = filters;
    assert.equal(written, index.height + 1);
    await ledger.mine(5);
    await clock.advance(WHILE_MS);
    assert.equal(filters.written, written);
  });
});
