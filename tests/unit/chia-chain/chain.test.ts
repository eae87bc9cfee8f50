/** The chain over made-up blocks and a validator that lets through what it is told to. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AddResult, ChiaChain } from "../../../lib/chia/chain/chain.ts";
import type { BlockValidator } from "../../../lib/chia/chain/validator.ts";
import { type Candidate, refuse } from "../../../lib/chia/chain/verdict.ts";
import { MissingAncestor } from "../../../lib/chia/chain/view.ts";
import { lookBack } from "../../../lib/chia/chain/window.ts";
import { simulator0 } from "../../../lib/chia/networks/simulator0.ts";
import type { ChainCommit } from "../../../lib/chia/store.ts";
import { MemoryChiaStore } from "../../../lib/chia/store/memory.ts";
import type { BlockRecord, FullBlock } from "../../../lib/chia/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { NO_CHANGES } from "../../../lib/chia/coin-set.ts";
import { hashOf, recordOf } from "../../contract/store-blocks.ts";
import { simClock } from "../core/sim.ts";

interface Made extends Candidate {
  readonly record: BlockRecord;
}

/** A block of `branch`, whose weight is 10 a block unless told. */
function made(branch: number, height: number, more: Partial<BlockRecord> & { parentBranch?: number } = {}): Made {
  const record = {
    ...recordOf(branch, height, { weight: BigInt(height + 1) * 10n, totalIters: BigInt(height), ...more }),
    ...(height === 0 ? { prevHash: simulator0.constants.GENESIS_CHALLENGE } : {}),
  };
  const block = {
    foliage: { prevBlockHash: record.prevHash },
    rewardChainBlock: { height },
  } as unknown as FullBlock;
  return { block, raw: Uint8Array.of(branch, height), headerHash: record.headerHash, record };
}

/** `from … to − 1` of a branch; the first one's parent is on `parentBranch`. */
const run = (branch: number, from: number, to: number, parentBranch = branch, more: Partial<BlockRecord> = {}) =>
  Array.from(
    { length: to - from },
    (_, i) => made(branch, from + i, { ...more, ...(i === 0 ? { parentBranch } : {}) }),
  );

/** Lets everything through but what is in `wrong`. Looks at the parent, as a real one does. */
class Lenient implements BlockValidator {
  constructor(readonly level: BlockValidator["level"] = "linkage") {}
  readonly wrong = new Set<string>();
  judged = 0;
  link: BlockValidator["link"] = (candidate, view) => {
    this.judged += 1;
    const { record } = candidate as Made;
    if (record.height > 0) {
      // As the rules do: an unknown parent is the block's fault, a missing one further up is not.
      const parent = view.record(record.prevHash);
      if (parent === undefined) return refuse("INVALID_PREV_BLOCK_HASH", "unknown parent");
      if (parent.height > 0 && view.record(parent.prevHash) === undefined) throw new MissingAncestor("grandparent");
    }
    if (this.wrong.has(toHex(candidate.headerHash))) return refuse("INVALID_WEIGHT", "told so");
    return { ok: true, frame: { candidate, record, parent: undefined, pace: { difficulty: 10n, subSlotIters: 1n } } };
  };
  prove: BlockValidator["prove"] = (frames) => Promise.resolve(frames.map(() => undefined));
  spend: BlockValidator["spend"] = () => Promise.resolve({ ok: true, coins: NO_CHANGES });
}

/** A store whose commits can be made to fail. */
class Faulty extends MemoryChiaStore {
  failing = false;
  override commit(step: ChainCommit): Promise<readonly number[]> {
    return this.failing ? Promise.reject(new Error("disk full")) : super.commit(step);
  }
}

async function open(store = new Faulty(), level?: BlockValidator["level"]) {
  const clock = simClock();
  const validator = new Lenient(level);
  const chain = await ChiaChain.load({ network: simulator0, store, validator, clock });
  const giver = { name: "9", refused: () => {} };
  const add = (blocks: readonly Candidate[]): Promise<AddResult> => clock.until(chain.add(blocks, giver));
  const events = async () =>
    (await store.events.read(0, 10_000)).map(({ topic, data }) =>
      `${topic.slice(5)} ${data.height ?? data.fork_height}`
    );
  const tip = () => chain.peak && `${chain.peak.headerHash[0]}:${chain.peak.height}`;
  return { chain, store, validator, add, events, tip, clock };
}

