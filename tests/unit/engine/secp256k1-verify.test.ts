/** Signatures of secp256k1, good ones, changed ones and crafted ones, against @noble/curves: each by itself and in sums. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { schnorr, secp256k1 } from "@noble/curves/secp256k1.js";
import { hasWideArithmetic } from "../../../lib/engine/assembler/mod.ts";
import { EmittedVerifier } from "../../../lib/engine/secp256k1/emitted.ts";
import { P } from "../../../lib/engine/secp256k1/field.ts";
import { BATCH_MAX } from "../../../lib/engine/secp256k1/layout.ts";
import { N } from "../../../lib/engine/secp256k1/scalar.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";

const VARIANTS = hasWideArithmetic() ? [true, false] : [false];
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const G = secp256k1.Point.BASE;
const TOP = 1n << 256n;
/** Numbers that a signature may hold in the place of r or s. */
const SPECIAL = [
  ...[0n, 1n, 2n, N - 1n, N, N + 1n, P - 1n, P, P + 1n, TOP - 1n, (N - 1n) / 2n, (N + 1n) / 2n, 1n << 128n, P - N],
];

const mod = (value: bigint, by = N) => ((value % by) + by) % by;
const bytesOf = (value: bigint) =>
  Uint8Array.from({ length: 32 }, (_, i) => Number(value >> BigInt(8 * (31 - i)) & 0xffn));
const numberOf = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const quiet = (verify: () => boolean) => {
  try {
    return verify();
  } catch {
    return false;
  }
};

function inverse(value: bigint): bigint {
  let [result, base] = [1n, mod(value)];
  for (let exponent = N - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = mod(result * base);
    base = mod(base * base);
  }
  return result;
}

/** A signature and the verdict that is right. */
interface Case {
  readonly name: string;
  readonly kind: "ecdsa" | "schnorr";
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly key: Uint8Array;
  readonly expected: boolean;
}

/** Makes cases by seed. */
class Cases {
  readonly #random: SeededRandom;

  constructor(first: number) {
    this.#random = new SeededRandom(first);
  }

  bytes(count = 32): Uint8Array {
    return this.#random.bytes(count);
  }

  below(bound: number): number {
    return this.#random.below(bound);
  }

  scalar(): bigint {
    return mod(numberOf(this.bytes(40)), N - 1n) + 1n;
  }

  flipped(bytes: Uint8Array): Uint8Array {
    const changed = bytes.slice();
    changed[this.below(changed.length)]! ^= 1 << this.below(8);
    return changed;
  }

  special(): Uint8Array {
    return bytesOf(SPECIAL[this.below(SPECIAL.length)]!);
  }

