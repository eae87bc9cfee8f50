/**
 * How fast does the compiled program sync a chain from btcd, beside a fresh btcd that syncs the same chain from the same
 * peer? Both from the start of the process to the tip. And beside that on a PostgreSQL server of its own on the same
 * machine, where Debian's package is.
 *
 * Both validate in full. On empty blocks there is one coinbase each to check, so that what the rest of a node costs shows. The
 * other chain has 154 blocks of 198 transactions of every kind that btcd's driver makes, above 400 empty ones; making it takes
 * a minute or two.
 *
 * Run: `./compile.sh && bun bench/bitcoin-sync.ts [BLOCKS | spends]`.
 */
import { spawnSync } from "node:child_process";
import { arch, cpus, platform } from "node:os";
import process from "node:process";
import { binaryMissing, Gemel, REGTEST, residentBytes, temporaryFolder } from "../tests/interop/binary.ts";
import { Btcd, btcdMissing } from "../tests/interop/btcd.ts";
import { postgresMissing, PostgresServer } from "../tests/support/postgres-server.ts";

const hasSpends = process.argv[2] === "spends";
const EMPTY_BELOW = 400;
const FULL = 154;
const TRANSACTIONS = 198;
const BLOCKS = hasSpends ? EMPTY_BELOW + FULL : Number(process.argv[2] ?? 5_000);
const ROUNDS = 3;
const TIMEOUT_MS = 300_000;

const print = (line: string) => process.stdout.write(line + "\n");

interface Run {
  readonly seconds: number;
  readonly peakBytes: number;
}

async function timeGemel(peer: Btcd, best: string, args: readonly string[] = []): Promise<Run> {
  const folder = temporaryFolder("bench-sync-");
  const began = performance.now();
  const gemel = await Gemel.start({ dir: folder.path, chain: REGTEST, connect: [peer.port], args });
  try {
    await gemel.reachesBlock(best, TIMEOUT_MS);
    const seconds = (performance.now() - began) / 1000;
    return { seconds, peakBytes: residentBytes(gemel.process.pid, "VmHWM") };
  } finally {
    await gemel.stop();
    folder.remove();
  }
}

async function timeBtcd(peer: Btcd, best: string): Promise<Run> {
  // The driver waits for its RPC before it returns, which is part of its start.
  const began = performance.now();
  const fresh = await Btcd.start({ extra: [`--connect=127.0.0.1:${peer.port}`] });
  try {
    while (await fresh.rpc("getbestblockhash") !== best) await new Promise((resolve) => setTimeout(resolve, 20));
    const seconds = (performance.now() - began) / 1000;
    return { seconds, peakBytes: residentBytes(fresh.node.pid, "VmHWM") };
  } finally {
    await fresh.stop();
  }
}

if (binaryMissing() !== undefined || btcdMissing() !== undefined) process.exit(1);
const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
const what = hasSpends ? `blocks with ${FULL * TRANSACTIONS} transactions` : "empty blocks";
print(`Sync of ${BLOCKS} ${what} of regtest from one btcd 0.26.2`);
print(`${cpus()[0]?.model.trim()} x${cpus().length}, ${platform()} ${arch()}, commit ${commit}; median of ${ROUNDS}`);
const server = postgresMissing() === undefined ? await PostgresServer.start({ fsync: true }) : undefined;
const peer = await Btcd.start(hasSpends ? { blocks: EMPTY_BELOW } : {});
try {
  if (hasSpends) await peer.fill(FULL, TRANSACTIONS);
  else for (let left = BLOCKS; left > 0; left -= 1_000) await peer.generate(Math.min(1_000, left));
  const { best } = await peer.tip();
  const runs = { gemel: [] as Run[], "gemel, PostgreSQL": [] as Run[], btcd: [] as Run[] };
  for (let round = 0; round < ROUNDS; round++) {
    runs.gemel.push(await timeGemel(peer, best));
    if (server !== undefined) {
      const url = `${server.url}&schema=round_${round}`;
      runs["gemel, PostgreSQL"].push(await timeGemel(peer, best, ["--db", url]));
    }
    runs.btcd.push(await timeBtcd(peer, best));
  }
  print("\n| node | checks | seconds | range | blocks/s | peak memory MB |");
  print("|---|---|---:|---:|---:|---:|");
  const medians: number[] = [];
  for (const name of ["gemel", "btcd", "gemel, PostgreSQL"] as const) {
    if (runs[name].length === 0) continue;
    const sorted = runs[name].map(({ seconds }) => seconds).sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    medians.push(median);
    const memory = Math.max(...runs[name].map(({ peakBytes }) => peakBytes)) / 1e6;
    const range = `${sorted[0]?.toFixed(2)} to ${sorted.at(-1)?.toFixed(2)}`;
    print(
      `| ${name} | full | ${median.toFixed(2)} | ${range} | ${(BLOCKS / median).toFixed(0)} | ${memory.toFixed(0)} |`,
    );
  }
  const [ours = 0, theirs = 1, onServer] = medians;
  print(
    `\ngemel's time / btcd's: ${(ours / theirs).toFixed(2)} (${
      hasSpends ? "floor 0.8, goal 0.5" : "floor 3, goal 1.5"
    })`,
  );
  if (onServer !== undefined) print(`on PostgreSQL / in SQLite: ${(onServer / ours).toFixed(2)} (goal 1.5)`);
} finally {
  await peer.stop();
  await server?.stop();
}