describe("ChiaChain.validation", () => {
  test("is the least of the main chain, whatever checks now", async () => {
    const before = await open();
    assert.equal(before.chain.validation, "linkage", "nothing is there yet: what will be");
    await before.add(run(1, 0, 4));
    const { chain, add, store } = await open(before.store, "full");
    assert.equal(chain.validation, "linkage", "what another program checked less is not checked further by being here");
    await add(run(1, 4, 6));
    assert.equal(chain.validation, "linkage");
    assert.deepEqual(
      (await store.blocksAt(3, 5, 9)).map(({ validation }) => validation),
      ["linkage", "linkage"],
      "nor is what was built on it: its spends have no coins to be held against",
    );
    await add(run(2, 2, 8, 1));
    assert.equal(chain.validation, "linkage", "two blocks below the fork");
    await add(run(3, 0, 12));
    assert.equal(chain.validation, "full", "none of them is left");
  });

  test("is that of the validator while the chain is empty", async () => {
    assert.equal((await open(new Faulty(), "full")).chain.validation, "full");
  });
});

describe("ChiaChain.add()", () => {
  test("extends the chain in one step, with a block event each and one for the peak", async () => {
    const { add, events, tip, store } = await open();
    const result = await add(run(1, 0, 3));
    assert.deepEqual([result.added.length, result.peakMoved, result.forkHeight], [3, true, -1]);
    assert.equal(tip(), "1:2");
    assert.deepEqual(await events(), ["block 0", "block 1", "block 2", "peak 2"]);
    assert.deepEqual(await store.counts(), { blocks: 3, mainBlocks: 3, bytes: 6 });
    assert.deepEqual((await add(run(1, 3, 4))).forkHeight, 2);
  });

  test("a block that is known is neither judged nor stored again", async () => {
    const { add, events, validator } = await open();
    await add(run(1, 0, 3));
    const result = await add(run(1, 0, 3));
    assert.deepEqual([result.added.length, result.peakMoved, validator.judged], [0, false, 3]);
    assert.equal((await events()).length, 4);
  });

  test("stops at a block without a known parent, and keeps what came before", async () => {
    const { add, tip, validator } = await open();
    const [far] = run(1, 7, 8);
    const result = await add([...run(1, 0, 2), ...run(1, 7, 9)]);
    assert.equal(toHex(result.parentless?.headerHash ?? new Uint8Array()), toHex(far?.headerHash ?? new Uint8Array()));
    assert.deepEqual([result.added.length, tip(), validator.judged], [2, "1:1", 2]);
  });

  test("stops at a block that is refused, keeps what came before and stores nothing of the rest", async () => {
    const { add, tip, validator, store } = await open();
    validator.wrong.add(toHex(hashOf(1, 2)));
    const result = await add(run(1, 0, 5));
    assert.equal(result.refusals[0]?.refusal.error, "INVALID_WEIGHT");
    assert.equal(tip(), "1:1");
    assert.equal((await store.counts()).blocks, 2);
    assert.equal((await add(run(1, 3, 5))).parentless?.headerHash[0], 1, "nothing follows a refused block");
  });

  test("a lighter branch is stored and changes nothing; when it gets heavier the chain goes over to it", async () => {
    const { add, events, tip, store, chain } = await open();
    await add(run(1, 0, 6));
    const before = (await events()).length;
    const side = await add(run(2, 3, 5, 1));
    assert.deepEqual([side.added.length, side.peakMoved, tip()], [2, false, "1:5"]);
    assert.equal((await events()).length, before);
    assert.equal(await store.isMain(hashOf(2, 4)), false);

    const result = await add(run(2, 5, 8));
    assert.deepEqual([result.peakMoved, result.forkHeight, tip()], [true, 2, "2:7"]);
    const told = (await events()).slice(before);
    assert.deepEqual(told, ["reorg 2", "block 3", "block 4", "block 5", "block 6", "block 7", "peak 7"]);
    const [reorg] = (await store.events.read(before, 1)).map(({ data }) => data);
    assert.equal(reorg?.depth, 3);
    assert.deepEqual(reorg?.old, [3, 4, 5].map((height) => `0x${toHex(hashOf(1, height))}`));
    for (const [height, branch] of [[2, 1], [3, 2], [5, 2], [7, 2]] as const) {
      assert.equal((await chain.hashAt(height))?.[0], branch, `height ${height}`);
      assert.equal((await store.hashAt(height))?.[0], branch, `height ${height}`);
    }
  });

  test("goes over to a heavier branch that is shorter, and forgets the heights above", async () => {
    const { add, tip, chain, store } = await open();
    await add(run(1, 0, 8));
    await add(run(2, 2, 4, 1, { weight: 1_000n }));
    assert.equal(tip(), "2:2", "the heaviest, not the last of equal ones");
    assert.equal(await chain.hashAt(3), undefined);
    assert.equal((await store.counts()).mainBlocks, 3);
  });

  test("of equal weight the chain with fewer iterations wins, whichever came first", async () => {
    const weight = 500n;
    for (const [first, second, expected] of [[7n, 6n, "3:2"], [6n, 7n, "2:2"], [6n, 6n, "2:2"]] as const) {
      const { add, tip } = await open();
      await add(run(1, 0, 2));
      await add([made(2, 2, { parentBranch: 1, weight, totalIters: first })]);
      await add([made(3, 2, { parentBranch: 1, weight, totalIters: second })]);
      assert.equal(tip(), expected);
    }
  });

  test("of siblings in one step the heaviest wins", async () => {
    const { add, tip } = await open();
    await add([
      ...run(1, 0, 2),
      made(2, 2, { parentBranch: 1, weight: 900n }),
      made(3, 2, { parentBranch: 1, weight: 100n }),
    ]);
    assert.equal(tip(), "2:2");
  });

  test("a branch from far below the window is judged with its own ancestors", async () => {
    const { add, tip, chain } = await open();
    const long = run(1, 0, 2_200);
    for (let at = 0; at < long.length; at += 100) await add(long.slice(at, at + 100));
    const result = await add(run(2, 5, 8, 1, { weight: 10n ** 9n }));
    assert.deepEqual(result.refusals, []);
    assert.equal(tip(), "2:5");
    assert.equal((await chain.hashAt(4))?.[0], 1);
  });

  test("a commit that fails leaves nothing known, and the same blocks go in later", async () => {
    const { add, tip, store, chain, validator } = await open();
    await add(run(1, 0, 2));
    store.failing = true;
    await assert.rejects(add(run(1, 2, 5)), /disk full/);
    assert.equal(await chain.record(hashOf(1, 2)), undefined);
    assert.equal(tip(), "1:1");
    store.failing = false;
    assert.equal((await add(run(1, 2, 5))).added.length, 3);
    assert.equal(tip(), "1:4");
    assert.equal(validator.judged, 2 + 3 + 3);
  });

  test("a validator that throws in the middle leaves nothing of the step behind", async () => {
    const { add, chain, validator } = await open();
    const link = validator.link;
    validator.link = (candidate, view) => {
      if ((candidate as Made).record.height === 2) throw new MissingAncestor("made up");
      return link(candidate, view);
    };
    await assert.rejects(add(run(1, 0, 4)), MissingAncestor);
    assert.equal(await chain.record(hashOf(1, 0)), undefined);
    validator.link = link;
    assert.equal((await add(run(1, 0, 4))).added.length, 4);
  });

  test("tells of each step that moved the peak when it is durable", async () => {
    const told: (readonly number[])[] = [];
    const [clock, store] = [simClock(), new Faulty()];
    const onCommit = (ids: readonly number[]) => void told.push(ids);
    const chain = await ChiaChain.load({ network: simulator0, store, validator: new Lenient(), clock, onCommit });
    await clock.until(chain.add(run(1, 0, 3), null));
    await clock.until(chain.add(run(2, 1, 2, 1), null));
    assert.deepEqual(told, [(await store.events.read(0, 10)).map(({ id }) => id)]);
  });

  test("lets others run between every eight blocks that it links", async () => {
    const { add, clock } = await open();
    let turns = 0;
    const { sleep } = clock;
    clock.sleep = (...args) => {
      turns += 1;
      return sleep.apply(clock, args);
    };
    await add(run(1, 0, 40));
    assert.equal(turns, 5);
  });

  test("says of each block event whether it came with a reorganisation, and of the peak how deep it was", async () => {
    const { add, store } = await open();
    await add(run(1, 0, 4));
    await add(run(2, 2, 6, 1));
    await add(run(2, 6, 7));
    const told = (await store.events.read(0, 100)).filter(({ topic }) => topic !== "chia.reorg");
    const flags = told.map(({ data }) => data.reorg ?? data.reorg_depth);
    assert.deepEqual(flags, [false, false, false, false, 0, true, true, true, true, 2, false, 0]);
  });

  test("brings in no more of the main chain than the rules look back on from a fork far below", async () => {
    const { add, store } = await open();
    const { constants } = simulator0;
    const back = lookBack(constants);
    const long = run(1, 0, 4 * back);
    for (let at = 0; at < long.length; at += 100) await add(long.slice(at, at + 100));
    const ranges: number[][] = [];
    const { mainRecords } = store;
    store.mainRecords = (...range) => {
      ranges.push(range);
      return mainRecords.apply(store, range);
    };
    await add(run(2, back + 50, back + 51, 1));
    await add(run(3, 20, 21, 1));
    assert.deepEqual(ranges, [[49, back + 50], [0, 20]]);
  });

  test("steps that are asked for at once are taken one after another", async () => {
    const { chain, tip, clock } = await open();
    const steps = [run(1, 0, 10), run(1, 10, 20), run(2, 5, 30, 1)].map((blocks) => chain.add(blocks, null));
    const results = await clock.until(Promise.all(steps));
    assert.deepEqual(results.map(({ added }) => added.length), [10, 10, 25]);
    assert.equal(tip(), "2:29");
    assert.equal(clock.pending, 0);
  });
});