  /** A good signature of each kind, and some changes of it. */
  *ordinary(): Generator<Case> {
    const secret = bytesOf(this.scalar());
    const message = this.bytes();
    const ecdsa = secp256k1.sign(message, secret, { prehash: false }) as Uint8Array;
    const key = secp256k1.getPublicKey(secret, this.below(3) > 0) as Uint8Array;
    const byNoble = (m: Uint8Array, s: Uint8Array, k: Uint8Array) =>
      quiet(() => secp256k1.verify(s, m, k, { prehash: false, lowS: false }));
    const ofEcdsa = (name: string, m: Uint8Array, s: Uint8Array, k: Uint8Array, expected = byNoble(m, s, k)): Case => ({
      ...{ name, kind: "ecdsa", message: m, signature: s, key: k, expected },
    });
    yield ofEcdsa("good", message, ecdsa, key, true);
    yield ofEcdsa("another digest", this.flipped(message), ecdsa, key);
    yield ofEcdsa("another signature", message, this.flipped(ecdsa), key);
    // A flip may make a hybrid key of an uncompressed one, which @noble/curves does not know and consensus allows.
    yield ofEcdsa("another key", message, ecdsa, join(key.subarray(0, 1), this.flipped(key.subarray(1))));
    yield ofEcdsa("high s", message, join(ecdsa.subarray(0, 32), bytesOf(N - numberOf(ecdsa.subarray(32)))), key, true);
    yield ofEcdsa("special r", message, join(this.special(), ecdsa.subarray(32)), key);
    yield ofEcdsa("special s", message, join(ecdsa.subarray(0, 32), this.special()), key);
    const hybrid = secp256k1.getPublicKey(secret, false) as Uint8Array;
    hybrid[0] = 6 + (hybrid[64]! & 1);
    yield ofEcdsa("hybrid key", message, ecdsa, hybrid, true);
    const wrong = hybrid.slice();
    wrong[0]! ^= 1;
    yield ofEcdsa("hybrid key of the other y", message, ecdsa, wrong, false);
    yield ofEcdsa("key of another kind", message, ecdsa, join(Uint8Array.of(5), hybrid.subarray(1)), false);
    yield ofEcdsa("short key", message, ecdsa, key.subarray(0, 32), false);

    const xOnly = schnorr.getPublicKey(secret) as Uint8Array;
    const bip340 = schnorr.sign(message, secret) as Uint8Array;
    const ofSchnorr = (name: string, m: Uint8Array, s: Uint8Array, k: Uint8Array, expected?: boolean): Case => ({
      ...{ name, kind: "schnorr", message: m, signature: s, key: k },
      expected: expected ?? quiet(() => schnorr.verify(s, m, k)),
    });
    yield ofSchnorr("good", message, bip340, xOnly, true);
    yield ofSchnorr("another message", this.flipped(message), bip340, xOnly);
    yield ofSchnorr("another signature", message, this.flipped(bip340), xOnly);
    yield ofSchnorr("another key", message, bip340, this.flipped(xOnly));
    yield ofSchnorr("special r", message, join(this.special(), bip340.subarray(32)), xOnly);
    yield ofSchnorr("special s", message, join(bip340.subarray(0, 32), this.special()), xOnly);
    const long = this.bytes(this.below(200));
    yield ofSchnorr("message of any length", long, schnorr.sign(long, secret) as Uint8Array, xOnly, true);
  }

  /** What chance never makes: the sum at infinity, an x between n and p. */
  *crafted(): Generator<Case> {
    const [secret, r, s] = [this.scalar(), this.scalar(), this.scalar()];
    const key = G.multiply(secret).toBytes(true) as Uint8Array;
    const kind = "ecdsa";
    const signature = join(bytesOf(r), bytesOf(s));
    yield { name: "infinity", kind, message: bytesOf(mod(-r * secret)), signature, key, expected: false };
    for (let x = N + BigInt(this.below(1 << 30));; x++) {
      const point = quiet(() => secp256k1.Point.fromBytes(join(Uint8Array.of(2), bytesOf(x))) !== undefined);
      if (!point) continue;
      const R = secp256k1.Point.fromBytes(join(Uint8Array.of(2), bytesOf(x)));
      const small = x - N;
      const digest = this.scalar();
      const Q = R.multiply(s).subtract(G.multiply(digest)).multiply(inverse(small)).toBytes(true) as Uint8Array;
      const message = bytesOf(digest);
      yield { name: "r + n", kind, message, signature: join(bytesOf(small), bytesOf(s)), key: Q, expected: true };
      yield {
        name: "r + 1 + n",
        kind,
        message,
        signature: join(bytesOf(small + 1n), bytesOf(s)),
        key: Q,
        expected: false,
      };
      return;
    }
  }
}

