/** Scripts beside Bitcoin Core's own engine: at random and changed ones, and spends of every kind with what may go wrong. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { toHex } from "../../lib/codec/hex.ts";
import { ImmediateChecker, SpendingTransaction, verifyInput, verifyTransaction } from "../../lib/bitcoin/script/mod.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { effort, isLong, seed } from "../support/effort.ts";
import { ScriptOracle, scriptOracleMissing, type ScriptQuestion } from "../support/script-oracle.ts";
import { randomQuestion } from "../support/script-questions.ts";
import { SpendMaker } from "../support/script-spends.ts";
import { secp256k1Of } from "../support/secp256k1-engines.ts";

const TIMEOUT_MS = isLong ? 7_200_000 : 180_000;
/** Questions at once. */
const AT_ONCE = 500;

/** Our verdict on each input by itself, and on the first bad one of all together. */
function ours({ transaction, spent, flags }: ScriptQuestion) {
  const secp = secp256k1Of("wide");
  const spending = new SpendingTransaction(transaction, spent);
  const checker = new ImmediateChecker(secp);
  return {
    each: spent.map((_, input) => verifyInput({ transaction: spending, input, flags, checker }) ?? "good"),
    first: verifyTransaction(transaction, spent, flags, secp),
  };
}

function described({ transaction, spent, flags }: ScriptQuestion): string {
  const outputs = spent.map(({ value, scriptPubKey }) => `${value}:${toHex(scriptPubKey)}`);
  return JSON.stringify({ transaction: toHex(transaction.raw), spent: outputs, flags });
}

describe("scripts beside Bitcoin Core's engine", { skip: scriptOracleMissing }, () => {
  let oracle: ScriptOracle;
  before(() => void (oracle = new ScriptOracle()));
  after(() => oracle?.close());

  /** Asks for so many questions, and counts what came out. */
  async function compare(count: number, make: (random: SeededRandom) => ScriptQuestion): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (let done = 0; done < count; done += AT_ONCE) {
      const random = new SeededRandom(seed).fork(`${done}`);
      const questions = Array.from({ length: Math.min(AT_ONCE, count - done) }, () => make(random));
      const answers = await oracle.verdicts(questions);
      for (const [i, question] of questions.entries()) {
        const { each, first } = ours(question);
        assert.deepEqual(each, answers[i], described(question));
        const input = answers[i]!.findIndex((answer) => answer !== "good");
        const expected = input < 0 ? undefined : { input, error: answers[i]![input]! };
        assert.deepEqual(first, expected, described(question));
        for (const answer of each) found.set(answer, (found.get(answer) ?? 0) + 1);
      }
    }
    return found;
  }

  test("verifyTransaction() judges random and changed scripts as Core does", { timeout: TIMEOUT_MS }, async () => {
    const count = effort("scripts beside Core's engine, random and changed", 30_000, 1_000_000);
    const found = await compare(count, randomQuestion);
    assert.ok(found.get("good")! > count / 50, JSON.stringify([...found]));
    assert.ok(found.size > 35, JSON.stringify([...found]));
  });

  test("verifyTransaction() judges spends of every kind as Core does", { timeout: TIMEOUT_MS }, async () => {
    const count = effort("transactions beside Core's engine, spends of every kind", 2_000, 100_000);
    const found = await compare(count, (random) => new SpendMaker(random).question());
    assert.ok(found.get("good")! > count / 3, JSON.stringify([...found]));
    const corners = ["TAPSCRIPT_VALIDATION_WEIGHT", "DISCOURAGE_OP_SUCCESS", "DISCOURAGE_UPGRADABLE_TAPROOT_VERSION"];
    for (const corner of corners) assert.ok(found.get(`SCRIPT_ERR_${corner}`)! > count / 1_000, corner);
    assert.ok(found.size > 35, JSON.stringify([...found]));
  });
});
