/**
 * What every {@link BitcoinStore} must do, whatever it is made of.
 *
 * @module
 */
import assert from "node:assert/strict";
import { entriesOf } from "../../lib/storage/runs/entries.ts";
import { describe, test } from "node:test";
import { HeaderStatus } from "../../lib/bitcoin/headers/header-chain.ts";
import type { BitcoinStep, BitcoinStore } from "../../lib/bitcoin/store.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { RECORD_HEAD_BYTES } from "../../lib/bitcoin/store/block-record.ts";
import type { EventLog } from "../../lib/storage/events.ts";
import { eventOf, headersOf, newBlockOf, staged, txidsOf } from "./bitcoin-store-blocks.ts";

/** A store that a test opened. */
export interface OpenedBitcoinStore {
  readonly store: BitcoinStore;
  readonly events: EventLog;
  close(): Promise<void>;
}

/** How the suite gets a store: empty, and where it is durable the same one again. */
export interface BitcoinStoreDriver {
  readonly name: string;
  /** A fresh place; `open` may be called again after `close` and finds what was there. Files hold few blocks. */
  place(transactionIndex: boolean): Promise<{ open(): Promise<OpenedBitcoinStore>; remove(): Promise<void> }>;
  readonly durable: boolean;
}

/** All headers and statuses, page after page. */
export async function readAll(store: BitcoinStore): Promise<{ headers: Uint8Array; statuses: number[] }> {
  const headers: number[] = [];
  const statuses: number[] = [];
  for await (const page of store.headers()) {
    assert.equal(page.firstRow, statuses.length, "pages follow each other");
    assert.equal(page.headers.length, page.statuses.length * 80);
    for (const byte of page.headers) headers.push(byte);
    statuses.push(...page.statuses);
  }
  return { headers: Uint8Array.from(headers), statuses };
}

const FULL = HeaderStatus.data | HeaderStatus.structure | HeaderStatus.connected;

/** A step that adds the headers and blocks `from … to − 1` and makes the last the tip. */
export const chainStep = (from: number, to: number): BitcoinStep => {
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  return {
    headers: { firstRow: from, bytes: headersOf(from, to) },
    statuses: new Map(rows.map((row) => [row, FULL])),
    blocks: rows.map((row) => newBlockOf(row)),
    transactions: { joined: rows.map((row) => ({ row, txids: [] })), left: [] },
    tip: to - 1,
    events: rows.map(eventOf),
  };
};

