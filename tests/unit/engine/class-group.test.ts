/** Proofs of time as their callers have them: every implementation, held to chiavdf's answers. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { fromHex } from "../../../lib/codec/hex.ts";
import { hasWideArithmetic } from "../../../lib/engine/assembler/mod.ts";
import { knownDiscriminant, knownProofs, selfTest } from "../../../lib/engine/class-group/known-answers.ts";
import { type ClassGroup, makeClassGroup, type TimeProof } from "../../../lib/engine/class-group/mod.ts";
import { chooseEngine, type Engine, ENGINES } from "../../../lib/engine/engine.ts";
import { effort } from "../../support/effort.ts";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const here = ENGINES.filter((engine) => engine !== "wide" || hasWideArithmetic());

interface Texts {
  readonly input: string;
  readonly output: string;
  readonly witness: string;
  readonly witnessType: number;
  readonly iterations: string;
}
interface Recorded {
  readonly discriminants: readonly { readonly seed: string; readonly bits: number; readonly discriminant: string }[];
  readonly proofs: readonly (Texts & {
    readonly bits: number;
    readonly discriminant: string;
    readonly verdicts: readonly (Partial<Texts> & { readonly what: string; readonly isRight: boolean })[];
  })[];
}
interface Mainnet {
  readonly time: readonly (Omit<Texts, "iterations"> & {
    readonly challenge: string;
    readonly discriminant: string;
    readonly iterations: number | string;
    readonly height: number;
    readonly kind: string;
    readonly valid: boolean;
  })[];
}

const unpack = <T>(file: URL) => JSON.parse(gunzipSync(readFileSync(file)).toString()) as T;
const recorded = unpack<Recorded>(new URL("../../data/chia/class-group.json.gz", import.meta.url));
/** "-" and hex digits, with or without 0x. */
const negative = (text: string) => -BigInt(`0x${text.replace(/^-(0x)?/, "")}`);
const bytes = (text: string) => fromHex(text.replace(/^0x/, ""));
const proofOf = (discriminant: bigint, texts: Texts): TimeProof => ({
  discriminant,
  input: bytes(texts.input),
  output: bytes(texts.output),
  witness: bytes(texts.witness),
  witnessType: texts.witnessType,
  iterations: BigInt(texts.iterations),
});

/** A copy of public blocks that lies beside this repository. */
const mainnet = new URL("../../../../shared/vectors/chia/mainnet/blocks-0-47-proofs.json.gz", import.meta.url);
const isMainnetHere = existsSync(mainnet);
const skip = isMainnetHere ? false : "the proofs of mainnet's blocks are not here";
if (skip) process.stdout.write(`skipped: ${skip}\n`);

