/** Figures of real blocks, from the blocks and the outputs that they spend. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blockStats } from "../../lib/rpc/bitcoin/block-stats.ts";
import { BLOCKS, blockSpending } from "./bitcoin-blocks-spent.ts";
import { bitcoinDataMissing } from "./bitcoin-data.ts";

describe("blockStats() of real blocks", () => {
  for (const [name, network, height] of BLOCKS) {
    test(`${name}: the miner was paid the subsidy and the fees`, { skip: bitcoinDataMissing(`${name}.raw`) }, () => {
      const { block, spending } = blockSpending(name);
      const spent = spending.map((each) => each.spent.map((output) => ({ ...output, height: 1, isCoinbase: false })));
      const headers = { network, height: () => height, time: () => block.header.time, medianTimePast: () => 1 };
      const told = blockStats(headers, 0, block, spent) as Record<string, number> & { feerate_percentiles: number[] };
      const reward = block.transactions[0]!.outputs.reduce((sum, { value }) => sum + Number(value), 0);
      assert.equal(reward, told.subsidy! + told.totalfee!);
      assert.equal(told.txs, block.transactions.length);
      assert.equal(told.ins, spent.flat().length);
      // The header, the number of transactions and the coinbase are not counted.
      const { size, weight } = block.transactions[0]!;
      const head = 80 + (block.transactions.length < 253 ? 1 : 3);
      assert.equal(told.total_size! + size + head, block.size);
      assert.equal(told.total_weight! + weight + 4 * head, block.weight);
      const rates = [told.minfeerate!, ...told.feerate_percentiles, told.maxfeerate!];
      assert.deepEqual(rates, rates.toSorted((a, b) => a - b));
      assert.ok(told.minfee! <= told.medianfee! && told.medianfee! <= told.maxfee!);
    });
  }
});
