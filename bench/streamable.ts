/**
 * How long does it take to decode a block, beside chia_rs?
 *
 * Blocks of about 4, 115 and 270 kB: a small one of the simulator's chain as it is, and the larger ones with generators
 * of that size put into a transaction block. The plain generators repeat real ones of the chain; the ones marked
 * `real` come from mainnet and are there when the shared vectors lie beside this repository.
 *
 * chia_rs's `FullBlock.from_bytes` is timed in the same run when a Python with chia_rs is found: in the virtual
 * environment of the interop tests, or that of `GEMEL_CHIA_VENV`. It checks that public keys and signatures are points of the curve, which
 * this codec leaves to whoever verifies them; that is most of its time for a small block.
 *
 * Run: `bun bench/streamable.ts` or `deno run -A bench/streamable.ts`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { fromHex } from "../lib/codec/hex.ts";
import { FullBlock } from "../lib/chia/types/mod.ts";
import { chiaPython } from "../tests/support/chia-python.ts";

const ROUNDS = 31;

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Timing {
  readonly median: number;
  /** Half the distance between the quartiles, in percent of the median. */
  readonly spread: number;
}

function unpack(file: URL): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(file)));
}

function chain(): FullBlock[] {
  const bytes = unpack(new URL("../tests/data/chia/chain-1200.bin.gz", import.meta.url));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const blocks: FullBlock[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + view.getUint32(at);
    blocks.push(FullBlock.decode(bytes.subarray(at + 4, end)));
    at = end;
  }
  return blocks;
}

/** A list of programs as one program of at least `size` bytes. */
function listOf(programs: readonly Uint8Array[], size: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 1;
  for (let i = 0; length < size; i++) {
    const program = programs[i % programs.length]!;
    parts.push(Uint8Array.of(0xff), program);
    length += 1 + program.length;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of [...parts, Uint8Array.of(0x80)]) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function cases(): Case[] {
  const blocks = chain();
  const sized = blocks.map((block) => ({ block, bytes: FullBlock.encode(block) }));
  const small = sized.filter(({ block }) => block.transactionsGenerator !== null)
    .sort((a, b) => Math.abs(a.bytes.length - 3_700) - Math.abs(b.bytes.length - 3_700))[0]!;
  const generators = blocks.flatMap(({ transactionsGenerator: program }) => program === null ? [] : [program]);
  const plain = generators.filter((program) => !program.includes(0xfe));
  const packed = generators.filter((program) => program.includes(0xfe));
  const withGenerator = (name: string, transactionsGenerator: Uint8Array): Case => ({
    name,
    bytes: FullBlock.encode({ ...small.block, transactionsGenerator }),
  });
  const found: Case[] = [{ name: "as it is", bytes: small.bytes }];
  for (const size of [112_000, 267_000]) {
    if (plain.length > 0) found.push(withGenerator("plain", listOf(plain, size)));
    if (packed.length > 0) found.push(withGenerator("back-references", listOf(packed, size)));
  }
  for (const name of ["block-6fe59b24", "block-c2a8df0d"]) {
    const file = new URL(`../../shared/vectors/chia/mainnet/generators/${name}.txt.gz`, import.meta.url);
    if (!existsSync(file)) continue;
    const text = new TextDecoder().decode(unpack(file));
    found.push(withGenerator(`real ${name.slice(6)}`, fromHex(text.slice(0, text.indexOf("\n")).trim())));
  }
  return found.sort((a, b) => a.bytes.length - b.bytes.length);
}

function summarise(microseconds: number[]): Timing {
  const sorted = microseconds.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)]!;
  return { median: at(0.5), spread: (at(0.75) - at(0.25)) / 2 / at(0.5) * 100 };
}

function timeOurs({ bytes }: Case): Timing {
  const perRound = Math.max(3, Math.ceil(2_000_000 / bytes.length));
  const results: number[] = [];
  for (let round = -8; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < perRound; i++) FullBlock.decode(bytes);
    if (round >= 0) results.push((performance.now() - start) * 1000 / perRound);
  }
  return summarise(results);
}

const SCRIPT = `
import json, struct, sys, time
from chia_rs import FullBlock
rounds = int(sys.argv[2])
data = open(sys.argv[1], "rb").read()
at, out = 0, []
while at < len(data):
    (size,) = struct.unpack_from(">I", data, at)
    block = data[at + 4 : at + 4 + size]
    at += 4 + size
    per, times = max(3, 400000 // size), []
    for r in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(per):
            FullBlock.from_bytes(block)
        times.append((time.perf_counter_ns() - start) / 1000 / per)
    out.append(times)
print(json.dumps(out))
`;

/** chia_rs on the same bytes, or the reason why not. */
function timeReference(blocks: readonly Case[]): Timing[] | string {
  const python = chiaPython();
  if (python === undefined) return "no Python with chia_rs here (set GEMEL_CHIA_VENV)";
  const folder = mkdtempSync(join(tmpdir(), "bench-streamable-"));
  try {
    const file = join(folder, "blocks.bin");
    const parts = blocks.flatMap(({ bytes }) => {
      const head = new Uint8Array(4);
      new DataView(head.buffer).setUint32(0, bytes.length);
      return [head, bytes];
    });
    writeFileSync(file, new Uint8Array(parts.flatMap((part) => [...part])));
    const done = spawnSync(python, ["-c", SCRIPT, file, String(ROUNDS)], { encoding: "utf8" });
    if (done.status !== 0) return `chia_rs failed: ${done.stderr.trim().split("\n").at(-1)}`;
    return (JSON.parse(done.stdout) as number[][]).map(summarise);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runtime(): string {
  const { versions } = process;
  if (versions.bun !== undefined) return `Bun ${versions.bun}`;
  return versions.deno !== undefined ? `Deno ${versions.deno}` : `Node ${versions.node}`;
}

const print = (line: string) => process.stdout.write(line + "\n");
const git = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" });

const blocks = cases();
const ours = blocks.map(timeOurs);
const reference = timeReference(blocks);

print("FullBlock decode");
print(
  `${runtime()}, ${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}, commit ${git.stdout.trim()}`,
);
print(typeof reference === "string" ? `reference not timed: ${reference}` : "reference: chia_rs FullBlock.from_bytes");
print("");
print("| block | bytes | median µs | spread | MB/s | chia_rs µs | ours / chia_rs |");
print("|---|---:|---:|---:|---:|---:|---:|");
for (const [i, { name, bytes }] of blocks.entries()) {
  const { median, spread } = ours[i]!;
  const theirs = typeof reference === "string" ? undefined : reference[i]!.median;
  print(
    `| ${name} | ${bytes.length} | ${median.toFixed(1)} | ±${spread.toFixed(0)} % | ${
      (bytes.length / median).toFixed(0)
    } | ` +
      (theirs === undefined ? "– | – |" : `${theirs.toFixed(0)} | ${(median / theirs).toFixed(2)} |`),
  );
}
