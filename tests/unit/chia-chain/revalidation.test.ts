/** Blocks that an earlier program checked less are validated again, from our own disk. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { MemoryCoinSet } from "../../../lib/chia/coin-set.ts";
import { ChiaChain } from "../../../lib/chia/chain/chain.ts";
import { LinkageValidator } from "../../../lib/chia/chain/linkage.ts";
import type { ValidationProgress } from "../../../lib/chia/chain/revalidation.ts";
import { MemoryChiaStore } from "../../../lib/chia/store/memory.ts";
import { network, type WorldBlock, WorldBlocks } from "../../../lib/sim/chia/blocks.ts";
import { MemoryEventLog } from "../../../lib/storage/event-log.ts";
import { simClock } from "../core/sim.ts";
import { branch, given, Giver, heldChain } from "./held-validator.ts";

/** A chain that was stored by a program that checks linkage, opened by one that checks everything. */
async function upgraded(
  count: number,
  side: (blocks: WorldBlocks, main: readonly WorldBlock[]) => WorldBlock[] = () => [],
) {
  const blocks = new WorldBlocks();
  const main = [blocks.genesis, ...branch(blocks, blocks.genesis, count, "main")];
  const beside = side(blocks, main);
  const store = new MemoryChiaStore(new MemoryEventLog(), new MemoryCoinSet());
  const clock = simClock();
  const before = await ChiaChain.load({ network, store, clock, validator: new LinkageValidator(network.constants) });
  await clock.until(before.add(given(main), null));
  await clock.until(before.add(given(beside), null));
  const held = await heldChain({ store });
  const told: ValidationProgress[] = [];
  const failed: string[] = [];
  const stop = new AbortController();
  const listener = {
    progress: (progress: ValidationProgress) => void told.push(progress),
    failed: (height: number, { error }: { readonly error: string }) => void failed.push(`${height} ${error}`),
  };
  const run = () => held.chain.revalidate(stop.signal, listener);
  return { blocks, main, beside, told, failed, stop, run, ...held };
}

describe("ChiaChain.revalidate()", () => {
  test("links, proves and spends all that is stored, and counts it in full", async () => {
    const { chain, run, clock, told, validator, unspent, main, store } = await upgraded(100);
    assert.deepEqual([chain.owed, chain.validation], [0, "linkage"]);
    await clock.until(run());
    assert.deepEqual([chain.owed, chain.validation, await store.validation()], [undefined, "full", "full"]);
    assert.deepEqual(told, [{ from: -1, height: 100, to: 100, level: "full" }]);
    assert.equal(validator.asked.filter((question) => question.startsWith("prove")).length, 4, "a batch at a time");
    assert.deepEqual(await unspent(main), [main[100]!]);
    const again = await heldChain({ store });
    await again.clock.until(
      again.chain.revalidate(new AbortController().signal, { progress: () => {}, failed: () => {} }),
    );
    assert.deepEqual(again.validator.asked, [], "and once is enough");
  });

  test("goes on where it was when the program ended", async () => {
    const { chain, run, rest, stop, validator, store } = await upgraded(100);
    validator.holds = new Set(["prove"]);
    const running = assert.rejects(run(), { code: "stopped" });
    await rest();
    validator.answer("prove", 0);
    await rest();
    assert.equal(chain.validating?.height, 31);
    stop.abort(new NodeError("stopped", "self", "the node stops"));
    await running;
    const next = await heldChain({ store });
    assert.equal(next.chain.owed, 32);
    await next.clock.until(
      next.chain.revalidate(new AbortController().signal, { progress: () => {}, failed: () => {} }),
    );
    assert.equal(next.validator.asked[0]?.split(" ")[1], "32");
    assert.equal(next.chain.validation, "full");
  });

  test("what joins the chain meanwhile is proven at once, and spent when its turn comes", async () => {
    const { chain, run, rest, clock, blocks, main, validator, unspent, tip } = await upgraded(40);
    validator.holds = new Set(["spend"]);
    const running = run();
    await rest();
    const more = branch(blocks, main[40]!, 2, "more");
    const giver = new Giver("1");
    await clock.until(chain.add(given(more), giver));
    assert.deepEqual([tip(), chain.owed], [more[1]!.hash, 0]);
    assert.ok(!validator.asked.includes("spend 41"));
    validator.holds = new Set();
    validator.answer("spend", 0);
    await clock.until(running);
    assert.deepEqual([chain.owed, chain.validation], [undefined, "full"]);
    assert.ok(validator.asked.includes("spend 42"));
    assert.deepEqual(await unspent([...main, ...more]), [more[1]!]);
  });

  for (const [how, height] of [["unproven", 40], ["unspendable", 33], ["unproven", 0]] as const) {
    test(`a block that is ${how} at height ${height} is taken off the chain with what follows`, async () => {
      const { chain, run, clock, failed, validator, main, store, events } = await upgraded(60);
      validator[how].add(main[height]!.hash);
      await clock.until(run());
      assert.equal(chain.peak?.height, height === 0 ? undefined : height - 1);
      assert.deepEqual(failed.map((text) => text.split(" ")[0]), [String(height)]);
      for (const { headerHash } of main.slice(height)) assert.equal(await chain.record(headerHash), undefined);
      assert.deepEqual(await store.counts(), {
        blocks: height,
        mainBlocks: height,
        bytes: main.slice(0, height).reduce((sum, { raw }) => sum + raw.length, 0),
      });
      assert.equal(chain.owed, undefined);
      assert.ok((await events()).includes(`reorg ${height - 1}`));
      validator[how].clear();
      await clock.until(chain.add(given(main.slice(height)), null));
      assert.equal(chain.peak?.height, 60, "they are judged again when they come again");
    });
  }

  test("goes over to the best that is stored beside the chain when that fails, and to nothing built on it", async () => {
    const beside = (blocks: WorldBlocks, main: readonly WorldBlock[]) => [
      ...branch(blocks, main[20]!, 8, "sound"),
      ...branch(blocks, main[26]!, 1, "doomed"),
    ];
    const { chain, run, clock, validator, main, tip, beside: [...side], unspent } = await upgraded(45, beside);
    validator.unproven.add(main[25]!.hash);
    await clock.until(run());
    assert.equal(tip(), side[7]!.hash);
    assert.equal(chain.validation, "full");
    for (const { headerHash } of side.slice(8)) assert.equal(await chain.record(headerHash), undefined);
    assert.deepEqual(await unspent([...main, ...side]), [side[7]!]);
  });
});
