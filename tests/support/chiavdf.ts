/** chiavdf itself, in the Python environment that has chia-blockchain. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import type { TimeProof } from "../../lib/engine/class-group/mod.ts";

const SCRIPT = fileURLToPath(new URL("chiavdf_answers.py", import.meta.url));

/** The Python that has chiavdf. */
export function chiavdfPython(): string | undefined {
  const home = process.env.GEMEL_CHIA_SIM_CACHE ??
    join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "/", ".cache"), "gemel-chia-sim");
  const folders = [process.env.GEMEL_CHIA_VENV, join(home, "venv-2.7.5")];
  return folders.flatMap((each) => (each === undefined ? [] : [join(each, "bin", "python")])).find(existsSync);
}

/** Why chiavdf cannot be asked, or false. */
export const chiavdfMissing = (): string | false =>
  chiavdfPython() === undefined ? "no chia-blockchain with chiavdf here (set GEMEL_CHIA_VENV)" : false;

/** A discriminant and what it was made of. */
export interface Challenge {
  readonly seed: Uint8Array;
  readonly bits: number;
}

type Question = Readonly<Record<string, string | number>>;

const decimal = ({ discriminant }: Pick<TimeProof, "discriminant">) => discriminant.toString();
const fromSignedHex = (text: string) => (text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text));

/** A process that answers. */
export class Chiavdf {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    this.#child = spawn(chiavdfPython()!, [SCRIPT]);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Answers in the order of the questions, and how long the processor took. */
  async #ask(questions: readonly Question[]): Promise<{ readonly answers: readonly unknown[]; readonly ms: number }> {
    this.#child.stdin.write(JSON.stringify(questions) + "\n");
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("chiavdf's process has ended");
    return JSON.parse(value) as { answers: unknown[]; ms: number };
  }

  async discriminants(challenges: readonly Challenge[]): Promise<{ readonly values: bigint[]; readonly ms: number }> {
    const questions = challenges.map(({ seed, bits }) => ({ ask: "discriminant", seed: toHex(seed), bits }));
    const { answers, ms } = await this.#ask(questions);
    return { values: answers.map((text) => fromSignedHex(text as string)), ms };
  }

  async verdicts(
    proofs: readonly (TimeProof & { readonly bits: number })[],
  ): Promise<{ readonly verdicts: boolean[]; readonly ms: number }> {
    const questions = proofs.map((proof) => ({
      ask: "verify",
      discriminant: decimal(proof),
      input: toHex(proof.input),
      proof: toHex(proof.output) + toHex(proof.witness),
      iterations: proof.iterations.toString(),
      bits: proof.bits,
      witnessType: proof.witnessType,
    }));
    const { answers, ms } = await this.#ask(questions);
    return { verdicts: answers as boolean[], ms };
  }

  /** What forms are, as a and b when they are reduced; undefined for bytes that are refused. */
  async read(
    discriminant: bigint,
    forms: readonly Uint8Array[],
  ): Promise<({ readonly a: bigint; readonly b: bigint } | undefined)[]> {
    const text = discriminant.toString();
    const { answers } = await this.#ask(forms.map((form) => ({ ask: "read", discriminant: text, form: toHex(form) })));
    return answers.map((answer) => {
      if (answer === null) return undefined;
      const [a, b] = answer as [string, string];
      return { a: BigInt(a), b: BigInt(b) };
    });
  }

  /** A proof of so many further segments. */
  async prove(
    { seed, bits }: Challenge,
    input: Uint8Array,
    iterations: bigint,
    witnessType: number,
  ): Promise<TimeProof & Challenge> {
    const { values: [discriminant = 0n] } = await this.discriminants([{ seed, bits }]);
    const each = iterations / BigInt(witnessType + 1);
    const segment = async (from: Uint8Array, count: bigint) => {
      const question = { ask: "prove", seed: toHex(seed), bits, input: toHex(from), iterations: count.toString() };
      const bytes = fromHex((await this.#ask([question])).answers[0] as string);
      return { output: bytes.slice(0, 100), proof: bytes.slice(100, 200) };
    };
    let [from, further] = [input, ""];
    for (let i = 0; i < witnessType; i++) {
      const { output, proof } = await segment(from, each);
      const { answers: [challenge] } = await this.#ask([{
        ask: "challenge",
        discriminant: discriminant.toString(),
        input: toHex(from),
        proof: toHex(output) + toHex(proof),
        iterations: each.toString(),
      }]);
      const digits = BigInt(challenge as string).toString(16).padStart(66, "0");
      further = each.toString(16).padStart(16, "0") + digits + toHex(proof) + further;
      from = output;
    }
    const { output, proof } = await segment(from, iterations - each * BigInt(witnessType));
    const witness = fromHex(toHex(proof) + further);
    return { seed, bits, discriminant, input, output, witness, witnessType, iterations };
  }

  close(): void {
    this.#child.stdin.end();
  }
}
