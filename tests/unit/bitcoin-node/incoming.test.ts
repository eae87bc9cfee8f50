import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BlockGiver } from "../../../lib/bitcoin/chain/chain.ts";
import type { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import { IncomingBlocks, type IncomingBlocksParts } from "../../../lib/bitcoin/sync/incoming.ts";
import type { Block } from "../../../lib/bitcoin/types/mod.ts";
import { MemoryBudget } from "../../../lib/core/peers/memory-budget.ts";
import { simClock } from "../core/sim.ts";
import { mined } from "../bitcoin-chain/slow-chain.ts";

describe("IncomingBlocks.take()", () => {
  test("ends when there is room for more, with the block in the account until it is stored", async () => {
    const clock = simClock();
    const memory = new MemoryBudget(clock);
    const [{ block } = assert.fail()] = mined(0, 1, "no room");
    const room = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<void>();
    const filled: number[] = [];
    const incoming = new IncomingBlocks({
      chain: {
        headers: { find: () => 1 },
        addBlock: () => ({ duplicate: false, stored: stored.promise }),
        room: () => room.promise,
      },
      download: { isAskedOf: () => true, delivered: () => {}, arrived: () => {}, fill: () => void filled.push(1) },
      memory,
      now: () => 5,
    } as unknown as IncomingBlocksParts);
    const heads: number[] = [];
    const knowledge = { tells: () => {} };
    const peer = { knowledge, place: {}, gaveHead: (at: number) => void heads.push(at) } as unknown as BitcoinPeer;
    let isOver = false;
    const taking = incoming.take(peer, block).then(() => (isOver = true));
    await clock.advance(0);
    assert.deepEqual([isOver, filled.length, memory.used, heads], [false, 0, block.raw.length, [5]]);
    room.resolve();
    await taking;
    assert.equal(filled.length, 1);
    stored.resolve();
    await clock.advance(0);
    assert.equal(memory.used, 0);
  });
});

/** Only Bun lets itself be asked to collect memory. */
const { Bun: bun } = globalThis as { readonly Bun?: { gc(isWhole: boolean): void } };

describe(
  "blocks that wait to be connected",
  { skip: bun === undefined && "this runtime cannot be told to collect" },
  () => {
    /** Hands blocks in with a chain that keeps their givers alone; how many of them are still in memory. */
    async function leftAfter(take: (incoming: IncomingBlocks, block: Block) => Promise<unknown>): Promise<number> {
      const givers: BlockGiver[] = [];
      const incoming = new IncomingBlocks({
        chain: {
          headers: { find: () => 1 },
          addBlock(_row: number, _block: Block, giver: BlockGiver) {
            givers.push(giver);
            return { duplicate: false, stored: Promise.resolve() };
          },
          room: () => Promise.resolve(),
        },
        download: { isAskedOf: () => true, delivered: () => {}, arrived: () => {}, fill: () => {} },
        now: () => 5,
      } as unknown as IncomingBlocksParts);
      const blocks: WeakRef<Block>[] = [];
      for (let i = 0; i < 20; i++) {
        const [{ block } = assert.fail()] = mined(0, 1, `block ${i}`);
        blocks.push(new WeakRef(block));
        await take(incoming, block);
      }
      // What the last turns of the event loop have seen may lie on the stack.
      await new Promise((resolve) => setTimeout(resolve, 1));
      bun?.gc(true);
      assert.equal(givers.length, 20);
      return blocks.filter((block) => block.deref() !== undefined).length;
    }

    test("are not kept by what remembers who gave them", async () => {
      const peer = { knowledge: { tells: () => {} }, place: {}, gaveHead: () => {} } as unknown as BitcoinPeer;
      const given = await leftAfter((incoming, block) => incoming.take(peer, block));
      assert.ok(given < 5, `${given} of 20`);
      const rebuilt = await leftAfter((incoming, block) => incoming.takeRebuilt(peer, 1, block));
      assert.ok(rebuilt < 5, `${rebuilt} of 20`);
    });
  },
);
