/**
 * How quick are proofs of time, beside chiavdf?
 *
 * The same proofs are verified by both in turn, in rounds of one run, each on one thread, by the processor's time: a proof of three
 * segments, one of a single segment from the generator, a discriminant of 1,024 bits, and every proof of mainnet's blocks 0 to 47
 * where their copy lies beside this repository (its proofs are used for the others as well; else chiavdf makes some). Told is
 * the speed as a multiple of chiavdf's: median, and from which to which the middle half of the rounds goes. chiavdf is found in
 * the virtual environment of the interop tests, or in that of `GEMEL_CHIA_VENV`; `--no-references` leaves it out.
 *
 * Run: `bun bench/class-group.ts` or `deno run -A bench/class-group.ts`
 * (`--v8-flags=--experimental-wasm-wide-arithmetic` for Deno's wide instructions).
 */
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { sha256 as platformSha256 } from "#platform";
import { fromHex } from "../lib/codec/hex.ts";
import { hasWideArithmetic } from "../lib/engine/assembler/mod.ts";
import { EmittedArithmetic } from "../lib/engine/class-group/emitted.ts";
import { type ClassGroup, makeClassGroup, type TimeProof } from "../lib/engine/class-group/mod.ts";
import { ENGINES } from "../lib/engine/engine.ts";
import { SeededRandom } from "../lib/sim/random.ts";
import { chiaMissing } from "../tests/support/chia-python.ts";
import { type Challenge, Chiavdf } from "../tests/support/chiavdf.ts";
import { quantile, spread } from "./spread.ts";

const ROUNDS = 15;
const ROUNDS_OF_ALL = 3;
const BITS = 1_024;

const print = (line: string) => process.stdout.write(line + "\n");
const sha256 = (bytes: Uint8Array) => platformSha256([bytes]);
const milliseconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

type Proof = TimeProof & Challenge;

/** The right proofs of mainnet's first blocks, each from where the one before it of its kind and challenge ended. */
function mainnetProofs(): Proof[] {
  const file = new URL("../../shared/vectors/chia/mainnet/blocks-0-47-proofs.json.gz", import.meta.url);
  if (!existsSync(file)) return [];
  const { time } = JSON.parse(gunzipSync(readFileSync(file)).toString()) as {
    time: (Record<"challenge" | "discriminant" | "input" | "output" | "witness" | "kind", string> & {
      iterations: number | string;
      witnessType: number;
      valid: boolean;
    })[];
  };
  const bytes = (text: string) => fromHex(text.replace(/^0x/, ""));
  const before = new Map<string, string>();
  return time.flatMap(({ challenge, discriminant, kind, valid, witnessType, iterations, ...row }) => {
    // The file says "valid" of what starts at the generator; infused proofs may go on from the one before.
    const isChained = kind.includes("infused") || kind.startsWith("end_of_slot");
    const input = !valid && isChained ? before.get(challenge) : row.input;
    if (kind.includes("infused")) before.set(challenge, row.output);
    if (input === undefined || (!valid && !isChained)) return [];
    return [{
      seed: bytes(challenge),
      bits: BITS,
      discriminant: -BigInt(discriminant.slice(1)),
      input: bytes(input),
      output: bytes(row.output),
      witness: bytes(row.witness),
      witnessType,
      iterations: BigInt(iterations),
    }];
  });
}

const chiavdf = process.argv.includes("--no-references") || chiaMissing() !== false ? undefined : new Chiavdf();

/** Without mainnet's proofs: some of few iterations, which take as long to verify. */
async function madeProofs(): Promise<Proof[]> {
  if (chiavdf === undefined) return [];
  const [random, generator] = [new SeededRandom(1), Uint8Array.from({ length: 100 }, (_, i) => (i === 0 ? 8 : 0))];
  const proofs: Proof[] = [];
  for (let i = 0; i < 24; i++) {
    proofs.push(await chiavdf.prove({ seed: random.bytes(32), bits: BITS }, generator, 3_000n, i % 2 === 0 ? 2 : 0));
  }
  return proofs;
}

