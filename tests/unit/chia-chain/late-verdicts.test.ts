/** Blocks whose proofs and spends take their time, and are refused when others were built on them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../../lib/codec/hex.ts";
import { WorldBlocks } from "../../../lib/sim/chia/blocks.ts";
import { branch, given, Giver, heldChain } from "./held-validator.ts";

const heightsOf = (records: readonly { readonly height: number }[]) => records.map(({ height }) => height);

/** A chain with genesis and `count` blocks more. */
async function scene(count = 3) {
  const blocks = new WorldBlocks();
  const held = await heldChain();
  const main = [blocks.genesis, ...branch(blocks, blocks.genesis, count, "main")];
  await held.clock.until(held.chain.add(given(main), null));
  held.validator.asked.length = 0;
  return { blocks, main, top: main.at(-1)!, giver: new Giver("1"), ...held };
}

describe("ChiaChain.add()", () => {
  test("links a run to one that is still being proven, and moves the peak by verdicts alone", async () => {
    const { blocks, top, chain, validator, giver, rest, tip, events } = await scene();
    const [first, second] = [branch(blocks, top, 2, "a"), []] as [ReturnType<typeof branch>, typeof blocks.best[]];
    second.push(...branch(blocks, first[1]!, 2, "b"));
    validator.holds = new Set(["prove", "spend"]);
    const before = (await events()).length;
    const adding = [chain.add(given(first), giver), chain.add(given(second), giver)];
    await rest();
    assert.deepEqual(validator.asked, ["prove 4 5", "prove 6 7"]);
    assert.ok(chain.isPending(second[1]!.headerHash));
    assert.equal(await chain.record(first[0]!.headerHash), undefined, "what has no verdict is not known");
    validator.answer("prove", 6);
    await rest();
    assert.deepEqual([tip(), validator.asked.length], [top.hash, 2], "proofs above are no verdict on what is below");
    validator.answer("prove", 4);
    await rest();
    assert.deepEqual([tip(), validator.asked.at(-1)], [top.hash, "spend 4"], "spends are in order, one at a time");
    for (const height of [4, 5]) {
      assert.equal(tip(), top.hash);
      validator.answer("spend", height);
      await rest();
    }
    assert.deepEqual([tip(), validator.asked.at(-1)], [first[1]!.hash, "spend 6"]);
    for (const height of [6, 7]) {
      validator.answer("spend", height);
      await rest();
    }
    assert.deepEqual((await Promise.all(adding)).map(({ added }) => heightsOf(added)), [[4, 5], [6, 7]]);
    assert.deepEqual([tip(), giver.told], [second[1]!.hash, []]);
    const told = (await events()).slice(before);
    assert.deepEqual(told, ["block 4", "block 5", "peak 5", "block 6", "block 7", "peak 7"]);
  });

  test("a block whose proofs are refused late takes with it what was built on it, in its run and in the next", async () => {
    const { blocks, top, chain, validator, giver, rest, tip, store } = await scene();
    const first = branch(blocks, top, 4, "a");
    const second = branch(blocks, first[3]!, 2, "b");
    const other = new Giver("2");
    validator.holds = new Set(["prove"]);
    validator.unproven.add(first[2]!.hash);
    const adding = [chain.add(given(first), giver), chain.add(given(second), other)];
    await rest();
    validator.answer("prove", 8);
    await rest();
    validator.answer("prove", 4);
    await rest();
    const [result, next] = await Promise.all(adding);
    assert.deepEqual([heightsOf(result!.added), giver.told], [[4, 5], ["6 INVALID_POSPACE"]]);
    assert.equal(result!.refusals[0]?.giver, giver);
    assert.deepEqual(toHex(result!.refusals[0]!.headerHash), first[2]!.hash);
    assert.deepEqual([heightsOf(next!.added), next!.refusals, other.told], [[], [], []]);
    assert.equal(toHex(next!.parentless!.headerHash), second[0]!.hash);
    assert.equal(tip(), first[1]!.hash, "what came before it is kept");
    for (const { headerHash } of [first[2]!, first[3]!, ...second]) {
      assert.deepEqual([chain.isPending(headerHash), await store.record(headerHash)], [false, undefined]);
    }
    const again = chain.add(given(first.slice(2)), giver);
    await rest();
    validator.answer("prove", 6);
    assert.equal((await again).refusals.length, 1, "and is judged again when it comes again");
  });

  for (const answered of [[], [5], [6], [5, 6], [6, 5]]) {
    test(`runs on runs on a refused one are all withdrawn, proven before in this order: ${answered.join(", ")}`, async () => {
      const { blocks, top, chain, validator, rest, tip, clock } = await scene();
      const run = branch(blocks, top, 3, "a");
      validator.holds = new Set(["prove"]);
      validator.unproven.add(run[0]!.hash);
      const adding = run.map((block) => chain.add(given([block]), null));
      await rest();
      for (const height of answered) {
        validator.answer("prove", height);
        await rest();
      }
      validator.answer("prove", 4);
      const results = await clock.until(Promise.all(adding));
      const missed = results.map(({ parentless }) => parentless?.block.rewardChainBlock.height);
      assert.deepEqual([missed, results[0]!.refusals.length, tip()], [[undefined, 5, 6], 1, top.hash]);
    });
  }

  test("of two branches the one that is proven first is not held up, nor refused with the other", async () => {
    const { blocks, top, chain, validator, giver, rest, tip } = await scene();
    const slow = branch(blocks, top, 3, "slow");
    const quick = branch(blocks, top, 2, "quick");
    const other = new Giver("2");
    validator.holds = new Set(["prove"]);
    validator.unproven.add(slow[0]!.hash);
    const adding = [chain.add(given(slow), giver), chain.add(given(quick), other)];
    await rest();
    const [asked] = validator.waiting.splice(0, 1);
    validator.answer("prove", 4);
    await rest();
    assert.equal(tip(), quick[1]!.hash);
    asked!.resolve();
    const [result] = await Promise.all(adding);
    assert.deepEqual([result!.added.length, giver.told, other.told], [0, ["4 INVALID_POSPACE"], []]);
    assert.equal(tip(), quick[1]!.hash);
  });

  test("a heavier branch overtakes one that is being spent", async () => {
    const { blocks, top, chain, validator, giver, rest, tip, unspent } = await scene();
    const light = branch(blocks, top, 2, "light");
    const heavy = branch(blocks, top, 3, "heavy");
    validator.holds = new Set(["spend"]);
    const first = chain.add(given(light), giver);
    await rest();
    const [stuck] = validator.waiting;
    const second = chain.add(given(heavy), giver);
    await rest();
    assert.equal(stuck?.signal.aborted, true, "the worker is told, and need not notice");
    validator.holds = new Set();
    for (const question of validator.waiting.splice(0)) if (question !== stuck) question.resolve();
    assert.deepEqual(heightsOf((await second).added), [4, 5, 6]);
    const result = await first;
    assert.deepEqual([heightsOf(result.added), result.peakMoved, giver.told], [[4, 5], false, []]);
    assert.equal(tip(), heavy[2]!.hash);
    assert.deepEqual(await unspent([top, ...light, ...heavy]), [heavy[2]!]);
  });

  test("a block whose spends are refused undoes what came after it, and keeps what came before", async () => {
    const { blocks, top, chain, validator, giver, tip, clock, unspent, store } = await scene();
    const run = branch(blocks, top, 4, "a");
    validator.unspendable.add(run[2]!.hash);
    const result = await clock.until(chain.add(given(run), giver));
    assert.deepEqual([heightsOf(result.added), giver.told], [[4, 5], ["6 GENERATOR_RUNTIME_ERROR"]]);
    assert.equal(tip(), run[1]!.hash);
    assert.deepEqual(await unspent([top, ...run]), [run[1]!]);
    assert.equal((await store.counts()).blocks, 6);
  });

  test("the coins follow a reorganisation, there and back", async () => {
    const { blocks, top, chain, validator, giver, tip, clock, unspent } = await scene();
    const first = branch(blocks, top, 2, "a");
    const second = branch(blocks, top, 3, "b");
    const third = branch(blocks, first[1]!, 2, "c");
    for (const run of [first, second, third]) await clock.until(chain.add(given(run), giver));
    assert.deepEqual([tip(), giver.told], [third[1]!.hash, []]);
    assert.deepEqual(await unspent([top, ...first, ...second, ...third]), [third[1]!]);
    assert.deepEqual(validator.asked.slice(-4), ["spend 4", "spend 5", "spend 6", "spend 7"]);
  });

  test("a stored block that is refused when its branch becomes the heaviest is forgotten, and its giver pays", async () => {
    const { blocks, top, main, chain, validator, giver, tip, clock, store } = await scene();
    const side = branch(blocks, main[1]!, 2, "side");
    const over = branch(blocks, side[1]!, 2, "over");
    const others = branch(blocks, main[1]!, 1, "others");
    const [late, other] = [new Giver("2"), new Giver("3")];
    await clock.until(chain.add(given(side), giver));
    await clock.until(chain.add(given(others), other));
    assert.equal((await store.blocksAt(2, 3, 9)).length, 3);
    assert.ok(!validator.asked.some((question) => question.startsWith("spend")), "a lighter branch is not spent");
    validator.unspendable.add(side[0]!.hash);
    const result = await clock.until(chain.add(given(over), late));
    assert.deepEqual([result.added, giver.told, late.told], [[], ["2 GENERATOR_RUNTIME_ERROR"], []]);
    assert.equal(tip(), top.hash);
    for (const { headerHash } of [...side, ...over]) assert.equal(await chain.record(headerHash), undefined);
    assert.ok(await chain.record(others[0]!.headerHash) !== undefined, "what is not built on it stays");
    assert.equal(toHex((await clock.until(chain.add(given(over), late))).parentless!.headerHash), over[0]!.hash);
  });

  test("a lighter branch counts as linked, and in full once it has become the main chain", async () => {
    const { blocks, main, chain, clock, store } = await scene();
    const side = branch(blocks, main[1]!, 2, "side");
    await clock.until(chain.add(given(side), null));
    const levels = async () => (await store.blocksAt(2, 5, 9)).map(({ validation }) => validation);
    assert.deepEqual(await levels(), ["full", "linkage", "full", "linkage"]);
    await clock.until(chain.add(given(branch(blocks, side[1]!, 1, "over")), null));
    assert.deepEqual(await levels(), ["full", "full", "full", "full", "full"]);
    assert.equal(chain.validation, "full");
  });
});

