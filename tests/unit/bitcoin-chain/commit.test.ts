/** What the chain's steps become when they are made durable. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChainCommit } from "../../../lib/bitcoin/chain/commit.ts";
import { HeaderChain, HeaderStatus } from "../../../lib/bitcoin/headers/header-chain.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import type { BitcoinStep } from "../../../lib/bitcoin/store.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { network } from "../../../lib/sim/bitcoin/blocks.ts";
import { simClock } from "../core/sim.ts";
import { batchOf, mine } from "./mining.ts";

const ROOM_BYTES = 8 * 1024 * 1024;

/** Commits of five headers above the first block, to a store that answers when `go` is called. */
function scene(transactionIndex = false, gatherMs = 0) {
  const clock = simClock();
  const headers = new HeaderChain(network);
  headers.accept(batchOf(mine(network.genesis.header, 5)), 2_000_000_000);
  const store = Object.assign(new MemoryBitcoinStore({ transactionIndex }), { gatherMs });
  const steps: BitcoinStep[] = [];
  const answers: PromiseWithResolvers<readonly number[]>[] = [];
  store.commit = (step) => {
    steps.push(step);
    answers.push(Promise.withResolvers());
    return answers.at(-1)!.promise;
  };
  const moved: number[] = [];
  const commit = new ChainCommit({ headers, store, clock, moved: (tip) => void moved.push(tip) });
  /** Lets the commit that runs succeed, or fail. */
  const go = async (failure?: NodeError) => {
    await clock.advance(1);
    const answer = answers.at(-1)!;
    if (failure === undefined) answer.resolve([]);
    else answer.reject(failure);
    await clock.advance(0);
  };
  /** Whether a promise has settled by now. */
  const settled = async (promise: Promise<unknown>) => {
    let isSettled = false;
    promise.then(() => (isSettled = true), () => (isSettled = true));
    await clock.advance(0);
    return isSettled;
  };
  return { clock, headers, commit, steps, moved, go, settled };
}

describe("ChainCommit", () => {
  test("where a commit takes its time whatever is in it, steps gather before the next; what is crowded waits for none", async () => {
    const { clock, commit, steps, go } = scene(false, 25);
    commit.mark(1, HeaderStatus.data);
    void commit.soon();
    await go();
    assert.equal(steps.length, 1, "the first waits for nothing");
    commit.mark(2, HeaderStatus.data);
    void commit.soon();
    await clock.advance(20);
    commit.mark(3, HeaderStatus.data);
    void commit.soon();
    await clock.advance(3);
    assert.equal(steps.length, 1);
    await clock.advance(2);
    assert.deepEqual(steps.map(({ statuses }) => [...statuses!.keys()]), [[1], [2, 3]]);
    commit.pending.bytes = ROOM_BYTES + 1;
    commit.mark(4, HeaderStatus.data);
    void commit.soon();
    await go();
    await clock.advance(2);
    assert.equal(steps.length, 3);
  });

  test("takes all that comes in one moment into one step, and what comes later into the next", async () => {
    const { commit, steps, go, moved, settled } = scene();
    commit.mark(1, HeaderStatus.data);
    const first = commit.soon();
    commit.mark(2, HeaderStatus.data);
    commit.pending.tip = 2;
    assert.equal(commit.soon(), first);
    await go();
    assert.ok(await settled(first));
    assert.equal(steps.length, 1);
    assert.deepEqual([...steps[0]!.statuses!.keys()], [1, 2]);
    assert.equal(steps[0]!.headers?.bytes.length, 6 * 80);
    assert.deepEqual(moved, [2]);
    commit.mark(3, HeaderStatus.data);
    const second = commit.soon();
    assert.ok(!await settled(second));
    await go();
    assert.ok(await settled(second));
    assert.equal("headers" in steps[1]!, false, "they are stored");
    assert.equal("tip" in steps[1]!, false);
    assert.deepEqual(moved, [2]);
  });

  test("stores what a refused block and its descendants became, by itself, and nothing of others", async () => {
    const { commit, steps, go, headers } = scene();
    commit.condemn(3);
    await go();
    assert.deepEqual([...steps[0]!.statuses!.keys()], [3, 4, 5]);
    assert.deepEqual([2, 3, 4, 5].map((row) => headers.isInvalid(row)), [false, true, true, true]);
  });

  test("names transactions only where the store has an index of them", async () => {
    for (const hasIndex of [false, true]) {
      const { commit, steps, go } = scene(hasIndex);
      commit.mark(1, HeaderStatus.data);
      void commit.soon();
      await go();
      assert.equal("transactions" in steps[0]!, hasIndex);
    }
  });

  test("has room for 8 MiB of blocks that wait or are being written, and no more", async () => {
    const { commit, go, settled, clock } = scene();
    commit.pending.bytes = ROOM_BYTES - 10;
    commit.mark(1, HeaderStatus.data);
    void commit.soon();
    await clock.advance(1);
    // One step is with the disk now, and the next one begins to fill.
    commit.pending.bytes = 10;
    assert.equal(commit.pendingBytes, ROOM_BYTES);
    assert.ok(await settled(commit.room()));
    commit.pending.bytes = 11;
    commit.mark(2, HeaderStatus.data);
    const room = commit.room();
    assert.ok(!await settled(room));
    await go();
    assert.ok(await settled(room));
    assert.equal(commit.pendingBytes, 11);
    await go();
    assert.equal(commit.pendingBytes, 0);
  });

  test("gives back the bytes of a block until it is on disk", async () => {
    const { commit, go, clock } = scene();
    const raw = Uint8Array.of(1, 2, 3);
    commit.pending.blocks.push({ row: 1, height: 1, hash: new Uint8Array(32), raw });
    void commit.soon();
    assert.equal(commit.rawOf(1), raw);
    assert.equal(commit.rawOf(2), undefined);
    await clock.advance(1);
    assert.equal(commit.rawOf(1), raw, "while it is being written");
    await go();
    assert.equal(commit.rawOf(1), undefined);
  });

  test("takes nothing more after a failure that is for good, and tells everybody who waits", async () => {
    const { commit, steps, go, clock } = scene();
    const broken = new NodeError("DATABASE_DAMAGED", "self", "damaged");
    commit.mark(1, HeaderStatus.data);
    const first = commit.soon();
    await clock.advance(1);
    commit.mark(2, HeaderStatus.data);
    const second = commit.soon();
    assert.equal(commit.hasFailed, false);
    await go(broken);
    await assert.rejects(first, broken);
    await assert.rejects(second, broken);
    assert.equal(commit.hasFailed, true);
    await assert.rejects(commit.failed(), broken);
    const flushed = assert.rejects(commit.flush(), broken);
    await clock.advance(10);
    await flushed;
    assert.equal(steps.length, 1);
  });
});
