/** What an operator decides about branches, on a chain that is validated in full. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { network } from "../../../lib/sim/bitcoin/blocks.ts";
import { chainTips } from "../../../lib/bitcoin/headers/chain-tips.ts";
import { Pruning } from "../../../lib/bitcoin/chain/pruning.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import type { Block } from "../../../lib/bitcoin/types/block.ts";
import { Ledger, pay } from "./ledger.ts";
import { batchOf, mine } from "./mining.ts";
import { open } from "./slow-chain.ts";

/** A chain of 110 blocks, of which the last spends the first's coinbase; two branches of it from height 105. */
async function scene() {
  const ledger = await Ledger.open();
  const { chain } = ledger;
  const made = await ledger.mine(104);
  const add = async (count: number, parent: Block | undefined, salt: number) => {
    const blocks: Block[] = [];
    for (let i = 0; i < count; i++) {
      const above = blocks.at(-1) ?? parent;
      const spends = i === 2 && salt === 0 ? [pay([made[0]!])] : [];
      blocks.push(ledger.block(spends, { salt, ...(above !== undefined && { parent: above }) }));
      assert.equal(await ledger.add(blocks.at(-1)!), "ok");
    }
    return blocks;
  };
  const [fork] = await add(1, undefined, 9);
  const main = await add(5, fork, 0);
  const side = await add(5, fork, 1);
  const row = (block: Block) => chain.headers.find(block.hash);
  const statuses = () =>
    Object.fromEntries(chainTips(chain.headers, chain.tip).map((tip) => [tip.row, tip.status] as const));
  const unspent = async (vout = made[0]!) => (await chain.coins([vout]))?.coins[0] !== undefined;
  return { ledger, chain, made, fork: fork!, main, side, row, add, statuses, unspent };
}

describe("BranchOrders.invalidate()", () => {
  test("leaves the branch for the best valid one, takes its spends back, and stays so after a restart", async () => {
    const { ledger, chain, main, side, row, statuses, unspent } = await scene();
    assert.deepEqual(statuses(), { [row(main[4]!)]: "active", [row(side[4]!)]: "valid-headers" });
    assert.equal(await unspent(), false);
    await ledger.until(chain.orders.invalidate(row(main[1]!)));
    assert.equal(chain.tip, row(side[4]!));
    assert.equal(await unspent(), true);
    assert.deepEqual(statuses(), { [row(main[4]!)]: "invalid", [row(side[4]!)]: "active" });
    const reorgs = (await ledger.store.events.read(0, 1_000)).filter(({ topic }) => topic === "bitcoin.reorg");
    assert.deepEqual(reorgs.map(({ data }) => [data.fork_height, data.depth]), [[106, 4], [105, 1]]);
    await ledger.until(chain.close());
    const again = await Ledger.open(ledger.network, { store: ledger.store });
    again.chain.start();
    await again.rest();
    assert.equal(again.chain.tip, row(side[4]!));
    assert.ok(again.chain.headers.isInvalid(row(main[4]!)) && !again.chain.headers.isInvalid(row(main[0]!)));
  });

  test("goes back to before the block when there is no other branch, and refuses what is built on it", async () => {
    const { ledger, chain, main, side, fork, row } = await scene();
    await ledger.until(chain.orders.invalidate(row(fork)));
    assert.equal(ledger.height, 104);
    assert.equal(chain.connected, chain.tip);
    assert.ok([...main, ...side].every((block) => chain.headers.isInvalid(row(block))));
    assert.equal(await ledger.add(ledger.block([], { parent: side[4]! })), "bad-prevblk");
    await ledger.until(chain.orders.invalidate(0));
    assert.equal(ledger.height, 104, "genesis stays");
  });

  test("of a block beside the chain changes nothing else", async () => {
    const { ledger, chain, main, side, row, statuses } = await scene();
    await ledger.until(chain.orders.invalidate(row(side[2]!)));
    assert.deepEqual(statuses(), { [row(main[4]!)]: "active", [row(side[4]!)]: "invalid" });
  });

  test("is refused, before anything is marked, where pruned blocks would have to be taken back", async () => {
    const ledger = await Ledger.open();
    await ledger.mine(300);
    const { chain } = ledger;
    chain.flushCoins();
    await ledger.rest();
    await new Pruning({ ...ledger, bytesMax: 0, failed: assert.fail }).below(1_000);
    await assert.rejects(chain.orders.invalidate(chain.activeAt(11)), { code: "BLOCK_PRUNED" });
    assert.equal(chain.headers.isInvalid(chain.activeAt(11)), false);
    await ledger.until(chain.orders.invalidate(chain.activeAt(12)));
    assert.equal(ledger.height, 11);
  });
});