describe("ChiaChain.add() of runs that lose their ground", () => {
  test("has the result of a run whose ground is gone at once, not when the run below has its own", async () => {
    const { blocks, top, chain, validator, rest, clock } = await scene();
    const below = branch(blocks, top, 2, "a");
    validator.holds = new Set(["prove", "spend"]);
    validator.unproven.add(below[1]!.hash);
    const first = chain.add(given(below), null);
    const above = chain.add(given(branch(blocks, below[1]!, 1, "b")), null);
    await rest();
    validator.answer("prove", 6);
    validator.answer("prove", 4);
    await rest();
    assert.deepEqual(validator.waiting.map(({ heights }) => heights), [[4]], "what is left of the run is being spent");
    assert.equal((await clock.until(above)).parentless?.block.rewardChainBlock.height, 6);
    validator.answer("spend", 4);
    assert.deepEqual(heightsOf((await clock.until(first)).added), [4]);
  });

  test("judges a run that was given twice by itself when the first is withdrawn", async () => {
    const { blocks, top, chain, validator, rest, clock, tip } = await scene();
    const run = branch(blocks, top, 3, "a");
    const over = new AbortController();
    validator.holds = new Set(["prove"]);
    validator.unspendable.add(run[2]!.hash);
    const first = chain.add(given(run), null, { signal: over.signal });
    const second = chain.add(given(run), new Giver("2"));
    await rest();
    over.abort(new Error("memory"));
    await assert.rejects(first, /memory/);
    validator.holds = new Set();
    const { added, refusals } = await clock.until(second);
    assert.deepEqual([heightsOf(added), refusals.map(({ height }) => height)], [[4, 5], [6]]);
    assert.equal(tip(), run[1]!.hash);
  });

  test("proves a run that is linked anew as soon as the one below it is", async () => {
    const { blocks, top, chain, validator, rest, clock, tip } = await scene();
    const run = branch(blocks, top, 3, "a");
    const over = new AbortController();
    validator.holds = new Set(["prove"]);
    const first = chain.add(given(run.slice(0, 1)), null, { signal: over.signal });
    const others = [chain.add(given(run.slice(0, 2)), null), chain.add(given(run.slice(2)), null)];
    await rest();
    // The uppermost has less to wait for than the one below it, and is yet linked after it.
    validator.answer("prove", 6);
    await rest();
    validator.asked.length = 0;
    over.abort(new Error("memory"));
    await assert.rejects(first, /memory/);
    await rest();
    assert.deepEqual(validator.asked, ["prove 4 5", "prove 6"]);
    for (const question of validator.waiting) question.resolve();
    await clock.until(Promise.all(others));
    assert.equal(tip(), run[2]!.hash);
  });

  test("withdraws at once what waits for the run below it, which goes on undisturbed", async () => {
    const { blocks, top, chain, validator, rest, clock, tip } = await scene();
    const run = branch(blocks, top, 2, "a");
    const over = new AbortController();
    validator.holds = new Set(["spend"]);
    const first = chain.add(given(run.slice(0, 1)), null);
    const second = chain.add(given(run.slice(1)), null, { signal: over.signal });
    await rest();
    const withdrawn = assert.rejects(second, /memory/);
    over.abort(new Error("memory"));
    await clock.until(withdrawn);
    await rest();
    assert.deepEqual(validator.waiting.map(({ heights, signal }) => [...heights, signal.aborted]), [[4, false]]);
    validator.answer("spend", 4);
    await clock.until(first);
    assert.deepEqual([tip(), validator.asked.filter((each) => each.startsWith("spend"))], [run[0]!.hash, ["spend 4"]]);
  });

  test("tells of a run that is withdrawn after its ground was lost why it was withdrawn", async () => {
    const { blocks, top, chain, validator, rest, clock } = await scene();
    const run = branch(blocks, top, 3, "a");
    const [over, other] = [new AbortController(), new AbortController()];
    validator.holds = new Set(["prove"]);
    const adding = [
      chain.add(given(run.slice(0, 1)), null, { signal: other.signal }),
      chain.add(given(run.slice(1, 2)), null, { signal: over.signal }),
    ];
    const ends = adding.map((each) => assert.rejects(each, /told so/));
    await rest();
    other.abort(new Error("told so"));
    over.abort(new Error("told so"));
    await clock.until(Promise.all(ends));
  });
});

