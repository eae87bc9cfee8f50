/** Snapshots of the unspent outputs, held against what Core states of its own test chain. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { fromDisplayHex, toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
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
