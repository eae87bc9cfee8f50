import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SimulateOptions } from "../../../lib/sim/mod.ts";
import type { Breach, SimReport } from "../../../lib/sim/report.ts";
import { commandOf, shrink } from "../../../lib/sim/shrink.ts";

const options: SimulateOptions = { chain: "chia", seed: 7, nodes: 20, hours: 2, malicious: 0.2, faults: "drawn" };

/** A report with these breaches and nothing else that shrinking looks at. */
const reportOf = (...breaches: readonly Breach[]) =>
  ({ breaches, breach_count: breaches.length }) as unknown as SimReport;
const breach = (rule: string, at: number): Breach => ({ at, rule, host: "5.5.5.5", detail: "" });

/** A world whose rule breaks when `fails` says so, at `at` or, if that is undefined, at its end. */
function worldWhere(fails: (options: SimulateOptions) => boolean, at?: number) {
  const tried: SimulateOptions[] = [];
  const run = (smaller: SimulateOptions) => {
    tried.push(smaller);
    const end = smaller.hours * 3_600_000;
    const isThere = fails(smaller) && (at ?? end) <= end;
    return Promise.resolve(isThere ? reportOf(breach("no peer is leaked", at ?? end)) : reportOf());
  };
  return { run, tried };
}

describe("shrink()", () => {
  test("leaves the faults, nodes and liars without which the rule holds, and ends at the breach", async () => {
    const { run } = worldWhere(
      ({ without = [], nodes, malicious }) => !without.includes("churn") && nodes >= 5 && malicious > 0,
      600_000,
    );
    const steps: string[] = [];
    const first = await run(options);
    const shrunk = await shrink(options, first, run, (command) => steps.push(command));
    assert.deepEqual(shrunk.options.without, [
      ...["torn", "rot", "full-disks", "partitions", "deaf", "loss", "resets", "damage", "clocks", "clock-jumps"],
    ]);
    assert.equal(shrunk.options.nodes, 5);
    assert.equal(shrunk.options.malicious, 0.2);
    assert.equal(shrunk.options.hours, 0.167);
    assert.equal(shrunk.rule, "no peer is leaked");
    assert.equal(shrunk.command, steps.at(-1));
    assert.match(shrunk.command, /^gemel simulate --chain chia --seed 7 --nodes 5 --hours 0\.167 --malicious 0\.2 /);
    assert.ok(shrunk.runs < 30, `${shrunk.runs} runs`);
  });

  test("halves the time of a rule that breaks at the end", async () => {
    const { run } = worldWhere(({ hours }) => hours > 0.7);
    const shrunk = await shrink(options, await run(options), run);
    assert.ok(shrunk.options.hours > 0.7 && shrunk.options.hours < 0.85, `${shrunk.options.hours}`);
    assert.deepEqual([shrunk.options.nodes, shrunk.options.malicious], [2, 0]);
  });

  test("does not take another rule for the one that broke", async () => {
    const first = reportOf(breach("outbound slots", 60_000));
    const shrunk = await shrink(options, first, () => Promise.resolve(reportOf(breach("inbound slots", 1))));
    assert.equal(shrunk.options, options);
    assert.equal(shrunk.report, first);
  });

  test("refuses a world in which nothing broke", async () => {
    await assert.rejects(shrink(options, reportOf(), () => Promise.resolve(reportOf())), RangeError);
  });
});

describe("commandOf()", () => {
  test("names all that the world hangs on", () => {
    assert.equal(
      commandOf({ ...options, hours: 0.33, without: ["churn", "rot"], blockEveryMs: 60_000 }),
      "gemel simulate --chain chia --seed 7 --nodes 20 --hours 0.33 --malicious 0.2 --faults drawn " +
        "--without churn,rot --block-every 60",
    );
  });
});
