/**
 * The signatures that the makers of blocks gave by their plots' keys: of 1,200 blocks of the simulator, and of mainnet's first
 * blocks where their copy lies beside this repository.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ClassgroupElement, FoliageBlockData, FullBlock } from "../../lib/chia/types/mod.ts";
import { makeBls12381 } from "../../lib/engine/bls12-381/mod.ts";
import { effort } from "../support/effort.ts";
import { blocksIn, goldenBlocks } from "./chia-data.ts";

const mainnet = new URL("../../../shared/vectors/chia/mainnet/blocks-0-47.bin.gz", import.meta.url);

/** What a block's maker signed, each with the signature. */
function signed({ foliage, rewardChainBlock }: ReturnType<typeof FullBlock.decode>): [Uint8Array, Uint8Array][] {
  const found: [Uint8Array, Uint8Array][] = [
    [FoliageBlockData.hash(foliage.foliageBlockData), foliage.foliageBlockDataSignature],
  ];
  if (foliage.foliageTransactionBlockHash !== null && foliage.foliageTransactionBlockSignature !== null) {
    found.push([foliage.foliageTransactionBlockHash, foliage.foliageTransactionBlockSignature]);
  }
  // A block of the first signage point signs its challenge, which other blocks tell.
  const { challengeChainSpVdf, rewardChainSpVdf } = rewardChainBlock;
  if (challengeChainSpVdf !== null && rewardChainSpVdf !== null) {
    found.push([ClassgroupElement.hash(challengeChainSpVdf.output), rewardChainBlock.challengeChainSpSignature]);
    found.push([ClassgroupElement.hash(rewardChainSpVdf.output), rewardChainBlock.rewardChainSpSignature]);
  }
  return found;
}

/** Verifies the signatures of some blocks, evenly spread; each is bad with one bit of the message changed. */
function verifyAll(blocks: readonly Uint8Array[], count: number): void {
  const bls = makeBls12381();
  let verified = 0;
  for (let i = 0; i < count; i++) {
    const block = FullBlock.decode(blocks[Math.floor(i * blocks.length / count)]!);
    const key = block.rewardChainBlock.proofOfSpace.plotPublicKey;
    for (const [message, signature] of signed(block)) {
      assert.ok(bls.aggregateVerify([[key, message]], signature), `height ${block.rewardChainBlock.height}`);
      const other = message.slice();
      other[verified % 32]! ^= 1;
      assert.ok(!bls.aggregateVerify([[key, other]], signature));
      verified++;
    }
  }
  assert.ok(verified >= 2 * count);
}

describe("signatures by plot keys", () => {
  test("of the simulator's blocks are good", { timeout: 600_000 }, () => {
    const count = effort("blocks of the simulator whose signatures are verified", 40, 1_200);
    verifyAll([...goldenBlocks("chain-1200.bin.gz")], count);
  });

  const skip = !existsSync(mainnet) && "the copy of mainnet's blocks is not beside this repository";
  if (skip !== false) process.stdout.write(`skipped: ${skip}\n`);
  test("of mainnet's first blocks are good", { skip, timeout: 600_000 }, () => {
    verifyAll([...blocksIn(new Uint8Array(gunzipSync(readFileSync(mainnet))))], 48);
  });
});
