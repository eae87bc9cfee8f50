/**
 * The Python that has chia-blockchain with chia_rs and chiavdf: that of the virtual environment which the interop tests make
 * (`interop/simulator.ts`), or that of `GEMEL_CHIA_VENV`.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { simulatorMissing } from "../interop/simulator.ts";

/** Its path. Makes the environment where there is none, which takes minutes; undefined where that cannot be. */
export function chiaPython(): string | undefined {
  const caches = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const made = join(process.env.GEMEL_CHIA_SIM_CACHE ?? join(caches, "gemel-chia-sim"), "venv-2.7.5");
  const folders = [process.env.GEMEL_CHIA_VENV, made].filter((each) => each !== undefined);
  const find = () => folders.map((each) => join(each, "bin", "python")).find(existsSync);
  return find() ?? (simulatorMissing() === undefined ? find() : undefined);
}

/** Why the references cannot be asked, or false. */
export const chiaMissing = (): string | false =>
  chiaPython() === undefined ? "no chia-blockchain here (set GEMEL_CHIA_VENV)" : false;

/** A script that answers each line with a line of JSON. */
export class ChiaScript {
  readonly #path: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(path: string) {
    this.#path = path;
    this.#child = spawn(chiaPython()!, [path]);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error when the script has ended */
  async ask(line: string): Promise<unknown> {
    this.#child.stdin.write(line + "\n");
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`${this.#path} has ended`);
    return JSON.parse(value);
  }

  close(): void {
    this.#child.stdin.end();
  }
}
