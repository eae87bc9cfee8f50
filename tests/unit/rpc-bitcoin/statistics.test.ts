import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { signet } from "../../../lib/bitcoin/networks/signet.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { bitcoinNode } from "./support.ts";

const EASIEST = "7fffff" + "00".repeat(29);

describe("getmininginfo and getnetworkhashps", () => {
  test("have Core's fields in Core's order", async () => {
    const { post, call, mine } = await bitcoinNode();
    await mine(3);
    const text = await (await post('{"method":"getmininginfo","id":1}')).text();
    const { result } = JSON.parse(text) as { result: Record<string, unknown> };
    const { networkhashps, ...rest } = result;
    const target = { bits: "207fffff", difficulty: 4.656542373906925e-10, target: EASIEST };
    assert.deepEqual(Object.keys(result), [
      ...["blocks", "bits", "difficulty", "target", "networkhashps", "pooledtx", "blockmintxfee", "chain", "next"],
      "warnings",
    ]);
    assert.deepEqual(rest, {
      blocks: 3,
      ...target,
      pooledtx: 0,
      blockmintxfee: 0,
      chain: "regtest",
      next: { height: 4, ...target },
      warnings: [],
    });
    assert.match(text, /"blockmintxfee":0\.00000000,/);
    // Two hashes a block, and the blocks that were made a minute after one another.
    assert.equal(await call("getnetworkhashps", 2), 4 / 120);
    assert.equal(networkhashps, await call("getnetworkhashps"));
    assert.equal(await call("getnetworkhashps", 120, 0), 0);
  });

  test("on signet with its challenge, and with Core's errors", async () => {
    const { call, failure } = await bitcoinNode({ network: signet });
    const info = await call<{ signet_challenge: string }>("getmininginfo");
    assert.match(info.signet_challenge, /^[0-9a-f]+$/);
    assert.deepEqual(Object.keys(info).slice(-3), ["next", "signet_challenge", "warnings"]);
    const nblocks = { code: -8, message: "Invalid nblocks. Must be a positive number or -1." };
    assert.deepEqual(await failure("getnetworkhashps", 0), nblocks);
    assert.deepEqual(await failure("getnetworkhashps", -2), nblocks);
    const height = { code: -8, message: "Block does not exist at specified height" };
    assert.deepEqual(await failure("getnetworkhashps", 1, 1), height);
    assert.deepEqual(await failure("getnetworkhashps", 1, -2), height);
  });
});

describe("getchaintxstats", () => {
  test("tells what is known, and leaves out what would need counts of transactions", async () => {
    const { call, mine, node } = await bitcoinNode();
    assert.deepEqual((await call<Record<string, unknown>>("getchaintxstats")).window_block_count, 0);
    const blocks = await mine(12);
    const hash = toDisplayHex(blocks[9]!.hash);
    const { headers } = node.service;
    assert.deepEqual(Object.entries(await call<Record<string, unknown>>("getchaintxstats", 4, hash)), [
      ["time", headers.time(10)],
      ["window_final_block_hash", hash],
      ["window_final_block_height", 10],
      ["window_block_count", 4],
      ["window_interval", headers.medianTimePast(10) - headers.medianTimePast(6)],
    ]);
    const whole = await call<Record<string, unknown>>("getchaintxstats");
    assert.deepEqual([whole.window_block_count, whole.window_final_block_height], [11, 12]);
    assert.equal(Object.hasOwn(await call<object>("getchaintxstats", 0), "window_interval"), false);
  });

  test("has Core's errors", async () => {
    const { failure, mine } = await bitcoinNode();
    await mine(3);
    const count = { code: -8, message: "Invalid block count: should be between 0 and the block's height - 1" };
    assert.deepEqual(await failure("getchaintxstats", 3), count);
    assert.deepEqual(await failure("getchaintxstats", -1), count);
    assert.deepEqual(await failure("getchaintxstats", 1, "00".repeat(32)), { code: -5, message: "Block not found" });
    assert.equal((await failure("getchaintxstats", 1, "00")).code, -8);
  });
});

test("getmemoryinfo", async () => {
  const { call, failure } = await bitcoinNode();
  const none = { used: 0, free: 0, total: 0, locked: 0, chunks_used: 0, chunks_free: 0 };
  assert.deepEqual(await call("getmemoryinfo"), { locked: none });
  assert.deepEqual(await failure("getmemoryinfo", "mallocinfo"), {
    code: -8,
    message: "mallocinfo mode not available",
  });
  assert.deepEqual(await failure("getmemoryinfo", "x"), { code: -8, message: "unknown mode x" });
});
