/** The first step of blocks by itself: what is kept, whose it is, and which blocks have all before them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Acceptance } from "../../../lib/bitcoin/chain/accept.ts";
import { ChainCommit } from "../../../lib/bitcoin/chain/commit.ts";
import { BlockSources } from "../../../lib/bitcoin/chain/sources.ts";
import { structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { HeaderChain, HeaderStatus } from "../../../lib/bitcoin/headers/header-chain.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { network } from "../../../lib/sim/bitcoin/blocks.ts";
import { simClock } from "../core/sim.ts";
import { batchOf, mine } from "./mining.ts";
import { mined, open } from "./slow-chain.ts";

/** A block that every row is given: the validator here lets all through. */
const [{ block }] = mined(0, 1, "any") as [ReturnType<typeof mined>[number]];
const giver = { refused: () => {} };

function scene(headerCount: number) {
  const clock = simClock();
  const headers = new HeaderChain(network);
  headers.accept(batchOf(mine(network.genesis.header, headerCount)), 2_000_000_000);
  const commit = new ChainCommit({ headers, store: new MemoryBitcoinStore(), clock, moved: () => {} });
  const sources = new BlockSources(headers);
  const completed: (readonly number[])[] = [];
  const acceptance = new Acceptance({
    ...{ headers, commit, sources },
    validator: { ...structureValidator, check: () => ({ ok: true }) },
    leveled: () => {},
    complete: (rows) => void completed.push(rows),
  });
  acceptance.begin(network.genesis.blockBytes);
  return { headers, acceptance, completed, sources };
}

describe("Acceptance", () => {
  test("completes what waited for a block, once", () => {
    const { acceptance, completed, headers } = scene(4);
    acceptance.add(3, block, undefined);
    acceptance.add(2, block, undefined);
    assert.deepEqual([completed, acceptance.isLinked(3)], [[], false]);
    acceptance.add(1, block, undefined);
    assert.deepEqual(completed, [[1, 2, 3]]);
    assert.deepEqual([0, 1, 2, 3, 4].map((row) => acceptance.isLinked(row)), [true, true, true, true, false]);
    // What was pruned meanwhile comes again.
    headers.clearStatus(1, HeaderStatus.data);
    acceptance.add(1, block, undefined);
    assert.deepEqual(completed[1], [1]);
    acceptance.add(4, block, undefined);
    assert.deepEqual(completed[2], [4]);
  });

  test("remembers the giver of what is to be connected", () => {
    const { acceptance, sources, headers } = scene(3);
    acceptance.add(1, block, undefined);
    assert.equal(sources.size, 0);
    acceptance.add(2, block, giver);
    assert.equal(sources.size, 1);
    headers.addStatus(3, HeaderStatus.connected);
    acceptance.add(3, block, giver);
    assert.equal(sources.size, 1, "what was connected before is not judged again");
  });

  test("knows what is linked however many rows there are", () => {
    const { acceptance, completed } = scene(1_025);
    for (let row = 1; row <= 1_025; row++) acceptance.add(row, block, undefined);
    assert.equal(completed.length, 1_025);
    assert.deepEqual([0, 1, 1_023, 1_024, 1_025, 1_026].map((row) => acceptance.isLinked(row)), [
      ...[true, true, true, true, true],
      false,
    ]);
  });
});

describe("BitcoinChain.addBlock()", () => {
  test("after a restart, blocks above one that is missing wait for it", async () => {
    const before = await open(structureValidator);
    const made = mined(0, 4, "a gap");
    before.add(made[0]!);
    for (const [i, { block }] of made.entries()) {
      before.chain.acceptHeaders(batchOf([block.header]));
      if (i === 2) before.add(made[2]!);
    }
    await before.clock.until(before.chain.close());
    const { chain, rest, said, row, add } = await open(structureValidator, before.store);
    chain.start();
    await rest();
    assert.deepEqual([chain.tip, said], [row(made[0]!), []]);
    add(made[1]!);
    await rest();
    assert.equal(chain.tip, row(made[2]!));
  });

  test("takes nothing once nothing can be stored any more", async () => {
    const { chain, rest, store, add, row } = await open(structureValidator);
    const broken = new NodeError("DATABASE_DAMAGED", "self", "damaged");
    const [one, two] = mined(0, 2, "not taken");
    store.commit = () => Promise.reject(broken);
    add(one!).stored.catch(() => {});
    await rest();
    const { stored, duplicate } = add(two!);
    await assert.rejects(stored, broken);
    assert.deepEqual([duplicate, chain.hasData(row(two!))], [false, false]);
  });
});