describe("ChiaChain.add() beside a run that is being spent", () => {
  test("links nothing of a run that was withdrawn before its turn", async () => {
    const { blocks, top, chain, validator, clock } = await scene();
    validator.link = () => assert.fail("nobody wants it");
    const signal = AbortSignal.abort(new Error("memory"));
    await assert.rejects(clock.until(chain.add(given(branch(blocks, top, 2, "a")), null, { signal })), /memory/);
  });

  test("takes a block that comes twice in a run for one, also when it is refused late", async () => {
    const { blocks, top, chain, validator, clock, giver } = await scene();
    const run = branch(blocks, top, 3, "a");
    validator.unproven.add(run[1]!.hash);
    const twice = [run[0]!, run[1]!, run[1]!, run[0]!, run[2]!];
    const result = await clock.until(chain.add(given(twice), giver));
    assert.deepEqual([heightsOf(result.added), giver.told], [[4], ["5 INVALID_POSPACE"]]);
    assert.deepEqual(validator.asked, ["prove 4 5 6", "spend 4"]);
  });

  test("has the result at once of a run of which nothing is left", async () => {
    const { blocks, top, chain, validator, rest, clock, giver } = await scene();
    validator.holds = new Set(["spend"]);
    const first = chain.add(given(branch(blocks, top, 1, "a")), null);
    await rest();
    const result = await clock.until(chain.add(given([blocks.make(top, "b", "unlinked")]), giver));
    assert.deepEqual([result.added, giver.told], [[], ["4 INVALID_URSB_HASH"]]);
    validator.answer("spend", 4);
    assert.equal((await clock.until(first)).peakMoved, true);
  });

  test("asks nothing of the validator for a run that was withdrawn while it waited for its turn", async () => {
    const { blocks, top, chain, validator, rest, clock, tip } = await scene();
    const [heavy, light] = [branch(blocks, top, 2, "heavy"), branch(blocks, top, 1, "light")];
    const over = new AbortController();
    validator.holds = new Set(["spend"]);
    validator.unspendable.add(heavy[0]!.hash);
    const first = chain.add(given(heavy), null);
    await rest();
    const second = assert.rejects(chain.add(given(light), null, { signal: over.signal }), /memory/);
    await rest();
    over.abort(new Error("memory"));
    await rest();
    validator.holds = new Set();
    validator.answer("spend", 4);
    await clock.until(Promise.all([first, second]));
    assert.deepEqual([tip(), validator.asked.filter((each) => each.startsWith("spend"))], [top.hash, ["spend 4"]]);
  });

  test("rejects when the validator fails to prove, and keeps nothing of the run", async () => {
    const { blocks, top, chain, validator, clock, tip, store } = await scene();
    const run = branch(blocks, top, 2, "a");
    const { prove } = validator;
    validator.prove = () => Promise.reject(new TypeError("a fault of our own"));
    await assert.rejects(clock.until(chain.add(given(run), null)), /a fault of our own/);
    assert.deepEqual([tip(), (await store.counts()).blocks], [top.hash, 4]);
    validator.prove = prove;
    assert.equal((await clock.until(chain.add(given(run), null))).added.length, 2);
  });
});

