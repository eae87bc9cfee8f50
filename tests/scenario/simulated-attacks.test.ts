/**
 * Simulated worlds of payments against which strangers do what costs them something: they flood with fees of their own, pin
 * payments down, and are the first to tell of blocks. Payments and blocks come all the same; and bugs in what holds strangers
 * off are found.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitcoinChain } from "../../lib/bitcoin/chain/chain.ts";
import { PartialBlock } from "../../lib/bitcoin/compact/partial-block.ts";
import { ShortIdTable } from "../../lib/bitcoin/compact/short-id-table.ts";
import { Admission } from "../../lib/bitcoin/mempool/admission.ts";
import { FeeFloor } from "../../lib/bitcoin/mempool/floor.ts";
import { Limits } from "../../lib/bitcoin/mempool/limits.ts";
import { refuseTransaction } from "../../lib/bitcoin/mempool/verdict.ts";
import { misbehaving } from "../../lib/bitcoin/peers/faults.ts";
import { Question } from "../../lib/bitcoin/sync/block-questions.ts";
import { IncomingBlocks } from "../../lib/bitcoin/sync/incoming.ts";
import { COMPACT_LIES, type RelayLie } from "../../lib/sim/play.ts";
import { effort, isLong, someWorlds } from "../support/effort.ts";
import { replaced } from "../support/replaced.ts";
import { BEYOND_TRICKLE_MS, type PaymentWorld, runPayments } from "./payment-worlds.ts";

const TIMEOUT_MS = isLong ? 7_200_000 : 300_000;
/** Memory that the mempool takes for one transaction of a flood. */
const FLOOD_TRANSACTION_BYTES = 2_900;
/** Two of these are malicious, so that four are not. */
const NODES = 6;

/** A flood of which a mempool holds a quarter. */
function flood(cheapCount: number): PaymentWorld {
  const mempoolBytes = Math.ceil(cheapCount / 4) * FLOOD_TRANSACTION_BYTES;
  return { nodes: NODES, hours: isLong ? 0.3 : 0.15, payments: { mempoolBytes, cheapCount } };
}
const SMALL_FLOOD = 600;
const PINNED: PaymentWorld = { nodes: NODES, hours: 0.15, payments: { everyMs: 10_000, arePoor: true } };
/** Each block has transactions that no mempool has; and there are strangers for all places of those that send blocks unasked. */
const UNSEEN: PaymentWorld = {
  nodes: NODES + 1,
  liars: 3,
  hours: 0.2,
  blockEveryMs: 25_000,
  payments: { everyMs: 6_000, unseen: 2 },
};

/** Short ids of eight bits where transactions are looked for: honest blocks meet others' transactions by chance. */
function shortIds(): () => void {
  const tables = new WeakMap<ShortIdTable, readonly number[]>();
  const ends = [
    replaced(ShortIdTable, "of", (of) => (ids) => {
      const table = of.call(ShortIdTable, ids);
      if (table !== undefined) tables.set(table, ids);
      return table;
    }),
    replaced(ShortIdTable.prototype, "find", () =>
      function (this: ShortIdTable, low) {
        return tables.get(this)!.findIndex((id) => (id & 0xff) === (low & 0xff));
      }),
  ];
  return () => ends.forEach((end) => end());
}

async function runWith<T>(plants: readonly (() => () => void)[], run: () => Promise<T>): Promise<T> {
  const ends = plants.map((plant) => plant());
  try {
    return await run();
  } finally {
    for (const end of ends.reverse()) end();
  }
}

/** What holds in each of these worlds. */
function passes(
  { report, told, transactions: { made, mined, beyond_trickle: beyond } }: Awaited<ReturnType<typeof runPayments>>,
) {
  assert.equal(report.breach_count, 0, told);
  assert.ok(made > 10 && mined === made, `${mined} of ${made}`);
  assert.ok((beyond.p99 ?? Infinity) < BEYOND_TRICKLE_MS, `${beyond.p99}`);
}

