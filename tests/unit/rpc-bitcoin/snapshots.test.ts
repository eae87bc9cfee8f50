/** Snapshots of the unspent outputs, held against what Core states of its own test chain. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { fromDisplayHex, toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { CORE_AT_200, CORE_SCRIPT, coreChain } from "../../support/core-chain.ts";
import { bitcoinNode } from "./support.ts";

const validator = fullValidator({ workers: new InlineWorkers(), engine: "wide" });

/** The chain of Core's tests up to 200, in a node. */
async function coreNode() {
  const node = await bitcoinNode({ validator });
  const blocks = coreChain(CORE_AT_200.height);
  for (const block of blocks) assert.equal(await node.call("submitblock", toHex(block.raw)), null);
  return { ...node, blocks };
}

/** A snapshot of coinbases by Core's rules, byte by byte: nothing of it comes from the code under test. */
function snapshotByRules(blocks: Awaited<ReturnType<typeof coreNode>>["blocks"]): string {
  const little = (value: bigint, bytes: number) =>
    Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn).toString(16).padStart(2, "0"))
      .join("");
  const varInt = (value: number) => {
    const groups = [value & 0x7f];
    for (let rest = Math.floor(value / 128) - 1; rest >= 0; rest = Math.floor(rest / 128) - 1) {
      groups.unshift((rest & 0x7f) | 0x80);
    }
    return groups.map((group) => group.toString(16).padStart(2, "0")).join("");
  };
  // 50 and 25 coins: one digit before the zeros, of which at most nine are counted.
  const amount = (height: number) => varInt(height < 150 ? 1 + (5 - 1) * 10 + 9 : 1 + (2 * 9 + 5 - 1) * 10 + 8);
  const coins = blocks.map(({ transactions: [coinbase] }, i) => {
    const coin = varInt((i + 1) * 2 + 1) + amount(i + 1) + varInt(CORE_SCRIPT.length + 6) + toHex(CORE_SCRIPT);
    return `${toHex(coinbase!.txid)}0100${coin}`;
  });
  const base = toHex(fromDisplayHex(CORE_AT_200.block));
  const head = `7574786fff0200${toHex(regtest.magic)}${base}${little(BigInt(blocks.length), 8)}`;
  return head + coins.sort().join("");
}

describe("dumptxoutset", () => {
  test("writes the snapshot of Core's test chain, whose hash Core states, byte for byte by Core's rules", async () => {
    const { call, files, blocks } = await coreNode();
    assert.equal(toDisplayHex(blocks.at(-1)!.hash), CORE_AT_200.block);
    const told = await call<Record<string, unknown>>("dumptxoutset", "utxo.dat", "latest");
    assert.deepEqual(told, {
      coins_written: 200,
      base_hash: CORE_AT_200.block,
      base_height: 200,
      path: "/data/utxo.dat",
      txoutset_hash: CORE_AT_200.hash,
      nchaintx: CORE_AT_200.transactions,
    });
    assert.deepEqual(Object.keys(told).at(-1), "nchaintx");
    assert.equal(told.txoutset_hash, (await call<Record<string, unknown>>("gettxoutsetinfo")).hash_serialized_3);
    assert.deepEqual([...files.files.keys()], ["/data/utxo.dat"]);
    assert.equal(toHex(files.files.get("/data/utxo.dat")!.bytes), snapshotByRules(blocks));
  });

  test("writes the snapshot of an earlier block, and leaves the chain as it is", async () => {
    const node = await coreNode();
    await node.mine(30);
    const told = await node.call<Record<string, unknown>>("dumptxoutset", "utxo.dat", "rollback", { rollback: 200 });
    assert.deepEqual([told.base_hash, told.base_height, told.txoutset_hash], [
      CORE_AT_200.block,
      200,
      CORE_AT_200.hash,
    ]);
    assert.deepEqual([told.coins_written, told.nchaintx], [200, CORE_AT_200.transactions]);
    assert.equal(toHex(node.files.files.get("/data/utxo.dat")!.bytes), snapshotByRules(node.blocks));
    const byHash = await node.call("dumptxoutset", "again.dat", "", { rollback: CORE_AT_200.block });
    assert.deepEqual(byHash, { ...told, path: "/data/again.dat" });
    assert.equal(await node.call("getblockcount"), 230);
    const first = await node.call<Record<string, unknown>>("dumptxoutset", "genesis.dat", "rollback", { rollback: 0 });
    assert.deepEqual([first.coins_written, first.nchaintx], [0, 1]);
    const refused = (rollback: unknown) => node.failure("dumptxoutset", "other.dat", "rollback", { rollback });
    assert.deepEqual(await refused(231), { code: -8, message: "Target block height 231 after current tip 230" });
    assert.deepEqual(await refused("00".repeat(32)), { code: -5, message: "Block not found" });
    const newest = { code: -8, message: "Target block height 299 after current tip 230" };
    assert.deepEqual(await node.failure("dumptxoutset", "other.dat", "rollback"), newest);
  });

  test("takes no file that is there, no folder that is not, and no other type", async () => {
    const { call, failure, files, mine } = await bitcoinNode({ validator });
    await mine(1);
    await call("dumptxoutset", "/elsewhere/utxo.dat", "latest");
    const there =
      "/elsewhere/utxo.dat already exists. If you are sure this is what you want, move it out of the way first";
    assert.deepEqual(await failure("dumptxoutset", "/elsewhere/utxo.dat", "latest"), { code: -8, message: there });
    const shut = "Couldn't open file /nowhere/utxo.dat.incomplete for writing.";
    assert.deepEqual(await failure("dumptxoutset", "/nowhere/utxo.dat", "latest"), { code: -8, message: shut });
    const type = 'Invalid snapshot type "" specified. Please specify "rollback" or "latest"';
    assert.deepEqual(await failure("dumptxoutset", "a"), { code: -8, message: type });
    const both = 'Invalid snapshot type "latest" specified with rollback option';
    assert.deepEqual(await failure("dumptxoutset", "a", "latest", { rollback: 0 }), { code: -8, message: both });
    assert.deepEqual([...files.files.keys()], ["/elsewhere/utxo.dat"]);
    const light = await bitcoinNode({ mode: "headers" });
    assert.match((await light.failure("dumptxoutset", "a", "latest")).message, /headers only; --mode full/);
  });
});

