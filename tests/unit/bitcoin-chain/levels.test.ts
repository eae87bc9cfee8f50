/** How far the active chain was checked: stored with the blocks, whatever validator runs now. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitcoinChain } from "../../../lib/bitcoin/chain/chain.ts";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { HeaderStatus } from "../../../lib/bitcoin/headers/header-chain.ts";
import { type BlockValidator, structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { network, WorldBlocks } from "../../../lib/sim/bitcoin/blocks.ts";
import { simClock } from "../core/sim.ts";

const fullValidator: BlockValidator = { ...structureValidator, level: "full" };
const blocks = new WorldBlocks(1_750_000_000_000);

/** Blocks of the world's above one of its rows. */
function mined(parent: number, count: number, maker: string) {
  const made: ReturnType<WorldBlocks["mine"]>[] = [];
  for (let i = 0; i < count; i++) made.push(blocks.mine(made.at(-1)?.row ?? parent, 1_750_000_000_000, maker, "valid"));
  return made;
}

async function open(store: MemoryBitcoinStore, validator: BlockValidator, headersOnly = false) {
  const clock = simClock();
  const chain = await clock.until(BitcoinChain.load({ network, store, validator, clock, headersOnly }));
  const add = async (made: ReturnType<typeof mined>) => {
    for (const { block } of made) {
      const { last, refusal } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
      assert.equal(refusal, undefined);
      if (!headersOnly) assert.equal(chain.addBlock(last, block).refusal, undefined);
    }
    await clock.until(chain.flush());
  };
  return { chain, add };
}

describe("BitcoinChain.validation", () => {
  test("is the least of the active chain, whatever checks now", async () => {
    const store = new MemoryBitcoinStore();
    const before = await open(store, structureValidator);
    assert.equal(before.chain.validation, "structure", "nothing is there yet: what will be");
    const first = mined(0, 3, "first");
    await before.add(first);
    assert.equal(before.chain.validation, "structure");
    const { chain, add } = await open(store, fullValidator);
    assert.equal(chain.validation, "structure", "what was checked less is not checked further by being here");
    const second = mined(first.at(-1)!.row, 2, "second");
    await add(second);
    assert.equal(chain.validation, "full", "what was there is connected again before what is new");
    const events = (await store.events.read(0, 100)).map(({ data }) => data.validation);
    assert.deepEqual(events, ["structure", "structure", "structure", "full", "full"]);
    const less = await open(store, structureValidator);
    assert.equal(less.chain.validation, "full", "what was checked further stays so");
    await less.add(mined(second.at(-1)!.row, 1, "less"));
    assert.equal(less.chain.validation, "structure");
    await less.add(mined(0, 7, "other"));
    await less.add(mined(second.at(-1)!.row, 6, "third"));
    assert.equal(less.chain.headers.height(less.chain.tip), 11);
    const again = await open(store, fullValidator);
    assert.equal(again.chain.validation, "structure", "after a restart too");
    assert.equal((again.chain.headers.status(again.chain.activeAt(5)) & HeaderStatus.full) !== 0, true);
  });

  test("a block that was pruned and comes again keeps its level", async () => {
    const store = new MemoryBitcoinStore();
    const first = mined(0, 3, "pruned");
    const before = await open(store, structureValidator);
    await before.add(first);
    const { chain, add } = await open(store, fullValidator);
    const rows = await store.prune(0, 4);
    chain.dropData(rows);
    await add(first);
    assert.equal(chain.validation, "structure");
    await add(mined(0, 4, "instead of the pruned"));
    assert.equal(chain.validation, "full");
  });

  test("without blocks it is headers, and of nothing but genesis what it will be", async () => {
    assert.equal((await open(new MemoryBitcoinStore(), fullValidator)).chain.validation, "full");
    const { chain, add } = await open(new MemoryBitcoinStore(), fullValidator, true);
    assert.equal(chain.validation, "headers");
    await add(mined(0, 2, "headers"));
    assert.equal(chain.headers.height(chain.tip), 2);
    assert.equal(chain.validation, "headers");
  });
});
