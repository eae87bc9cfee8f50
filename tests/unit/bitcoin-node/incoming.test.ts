import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import { IncomingBlocks, type IncomingBlocksParts } from "../../../lib/bitcoin/sync/incoming.ts";
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
