/** What RPC tells of block filters. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { buildBasicFilter, filterHash, filterHeader } from "../../../lib/bitcoin/filters/mod.ts";
import { toDisplayHex, ZERO_HASH } from "../../../lib/bitcoin/hash.ts";
import { MemoryFilterStore } from "../../../lib/bitcoin/indexes/filter-store.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { Block } from "../../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { turn } from "../core/sim.ts";
import { bitcoinNode } from "./support.ts";

const validator = fullValidator({ workers: new InlineWorkers(), engine: "wide" });

describe("getblockfilter", () => {
  test("gives the filter and its header, and getindexinfo says how far they have got", async () => {
    const { call, failure, mine, node, bitcoin } = await bitcoinNode({ validator, filters: new MemoryFilterStore() });
    assert.deepEqual(await call("getindexinfo"), {
      "basic block filter index": { synced: false, best_block_height: 0 },
    });
    const blocks = [Block.decode(regtest.genesis.blockBytes), ...await mine(3)];
    while (!bitcoin.filters!.isSynced) await turn();
    let above: Uint8Array = ZERO_HASH;
    for (const block of blocks) {
      const { bytes } = buildBasicFilter(block, []);
      above = filterHeader(filterHash(bytes), above);
      const told = await call<Record<string, string>>("getblockfilter", toDisplayHex(block.hash));
      assert.deepEqual(Object.entries(told), [["filter", toHex(bytes)], ["header", toDisplayHex(above)]]);
    }
    const index = { "basic block filter index": { synced: true, best_block_height: 3 } };
    assert.deepEqual(await call("getindexinfo"), index);
    assert.deepEqual(await call("getindexinfo", "basic block filter index"), index);
    assert.deepEqual(await call("getindexinfo", "txindex"), {});
    assert.deepEqual(await failure("getblockfilter", "11".repeat(32)), { code: -5, message: "Block not found" });
    assert.deepEqual(await failure("getblockfilter", "11".repeat(32), "v0"), {
      code: -5,
      message: "Unknown filtertype",
    });
    assert.equal((await failure("getblockfilter", "11")).code, -8);
    await node.stop();
  });

  test("says why there is none, as Core does", async () => {
    const none = await bitcoinNode({ validator });
    const hash = toDisplayHex(none.bitcoin.headers.hash(0));
    assert.deepEqual(await none.failure("getblockfilter", hash), {
      code: -1,
      message: "Index is not enabled for filtertype basic",
    });
    const nothing = () => Promise.resolve(undefined);
    const filters = { entry: nothing, heads: () => Promise.resolve([]), height: -1, settled: nothing };
    const of = async (isSynced: boolean) => {
      const { failure, mine } = await bitcoinNode({ validator, overrides: { filters: { ...filters, isSynced } } });
      const [block] = await mine(1);
      return await failure("getblockfilter", toDisplayHex(block!.hash));
    };
    assert.deepEqual(await of(false), {
      code: -1,
      message: "Filter not found. Block filters are still in the process of being indexed.",
    });
    assert.deepEqual(await of(true), {
      code: -32603,
      message: "Filter not found. This error is unexpected and indicates index corruption.",
    });
  });
});
