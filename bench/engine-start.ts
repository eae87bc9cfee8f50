/**
 * What does it cost to have an engine? Every figure is the median over new processes: of an executable in which programs are
 * prepared, of one that emits them, of the sources on Bun, and of the sources on Deno, with its wide instructions and without.
 *
 * Told are milliseconds, by the clock and, after the stroke, of the thread on the processor, which is about what the clock
 * says on an idle machine. "Made" is all that a process pays before it may ask: the columns before it but for the code, and the
 * test with known answers. It is taken in processes of its own.
 *
 * Run: `bun bench/engine-start.ts`, on Linux
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROUNDS = 15;
const TOPICS = ["secp256k1", "bls12-381", "class-group"] as const;
type Topic = (typeof TOPICS)[number];
/** Clock, and time on the processor, in milliseconds. */
type Time = readonly [clock: number, thread: number];
type Laps = Record<string, Time>;
const COLUMNS = [
  "code loaded",
  "bytes",
  "module, instance, tables",
  "made",
  "first verdict",
  "loaded to verdict",
] as const;

const print = (line: string) => process.stdout.write(line + "\n");
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const fillRandom = (bytes: Uint8Array) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Milliseconds that the thread was on the processor: Linux brings them up to date when it leaves it. */
function processorTime(): number {
  Atomics.wait(nobody, 0, 0, 0.05);
  const [nanoseconds] = readFileSync("/proc/thread-self/schedstat", "utf8").split(" ");
  return Number(nanoseconds) / 1e6;
}

function lapsOf(): { readonly laps: Laps; readonly lap: (name: string) => void } {
  const laps: Laps = {};
  let [thread, clock] = [processorTime(), performance.now()];
  const lap = (name: string) => {
    const clockAfter = performance.now();
    const threadAfter = processorTime();
    const [clockSum, threadSum] = laps[name] ?? [0, 0];
    laps[name] = [clockSum + clockAfter - clock, threadSum + threadAfter - thread];
    [thread, clock] = [processorTime(), performance.now()];
  };
  return { laps, lap };
}

/** What one topic has, in the words of all. */
async function load(
  topic: Topic,
): Promise<{ emit: (wide: boolean) => Uint8Array<ArrayBuffer>; ask: () => () => boolean }> {
  const { programOf } = await import("../lib/engine/programs.ts");
  if (topic === "secp256k1") {
    const { makeSecp256k1 } = await import("../lib/engine/secp256k1/mod.ts");
    const { emitProgram } = await import("../lib/engine/secp256k1/program.ts");
    const { knownAnswers } = await import("../lib/engine/secp256k1/known-answers.ts");
    return {
      emit: (wide) => programOf(topic, wide, emitProgram).bytes,
      ask: () => {
        const made = makeSecp256k1({ sha256, fillRandom });
        return () => made.verdicts([knownAnswers()[0]!.check])[0]!;
      },
    };
  }
  if (topic === "bls12-381") {
    const { makeBls12381 } = await import("../lib/engine/bls12-381/mod.ts");
    const { emitProgram } = await import("../lib/engine/bls12-381/program.ts");
    const { knownSignature } = await import("../lib/engine/bls12-381/known-answers.ts");
    return {
      emit: (wide) => programOf(topic, wide, emitProgram).bytes,
      ask: () => {
        const [made, { signed, signature }] = [makeBls12381(), knownSignature()];
        return () => made.aggregateVerify(signed, signature);
      },
    };
  }
  const { makeClassGroup } = await import("../lib/engine/class-group/mod.ts");
  const { emitProgram } = await import("../lib/engine/class-group/program.ts");
  const { knownProofs } = await import("../lib/engine/class-group/known-answers.ts");
  return {
    emit: (wide) => programOf(topic, wide, emitProgram).bytes,
    ask: () => {
      const [made, [known]] = [makeClassGroup({ sha256 }), knownProofs()];
      return () => made.verify(known!.proof);
    },
  };
}

