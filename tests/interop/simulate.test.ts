/** `gemel simulate` of the compiled program: the object that others script against, and the exit code. */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import type { SimReport } from "../../mod.ts";
import { simulate } from "../../mod.ts";
import { binaryMissing, Launched, suite } from "./binary.ts";

const TIMEOUT_MS = 180_000;
const isBun = process.versions.bun !== undefined;

async function gemel(args: string) {
  const launched = new Launched(["simulate", ...args.split(" ")]);
  const exit = await launched.end(TIMEOUT_MS);
  return { exit, out: launched.stdout, err: launched.stderr };
}

/** What the contract names, and of which type it is. */
const CONTRACT: readonly (readonly [string, (value: unknown) => boolean])[] = [
  ["nodes", Number.isInteger],
  ["virtual_hours", Number.isFinite],
  ["events", Number.isInteger],
  ["wall_seconds", Number.isFinite],
  ["peak_memory", Number.isInteger],
  ["breach_count", Number.isInteger],
  ["breaches", Array.isArray],
  ["log_hash", (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value)],
];

function checkContract(printed: Record<string, unknown>): void {
  for (const [name, isRight] of CONTRACT) {
    assert.ok(isRight(printed[name]), `${name}: ${JSON.stringify(printed[name])}`);
  }
  const { connectivity, propagation_ms } = printed as unknown as SimReport;
  for (const name of ["largest_part", "outbound_mean", "inbound_mean", "outbound_malicious"] as const) {
    assert.ok(Number.isFinite(connectivity[name]), name);
  }
  for (const name of ["p50", "p90", "p99", "max"] as const) assert.ok(Number.isFinite(propagation_ms[name]), name);
}

suite("gemel simulate", binaryMissing(), () => {
  for (const chain of ["bitcoin", "chia"] as const) {
    test(`prints one JSON object of a world of ${chain}, the same as the library's, exit code 0`, {
      timeout: TIMEOUT_MS,
    }, async () => {
      const { exit, out } = await gemel(`--chain ${chain} --nodes 8 --hours 0.5 --malicious 0.1 --seed 3 --json`);
      assert.match(out, /^\{.*\}\n$/, "one line, one object, nothing else");
      const printed = JSON.parse(out) as SimReport;
      checkContract({ ...printed });
      assert.equal(exit, 0, out);
      assert.deepEqual(
        [printed.chain, printed.seed, printed.nodes, printed.malicious, printed.virtual_hours, printed.breaches],
        [chain, 3, 8, 1, 0.5, []],
      );
      assert.ok(printed.wall_seconds > 0 && printed.peak_memory > 2 ** 20);
      assert.ok(printed.propagation_ms.samples > 0);
      const here = await simulate({ chain, nodes: 8, hours: 0.5, malicious: 0.1, seed: 3, checkEveryMs: 1_000 });
      assert.equal(printed.log_hash, here.log_hash, isBun ? "from source" : "on another runtime");
    });
  }

  test("sums several seeds up, ends with 1 when a rule did not hold, and shrinks the first world that fails", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { exit, out } = await gemel(`${BROKEN} --seed 1 --seeds 20 --shrink --json`);
    assert.equal(exit, 1, out);
    const printed = JSON.parse(out) as Record<string, unknown>;
    checkContract(printed);
    assert.equal(printed.seeds, 20);
    const [failed] = printed.failed_seeds as number[];
    assert.ok(failed !== undefined, out);
    const { command, rule, log_hash } = printed.shrunk as { command: string; rule: string; log_hash: string };
    assert.match(command, /^gemel simulate --chain bitcoin .*--without .*--grace 0/);
    assert.ok(command.includes(`--seed ${failed} `), command);
    const again = await gemel(`${command.slice("gemel simulate ".length)} --json`);
    assert.equal(again.exit, 1, `${command}: ${rule}`);
    assert.equal((JSON.parse(again.out) as SimReport).log_hash, log_hash);

    const alone = await gemel(`${BROKEN} --seed ${failed} --json`);
    assert.equal(alone.exit, 1, alone.out);
    const report = JSON.parse(alone.out) as SimReport;
    assert.ok(report.breach_count > 0);
    // Which, where and when.
    assert.deepEqual(Object.keys(report.breaches[0] ?? {}).sort(), ["at", "detail", "host", "rule"]);
  });

  test("refuses what it does not know, with 2 and without a world", { timeout: TIMEOUT_MS }, async () => {
    for (const args of ["--chain dogecoin", "--chain chia --without rain", "--chain chia --hours 0", "--nodes 5"]) {
      const { exit, out } = await gemel(args);
      assert.deepEqual([exit, out], [2, ""], args);
    }
  });
});

/** Two honest nodes among eighteen malicious ones, many blocks, and three minutes to find one another, without a grace. */
const BROKEN = "--chain bitcoin --nodes 20 --malicious 0.9 --hours 0.05 --grace 0 --block-every 5 --faults drawn";
