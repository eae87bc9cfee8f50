/** The verifier as its callers have it: every implementation, its choice, and its known answers. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { hasWideArithmetic } from "../../../lib/engine/assembler/mod.ts";
import { chooseEngine, type Engine, ENGINES } from "../../../lib/engine/engine.ts";
import { knownAnswers, selfTest } from "../../../lib/engine/secp256k1/known-answers.ts";
import { type Check, makeSecp256k1, type Secp256k1 } from "../../../lib/engine/secp256k1/mod.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const random = new SeededRandom(7);
const options = {
  sha256: (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest()),
  fillRandom: (bytes: Uint8Array) => void bytes.set(random.bytes(bytes.length)),
};
const here = ENGINES.filter((engine) => engine !== "wide" || hasWideArithmetic());

for (const engine of here) {
  describe(`secp256k1, ${engine}`, () => {
    const made = makeSecp256k1({ ...options, from: engine });
    const answers = knownAnswers();

    test("is the one that was asked for, and knows its answers", () => {
      assert.equal(made.engine, engine);
      assert.deepEqual(made.verdicts(answers.map(({ check }) => check)), answers.map(({ isGood }) => isGood));
    });

    test("takes more than a batch, in order, and nothing at all", () => {
      const checks = Array.from({ length: engine === "portable" ? 30 : 1_500 }, (_, i) => answers[i % answers.length]!);
      assert.deepEqual(made.verdicts(checks.map(({ check }) => check)), checks.map(({ isGood }) => isGood));
      assert.deepEqual(made.verdicts([]), []);
      assert.equal(made.areAllGood([]), true);
    });

    test("areAllGood() is what the verdicts say, of few and of many, of one kind and of all", () => {
      const good = answers.filter(({ isGood }) => isGood).map(({ check }) => check);
      const bad = answers.filter(({ isGood }) => !isGood).map(({ check }) => check);
      for (const count of [1, 10, engine === "portable" ? 5 : 300]) {
        const many = Array.from({ length: count }, () => good).flat();
        assert.equal(made.areAllGood(many), true);
        for (const check of bad) assert.equal(made.areAllGood([...many, check]), false);
      }
      const full = Array.from({ length: engine === "portable" ? 3 : 1_024 }, () => good[3]!);
      assert.equal(made.areAllGood(full), true);
      assert.equal(made.areAllGood([...full, bad[3]!]), false);
    });

    test("bytes of any length are a bad signature, and no error", () => {
      for (const { check } of answers) {
        for (const length of [0, 1, 31, 33, 63, 65, 66]) {
          for (const name of Object.keys(check)) {
            const value = check[name as keyof Check] as unknown;
            if (!(value instanceof Uint8Array) || value.length === length || name === "message") continue;
            const other = { ...check, [name]: new Uint8Array(length).fill(2) } as Check;
            assert.deepEqual(made.verdicts([other]), [false], `${check.kind}: ${name} of ${length}`);
          }
        }
      }
    });
  });
}

describe("chooseEngine()", () => {
  const lying = (lie: (engine: Engine) => boolean) => (engine: Engine): Secp256k1 => ({
    engine,
    verdicts: (checks) => {
      const right = knownAnswers();
      return checks.map((_, i) => (lie(engine) ? true : right[i]!.isGood));
    },
    areAllGood: (checks) => !lie(engine) && checks.length === 25,
  });

  test("passes over what gives a wrong answer, and says so", () => {
    const troubles: string[] = [];
    const onTrouble = ({ engine, message }: { engine: Engine; message: string }) =>
      troubles.push(`${engine}: ${message}`);
    const make = lying((engine) => engine !== "portable");
    assert.equal(chooseEngine({ make, selfTest, onTrouble }).engine, "portable");
    assert.deepEqual(troubles, here.slice(0, -1).map((engine) => `${engine}: secp256k1: known answer 5 is not false`));
  });

  test("takes none that is quicker than was asked for, and throws when none is right", () => {
    assert.equal(chooseEngine({ from: "plain", make: lying(() => false), selfTest }).engine, "plain");
    assert.throws(() => chooseEngine({ make: lying(() => true), selfTest }), /known answer/);
  });
});
