/**
 * How fast is a block decoded and are all its txids computed, beside btcd, rust-bitcoin and bitcoinjs-lib?
 *
 * Real blocks of 1 to 1.8 MB from the shared vectors, which must lie beside this repository. btcd's `wire` (2.0.1) is
 * built and timed in the same run where Go is installed; it reads every field where this decoder only finds them, so the
 * time to read every input and output is printed too.
 *
 * Another reference is one more entry of `references`: a function from file names to megabytes a second, or the reason
 * why not.
 *
 * Run: `bun bench/bitcoin-blocks.ts` or `deno run -A bench/bitcoin-blocks.ts`.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, homedir, platform } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { sha256 } from "#platform";
import { Block } from "../lib/bitcoin/types/mod.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import { rustProgram } from "../tests/support/cargo.ts";
import { goProgram } from "./timed-program.ts";

const ROUNDS = 9;
const ROUND_MS = 150;
const WARM_MS = 400;

const folder = fileURLToPath(new URL("../../shared/vectors/bitcoin/blocks/", import.meta.url));
const FILES = [
  "bcoin-block928831.raw",
  "bcoin-block928927.raw",
  "rust-mainnet-c835b2ad.raw",
  "btcd-1602407a.blk",
  "mainnet-413567.raw",
  "bitcoinj-block481829.dat",
];

interface Rate {
  /** Megabytes a second. */
  readonly median: number;
  /** Half the distance between the quartiles, in percent of the median. */
  readonly spread: number;
}

function time(bytes: number, work: () => void): Rate {
  for (const start = performance.now(); performance.now() - start < WARM_MS;) work();
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let count = 0;
    const start = performance.now();
    do {
      work();
      count++;
    } while (performance.now() - start < ROUND_MS);
    rates.push(bytes * count / 1e3 / (performance.now() - start));
  }
  rates.sort((a, b) => a - b);
  const at = (part: number) => rates[Math.floor((rates.length - 1) * part)]!;
  return { median: at(0.5), spread: (at(0.75) - at(0.25)) / 2 / at(0.5) * 100 };
}

/** Reads what btcd's decoder reads: every field of every input and output. */
function readAll(block: Block): number {
  let count = 0;
  for (const { inputs, outputs } of block.transactions) count += inputs.length + outputs.length;
  return count;
}

type Reference = (files: readonly string[]) => Readonly<Record<string, number>> | string;

/** btcd's wire package. */
const btcd: Reference = (files) => {
  const program = goProgram({
    name: "btcd-blocks",
    source: new URL("reference/btcd_blocks.go", import.meta.url),
    requires: ["github.com/btcsuite/btcd/wire/v2 v2.0.1"],
  });
  if ("missing" in program) return program.missing;
  const done = spawnSync(program.path, files, { encoding: "utf8" });
  return done.status === 0 ? JSON.parse(done.stdout) as Record<string, number> : `btcd failed: ${done.stderr}`;
};

/** rust-bitcoin. */
const rustBitcoin: Reference = (files) => {
  const program = rustProgram({
    name: "rust_blocks",
    source: new URL("reference/rust_blocks.rs", import.meta.url),
    crates: { bitcoin: "0.32.7" },
  });
  if ("missing" in program) return program.missing;
  const done = spawnSync(program.path, files, { encoding: "utf8" });
  return done.status === 0 ? JSON.parse(done.stdout) as Record<string, number> : `rust-bitcoin failed: ${done.stderr}`;
};

/** bitcoinjs-lib on this runtime, in a folder of its own in the cache. */
const bitcoinjs: Reference = (files) => {
  const home = join(homedir(), ".cache/gemel-bench/bitcoinjs");
  mkdirSync(home, { recursive: true });
  copyFileSync(new URL("reference/bitcoinjs_blocks.mjs", import.meta.url), join(home, "bench.mjs"));
  writeFileSync(join(home, "package.json"), '{"type":"module","dependencies":{"bitcoinjs-lib":"7.0.5"}}');
  const installed = spawnSync("npm", ["install", "--silent", "--no-audit"], { cwd: home, encoding: "utf8" });
  if (installed.status !== 0) return "npm could not install bitcoinjs-lib";
  const run = process.versions.deno === undefined ? [] : ["run", "-A"];
  const done = spawnSync(process.execPath, [...run, "bench.mjs", ...files], { cwd: home, encoding: "utf8" });
  return done.status === 0
    ? JSON.parse(done.stdout) as Record<string, number>
    : `it failed: ${done.stderr.slice(-200)}`;
};

const references: Readonly<Record<string, Reference>> = {
  btcd,
  "rust-bitcoin": rustBitcoin,
  "bitcoinjs-lib": bitcoinjs,
};

function runtime(): string {
  const { versions } = process;
  if (versions.bun !== undefined) return `Bun ${versions.bun}`;
  return versions.deno !== undefined ? `Deno ${versions.deno}` : `Node ${versions.node}`;
}

const print = (line: string) => process.stdout.write(line + "\n");
const git = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" });

useSha256(sha256);
const files = FILES.filter((name) => existsSync(join(folder, name)));
print("Block: decode and all txids, MB/s");
print(
  `${runtime()}, ${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}, commit ${git.stdout.trim()}`,
);
if (files.length === 0) {
  print("no ../shared/vectors/bitcoin/blocks here");
  process.exit(0);
}

const measured = Object.entries(references).map(([name, reference]) => ({
  name,
  rates: reference(files.map((file) => join(folder, file))),
}));
for (const { name, rates } of measured) if (typeof rates === "string") print(`${name} not timed: ${rates}`);
const timed = measured.flatMap(({ name, rates }) => typeof rates === "string" ? [] : [{ name, rates }]);

print("");
print(
  `| block | bytes | txs | decode | decode + txids | spread | and every field |${
    timed.map(({ name }) => ` ${name} | ours / ${name} |`).join("")
  }`,
);
print(`|---|---:|---:|---:|---:|---:|---:|${timed.map(() => "---:|---:|").join("")}`);
for (const file of files) {
  const raw = new Uint8Array(readFileSync(join(folder, file)));
  const { length } = Block.decode(raw).transactions;
  const decode = time(raw.length, () => void Block.decode(raw));
  const txids = time(raw.length, () => void Block.decode(raw).txids());
  const fields = time(raw.length, () => {
    const block = Block.decode(raw);
    block.txids();
    readAll(block);
  });
  const theirs = timed.map(({ rates }) => rates[join(folder, file)] ?? NaN);
  print(
    `| ${file} | ${raw.length} | ${length} | ${decode.median.toFixed(0)} | ${txids.median.toFixed(0)} | ±${
      txids.spread.toFixed(0)
    } % | ${fields.median.toFixed(0)} |${
      theirs.map((rate) => ` ${rate.toFixed(0)} | ${(txids.median / rate).toFixed(2)} |`).join("")
    }`,
  );
}
