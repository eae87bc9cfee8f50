/** Signatures that are judged together: verdict, error and the first bad input are those of each judged at once. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { scriptVerdict, spendsFromBytes, spendsToBytes } from "../../../lib/bitcoin/chain/script-job.ts";
import {
  CHECKS_MAX,
  NO_FLAGS,
  ScriptBatch,
  ScriptFlag,
  SpendingTransaction,
  verifyTransaction,
} from "../../../lib/bitcoin/script/mod.ts";
import { Transaction, type TxOutput } from "../../../lib/bitcoin/types/mod.ts";
import type { Check, Secp256k1 } from "../../../lib/engine/secp256k1/mod.ts";
import { parseScript, spendOf } from "../../support/script-text.ts";

/** A key by its x, which is all the same to the verifier below. */
const KEY = "0x21 0x02" + "11".repeat(32);
/** A strict signature of r = s = 1, or 2 for one that is not good, with hash type ALL. */
const GOOD = "0x09 0x300602010102010101";
const BAD = "0x09 0x300602010202010201";
const EMPTY = new Uint8Array(0);

/** Finds every check good whose first number is 1, and remembers how it was asked. */
class Judge implements Secp256k1 {
  readonly engine = "portable";
  /** How many checks each question had. */
  readonly asked: number[] = [];

  verdicts(checks: readonly Check[]): boolean[] {
    this.asked.push(checks.length);
    return checks.map((check) => check.kind === "tweak" || check.signature[31] === 1);
  }

  areAllGood(checks: readonly Check[]): boolean {
    return this.verdicts(checks).every((isGood) => isGood);
  }
}

/** A transaction whose inputs spend these: script of the input, script of the output. */
function spending(...inputs: readonly (readonly [scriptSig: string, scriptPubKey: string])[]): {
  readonly transaction: Transaction;
  readonly spent: readonly TxOutput[];
} {
  const transaction = Transaction.of({
    version: 2,
    inputs: inputs.map(([scriptSig], vout) => ({
      prevout: { txid: new Uint8Array(32).fill(7), vout },
      scriptSig: parseScript(scriptSig),
      sequence: 0,
      witness: [],
    })),
    outputs: [{ value: 1n, scriptPubKey: EMPTY }],
    lockTime: 0,
  });
  return { transaction, spent: inputs.map(([, script]) => ({ value: 1n, scriptPubKey: parseScript(script) })) };
}

function verdictOf(...inputs: readonly (readonly [scriptSig: string, scriptPubKey: string])[]) {
  const { transaction, spent } = spending(...inputs);
  const judge = new Judge();
  return { failure: verifyTransaction(transaction, spent, NO_FLAGS, judge), asked: judge.asked };
}

const CHECKSIG = `${KEY} CHECKSIG`;

