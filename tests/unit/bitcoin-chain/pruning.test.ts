/** Old block data goes, and nothing that is still wanted. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Pruning } from "../../../lib/bitcoin/chain/pruning.ts";
import { structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { mined, open } from "./slow-chain.ts";

/** A chain of 300 blocks; pruning leaves 288 below the tip. */
async function scene() {
  const { chain, store, clock, add } = await open(structureValidator);
  for (const block of mined(0, 300, "pruned")) add(block);
  await clock.until(chain.flush());
  const said: string[] = [];
  const make = (bytesMax = 0) => new Pruning({ chain, store, bytesMax, failed: (text) => void said.push(text) });
  const heights = () =>
    Array.from({ length: 301 }, (_, height) => height).filter((at) => chain.hasData(chain.activeAt(at)));
  return { chain, store, said, make, heights };
}

describe("Pruning", () => {
  test("below() removes what is below a height, but for the last 288 blocks", async () => {
    const { make, heights } = await scene();
    const pruning = make();
    assert.equal(pruning.height, 0);
    await pruning.below(5);
    assert.deepEqual([pruning.height, heights().find((at) => at > 0)], [5, 5]);
    await pruning.below(1_000);
    assert.deepEqual([pruning.height, heights().find((at) => at > 0)], [12, 12]);
    await pruning.below(3);
    assert.equal(pruning.height, 12, "it never falls");
    assert.equal(make().height, 12, "what an earlier run removed");
  });

  test("below() and run() leave the blocks that an index has still to read", async () => {
    const { chain, store, heights } = await scene();
    let needed = 4;
    const pruning = new Pruning({ chain, store, bytesMax: 0, neededFrom: () => needed, failed: assert.fail });
    await pruning.below(10);
    assert.deepEqual([pruning.height, heights().find((at) => at > 0)], [4, 4]);
    needed = 9;
    await pruning.run();
    assert.deepEqual([pruning.height, heights().find((at) => at > 0)], [9, 9]);
  });

  test("run() leaves what is within the size", async () => {
    const { make, heights, said } = await scene();
    const large = make(1e9);
    await large.run();
    assert.deepEqual([large.height, heights().length], [0, 301]);
    const small = make();
    await small.run();
    assert.deepEqual([small.height, said], [12, []]);
  });

  test("run() does nothing while one runs, says what failed, and is tried again", async () => {
    const { make, store, said } = await scene();
    const asked: PromiseWithResolvers<readonly number[]>[] = [];
    store.prune = () => {
      asked.push(Promise.withResolvers());
      return asked.at(-1)!.promise;
    };
    const pruning = make();
    const first = pruning.run();
    await pruning.run();
    assert.equal(asked.length, 1);
    asked[0]!.reject(new Error("no disk"));
    await first;
    assert.deepEqual(said, ["no disk"]);
    const second = pruning.run();
    assert.equal(asked.length, 2);
    asked[1]!.resolve([]);
    await second;
    assert.equal(said.length, 1);
  });

  test("asks the store for nothing while the chain is short", async () => {
    for (const [blocks, times] of [[288, 0], [289, 1]] as const) {
      const { chain, store, clock, add } = await open(structureValidator);
      for (const block of mined(0, blocks, `short ${blocks}`)) add(block);
      await clock.until(chain.flush());
      let asked = 0;
      store.prune = () => {
        asked += 1;
        return Promise.resolve([]);
      };
      const pruning = new Pruning({ chain, store, bytesMax: 0, failed: (text) => assert.fail(text) });
      await pruning.run();
      assert.equal(asked, times);
    }
  });

  test("finds nothing pruned in a chain of the first block alone", async () => {
    const { chain, store } = await open(structureValidator);
    assert.equal(new Pruning({ chain, store, bytesMax: 0, failed: () => {} }).height, 0);
  });
});
