import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Cluster } from "../../../lib/bitcoin/mempool/cluster.ts";
import { PoolEntry } from "../../../lib/bitcoin/mempool/entry.ts";
import { WorstChunks } from "../../../lib/bitcoin/mempool/worst-chunks.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { pay } from "../bitcoin-chain/ledger.ts";

const transaction = pay([{ txid: new Uint8Array(32), vout: 0, value: 1n }]);

function clusterOf(fee: number): Cluster {
  const parts = { transaction, fee, spends: [], sigOpCost: 0, weightPerSigOp: 20, time: 0, height: 0 };
  return new Cluster([new PoolEntry({ ...parts, spendsCoinbase: false, hasRelativeLock: false })]);
}

describe("WorstChunks", () => {
  test("gives the lowest feerate of all that are there, whatever comes, changes and goes", () => {
    const random = new SeededRandom(21);
    const clusters = new Set(Array.from({ length: 50 }, () => clusterOf(random.below(1_000))));
    const worst = new WorstChunks(() => clusters);
    const least = () => Math.min(...[...clusters].map(({ chunks }) => chunks.at(-1)!.fee));
    for (let step = 0; step < 5_000; step++) {
      assert.equal(worst.peek()?.fee, clusters.size === 0 ? undefined : least());
      const cluster = random.pick([...clusters, clusterOf(random.below(1_000))]);
      if (!clusters.has(cluster)) {
        clusters.add(cluster);
      } else if (random.chance(0.5)) {
        cluster.entries[0]!.modifiedFee = random.below(1_000);
        cluster.changed();
      } else {
        cluster.version = -1;
        clusters.delete(cluster);
        continue;
      }
      worst.changed(cluster);
    }
    for (const cluster of clusters) cluster.version = -1;
    clusters.clear();
    assert.equal(worst.peek(), undefined);
  });
});
