import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { estimatesToBytes } from "../../../lib/bitcoin/fees/estimates-file.ts";
import { FeeEstimator } from "../../../lib/bitcoin/fees/estimator.ts";
import { FeeEstimates, type FeeEstimatesParts } from "../../../lib/bitcoin/fees/fee-estimates.ts";
import type { MempoolListener } from "../../../lib/bitcoin/mempool/mempool.ts";
import type { NamedFiles } from "../../../lib/core/ports.ts";
import { Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { MemoryFolder } from "../../contract/memory-folder.ts";
import { numbered, spending } from "../bitcoin-compact/listed-pool.ts";
import { simClock } from "../core/sim.ts";

const PATH = "/data/fee_estimates.dat";

/** Estimates beside a mempool and a chain that a test plays: the row of a block is its height. */
async function scene(folder = new MemoryFolder(), height = 1_000, files: NamedFiles | null = folder.named("/data")) {
  const clock = simClock();
  const listeners = new Set<MempoolListener>();
  const pool = new Map<string, Transaction>();
  const state = { height, best: height, isInitial: false, ageS: 0 };
  const told: string[] = [];
  const parts = {
    clock,
    headers: {
      height: (row: number) => row,
      time: (row: number) => Math.floor(clock.now() / 1_000) - 600 * (state.height - row) - state.ageS,
      get best() {
        return state.best;
      },
    },
    activeAt: (at: number) => (at <= state.height ? at : -1),
    mempool: {
      minimumFeeRate: 100,
      get: (txid: Uint8Array) => pool.get(String(txid)),
      listen: (listener: MempoolListener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
    files: files ?? undefined,
    initialBlockDownload: () => state.isInitial,
    notice: (level: string, text: string) => told.push(`${level} ${text}`),
  } as unknown as FeeEstimatesParts;
  const estimates = await FeeEstimates.open(parts);
  estimates.connected(height);
  let made = 0;
  const come = (change: { sequence?: number; transaction?: Transaction; fee?: number } = {}) => {
    const { transaction = numbered(made++), fee = 1_000, sequence = made } = change;
    const entry = { transaction, fee, modifiedFee: fee, vsize: 200, weight: 800, sequence, height: state.height };
    const whole = { ...entry, sigOpCost: 0, time: 0, spendsCoinbase: false };
    pool.set(String(transaction.txid), transaction);
    for (const listener of listeners) listener.added?.(whole, 1);
    return whole;
  };
  const go = (entry: ReturnType<typeof come>, reason: "block" | "replaced" | "conflict", row?: number) => {
    pool.delete(String(entry.transaction.txid));
    for (const listener of listeners) listener.removed?.(entry, reason, row, 1);
  };
  const mine = (entries: readonly ReturnType<typeof come>[]) => {
    state.height += 1;
    state.best = state.height;
    estimates.connected(state.height);
    for (const entry of entries) go(entry, "block", state.height);
  };
  /** Too few to say anything: they stand with what does not pass. */
  const counted = () => estimates.raw(1, 0, "short").fail;
  return { clock, state, estimates, come, go, mine, counted, listeners, told, folder };
}

/** A transaction that spends an output of each of two. */
function spendingBoth(...parents: readonly [Transaction, Transaction]): Transaction {
  const { version, inputs, outputs, lockTime } = spending(parents[0]);
  return Transaction.of({ version, outputs, lockTime, inputs: [...inputs, ...spending(parents[1]).inputs] });
}

/** Ten blocks with twenty transactions each, which take one block. */
function busy({ come, mine }: Awaited<ReturnType<typeof scene>>, blocks = 10): void {
  for (let i = 0; i < blocks; i++) mine(Array.from({ length: 20 }, () => come()));
}

describe("FeeEstimates", () => {
  test("learns from what the mempool and the chain tell", async () => {
    const played = await scene();
    assert.deepEqual(played.estimates.smart(2, false), { feeRate: 0, target: 0 });
    busy(played);
    assert.deepEqual(played.estimates.smart(2, false), { feeRate: 5_000, target: 2 });
    await played.estimates.close();
    assert.deepEqual([played.listeners.size, played.clock.pending, played.told], [0, 0, []]);
  });

  test("counts no transaction whose feerate is not what gets it into a block", async () => {
    const played = await scene();
    const { come, mine, state, estimates } = played;
    const parent = come();
    const cases: (() => ReturnType<typeof come>)[] = [
      // It was in a block before.
      () => come({ sequence: 0 }),
      // It pays less than the mempool asks for: a child has brought it in.
      () => come({ fee: 19 }),
      // Its parent waits as well, of one input or of several.
      () => come({ transaction: spending(parent.transaction) }),
      () => come({ transaction: spendingBoth(parent.transaction, numbered(900)) }),
      () => {
        state.isInitial = true;
        return come();
      },
      () => {
        state.ageS = 3 * 3_600 + 1;
        return come();
      },
      () => {
        state.best = state.height + 2;
        return come();
      },
    ];
    mine([]);
    for (const each of cases) {
      const entry = each();
      Object.assign(state, { isInitial: false, ageS: 0, best: state.height });
      mine([entry]);
    }
    assert.equal(played.counted().totalConfirmed, 0);
    // What is just enough: the least fee, a tip of three hours ago, and one header more than blocks.
    const counted: (() => ReturnType<typeof come>)[] = [
      () => come(),
      () => come({ fee: 20 }),
      () => {
        state.ageS = 3 * 3_600;
        return come();
      },
      () => {
        state.best = state.height + 1;
        return come();
      },
    ];
    for (const [i, each] of counted.entries()) {
      const entry = each();
      Object.assign(state, { ageS: 0, best: state.height });
      mine([entry]);
      const sum = counted.slice(0, i + 1).reduce((total) => total * 0.962 + 1, 0);
      assert.equal(played.counted().totalConfirmed, sum, `case ${i}`);
    }
    await estimates.close();
  });

  test("counts what leaves otherwise as failed, and what waits at the end as well", async () => {
    const played = await scene();
    const { come, go, mine, folder, estimates } = played;
    const [replaced, rival] = [come(), come()];
    come();
    mine([]);
    go(replaced, "replaced");
    // A block has what conflicts with it.
    go(rival, "conflict", 1_001);
    await estimates.close();
    const again = await scene(folder, 1_001);
    assert.deepEqual([again.counted().leftMempool, again.counted().totalConfirmed], [3, 0]);
    await again.estimates.close();
  });

  test("keeps what it has seen, once an hour and at the end, and goes on with it", async () => {
    const played = await scene();
    busy(played);
    const before = played.estimates.smart(2, true);
    assert.equal(played.folder.files.has(PATH), false);
    await played.clock.advance(3_600_000);
    const size = () => played.folder.files.get(PATH)?.bytes.length;
    assert.equal(typeof size(), "number");
    played.folder.files.clear();
    await played.clock.advance(3_599_999);
    assert.equal(size(), undefined);
    await played.clock.advance(1);
    assert.equal(typeof size(), "number", "and after another hour again");
    await played.estimates.close();
    assert.equal(played.folder.files.get(PATH)!.synced, size(), "a loss of power takes nothing of it");
    const again = await scene(played.folder, played.state.height);
    assert.deepEqual(again.estimates.smart(2, true), before);
    await again.estimates.close();
    assert.deepEqual([...played.folder.files.keys()], [PATH]);
  });

  test("does not use what is older than 60 hours, of an earlier version, or damaged, and says so", async () => {
    const played = await scene();
    busy(played);
    await played.estimates.close();
    const { height } = played.state;
    const bytes = estimatesToBytes(new FeeEstimator().state);
    const opened = async (at: number, change?: Uint8Array) => {
      const folder = played.folder.copy();
      if (change !== undefined) folder.files.set(PATH, { bytes: change, synced: change.length });
      const again = await scene(folder, at);
      await again.estimates.close();
      return again.told;
    };
    assert.deepEqual(await opened(height + 360), []);
    assert.match((await opened(height + 361)).join(), /too old/);
    const earlier = bytes.slice();
    new DataView(earlier.buffer).setUint32(0, 149_900, true);
    assert.match((await opened(height, earlier)).join(), /earlier version/);
    assert.match((await opened(height, bytes.slice(0, 100))).join(), /cannot be read/);
    // Zeros are of version 0; of a file that is too large nothing is read.
    assert.match((await opened(height, new Uint8Array(16 * 1024 * 1024))).join(), /earlier version/);
    assert.match((await opened(height, new Uint8Array(16 * 1024 * 1024 + 1))).join(), /cannot be read/);
  });

  test("keeps nothing where there is no place for it", async () => {
    const played = await scene(new MemoryFolder(), 1_000, null);
    busy(played);
    assert.equal(played.estimates.smart(2, false).feeRate, 5_000);
    await played.clock.advance(3_600_000);
    assert.equal(played.clock.pending, 0);
    await played.estimates.close();
    assert.deepEqual([played.told, played.folder.files.size], [[], 0]);
  });

  test("leaves no file open, and says what it could not keep", async () => {
    const folder = new MemoryFolder();
    const files = folder.named("/data");
    let open = 0;
    let isFull = false;
    const watched = <T extends { close(): Promise<void> }>(file: T): T => {
      open += 1;
      return Object.assign(Object.create(file), {
        close: () => Promise.resolve(void (open -= 1)),
        append: () => isFull ? Promise.reject(new Error("the disk is full")) : Promise.resolve(0),
      }) as T;
    };
    const played = await scene(folder, 1_000, {
      ...files,
      create: (path) => files.create(path).then(watched),
      open: (path) => files.open(path).then(watched),
    });
    await played.clock.advance(3_600_000);
    isFull = true;
    await played.estimates.close();
    assert.equal(open, 0);
    assert.deepEqual(played.told, ["warning fee estimates are not kept: the disk is full"]);
  });
});
