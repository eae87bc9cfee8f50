/**
 * A copy of the tree in which one mutant at a time is tried. The working tree is never written to.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** What the tests read. */
const COPIED = ["lib", "cli", "compile", "tests", "mod.ts", "package.json", "tsconfig.json", "bunfig.toml"];
/** A mutant that makes memory without end is as good as one that hangs. */
const RSS_BYTES_MAX = 2 * 1024 ** 3;
const LOOK_EVERY_MS = 200;
/** For one test; the slowest takes a tenth of it when nothing else runs. */
const TEST_TIMEOUT_MS = 20_000;
/** Clock ticks that Linux counts in a second of work. */
const TICKS_PER_S = 100;

/** How a run of tests ended. */
export type Outcome = "passed" | "failed" | "hung";

/** See the module's comment. */
export class Scratch {
  readonly #folder: string;
  readonly #tree: string;

  constructor(root: string) {
    this.#folder = mkdtempSync(join(tmpdir(), "gemel-mutant-"));
    this.#tree = join(this.#folder, "tree");
    mkdirSync(this.#tree);
    for (const name of COPIED) cpSync(join(root, name), join(this.#tree, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(this.#tree, "node_modules"));
    // Vectors that may not be copied lie beside the tree.
    const shared = join(root, "../shared");
    if (existsSync(shared)) symlinkSync(shared, join(this.#folder, "shared"));
  }

  /**
   * Runs tests with `file` replaced by `source`: for `timeoutMs` of work at most, and four times as long by the clock. A
   * machine that does other things as well makes no mutant hang.
   */
  async try(file: string, source: string, tests: readonly string[], timeoutMs: number): Promise<Outcome> {
    const path = join(this.#tree, file);
    const original = readFileSync(path, "utf8");
    writeFileSync(path, source);
    try {
      return await this.#run(tests, timeoutMs);
    } finally {
      writeFileSync(path, original);
    }
  }

  #run(tests: readonly string[], timeoutMs: number): Promise<Outcome> {
    return new Promise((resolve) => {
      const child = spawn("bun", ["test", "--bail", "--timeout", `${TEST_TIMEOUT_MS}`, ...tests], {
        cwd: this.#tree,
        stdio: "ignore",
        env: { ...process.env, NO_COLOR: "1" },
      });
      const began = performance.now();
      let isHung = false;
      const watch = setInterval(() => {
        const { pid = 0 } = child;
        const isLate = workedMs(pid) > timeoutMs || performance.now() - began > 4 * timeoutMs;
        if (!isLate && residentBytes(pid) < RSS_BYTES_MAX) return;
        isHung = true;
        child.kill("SIGKILL");
      }, LOOK_EVERY_MS);
      child.on("close", (code) => {
        clearInterval(watch);
        resolve(isHung ? "hung" : code === 0 ? "passed" : "failed");
      });
    });
  }

  /** Removes the copy. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** How long a process has worked; 0 where nobody can tell. */
function workedMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Behind the name, which may hold anything, the twelfth and the thirteenth field.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_S;
  } catch {
    return 0;
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
