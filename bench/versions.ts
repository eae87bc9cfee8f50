/**
 * Is this build slower than another one? Both sync the same chains from the same real peers, in turn and in one run; told is
 * the other build's time over this one's (above 1: this one is quicker), and peak memory.
 *
 * Run: `./compile.sh && bun bench/versions.ts OTHER_BINARY [ROUNDS]`.
 */
import process from "node:process";
import { BINARY, binaryMissing, Gemel, REGTEST, residentBytes, temporaryFolder } from "../tests/interop/binary.ts";
import { Btcd, btcdMissing } from "../tests/interop/btcd.ts";
import { Simulator, simulatorMissing } from "../tests/interop/simulator.ts";
import { quantile, spread } from "./spread.ts";

const [OTHER, ROUNDS = "9"] = process.argv.slice(2);
const TIMEOUT_MS = 300_000;
const BITCOIN_BLOCKS = 5_000;
const CHIA_BLOCKS = 480;

const print = (line: string) => process.stdout.write(line + "\n");

interface Run {
  readonly ms: number;
  readonly peakBytes: number;
}

/** One run of a build in a new folder. */
type Work = (options: { readonly dir: string; readonly binary: string }) => Promise<Run>;

async function once(work: Work, binary: string): Promise<Run> {
  const folder = temporaryFolder("bench-versions-");
  try {
    return await work({ dir: folder.path, binary });
  } finally {
    folder.remove();
  }
}

async function reached(gemel: Gemel, began: number, there: Promise<unknown>): Promise<Run> {
  try {
    await there;
    return { ms: performance.now() - began, peakBytes: residentBytes(gemel.process.pid, "VmHWM") };
  } finally {
    await gemel.stop();
  }
}

async function compare(name: string, work: Work): Promise<void> {
  const [ours, theirs]: [Run[], Run[]] = [[], []];
  // The first of a pair finds a cooler machine: they take turns in that, too.
  for (let round = 0; round < Number(ROUNDS); round++) {
    for (const isOurs of round % 2 === 0 ? [true, false] : [false, true]) {
      (isOurs ? ours : theirs).push(await once(work, isOurs ? BINARY : OTHER!));
    }
  }
  const ratios = ours.map(({ ms }, i) => theirs[i]!.ms / ms);
  const middle = (runs: readonly Run[], of: (run: Run) => number) => quantile(runs.map(of), 0.5);
  const memory = (runs: readonly Run[]) => (middle(runs, ({ peakBytes }) => peakBytes) / 1e6).toFixed(0);
  print(
    `${name.padEnd(34)} ${middle(ours, ({ ms }) => ms).toFixed(0).padStart(6)} ms, the other ` +
      `${middle(theirs, ({ ms }) => ms).toFixed(0).padStart(6)} ms: ${spread(ratios)}; ` +
      `least times ${(quantile(theirs.map(({ ms }) => ms), 0) / quantile(ours.map(({ ms }) => ms), 0)).toFixed(2)}; ` +
      `peak ${memory(ours)} MB, the other ${memory(theirs)} MB`,
  );
}

if (OTHER === undefined) {
  print("bun bench/versions.ts OTHER_BINARY [ROUNDS]");
  process.exit(2);
}
if (binaryMissing() !== undefined) process.exit(1);
print(`${BINARY} beside ${OTHER}, ${ROUNDS} rounds`);
await compare("start to the first answer", async (options) => {
  const began = performance.now();
  const gemel = await Gemel.start({ ...options, chain: REGTEST });
  return reached(gemel, began, Promise.resolve());
});
if (btcdMissing() === undefined) {
  const peer = await Btcd.start();
  try {
    for (let left = BITCOIN_BLOCKS; left > 0; left -= 1_000) await peer.generate(Math.min(1_000, left));
    const { best } = await peer.tip();
    await compare(`sync of ${BITCOIN_BLOCKS} blocks from btcd`, async (options) => {
      const began = performance.now();
      const gemel = await Gemel.start({ ...options, chain: REGTEST, connect: [peer.port] });
      return reached(gemel, began, gemel.reachesBlock(best, TIMEOUT_MS));
    });
  } finally {
    await peer.stop();
  }
}
if (simulatorMissing() === undefined) {
  const simulator = await Simulator.start();
  try {
    const { header_hash } = await simulator.farm(CHIA_BLOCKS, { batch: true });
    await compare(`sync of ${CHIA_BLOCKS} blocks from Chia`, async (options) => {
      const gemel = await Gemel.start(options);
      const began = performance.now();
      await gemel.call("open_connection", { host: "127.0.0.1", port: simulator.port });
      return reached(gemel, began, gemel.reaches(header_hash, TIMEOUT_MS));
    });
  } finally {
    await simulator.stop();
  }
}
