/** The chain on its store: closed, without its database, and with a block file that is damaged. */
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { clock } from "#platform";
import { BitcoinChain } from "../../lib/bitcoin/chain/chain.ts";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { structureValidator } from "../../lib/bitcoin/chain/validator.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { RECORD_HEAD_BYTES } from "../../lib/bitcoin/store/block-record.ts";
import { reindexBlocks } from "../../lib/bitcoin/store/reindex.ts";
import type { SqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { Block } from "../../lib/bitcoin/types/mod.ts";
import { withSqlPlace } from "../contract/bitcoin-store-place.ts";
import { databaseDrivers } from "../contract/databases.ts";
import { Recording } from "./bitcoin-world.ts";

const NOW = Math.floor(clock.now() / 1_000);
const load = (store: SqlBitcoinStore) =>
  BitcoinChain.load({ network: regtest, store, validator: structureValidator, clock, headersOnly: false });

function add(chain: BitcoinChain, raw: Uint8Array): void {
  const block = Block.decode(raw);
  chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
  const { refusal, stored } = chain.addBlock(chain.headers.find(block.hash), block);
  stored.catch(() => {});
  assert.equal(refusal, undefined);
}

const reindex = (chain: BitcoinChain, store: SqlBitcoinStore) =>
  reindexBlocks(
    store,
    regtest.genesis.hash,
    {
      headers: (bytes) => void chain.acceptHeaders(HeaderBatch.fromBytes(bytes)),
      block: (raw) => add(chain, raw),
    },
    () => chain.flush(),
  );

const tipOf = (chain: BitcoinChain) => toDisplayHex(chain.headers.hash(chain.tip));

/** A chain of 60 blocks, a branch that leaves it after 40, and their blocks in an order that no peer would give. */
function branches() {
  const main = new Recording(NOW).extend(60);
  const side = main.fork(40).extend(5, Uint8Array.of(0x52));
  const blocks = [...main.blocks, ...side.blocks.slice(40)];
  const order = blocks.map((_, i) => blocks[(i * 37) % blocks.length]!);
  return { main, blocks, order };
}

for (const driver of databaseDrivers) {
  describe(`A Bitcoin chain stored on ${driver.name}`, () => {
    test("is the same after a restart, and after the loss of its database", () =>
      withSqlPlace(driver, async (place) => {
        const { main, blocks, order } = branches();
        let opened = await place.open({ transactionIndex: true });
        let chain = await load(opened.store);
        for (const { raw } of blocks) chain.acceptHeaders(HeaderBatch.fromBytes(raw.slice(0, 80)));
        for (const { raw } of order) add(chain, raw);
        await chain.flush();
        assert.equal(tipOf(chain), main.tip);
        const counts = await opened.store.counts();
        assert.equal(counts.blocks, 66);
        await opened.close();

        opened = await place.open({ transactionIndex: true });
        chain = await load(opened.store);
        assert.equal(tipOf(chain), main.tip);
        await opened.close();

        for (const end of ["", "-wal", "-shm"]) await rm(place.database + end, { force: true });
        opened = await place.open({ transactionIndex: true });
        const { store } = opened;
        chain = await load(store);
        assert.deepEqual(await reindex(chain, store), { headers: 66, blocks: 66, damaged: 0 });
        assert.equal(tipOf(chain), main.tip);
        // No block is there twice but genesis, which the chain stores when it opens.
        const genesisBytes = RECORD_HEAD_BYTES + regtest.genesis.blockBytes.length;
        assert.deepEqual(await store.counts(), { ...counts, blockBytes: counts.blockBytes + genesisBytes });
        const txid = main.blocks[50]!.transactions[0]!.txid;
        assert.equal((await store.transaction(txid))?.row, chain.headers.find(main.blocks[50]!.hash));
        await opened.close();

        opened = await place.open({ transactionIndex: true });
        assert.equal(opened.store.reindexing, false);
        assert.equal(tipOf(await load(opened.store)), main.tip);
      }));

    test("stands below a damaged block after a reindex, and goes on when that block comes again", () =>
      withSqlPlace(driver, async (place) => {
        const main = new Recording(NOW).extend(30);
        let opened = await place.open();
        let chain = await load(opened.store);
        for (const { raw } of main.blocks) add(chain, raw);
        await chain.flush();
        await opened.close();
        const path = join(place.blocks, "blk00000.dat");
        const bytes = await readFile(path);
        const at = bytes.indexOf(main.blocks[19]!.raw);
        bytes[at + 100]! ^= 1;
        await writeFile(path, bytes);

        opened = await place.open();
        chain = await load(opened.store);
        const row = chain.headers.find(main.blocks[19]!.hash);
        await assert.rejects(opened.store.block(row), { code: "DATABASE_DAMAGED" });
        await opened.close();

        opened = await place.open({ reindex: true });
        chain = await load(opened.store);
        assert.equal((await reindex(chain, opened.store)).damaged, 1);
        assert.equal(chain.headers.height(chain.tip), 19);
        assert.equal(chain.headers.height(chain.headers.best), 30);
        add(chain, main.blocks[19]!.raw);
        await chain.flush();
        assert.equal(tipOf(chain), main.tip);
      }));
  });
}
