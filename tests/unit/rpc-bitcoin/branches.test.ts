/** Methods that change which branch is the active chain, and that verify it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { Block } from "../../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { bitcoinNode } from "./support.ts";

const validator = fullValidator({ workers: new InlineWorkers(), engine: "wide" });
const hashOf = (block: Block) => toDisplayHex(block.hash);

interface Tip {
  readonly hash: string;
  readonly status: string;
}

/** A node with a chain of five blocks and a branch of two from height three. */
async function scene() {
  const node = await bitcoinNode({ validator });
  const main = await node.mine(5);
  await node.call("invalidateblock", hashOf(main[3]!));
  const side = await node.mine(2, Uint8Array.of(0x52));
  await node.call("reconsiderblock", hashOf(main[3]!));
  const tips = async () =>
    Object.fromEntries((await node.call<Tip[]>("getchaintips")).map(({ hash, status }) => [hash, status]));
  const best = () => node.call<string>("getbestblockhash");
  return { ...node, main, side, tips, best };
}

describe("invalidateblock, reconsiderblock and preciousblock", () => {
  test("change the tip and what getchaintips says, and coins go with it", async () => {
    const { call, main, side, tips, best } = await scene();
    const [last, other] = [hashOf(main[4]!), hashOf(side[1]!)];
    // They have the same work: the one that is connected stays.
    assert.deepEqual(await tips(), { [last]: "valid-fork", [other]: "active" });
    assert.equal(await call("preciousblock", last), null);
    assert.deepEqual(await tips(), { [last]: "active", [other]: "valid-fork" });
    assert.equal(await call("invalidateblock", hashOf(main[3]!)), null);
    assert.deepEqual(await tips(), { [last]: "invalid", [other]: "active" });
    const coinbase = toDisplayHex(main[4]!.transactions[0]!.txid);
    assert.equal(await call("gettxout", coinbase, 0), null);
    assert.equal(await call("invalidateblock", hashOf(main[2]!)), null);
    assert.equal(await best(), hashOf(main[1]!));
    assert.equal(await call("submitblock", toHex(side[1]!.raw)), "duplicate-invalid");
    assert.equal(await call("reconsiderblock", last), null);
    assert.equal(await best(), last);
    assert.ok(await call("gettxout", coinbase, 0));
    assert.deepEqual(await tips(), { [last]: "active", [other]: "valid-fork" });
  });

  test("of genesis, of an unknown block, of no hash", async () => {
    const { call, failure, bitcoin, best } = await scene();
    const genesis = toDisplayHex(bitcoin.network.genesis.hash);
    const tip = await best();
    for (const method of ["invalidateblock", "reconsiderblock", "preciousblock"]) {
      assert.equal(await call(method, genesis), null);
      assert.deepEqual(await failure(method, "11".repeat(32)), { code: -5, message: "Block not found" });
      assert.equal((await failure(method, "11")).code, -8);
    }
    assert.equal(await best(), tip);
  });

  test("tell a disk that takes nothing", async () => {
    const { failure, store, main } = await scene();
    store.commit = () => Promise.reject(new NodeError("DISK_FULL", "self", "no room on the disk"));
    const message = "no room on the disk";
    assert.deepEqual(await failure("invalidateblock", hashOf(main[1]!)), { code: -20, message });
  });

  test("without blocks the chain goes over to the best valid header", async () => {
    const { call, bitcoin, node } = await bitcoinNode({ mode: "headers" });
    const blocks = await (await bitcoinNode()).mine(3);
    for (const block of blocks) await call("submitheader", toHex(block.raw.subarray(0, 80)));
    await node.service.settled();
    await call("invalidateblock", hashOf(blocks[1]!));
    assert.equal(await call("getbestblockhash"), hashOf(blocks[0]!));
    await call("reconsiderblock", hashOf(blocks[2]!));
    assert.equal(await call("getbestblockhash"), hashOf(blocks[2]!));
    assert.equal(bitcoin.tip, 3);
  });
});

describe("warnings", () => {
  test("a full disk stands in those of each method until there is room, and submitblock names it at once", async () => {
    const { call, failure, store, main } = await scene();
    const warnings = async () =>
      await Promise.all(
        ["getblockchaininfo", "getnetworkinfo", "getmininginfo"].map(async (method) =>
          (await call<{ warnings: string[] }>(method)).warnings
        ),
      );
    const other = await bitcoinNode({ validator });
    for (const block of main) await other.call("submitblock", toHex(block.raw));
    await call("preciousblock", hashOf(main[4]!));
    const [block, next] = await other.mine(2);
    const commit = store.commit.bind(store);
    store.commit = () => Promise.reject(new NodeError("DISK_FULL", "self", "no room on the disk"));
    const told = { code: -1, message: "DISK_FULL: no room on the disk" };
    assert.deepEqual(await failure("submitblock", toHex(block!.raw)), told);
    const text = "no room on the disk; it is tried again every 10 s";
    assert.deepEqual(await warnings(), [[text], [text], [text]]);
    store.commit = commit;
    assert.deepEqual(await failure("submitblock", toHex(next!.raw)), told, "it is not tried again yet");
  });
});

describe("verifychain", () => {
  test("tells whether all is right, by level and number of blocks", async () => {
    const { call, store, main, bitcoin } = await scene();
    await call("preciousblock", hashOf(main[4]!));
    for (const args of [[], [0], [4, 0], [9, -1], [-1], [3, 1_000]]) {
      assert.equal(await call("verifychain", ...args), true);
    }
    const undo = store.coinUndo.bind(store);
    const damaged = bitcoin.headers.find(main[3]!.hash);
    store.coinUndo = async (row) => row === damaged ? new Uint8Array(40) : await undo(row);
    assert.equal(await call("verifychain", 1), true);
    assert.equal(await call("verifychain", 2), false);
    assert.equal(await call("verifychain", 2, 1), true);
    assert.equal(await call("verifychain"), false);
  });

  test("a node without blocks says so", async () => {
    const { failure } = await bitcoinNode({ mode: "headers" });
    assert.match((await failure("verifychain")).message, /headers only; --mode full/);
  });
});
