/**
 * Records chiavdf's answers for `tests/data/chia/class-group.json.gz`: discriminants of many sizes and seeds, and proofs of time
 * of many sizes with verdicts of them and of altered ones. Run: `bun tests/support/record-class-group.ts`
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { toHex } from "../../lib/codec/hex.ts";
import { discriminantOf, writeForm } from "../../lib/engine/class-group/form-bytes.ts";
import { magnitude, squareRoot } from "../../lib/engine/class-group/numbers.ts";
import { compose, portableArithmetic, reduce, square } from "../../lib/engine/class-group/portable.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { alteredProofs } from "./altered-proofs.ts";
import { Chiavdf } from "./chiavdf.ts";

const FILE = new URL("../data/chia/class-group.json.gz", import.meta.url);
/** Bits, iterations, further segments. */
const PROOFS = [
  ...[[8, 300n, 0], [16, 900n, 1], [24, 700n, 2], [32, 1_000n, 0], [40, 600n, 3], [64, 900n, 0], [96, 800n, 1]],
  ...[[128, 2_000n, 1], [256, 1_000n, 2], [504, 700n, 0], [512, 1_200n, 2], [1_000, 900n, 0], [1_024, 3_000n, 2]],
  ...[[1_024, 1_000n, 0], [1_024, 200n, 1]],
] as const;
/** Every so many altered proofs are kept. */
const EVERY = 5;

const random = new SeededRandom(14);
const chiavdf = new Chiavdf();
const generator = Uint8Array.from({ length: 100 }, (_, i) => (i === 0 ? 8 : 0));

const challenges = [
  ...Array.from({ length: 64 }, (_, i) => ({ seed: random.bytes(32), bits: 8 * (1 + 2 * i) })),
  ...Array.from({ length: 24 }, () => ({ seed: random.bytes(32), bits: 1_024 })),
  // Counters that carry far, and seeds of every length that SHA-256 pads differently.
  ...[16, 64, 256, 1_024].flatMap((bits) =>
    [
      ...[new Uint8Array(32).fill(0xff), Uint8Array.from({ length: 32 }, (_, i) => (i < 4 ? i : 0xff))],
      ...[4, 5, 31, 54, 55, 56, 63, 64, 65, 200, 300].map((length) => random.bytes(length)),
      Uint8Array.from({ length: 68 }, (_, i) => (i < 60 ? i : 0xff)),
    ].map((seed) => ({ seed, bits }))
  ),
];
const { values } = await chiavdf.discriminants(challenges);
const discriminants = challenges.map(({ seed, bits }, i) => ({
  seed: toHex(seed),
  bits,
  discriminant: `-${(-values[i]!).toString(16)}`,
}));

const proofs = [];
for (const [bits, iterations, witnessType] of PROOFS) {
  const challenge = { seed: random.bytes(32), bits };
  const first = await chiavdf.prove(challenge, generator, iterations, witnessType);
  for (const proof of [first, await chiavdf.prove(challenge, first.output, iterations + 7n, witnessType)]) {
    const all = [...alteredProofs(proof, random)];
    const kept = all.filter((_, i) => i === 0 || random.below(EVERY) === 0).map((altered) => ({ ...altered, bits }));
    const { verdicts } = await chiavdf.verdicts(kept);
    const text = (value: (typeof kept)[number]) => ({
      input: toHex(value.input),
      output: toHex(value.output),
      witness: toHex(value.witness),
      witnessType: value.witnessType,
      iterations: value.iterations.toString(),
    });
    const whole = text(kept[0]!);
    proofs.push({
      bits,
      discriminant: `-${(-proof.discriminant).toString(16)}`,
      ...whole,
      // Only what is another than in the proof itself.
      verdicts: kept.map((altered, i) => ({
        what: altered.what,
        isRight: verdicts[i],
        ...Object.fromEntries(
          Object.entries(text(altered)).filter(([name, value]) => value !== whole[name as keyof typeof whole]),
        ),
      })),
    });
  }
}

// Forms of our own making whose bytes chiavdf reads as the same form: some, and all of many in which its way to the cofactor
// goes past Euclid's first remainder that is not above the root.
const forms = [];
const arithmetic = portableArithmetic(() => new Uint8Array(32));
for (const bits of [24, 64, 256, 512, 1_024]) {
  const { values: [value = 0n] } = await chiavdf.discriminants([{ seed: random.bytes(32), bits }]);
  const discriminant = discriminantOf(value);
  const kept: Uint8Array[] = [];
  let form = reduce({ a: 2n, b: 1n, c: (1n - value) / 8n });
  const first = form;
  for (let i = 0; i < 30_000; i++) {
    form = square(form, discriminant.bound);
    if (i % 3 === 0) form = compose(form, first, discriminant.bound);
    const b = magnitude(form.b);
    const isOther = form.a !== form.b && arithmetic.cofactor(form.a, b) !== firstBelow(form.a, b);
    if (i % 3_000 === 0 || isOther) kept.push(writeForm(arithmetic, discriminant, form.a, form.b));
  }
  const read = await chiavdf.read(value, kept);
  if (read.includes(undefined)) throw new Error("chiavdf does not read what was written");
  forms.push({
    bits,
    discriminant: `-${(-value).toString(16)}`,
    read: kept.map((bytes, i) => ({ bytes: toHex(bytes), a: read[i]!.a.toString(), b: read[i]!.b.toString() })),
  });
}

/** Euclid's first remainder that is not above the root of a: its cofactor. */
function firstBelow(a: bigint, b: bigint): bigint {
  const bound = squareRoot(a);
  let [r0, r1, u0, u1] = [a, b, 0n, 1n];
  while (r1 > bound) [r0, r1, u0, u1] = [r1, r0 % r1, u1, u0 - r0 / r1 * u1];
  return u1;
}
chiavdf.close();
const madeBy = "chiavdf 1.2.0, by tests/support/record-class-group.ts";
writeFileSync(FILE, gzipSync(JSON.stringify({ madeBy, discriminants, proofs, forms }), { level: 9 }));
const verdicts = proofs.flatMap((proof) => proof.verdicts);
const right = verdicts.filter(({ isRight }) => isRight).length;
process.stdout.write(`${forms.map(({ read }) => read.length).join(", ")} forms\n`);
process.stdout.write(`${discriminants.length} discriminants, ${verdicts.length} verdicts, ${right} of them right\n`);
