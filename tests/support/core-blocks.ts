/** Bitcoin Core's own engine as a judge of whole blocks, on a chain of its own: `core_blocks.py`. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { toHex } from "../../lib/codec/hex.ts";
import { bitcoinKernel } from "./bitcoin-kernel.ts";

const SCRIPT = fileURLToPath(new URL("../interop/core_blocks.py", import.meta.url));

const kernel = bitcoinKernel();

/** Why Core's engine cannot be asked, or false. */
export const coreBlocksMissing: string | false = "missing" in kernel ? kernel.missing : false;
if (coreBlocksMissing !== false) process.stdout.write(`skipped: ${coreBlocksMissing}\n`);

/** What is said of a block. */
export interface BlockVerdict {
  /** The class of the refusal, as in `BlockResult`; `valid`, or `undecodable` for what is no block. */
  readonly kind: string;
  /** Core's reason without what it says beside it. */
  readonly reason: string;
  /** The hash of the tip after it, in display order. */
  readonly tip: string;
}

/** The reason of a state as Core prints it: what follows a comma is for people. */
function reasonOf(state: string): string {
  const script = /^block-script-verify-flag-failed \(.*?\)(?=,|$)/.exec(state);
  return script?.[0] ?? state.split(",")[0]!;
}

/** A process that judges. */
export class CoreBlocks {
  readonly #folder = mkdtempSync(join(tmpdir(), "gemel-core-blocks-"));
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    if ("missing" in kernel) throw new Error(kernel.missing);
    this.#child = spawn(kernel.python, [SCRIPT, this.#folder]);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("Core's engine has ended");
    return value;
  }

  /** Gives it a block, or what is none. */
  async judge(raw: Uint8Array): Promise<BlockVerdict> {
    this.#child.stdin.write(`${toHex(raw)}\n`);
    const [kind, state, tip] = (await this.#line()).split("\t") as [string, string, string];
    return { kind: kind.toLowerCase(), reason: reasonOf(state), tip };
  }

  /** How many coins there are at the end, and the SHA-256 of their lines `key coin`. */
  async end(): Promise<{ readonly count: number; readonly hash: string }> {
    this.#child.stdin.end();
    const [count, hash] = (await this.#line()).split(" ") as [string, string];
    return { count: Number(count), hash };
  }

  /** Ends the process and removes its folder. */
  close(): void {
    this.#child.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
