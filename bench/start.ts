/**
 * How long until the compiled program answers, how large is it, and how much memory does it rest in beside the
 * reference's node?
 *
 * Run: `./compile.sh && bun bench/start.ts`. The reference is timed when the interop tests' simulator can be had.
 */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { arch, cpus, platform } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { BINARY, binaryMissing, Gemel, residentBytes, temporaryFolder } from "../tests/interop/binary.ts";
import { Simulator, simulatorMissing } from "../tests/interop/simulator.ts";

const ROUNDS = 7;
/** Long enough for what a start leaves behind to be collected. */
const REST_MS = 5_000;

const print = (line: string) => process.stdout.write(line + "\n");
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);

/** Milliseconds from the start of the process to the first answer, sorted. */
async function startTimes(folderOf: (round: number) => string): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    const gemel = await Gemel.start({ dir: folderOf(round) });
    await gemel.call("healthz");
    times.push(performance.now() - began);
    await gemel.stop();
  }
  return times.sort((a, b) => a - b);
}

function row(name: string, times: readonly number[]): string {
  const median = times[ROUNDS >> 1] ?? NaN;
  return `| ${name} | ${median.toFixed(0)} | ${times[0]?.toFixed(0)} to ${times.at(-1)?.toFixed(0)} |`;
}

if (binaryMissing() !== undefined) process.exit(1);
const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
const folder = temporaryFolder("bench-start-");
try {
  print("Start of the compiled program");
  print(`${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}, commit ${commit}, ${ROUNDS} rounds`);
  print(`binary: ${megabytes(statSync(BINARY).size)} MB`);
  print("");
  print("| from process start to the first RPC answer | median ms | range |");
  print("|---|---:|---:|");
  print(row("new data folder (makes its keys)", await startTimes((round) => join(folder.path, `new-${round}`))));
  print(row("data folder that is there", await startTimes(() => join(folder.path, "new-0"))));
  print("");
  const gemel = await Gemel.start({ dir: join(folder.path, "idle") });
  await pause(REST_MS);
  const ours = residentBytes(gemel.process.pid, "VmRSS");
  await gemel.stop();
  print(`idle memory: ${megabytes(ours)} MB`);
  const reason = simulatorMissing();
  if (reason === undefined) {
    const simulator = await Simulator.start();
    await pause(REST_MS);
    const theirs = residentBytes(simulator.pid, "VmRSS");
    await simulator.stop();
    print(`idle memory of chia-blockchain 2.7.5's full-node simulator: ${megabytes(theirs)} MB`);
    print(`ours / reference: ${(ours / theirs).toFixed(2)}`);
  }
} finally {
  folder.remove();
}