describe("ChiaChain.add() on a branch that an earlier run of the program stored", () => {
  /** The chain opened anew, with a branch beside it of which one more block makes the heaviest. */
  async function reopened() {
    const { blocks, main, chain, clock, store } = await scene();
    const side = branch(blocks, main[1]!, 2, "side");
    await clock.until(chain.add(given(side), new Giver("1")));
    const over = branch(blocks, side[1]!, 1, "over");
    return { blocks, main, side, over, giver: new Giver("2"), ...await heldChain({ store }) };
  }

  test("proves it anew, block after block, before it is spent", async () => {
    const { side, over, giver, chain, validator, clock, tip } = await reopened();
    const result = await clock.until(chain.add(given(over), giver));
    assert.deepEqual([result.peakMoved, result.forkHeight, tip()], [true, 1, over[0]!.hash]);
    const asked = ["prove 4", "prove 2", "spend 2", "prove 3", "spend 3", "spend 4"];
    assert.deepEqual([validator.asked, side.length], [asked, 2]);
  });

  test("charges nobody for a block that is refused then, and forgets it", async () => {
    const { main, side, over, giver, chain, validator, clock, tip, store } = await reopened();
    validator.unproven.add(side[1]!.hash);
    const result = await clock.until(chain.add(given(over), giver));
    assert.deepEqual([result.refusals.map(({ height, giver }) => [height, giver]), giver.told], [[[3, null]], []]);
    assert.deepEqual([tip(), (await store.counts()).blocks], [main[3]!.hash, 5]);
  });

  test("tells the worker when nobody waits for its proof any more, and does not wait for it", async () => {
    const { main, over, giver, chain, validator, rest, clock, tip } = await reopened();
    validator.holds = new Set(["prove"]);
    const adding = assert.rejects(chain.add(given(over), giver), { code: "stopped" });
    await rest();
    validator.answer("prove", 4);
    await rest();
    assert.deepEqual(validator.waiting.map(({ heights }) => heights), [[2]]);
    const [question] = validator.waiting;
    await clock.until(Promise.all([chain.close(), adding]));
    assert.deepEqual([question!.signal.aborted, tip()], [true, main[3]!.hash]);
  });

  test("proves nothing anew that this run of the program has proven", async () => {
    const { side, over, giver, chain, validator, clock, blocks, tip } = await reopened();
    await clock.until(chain.add(given(over), giver));
    const back = branch(blocks, side[0]!, 3, "back");
    await clock.until(chain.add(given(back.slice(0, 1)), giver));
    validator.asked.length = 0;
    await clock.until(chain.add(given(back.slice(1)), giver));
    assert.deepEqual([validator.asked, tip()], [["prove 4 5", "spend 3", "spend 4", "spend 5"], back[2]!.hash]);
  });
});

