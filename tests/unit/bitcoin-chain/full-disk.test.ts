import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitcoinChain } from "../../../lib/bitcoin/chain/chain.ts";
import { HeaderStatus } from "../../../lib/bitcoin/headers/header-chain.ts";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { Block } from "../../../lib/bitcoin/types/block.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { network, WorldBlocks } from "../../../lib/sim/bitcoin/blocks.ts";
import { simClock, turn } from "../core/sim.ts";
import { Ledger } from "./ledger.ts";

/** A chain over a store that refuses commits with `failure` while there is one. */
async function scene() {
  const clock = simClock();
  const state: { failure?: NodeError; tries: number } = { tries: 0 };
  const store = new MemoryBitcoinStore();
  const commit = store.commit.bind(store);
  const pinned: number[] = [];
  store.commit = (step) => {
    state.tries += 1;
    for (const { raw } of step.blocks ?? []) pinned.push(raw.buffer.byteLength - raw.length);
    return state.failure === undefined ? commit(step) : Promise.reject(state.failure);
  };
  const said: string[] = [];
  const chain = await clock.until(BitcoinChain.load({
    network,
    store,
    validator: structureValidator,
    clock,
    headersOnly: false,
    onStorage: (level, text) => said.push(`${level} ${text}`),
  }));
  const blocks = new WorldBlocks(1_750_000_000_000);
  let parent = 0;
  /** A block on the last one; `within`: as a view into so many bytes. */
  const next = (within = 0) => {
    const { row, block: mined } = blocks.mine(parent, clock.now(), "test", "valid");
    parent = row;
    const chunk = new Uint8Array(Math.max(within, mined.raw.length));
    chunk.set(mined.raw);
    const block = Block.decode(chunk.subarray(0, mined.raw.length));
    const { last, refusal } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
    assert.equal(refusal, undefined);
    return { row: last, block };
  };
  /** Adds it. */
  const add = (within = 0) => {
    const { row, block } = next(within);
    return chain.addBlock(row, block);
  };
  return { clock, chain, store, state, said, next, add, pinned };
}

const full = new NodeError("DISK_FULL", "self", "no room on the disk");

describe("BitcoinChain on a full disk", () => {
  test("tries again what was refused, says so once, and goes on with all that came meanwhile", async () => {
    const { clock, chain, store, state, said, add } = await scene();
    state.failure = full;
    state.tries = 0;
    const results = [add(), add()];
    await clock.advance(35_000);
    assert.ok(state.tries >= 3 && state.tries <= 5, `${state.tries} tries`);
    assert.equal(chain.tip, 0, "what is not stored is no tip");
    assert.deepEqual(said, ["error no room on the disk; it is tried again every 10 s"]);
    results.push(add());
    delete state.failure;
    await clock.advance(10_000);
    await Promise.all(results.map(({ stored }) => stored));
    assert.equal(chain.headers.height(chain.tip), 3);
    assert.equal((await store.counts()).blocks, 4);
    assert.equal(said.at(-1), "info blocks can be stored again");
  });

  test("stands in the warnings as long as it is so, and a caller does not wait for it", async () => {
    const { clock, chain, state, add, next } = await scene();
    state.failure = full;
    add().stored.catch(() => {});
    await clock.advance(5);
    const text = "no room on the disk; it is tried again every 10 s";
    assert.deepEqual(chain.warnings, [text]);
    const { row, block } = next();
    const before = clock.now();
    await assert.rejects(clock.until(chain.submit(row, block)), full);
    assert.equal(clock.now(), before, "at once");
    assert.equal((chain.headers.status(row) & HeaderStatus.data) !== 0, false, "what cannot be stored takes no memory");
    delete state.failure;
    await clock.advance(10_000);
    assert.deepEqual(chain.warnings, []);
    assert.equal(await clock.until(chain.submit(row, block)), undefined);
    state.failure = full;
    const after = next();
    await assert.rejects(clock.until(chain.submit(after.row, after.block)), full);
    delete state.failure;
    await clock.advance(10_000);
    assert.equal(chain.headers.height(chain.tip), 3, "what was judged is stored when there is room");
    assert.deepEqual(chain.warnings, []);
  });

  test("a full disk that takes no coins is told of in the same way", async () => {
    const ledger = await Ledger.open();
    await ledger.mine(3);
    const stage = ledger.store.stageCoins.bind(ledger.store);
    ledger.store.stageCoins = () => Promise.reject(full);
    ledger.chain.flushCoins();
    await ledger.rest();
    assert.deepEqual(ledger.chain.warnings, ["no room on the disk; it is tried again every 10 s"]);
    ledger.store.stageCoins = stage;
    await ledger.rest(10_000);
    assert.deepEqual(ledger.chain.warnings, []);
  });

  test("blocks that wait for the disk keep no more memory alive than is counted", async () => {
    const { clock, chain, state, add, pinned } = await scene();
    state.failure = full;
    const before = chain.pendingBytes;
    for (let i = 0; i < 3; i++) add(1_000_000).stored.catch(() => {});
    assert.ok(chain.pendingBytes - before < 3_000);
    delete state.failure;
    await clock.advance(15_000);
    assert.equal(chain.headers.height(chain.tip), 3);
    assert.ok(pinned.length >= 3 && pinned.every((bytes) => bytes <= 64), pinned.join());
  });

  test("does not hold up the end: a flush that cannot be done rejects, and leaves no timer", async () => {
    const { clock, chain, state, add } = await scene();
    state.failure = full;
    const { stored } = add();
    stored.catch(() => {});
    await clock.advance(15_000);
    await assert.rejects(clock.until(chain.flush()), full);
    assert.equal(clock.pending, 0);
  });

  test("takes nothing more when the database is damaged, and nobody's rejection is left alone", async () => {
    const { clock, chain, state, said, add } = await scene();
    state.failure = new NodeError("DATABASE_DAMAGED", "self", "damaged");
    add();
    await clock.advance(60_000);
    assert.match(said.join(), /^error damaged; nothing is stored any more$/);
    delete state.failure;
    // Nobody looks at what became of it: an unhandled rejection would end the process.
    add();
    await turn();
    await assert.rejects(clock.until(chain.flush()), /damaged/);
    assert.equal(chain.tip, 0);
  });
});