describe("in a simulated world of payments", () => {
  test(
    "a flood that pays little fills no mempool beyond its limit, and keeps no payment off",
    { timeout: TIMEOUT_MS },
    async () => {
      const count = effort("transactions of a flood that pays little", SMALL_FLOOD, 100_000);
      const world = await runPayments("lowfee", flood(count));
      passes(world);
      const { mempools: { fill, evicted, minimum_fee_rate: rate } } = world.transactions;
      assert.ok(fill > 0.9 && fill <= 1 && evicted > count / 4, `${fill} ${evicted}`);
      // What was dropped paid less than payments do.
      assert.ok(rate > 300 && rate < 1_000, `${rate}`);
    },
  );

  test(
    "what is pinned down as far as can be is replaced, or paid for by a child",
    { timeout: TIMEOUT_MS },
    async () => {
      const world = await runPayments("pinning", PINNED);
      passes(world);
      const { mempools: { cluster_count: count, cluster_vbytes: vbytes } } = world.transactions;
      assert.ok(count === 64 || vbytes > 80_000, `${count} ${vbytes}`);
    },
  );

  for (const lie of someWorlds("what malicious peers do with compact blocks", COMPACT_LIES)) {
    test(
      `blocks come though strangers tell of them first, and then do this: ${lie}`,
      { timeout: TIMEOUT_MS },
      async () => {
        const world = await runWith(lie === "collide" ? [shortIds] : [], () => runPayments(lie, UNSEEN));
        passes(world);
        const { report: { blocks, propagation_ms: { samples, max } }, transactions: { compact_blocks } } = world;
        const { rebuilt, round_trips: trips, fallbacks } = compact_blocks;
        assert.ok(rebuilt > 0 && trips > blocks.made, JSON.stringify(compact_blocks));
        if (lie === "mute") assert.ok((max ?? 0) > 5_000, `${max}`);
        else assert.ok(fallbacks > 0, JSON.stringify(compact_blocks));
        // But for the one that makes it.
        assert.ok(samples >= blocks.made * (NODES - 3), `${samples} of ${blocks.made}`);
      },
    );
  }
});

describe("a planted bug is found:", () => {
  const bugs: readonly (readonly [
    what: string,
    lie: RelayLie,
    world: PaymentWorld,
    rule: string,
    ...plants: (() => () => void)[],
  ])[] = [
    [
      "a full mempool drops nothing",
      "lowfee",
      flood(SMALL_FLOOD),
      "mempools are bounded",
      () => replaced(Limits.prototype, "enforce", () => () => {}),
    ],
    [
      "a full mempool asks for no more than before",
      "lowfee",
      flood(SMALL_FLOOD),
      "a full mempool asks for more",
      () => replaced(FeeFloor.prototype, "dropped", () => () => {}),
    ],
    [
      "clusters have no limit",
      "pinning",
      PINNED,
      "clusters are bounded",
      () =>
        replaced(Admission.prototype, "admit", (admit) =>
          function (this: Admission, entry, terms) {
            const verdict = admit.call(this, entry, terms);
            const isTooLarge = "ok" in verdict && verdict.reason === "too-large-cluster";
            return isTooLarge ? admit.call(this, entry, { ...terms, isFromBlock: true }) : verdict;
          }),
    ],
    [
      "a transaction of version 3 may have any number of children",
      "pinning",
      PINNED,
      "a payment is taken",
      () =>
        replaced(Admission.prototype, "relate", (relate) =>
          function (this: Admission, entry, terms) {
            return relate.call(this, entry, { ...terms, isFromBlock: true });
          }),
    ],
    [
      "a child of a transaction of version 3 does not make room for one that pays more",
      "pinning",
      PINNED,
      "a payment is taken",
      () =>
        replaced(Admission.prototype, "relate", (relate) =>
          function (this: Admission, entry, terms) {
            const relations = relate.call(this, entry, terms);
            const isSibling = "evictsSibling" in relations && relations.evictsSibling;
            return isSibling ? refuseTransaction("mempool_policy", "TRUC-violation") : relations;
          }),
    ],
    [
      "transactions that come a second time are not expected",
      "twice",
      UNSEEN,
      "nothing goes wrong inside",
      () =>
        replaced(PartialBlock.prototype, "fill", (fill) =>
          function (this: PartialBlock, transactions) {
            if (this.isSpent) throw new Error("the block is complete already");
            return fill.call(this, transactions);
          }),
    ],
    [
      "a block of which wrong transactions came is taken for invalid",
      "wrong",
      UNSEEN,
      "no valid block is condemned",
      () =>
        replaced(BitcoinChain.prototype, "addBlock", (addBlock) =>
          function (this: BitcoinChain, row, block, giver) {
            const result = addBlock.call(this, row, block, giver);
            if (result.refusal?.result === "mutated") this.headers.markInvalid(row);
            return result;
          }),
    ],
    [
      "short ids that are those of other transactions are taken for a bad block",
      "collide",
      UNSEEN,
      "no honest node is banned",
      shortIds,
      () =>
        replaced(
          IncomingBlocks.prototype,
          "takeRebuilt",
          (takeRebuilt) =>
            async function (this: IncomingBlocks, peer, row, block) {
              if (await takeRebuilt.call(this, peer, row, block)) return true;
              throw misbehaving("invalid_body", "bad-txnmrklroot", "the block is not what its header says");
            },
        ),
    ],
    [
      "a peer that has begun to give a block is waited for, however long it takes",
      "mute",
      UNSEEN,
      "a block reaches every node",
      () => replaced(Question.prototype, "isLate", () => () => false),
    ],
  ];
  for (const [what, lie, world, rule, ...plants] of someWorlds("planted bugs about attacks", bugs)) {
    test(what, { timeout: TIMEOUT_MS }, async () => {
      const { report } = await runWith(plants, () => runPayments(lie, world));
      assert.ok(report.breaches.some((breach) => breach.rule === rule), JSON.stringify(report.breaches));
    });
  }
});
