/** A world repeats to the byte: the same seed gives the same log, here and on the other runtime. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { describe, test } from "node:test";
import { runSmall } from "./simulated-worlds.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const isBun = process.versions.bun !== undefined;

/** The log hash of a small world on the runtime that does not run this test; undefined where there is none. */
function hashElsewhere(chain: string, seed: number): string | undefined {
  const script = `import { runSmall } from "${root}tests/scenario/simulated-worlds.ts";
const { report } = await runSmall({ chain: "${chain}", seed: ${seed} });
console.log("log hash " + report.log_hash);`;
  const [command, args] = isBun ? ["deno", ["run", "-A", "--no-check", "-"]] as const : ["bun", ["run", "-"]] as const;
  try {
    const printed = execFileSync(command, args, { input: script, cwd: root, encoding: "utf8" });
    return /log hash ([0-9a-f]{64})/.exec(printed)?.[1];
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

describe("a simulated world", () => {
  for (const chain of ["bitcoin", "chia"] as const) {
    test(`of ${chain} is the same for the same seed, and another for another`, { timeout: 120_000 }, async () => {
      const [one, again, other] = [
        await runSmall({ chain, seed: 5 }),
        await runSmall({ chain, seed: 5 }),
        await runSmall({ chain, seed: 6 }),
      ];
      assert.equal(one.report.log_hash, again.report.log_hash);
      assert.deepEqual({ ...one.report }, { ...again.report });
      assert.notEqual(one.report.log_hash, other.report.log_hash);
      assert.ok(one.report.log_lines > 100);
    });

    test(`of ${chain} is the same on the other runtime`, { timeout: 240_000 }, async (context) => {
      const elsewhere = hashElsewhere(chain, 5);
      if (elsewhere === undefined) return context.skip("the other runtime is not installed");
      const { report } = await runSmall({ chain, seed: 5 });
      assert.equal(report.log_hash, elsewhere);
    });
  }
});