for (const wide of VARIANTS) {
  describe(`signatures of secp256k1, ${wide ? "wide" : "plain"} instructions`, () => {
    const cases = new Cases(seed);
    const rounds = effort(`rounds of signatures of secp256k1, ${wide ? "wide" : "plain"}`, 20, 3_000);
    const fillRandom = (bytes: Uint8Array) => void bytes.set(cases.bytes(bytes.length));
    const together = new EmittedVerifier({ wide, sha256, fillRandom, togetherMin: 1 });
    const alone = new EmittedVerifier({ wide, sha256, fillRandom, togetherMin: Infinity });
    const add = (verifier: EmittedVerifier, { kind, message, signature, key }: Case) =>
      kind === "ecdsa" ? verifier.addEcdsa(message, signature, key) : verifier.addSchnorr(message, signature, key);

    test("each verdict is right, with tables made together and with tables made alone", () => {
      const given: Case[] = [];
      const settle = () => {
        for (const verifier of [together, alone]) {
          verifier.verdicts().forEach((verdict, i) => {
            const { kind, name, expected } = given[i]!;
            assert.equal(verdict, expected, `${kind}, ${name}`);
          });
        }
        given.length = 0;
      };
      for (let round = 0; round < rounds; round++) {
        for (const each of [...cases.ordinary(), ...(round % 10 === 0 ? cases.crafted() : [])]) {
          given.push(each);
          add(together, each);
          add(alone, each);
          if (together.isFull) settle();
        }
      }
      settle();
    });

    test("a sum is good when all signatures are, with repeated ones among them, and bad when one is not", () => {
      for (let round = 0; round < Math.ceil(rounds / 10); round++) {
        const all = Array.from(
          { length: 1 + cases.below(40) },
          () => [...cases.ordinary()].filter(({ kind }) => kind === "schnorr"),
        );
        const good = all.map(([first]) => first!);
        good.push(good[0]!, good[0]!);
        for (const bits of [undefined, 4, 8]) {
          for (const each of good) add(together, each);
          assert.equal(together.areAllGood(bits), true);
        }
        const bad = all.flat().filter(({ expected }) => !expected);
        for (const each of good) add(together, each);
        add(together, bad[cases.below(bad.length)]!);
        assert.equal(together.areAllGood(), false);
      }
      assert.equal(together.areAllGood(), true, "none at all");
    });

    test("tweaked keys are right in x and in the parity of y", () => {
      const expected: boolean[] = [];
      const ask = (internal: Uint8Array, tweak: Uint8Array, output: Uint8Array, isOdd: boolean, isRight: boolean) => {
        for (const verifier of [together, alone]) verifier.addTweak(internal, tweak, output, isOdd);
        expected.push(isRight);
      };
      const check = () => {
        for (const verifier of [together, alone]) assert.deepEqual(verifier.verdicts(), expected);
        expected.length = 0;
      };
      for (let round = 0; round < rounds; round++) {
        // A round asks nine times.
        if (expected.length > BATCH_MAX - 9) check();
        const internal = schnorr.getPublicKey(bytesOf(cases.scalar())) as Uint8Array;
        const point = secp256k1.Point.fromBytes(join(Uint8Array.of(2), internal));
        const tweak = cases.scalar();
        const tweaked = point.add(G.multiply(tweak)).toBytes(true) as Uint8Array;
        const [output, isOdd] = [tweaked.subarray(1), tweaked[0] === 3];
        ask(internal, bytesOf(tweak), output, isOdd, true);
        ask(internal, bytesOf(tweak), output, !isOdd, false);
        ask(internal, cases.flipped(bytesOf(tweak)), output, isOdd, false);
        ask(internal, bytesOf(tweak), cases.flipped(output), isOdd, false);
        ask(internal, bytesOf(0n), internal, false, true);
        ask(internal, bytesOf(N), internal, false, false);
        ask(internal, bytesOf(TOP - 1n), output, isOdd, false);
        ask(internal, bytesOf(tweak), output.subarray(1), isOdd, false);
        ask(bytesOf(P), bytesOf(tweak), output, isOdd, false);
      }
      // −P: the sum is at infinity.
      const secret = cases.scalar();
      const key = G.multiply(secret).toBytes(true) as Uint8Array;
      const even = key[0] === 2 ? secret : mod(-secret);
      if (expected.length === BATCH_MAX) check();
      ask(key.subarray(1), bytesOf(mod(-even)), key.subarray(1), false, false);
      check();
    });

    test("takes as many as there is room for, and no more", () => {
      const [first] = cases.ordinary();
      for (let i = 0; i < BATCH_MAX; i++) add(alone, first!);
      assert.throws(() => add(alone, first!), RangeError);
      assert.ok(alone.verdicts().every((verdict) => verdict));
      assert.equal(alone.count, 0);
    });
  });
}
