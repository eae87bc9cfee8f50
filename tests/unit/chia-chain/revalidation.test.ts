/** Blocks that an earlier program checked less are validated again, from our own disk. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../../lib/codec/hex.ts";
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
      again.chain.revalidate(new AbortController().signal, {
        progress: () => assert.fail("there is nothing to tell"),
        failed: () => {},
      }),
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

  for (
    const [how, height] of [["unproven", 40], ["unspendable", 33], ["unproven", 0], ["unproven", 60], [
      "unspendable",
      32,
    ]] as const
  ) {
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
      assert.deepEqual((await events()).filter((event) => event.startsWith("reorg")), [`reorg ${height - 1}`]);
      const [reorg] = (await store.events.read(0, 1_000)).filter(({ topic }) => topic === "chia.reorg");
      assert.deepEqual(reorg?.data.old, main.slice(height).map(({ hash }) => `0x${hash}`));
      validator[how].clear();
      await clock.until(chain.add(given(main.slice(height)), null));
      assert.equal(chain.peak?.height, 60, "they are judged again when they come again");
    });
  }

  test("goes over to the best that is stored beside the chain when that fails, and to nothing built on it", async () => {
    const beside = (blocks: WorldBlocks, main: readonly WorldBlock[]) => [
      ...branch(blocks, main[20]!, 8, "sound"),
      ...branch(blocks, main[26]!, 2, "doomed"),
    ];
    const { chain, run, clock, validator, main, tip, beside: [...side], unspent } = await upgraded(45, beside);
    validator.unproven.add(main[25]!.hash);
    await clock.until(run());
    assert.equal(tip(), side[7]!.hash);
    assert.equal(chain.validation, "full");
    for (const { headerHash } of side.slice(8)) assert.equal(await chain.record(headerHash), undefined);
    assert.deepEqual(await unspent([...main, ...side]), [side[7]!]);
  });

  test("finds nothing out about a main chain that changed meanwhile", async () => {
    const { chain, run, rest, clock, blocks, main, validator, unspent, tip, failed } = await upgraded(40);
    validator.holds = new Set(["prove"]);
    const running = run();
    await rest();
    validator.holds = new Set();
    const other = branch(blocks, main[10]!, 35, "other");
    await clock.until(chain.add(given(other), null));
    assert.deepEqual([tip(), chain.owed], [other[34]!.hash, 0]);
    validator.answer("prove", 0);
    await clock.until(running);
    assert.deepEqual([chain.owed, chain.validation, failed], [undefined, "full", []]);
    assert.deepEqual(await unspent([...main, ...other]), [other[34]!]);
  });

  test("takes nothing off a main chain to which the refused block does not belong any more", async () => {
    const { chain, run, rest, clock, blocks, main, validator, unspent, tip, failed } = await upgraded(40);
    validator.unproven.add(main[32]!.hash);
    validator.holds = new Set(["prove"]);
    const running = run();
    await rest();
    validator.answer("prove", 0);
    await rest();
    assert.equal(chain.owed, 32);
    validator.holds = new Set();
    const other = branch(blocks, main[20]!, 25, "other");
    await clock.until(chain.add(given(other), null));
    assert.deepEqual([tip(), chain.owed], [other[24]!.hash, undefined]);
    validator.answer("prove", 32);
    await clock.until(running);
    assert.deepEqual([tip(), failed], [other[24]!.hash, []]);
    assert.deepEqual(await unspent([...main, ...other]), [other[24]!]);
  });

  test("tells how far it is once a minute", async () => {
    const { run, rest, clock, told, validator } = await upgraded(130);
    validator.holds = new Set(["prove"]);
    const running = run();
    const answer = async (height: number, afterMs: number) => {
      await rest();
      await clock.advance(afterMs - 20);
      validator.answer("prove", height);
      await rest();
    };
    await answer(0, 59_999);
    assert.deepEqual(told, []);
    await answer(32, 61);
    assert.deepEqual(told, [{ from: -1, height: 63, to: 130, level: "full" }]);
    await answer(64, 59_900);
    assert.equal(told.length, 1);
    await answer(96, 200);
    assert.deepEqual(told.slice(1), [{ from: -1, height: 127, to: 130, level: "full" }]);
    validator.holds = new Set();
    validator.answer("prove", 128);
    await clock.until(running);
    assert.deepEqual(told.slice(2), [{ from: -1, height: 130, to: 130, level: "full" }]);
  });

  test("takes fewer blocks at once when they are large", async () => {
    const { run, clock, validator, chain } = await upgraded(10);
    const { link } = validator;
    const raw = new Uint8Array(4 * 1024 * 1024);
    validator.link = (candidate, view) => {
      const linked = link(candidate, view);
      return linked.ok ? { ...linked, frame: { ...linked.frame, candidate: { ...candidate, raw } } } : linked;
    };
    await clock.until(run());
    const asked = validator.asked.filter((question) => question.startsWith("prove"));
    assert.deepEqual(asked, ["prove 0 1", "prove 2 3", "prove 4 5", "prove 6 7", "prove 8 9", "prove 10"]);
    assert.equal(chain.validation, "full");
  });

  test("reads each stretch of records once, and lets others run between every eight blocks", async () => {
    const { run, clock, store } = await upgraded(63);
    let reads = 0;
    const { mainRecords } = store;
    store.mainRecords = (...range) => {
      reads += 1;
      return mainRecords.apply(store, range);
    };
    let turns = 0;
    const { sleep } = clock;
    clock.sleep = (...args) => {
      turns += 1;
      return sleep.apply(clock, args);
    };
    await clock.until(run());
    assert.deepEqual([reads, turns], [2, 8]);
  });

  test("keeps what is left of the main chain in memory when a block is taken off", async () => {
    const { chain, run, clock, validator, main, store } = await upgraded(40);
    validator.unproven.add(main[35]!.hash);
    await clock.until(run());
    const asked: number[] = [];
    const { hashAt } = store;
    store.hashAt = (height) => {
      asked.push(height);
      return hashAt.call(store, height);
    };
    for (const height of [32, 33, 34]) assert.deepEqual(await chain.hashAt(height), main[height]!.headerHash);
    assert.deepEqual(asked, []);
    assert.equal(await chain.hashAt(35), undefined);
  });

  test("does not spend a branch that leaves the main chain at the last block that is spent, or above", async () => {
    const { chain, run, rest, stop, clock, blocks, main, validator, tip } = await upgraded(60);
    validator.holds = new Set(["prove"]);
    const running = assert.rejects(run(), /the node stops/);
    await rest();
    validator.answer("prove", 0);
    await rest();
    stop.abort(new NodeError("stopped", "self", "the node stops"));
    await running;
    validator.holds = new Set();
    validator.asked.length = 0;
    assert.equal(chain.owed, 32);
    const giver = new Giver("1");
    const above = branch(blocks, main[32]!, 30, "above");
    await clock.until(chain.add(given(above), giver));
    assert.deepEqual([tip(), chain.owed, giver.told], [above[29]!.hash, 32, []]);
    assert.ok(validator.asked.every((question) => question.startsWith("prove")));
    const below = branch(blocks, main[31]!, 35, "below");
    await clock.until(chain.add(given(below), giver));
    assert.deepEqual([tip(), chain.owed, giver.told], [below[34]!.hash, undefined, []]);
    assert.equal(validator.asked.filter((question) => question.startsWith("spend")).length, 35);
  });

  test("a run that is withdrawn while its branch is being looked for changes nothing", async () => {
    const { chain, run, clock, blocks, main, store, tip } = await upgraded(5);
    await clock.until(run());
    const over = new AbortController();
    const { coinsAt } = store;
    store.coinsAt = (height) => {
      over.abort(new Error("memory"));
      return coinsAt.call(store, height);
    };
    const adding = chain.add(given(branch(blocks, main[5]!, 2, "more")), null, { signal: over.signal });
    await assert.rejects(clock.until(adding), /memory/);
    assert.deepEqual([tip(), (await store.counts()).blocks], [main[5]!.hash, 6]);
  });

  test("takes a block off the chain whose bytes are not stored", async () => {
    const { chain, run, clock, failed, store } = await upgraded(5);
    const { block } = store;
    const lacking = await store.hashAt(3);
    store.block = (hash) => toHex(hash) === toHex(lacking!) ? Promise.resolve(undefined) : block.call(store, hash);
    await clock.until(run());
    assert.deepEqual([failed, chain.peak?.height], [["3 UNKNOWN"], 2]);
  });
});
