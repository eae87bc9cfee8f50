/** Signatures and points of BLS12-381, by every implementation, against recorded verdicts of chia_rs and @noble/curves. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { hasWideArithmetic } from "../../../lib/engine/assembler/mod.ts";
import { AUGMENTED_DST, type Bls12381, makeBls12381, type SignedMessage } from "../../../lib/engine/bls12-381/mod.ts";
import { ORDER, X } from "../../../lib/engine/bls12-381/numbers.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";

const ENGINES = hasWideArithmetic() ? ["wide", "plain", "portable"] as const : ["plain", "portable"] as const;
const { G1, G2, fields: { Fp, Fp2 } } = bls12_381;
type Group = "g1" | "g2";

interface Recorded {
  readonly blsPoints: readonly { group: 1 | 2; what: string; hex: string; valid: boolean }[];
  readonly blsAggregate: readonly {
    case: string;
    publicKeys: string[];
    messages: string[];
    signature: string;
    valid: boolean;
  }[];
  readonly aggSig: readonly { condition: string; publicKey: string; final: string; signature: string }[];
}
const recorded = JSON.parse(
  readFileSync(new URL("../../data/chia/keys-and-coins.json", import.meta.url), "utf8"),
) as Recorded;
const bytes = (text: string) => fromHex(text.replace(/^0x/, ""));
const compressed = (point: { toBytes(isCompressed: boolean): Uint8Array }) => point.toBytes(true);
const INFINITY = { g1: Uint8Array.of(0xc0, ...new Uint8Array(47)), g2: Uint8Array.of(0xc0, ...new Uint8Array(95)) };

/** Keys that sign, and messages, by seed. */
class Signers {
  readonly #random: SeededRandom;

  constructor(first: number) {
    this.#random = new SeededRandom(first);
  }

  readonly bytes = (count: number) => this.#random.bytes(count);
  readonly below = (count: number) => this.#random.below(count);

  /** So many messages by so many keys, with the sum of their signatures. */
  sign(messages: number, keys: number): { signed: SignedMessage[]; signature: Uint8Array } {
    const secrets = Array.from(
      { length: keys },
      () => this.bytes(32).reduce((sum, byte) => sum << 8n | BigInt(byte), 0n) % ORDER || 1n,
    );
    const publics = secrets.map((secret) => compressed(G1.Point.BASE.multiply(secret)));
    let sum = G2.Point.ZERO;
    const signed = Array.from({ length: messages }, (_, i): SignedMessage => {
      const [key, message] = [publics[i % keys]!, this.bytes(this.below(100))];
      const hashed = G2.hashToCurve(Uint8Array.of(...key, ...message), { DST: AUGMENTED_DST });
      sum = sum.add(hashed.multiply(secrets[i % keys]!));
      return [key, message];
    });
    return { signed, signature: compressed(sum) };
  }
}

/** A point of a curve that is in no group: of the order q, which divides a cofactor. */
function pointOfOrder(group: Group, q: bigint, cofactor: bigint): Uint8Array {
  for (let x = 1n; x < 1_000n; x++) {
    const point = group === "g1"
      ? onCurve(G1.Point.fromAffine, () => ({ x, y: Fp.sqrt(Fp.create(x ** 3n + 4n)) }))
      : onCurve(G2.Point.fromAffine, () => {
        const square = Fp2.add(Fp2.create({ c0: x ** 3n, c1: 0n }), Fp2.create({ c0: 4n, c1: 4n }));
        return { x: Fp2.create({ c0: x, c1: 0n }), y: Fp2.sqrt(square) };
      });
    if (point === undefined) continue;
    let rest = cofactor;
    while (rest % q === 0n) rest /= q;
    // Its order is a power of q now.
    let multiple = times(point, ORDER * rest);
    if (multiple.is0()) continue;
    for (let next = times(multiple, q); !next.is0(); next = times(next, q)) multiple = next;
    return encoded(group, multiple.toAffine());
  }
  throw new Error(`no point of order ${q}`);
}