describe("ScriptBatch", () => {
  test("add() asks once for all signatures that must be good", () => {
    const { failure, asked } = verdictOf([GOOD, CHECKSIG], [GOOD, CHECKSIG], [
      `${GOOD} ${GOOD}`,
      `${KEY} CHECKSIGVERIFY ${CHECKSIG}`,
    ]);
    assert.equal(failure, undefined);
    assert.deepEqual(asked.filter((count) => count > 0), [4]);
  });

  test("finish() tells a signature that is not good by its input", () => {
    const { failure } = verdictOf([GOOD, CHECKSIG], [BAD, CHECKSIG], [BAD, CHECKSIG]);
    assert.deepEqual(failure, { input: 1, error: "SCRIPT_ERR_EVAL_FALSE" });
  });

  test("finish() passes an input that is good because its signature is not", () => {
    assert.equal(verdictOf([BAD, `${CHECKSIG} NOT`]).failure, undefined);
    assert.equal(verdictOf([BAD, `${CHECKSIG} DROP 1`], [GOOD, CHECKSIG]).failure, undefined);
    assert.deepEqual(verdictOf([GOOD, `${CHECKSIG} NOT`]).failure, { input: 0, error: "SCRIPT_ERR_EVAL_FALSE" });
  });

  test("finish() tells the error that comes first, not the one behind a signature taken on trust", () => {
    const { failure } = verdictOf([BAD, `${KEY} CHECKSIGVERIFY RETURN`]);
    assert.deepEqual(failure, { input: 0, error: "SCRIPT_ERR_CHECKSIGVERIFY" });
    // In the other branch that a bad signature leads to.
    const branch = verdictOf([BAD, `${CHECKSIG} IF 1 ELSE RETURN ENDIF`]);
    assert.deepEqual(branch.failure, { input: 0, error: "SCRIPT_ERR_OP_RETURN" });
  });

  test("finish() tells the first bad input where a later one failed earlier", () => {
    const { failure } = verdictOf([BAD, CHECKSIG], ["0", "VERIFY 1"]);
    assert.deepEqual(failure, { input: 0, error: "SCRIPT_ERR_EVAL_FALSE" });
    const later = verdictOf([BAD, `${CHECKSIG} NOT`], ["0", "VERIFY 1"]);
    assert.deepEqual(later.failure, { input: 1, error: "SCRIPT_ERR_VERIFY" });
  });

  test("add() defers a multisig whose signatures must all fit, and judges others one by one", () => {
    const all = verdictOf([`0 ${GOOD} ${GOOD}`, `2 ${KEY} ${KEY} 2 CHECKMULTISIG`]);
    assert.deepEqual([all.failure, all.asked.filter((count) => count > 0)], [undefined, [2]]);
    // The last of three keys may be skipped for either; after that both must fit.
    const some = verdictOf([`0 ${GOOD} ${GOOD}`, `2 ${KEY} ${KEY} ${KEY} 3 CHECKMULTISIG`]);
    assert.deepEqual([some.failure, some.asked.filter((count) => count > 0)], [undefined, [1, 1]]);
    const skipped = verdictOf([`0 ${BAD}`, `1 ${KEY} ${KEY} 2 CHECKMULTISIG NOT`]);
    assert.equal(skipped.failure, undefined);
    assert.deepEqual(skipped.asked.filter((count) => count > 0), [1, 1, 1], "the second on trust, and then again");
  });

  test("add() asks for no key that has no shape, and for no empty signature", () => {
    const { failure, asked } = verdictOf([GOOD, `0x20 0x02${"11".repeat(31)} CHECKSIG NOT`], ["0", `${CHECKSIG} NOT`]);
    assert.deepEqual([failure, asked.filter((count) => count > 0)], [undefined, []]);
  });

  test("add() takes no signature on trust whose digest costs much to compute again", () => {
    const many = Array.from({ length: 800 }, (_, i) => [i % 2 === 0 ? GOOD : BAD, `${CHECKSIG} DROP 1`] as const);
    const { failure, asked } = verdictOf(...many);
    assert.equal(failure, undefined);
    assert.deepEqual(asked.filter((count) => count > 0), new Array<number>(800).fill(1));
  });

  test(`add() lets no more than ${CHECKS_MAX} checks wait`, () => {
    const judge = new Judge();
    const batch = new ScriptBatch(judge, NO_FLAGS);
    const { transaction, spent } = spending(...Array.from({ length: 100 }, () => [GOOD, CHECKSIG] as const));
    for (let i = 0; i < 100; i++) assert.equal(batch.add(new SpendingTransaction(transaction, spent)), false);
    assert.equal(batch.finish(), undefined);
    assert.ok(Math.max(...judge.asked) <= CHECKS_MAX, String(judge.asked));
    assert.equal(judge.asked.reduce((sum, count) => sum + count), 10_000);
  });

  test("add() lets no more wait of one script either", () => {
    const count = CHECKS_MAX + 500;
    const script = Uint8Array.from(
      { length: 2 * count + 1 },
      (_, i) => i === 2 * count ? 0x51 : i % 2 === 0 ? 0x6e : 0xad,
    );
    const signature = new Uint8Array(64).fill(1);
    const leaf = Uint8Array.of(...script.subarray(0, -1), 0x6d, 0x51);
    const annex = new Uint8Array(50 * count).fill(0x50);
    const witness = [signature, new Uint8Array(32), leaf, new Uint8Array(33).fill(0xc0), annex];
    const { transaction, spent } = spendOf(Uint8Array.of(0x51, 32, ...signature.subarray(0, 32)), EMPTY, { witness });
    const judge = new Judge();
    const flags = ScriptFlag.P2SH | ScriptFlag.WITNESS | ScriptFlag.TAPROOT;
    assert.equal(verifyTransaction(transaction, [spent], flags, judge), undefined);
    assert.ok(Math.max(...judge.asked) <= CHECKS_MAX);
    // The leaf's own commitment is one more.
    assert.equal(judge.asked.reduce((sum, each) => sum + each), count + 1);
  });

  test("add() executes nothing after an input that failed", () => {
    const batch = new ScriptBatch(new Judge(), NO_FLAGS);
    const bad = spending(["1", "RETURN"]);
    assert.equal(batch.add(new SpendingTransaction(bad.transaction, bad.spent)), true);
    const judge = new Judge();
    assert.equal(batch.add(new SpendingTransaction(bad.transaction, bad.spent)), true);
    assert.deepEqual([batch.finish(), judge.asked], [{ transaction: 0, input: 0, error: "SCRIPT_ERR_OP_RETURN" }, []]);
  });

  test("constructor() refuses rules that cannot be without others", () => {
    for (const flags of [ScriptFlag.WITNESS, ScriptFlag.CLEANSTACK | ScriptFlag.P2SH, 1 << 30]) {
      assert.throws(() => new ScriptBatch(new Judge(), flags), RangeError);
    }
  });
});

