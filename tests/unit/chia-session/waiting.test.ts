/** Blocks that wait are counted, hold nothing else alive, and are dropped when their memory is needed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BlockGiver } from "../../../lib/chia/chain/flight.ts";
import { candidateOf } from "../../../lib/chia/chain/raw-blocks.ts";
import type { ChiaSession } from "../../../lib/chia/peers/session.ts";
import { FullBlock } from "../../../lib/chia/types/mod.ts";
import { ChiaOrphans, memoryOf, WaitingBatch } from "../../../lib/chia/sync/waiting.ts";
import { MemoryBudget } from "../../../lib/core/peers/memory-budget.ts";
import { simClock } from "../core/sim.ts";
import { recordedBlocks } from "../chia-chain/chain-1200.ts";

/** The first recorded blocks, each a view into memory of a megabyte. */
const blocks = recordedBlocks().slice(0, 8).map((raw) => {
  const reply = new Uint8Array(1_000_000);
  reply.set(raw, 100);
  return candidateOf(reply.subarray(100, 100 + raw.length));
});

/** Those who gave blocks. */
const [giver, other] = ["a", "b"].map((name) => ({ name, refused: () => {} })) as unknown as [BlockGiver, BlockGiver];

function world(bytesMax = 1_000_000) {
  const budget = new MemoryBudget(simClock(), bytesMax);
  const session = () => {
    const account = budget.open({ isInbound: true, end: () => {} });
    return { account, session: { hold: account.hold } as unknown as ChiaSession };
  };
  return { budget, session };
}

describe("ChiaOrphans", () => {
  test("counts the bytes of what waits, until it is taken or its host is forgotten", () => {
    const { budget, session } = world();
    const orphans = new ChiaOrphans();
    const one = session();
    for (const block of blocks.slice(1, 4)) orphans.add(block, "a", one.session, giver);
    orphans.add(blocks[1]!, "b", session().session, other);
    const bytes = blocks.slice(1, 4).reduce((sum, { raw }) => sum + raw.length, 0);
    assert.deepEqual([orphans.size, budget.used], [3, bytes], "one that is there already counts once");
    const [child] = orphans.takeChildren(blocks[0]!.headerHash);
    assert.deepEqual([child?.giver, child?.block.headerHash], [giver, blocks[1]!.headerHash]);
    assert.deepEqual(child?.block.block, blocks[1]!.block);
    assert.ok(child!.block.raw.buffer.byteLength < 10_000, "nothing of the reply is kept");
    assert.equal(budget.used, bytes - blocks[1]!.raw.length);
    one.account.close();
    assert.equal(budget.used, bytes - blocks[1]!.raw.length, "they wait on when the connection is gone");
    orphans.forget("a");
    assert.deepEqual([orphans.size, budget.used], [0, 0]);
  });

  test("drops what waits when its memory is needed", () => {
    const { budget, session } = world(10_000);
    const orphans = new ChiaOrphans();
    const { session: holder } = session();
    for (const block of blocks.slice(2, 4)) orphans.add(block, "a", holder, giver);
    const held = budget.used;
    const other = session().account;
    other.set("in", held - 1);
    assert.equal(orphans.size, 2);
    session().account.set("in", 10_001 - (2 * held - 1));
    assert.ok(held > 10_001 - (2 * held - 1), "who gave them holds most");
    assert.deepEqual([orphans.size, budget.used], [0, 10_001 - held]);
    assert.deepEqual(orphans.takeChildren(blocks[1]!.headerHash), []);
  });

  test("does not keep what passes the budget by itself", () => {
    const { budget, session } = world(100);
    const orphans = new ChiaOrphans();
    orphans.add(blocks[2]!, "a", session().session, giver);
    assert.deepEqual([orphans.size, budget.used], [0, 0]);
  });
});

describe("WaitingBatch", () => {
  test("counts its blocks until it is released, and lets them go when the memory is needed", () => {
    const { budget, session } = world();
    const bytes = blocks.reduce((sum, block) => sum + memoryOf(block), 0);
    const batch = new WaitingBatch(session().session, blocks);
    assert.deepEqual([budget.used, batch.blocks], [bytes, blocks]);
    batch.release();
    assert.deepEqual([budget.used, batch.blocks], [0, undefined]);
    const again = new WaitingBatch(session().session, blocks);
    session().account.set("in", bytes - 1);
    assert.deepEqual(again.blocks, blocks);
    budget.charge(1_000_000 - bytes);
    assert.equal(again.blocks, undefined);
    again.release();
    const large = new WaitingBatch(world(100).session().session, blocks);
    assert.equal(large.blocks, undefined, "what passes the budget by itself is let go at once");
    large.release();
  });

  test("a block of long lists counts for what it takes decoded", () => {
    const { block } = blocks.find(({ block }) => block.transactionsInfo !== null)!;
    const coin = { parentCoinInfo: new Uint8Array(32), puzzleHash: new Uint8Array(32), amount: 1n };
    const many = candidateOf(FullBlock.encode({
      ...block,
      transactionsInfo: { ...block.transactionsInfo!, rewardClaimsIncorporated: Array(1_000).fill(coin) },
    }));
    // Measured: 3.3 bytes for each on the wire, beside it.
    assert.ok(memoryOf(many) >= 4.3 * 72 * 1_000);
    assert.ok(memoryOf(blocks[0]!) < 16_384, "and one without them for little more than its bytes");
  });
});
