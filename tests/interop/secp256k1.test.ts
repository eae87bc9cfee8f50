/** Signatures of secp256k1 beside libsecp256k1 itself: good ones, changed ones, and numbers at the edges. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sha256 as platformSha256 } from "#platform";
import { hasWideArithmetic } from "../../lib/engine/assembler/mod.ts";
import { makeSecp256k1 } from "../../lib/engine/secp256k1/mod.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { effort, isLong, seed } from "../support/effort.ts";
import { libsecp256k1Missing, Secp256k1Cases } from "../support/secp256k1-cases.ts";

const TIMEOUT_MS = isLong ? 4 * 3_600_000 : 120_000;
/** Cases of one question. */
const AT_ONCE = 4_000;
/** One in so many is given to the slower implementations as well, of which the portable one is @noble/curves. */
const SLOW_EVERY = isLong ? 2 : 25;

describe("secp256k1 beside libsecp256k1", { skip: libsecp256k1Missing }, () => {
  let reference: Secp256k1Cases;
  before(() => void (reference = new Secp256k1Cases()));
  after(() => reference?.close());

  test("every verdict is that of libsecp256k1", { timeout: TIMEOUT_MS }, async () => {
    const count = effort("verdicts beside libsecp256k1, ECDSA and BIP340", 8_000, 2_000_000);
    const random = new SeededRandom(seed);
    const fillRandom = (bytes: Uint8Array) => bytes.set(random.bytes(bytes.length));
    const make = (from: "wide" | "plain" | "portable") =>
      makeSecp256k1({ sha256: (bytes) => platformSha256([bytes]), fillRandom, from });
    const quickest = make("wide");
    const others = (hasWideArithmetic() ? ["plain", "portable"] as const : ["portable"] as const).map(make);
    /** By kind: good ones, bad ones. */
    const found = { ecdsa: [0, 0], schnorr: [0, 0], tweak: [0, 0] };
    for (let done = 0; done < count; done += AT_ONCE) {
      const cases = await reference.cases(seed + done, AT_ONCE);
      const few = cases.filter((_, i) => i % SLOW_EVERY === 0);
      for (const [secp, given] of [[quickest, cases], ...others.map((each) => [each, few] as const)] as const) {
        const verdicts = secp.verdicts(given.map(({ check }) => check));
        for (const [i, { check: { kind }, isGood, change }] of given.entries()) {
          assert.equal(
            verdicts[i],
            isGood,
            `${secp.engine}, seed ${seed + done}, case ${i}: ${kind}, change ${change}`,
          );
        }
      }
      const good = cases.flatMap(({ check, isGood }) => (isGood && check.kind === "schnorr" ? [check] : []));
      assert.equal(quickest.areAllGood(good), true, `seed ${seed + done}, as sums`);
      for (const { check: { kind }, isGood } of cases) found[kind][isGood ? 0 : 1]! += 1;
    }
    // No kind is rare.
    assert.ok(Math.min(...found.ecdsa, ...found.schnorr) > count / 8, JSON.stringify(found));
  });
});
