/** A branch that cannot be gone over to is left out before anything is taken back. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Pruning } from "../../../lib/bitcoin/chain/pruning.ts";
import type { Block } from "../../../lib/bitcoin/types/block.ts";
import { Ledger } from "./ledger.ts";

/** Blocks above one, each on the other. */
function branch(ledger: Ledger, parent: Block, count: number, salt: number): Block[] {
  const blocks: Block[] = [];
  for (let i = 0; i < count; i++) blocks.push(ledger.block([], { parent: blocks.at(-1) ?? parent, salt }));
  return blocks;
}

/** A chain of so many blocks. */
async function scene(count: number) {
  const ledger = await Ledger.open();
  const main: Block[] = [];
  for (let i = 0; i < count; i++) {
    main.push(ledger.block());
    assert.equal(await ledger.add(main.at(-1)!), "ok");
  }
  const pruning = new Pruning({ ...ledger, bytesMax: 0, failed: (text) => assert.fail(text) });
  const at = (block: Block) => ledger.chain.headers.find(block.hash);
  return { ledger, main, pruning, at };
}

describe("BranchChoice of a pruned chain", () => {
  test("leaves a branch out that forks off below the blocks that are kept, tells of it, and follows its own on", async () => {
    const { ledger, main, pruning, at } = await scene(300);
    const { chain } = ledger;
    chain.flushCoins();
    await ledger.rest();
    await pruning.below(1_000);
    assert.equal(pruning.height, 12);
    const charged: string[] = [];
    const heavier = branch(ledger, main[5]!, 296, 1);
    ledger.tellHeaders(heavier);
    for (const block of heavier) {
      const giver = { refused: ({ reason }: { readonly reason: string }) => void charged.push(reason) };
      chain.addBlock(at(block), block, giver);
      await ledger.rest();
    }
    assert.equal(chain.tip, at(main.at(-1)!));
    assert.equal(chain.connected, chain.tip, "nothing was taken back");
    assert.deepEqual(charged, []);
    assert.equal(chain.warnings.length, 1);
    assert.match(chain.warnings[0]!, /more work .* at height 302\) forks off at height 6, .* --reindex/);
    const told = ledger.said.filter((text) => text.includes("forks off"));
    assert.equal(told.length, 1, "once, not with each block");
    const events = (await ledger.store.events.read(0, 1_000)).filter(({ topic }) =>
      topic === "bitcoin.branch_left_out"
    );
    assert.deepEqual(events.map(({ data: { fork_height, height } }) => [fork_height, height]), [[6, 301]]);
    // A caller is told at once, and is not kept waiting.
    const next = branch(ledger, heavier.at(-1)!, 1, 1)[0]!;
    assert.equal(await ledger.add(next), "ok");
    assert.equal(chain.tip, at(main.at(-1)!));
    for (const block of branch(ledger, main.at(-1)!, 3, 2)) assert.equal(await ledger.add(block), "ok");
    assert.equal(ledger.height, 303);
    assert.deepEqual(chain.warnings, [], "no branch is better now");
  });

  test("leaves a branch out whose own blocks are pruned, and takes the next best", async () => {
    const { ledger, main, pruning, at } = await scene(300);
    const { chain } = ledger;
    const side = branch(ledger, main[4]!, 3, 1);
    for (const block of side) await ledger.add(block);
    chain.flushCoins();
    await ledger.rest();
    await pruning.below(8);
    assert.ok(!chain.hasData(at(side[0]!)) && chain.hasData(at(main[7]!)));
    const forked = branch(ledger, side.at(-1)!, 295, 1);
    ledger.tellHeaders(forked);
    for (const block of forked) await ledger.add(block);
    assert.equal(chain.connected, at(main.at(-1)!));
    assert.match(chain.warnings.join(), /forks off at height 5/);
    const other = branch(ledger, main[20]!, 281, 3);
    for (const block of other) await ledger.add(block);
    assert.equal(chain.tip, at(other.at(-1)!), "a branch with less work than the one that is left out");
  });

  test("pruning spares what a reorganisation under way is about to need", async () => {
    const { ledger, main, pruning, at } = await scene(300);
    const { chain } = ledger;
    const heavier = branch(ledger, main[5]!, 294, 1);
    ledger.tellHeaders(heavier);
    for (const block of heavier) {
      chain.addBlock(at(block), block);
      await ledger.rest();
    }
    chain.flushCoins();
    await ledger.rest();
    assert.equal(chain.base, chain.tip);
    // The last block makes the branch better: it is being taken back when pruning looks.
    const last = branch(ledger, heavier.at(-1)!, 1, 1)[0]!;
    ledger.tellHeaders([last]);
    chain.addBlock(at(last), last);
    assert.equal(chain.headers.height(chain.base), 6);
    await pruning.below(1_000);
    assert.equal(pruning.height, 7);
    await ledger.rest();
    await ledger.rest();
    assert.equal(chain.tip, at(last));
  });
});
