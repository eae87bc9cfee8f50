/** Programs that time other implementations: Go ones are built here, Rust ones by `tests/support/cargo.ts`. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

/** What is built. */
export interface GoProgram {
  /** Its folder in the cache. */
  readonly name: string;
  /** Its one file. */
  readonly source: URL;
  /** Modules, each with its exact version: `github.com/… v1.0.0`. */
  readonly requires: readonly string[];
}

/** The path of the program, or why it cannot be built. Its module is kept in the cache, so that only the first build takes long. */
export function goProgram(
  { name, source, requires }: GoProgram,
): { readonly path: string } | { readonly missing: string } {
  if (spawnSync("go", ["version"]).error !== undefined) return { missing: "no Go here" };
  const module = join(homedir(), ".cache/gemel-bench", name);
  mkdirSync(module, { recursive: true });
  copyFileSync(source, join(module, "main.go"));
  const lines = requires.map((each) => `require ${each}\n`).join("");
  writeFileSync(join(module, "go.mod"), `module bench\n\ngo 1.25.0\n\n${lines}`);
  for (const args of [["mod", "tidy"], ["build", "-o", "bench", "."]]) {
    const { status, stderr } = spawnSync("go", args, { cwd: module, encoding: "utf8" });
    if (status !== 0) return { missing: `go ${args[0]} failed: ${stderr.trim().split("\n").at(-1)}` };
  }
  return { path: join(module, "bench") };
}

/** A program that reads a file at its start, and times itself whenever it is sent a line. */
export class TimedProgram {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(binary: string, file: string) {
    this.#child = spawn(binary, [file]);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The number that it answers a line with. */
  async figure(line = ""): Promise<number> {
    this.#child.stdin.write(`${line}\n`);
    return await this.next();
  }

  /** The number on its next line. */
  async next(): Promise<number> {
    return Number((await this.#lines.next()).value);
  }

  close(): void {
    this.#child.stdin.end();
  }
}