const mainnet = mainnetProofs();
const judge = makeClassGroup({ sha256 });
const proofs = (mainnet.length > 0 ? mainnet : await madeProofs()).filter((proof) => judge.verify(proof));
const challenges = [...new Map(proofs.map((proof) => [proof.discriminant, proof])).values()];
const [ofThree, compact] = [2, 0].map((type) => proofs.filter(({ witnessType }) => witnessType === type));

/** So many in a row, from a place that moves with the round. */
const some = <T>(all: readonly T[], round: number, count: number) =>
  Array.from({ length: count }, (_, i) => all[(round * count + i) % all.length]!);

function must(isRight: boolean): void {
  if (!isRight) throw new Error("a right proof was found wrong");
}

async function compare(
  name: string,
  rounds: number,
  work: {
    readonly ours: (round: number) => void;
    readonly theirs: (round: number) => Promise<number>;
    readonly count: number;
  },
): Promise<void> {
  const [ours, ratios]: [number[], number[]] = [[], []];
  for (let round = -2; round < rounds; round++) {
    const theirs = chiavdf && await work.theirs(round + 2);
    const began = milliseconds();
    work.ours(round + 2);
    const took = milliseconds() - began;
    if (round < 0 && rounds > ROUNDS_OF_ALL) continue;
    ours.push(took / work.count);
    if (theirs !== undefined) ratios.push(theirs / took);
  }
  const beside = ratios.length === 0 ? "" : `  ${spread(ratios, " of chiavdf's speed")}`;
  print(`${name.padEnd(38)} ${quantile(ours, 0.5).toFixed(2).padStart(7)} ms${beside}`);
}

async function compareProofs(group: ClassGroup, name: string, all: readonly Proof[], count: number): Promise<void> {
  if (all.length === 0) return;
  await compare(name, ROUNDS, {
    count,
    ours: (round) => some(all, round, count).forEach((proof) => must(group.verify(proof))),
    theirs: async (round) => (await chiavdf!.verdicts(some(all, round, count))).ms,
  });
}

print(
  `${"Bun" in globalThis ? `Bun ${process.versions.bun}` : `Deno ${process.versions.deno}`}, ${proofs.length} proofs`,
);
for (const engine of ENGINES.filter((each) => each !== "wide" || hasWideArithmetic())) {
  if (engine !== "portable") {
    const began = milliseconds();
    const { moduleBytes, memoryBytes } = new EmittedArithmetic({ wide: engine === "wide", sha256 });
    const took = (milliseconds() - began).toFixed(1);
    print(`${engine}: a module of ${moduleBytes} bytes with ${memoryBytes} bytes of memory, made again in ${took} ms`);
  }
  const group = makeClassGroup({ sha256, from: engine });
  await compareProofs(group, `${engine}: proof of three segments`, ofThree!, 4);
  await compareProofs(group, `${engine}: proof of one segment`, compact!, 4);
  if (challenges.length > 0) {
    const of = (round: number) => some(challenges, round, 5);
    await compare(`${engine}: discriminant`, ROUNDS, {
      count: 5,
      ours: (round) =>
        of(round).forEach(({ seed, discriminant }) => must(group.createDiscriminant(seed, BITS) === discriminant)),
      theirs: async (round) => (await chiavdf!.discriminants(of(round))).ms,
    });
  }
  if (mainnet.length > 0) {
    const blocks = 48;
    await compare(`${engine}: a block of mainnet's 0 to 47`, ROUNDS_OF_ALL, {
      count: blocks,
      ours: () => {
        for (const { seed } of challenges) group.createDiscriminant(seed, BITS);
        for (const proof of proofs) must(group.verify(proof));
      },
      theirs: async () => (await chiavdf!.discriminants(challenges)).ms + (await chiavdf!.verdicts(proofs)).ms,
    });
  }
}
chiavdf?.close();