/** One process: the topics one after another, up to their instances (`parts`) or up to a verdict (`whole`). */
async function child(topics: readonly Topic[], what: string): Promise<Laps> {
  const { hasWideArithmetic } = await import("../lib/engine/assembler/mod.ts");
  const wide = hasWideArithmetic();
  sha256(new Uint8Array(1));
  const { laps, lap } = lapsOf();
  for (const topic of topics) {
    const { emit, ask } = await load(topic);
    lap("code loaded");
    if (what === "parts") {
      const bytes = emit(wide);
      lap("bytes");
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
      (exports as { readonly start?: () => void }).start?.();
      lap("module, instance, tables");
    } else {
      const verdict = ask();
      lap("made");
      if (!verdict()) throw new Error(`${topic}: a good one was found bad`);
      lap("first verdict");
    }
  }
  return laps;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function run(command: readonly string[], topics: string): readonly Laps[] {
  return Array.from({ length: ROUNDS }, () => {
    const all: Record<string, Time> = {};
    for (const what of ["parts", "whole"]) {
      const [file, ...words] = [...command, topics, what];
      const { stdout, stderr, status } = spawnSync(file!, words, { encoding: "utf8", timeout: 60_000 });
      if (status !== 0) throw new Error(stderr);
      Object.assign(all, JSON.parse(stdout) as Laps);
    }
    const sum = (i: 0 | 1) => all["code loaded"]![i] + all["made"]![i] + all["first verdict"]![i];
    return { ...all, "loaded to verdict": [sum(0), sum(1)] };
  });
}

/** Compiles this file as `compile.sh` does the program, with programs or without. */
function compile(folder: string, name: "prepared" | "emitted"): string {
  const binary = join(folder, name);
  const root = fileURLToPath(new URL("../", import.meta.url));
  const bun = (...words: string[]) => {
    const { status, stderr } = spawnSync("bun", words, { cwd: root, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  };
  bun("compile/programs.ts", "dist/prepared.js");
  const conditions = ["bun", ...(name === "prepared" ? [name] : [])].map((condition) => `--conditions=${condition}`);
  const flags = ["--compile", "--bytecode", "--splitting", "--format=esm", "--minify-syntax"];
  bun("build", ...flags, ...conditions, "--outfile", binary, "bench/engine-start.ts");
  return binary;
}

const [, script = "", topics, what] = process.argv;
if (topics !== undefined && what !== undefined) {
  print(JSON.stringify(await child(topics.split(",") as Topic[], what)));
} else {
  const folder = mkdtempSync(join(tmpdir(), "bench-engine-start-"));
  try {
    const kinds: readonly (readonly [string, readonly string[]])[] = [
      ["executable, prepared", [compile(folder, "prepared")]],
      ["executable, emitted", [compile(folder, "emitted")]],
      ["sources on Bun, emitted", ["bun", script]],
      ["sources on Deno with its flag, emitted", [
        "deno",
        "run",
        "-A",
        "--no-check",
        "--v8-flags=--experimental-wasm-wide-arithmetic",
        script,
      ]],
      ["sources on Deno, emitted", ["deno", "run", "-A", "--no-check", script]],
    ];
    print(`${cpus()[0]?.model ?? "?"} x${cpus().length}, load ${loadavg()[0]!.toFixed(1)}, ${ROUNDS} processes each`);
    for (const [name, command] of kinds) {
      print("");
      print(`| ${name} | ${COLUMNS.join(" | ")} |`);
      print(`|---|${COLUMNS.map(() => "---:|").join("")}`);
      for (const topics of [...TOPICS, TOPICS.join(",")]) {
        const rounds = run(command, topics);
        const of = (column: string, i: 0 | 1) => median(rounds.map((laps) => laps[column]![i])).toFixed(1);
        const cells = COLUMNS.map((column) => `${of(column, 0)} / ${of(column, 1)}`);
        print(`| ${topics.replaceAll(",", ", ")} | ${cells.join(" | ")} |`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
