/**
 * Runs every gate and prints one line for each, then the sum as `N passed, N failed, N skipped`. A step that cannot be
 * run here is counted as skipped and says why; a test that was skipped inside a run is counted as well.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isLong } from "./effort.ts";

const say = (line: string) => void process.stdout.write(`${line}\n`);

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Step {
  readonly name: string;
  /** One, or several at once, whose counts are added. */
  readonly commands: readonly (readonly string[])[];
  readonly timeoutS: number;
  /** Runs at the same time, and is told of afterwards. */
  readonly beside?: Step;
  /** Reads the counts out of what the command printed; without it the exit code is one test. */
  readonly count?: (output: string, code: number) => Outcome;
}

/** What became of a command. */
interface Run {
  readonly code: number;
  readonly output: string;
}

function run(command: readonly string[], timeoutS: number): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(command[0] ?? "", command.slice(1), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    let output = "";
    const take = (chunk: Uint8Array) => (output += new TextDecoder().decode(chunk));
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutS * 1000);
    child.on("error", (error) => resolve({ code: 127, output: output + error.message }));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 124, output });
    });
  });
}

function number(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);
}

/** `bun test` prints ` 12 pass`, ` 0 fail`, ` 1 skip`. A run that died without counts is one failure. */
function bunCounts(output: string, code: number): Outcome {
  const failed = number(output, /^\s*(\d+) fail$/gm);
  const passed = number(output, /^\s*(\d+) pass$/gm);
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped: number(output, /^\s*(\d+) skip$/gm) };
}

/** `deno test` prints `ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)`. */
function denoCounts(output: string, code: number): Outcome {
  const failed = number(output, /\| (\d+) failed/g);
  return {
    passed: number(output, /^(?:ok|FAILED) \| (\d+) passed/gm),
    failed: code !== 0 && failed === 0 ? 1 : failed,
    skipped: number(output, /\| (\d+) ignored/g),
  };
}

function testFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts")).map((name) => join(folder, name)).sort();
}

const portable = [
  "tests/architecture.test.ts",
  ...["unit", "vectors", "laws", "contract", "scenario"]
    .flatMap((folder) => testFiles(`tests/${folder}`)),
].filter((file) => existsSync(file));
const interop = testFiles("tests/interop");

const TESTS_S = isLong ? 6 * 3_600 : 3_600;
/** No test is to be so slow; one that is says so itself. */
const BUN_TEST = ["bun", "test", "--timeout", "1800000"];
const WORLDS = join("tests", "scenario", "simulated-seeds.test.ts");

const onBun: Step = {
  name: "tests on Bun",
  commands: [[...BUN_TEST, ...portable.filter((file) => !isLong || file !== WORLDS)]],
  timeoutS: TESTS_S,
  count: bunCounts,
};
const onDeno: Step = {
  name: "tests on Deno",
  commands: [["deno", "test", "-A", "--no-check", "--quiet", ...portable]],
  timeoutS: TESTS_S,
  count: denoCounts,
};
/**
 * Each runtime has one thread for nearly all of its tests: both at once take two thirds of the time. In the long run the
 * worlds come between, whose chains run side by side.
 */
const onBothRuntimes: readonly Step[] = isLong ? [onBun] : [{ ...onBun, beside: onDeno }];

const steps: readonly Step[] = [
  { name: "format", commands: [["deno", "fmt", "--check", "--quiet"]], timeoutS: 120 },
  { name: "lint", commands: [["deno", "lint", "--quiet"]], timeoutS: 120 },
  { name: "types (tsc)", commands: [["tsc", "-p", "."]], timeoutS: 300 },
  { name: "types (deno)", commands: [["deno", "check", "--quiet", "mod.ts", "cli/main.ts"]], timeoutS: 300 },
  ...onBothRuntimes,
  {
    name: "simulated worlds on Bun",
    // Ten thousand take most of an hour, or half of one when the chains run side by side; samples are among the tests above.
    commands: isLong ? ["bitcoin", "chia"].map((chain) => [...BUN_TEST, "-t", `${chain}, seeds`, WORLDS]) : [],
    timeoutS: TESTS_S,
    count: bunCounts,
  },
  {
    name: "mutants",
    // Small changes in security and consensus code, and which of them the tests notice.
    commands: isLong ? [["bun", join("tests", "mutation", "run.ts")]] : [],
    timeoutS: TESTS_S,
  },
  ...isLong ? [onDeno] : [],
  { name: "compile", commands: [["./compile.sh", "--no-check"]], timeoutS: 300 },
  {
    name: "tests with the binary and real peers",
    commands: [[...BUN_TEST, "--max-concurrency", "1", ...interop]],
    timeoutS: TESTS_S,
    count: bunCounts,
  },
];

/** Lines that each failure is told in once more at the end, and in all: of a long output often only the end is kept. */
const LINES_PER_FAILURE = 24;
const LINES_OF_FAILURES = 120;

/** The failures in what a run printed: Bun's `(fail) name` with the lines before it, Deno's part headed ` ERRORS `. */
function failures(telling: readonly string[]): string[] {
  const errors = telling.indexOf(" ERRORS ");
  if (errors >= 0) return telling.slice(errors + 1);
  const found = telling.flatMap((line, at) => {
    if (!line.startsWith("(fail)")) return [];
    const before = telling.slice(Math.max(0, at - LINES_PER_FAILURE), at);
    return [...before.slice(before.findLastIndex((each) => each.startsWith("(fail)")) + 1), line];
  });
  return found.length > 0 ? found : telling.slice(-LINES_PER_FAILURE);
}

const only = process.argv.slice(2);
const failed: string[] = [];
const sum = { passed: 0, failed: 0, skipped: 0 };

/** Runs a step; gives what tells of it when its turn comes. */
async function take(step: Step): Promise<() => void> {
  if (step.commands.length === 0 || (only.length > 0 && !only.some((word) => step.name.includes(word)))) {
    return () => {};
  }
  const started = performance.now();
  const runs = await Promise.all(step.commands.map((command) => run(command, step.timeoutS)));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  return () => tell(step, runs, seconds);
}

function tell(step: Step, runs: readonly Run[], seconds: string): void {
  const outcome = { passed: 0, failed: 0, skipped: 0 };
  for (const { code, output } of runs) {
    const counts = step.count?.(output, code) ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    for (const key of ["passed", "failed", "skipped"] as const) outcome[key] += counts[key];
  }
  for (const key of ["passed", "failed", "skipped"] as const) sum[key] += outcome[key];
  const output = runs.map((each) => each.output).join("\n");
  say(
    `${outcome.failed === 0 ? "ok    " : "FAILED"} ${step.name}: ${outcome.passed} passed, ${outcome.failed} failed, ` +
      `${outcome.skipped} skipped (${seconds} s)`,
  );
  for (const line of output.split("\n")) if (/skipped: |counted: /.test(line)) say(`       ${line.trim()}`);
  // What passed is no help in finding what did not.
  const telling = output.split("\n").filter((line) =>
    !/^\(pass\)|^\(skip\)|^tests\/\S+:$|\.\.\. ok|\.\.\.$|^running|^\s*$/.test(line)
  );
  if (outcome.failed > 0) {
    say(telling.slice(-120).join("\n"));
    failed.push(`${step.name}:`, ...failures(telling));
  }
}

for (const step of steps) {
  const beside = step.beside === undefined ? undefined : take(step.beside);
  (await take(step))();
  (await beside)?.();
}
if (failed.length > 0) say(["What failed, once more:", ...failed.slice(0, LINES_OF_FAILURES)].join("\n"));
say(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed === 0 && sum.passed > 0 ? 0 : 1);