test("ChiaChain.load() goes on where the store stands: peak, side branches and all", async () => {
  const first = await open();
  await first.add(run(1, 0, 6));
  await first.add(run(2, 3, 5, 1));
  const second = await open(first.store);
  assert.equal(second.tip(), "1:5");
  assert.equal((await second.add(run(1, 4, 6))).added.length, 0);
  assert.equal(second.validator.judged, 0, "what is stored is not judged again");
  const result = await second.add(run(2, 5, 8));
  assert.deepEqual([second.tip(), result.forkHeight], ["2:7", 2]);
});

describe("the main chain in memory", () => {
  /** A transaction block, and one without a time of its own above it. */
  const timed = (branch: number, height: number, more: { parentBranch?: number } = {}) =>
    made(branch, height, { timestamp: 1_700_000_000n + BigInt(height), ...more });
  const untimed = (branch: number, height: number, timedAt: number) =>
    made(branch, height, { timestamp: null, prevTransactionBlockHeight: timedAt });

  test("tells the time of the newest block that has one: at once, beside other branches, and after a restart", async () => {
    const { chain, add, store } = await open();
    assert.equal(chain.tipTime, undefined);
    await add([timed(1, 0), timed(1, 1)]);
    assert.equal(chain.tipTime, 1_700_000_001);
    await add([untimed(1, 2, 1), untimed(1, 3, 1)]);
    assert.equal(chain.tipTime, 1_700_000_001);
    await add([timed(2, 1, { parentBranch: 1 })]);
    assert.equal(chain.tipTime, 1_700_000_001, "a branch beside it changes nothing");
    assert.equal((await open(store)).chain.tipTime, 1_700_000_001);
  });

  test("blocks that are known are not stored again", async () => {
    const { add, store } = await open();
    const blocks = run(1, 0, 4);
    await add(blocks);
    let commits = 0;
    const commit = store.commit.bind(store);
    store.commit = (step) => {
      commits += 1;
      return commit(step);
    };
    assert.deepEqual((await add(blocks)).added, []);
    assert.equal(commits, 0);
  });

  test("a validator that fails is asked once, and nobody is refused for it", async () => {
    const { chain, clock, validator } = await open();
    let asked = 0;
    validator.link = () => {
      asked += 1;
      throw new TypeError("a fault of our own");
    };
    await assert.rejects(clock.until(chain.add(run(1, 0, 1), null)), /a fault of our own/);
    assert.equal(asked, 1);
  });

  test("a run leaves nothing at the signal of its giver", async () => {
    const { chain, clock } = await open();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const adding = chain.add(run(1, 0, 3), null, { signal });
    assert.equal(listeners, 1);
    await clock.until(adding);
    assert.equal(listeners, 0);
  });
});