/** A node with the headers of Core's chain, its snapshot as a file, and nothing else. */
async function fresh(change: (hex: string) => string = (hex) => hex) {
  const node = await bitcoinNode({ validator });
  const blocks = coreChain(CORE_AT_200.height);
  for (const block of blocks) await node.call("submitheader", toHex(block.raw.slice(0, 80)));
  const bytes = fromHex(change(snapshotByRules(blocks)));
  node.files.files.set("/data/utxo.dat", { bytes, synced: bytes.length });
  return { ...node, blocks };
}

/** Turns of the event loop until something holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 5_000; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.fail("it never came to it");
}

type States = { readonly headers: number; readonly chainstates: readonly Record<string, unknown>[] };

describe("loadtxoutset", () => {
  test("makes the snapshot's block the tip, and the blocks before it are validated behind it", async () => {
    const { call, blocks, mine, bitcoin, failure } = await fresh();
    assert.deepEqual(await call("loadtxoutset", "utxo.dat"), {
      coins_loaded: 200,
      tip_hash: CORE_AT_200.block,
      base_height: 200,
      path: "/data/utxo.dat",
    });
    assert.equal(await call("getblockcount"), 200);
    const set = await call<Record<string, unknown>>("gettxoutsetinfo");
    assert.deepEqual([set.height, set.txouts, set.hash_serialized_3], [200, 200, CORE_AT_200.hash]);
    const before = await call<States>("getchainstates");
    assert.deepEqual(before.chainstates.map((state) => [state.blocks, state.snapshot_blockhash, state.validated]), [
      [0, undefined, true],
      [200, CORE_AT_200.block, false],
    ]);
    const order = ["blocks", "bestblockhash", "bits", "target", "difficulty", "verificationprogress"];
    const caches = ["coins_db_cache_bytes", "coins_tip_cache_bytes"];
    assert.deepEqual(Object.keys(before.chainstates[1]!), [...order, ...caches, "snapshot_blockhash", "validated"]);
    assert.equal(bitcoin.services & 1n, 0n, "not all blocks are served");
    assert.equal((await call<Record<string, unknown>>("getblockchaininfo")).validation, "headers");
    const again =
      "Unable to load UTXO snapshot: Can't activate a snapshot-based chainstate more than once. (/data/utxo.dat)";
    assert.deepEqual(await failure("loadtxoutset", "utxo.dat"), { code: -32603, message: again });

    await mine(2);
    assert.equal(await call("getblockcount"), 202);
    for (const block of blocks) assert.equal(await call("submitblock", toHex(block.raw)), null);
    await until(async () => (await call<States>("getchainstates")).chainstates.length === 1);
    const after = await call<States>("getchainstates");
    assert.deepEqual(after.chainstates.map((state) => [state.blocks, state.snapshot_blockhash, state.validated]), [
      [202, undefined, true],
    ]);
    assert.equal(bitcoin.services & 1n, 1n);
    assert.equal((await call<Record<string, unknown>>("getblockchaininfo")).validation, "full");
    const last = await call<Record<string, unknown>>("gettxoutsetinfo");
    assert.deepEqual([last.height, last.txouts], [202, 202]);
    assert.equal((await call<Record<string, unknown>>("dumptxoutset", "again.dat", "latest")).nchaintx, 203);
  });

  test("refuses what cannot be used in Core's words, and changes nothing", async () => {
    const file = (await fresh()).files.files.get("/data/utxo.dat")!;
    const valid = toHex(file.bytes);
    const at = (offset: number, hex: string) => valid.slice(0, 2 * offset) + hex + valid.slice(2 * offset + hex.length);
    const node = await fresh();
    const refusal = async (hex: string) => {
      const bytes = fromHex(hex);
      node.files.files.set("/data/utxo.dat", { bytes, synced: bytes.length });
      const { code, message } = await node.failure("loadtxoutset", "utxo.dat");
      return `${code} ${message}`;
    };
    const internal = (text: string) => `-32603 Unable to load UTXO snapshot: ${text}. (/data/utxo.dat)`;
    const population = (text: string) => internal(`Population failed: ${text}`);
    assert.match(await refusal(at(0, "00")), /^-22 Unable to parse metadata: Invalid UTXO set snapshot magic bytes\./);
    assert.match(await refusal(at(5, "01")), /^-22 Unable to parse metadata: Version of snapshot 1 does not match/);
    assert.match(
      await refusal(at(7, "f9beb4d9")),
      /^-22 .*\(main\) does not match the network of this node \(regtest\)\.$/,
    );
    const unknown = `assumeutxo block hash in snapshot metadata not recognized (hash: ${"00".repeat(32)}). ` +
      "The following snapshot heights are available: 110, 200, 299";
    assert.equal(await refusal(at(11, "00".repeat(32))), internal(unknown));
    const absent = toHex(fromDisplayHex("7cc695046fec709f8c9394b6f928f81e81fd3ac20977bb68760fa1faa7916ea2"));
    assert.match(await refusal(at(11, absent)), /\(7cc69504\w+\) must appear in the headers chain\. Make sure all/);
    const left = population("Bad snapshot - coins left over after deserializing 199 coins");
    assert.equal(await refusal(at(43, "c7")), left);
    const short = (coins: number) =>
      population(`Bad snapshot format or truncated snapshot after deserializing ${coins} coins`);
    assert.equal(await refusal(at(43, "c9")), short(200));
    assert.equal(await refusal(valid.slice(0, -2)), short(199));
    assert.equal(
      await refusal(valid + "00"),
      population("Bad snapshot - coins left over after deserializing 200 coins"),
    );
    const mismatch = population("Mismatch in coins count in snapshot metadata and actual snapshot data");
    assert.equal(await refusal(at(51 + 32, "fdffff")), mismatch);
    assert.equal(await refusal(at(51 + 34, "8458")), population("Bad snapshot data after deserializing 0 coins"));
    const hash = (await refusal(at(51 + 33, "01"))).match(/expected (\w+), got (\w+)\. /)!;
    assert.equal(hash[1], CORE_AT_200.hash);
    assert.notEqual(hash[2], CORE_AT_200.hash);
    // The first coin is followed by the second's id: in a file where they change places the ids fall.
    const [first, second] = [valid.slice(102, 102 + 2 * 72), valid.slice(102 + 2 * 72, 102 + 4 * 72)];
    assert.match(await refusal(valid.slice(0, 102) + second + first + valid.slice(102 + 4 * 72)), /order of their ids/);
    assert.equal(await node.call("getblockcount"), 0);
    assert.equal((await node.call<States>("getchainstates")).chainstates.length, 1);
    const shut = { code: -8, message: "Couldn't open file /data/other.dat for reading." };
    assert.deepEqual(await node.failure("loadtxoutset", "other.dat"), shut);

    // After all that the good one is taken.
    node.files.files.set("/data/utxo.dat", { bytes: file.bytes, synced: file.bytes.length });
    await node.call("loadtxoutset", "utxo.dat");
    assert.equal(await node.call("getblockcount"), 200);
  });

  test("and dumptxoutset leave nothing behind when their caller goes, and can be called again", async () => {
    const { bitcoin, files, call, mine } = await fresh();
    const gone = AbortSignal.abort(new Error("the caller is gone"));
    await assert.rejects(bitcoin.snapshots.load("utxo.dat", gone), /the caller is gone/);
    assert.deepEqual([bitcoin.snapshots.background, await call("getblockcount")], [undefined, 0]);
    const both = await Promise.allSettled([call("loadtxoutset", "utxo.dat"), call("loadtxoutset", "utxo.dat")]);
    assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assert.equal(await call("getblockcount"), 200);
    await mine(1);
    await assert.rejects(bitcoin.snapshots.dump("new.dat", undefined, gone), /the caller is gone/);
    assert.deepEqual([...files.files.keys()], ["/data/utxo.dat"]);
    const writing = bitcoin.snapshots.dump("new.dat", undefined, new AbortController().signal);
    const second = bitcoin.snapshots.dump("new.dat", undefined, new AbortController().signal);
    await assert.rejects(second, { code: "SNAPSHOT_FILE_UNUSABLE" });
    assert.equal((await writing)!.coins, 201);
    assert.deepEqual([...files.files.keys()], ["/data/utxo.dat", "/data/new.dat"]);
  });

  test("refuses a snapshot that is no more than the tip", async () => {
    const { call, failure, files, mine } = await coreNode();
    await call("dumptxoutset", "utxo.dat", "latest");
    const work =
      "Unable to load UTXO snapshot: Population failed: Work does not exceed active chainstate. (/data/utxo.dat)";
    assert.deepEqual(await failure("loadtxoutset", "utxo.dat"), { code: -32603, message: work });
    assert.equal(files.files.size, 1);
    await mine(1);
    assert.equal(await call("getblockcount"), 201);
  });
});
