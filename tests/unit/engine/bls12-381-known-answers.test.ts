/** The test with known answers finds each operation out that answers wrongly, whichever way. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseEngine, type EngineTrouble } from "../../../lib/engine/engine.ts";
import { selfTest } from "../../../lib/engine/bls12-381/known-answers.ts";
import { type Bls12381, makeBls12381 } from "../../../lib/engine/bls12-381/mod.ts";

const honest = makeBls12381();
const other = (bytes: Uint8Array | undefined) => bytes && honest.add(bytes.length === 48 ? "g1" : "g2", [bytes, bytes]);

/** What an implementation may get wrong, with what is then said of it. */
const LIES: readonly (readonly [name: string, lie: Partial<Bls12381>, error: RegExp])[] = [
  ["every signature is bad", { aggregateVerify: () => false }, /a good signature is refused/],
  ["every signature is good", { aggregateVerify: () => true }, /a bad signature is taken/],
  ["signatures are good by their length", { aggregateVerify: (_, { length }) => length === 96 }, /bad signature/],
  ["every signature of products is bad", { isSigned: () => false }, /a good signature of products is refused/],
  ["every signature of products is good", { isSigned: () => true }, /a bad signature of products is taken/],
  ["products are all the same", { product: () => honest.product([]) }, /a good signature of products is refused/],
  ["there are no products", { product: () => undefined }, /a good signature of products is refused/],
  ["no product of pairings is 1", { isPairingOne: () => false }, /product of pairings/],
  ["every product of pairings is 1", { isPairingOne: () => true }, /product of pairings/],
  ["pairings take no point", { isPairingOne: () => undefined }, /product of pairings/],
  ["hashes are other points", { hash: (...of) => other(honest.hash(...of))! }, /hashed to g1/],
  [
    "hashes to g2 are other points",
    { hash: (group, ...of) => group === "g1" ? honest.hash(group, ...of) : other(honest.hash(group, ...of))! },
    /hashed to g2/,
  ],
  ["sums are other points", { add: (...of) => other(honest.add(...of)) }, /sums of g1/],
  ["differences are sums", { add: (group, points) => honest.add(group, points) }, /sums of g1/],
  ["there are no sums", { add: () => undefined }, /sums of g1/],
  ["multiples are other points", { multiply: (...of) => other(honest.multiply(...of)) }, /sums of g1/],
  ["multiples are the points", { multiply: (_, point) => point }, /sums of g1/],
  ["there are no multiples", { multiply: () => undefined }, /sums of g1/],
  ["negatives are the points", { negate: (_, point) => point }, /product of pairings/],
  ["there are no negatives", { negate: () => undefined }, /product of pairings/],
];

/** An implementation with one wrong operation. */
function lying(lie: Partial<Bls12381>): Bls12381 {
  return {
    engine: honest.engine,
    aggregateVerify: (...of) => honest.aggregateVerify(...of),
    product: (...of) => honest.product(...of),
    isSigned: (...of) => honest.isSigned(...of),
    isValid: (...of) => honest.isValid(...of),
    add: (...of) => honest.add(...of),
    negate: (...of) => honest.negate(...of),
    multiply: (...of) => honest.multiply(...of),
    hash: (...of) => honest.hash(...of),
    isPairingOne: (...of) => honest.isPairingOne(...of),
    ...lie,
  };
}

describe("selfTest() of BLS12-381", () => {
  test("takes an honest implementation", () => selfTest(lying({})));

  for (const [name, lie, error] of LIES) {
    test(`throws when ${name}`, () => assert.throws(() => selfTest(lying(lie)), error));
  }

  test("makes chooseEngine() pass over an implementation that lies, and say so", () => {
    const troubles: EngineTrouble[] = [];
    const made = chooseEngine({
      from: "plain",
      make: (engine) => engine === "plain" ? lying({ aggregateVerify: () => true }) : honest,
      selfTest,
      onTrouble: (trouble) => troubles.push(trouble),
    });
    assert.equal(made, honest);
    assert.deepEqual(troubles, [{ engine: "plain", message: "bls12-381: a bad signature is taken" }]);
  });
});
