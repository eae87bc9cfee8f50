/** chiavdf itself, in the Python environment that has chia-blockchain. */
import { fileURLToPath } from "node:url";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import type { TimeProof } from "../../lib/engine/class-group/mod.ts";
import { ChiaScript } from "./chia-python.ts";

const SCRIPT = fileURLToPath(new URL("chiavdf_answers.py", import.meta.url));

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
  readonly #script = new ChiaScript(SCRIPT);

  /** Answers in the order of the questions, and how long the processor took. */
  async #ask(questions: readonly Question[]): Promise<{ readonly answers: readonly unknown[]; readonly ms: number }> {
    return await this.#script.ask(JSON.stringify(questions)) as { answers: unknown[]; ms: number };
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
    this.#script.close();
  }
}