/** The library writes no point down that is not in its group. Which y is meant does not matter. */
function encoded(group: Group, { x }: { readonly x: unknown }): Uint8Array {
  const { c0, c1 } = x as { readonly c0: bigint; readonly c1: bigint };
  const numbers = group === "g1" ? [x as bigint] : [c1, c0];
  const all = Uint8Array.of(...numbers.flatMap((number) => [...Fp.toBytes(number)]));
  all[0]! |= 0x80;
  return all;
}

interface AnyPoint {
  toAffine(): { readonly x: unknown };
  double(): AnyPoint;
  add(other: AnyPoint): AnyPoint;
  is0(): boolean;
}

function onCurve<A>(from: (affine: A) => unknown, affine: () => A): AnyPoint | undefined {
  try {
    return from(affine()) as AnyPoint;
  } catch {
    return undefined;
  }
}

/** The library refuses scalars above the order of the group. */
function times(point: AnyPoint, scalar: bigint): AnyPoint {
  let sum: AnyPoint | undefined;
  let double = point;
  for (let left = scalar; left > 0n; left >>= 1n) {
    if (left & 1n) sum = sum === undefined ? double : sum.add(double);
    double = double.double();
  }
  return sum!;
}

const COFACTORS = {
  g1: (X + 1n) ** 2n / 3n,
  g2:
    0x5d543a95414e7f1091d50792876a202cd91de4547085abaa68a205b2e5a7ddfa628f1cb4d9e82ef21537e293a6691ae1616ec6e786f0c70cf1c38e31c7238e5n,
};
/** Orders of points outside the groups: small ones, and large ones. */
const ORDERS: readonly (readonly [Group, bigint])[] = [
  ...([3n, 11n, 10_177n, 859_267n, 52_437_899n] as const).map((q) => ["g1", q] as const),
  ...([13n, 23n, 2_713n, 11_953n, 262_069n] as const).map((q) => ["g2", q] as const),
];

/** Messages and keys. From 48 keys on lines are made in lock step, and from 257 on in several passes. */
const SIZES = {
  wide: [[1, 1], [5, 2], [40, 33], [60, 50], [20, 3], [258, 257]],
  plain: [[3, 2]],
  portable: [[1, 1], [5, 2]],
} as const;

