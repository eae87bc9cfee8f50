/** libsecp256k1 itself, through its Rust crate: signatures by seed, with its verdicts. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import process from "node:process";
import type { Check } from "../../lib/engine/secp256k1/mod.ts";
import { rustProgram } from "./cargo.ts";

const ROW_BYTES = 165;

const program = rustProgram({
  name: "secp256k1-cases",
  source: new URL("secp256k1_cases.rs", import.meta.url),
  crates: { secp256k1: "0.29.1" },
});

/** Why libsecp256k1 cannot be asked, or false. */
export const libsecp256k1Missing: string | false = "missing" in program ? program.missing : false;

/** A signature with its verdict. */
export interface SignatureCase {
  readonly check: Check;
  readonly isGood: boolean;
  /** Which of the program's changes was made; 0 for none. */
  readonly change: number;
}

function caseOf(row: Uint8Array): SignatureCase {
  const [isSchnorr, keyBytes, isGood, change] = row as unknown as readonly [number, number, number, number];
  const [key, digest, signature] = [row.slice(4, 4 + keyBytes), row.slice(69, 101), row.slice(101)];
  const check: Check = isSchnorr === 1
    ? { kind: "schnorr", message: digest, signature, key }
    : { kind: "ecdsa", digest, signature, key };
  return { check, isGood: isGood === 1, change };
}

/** A process that makes cases. */
export class Secp256k1Cases {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest = new Uint8Array();

  constructor() {
    if ("missing" in program) throw new Error(program.missing);
    this.#child = spawn(program.path);
    this.#child.stderr.pipe(process.stderr);
    this.#chunks = this.#child.stdout[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  async cases(seed: number, count: number): Promise<readonly SignatureCase[]> {
    this.#child.stdin.write(`${seed} ${count}\n`);
    const bytes = new Uint8Array(count * ROW_BYTES);
    for (let at = 0; at < bytes.length;) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done) throw new Error("libsecp256k1's process has ended");
        this.#rest = new Uint8Array(value);
      }
      const part = this.#rest.subarray(0, bytes.length - at);
      bytes.set(part, at);
      at += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return Array.from({ length: count }, (_, i) => caseOf(bytes.subarray(i * ROW_BYTES, (i + 1) * ROW_BYTES)));
  }

  close(): void {
    this.#child.stdin.end();
  }
}