for (const engine of here) {
  describe(`class group, ${engine}`, () => {
    const made = makeClassGroup({ sha256, from: engine });

    test("is the one that was asked for, and knows its answers", () => {
      assert.equal(made.engine, engine);
      const { seed, bits, discriminant } = knownDiscriminant();
      assert.equal(made.createDiscriminant(seed, bits), discriminant);
      for (const { proof, isRight } of knownProofs()) assert.equal(made.verify(proof), isRight);
    });

    test("createDiscriminant() gives chiavdf's, of every size and of seeds of every length", () => {
      for (const { seed, bits, discriminant } of recorded.discriminants) {
        assert.equal(made.createDiscriminant(bytes(seed), bits), negative(discriminant), `${bits} bits of ${seed}`);
      }
    });

    test("verify() says what chiavdf says of proofs and of altered ones", () => {
      let right = 0;
      for (const { discriminant, bits, verdicts, ...texts } of recorded.proofs) {
        for (const { what, isRight, ...changes } of verdicts) {
          const proof = proofOf(negative(discriminant), { ...texts, ...changes });
          assert.equal(made.verify(proof), isRight, `${bits} bits: ${what}`);
          right += Number(isRight);
        }
      }
      assert.ok(right > 100);
    });

    test("verify() says what chiavdf says of the proofs of mainnet's blocks 0 to 47", { skip }, () => {
      const { time } = unpack<Mainnet>(mainnet);
      const count = engine === "wide" ? time.length : effort(`mainnet's proofs, ${engine}`, 30, time.length);
      const discriminants = new Map<string, bigint>();
      for (let i = 0; i < count; i++) {
        const { challenge, discriminant, valid, height, kind, iterations, ...texts } =
          time[Math.floor(i * time.length / count)]!;
        if (!discriminants.has(challenge)) {
          const value = made.createDiscriminant(bytes(challenge), 1_024);
          assert.equal(value, negative(discriminant), `the discriminant of ${challenge}`);
          discriminants.set(challenge, value);
        }
        const proof = proofOf(negative(discriminant), { ...texts, iterations: String(iterations) });
        assert.equal(made.verify(proof), valid, `block ${height}: ${kind}`);
      }
    });

    test("verify() takes bytes of any length, and any numbers, for a wrong proof", () => {
      const { proof } = knownProofs()[0]!;
      for (const length of [0, 1, 2, 99, 101, 240, 242, 1_000]) {
        for (const name of ["input", "output", "witness"] as const) {
          for (const fill of [0, 1, 4, 8, 0xff]) {
            assert.equal(made.verify({ ...proof, [name]: new Uint8Array(length).fill(fill) }), false);
          }
        }
      }
      for (const witnessType of [-1, 0, 2, 0.5, NaN, Infinity, 2 ** 53]) {
        assert.equal(made.verify({ ...proof, witnessType }), false);
      }
      for (const iterations of [-1n, 1n << 64n, (1n << 64n) + proof.iterations]) {
        assert.equal(made.verify({ ...proof, iterations }), false);
      }
    });

    test("a discriminant that is none, and a seed of which none comes, are the caller's mistakes", () => {
      const { proof } = knownProofs()[0]!;
      for (const discriminant of [0n, 7n, -1n, -4n, -(1n << 1_024n) - 7n, -proof.discriminant]) {
        assert.throws(() => made.verify({ ...proof, discriminant }), RangeError);
      }
      const seed = sha256(new Uint8Array(0));
      for (const bits of [0, -8, 4, 12, 1_032, NaN]) {
        assert.throws(() => made.createDiscriminant(seed, bits), RangeError);
      }
      assert.throws(() => made.createDiscriminant(new Uint8Array(0), 1_024), RangeError);
      // 64 candidates, over and over.
      assert.throws(() => made.createDiscriminant(Uint8Array.of(7), 1_024), RangeError);
    });
  });
}

describe("chooseEngine()", () => {
  const answers = knownProofs();
  const lying = (lie: (engine: Engine) => string | undefined) => (engine: Engine): ClassGroup => ({
    engine,
    createDiscriminant: () => knownDiscriminant().discriminant + (lie(engine) === "discriminant" ? 8n : 0n),
    verify: (proof) => {
      const i = answers.findIndex((each) => JSON.stringify(each.proof, text) === JSON.stringify(proof, text));
      return answers[i]!.isRight !== (lie(engine) === `proof ${i}`);
    },
  });
  const text = (_: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);

  test("passes over an implementation with one wrong answer, whichever it is, and says so", () => {
    for (const wrong of ["discriminant", ...answers.map((_, i) => `proof ${i}`)]) {
      const troubles: string[] = [];
      const make = lying((engine) => (engine === "portable" ? undefined : wrong));
      const made = chooseEngine({ make, selfTest, onTrouble: ({ engine }) => troubles.push(engine) });
      assert.equal(made.engine, "portable");
      assert.deepEqual(troubles, here.slice(0, -1));
    }
    assert.throws(() => chooseEngine({ make: lying(() => "proof 1"), selfTest }), /known proof 1/);
  });
});
