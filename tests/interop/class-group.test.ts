/** Forms and proofs of time beside chiavdf itself: what it reads, what it finds right, and what discriminants it makes. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Arithmetic } from "../../lib/engine/class-group/arithmetic.ts";
import { EmittedArithmetic } from "../../lib/engine/class-group/emitted.ts";
import { type Discriminant, discriminantOf, readForm, writeForm } from "../../lib/engine/class-group/form-bytes.ts";
import { makeClassGroup } from "../../lib/engine/class-group/mod.ts";
import type { Form } from "../../lib/engine/class-group/numbers.ts";
import { compose, portableArithmetic, reduce, square } from "../../lib/engine/class-group/portable.ts";
import { hasWideArithmetic } from "../../lib/engine/assembler/mod.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { alteredProofs } from "../support/altered-proofs.ts";
import { chiaMissing } from "../support/chia-python.ts";
import { Chiavdf } from "../support/chiavdf.ts";
import { effort, isLong, seed } from "../support/effort.ts";

const TIMEOUT_MS = isLong ? 7_200_000 : 120_000;
const SIZES = [8, 16, 24, 32, 40, 64, 96, 128, 256, 504, 512, 1_000, 1_024, 1_024, 1_024, 1_024];
/** Questions of one line. */
const AT_ONCE = 500;

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const generator = Uint8Array.from({ length: 100 }, (_, i) => (i === 0 ? 8 : 0));
const missing = chiaMissing();

