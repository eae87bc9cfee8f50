import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MempoolChunk, MempoolEntry } from "../../../lib/bitcoin/mempool/mempool.ts";
import { selectTransactions } from "../../../lib/bitcoin/mining/selection.ts";
import { Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { numbered } from "../bitcoin-compact/listed-pool.ts";

const TERMS = { height: 200, medianTimePast: 1_700_000_000 };

interface Made {
  readonly fee?: number;
  readonly weight?: number;
  readonly sigOpCost?: number;
  readonly lockTime?: number;
  readonly sequence?: number;
}

let made = 0;

/** A transaction of a weight, which is not that of its bytes unless it is told. */
function entry({ fee = 1_000, weight = 800, sigOpCost = 4, lockTime = 0, sequence = 0 }: Made = {}): MempoolEntry {
  const { version, inputs, outputs } = numbered(made++);
  const plain = Transaction.of({ version, inputs: inputs.map((each) => ({ ...each, sequence })), outputs, lockTime });
  const transaction = Object.create(plain, {
    weight: { value: weight },
    lockTime: { value: lockTime },
    inputs: { value: plain.inputs },
    inputCount: { value: 1 },
  }) as Transaction;
  const rest = { sequence: 1, modifiedFee: fee, vsize: weight / 4, time: 0, height: 0, spendsCoinbase: false };
  return { transaction, fee, weight, sigOpCost, ...rest };
}

const chunk = (...entries: readonly MempoolEntry[]): MempoolChunk => ({
  entries,
  fee: entries.reduce((sum, { modifiedFee }) => sum + modifiedFee, 0),
  weight: entries.reduce((sum, { weight }) => sum + weight, 0),
});

const select = (...chunks: readonly MempoolChunk[]) => selectTransactions(chunks, TERMS);

describe("selectTransactions()", () => {
  test("takes whole chunks in their order, while there is room for them", () => {
    const [a, b, c, d] = [entry(), entry(), entry(), entry()];
    assert.deepEqual(select(chunk(a, b), chunk(c), chunk(d)), [a, b, c, d]);
    const large = chunk(entry({ weight: 2_000_000 }), entry({ weight: 2_000_000 }));
    assert.deepEqual(select(chunk(a), large, chunk(b)), [a, b]);
  });

  test("leaves weight for the header and the coinbase, to the unit", () => {
    const [fits, over] = [entry({ weight: 3_991_999, fee: 1e9 }), entry({ weight: 3_992_000, fee: 1e9 })];
    assert.deepEqual(select(chunk(fits)), [fits]);
    assert.deepEqual(select(chunk(over)), []);
    const rest = entry({ weight: 1 });
    assert.deepEqual(select(chunk(fits), chunk(rest)), [fits]);
  });

  test("leaves signature operations for the coinbase, to the unit", () => {
    const [fits, over] = [entry({ sigOpCost: 79_599 }), entry({ sigOpCost: 79_600 })];
    assert.deepEqual(select(chunk(fits)), [fits]);
    assert.deepEqual(select(chunk(over)), []);
    assert.deepEqual(select(chunk(entry({ sigOpCost: 79_600 }), entry({ sigOpCost: 0 }))), []);
    const one = entry({ sigOpCost: 1 });
    assert.equal(select(chunk(entry({ sigOpCost: 79_598 })), chunk(one), chunk(entry({ sigOpCost: 1 }))).length, 2);
  });

  test("ends with the first chunk that pays less than a block asks for", () => {
    // 200 virtual bytes; a satoshi for 1000 would be a fifth of one.
    const [pays, free, late] = [entry({ fee: 1 }), entry({ fee: 0 }), entry({ fee: 1 })];
    assert.deepEqual(select(chunk(pays), chunk(free), chunk(late)), [pays]);
    const child = entry({ fee: 1 });
    assert.deepEqual(select(chunk(free, child)), [free, child]);
  });

  test("leaves out what is not final in the block, and all that goes with it", () => {
    const [final, late, timely, child] = [
      entry({ lockTime: 199 }),
      entry({ lockTime: 200 }),
      entry({ lockTime: 1_699_999_999 }),
      entry(),
    ];
    assert.deepEqual(select(chunk(final), chunk(late, child), chunk(timely)), [final, timely]);
    assert.deepEqual(select(chunk(entry({ lockTime: 1_700_000_000 }))), []);
    const waived = entry({ lockTime: 900, sequence: 0xffff_ffff });
    assert.deepEqual(select(chunk(waived)), [waived]);
  });

  test("takes what pays one satoshi for a thousand virtual bytes, and nothing that pays less", () => {
    const [pays, poor] = [entry({ fee: 1, weight: 4_000 }), entry({ fee: 1, weight: 4_001 })];
    assert.deepEqual(select(chunk(pays)), [pays]);
    assert.deepEqual(select(chunk(poor)), []);
  });

  test("gives up after a thousand misfits in a row once the block is nearly full, and not before", () => {
    const misfit = () => chunk(entry({ weight: 5_000 }));
    const misfits = (count: number) => Array.from({ length: count }, misfit);
    const small = entry({ weight: 400 });
    const filled = (weight: number) => chunk(entry({ weight, fee: 1e9 }));
    // 8,000 are reserved: 3,996,001 are used.
    const nearly = filled(3_988_001);
    assert.equal(select(nearly, ...misfits(1_000), chunk(small)).length, 2);
    assert.equal(select(nearly, ...misfits(1_001), chunk(small)).length, 1);
    assert.equal(select(filled(3_988_000), ...misfits(1_001), chunk(small)).length, 2);
    assert.equal(
      select(nearly, ...misfits(600), chunk(small), ...misfits(600), chunk(entry({ weight: 400 }))).length,
      3,
    );
  });
});
