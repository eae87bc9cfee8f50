/**
 * How fast does the compiled program sync a chain from a full node of chia-blockchain, beside a second node of
 * chia-blockchain that syncs the same chain from the same peer?
 *
 * The reference validates in full (proofs of space and time, CLVM, signatures); gemel checks linkage only so far, so its
 * rate says what the rest of the node costs and not that it does the same work faster. The chain is the simulator's,
 * whose blocks are small, and below the height at which the reference asks for a weight proof.
 *
 * Run: `./compile.sh && bun bench/follow.ts`.
 */
import { spawnSync } from "node:child_process";
import { arch, cpus, platform } from "node:os";
import process from "node:process";
import { binaryMissing, Gemel, residentBytes, temporaryFolder } from "../tests/interop/binary.ts";
import { until } from "../tests/interop/call.ts";
import { Simulator, simulatorMissing } from "../tests/interop/simulator.ts";
import { postgresMissing, PostgresServer } from "../tests/support/postgres-server.ts";

const WITH_SPENDS = 150;
const PLAIN = 330;
const ROUNDS = 3;
const SYNC_TIMEOUT_MS = 300_000;

const print = (line: string) => process.stdout.write(line + "\n");

interface Run {
  readonly seconds: number;
  readonly peakBytes: number;
}

async function timeGemel(simulator: Simulator, header_hash: string, args: readonly string[] = []): Promise<Run> {
  const folder = temporaryFolder("bench-follow-");
  const gemel = await Gemel.start({ dir: folder.path, args });
  try {
    const began = performance.now();
    await gemel.call("open_connection", { host: "127.0.0.1", port: simulator.port });
    await gemel.reaches(header_hash, SYNC_TIMEOUT_MS);
    const seconds = (performance.now() - began) / 1000;
    return { seconds, peakBytes: residentBytes(gemel.process.pid, "VmHWM") };
  } finally {
    await gemel.stop();
    folder.remove();
  }
}

async function timeReference(simulator: Simulator, header_hash: string): Promise<Run> {
  const second = await Simulator.start();
  try {
    const began = performance.now();
    await second.connect(simulator.port);
    await until("the second node's sync", SYNC_TIMEOUT_MS, async () => {
      return (await second.peak()).header_hash === header_hash ? true : undefined;
    });
    const seconds = (performance.now() - began) / 1000;
    return { seconds, peakBytes: residentBytes(second.pid, "VmHWM") };
  } finally {
    await second.stop();
  }
}

if (binaryMissing() !== undefined || simulatorMissing() !== undefined) process.exit(1);
const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
const server = postgresMissing() === undefined ? await PostgresServer.start({ fsync: true }) : undefined;
let schemas = 0;
const timeOnServer = (from: Simulator, header_hash: string) =>
  timeGemel(from, header_hash, ["--db", `${server?.url}&schema=round_${++schemas}`]);
const simulator = await Simulator.start({ blocks: WITH_SPENDS, spends: true });
try {
  const { header_hash, height } = await simulator.farm(PLAIN, { batch: true });
  const blocks = height + 1;
  print("Sync from one full node of chia-blockchain 2.7.5 (simulator)");
  print(
    `${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}, commit ${commit}; ` +
      `${blocks} blocks, ${WITH_SPENDS} of them farmed with spends; median of ${ROUNDS}, from dialling to the tip`,
  );
  print("");
  print("| node | checks | seconds | range | blocks/s | peak memory MB |");
  print("|---|---|---:|---:|---:|---:|");
  for (
    const [name, checks, time] of [
      ["gemel", "linkage", (from: Simulator, hash: string) => timeGemel(from, hash)],
      ...(server === undefined ? [] : [["gemel, PostgreSQL", "linkage", timeOnServer] as const]),
      ["chia-blockchain 2.7.5", "full", timeReference],
    ] as const
  ) {
    const runs: Run[] = [];
    for (let round = 0; round < ROUNDS; round++) runs.push(await time(simulator, header_hash));
    runs.sort((a, b) => a.seconds - b.seconds);
    const { seconds } = runs[ROUNDS >> 1] ?? { seconds: NaN };
    const peak = Math.max(...runs.map(({ peakBytes }) => peakBytes));
    const range = `${runs[0]?.seconds.toFixed(2)} to ${runs.at(-1)?.seconds.toFixed(2)}`;
    print(
      `| ${name} | ${checks} | ${seconds.toFixed(2)} | ${range} | ${(blocks / seconds).toFixed(0)} | ` +
        `${(peak / 1e6).toFixed(0)} |`,
    );
  }
} finally {
  await simulator.stop();
  await server?.stop();
}