describe("class groups beside chiavdf", { skip: missing }, () => {
  let chiavdf: Chiavdf;
  const random = new SeededRandom(seed);
  const emitted = new EmittedArithmetic({ wide: hasWideArithmetic(), sha256 });
  const portable = portableArithmetic(sha256);
  before(() => void (chiavdf = new Chiavdf()));
  after(() => chiavdf?.close());

  test("createDiscriminant() makes the same", { timeout: TIMEOUT_MS }, async () => {
    const group = makeClassGroup({ sha256 });
    const challenges = Array.from(
      { length: effort("discriminants beside chiavdf", 60, 2_000) },
      (_, i) => ({
        seed: random.bytes(i % 4 === 0 ? 4 + random.below(100) : 32),
        bits: i % 2 === 0 ? 1_024 : 8 * (1 + random.below(128)),
      }),
    );
    const { values } = await chiavdf.discriminants(challenges);
    for (const [i, each] of challenges.entries()) {
      assert.equal(group.createDiscriminant(each.seed, each.bits), values[i], `${each.bits} bits`);
    }
  });

  test("writeForm() writes what is read as the same form, and readForm() takes what chiavdf takes", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const count = effort("forms written and read beside chiavdf", 4_000, 100_000);
    const bitsList = [64, 256, 1_024, 1_024];
    for (const bits of bitsList) {
      const { values: [value = 0n] } = await chiavdf.discriminants([{ seed: random.bytes(32), bits }]);
      const discriminant = discriminantOf(value);
      let form: Form = reduce({ a: 2n, b: 1n, c: (1n - value) / 8n });
      const first = form;
      for (let done = 0; done < count / bitsList.length; done += AT_ONCE) {
        const bytes: Uint8Array[] = [];
        const forms: (Form | undefined)[] = [];
        const engine = (done / AT_ONCE) % 4 === 3 ? portable : emitted;
        for (let i = 0; i < AT_ONCE; i++) {
          form = square(form, discriminant.bound);
          if (random.below(3) === 0) form = compose(form, first, discriminant.bound);
          bytes.push(asBytes(engine, discriminant, form, i));
          forms.push(readForm(engine, discriminant, bytes[i]!)?.form);
        }
        const theirs = await chiavdf.read(value, bytes);
        for (const [i, ours] of forms.entries()) {
          assert.deepEqual(ours && { a: ours.a, b: ours.b }, theirs[i], `${bits} bits: ${bytes[i]!.join(" ")}`);
        }
        // A reduced form is always read.
        assert.ok(forms.every((each, i) => i % 4 !== 0 || each !== undefined));
      }
    }
  });

  test(
    "readForm() takes any bytes as chiavdf takes them, of small discriminants",
    { timeout: TIMEOUT_MS },
    async () => {
      const count = effort("any bytes read beside chiavdf", 4_000, 200_000);
      let taken = 0;
      for (let done = 0; done < count; done += AT_ONCE) {
        const bits = [8, 16, 24, 32, 40, 48, 64, 72][(done / AT_ONCE) % 8]!;
        const { values: [value = 0n] } = await chiavdf.discriminants([{ seed: random.bytes(32), bits }]);
        const discriminant = discriminantOf(value);
        const [aBytes, tBytes] = [Math.ceil(bits / 32) * 2, Math.ceil(bits / 32)];
        const bytes = Array.from({ length: AT_ONCE }, () => {
          // Small numbers are a form more often.
          const form = new Uint8Array(100);
          form[0] = random.below(4);
          form[1] = Number(bits > 32 && random.below(8) === 0);
          form.set(random.bytes(random.below(8) === 0 ? aBytes : 1), 2);
          form.set(random.bytes(random.below(8) === 0 ? tBytes : 1), 2 + aBytes);
          form[2 + aBytes]! &= 15;
          form[2 + aBytes + tBytes] = [1, 1, 1, 1, 2, 3, 0, 4][random.below(8)]!;
          form[3 + aBytes + tBytes] = random.below(3);
          if (random.below(50) === 0) form[random.below(100)]! ^= 1;
          return form;
        });
        const theirs = await chiavdf.read(value, bytes);
        for (const [i, each] of bytes.entries()) {
          const ours = readForm(i % 2 === 0 ? emitted : portable, discriminant, each)?.form;
          assert.deepEqual(ours && { a: ours.a, b: ours.b }, theirs[i], `${bits} bits, ${value}: ${each.join(" ")}`);
          taken += Number(ours !== undefined);
        }
      }
      assert.ok(taken > count / 1_000);
    },
  );

  /** Three of four are not reduced, or have a bit changed. */
  function asBytes(engine: Arithmetic, discriminant: Discriminant, { a, b, c }: Form, i: number): Uint8Array {
    if (i % 4 === 1) return writeForm(engine, discriminant, c, -b);
    if (i % 4 === 2) return writeForm(engine, discriminant, a, b + 2n * a * BigInt(random.below(9) - 4));
    const bytes = writeForm(engine, discriminant, a, b);
    if (i % 4 === 3) {
      const bit = random.below(8 * bytes.length);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    return bytes;
  }

  test("verify() gives the same verdicts of proofs and of altered ones", { timeout: TIMEOUT_MS }, async () => {
    const [group, second] = [makeClassGroup({ sha256 }), makeClassGroup({ sha256, from: "portable" })];
    const count = effort("proofs beside chiavdf, each with its altered ones", 8, 1_000);
    let [asked, right] = [0, 0];
    for (let i = 0; i < count; i++) {
      const bits = SIZES[random.below(SIZES.length)]!;
      const challenge = { seed: random.bytes(32), bits };
      const witnessType = random.below(4);
      const iterations = BigInt((witnessType + 1) * (1 + random.below(900)));
      let proof = await chiavdf.prove(challenge, generator, iterations, witnessType);
      if (random.below(2) === 1) proof = await chiavdf.prove(challenge, proof.output, iterations + 1n, witnessType);
      const all = [...alteredProofs(proof, random)].map((altered) => ({ ...altered, bits }));
      const { verdicts } = await chiavdf.verdicts(all);
      assert.equal(verdicts[0], true);
      for (const [k, altered] of all.entries()) {
        const what = `seed ${seed}, proof ${i} of ${bits} bits: ${altered.what}`;
        assert.equal(group.verify(altered), verdicts[k], what);
        // BigInt takes its time.
        if (k === 0 || random.below(8) === 0) assert.equal(second.verify(altered), verdicts[k], `portable, ${what}`);
        asked++;
        right += Number(verdicts[k]);
      }
    }
    assert.ok(right > count && asked > 40 * count);
  });
});
