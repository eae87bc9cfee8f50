/**
 * Bitcoin Core's own engine as a judge of scripts: the library of py-bitcoinkernel (Core 31.99), installed with Python's `venv`
 * into the user's cache folder, behind a small program that is built with `g++`.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Writer } from "../../lib/codec/writer.ts";
import { SCRIPT_ERROR_TEXTS } from "../../lib/bitcoin/script/mod.ts";
import type { Transaction, TxOutput } from "../../lib/bitcoin/types/mod.ts";

const PACKAGE = "py-bitcoinkernel==0.1.0a5";
const SOURCE = new URL("script_oracle.cpp", import.meta.url);
/** Fetching the library takes seconds; a package index that does not answer shall not hold the tests up. */
const INSTALL_MS = 120_000;

interface Paths {
  readonly program: string;
  readonly library: string;
}

/** What is run, or why it cannot be. The first call installs and builds. */
function prepare(): Paths | { readonly missing: string } {
  const caches = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(caches, "gemel-bitcoinkernel");
  const environment = join(folder, PACKAGE.replace("==", "-"));
  const library = () => {
    const lib = join(environment, "lib");
    const versions = existsSync(lib) ? readdirSync(lib) : [];
    return versions.map((name) => join(lib, name, "site-packages/pbk/_libs/libbitcoinkernel.so")).find(existsSync);
  };
  mkdirSync(folder, { recursive: true });
  if (library() === undefined) {
    const run = (...args: [string, ...string[]]) =>
      spawnSync(args[0], args.slice(1), { timeout: INSTALL_MS, encoding: "utf8" });
    if (run("python3", "-m", "venv", environment).status !== 0) return { missing: "python3 makes no venv here" };
    const { status, stderr } = run(join(environment, "bin", "pip"), "install", "--quiet", PACKAGE);
    if (status !== 0) return { missing: `pip cannot install ${PACKAGE}: ${stderr?.trim().split("\n").at(-1)}` };
  }
  const found = library();
  if (found === undefined) return { missing: `${PACKAGE} has no library here` };
  const program = join(
    folder,
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
  return { program, library: found };
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
      writer.u32Le(transaction.size);
      writer.raw(transaction.raw);
      writer.u32Le(spent.length);
      for (const { value, scriptPubKey } of spent) {
        writer.u64Le(value);
        writer.u32Le(scriptPubKey.length);
        writer.raw(scriptPubKey);
      }
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
