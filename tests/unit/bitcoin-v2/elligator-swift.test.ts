import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { elligatorSwift } from "@scure/btc-signer/p2p.js";
import { decodeKey, encodeKey, makeKey, sharedSecret } from "../../../lib/bitcoin/wire/v2/elligator-swift.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const { Fp } = secp256k1.Point;

/** u and t as they go over the wire. */
function pair(u: bigint, t: bigint): Uint8Array {
  return Uint8Array.from([...Fp.toBytes(Fp.create(u)), ...Fp.toBytes(Fp.create(t))]);
}

/** A t with u³ + t² + 7 = 0, for the smallest u from `start` that has one. */
function vanishing(start: bigint): Uint8Array {
  for (let u = start;; u++) {
    try {
      return pair(u, Fp.sqrt(Fp.neg(Fp.create(u * u * u + 7n))));
    } catch {
      // No root: the next u.
    }
  }
}

describe("ElligatorSwift", () => {
  test("decodeKey() agrees with @scure/btc-signer on random bytes and on every special pair", () => {
    const random = new SeededRandom(1);
    const ones = new Uint8Array(64).fill(0xff);
    const special = [
      new Uint8Array(64),
      ones,
      pair(0n, 5n),
      pair(5n, 0n),
      pair(0n, Fp.ORDER),
      vanishing(1n),
      vanishing(9n),
    ];
    for (const encoded of [...special, ...Array.from({ length: 60 }, () => random.bytes(64))]) {
      assert.equal(toHex(decodeKey(encoded)), toHex(elligatorSwift.decode(encoded)), toHex(encoded));
    }
  });

  test("encodeKey() gives many encodings of one key, all of which decode to it, here and in @scure/btc-signer", () => {
    const random = new SeededRandom(2);
    const seen = new Set<string>();
    const x = secp256k1.Point.BASE.x;
    for (let i = 0; i < 40; i++) {
      const encoded = encodeKey(x, random);
      seen.add(toHex(encoded));
      assert.equal(Fp.fromBytes(decodeKey(encoded)), x);
      assert.equal(Fp.fromBytes(elligatorSwift.decode(encoded)), x);
    }
    assert.equal(seen.size, 40);
  });

  test("the bits of encodings are even: no bit is set or clear in nearly all of them", () => {
    const random = new SeededRandom(3);
    const keys = Array.from({ length: 200 }, () => makeKey(random).encoded);
    for (let bit = 0; bit < 512; bit++) {
      const set = keys.filter((key) => (key[bit >>> 3]! >>> (bit & 7)) & 1).length;
      // 100 expected; 50 away is seven standard deviations.
      assert.ok(set > 50 && set < 150, `bit ${bit}: ${set} of 200`);
    }
  });

  test("both ends and @scure/btc-signer come to the same secret; the roles matter", () => {
    const random = new SeededRandom(4);
    for (let i = 0; i < 10; i++) {
      const [a, b] = [makeKey(random), makeKey(random)];
      const secret = toHex(sharedSecret(a, b.encoded, true));
      assert.equal(secret, toHex(sharedSecret(b, a.encoded, false)));
      assert.equal(secret, toHex(elligatorSwift.getSharedSecretBip324(a.privateKey, b.encoded, a.encoded, true)));
      assert.notEqual(secret, toHex(sharedSecret(b, a.encoded, true)));
    }
  });

  test("makeKey() gives up on a source of chance that repeats itself", () => {
    const stuck = { bytes: (length: number) => new Uint8Array(length), below: () => 0 };
    assert.throws(() => makeKey(stuck), (error) => error instanceof NodeError && error.fault === "self");
  });
});
