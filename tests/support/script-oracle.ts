/**
 * Bitcoin Core's own engine as a judge of scripts, behind a small program that is built with `g++`.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Writer } from "../../lib/codec/writer.ts";
import { SCRIPT_ERROR_TEXTS } from "../../lib/bitcoin/script/mod.ts";
import type { Transaction, TxOutput } from "../../lib/bitcoin/types/mod.ts";
import { bitcoinKernel, kernelFolder } from "./bitcoin-kernel.ts";
import { writeSpending } from "./spending-bytes.ts";

const SOURCE = new URL("script_oracle.cpp", import.meta.url);

interface Paths {
  readonly program: string;
  readonly library: string;
}

/** What is run, or why it cannot be. The first call installs and builds. */
function prepare(): Paths | { readonly missing: string } {
  const kernel = bitcoinKernel();
  if ("missing" in kernel) return kernel;
  const program = join(
    kernelFolder,
    `oracle-${createHash("sha256").update(readFileSync(SOURCE)).digest("hex").slice(0, 16)}`,
  );
  if (!existsSync(program)) {
    const built = `${program}.${process.pid}`;
    const args = ["-O1", "-std=c++17", "-rdynamic", fileURLToPath(SOURCE), "-o", built, "-ldl"];
    const { status, error } = spawnSync("g++", args, { encoding: "utf8" });
    if (status !== 0) {
      return { missing: `g++ cannot build the oracle${error === undefined ? "" : `: ${error.message}`}` };
    }
    renameSync(built, program);
  }
  return { program, library: kernel.library };
}

const paths = prepare();

/** Why Core's engine cannot be asked, or false. */
export const scriptOracleMissing: string | false = "missing" in paths ? paths.missing : false;
if (scriptOracleMissing !== false) process.stdout.write(`skipped: ${scriptOracleMissing}\n`);

/** What is judged. */
export interface ScriptQuestion {
  readonly transaction: Transaction;
  readonly spent: readonly TxOutput[];
  /** As in `ScriptFlag`. */
  readonly flags: number;
}

const names = new Map<string, string>(Object.entries(SCRIPT_ERROR_TEXTS).map(([name, text]) => [text, name]));

/** A process that judges. */
export class ScriptOracle {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    if ("missing" in paths) throw new Error(paths.missing);
    this.#child = spawn(paths.program, [paths.library]);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** For each question the outcome of each input: `good`, or the name of the error. */
  async verdicts(questions: readonly ScriptQuestion[]): Promise<readonly (readonly string[])[]> {
    const writer = new Writer(1_024 * questions.length);
    for (const { transaction, spent, flags } of questions) {
      writer.u32Le(flags);
      writeSpending(writer, { transaction, spent });
    }
    this.#child.stdin.write(writer.finish());
    const answers: string[][] = [];
    while (answers.length < questions.length) {
      const { done, value } = await this.#lines.next();
      if (done) throw new Error("Core's engine has ended");
      answers.push(value.split("\t").map((text) => names.get(text) ?? text));
    }
    return answers;
  }

  close(): void {
    this.#child.stdin.end();
  }
}