for (const engine of ENGINES) {
  describe(`bls12-381, ${engine}`, () => {
    const bls: Bls12381 = makeBls12381({ from: engine, onTrouble: ({ message }) => assert.fail(message) });

    test("is what was asked for", () => assert.equal(bls.engine, engine));

    test("judges recorded points and signatures as chia_rs", () => {
      for (const { group, what, hex, valid } of recorded.blsPoints) {
        assert.equal(bls.isValid(`g${group}`, bytes(hex)), valid, what);
      }
      for (const { case: what, publicKeys, messages, signature, valid } of recorded.blsAggregate) {
        const signed = publicKeys.map((key, i): SignedMessage => [bytes(key), bytes(messages[i]!)]);
        assert.equal(bls.aggregateVerify(signed, bytes(signature)), valid, what);
      }
      for (const { condition, publicKey, final, signature } of recorded.aggSig) {
        assert.ok(bls.aggregateVerify([[bytes(publicKey), bytes(final)]], bytes(signature)), condition);
      }
    });

    test("takes good signatures, of few keys and of many, and none that is changed", () => {
      const signers = new Signers(seed);
      for (const [messages, keys] of SIZES[engine]) {
        const { signed, signature } = signers.sign(messages, keys);
        const what = `${messages} by ${keys}`;
        assert.ok(bls.aggregateVerify(signed, signature), what);
        assert.ok(bls.aggregateVerify([...signed].reverse(), signature), `${what}: the order is free`);
        const at = signers.below(messages);
        const [key, message] = signed[at]!;
        const wrong = signed.with(at, [key, Uint8Array.of(...message, 0)]);
        assert.ok(!bls.aggregateVerify(wrong, signature), `${what}: another message`);
        assert.ok(
          !bls.aggregateVerify(signed.with(at, [compressed(G1.Point.BASE), message]), signature),
          "another key",
        );
        assert.ok(!bls.aggregateVerify(signed.slice(1), signature), `${what}: one less`);
        assert.ok(!bls.aggregateVerify([...signed, signed[0]!], signature), `${what}: one more`);
        assert.ok(!bls.aggregateVerify(signed.with(at, [INFINITY.g1, message]), signature), "an infinite key");
        assert.ok(!bls.aggregateVerify(signed, INFINITY.g2), `${what}: no signature`);
      }
    });

    test("shares one verification between several callers", () => {
      const { signed, signature } = new Signers(seed + 1).sign(7, 5);
      const products = [signed.slice(0, 3), signed.slice(3)].map((part) => bls.product(part)!);
      assert.ok(bls.isSigned(products, signature));
      assert.ok(!bls.isSigned(products.slice(1), signature));
      assert.ok(!bls.isSigned(products, compressed(G2.Point.BASE)));
      assert.ok(!bls.isSigned(products, INFINITY.g2));
      assert.ok(bls.isSigned([], INFINITY.g2));
      assert.ok(!bls.isSigned([], signature));
      assert.ok(!bls.isSigned(products, signature.subarray(1)));
      assert.equal(bls.product([[INFINITY.g1, new Uint8Array(1)]]), undefined);
    });

    test("refuses keys that are on the curve and not in the group, wherever they stand", () => {
      const { signed, signature } = new Signers(seed + 2).sign(
        engine === "portable" ? 3 : 50,
        engine === "portable" ? 3 : 50,
      );
      assert.ok(bls.aggregateVerify(signed, signature));
      for (const [group, q] of ORDERS) {
        const point = pointOfOrder(group, q, COFACTORS[group]);
        assert.equal(bls.isValid(group, point), false, `${group}, order ${q}`);
        if (group === "g2") {
          assert.equal(bls.aggregateVerify(signed, point), false);
          continue;
        }
        const [, message] = signed[1]!;
        assert.equal(bls.aggregateVerify(signed.with(1, [point, message]), signature), false, `order ${q}, many`);
        assert.equal(bls.aggregateVerify([[point, message]], signature), false, `order ${q}, one`);
      }
    });

    test("wrong lengths, wrong flags and numbers that are too large are no points", () => {
      const key = compressed(G1.Point.BASE);
      const sum = compressed(G2.Point.BASE);
      for (const [group, point] of [["g1", key], ["g2", sum]] as const) {
        assert.ok(bls.isValid(group, point));
        assert.ok(bls.isValid(group, INFINITY[group]));
        const changed = (change: (copy: Uint8Array) => void) => {
          const copy = point.slice();
          change(copy);
          return copy;
        };
        const bad = [
          new Uint8Array(0),
          point.subarray(1),
          Uint8Array.of(...point, 0),
          changed((copy) => (copy[0]! &= 0x7f)),
          changed((copy) => (copy[0]! |= 0x40)),
          changed((copy) => copy.fill(0xff, 1)),
          Uint8Array.of(0xe0, ...new Uint8Array(point.length - 1)),
          Uint8Array.of(0x40, ...new Uint8Array(point.length - 1)),
          Uint8Array.of(0xc0, ...new Uint8Array(point.length - 2), 1),
          // x = p: 0 in another encoding.
          changed((copy) => {
            copy.fill(0);
            copy.set(Fp.toBytes(Fp.ORDER - 1n), 0);
            copy[47]! += 1;
            copy[0]! |= 0x80;
          }),
        ];
        if (group === "g2") bad.push(changed((copy) => (copy[48]! |= 0x80)), changed((copy) => (copy[48]! |= 0x20)));
        for (const [i, each] of bad.entries()) {
          assert.equal(bls.isValid(group, each), false, `${group} ${i}: ${toHex(each)}`);
        }
      }
    });

    test("points are added, negated, multiplied and hashed as by @noble/curves", () => {
      const rounds = effort(`rounds of bls12-381's points, ${engine}`, engine === "portable" ? 2 : 8, 100);
      const signers = new Signers(seed + 3);
      for (let i = 0; i < rounds; i++) {
        for (const [group, of] of [["g1", G1], ["g2", G2]] as const) {
          const tag = signers.bytes(1 + signers.below(300));
          const message = signers.bytes(signers.below(200));
          const [a, b] = [message, signers.bytes(9)].map((text) => of.hashToCurve(text, { DST: tag })) as [
            InstanceType<typeof G1.Point>,
            InstanceType<typeof G1.Point>,
          ];
          assert.equal(toHex(bls.hash(group, message, tag)), toHex(compressed(a)));
          const [one, other] = [compressed(a), compressed(b)];
          assert.equal(toHex(bls.add(group, [one, other, one])!), toHex(compressed(a.add(b).add(a))));
          assert.equal(toHex(bls.add(group, [one, other, one], true)!), toHex(compressed(b.negate())));
          assert.equal(toHex(bls.negate(group, one)!), toHex(compressed(a.negate())));
          const scalar = signers.bytes(31);
          const factor = scalar.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
          assert.equal(toHex(bls.multiply(group, one, scalar)!), toHex(compressed(a.multiplyUnsafe(factor))));
        }
      }
    });

    test("multiples at the edges, sums with infinity, and bad points", () => {
      const scalar = (value: bigint) => fromHex(value.toString(16).padStart(64, "0"));
      for (const [group, of] of [["g1", G1], ["g2", G2]] as const) {
        const base = compressed(of.Point.BASE);
        const infinity = toHex(INFINITY[group]);
        assert.equal(toHex(bls.multiply(group, base, scalar(0n))!), infinity);
        assert.equal(toHex(bls.multiply(group, base, new Uint8Array(0))!), infinity);
        assert.equal(toHex(bls.multiply(group, base, scalar(1n))!), toHex(base));
        assert.equal(toHex(bls.multiply(group, base, scalar(ORDER))!), infinity);
        assert.equal(toHex(bls.multiply(group, base, scalar(ORDER - 1n))!), toHex(bls.negate(group, base)!));
        assert.equal(toHex(bls.multiply(group, base, scalar(ORDER + 1n))!), toHex(base));
        assert.equal(toHex(bls.multiply(group, INFINITY[group], scalar(5n))!), infinity);
        assert.equal(toHex(bls.add(group, [])!), infinity);
        assert.equal(toHex(bls.add(group, [INFINITY[group], base])!), toHex(base));
        assert.equal(toHex(bls.add(group, [base, base], true)!), infinity);
        assert.equal(toHex(bls.negate(group, INFINITY[group])!), infinity);
        const bad = base.slice(1);
        assert.equal(bls.add(group, [base, bad]), undefined);
        assert.equal(bls.multiply(group, bad, scalar(1n)), undefined);
        assert.equal(bls.negate(group, bad), undefined);
      }
    });

    test("a pairing is linear on both sides; infinity pairs to 1, and bad points to nothing", () => {
      const [p, q] = [compressed(G1.hashToCurve(Uint8Array.of(1))), compressed(G2.hashToCurve(Uint8Array.of(2)))];
      const seven = Uint8Array.of(7);
      const minus = bls.negate("g1", p)!;
      assert.equal(bls.isPairingOne([]), true);
      assert.equal(bls.isPairingOne([[p, q]]), false);
      assert.equal(bls.isPairingOne([[p, q], [minus, q]]), true);
      assert.equal(
        bls.isPairingOne([[bls.multiply("g1", p, seven)!, q], [minus, bls.multiply("g2", q, seven)!]]),
        true,
      );
      assert.equal(bls.isPairingOne([[bls.multiply("g1", p, seven)!, q], [minus, q]]), false);
      assert.equal(bls.isPairingOne([[INFINITY.g1, q], [p, INFINITY.g2]]), true);
      assert.equal(bls.isPairingOne([[INFINITY.g1, q], [p, q]]), false);
      assert.equal(bls.isPairingOne([[p.subarray(1), q]]), undefined);
      assert.equal(bls.isPairingOne([[p, q.subarray(1)]]), undefined);
    });
  });
}
