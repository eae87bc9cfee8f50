/** A process with coins is killed at random moments, again and again, and ends with the coins of the blocks that it has. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { SeededRandom } from "../../lib/sim/random.ts";
import { effort, seed } from "../support/effort.ts";

const SCRIPT = fileURLToPath(new URL("../support/coins-life.ts", import.meta.url));
const BLOCKS = 90;
const MIB = 1024 * 1024;
/** Kills before a process is let come to its end. */
const KILLS = 5;

/** Runs the process; kills it so many milliseconds after the story began. Resolves with what it said. */
async function live(folder: string, story: number, bytesMax: number, killAfterMs?: number): Promise<string[]> {
  const child = spawn(process.execPath, [SCRIPT, folder, String(story), String(BLOCKS), String(bytesMax)]);
  let said = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  child.stdout.on("data", (chunk) => {
    said += String(chunk);
    if (timer !== undefined || killAfterMs === undefined || !said.includes("begun")) return;
    timer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  });
  child.stderr.on("data", (chunk) => (said += `wrong ${chunk}`));
  await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  return said.split("\n");
}

describe("coins of a process that is killed", () => {
  for (const [name, bytesMax] of Object.entries({ "after every block": 0, "now and then": 64 * MIB })) {
    test(`and writes them ${name} are in the end those of its blocks`, { timeout: 3_000_000 }, async () => {
      const random = new SeededRandom(seed + bytesMax);
      const count = effort(`kills of a process that writes coins ${name}`, 10, 400);
      const heights: number[] = [];
      for (let kills = 0; kills < count; kills += KILLS) {
        const folder = await mkdtemp(join(tmpdir(), "gemel-coins-"));
        try {
          const story = random.below(2 ** 31);
          const said: string[] = [];
          for (let i = 0; i < KILLS; i++) said.push(...await live(folder, story, bytesMax, random.below(250)));
          const last = await live(folder, story, bytesMax);
          assert.deepEqual([...said, ...last].filter((line) => line.startsWith("wrong")), [], `story ${story}`);
          const [, hash, expected, height] = last.find((line) => line.startsWith("end"))?.split(" ") ?? [];
          assert.equal(hash, expected, `story ${story}`);
          heights.push(Number(height));
        } finally {
          await rm(folder, { recursive: true });
        }
      }
      assert.ok(heights.every((height) => height > BLOCKS / 4), `${heights}`);
    });
  }
});
