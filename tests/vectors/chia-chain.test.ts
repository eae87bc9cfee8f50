/**
 * 1200 blocks of a chain that the reference's simulator made: bytes, header hashes, and JSON.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../lib/codec/hex.ts";
import { type Json, parseJson, stringifyJson } from "../../lib/codec/json.ts";
import { Foliage, FullBlock, RewardChainBlock } from "../../lib/chia/types/mod.ts";
import { goldenBlocks, goldenJson } from "./chia-data.ts";

interface Row {
  readonly height: number;
  readonly header_hash: string;
  readonly reward_chain_block_hash: string;
}

describe("the simulator's chain of 1200 blocks", () => {
  const { rows } = goldenJson<{ rows: Row[] }>("chain-1200.json.gz");

  test("every block decodes, encodes to the same bytes, and has the header hash of its row", () => {
    let height = 0;
    for (const bytes of goldenBlocks("chain-1200.bin.gz")) {
      const block = FullBlock.decode(bytes);
      const row = rows[height]!;
      assert.equal(block.rewardChainBlock.height, row.height);
      assert.equal("0x" + toHex(Foliage.hash(block.foliage)), row.header_hash);
      assert.equal("0x" + toHex(RewardChainBlock.hash(block.rewardChainBlock)), row.reward_chain_block_hash);
      assert.deepEqual(FullBlock.encode(block), bytes, `height ${height}`);
      height++;
    }
    assert.equal(height, rows.length);
    assert.ok(height >= 1200);
  });

  test("every 40th block survives JSON text", () => {
    let height = 0;
    for (const bytes of goldenBlocks("chain-1200.bin.gz")) {
      if (height++ % 40 !== 0) continue;
      const text = stringifyJson(FullBlock.toJson(FullBlock.decode(bytes)), { sortKeys: true });
      const json: Json = parseJson(text);
      assert.deepEqual(FullBlock.encode(FullBlock.fromJson(json)), bytes);
    }
  });
});