describe("BranchOrders.reconsider()", () => {
  test("goes back to the branch when it is better, for the block, its ancestors and its descendants", async () => {
    const { ledger, chain, main, side, row, add, unspent } = await scene();
    const [more] = await add(1, main[4]!, 2);
    await ledger.until(chain.orders.invalidate(row(main[1]!)));
    assert.equal(chain.tip, row(side[4]!));
    await ledger.until(chain.orders.reconsider(row(main[3]!)));
    assert.equal(chain.tip, row(more!));
    assert.equal(await unspent(), false);
    assert.ok(!chain.headers.isInvalid(row(more!)));
    await ledger.until(chain.close());
    const again = await Ledger.open(ledger.network, { store: ledger.store });
    assert.ok(!again.chain.headers.isInvalid(row(more!)));
  });

  test("judges a block anew that broke a rule, and leaves it again", async () => {
    const { ledger, chain, main, row, made } = await scene();
    const bad = ledger.block([pay([made[104 - 1]!])], { parent: main[4]! });
    assert.equal(await ledger.add(bad), "bad-txns-premature-spend-of-coinbase");
    await ledger.until(chain.orders.reconsider(row(bad)));
    assert.equal(chain.tip, row(main[4]!));
    assert.ok(chain.headers.isInvalid(row(bad)));
  });
});

describe("BranchOrders.prefer()", () => {
  test("goes over to a block of the same work and back, and leaves one of less as it is", async () => {
    const { ledger, chain, main, side, row, add, unspent, statuses } = await scene();
    await ledger.until(chain.orders.prefer(row(side[3]!)));
    assert.equal(chain.tip, row(main[4]!), "an ancestor of another branch's end has less work");
    await ledger.until(chain.orders.prefer(row(side[4]!)));
    assert.equal(chain.tip, row(side[4]!));
    assert.equal(await unspent(), true);
    assert.deepEqual(statuses(), { [row(main[4]!)]: "valid-fork", [row(side[4]!)]: "active" });
    await ledger.until(chain.orders.prefer(row(main[4]!)));
    assert.equal(chain.tip, row(main[4]!));
    await ledger.until(chain.orders.prefer(row(main[4]!)));
    assert.equal(chain.tip, row(main[4]!), "the tip itself");
    const [better] = await add(1, side[4]!, 3);
    assert.equal(chain.tip, row(better!), "more work counts for more");
    await ledger.until(chain.orders.prefer(row(main[4]!)));
    assert.equal(chain.tip, row(better!));
  });

  test("of a block with less work than the tip is forgotten, as by Core", async () => {
    const { ledger, chain, main, side, row } = await scene();
    await ledger.until(chain.orders.prefer(row(side[3]!)));
    await ledger.until(chain.orders.invalidate(row(side[4]!)));
    await ledger.until(chain.orders.invalidate(row(main[4]!)));
    assert.equal(chain.tip, row(main[3]!));
    await ledger.until(chain.orders.prefer(row(side[3]!)));
    assert.equal(chain.tip, row(side[3]!));
  });

  test("tells a caller at once of a disk that is full", async () => {
    const { ledger, chain, side, row } = await scene();
    ledger.store.commit = () => Promise.reject(new NodeError("DISK_FULL", "self", "no room"));
    await assert.rejects(ledger.until(chain.orders.prefer(row(side[4]!))), /no room/);
    await assert.rejects(ledger.until(chain.orders.invalidate(row(side[4]!))), /no room/);
    assert.ok(!chain.headers.isInvalid(row(side[4]!)));
  });
});

describe("BranchOrders of a chain without blocks", () => {
  test("go over to the best valid header, and stay with the tip where that is the best", async () => {
    const moves: number[] = [];
    const parts = { headersOnly: true, onMove: ({ tip }: { readonly tip: number }) => void moves.push(tip) };
    const { chain, clock, rest } = await open(structureValidator, new MemoryBitcoinStore(), parts);
    chain.acceptHeaders(batchOf(mine(network.genesis.header, 4)));
    chain.acceptHeaders(batchOf(mine(network.genesis.header, 2, { salt: 9 })));
    await rest();
    moves.length = 0;
    await clock.until(chain.orders.invalidate(6));
    assert.deepEqual([chain.tip, moves], [4, []]);
    await clock.until(chain.orders.invalidate(2));
    assert.deepEqual([chain.tip, moves], [1, [1]]);
    await clock.until(chain.orders.reconsider(4));
    assert.deepEqual([chain.tip, moves], [4, [1, 4]]);
  });

  test("are refused once nothing can be stored any more", async () => {
    const { ledger, chain, main, row } = await scene();
    ledger.store.commit = () => Promise.reject(new NodeError("DATABASE_DAMAGED", "self", "damaged"));
    await assert.rejects(ledger.until(chain.orders.invalidate(row(main[4]!))), /damaged/);
    await assert.rejects(ledger.until(chain.orders.reconsider(row(main[4]!))), /damaged/);
  });
});
