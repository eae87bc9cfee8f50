/**
 * A process with coins is killed at random moments, again and again: while blocks come and branches overtake one another, while
 * blocks of an earlier release are validated again, while a snapshot is taken in and validated. It starts at once, has lost
 * nothing that it told, and ends with the coins of the blocks that it has.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
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
const START_MS_MAX = 5_000;

type Mode = "full" | "structure" | "snapshot";

interface Story {
  readonly folder: string;
  readonly number: number;
  readonly bytesMax: number;
}

/** Runs the process; kills it so many milliseconds after the story began. Tells what it said, and whether it was killed. */
async function live({ folder, number, bytesMax }: Story, mode: Mode, killAfterMs?: number) {
  const child = spawn(process.execPath, [SCRIPT, folder, String(number), String(BLOCKS), String(bytesMax), mode]);
  let said = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  child.stdout.on("data", (chunk) => {
    said += String(chunk);
    if (timer !== undefined || killAfterMs === undefined || !said.includes("begun")) return;
    timer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  });
  child.stderr.on("data", (chunk) => (said += `wrong ${chunk}`));
  const signal = await new Promise<string | null>((resolve) => child.on("close", (_code, by) => resolve(by)));
  clearTimeout(timer);
  // What was cut off was told to nobody.
  const lines = said.split("\n").slice(0, -1);
  await appendFile(join(folder, "said"), lines.map((line) => line + "\n").join(""));
  assert.deepEqual(lines.filter((line) => line.startsWith("wrong")), [], `story ${number}`);
  return { lines, isKilled: signal === "SIGKILL" };
}

const numberAfter = (lines: readonly string[], word: string): number[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.split(" ").at(-1)));

interface Kind {
  readonly bytesMax: number;
  readonly mode: Mode;
  /** What an earlier release did before. */
  readonly before?: Mode;
  /** The latest moment of a kill. */
  readonly withinMs: number;
  readonly sample: number;
  readonly full: number;
}

const KINDS: Readonly<Record<string, Kind>> = {
  "writes coins after every block": { bytesMax: 0, mode: "full", withinMs: 250, sample: 10, full: 600 },
  "writes coins now and then": { bytesMax: 64 * MIB, mode: "full", withinMs: 250, sample: 10, full: 600 },
  "validates old blocks again": {
    ...{ bytesMax: 0, mode: "full", before: "structure" },
    ...{ withinMs: 250, sample: 5, full: 400 },
  },
  "begins with a snapshot": { bytesMax: 0, mode: "snapshot", withinMs: 300, sample: 5, full: 400 },
};

describe("a process that is killed", () => {
  for (const [name, { bytesMax, mode, before, withinMs, sample, full }] of Object.entries(KINDS)) {
    test(`and ${name} has lost nothing, and ends with the coins of its blocks`, { timeout: 3_000_000 }, async () => {
      const random = new SeededRandom(seed).fork(name);
      const count = effort(`kills of a process that ${name}`, sample, full);
      const heights: number[] = [];
      const opened: number[] = [];
      for (let kills = 0; kills < count;) {
        const folder = await mkdtemp(join(tmpdir(), "gemel-coins-"));
        try {
          const story = { folder, number: random.below(2 ** 31), bytesMax };
          if (before !== undefined) await live(story, before);
          for (let i = 0; i < KILLS && kills < count; i++) {
            const { lines, isKilled } = await live(story, mode, random.below(withinMs));
            opened.push(...numberAfter(lines, "open"));
            kills += Number(isKilled);
          }
          const { lines } = await live(story, mode);
          opened.push(...numberAfter(lines, "open"));
          const [, hash, expected] = lines.find((line) => line.startsWith("end"))?.split(" ") ?? [];
          assert.equal(hash, expected, `story ${story.number}`);
          assert.match(String(hash), /^[0-9a-f]{64}$/);
          heights.push(...numberAfter(lines, "end"));
        } finally {
          await rm(folder, { recursive: true });
        }
      }
      assert.ok(heights.every((height) => height > BLOCKS / 4), `${heights}`);
      const longest = Math.max(...opened);
      process.stdout.write(`counted: slowest start of ${opened.length}: ${longest} ms\n`);
      assert.ok(longest < START_MS_MAX, `a start took ${longest} ms`);
    });
  }
});
