/** A world in which a planted bug shows is made smaller, and what is left of it fails again, to the byte. */
import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import type { Plant } from "../../lib/sim/sim-node.ts";
import { FAIR, kindsOf } from "../../lib/sim/faults.ts";
import { shrink, type SimulateOptions } from "../../lib/sim/mod.ts";
import { seed as firstSeed } from "../support/effort.ts";
import { smallWorld, wholeOptions } from "./simulated-worlds.ts";

/** What was written to the file of bans is not read again: to be seen only where nodes are restarted, and banning. */
const plant: Plant = {
  drivers: (drivers) => ({
    ...drivers,
    readFile: (path) => (path.includes("-bans") ? Promise.resolve(undefined) : drivers.readFile(path)),
  }),
};
const RULE = "bans last over restarts";

describe("shrinking a failing seed", () => {
  test("keeps the kind of fault that the bug needs, and little else", { timeout: 300_000 }, async () => {
    const run = (options: SimulateOptions) => smallWorld({ ...options, plant }).run();
    let options = wholeOptions({ chain: "bitcoin", seed: firstSeed, malicious: 0.4, plant });
    let first = await run(options);
    while (first.breaches[0]?.rule !== RULE) {
      assert.ok(options.seed < firstSeed + 60, "no seed shows the bug");
      options = { ...options, seed: options.seed + 1 };
      first = await run(options);
    }
    const shrunk = await shrink(options, first, run);
    process.stdout.write(`${shrunk.command}\n${shrunk.runs} runs\n`);
    assert.equal(shrunk.rule, RULE);
    const { without = [], nodes, hours } = shrunk.options;
    assert.ok(!without.includes("churn"), "without restarts there is nothing to find");
    assert.ok(without.length >= 8, `left out: ${without.join(" ")}`);
    assert.ok(nodes <= options.nodes && hours < options.hours);
    assert.equal((await run(shrunk.options)).log_hash, shrunk.report.log_hash);
  });

  test("a plan tells which kinds of faults it has", () => {
    assert.deepEqual(kindsOf({ ...FAIR, uptimeMs: 1, loss: 0.1 }), ["churn", "loss"]);
  });
});
