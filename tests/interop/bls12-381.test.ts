/** Aggregate signatures and points of BLS12-381 beside chia_rs itself: good ones, changed ones, and bytes at random. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fromHex } from "../../lib/codec/hex.ts";
import { hasWideArithmetic } from "../../lib/engine/assembler/mod.ts";
import { type Bls12381, makeBls12381, type SignedMessage } from "../../lib/engine/bls12-381/mod.ts";
import { type BlsCase, ChiaBls } from "../support/chia-bls.ts";
import { chiaMissing } from "../support/chia-python.ts";
import { effort, isLong, seed } from "../support/effort.ts";

const TIMEOUT_MS = isLong ? 4 * 3_600_000 : 120_000;
/** Cases of one question. */
const AT_ONCE = 250;
/** One in so many cases is given to the slower implementations as well. */
const SLOW_EVERY = 50;

function verdictOf(bls: Bls12381, each: BlsCase): boolean {
  if ("point" in each) return bls.isValid(each.point.length === 96 ? "g1" : "g2", fromHex(each.point));
  const signed = each.keys.map((key, i): SignedMessage => [fromHex(key), fromHex(each.messages[i]!)]);
  return bls.aggregateVerify(signed, fromHex(each.signature));
}

describe("bls12-381 beside chia_rs", { skip: chiaMissing() }, () => {
  let chia: ChiaBls;
  before(() => void (chia = new ChiaBls()));
  after(() => chia?.close());

  test("every verdict is that of chia_rs", { timeout: TIMEOUT_MS }, async () => {
    const count = effort("verdicts beside chia_rs", 500, 100_000);
    const quickest = makeBls12381();
    const others = (hasWideArithmetic() ? ["plain", "portable"] as const : ["portable"] as const).map((from) =>
      makeBls12381({ from })
    );
    const found = { good: 0, bad: 0 };
    for (let done = 0; done < count; done += AT_ONCE) {
      for (const [i, each] of (await chia.cases(seed + done, AT_ONCE)).entries()) {
        const engines = i % SLOW_EVERY === 0 ? [quickest, ...others] : [quickest];
        for (const bls of engines) {
          assert.equal(verdictOf(bls, each), each.valid, `${bls.engine}, seed ${seed + done}, case ${i}: ${each.kind}`);
        }
        found[each.valid ? "good" : "bad"] += 1;
      }
    }
    // Neither kind is rare.
    assert.ok(Math.min(found.good, found.bad) > count / 5, JSON.stringify(found));
  });
});
