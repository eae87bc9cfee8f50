/**
 * How quick are aggregate signatures of BLS12-381, beside chia_rs (blst)?
 *
 * The same signatures, keys and signature as bytes, are verified by both in turn, in rounds of one run, each on one thread.
 * Told is the speed as a multiple of chia_rs's: median, and from which to which the middle half of the rounds goes. chia_rs
 * runs in the Python environment of chia-blockchain that the interoperability tests make (`GEMEL_CHIA_VENV` names another).
 *
 * Run: `bun bench/bls12-381.ts` or `deno run -A bench/bls12-381.ts`
 * (`--v8-flags=--experimental-wasm-wide-arithmetic` for Deno's wide instructions).
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { fromHex } from "../lib/codec/hex.ts";
import { hasWideArithmetic } from "../lib/engine/assembler/mod.ts";
import { makeBls12381, type SignedMessage } from "../lib/engine/bls12-381/mod.ts";
import { EmittedBls } from "../lib/engine/bls12-381/emitted.ts";
import { chiaMissing, ChiaScript } from "../tests/support/chia-python.ts";
import { quantile, spread } from "./spread.ts";

const ROUNDS = 11;
/** A round takes about so long on each side. */
const ROUND_MS = 60;

const print = (line: string) => process.stdout.write(line + "\n");

interface Recorded {
  readonly keys: readonly string[];
  readonly messages: readonly string[];
  readonly signature: string;
}

const missing = chiaMissing();
if (missing !== false) {
  print(missing);
  process.exit(1);
}
const reference = new ChiaScript(fileURLToPath(new URL("reference/chia_bls.py", import.meta.url)));
const cases = await reference.ask("cases") as Record<string, Recorded>;

/** Milliseconds of one verification by chia_rs. */
const theirs = async (name: string, repeats: number) => await reference.ask(`${name}\t${repeats}`) as number;

function must(isGood: boolean): void {
  if (!isGood) throw new Error("a good signature was found bad");
}

try {
  print("Bun" in globalThis ? `Bun ${process.versions.bun}` : `Deno ${process.versions.deno}`);
  for (const engine of hasWideArithmetic() ? ["wide", "plain"] as const : ["plain"] as const) {
    const read = ({ keys, messages, signature }: Recorded) => ({
      signed: keys.map((key, i): SignedMessage => [fromHex(key), fromHex(messages[i]!)]),
      signature: fromHex(signature),
    });
    const began = performance.now();
    const bls = makeBls12381({ from: engine });
    const made = performance.now();
    const first = read(cases["1"]!);
    must(bls.aggregateVerify(first.signed, first.signature));
    const verdict = performance.now() - made;
    print(
      `${engine}: made and tested in ${(made - began).toFixed(0)} ms, the next verdict ${verdict.toFixed(1)} ms later`,
    );
    const emitted = new EmittedBls(engine === "wide");
    for (const [name, recorded] of Object.entries(cases)) {
      const { signed, signature } = read(recorded);
      const verify = () => must(emitted.aggregateVerify(signed, signature));
      const warm = performance.now();
      for (let i = 0; i < 2 || performance.now() - warm < 1_000; i++) verify();
      const repeats = Math.max(1, Math.round(ROUND_MS / await theirs(name, 1)));
      const [ours, ratios]: [number[], number[]] = [[], []];
      for (let round = 0; round < ROUNDS; round++) {
        const their = await theirs(name, repeats);
        const from = performance.now();
        for (let i = 0; i < repeats; i++) verify();
        const our = (performance.now() - from) / repeats;
        ours.push(our);
        ratios.push(their / our);
      }
      print(
        `${engine.padEnd(6)} ${`${name} messages`.padEnd(20)} ${quantile(ours, 0.5).toFixed(2).padStart(8)} ms  ` +
          spread(ratios, " of chia_rs's speed"),
      );
    }
    print(`${engine.padEnd(6)} memory ${emitted.memoryBytes} bytes`);
  }
} finally {
  reference.close();
}
