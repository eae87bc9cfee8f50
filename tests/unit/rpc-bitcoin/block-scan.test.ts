/** The search for blocks by their filters. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryFilterStore } from "../../../lib/bitcoin/indexes/filter-store.ts";
import type { BitcoinService } from "../../../lib/bitcoin/service.ts";
import { turn } from "../core/sim.ts";
import { shown, spendingNode, twoPayments } from "./spending-node.ts";
import { bitcoinNode } from "./support.ts";

const ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85";

/** Pays to {@link ADDRESS} in block 111, and spends that in block 113. */
async function scene() {
  const node = await spendingNode({ filters: new MemoryFilterStore() });
  const [first, second] = twoPayments(node.coins);
  const made = await node.add([first]);
  await node.add();
  const spent = await node.add([second]);
  await node.add();
  while (!node.bitcoin.filters!.isSynced) await turn();
  return { ...node, made: shown(made.hash), spent: shown(spent.hash) };
}

describe("scanblocks", () => {
  test("tells blocks that make or spend outputs of the scripts, within the heights", async () => {
    const { call, made, spent } = await scene();
    const told = await call<Record<string, unknown>>("scanblocks", "start", [`addr(${ADDRESS})`]);
    assert.deepEqual(Object.entries(told), [
      ["from_height", 0],
      ["to_height", 114],
      ["relevant_blocks", [made, spent]],
      ["completed", true],
    ]);
    const within = async (...heights: number[]) =>
      await call("scanblocks", "start", [{ desc: `addr(${ADDRESS})` }], ...heights);
    const found = (from_height: number, to_height: number, relevant_blocks: string[]) => ({
      ...{ from_height, to_height, relevant_blocks, completed: true },
    });
    assert.deepEqual(await within(112), found(112, 114, [spent]));
    assert.deepEqual(await within(100, 112), found(100, 112, [made]));
    assert.deepEqual(await within(113, 113), found(113, 113, [spent]));
    assert.deepEqual(await within(112, 112), found(112, 112, []));
    const all = await call<{ relevant_blocks: string[] }>("scanblocks", "start", ["raw(51)"], 1);
    assert.equal(all.relevant_blocks.length, 114);
    const options = { filter_false_positives: true };
    assert.deepEqual(
      await call("scanblocks", "start", [`addr(${ADDRESS})`], 0, 114, "basic", options),
      told,
    );
  });

  test("looks into blocks whose filters match only by chance, when it is told to", async () => {
    const { call } = await scene();
    // Of so many scripts some match a filter that has none of them.
    const scripts = Array.from({ length: 20_000 }, (_, i) => `raw(53${i.toString(16).padStart(8, "0")})`);
    const by = async (options: Record<string, boolean>) => {
      const params = ["start", scripts, 0, 114, "basic", options];
      return (await call<{ relevant_blocks: string[] }>("scanblocks", ...params)).relevant_blocks.length;
    };
    assert.ok(await by({}) > 0);
    assert.equal(await by({ filter_false_positives: true }), 0);
  });

  test("has Core's errors", async () => {
    const { failure, call } = await scene();
    const wanted = ["raw(51)"];
    const cases: readonly (readonly [params: unknown[], code: number, message: string])[] = [
      [["begin"], -8, "Invalid action 'begin'"],
      [["start", wanted, 115], -1, "Invalid start_height"],
      [["start", wanted, -1], -1, "Invalid start_height"],
      [["start", wanted, 10, 115], -1, "Invalid stop_height"],
      [["start", wanted, 10, 9], -1, "Invalid stop_height"],
      [["start", wanted, 0, 1, "extended"], -5, "Unknown filtertype"],
      [["start", ["raw(5)"]], -5, "Raw script is not hex"],
    ];
    for (const [params, code, message] of cases) {
      assert.deepEqual(await failure("scanblocks", ...params), { code, message }, JSON.stringify(params));
    }
    assert.equal(await call("scanblocks", "status"), null);
    assert.equal(await call("scanblocks", "abort"), false);
    const none = await bitcoinNode();
    assert.deepEqual(await none.failure("scanblocks", "start", wanted), {
      code: -1,
      message: "Index is not enabled for filtertype basic",
    });
  });

  test("one runs at a time; it tells how far it is, and ends when it is told to", async () => {
    const { bitcoin } = await scene();
    const [reached, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const index = bitcoin.filters!;
    const filters: NonNullable<BitcoinService["filters"]> = {
      ...{ height: index.height, isSynced: true },
      settled: () => index.settled(),
      heads: (rows) => index.heads(rows),
      entry: async (row) => {
        if (bitcoin.headers.height(row) === 57) {
          reached.resolve();
          await going.promise;
        }
        return await index.entry(row);
      },
    };
    const { headers, tip } = bitcoin;
    const activeAt = (height: number) => bitcoin.activeAt(height);
    const { call, failure } = await bitcoinNode({ overrides: { filters, headers, tip, activeAt } });
    const running = call("scanblocks", "start", ["raw(51)"]);
    await reached.promise;
    assert.deepEqual(await call("scanblocks", "status"), { progress: 49, current_height: 56 });
    assert.equal((await failure("scanblocks", "start", ["raw(51)"])).code, -8);
    assert.equal(await call("scanblocks", "abort"), true);
    going.resolve();
    const told = await running as { relevant_blocks: unknown[]; to_height: number; completed: boolean };
    assert.deepEqual([told.relevant_blocks.length, told.to_height, told.completed], [57, 57, false]);
    assert.equal(await call("scanblocks", "status"), null);
  });
});