describe("verifyTransaction()", () => {
  test("throws when there are not as many outputs as inputs", () => {
    const { transaction } = spending(["1", "1"]);
    assert.throws(() => verifyTransaction(transaction, [], NO_FLAGS, new Judge()), RangeError);
  });
});

describe("the job of scripts", () => {
  const two = [spending(["1", "1"], ["1", "1"]), spending(["", "1"], ["", "0"])];

  test("spendsFromBytes() gives what spendsToBytes() was given", () => {
    const back = [...spendsFromBytes(spendsToBytes(two))];
    assert.deepEqual(back.map(({ bytes }) => bytes), two.map(({ transaction }) => transaction.raw));
    assert.deepEqual(back.map(({ spent }) => spent), two.map(({ spent }) => spent));
    assert.throws(() => [...spendsFromBytes(spendsToBytes(two).subarray(0, -1))], {
      name: "CodecError",
      code: "short",
    });
  });

  test("scriptVerdict() tells which input of which transaction fails first", async () => {
    const { failure } = await scriptVerdict.run({ spends: spendsToBytes(two), flags: NO_FLAGS, engine: "portable" });
    assert.deepEqual(failure, { transaction: 1, input: 1, error: "SCRIPT_ERR_EVAL_FALSE" });
    const good = await scriptVerdict.run({
      spends: spendsToBytes(two.slice(0, 1)),
      flags: NO_FLAGS,
      engine: "portable",
    });
    assert.deepEqual(good, { engine: "portable" });
  });

  test("scriptVerdict() lets others on its thread have their turn after each input", async () => {
    let turns = 0;
    const giveWay = () => void (turns += 1) as undefined;
    const input = { flags: NO_FLAGS, engine: "portable" } as const;
    assert.deepEqual(await scriptVerdict.run({ ...input, spends: spendsToBytes(two) }, giveWay), {
      engine: "portable",
      failure: { transaction: 1, input: 1, error: "SCRIPT_ERR_EVAL_FALSE" },
    });
    assert.equal(turns, 4);
  });
});