describe("ChiaChain.close()", () => {
  test("resolves when what was under way has ended", async () => {
    const { blocks, top, chain, validator, rest, clock } = await scene();
    validator.holds = new Set(["prove"]);
    const order: string[] = [];
    const adding = chain.add(given(branch(blocks, top, 2, "ends")), null).catch(() => void order.push("withdrawn"));
    await rest();
    await clock.until(chain.close().then(() => void order.push("closed")));
    await adding;
    assert.deepEqual(order, ["withdrawn", "closed"]);
  });

  for (const step of ["prove", "spend"] as const) {
    test(`ends what waits for a validator to ${step} that does not notice`, async () => {
      const { blocks, top, chain, validator, rest, tip, clock } = await scene();
      validator.holds = new Set([step]);
      const adding = chain.add(given(branch(blocks, top, 2, "a")), null);
      const queued = chain.add(given(branch(blocks, top, 3, "b")), null);
      const both = Promise.allSettled([adding, queued]);
      await rest();
      await clock.until(chain.close());
      assert.deepEqual((await both).map((end) => end.status === "rejected" && end.reason.code), ["stopped", "stopped"]);
      assert.equal(tip(), top.hash);
      await assert.rejects(chain.add([], null), { code: "stopped" });
      assert.equal(clock.pending, 0);
    });
  }

  test("a run whose signal aborts is withdrawn, and what was built on it waits for it in vain", async () => {
    const { blocks, top, chain, validator, rest, tip } = await scene();
    const first = branch(blocks, top, 2, "a");
    validator.holds = new Set(["prove"]);
    const over = new AbortController();
    const adding = chain.add(given(first), null, { signal: over.signal });
    const next = chain.add(given(branch(blocks, first[1]!, 1, "b")), null);
    await rest();
    over.abort(new Error("memory"));
    await assert.rejects(adding, /memory/);
    await rest();
    assert.equal((await next).parentless?.block.rewardChainBlock.height, 6);
    assert.equal(chain.isPending(first[0]!.headerHash), false);
    validator.holds = new Set();
    assert.equal((await chain.add(given(first), null)).added.length, 2);
    assert.equal(tip(), first[1]!.hash);
  });
});
