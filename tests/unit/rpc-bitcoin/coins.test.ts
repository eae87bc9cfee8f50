/** What RPC tells of unspent outputs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import type { Block } from "../../../lib/bitcoin/types/mod.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import type { BitcoinService } from "../../../lib/bitcoin/service.ts";
import { coinsBehind } from "../../../lib/rpc/bitcoin/unspent.ts";
import { bitcoinNode } from "./support.ts";

const validator = fullValidator({ workers: new InlineWorkers(), engine: "wide" });
const coinbaseOf = (block: Block) => toDisplayHex(block.transactions[0]!.txid);

describe("gettxout", () => {
  test("tells of an output as Core does, and null where there is none", async () => {
    const { call, failure, mine } = await bitcoinNode({ validator });
    const blocks = await mine(3);
    const told = await call<Record<string, unknown>>("gettxout", coinbaseOf(blocks[1]!), 0);
    assert.deepEqual(Object.keys(told), ["bestblock", "confirmations", "value", "scriptPubKey", "coinbase"]);
    assert.deepEqual(
      [told.bestblock, told.confirmations, told.value, told.coinbase],
      [toDisplayHex(blocks[2]!.hash), 2, 50, true],
    );
    assert.equal((told.scriptPubKey as { hex: string }).hex, "51");
    // The second output has the commitment to witnesses: nobody can spend it.
    for (const n of [1, 2]) assert.equal(await call("gettxout", coinbaseOf(blocks[1]!), n), null);
    assert.equal(await call("gettxout", "11".repeat(32), 0), null);
    assert.equal((await failure("gettxout", "11", 0)).code, -8);
  });

  test("a node that keeps no coins says so", async () => {
    const { failure } = await bitcoinNode({ mode: "headers" });
    assert.match((await failure("gettxout", "11".repeat(32), 0)).message, /headers only; --mode full/);
    assert.match((await failure("gettxoutsetinfo")).message, /headers only; --mode full/);
  });
});

describe("gettxoutsetinfo", () => {
  test("counts and hashes the outputs, by each hash of Core's", async () => {
    const { call, failure, mine } = await bitcoinNode({ validator });
    const blocks = await mine(4);
    const best = toDisplayHex(blocks[3]!.hash);
    const told = await call<Record<string, unknown>>("gettxoutsetinfo");
    const order = ["height", "bestblock", "txouts", "bogosize", "hash_serialized_3", "total_amount", "transactions"];
    assert.deepEqual(Object.keys(told), [...order, "disk_size"]);
    // 50 bytes and a script of one for each.
    assert.deepEqual(
      [told.height, told.bestblock, told.txouts, told.bogosize, told.total_amount, told.transactions],
      [4, best, 4, 4 * 51, 200, 4],
    );
    assert.match(String(told.hash_serialized_3), /^[0-9a-f]{64}$/);
    const muhash = await call<Record<string, unknown>>("gettxoutsetinfo", "muhash");
    assert.match(String(muhash.muhash), /^[0-9a-f]{64}$/);
    assert.ok(!("hash_serialized_3" in muhash) && muhash.muhash !== told.hash_serialized_3);
    const none = await call<Record<string, unknown>>("gettxoutsetinfo", "none");
    assert.deepEqual(Object.keys(none), order.filter((name) => name !== "hash_serialized_3").concat("disk_size"));
    await mine(1);
    const later = await call<Record<string, unknown>>("gettxoutsetinfo");
    assert.notEqual(later.hash_serialized_3, told.hash_serialized_3);
    assert.deepEqual([later.height, later.txouts], [5, 5]);
    assert.deepEqual(await failure("gettxoutsetinfo", "md5"), { code: -8, message: "'md5' is not a valid hash_type" });
    const words = "Querying specific block heights requires coinstatsindex";
    assert.deepEqual(await failure("gettxoutsetinfo", "none", 3), { code: -8, message: words });
  });
});

describe("coinsBehind()", () => {
  test("says so while blocks are being connected again, of which the coins are not yet", () => {
    const at = (validating: unknown) => ({ state: () => ({ validating }) }) as unknown as BitcoinService;
    assert.equal(coinsBehind(at(undefined)), undefined);
    const told = coinsBehind(at({ from: 1, height: 5, to: 9, level: "full" }));
    assert.match(told ?? "", /height 5 of 9.*not those of the tip/);
  });
});