/** Registers the suite for one driver. */
export function bitcoinStoreContract(driver: BitcoinStoreDriver): void {
  const withStore = async (
    work: (opened: OpenedBitcoinStore, reopen: () => Promise<OpenedBitcoinStore>) => Promise<void>,
    transactionIndex = true,
  ) => {
    const place = await driver.place(transactionIndex);
    let opened = await place.open();
    try {
      await work(opened, async () => {
        await opened.close();
        return opened = await place.open();
      });
    } finally {
      await opened.close();
      await place.remove();
    }
  };

  describe(`BitcoinStore on ${driver.name}`, () => {
    test("an empty store has no tip and nothing else", () =>
      withStore(async ({ store, events }) => {
        assert.equal(await store.tip(), undefined);
        assert.deepEqual(await readAll(store), { headers: new Uint8Array(), statuses: [] });
        assert.equal(await store.block(0), undefined);
        assert.equal(await store.blockPart(0, 0, 80), undefined);
        assert.equal(await store.blockSize(0), undefined);
        assert.equal(await store.transaction(new Uint8Array(32)), undefined);
        assert.deepEqual(await store.prune(0, 1_000), []);
        assert.deepEqual(await store.counts(), { headers: 0, blocks: 0, blockBytes: 0 });
        assert.deepEqual(await events.bounds(), { oldest: 0, newest: 0 });
      }));

    test("headers come back in order, however many a step brought", () =>
      withStore(async ({ store }) => {
        const cuts = [0, 1, 3, 512, 513, 1_024, 3_024, 5_000, 17_000];
        for (const [i, to] of cuts.slice(1).entries()) {
          const from = cuts[i]!;
          await store.commit({
            headers: { firstRow: from, bytes: headersOf(from, to) },
            statuses: new Map([[from, 3]]),
          });
        }
        const { headers, statuses } = await readAll(store);
        assert.equal(Buffer.compare(headers, headersOf(0, 17_000)), 0);
        assert.deepEqual(statuses.flatMap((status, row) => (status === 3 ? [row] : [])), cuts.slice(0, -1));
        assert.equal(statuses.filter((status) => status === 0).length, 17_000 - cuts.length + 1);
        assert.equal((await store.counts()).headers, 17_000);
      }));

    test("statuses change far back, many at once, without headers", () =>
      withStore(async ({ store }) => {
        await store.commit({ headers: { firstRow: 0, bytes: headersOf(0, 2_000) } });
        const rows = [0, 1, 511, 512, 1_023, 1_999];
        await store.commit({ statuses: new Map(rows.map((row) => [row, 255])) });
        await store.commit({ statuses: new Map([[512, 4]]) });
        const { statuses } = await readAll(store);
        assert.deepEqual(statuses.flatMap((status, row) => (status === 0 ? [] : [[row, status]])), [
          [0, 255],
          [1, 255],
          [511, 255],
          [512, 4],
          [1_023, 255],
          [1_999, 255],
        ]);
      }));

    test("coins change with the rest of a step or not at all, and are there after a restart", () =>
      withStore(async ({ store }, reopen) => {
        const bytes = (value: number, length = 5) => new Uint8Array(length).fill(value);
        const names = Array.from({ length: 450 }, (_, i) => i.toString(16).padStart(66, "0"));
        const keys = names.map(fromHex);
        assert.equal(await store.coinsAt(), undefined);
        assert.deepEqual(await store.coins(keys.slice(0, 2)), [undefined, undefined]);
        assert.deepEqual(await store.coins([]), []);
        const first = new Map(names.map((name, i) => [name, bytes(i & 0xff)]));
        const laid = await staged(store, first);
        assert.equal(laid.count, 450);
        assert.deepEqual(await store.coins([keys[0]!]), [undefined], "nothing counts before its step");
        const undo = new Map([[2, bytes(9)]]);
        await store.commit({ ...chainStep(0, 3), coins: { at: 2, staged: laid }, undo });
        assert.equal(await store.coinsAt(), 2);
        const absent = new Uint8Array(33).fill(0xff);
        assert.deepEqual(await store.coins([keys[449]!, absent, keys[0]!]), [bytes(193), undefined, bytes(0)]);
        assert.deepEqual(await store.coins(keys), [...first.values()]);
        assert.deepEqual([await store.coinUndo(2), await store.coinUndo(1)], [bytes(9), undefined]);

        const second = new Map([[names[0]!, undefined], [names[1]!, bytes(7, 0)], ["ee".repeat(33), bytes(3)]]);
        const coins = { at: 3, staged: await staged(store, second) };
        const step = { ...chainStep(3, 4), coins, undo: new Map([[3, bytes(1)]]) };
        await assert.rejects(store.commit({ ...step, coins: { ...coins, at: 4 } }), { code: "STORE_UNKNOWN_ROW" });
        await assert.rejects(store.commit({ ...step, tip: 9 }), { code: "STORE_UNKNOWN_ROW" });
        const far = new Map([[4, bytes(1)]]);
        await assert.rejects(store.commit({ ...step, undo: far }), { code: "STORE_UNKNOWN_ROW" });
        assert.equal(await store.coinsAt(), 2);
        assert.deepEqual(await store.coins([keys[0]!]), [bytes(0)]);
        await store.commit(step);
        const again = driver.durable ? (await reopen()).store : store;
        assert.deepEqual([await again.coinsAt(), await again.tip()], [3, 3]);
        assert.deepEqual(await again.coins(keys.slice(0, 3)), [undefined, bytes(7, 0), bytes(2)]);
        const all: [string, number][] = [];
        const at = await again.allCoins(({ key, keyLength, valueLength }) =>
          void all.push([toHex(key.subarray(0, keyLength)), valueLength])
        );
        assert.equal(at, 3);
        const left = [...names.slice(1).map((name, i) => [name, i === 0 ? 0 : 5]), ["ee".repeat(33), 5]];
        assert.deepEqual(all, left, "in the order of their keys");

        await again.commit({ coins: { at: 2, staged: await staged(again, new Map()) } });
        assert.deepEqual([await again.coinsAt(), await again.coinUndo(3)], [2, bytes(1)]);
        assert.ok((await again.prune(0, 1_000)).includes(2));
        assert.equal(await again.coinUndo(2), undefined, "what was pruned can no longer be taken back");
      }));

    test("coins can be read twice as they were, and the transactions before them are those of their step", () =>
      withStore(async ({ store }, reopen) => {
        const name = (byte: number) => byte.toString(16).padStart(66, "0");
        const coin = (value: number) => new Uint8Array(200).fill(value);
        const change = async (at: number, names: ReadonlyMap<string, Uint8Array | undefined>, transactions?: number) =>
          await store.commit({ coins: { at, staged: await staged(store, names), transactions } });
        await store.commit(chainStep(0, 4));
        assert.equal(await store.coinTransactions(), undefined);
        await change(1, new Map([[name(1), coin(1)], [name(2), coin(2)]]), 7);
        assert.equal(await store.coinTransactions(), 7);
        const found = await store.readCoins(async ({ at, transactions, all }) => {
          const read = async () => {
            const seen: string[] = [];
            await all(({ key, keyLength, bytes, valueAt }) =>
              void seen.push(`${toHex(key.subarray(0, keyLength))} ${bytes[valueAt]}`)
            );
            return seen;
          };
          const before = await read();
          // Enough steps for runs to be merged, and their files to be removed.
          for (let i = 0; i < 20; i++) await change(2, new Map([[name(1), undefined], [name(3), coin(i)]]), 9);
          assert.deepEqual(await read(), before);
          return { at, transactions, before };
        });
        assert.deepEqual(found, { at: 1, transactions: 7, before: [`${name(1)} 1`, `${name(2)} 2`] });
        await change(3, new Map());
        const again = driver.durable ? (await reopen()).store : store;
        assert.deepEqual([await again.coinsAt(), await again.coinTransactions()], [3, undefined]);
      }));

    test("a snapshot's coins take the place of others, which go when it is validated and come back when it is refused", () =>
      withStore(async ({ store: first }, reopen) => {
        const key = "ab".repeat(33);
        const coin = (value: number) => new Map([[key, Uint8Array.of(value)]]);
        const seen = async (store: typeof first) => {
          const { otherCoins } = store;
          const [own] = await store.coins([fromHex(key)]);
          const [other] = await otherCoins.coins([fromHex(key)]);
          return [
            await store.coinsAt(),
            own?.[0],
            await otherCoins.coinsAt(),
            other?.[0],
            (await store.snapshot())?.base,
          ];
        };
        let store = first;
        const restart = async () => void (store = driver.durable ? (await reopen()).store : store);
        const take = async () => {
          const laid = await store.stageSnapshot(entriesOf([[fromHex(key), Uint8Array.of(9)]]));
          const otherCoins = { at: 3, staged: laid, transactions: 77 };
          return await store.commit({ otherCoins, snapshot: { base: 3, hash: new Uint8Array(32).fill(5) }, tip: 3 });
        };
        await store.commit({
          ...chainStep(0, 4),
          coins: { at: 1, staged: await staged(store, coin(1)), transactions: 2 },
        });
        assert.deepEqual(await seen(store), [1, 1, undefined, undefined, undefined]);

        await store.dropSnapshot();
        await take();
        await restart();
        assert.deepEqual(await seen(store), [3, 9, 1, 1, 3]);
        assert.deepEqual((await store.snapshot())!.hash, new Uint8Array(32).fill(5));
        assert.deepEqual([await store.coinTransactions(), await store.otherCoins.coinTransactions()], [77, 2]);
        const behind = await store.otherCoins.stageCoins(entriesOf([[fromHex(key), Uint8Array.of(2)]]));
        await store.commit({ otherCoins: { at: 2, staged: behind } });
        await store.commit({ snapshot: "refused", tip: 2 });
        assert.deepEqual(await seen(store), [2, 2, undefined, undefined, undefined]);
        await restart();
        assert.deepEqual(await seen(store), [2, 2, undefined, undefined, undefined]);

        await take();
        await store.commit({ coins: { at: 3, staged: await staged(store, coin(4)) }, snapshot: "validated" });
        assert.deepEqual(await seen(store), [3, 4, undefined, undefined, undefined]);
        await restart();
        assert.deepEqual(await seen(store), [3, 4, undefined, undefined, undefined]);
        // Where the first coins were.
        await take();
        assert.deepEqual(await seen(store), [3, 9, 3, 4, 3]);
        await assert.rejects(store.commit({ snapshot: { base: 9, hash: new Uint8Array(32) } }), {
          code: "STORE_UNKNOWN_ROW",
        });
      }));

    test("blocks are read whole, in part, and by size", () =>
      withStore(async ({ store }) => {
        const step = chainStep(0, 4);
        await store.commit(step);
        for (const { row, raw } of step.blocks!) {
          assert.equal(Buffer.compare((await store.block(row))!, raw), 0);
          assert.equal(await store.blockSize(row), raw.length);
          assert.deepEqual(await store.blockPart(row, 0, 80), raw.slice(0, 80));
          assert.deepEqual(await store.blockPart(row, 70_000, 33), raw.slice(70_000, 70_033));
          assert.deepEqual(await store.blockPart(row, raw.length - 2, 33), raw.slice(-2));
        }
        assert.equal(await store.block(4), undefined);
        assert.equal(await store.tip(), 3);
        const { blocks, blockBytes } = await store.counts();
        const bytes = step.blocks!.reduce((sum, { raw }) => sum + raw.length, 0);
        assert.equal(blocks, 4);
        assert.ok(blockBytes >= bytes && blockBytes <= bytes + 4 * RECORD_HEAD_BYTES);
      }));

    test("a block that is stored already is left as it is, also within one step", () =>
      withStore(async ({ store }) => {
        const block = newBlockOf(0);
        await store.commit({ headers: { firstRow: 0, bytes: headersOf(0, 2) }, blocks: [block] });
        const before = await store.counts();
        await store.commit({ blocks: [{ ...block, raw: new Uint8Array(7) }] });
        assert.deepEqual(await store.counts(), before);
        assert.equal(Buffer.compare((await store.block(0))!, block.raw), 0);
        const other = newBlockOf(1);
        await store.commit({ blocks: [other, { ...other, raw: new Uint8Array(7) }] });
        assert.equal(Buffer.compare((await store.block(1))!, other.raw), 0);
        assert.equal((await store.counts()).blocks, 2);
      }));

    test("a block that is kept keeps nothing alive of what it came in", () =>
      withStore(async ({ store }) => {
        await store.commit({ headers: { firstRow: 0, bytes: headersOf(0, 1) } });
        const block = newBlockOf(0);
        const chunk = new Uint8Array(1_000_000);
        chunk.set(block.raw, 500);
        await store.commit({ blocks: [{ ...block, raw: chunk.subarray(500, 500 + block.raw.length) }] });
        const kept = await store.block(0);
        assert.equal(Buffer.compare(kept!, block.raw), 0);
        assert.ok(kept!.buffer.byteLength <= block.raw.length + 64, `${kept!.buffer.byteLength} bytes`);
      }));

    test("blocks arrive in any order; the smallest and the largest fit", () =>
      withStore(async ({ store }) => {
        await store.commit({ headers: { firstRow: 0, bytes: headersOf(0, 9) } });
        const blocks = [5, 3, 8].map((row) => newBlockOf(row, 1));
        const largest = { ...newBlockOf(0), raw: new Uint8Array(4_000_000).fill(7) };
        const smallest = { ...newBlockOf(1), raw: new Uint8Array(81) };
        await store.commit({ blocks });
        await store.commit({ blocks: [largest, smallest] });
        for (const { row, raw } of [...blocks, largest, smallest]) {
          assert.equal(Buffer.compare((await store.block(row))!, raw), 0, `block ${row}`);
        }
      }));

    test("a step that does not follow or names an unknown row changes nothing", () =>
      withStore(async ({ store, events }) => {
        await store.commit(chainStep(0, 2));
        const before = [await readAll(store), await store.counts(), await store.tip(), await events.bounds()];
        const good = chainStep(2, 3);
        const refused: [string, BitcoinStep][] = [
          ["STORE_BROKEN_CHAIN", { ...good, headers: { firstRow: 3, bytes: headersOf(3, 4) } }],
          ["STORE_BROKEN_CHAIN", { ...good, headers: { firstRow: 1, bytes: headersOf(1, 3) } }],
          ["STORE_BROKEN_CHAIN", { ...good, headers: { firstRow: 2, bytes: new Uint8Array(79) } }],
          ["STORE_UNKNOWN_ROW", { ...good, tip: 3 }],
          ["STORE_UNKNOWN_ROW", { ...good, tip: -1 }],
          ["STORE_UNKNOWN_ROW", { ...good, statuses: new Map([[3, 1]]) }],
          ["STORE_UNKNOWN_ROW", { ...good, blocks: [newBlockOf(3)] }],
          ["STORE_UNKNOWN_ROW", { ...good, transactions: { joined: [{ row: 7, txids: [] }], left: [] } }],
          ["STORE_UNKNOWN_BLOCK", { ...good, blocks: [] }],
        ];
        for (const [code, step] of refused) {
          await assert.rejects(store.commit(step), { name: "NodeError", code, fault: "self" });
          assert.deepEqual(
            [await readAll(store), await store.counts(), await store.tip(), await events.bounds()],
            before,
          );
          assert.equal(await store.block(2), undefined);
        }
        await store.commit(good);
        assert.equal(await store.tip(), 2);
      }));

    test("transaction() follows the active chain, ids given or computed from the block", () =>
      withStore(async ({ store }) => {
        assert.equal(store.hasTransactionIndex, true);
        await store.commit(chainStep(0, 3));
        const [, one, two] = [0, 1, 2].map((row) => newBlockOf(row));
        assert.deepEqual(await store.transaction(txidsOf(one!)[1]!), { row: 1, index: 1 });
        assert.deepEqual(await store.transaction(txidsOf(two!)[0]!), { row: 2, index: 0 });
        // Row 2 leaves, row 4 joins with ids, row 3 with those of its block, which was stored before.
        const [three, four] = [3, 4].map((row) => newBlockOf(row));
        await store.commit({ headers: { firstRow: 3, bytes: headersOf(3, 5) }, blocks: [three!] });
        await store.commit({
          blocks: [four!],
          tip: 4,
          transactions: {
            joined: [{ row: 3, txids: [] }, { row: 4, txids: txidsOf(four!) }],
            left: [{ row: 2, txids: [] }],
          },
        });
        for (const txid of txidsOf(two!)) assert.equal(await store.transaction(txid), undefined);
        assert.deepEqual(await store.transaction(txidsOf(three!)[1]!), { row: 3, index: 1 });
        assert.deepEqual(await store.transaction(txidsOf(four!)[0]!), { row: 4, index: 0 });
        assert.deepEqual(await store.transaction(txidsOf(one!)[0]!), { row: 1, index: 0 });
        const near = txidsOf(one!)[0]!.slice();
        near[31]! ^= 1;
        assert.equal(await store.transaction(near), undefined, "the whole txid counts");
      }));

    test("a transaction that leaves with one block and joins with another is found in the other", () =>
      withStore(async ({ store }) => {
        const [one, two] = [newBlockOf(0), { ...newBlockOf(1), raw: newBlockOf(0).raw }];
        const txids = txidsOf(one);
        await store.commit({
          headers: { firstRow: 0, bytes: headersOf(0, 2) },
          blocks: [one, two],
          transactions: { joined: [{ row: 0, txids }], left: [] },
        });
        await store.commit({ transactions: { joined: [{ row: 1, txids }], left: [{ row: 0, txids }] } });
        assert.deepEqual(await store.transaction(txids[0]!), { row: 1, index: 0 });
        // As two coinbases of the early chain: the same txid twice, and the newer place counts.
        await store.commit({ transactions: { joined: [{ row: 0, txids }], left: [] } });
        await store.commit({ transactions: { joined: [], left: [{ row: 1, txids }] } });
        assert.deepEqual(await store.transaction(txids[0]!), { row: 0, index: 0 });
      }));

    test("without the index no transaction is found, and none is asked for", () =>
      withStore(async ({ store }) => {
        assert.equal(store.hasTransactionIndex, false);
        await store.commit(chainStep(0, 2));
        await store.commit({ transactions: { joined: [{ row: 1, txids: [] }], left: [{ row: 0, txids: [] }] } });
        assert.equal(await store.transaction(txidsOf(newBlockOf(1))[0]!), undefined);
      }, false));

    test("prune() removes the lowest blocks down to the size asked for, and the data bit with them", () =>
      withStore(async ({ store }) => {
        for (let from = 0; from < 24; from += 4) await store.commit(chainStep(from, from + 4));
        const { blockBytes } = await store.counts();
        const wanted = blockBytes / 2;
        const gone = await store.prune(wanted, 20);
        const left = await store.counts();
        assert.ok(gone.length > 0 && left.blockBytes <= wanted);
        assert.ok(left.blockBytes > wanted / 2, "not much more than asked for");
        assert.deepEqual([...gone], gone.map((_, i) => i), "the lowest");
        assert.equal(left.blocks, 24 - gone.length);
        const { statuses } = await readAll(store);
        for (let row = 0; row < 24; row++) {
          const isGone = gone.includes(row);
          assert.equal(statuses[row], isGone ? FULL & ~HeaderStatus.data : FULL);
          assert.equal((await store.block(row)) === undefined, isGone);
          assert.equal((await store.blockSize(row)) === undefined, isGone);
        }
        assert.deepEqual(await store.prune(wanted, 20), [], "nothing more to do");
      }));

    test("prune() spares what is at or above the height", () =>
      withStore(async ({ store }) => {
        for (let from = 0; from < 24; from += 4) await store.commit(chainStep(from, from + 4));
        const gone = await store.prune(0, 10);
        assert.ok(gone.length > 0 && gone.every((row) => row < 10));
        for (let row = 10; row < 24; row++) assert.ok(await store.block(row) !== undefined, `block ${row}`);
        const rest = await store.prune(0, 1_000);
        assert.equal(gone.length + rest.length, 24);
        assert.deepEqual(await store.counts(), { headers: 24, blocks: 0, blockBytes: 0 });
        // A pruned block can be had again.
        await store.commit({ blocks: [newBlockOf(3)], statuses: new Map([[3, FULL]]) });
        assert.equal(Buffer.compare((await store.block(3))!, newBlockOf(3).raw), 0);
      }));

    test("a transaction in a pruned block is not found", () =>
      withStore(async ({ store }) => {
        await store.commit(chainStep(0, 2));
        await store.prune(0, 1_000);
        assert.equal(await store.transaction(txidsOf(newBlockOf(1))[0]!), undefined);
      }));

    test("events have ids that rise by one, and commits asked for at once are done in order", () =>
      withStore(async ({ store, events }) => {
        const ids = await Promise.all(
          Array.from({ length: 12 }, (_, row) => store.commit(chainStep(row, row + 1))),
        );
        assert.deepEqual(ids.flat(), Array.from({ length: 12 }, (_, i) => i + 1));
        assert.equal(await store.tip(), 11);
        const read = await events.read(0, 99);
        assert.deepEqual(read[4], { ...eventOf(4), id: 5 });
        assert.equal((await store.counts()).blocks, 12);
      }));

    if (driver.durable) {
      test("everything is there after closing and opening again, and goes on from there", () =>
        withStore(async ({ store }, reopen) => {
          for (let from = 0; from < 12; from += 3) await store.commit(chainStep(from, from + 3));
          const gone = await store.prune((await store.counts()).blockBytes / 2, 1_000);
          const before = [await readAll(store), await store.counts(), await store.tip()];
          const again = await reopen();
          assert.deepEqual([await readAll(again.store), await again.store.counts(), await again.store.tip()], before);
          assert.deepEqual((await again.events.read(11, 9))[0], { ...eventOf(11), id: 12 });
          for (let row = 0; row < 12; row++) {
            assert.equal(await again.store.block(row) === undefined, gone.includes(row));
          }
          const txid = txidsOf(newBlockOf(11))[1]!;
          assert.deepEqual(await again.store.transaction(txid), { row: 11, index: 1 });
          assert.deepEqual(await again.store.commit({ ...chainStep(12, 14), events: [eventOf(12)] }), [13]);
          const last = await reopen();
          for (const row of [11, 12, 13]) {
            assert.equal(Buffer.compare((await last.store.block(row))!, newBlockOf(row).raw), 0);
          }
        }));
    }
  });
}
