/** Proofs of time that are altered: wrong ones, and ones that say the same in other bytes. */
import { discriminantOf, FORM_BYTES, readForm, writeForm } from "../../lib/engine/class-group/form-bytes.ts";
import { SEGMENT_BYTES, type TimeProof } from "../../lib/engine/class-group/mod.ts";
import { portableArithmetic } from "../../lib/engine/class-group/portable.ts";
import type { SeededRandom } from "../../lib/sim/random.ts";

/** A proof with what was done to it. */
export interface AlteredProof extends TimeProof {
  readonly what: string;
}

const arithmetic = portableArithmetic(() => {
  throw new Error("nothing is hashed here");
});

const changed = (bytes: Uint8Array, change: (copy: Uint8Array) => void) => {
  const copy = bytes.slice();
  change(copy);
  return copy;
};
/** Some of the bytes replaced. */
const put = (bytes: Uint8Array, at: number, part: Uint8Array) => changed(bytes, (copy) => copy.set(part, at));
const flip = (bytes: Uint8Array, bit: number) => changed(bytes, (copy) => void (copy[bit >> 3]! ^= 1 << (bit & 7)));
const flagged = (flags: number) => Uint8Array.from({ length: FORM_BYTES }, (_, i) => (i === 0 ? flags : 0));

/** Other bytes of the same form, reduced or not, whether they can be read or not. */
function otherBytes(proof: TimeProof, bytes: Uint8Array): { readonly what: string; readonly bytes: Uint8Array }[] {
  const discriminant = discriminantOf(proof.discriminant);
  const read = readForm(arithmetic, discriminant, bytes);
  if (read === undefined) return [];
  const { a, b, c } = read.form;
  const pairs: readonly (readonly [string, bigint, bigint])[] = [
    ["swapped", c, -b],
    ["swapped the other way", c, b],
    ["b + 2 a", a, b + 2n * a],
    ["b − 2 a", a, b - 2n * a],
    ["b + 8 a", a, b + 8n * a],
    ["inverse", a, -b],
    ["a + b + c", a + b + c, b + 2n * a],
  ];
  return [
    ...pairs.map(([what, x, y]) => ({ what, bytes: writeForm(arithmetic, discriminant, x, y) })),
    { what: "stray byte at 50", bytes: changed(bytes, (copy) => copy[50]! ^= 7) },
    { what: "stray last byte", bytes: changed(bytes, (copy) => copy[99]! ^= 1) },
    { what: "b0 larger by 4", bytes: changed(bytes, (copy) => copy[99]! ^= 4) },
    { what: "other flags beside", bytes: changed(bytes, (copy) => copy[0]! ^= 0xf0) },
    { what: "b's sign", bytes: changed(bytes, (copy) => copy[0]! ^= 1) },
    { what: "t's sign", bytes: changed(bytes, (copy) => copy[0]! ^= 2) },
    ...[4, 8, 12, 0xff].map((flags) => ({ what: `flag ${flags}`, bytes: flagged(flags) })),
    ...[1, 31, 32, 255].map((length) => ({
      what: `g of ${length}`,
      bytes: changed(bytes, (copy) => copy[1] = length),
    })),
  ];
}

/** All that is done to one proof. */
export function* alteredProofs(proof: TimeProof, random: SeededRandom): Generator<AlteredProof> {
  const { input, output, witness, witnessType, iterations } = proof;
  yield { ...proof, what: "as it is" };
  for (const by of [1n, -1n]) {
    if (iterations + by >= 0n) yield { ...proof, iterations: iterations + by, what: `iterations + ${by}` };
  }
  yield { ...proof, iterations: 0n, what: "no iterations" };
  yield { ...proof, iterations: (1n << 64n) - 1n, what: "all iterations" };
  for (const name of ["input", "output", "witness"] as const) {
    const bytes = proof[name];
    for (let i = 0; i < 3; i++) {
      const bit = random.below(8 * bytes.length);
      yield { ...proof, [name]: flip(bytes, bit), what: `${name}: bit ${bit}` };
    }
    for (let at = 0; at + FORM_BYTES <= bytes.length; at += at === 0 ? SEGMENT_BYTES : SEGMENT_BYTES) {
      for (const { what, bytes: other } of otherBytes(proof, bytes.subarray(at, at + FORM_BYTES))) {
        yield { ...proof, [name]: put(bytes, at, other), what: `${name} at ${at}: ${what}` };
      }
    }
    yield { ...proof, [name]: put(bytes, 0, random.bytes(FORM_BYTES)), what: `${name}: any bytes` };
  }
  yield { ...proof, input: output, output: input, what: "backwards" };
  for (const length of [0, 1, 99, 101, witness.length - 1, witness.length + 1, witness.length + SEGMENT_BYTES]) {
    yield {
      ...proof,
      witness: put(new Uint8Array(Math.max(length, witness.length)), 0, witness).slice(0, length),
      what: `witness of ${length}`,
    };
  }
  for (const type of [witnessType + 1, witnessType - 1, 255]) {
    if (type >= 0) yield { ...proof, witnessType: type, what: `type ${type}` };
  }
  if (witnessType === 0) return;
  const iterationsAt = (k: number) => FORM_BYTES + k * SEGMENT_BYTES;
  const more = (bytes: Uint8Array, at: number, by: number) => changed(bytes, (copy) => void (copy[at + 7]! += by));
  yield { ...proof, witness: more(witness, iterationsAt(0), 1), what: "a segment longer" };
  yield { ...proof, witness: more(witness, iterationsAt(0), -1), what: "a segment shorter" };
  yield {
    ...proof,
    witness: put(witness, iterationsAt(0), new Uint8Array(8).fill(0xff)),
    what: "a segment of all iterations",
  };
  for (const bit of [0, 5, 262]) {
    yield { ...proof, witness: flip(witness, 8 * (iterationsAt(0) + 8) + bit), what: `challenge: bit ${bit}` };
  }
  if (witnessType < 2) return;
  const [first, second] = [0, 1].map((k) => witness.slice(iterationsAt(k), iterationsAt(k + 1)));
  yield {
    ...proof,
    witness: put(put(witness, iterationsAt(0), second!), iterationsAt(1), first!),
    what: "segments in another order",
  };
}
