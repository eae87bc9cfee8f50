/** chia_rs itself, in the Python environment that has chia-blockchain: cases by seed, with its verdicts. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("chia_bls_cases.py", import.meta.url));

/** The Python that has chia_rs. */
function chiaPython(): string | undefined {
  const home = process.env.GEMEL_CHIA_SIM_CACHE ??
    join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "/", ".cache"), "gemel-chia-sim");
  const folders = [process.env.GEMEL_CHIA_VENV, join(home, "venv-2.7.5")];
  return folders.flatMap((each) => (each === undefined ? [] : [join(each, "bin", "python")])).find(existsSync);
}

/** Why chia_rs cannot be asked, or false. */
export const chiaBlsMissing = (): string | false =>
  chiaPython() === undefined ? "no chia-blockchain with chia_rs here (set GEMEL_CHIA_VENV)" : false;

/** A point, or messages with their signature; all in hexadecimal. */
export type BlsCase =
  | { readonly kind: "point"; readonly point: string; readonly valid: boolean }
  | {
    /** What was changed, or `good`. */
    readonly kind: string;
    readonly keys: readonly string[];
    readonly messages: readonly string[];
    readonly signature: string;
    readonly valid: boolean;
  };

/** A process that makes cases. */
export class ChiaBls {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    this.#child = spawn(chiaPython()!, [SCRIPT]);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async cases(seed: number, count: number): Promise<readonly BlsCase[]> {
    this.#child.stdin.write(`${seed} ${count}\n`);
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("chia_rs's process has ended");
    return JSON.parse(value) as readonly BlsCase[];
  }

  close(): void {
    this.#child.stdin.end();
  }
}
