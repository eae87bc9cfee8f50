/**
 * What every {@link ChiaStore} must do, whatever it is made of.
 *
 * @module
 */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { toHex } from "../../lib/codec/hex.ts";
import type { ChiaStore } from "../../lib/chia/store.ts";
import type { EventLog } from "../../lib/storage/events.ts";
import { blockOf, branchOf, eventOf, hashOf, recordOf, summaryOf } from "./store-blocks.ts";

/** A store that a test opened. */
export interface OpenedStore {
  readonly store: ChiaStore;
  readonly events: EventLog;
  close(): Promise<void>;
}

/** How the suite gets a store: empty, and where it is durable the same one again. */
export interface StoreDriver {
  readonly name: string;
  /** A fresh place; `open` may be called again after `close` and finds what was there. */
  place(): Promise<{ open(): Promise<OpenedStore>; remove(): Promise<void> }>;
  readonly durable: boolean;
}

const hashesOf = (blocks: readonly { record: { headerHash: Uint8Array } }[]) => blocks.map((b) => b.record.headerHash);

/** Registers the suite for one driver. */
export function storeContract(driver: StoreDriver): void {
  const withStore = async (work: (opened: OpenedStore, reopen: () => Promise<OpenedStore>) => Promise<void>) => {
    const place = await driver.place();
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

  describe(`ChiaStore on ${driver.name}`, () => {
    test("an empty store has no peak and nothing else", () =>
      withStore(async ({ store, events }) => {
        assert.equal(await store.peak(), undefined);
        assert.equal(await store.record(hashOf(1, 0)), undefined);
        assert.equal(await store.hashAt(0), undefined);
        assert.equal(await store.block(hashOf(1, 0)), undefined);
        assert.equal(await store.isMain(hashOf(1, 0)), undefined);
        assert.deepEqual(await store.mainRecords(0, 10), []);
        assert.deepEqual(await store.blocksAt(0, 10, 10), []);
        assert.deepEqual(await store.summaries(), []);
        assert.deepEqual(await store.counts(), { blocks: 0, mainBlocks: 0, bytes: 0 });
        assert.deepEqual(await events.bounds(), { oldest: 0, newest: 0 });
      }));

    test("commit() makes blocks readable by hash, by height and in ranges", () =>
      withStore(async ({ store }) => {
        const blocks = branchOf(1, 0, 5);
        await store.commit({ blocks, main: { fromHeight: 0, hashes: hashesOf(blocks) }, events: [] });
        assert.deepEqual(await store.peak(), blocks[4]!.record);
        assert.deepEqual(await store.record(hashOf(1, 2)), blocks[2]!.record);
        assert.deepEqual(await store.hashAt(3), hashOf(1, 3));
        assert.equal(await store.hashAt(5), undefined);
        assert.deepEqual(await store.block(hashOf(1, 2)), blocks[2]!.raw);
        assert.deepEqual(await store.mainBlocks(1, 3), [blocks[1]!.raw, blocks[2]!.raw]);
        assert.deepEqual((await store.mainRecords(3, 99)).map((record) => record.height), [3, 4]);
        assert.deepEqual(await store.mainRecords(3, 3), []);
        assert.equal(await store.isMain(hashOf(1, 2)), true);
        assert.deepEqual(await store.counts(), { blocks: 5, mainBlocks: 5, bytes: 500 });
      }));

    test("a block without a place on the main chain is stored beside it", () =>
      withStore(async ({ store }) => {
        const main = branchOf(1, 0, 3);
        await store.commit({ blocks: main, main: { fromHeight: 0, hashes: hashesOf(main) }, events: [] });
        const beside = blockOf(2, 2, { parentBranch: 1, weight: 2n ** 127n });
        await store.commit({ blocks: [beside], events: [] });
        assert.deepEqual(await store.peak(), main[2]!.record, "weight alone moves no peak: the commit does");
        assert.equal(await store.isMain(beside.record.headerHash), false);
        assert.deepEqual(await store.block(beside.record.headerHash), beside.raw);
        const at = await store.blocksAt(1, 3, 10);
        assert.deepEqual(at.map(({ record, main }) => [record.height, record.headerHash[0], main]), [
          [1, 1, true],
          [2, 1, true],
          [2, 2, false],
        ]);
        assert.equal((await store.blocksAt(0, 3, 2)).length, 2, "limit bounds the rows");
      }));

    test("a reorganisation takes blocks off the main chain and keeps them", () =>
      withStore(async ({ store }) => {
        const first = branchOf(1, 0, 6);
        await store.commit({ blocks: first, main: { fromHeight: 0, hashes: hashesOf(first) }, events: [] });
        const second = branchOf(2, 3, 5, 1);
        await store.commit({
          blocks: second,
          main: { fromHeight: 3, hashes: hashesOf(second) },
          events: [eventOf("chia.reorg", 2)],
        });
        assert.deepEqual((await store.peak())?.headerHash, hashOf(2, 4), "the new chain is heavier and shorter");
        assert.equal(await store.hashAt(5), undefined);
        assert.deepEqual((await store.mainRecords(0, 9)).map((r) => r.headerHash[0]), [1, 1, 1, 2, 2]);
        assert.equal(await store.isMain(hashOf(1, 4)), false);
        assert.deepEqual(await store.block(hashOf(1, 5)), first[5]!.raw);
        assert.deepEqual(await store.counts(), { blocks: 8, mainBlocks: 5, bytes: 800 });
        // And back again, with blocks that are all stored already.
        await store.commit({ blocks: [], main: { fromHeight: 3, hashes: hashesOf(first.slice(3)) }, events: [] });
        assert.deepEqual((await store.peak())?.headerHash, hashOf(1, 5));
      }));

    test("a block that is kept keeps nothing alive of the reply that it came in", () =>
      withStore(async ({ store }) => {
        const reply = new Uint8Array(1_000_000);
        const block = { ...blockOf(1, 0), raw: reply.subarray(500, 700) };
        await store.commit({ blocks: [block], events: [] });
        const kept = await store.block(block.record.headerHash);
        assert.deepEqual(kept, block.raw);
        assert.ok(kept!.buffer.byteLength <= 264, `${kept!.buffer.byteLength} bytes`);
      }));

    test("counts() follows every commit, down as well, and no commit that was refused", () =>
      withStore(async ({ store }) => {
        const first = branchOf(1, 0, 5);
        await store.commit({ blocks: first, main: { fromHeight: 0, hashes: hashesOf(first) }, events: [] });
        await store.commit({ blocks: [first[2]!, first[2]!, blockOf(2, 9, { size: 7 })], events: [] });
        assert.deepEqual(await store.counts(), { blocks: 6, mainBlocks: 5, bytes: 507 });
        const other = blockOf(2, 3, { parentBranch: 1, size: 30 });
        await store.commit({ blocks: [other], main: { fromHeight: 3, hashes: hashesOf([other]) }, events: [] });
        const counts = { blocks: 7, mainBlocks: 4, bytes: 537 };
        assert.deepEqual(await store.counts(), counts, "a heavier chain may be a shorter one");
        await assert.rejects(
          store.commit({ blocks: [blockOf(3, 4)], main: { fromHeight: 4, hashes: [hashOf(4, 4)] }, events: [] }),
        );
        assert.deepEqual(await store.counts(), counts);
        await store.commit({ blocks: [], main: { fromHeight: 0, hashes: [] }, events: [] });
        assert.deepEqual(await store.counts(), { ...counts, mainBlocks: 0 });
      }));

    test("validation() is the least level of the main chain, and follows it", () =>
      withStore(async ({ store }) => {
        assert.equal(await store.validation(), undefined);
        const full = [0, 1, 2].map((height) => blockOf(1, height, { validation: "full" }));
        await store.commit({ blocks: full, main: { fromHeight: 0, hashes: hashesOf(full) }, events: [] });
        assert.equal(await store.validation(), "full");
        const linked = blockOf(1, 3);
        await store.commit({ blocks: [linked], events: [] });
        assert.equal(await store.validation(), "full", "a block beside the chain counts for nothing");
        await store.commit({ blocks: [], main: { fromHeight: 3, hashes: hashesOf([linked]) }, events: [] });
        assert.equal(await store.validation(), "linkage");
        // A block that is there already keeps what was found of it.
        await store.commit({ blocks: [{ ...linked, validation: "full" }], events: [] });
        assert.equal(await store.validation(), "linkage");
        assert.deepEqual((await store.blocksAt(2, 4, 9)).map(({ validation }) => validation), ["full", "linkage"]);
        const other = [blockOf(2, 3, { parentBranch: 1, validation: "full" }), blockOf(2, 4, { validation: "full" })];
        await store.commit({ blocks: other, main: { fromHeight: 3, hashes: hashesOf(other) }, events: [] });
        assert.equal(await store.validation(), "full", "the reorganisation took the block away");
        await store.commit({ blocks: [], main: { fromHeight: 0, hashes: [] }, events: [] });
        assert.equal(await store.validation(), undefined);
      }));

    test("firstBelow() is the first main block that was checked less, and raising blocks moves it", () =>
      withStore(async ({ store }) => {
        assert.equal(await store.firstBelow("full"), undefined);
        const levels = ["full", "linkage", "headers", "full", "linkage"] as const;
        const main = levels.map((validation, height) => blockOf(1, height, { validation }));
        await store.commit({ blocks: main, main: { fromHeight: 0, hashes: hashesOf(main) }, events: [] });
        await store.commit({ blocks: [blockOf(2, 0, { validation: "headers" })], events: [] });
        assert.deepEqual([await store.firstBelow("full"), await store.firstBelow("linkage")], [1, 2]);
        const raise = async (validation: "linkage" | "full", ...heights: number[]) => {
          const hashes = heights.map((height) => hashOf(1, height));
          await store.commit({ blocks: [], raised: { hashes, validation }, events: [] });
        };
        await raise("full", 1, 2);
        assert.deepEqual([await store.firstBelow("full"), await store.validation()], [4, "linkage"]);
        await raise("linkage", 0, 1);
        await raise("full", 4);
        assert.deepEqual([await store.firstBelow("full"), await store.validation()], [undefined, "full"]);
      }));

    test("blocks that are removed are gone from everywhere, and no main block is removed", () =>
      withStore(async ({ store }, reopen) => {
        const main = branchOf(1, 0, 4);
        await store.commit({ blocks: main, main: { fromHeight: 0, hashes: hashesOf(main) }, events: [] });
        const side = [blockOf(2, 2, { parentBranch: 1 }), blockOf(2, 3, { subEpochSummaryIncluded: summaryOf(3) })];
        await store.commit({ blocks: [...side, blockOf(3, 3)], events: [] });
        const sideAt = async (from: number, limit = 9) =>
          (await store.sideRecords(from, limit)).map(({ headerHash, height }) => `${headerHash[0]}:${height}`);
        assert.deepEqual(await sideAt(0), ["2:2", "2:3", "3:3"]);
        assert.deepEqual([await sideAt(3), await sideAt(0, 1), await sideAt(4)], [["2:3", "3:3"], ["2:2"], []]);
        await assert.rejects(store.commit({ blocks: [], removed: [hashOf(1, 3)], events: [] }), {
          code: "STORE_BROKEN_CHAIN",
        });
        await store.commit({ blocks: [], removed: [...hashesOf(side), hashOf(9, 9)], events: [] });
        const check = async ({ store }: OpenedStore) => {
          for (const { record: { headerHash } } of side) {
            assert.deepEqual([await store.record(headerHash), await store.block(headerHash)], [undefined, undefined]);
          }
          assert.deepEqual(await store.counts(), { blocks: 5, mainBlocks: 4, bytes: 500 });
        };
        await check({ store } as OpenedStore);
        await store.commit({ blocks: [], main: { fromHeight: 2, hashes: [] }, removed: [hashOf(1, 3)], events: [] });
        assert.deepEqual(await store.counts(), { blocks: 4, mainBlocks: 2, bytes: 400 });
        assert.deepEqual(await sideAt(0), ["1:2", "3:3"]);
        const back = [main[2]!, main[3]!];
        await store.commit({ blocks: back, main: { fromHeight: 2, hashes: hashesOf(back) }, events: [] });
        await check(driver.durable ? await reopen() : { store } as OpenedStore);
      }));

    test("a commit that changes coins is refused by a store that keeps none", () =>
      withStore(async ({ store }) => {
        const [block] = branchOf(1, 0, 1);
        const coins = { fromHeight: 0, blocks: [{ created: [], spent: [hashOf(7, 7)] }] };
        const main = { fromHeight: 0, hashes: hashesOf([block!]) };
        await assert.rejects(store.commit({ blocks: [block!], main, coins, events: [] }), { code: "STORE_NO_COINS" });
        assert.equal(await store.peak(), undefined);
        assert.deepEqual(await store.coinsAt(0).getMany([hashOf(7, 7)]), [undefined]);
      }));

    test("summaries() follows the main chain", () =>
      withStore(async ({ store }) => {
        const main = [blockOf(1, 0), blockOf(1, 1, { subEpochSummaryIncluded: summaryOf(1) }), blockOf(1, 2)];
        await store.commit({ blocks: main, main: { fromHeight: 0, hashes: hashesOf(main) }, events: [] });
        assert.deepEqual(await store.summaries(), [{ height: 1, headerHash: hashOf(1, 1), summary: summaryOf(1) }]);
        const other = [blockOf(2, 1, { parentBranch: 1 }), blockOf(2, 2, { subEpochSummaryIncluded: summaryOf(2) })];
        await store.commit({ blocks: other, main: { fromHeight: 1, hashes: hashesOf(other) }, events: [] });
        assert.deepEqual(await store.summaries(), [{ height: 2, headerHash: hashOf(2, 2), summary: summaryOf(2) }]);
      }));

    test("a block that is stored already is left as it is", () =>
      withStore(async ({ store }) => {
        const block = blockOf(1, 0);
        await store.commit({ blocks: [block], events: [] });
        await store.commit({ blocks: [{ ...block, raw: new Uint8Array(7) }, blockOf(1, 1)], events: [] });
        assert.deepEqual((await store.blocksAt(0, 1, 9))[0]?.raw, block.raw);
        assert.deepEqual(await store.block(block.record.headerHash), block.raw);
        assert.equal((await store.counts()).blocks, 2);
      }));

    test("commit() that names an unknown block, a wrong height or leaves a hole changes nothing", () =>
      withStore(async ({ store, events }) => {
        const main = branchOf(1, 0, 2);
        await store.commit({ blocks: main, main: { fromHeight: 0, hashes: hashesOf(main) }, events: [] });
        const refused = [
          { blocks: [blockOf(1, 2)], main: { fromHeight: 2, hashes: [hashOf(1, 2), hashOf(1, 3)] } },
          { blocks: [blockOf(1, 2)], main: { fromHeight: 1, hashes: [hashOf(1, 2)] } },
          { blocks: [blockOf(1, 5)], main: { fromHeight: 5, hashes: [hashOf(1, 5)] } },
        ];
        for (const step of refused) {
          await assert.rejects(store.commit({ ...step, events: [eventOf("chia.block", 2)] }), { name: "NodeError" });
          assert.deepEqual(await store.peak(), main[1]!.record);
          assert.equal(await store.record(step.blocks[0]!.record.headerHash), undefined);
          assert.equal(await store.block(step.blocks[0]!.record.headerHash), undefined);
          assert.deepEqual(await events.bounds(), { oldest: 0, newest: 0 });
        }
      }));

    test("events have ids that rise by one, and what they carry comes back unchanged", () =>
      withStore(async ({ store, events }) => {
        const blocks = branchOf(1, 0, 1);
        const sent = [eventOf("chia.block", 0), eventOf("chia.peak", 0)];
        const ids = await store.commit({ blocks, main: { fromHeight: 0, hashes: hashesOf(blocks) }, events: sent });
        assert.deepEqual(ids, [1, 2]);
        assert.deepEqual(
          await events.append([{ topic: "node.start", time: 5, chain: null, network: null, data: {} }]),
          [3],
        );
        const read = await events.read(0, 10);
        assert.deepEqual(read.map(({ id, topic }) => [id, topic]), [[1, "chia.block"], [2, "chia.peak"], [
          3,
          "node.start",
        ]]);
        assert.deepEqual(read[0], { ...sent[0], id: 1 });
        assert.equal(read[2]?.chain, null);
        assert.deepEqual((await events.read(1, 1)).map(({ id }) => id), [2]);
        assert.deepEqual(await events.read(3, 10), []);
        assert.deepEqual(await events.bounds(), { oldest: 1, newest: 3 });
      }));

    test("storedAmong() tells which blocks are there, on the main chain or beside it", () =>
      withStore(async ({ store }) => {
        const [main, side] = [branchOf(1, 0, 700), branchOf(2, 0, 2)];
        await store.commit({
          blocks: [...main, ...side],
          main: { fromHeight: 0, hashes: hashesOf(main) },
          events: [],
        });
        const asked = [...hashesOf(main), hashOf(9, 9), hashOf(2, 1), hashOf(1, 700)];
        const found = await store.storedAmong(asked);
        assert.deepEqual([...found].sort(), [...hashesOf(main), hashOf(2, 1)].map(toHex).sort());
        assert.equal((await store.storedAmong([])).size, 0);
      }));

    test("the highest height and the greatest weight fit", () =>
      withStore(async ({ store }) => {
        const block = blockOf(1, 0, { weight: 2n ** 128n - 1n, size: 400_000 });
        const high = { record: recordOf(3, 0xffff_ffff), raw: new Uint8Array(1), validation: "linkage" as const };
        await store.commit({ blocks: [block, high], main: { fromHeight: 0, hashes: [hashOf(1, 0)] }, events: [] });
        assert.equal((await store.peak())?.weight, 2n ** 128n - 1n);
        assert.equal((await store.block(hashOf(1, 0)))?.length, 400_000);
        assert.equal((await store.blocksAt(0xffff_ffff, 0x1_0000_0000, 1))[0]?.record.height, 0xffff_ffff);
      }));

    test("commits that are asked for at once are done one after another", () =>
      withStore(async ({ store, events }) => {
        const blocks = branchOf(1, 0, 20);
        await Promise.all(
          blocks.map((block, height) =>
            store.commit({
              blocks: [block],
              main: { fromHeight: height, hashes: [block.record.headerHash] },
              events: [eventOf("chia.block", height)],
            })
          ),
        );
        assert.equal((await store.peak())?.height, 19);
        assert.deepEqual(
          (await events.read(0, 99)).map(({ id, data }) => [id, data.height]),
          blocks.map((_, h) => [h + 1, h]),
        );
      }));

    if (driver.durable) {
      test("everything is there after closing and opening again", () =>
        withStore(async ({ store }, reopen) => {
          const blocks = branchOf(1, 0, 3);
          blocks.push(blockOf(1, 3, { subEpochSummaryIncluded: summaryOf(3), validation: "full" }));
          await store.commit({
            blocks,
            main: { fromHeight: 0, hashes: hashesOf(blocks) },
            events: [eventOf("chia.peak", 3)],
          });
          const again = await reopen();
          assert.deepEqual(await again.store.peak(), blocks[3]!.record);
          assert.deepEqual(await again.store.mainBlocks(0, 4), blocks.map(({ raw }) => raw));
          assert.deepEqual((await again.store.summaries())[0]?.summary, summaryOf(3));
          assert.equal(await again.store.validation(), "linkage");
          assert.deepEqual(await again.store.counts(), { blocks: 4, mainBlocks: 4, bytes: 400 });
          assert.deepEqual((await again.events.read(0, 9))[0], { ...eventOf("chia.peak", 3), id: 1 });
          assert.deepEqual(await again.events.append([eventOf("chia.peak", 4)]), [2], "ids go on where they stopped");
        }));
    }
  });
}
