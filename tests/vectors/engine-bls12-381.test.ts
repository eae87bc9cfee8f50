/**
 * Points of BLS12-381 by every implementation: RFC 9380's own points, and chia's vectors of CLVM's operators.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { AUGMENTED_DST, type Bls12381, makeBls12381, type SignedMessage } from "../../lib/engine/bls12-381/mod.ts";
import { ENGINES } from "../../lib/engine/engine.ts";
import { operatorCases, operatorsMissing } from "./clvm-operators.ts";

const R = 0x73eda753_299d7d48_3339d808_09a1d805_53bda402_fffe5bfe_ffffffff_00000001n;
const P =
  0x1a0111ea_397fe69a_4b1ba7b6_434bacd7_64774b84_f38512bf_6730d2a0_f6b0f624_1eabfffe_b153ffff_b9feffff_ffffaaabn;

const text = (words: string) => new TextEncoder().encode(words);

/** The points of RFC 9380, appendices J.9.1 and J.10.1: x and y, of G2 as c0 and c1 of each. */
const RFC9380 = {
  g1: {
    tag: "QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_",
    points: {
      "": [
        "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1",
        "08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265",
      ],
      "abc": [
        "03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903",
        "0b9c15f3fe6e5cf4211f346271d7b01c8f3b28be689c8429c85b67af215533311f0b8dfaaa154fa6b88176c229f2885d",
      ],
      "abcdef0123456789": [
        "11e0b079dea29a68f0383ee94fed1b940995272407e3bb916bbf268c263ddd57a6a27200a784cbc248e84f357ce82d98",
        "03a87ae2caf14e8ee52e51fa2ed8eefe80f02457004ba4d486d6aa1f517c0889501dc7413753f9599b099ebcbbd2d709",
      ],
    },
  },
  g2: {
    tag: "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_",
    points: {
      "": [
        "0141ebfbdca40eb85b87142e130ab689c673cf60f1a3e98d69335266f30d9b8d4ac44c1038e9dcdd5393faf5c41fb78a",
        "05cb8437535e20ecffaef7752baddf98034139c38452458baeefab379ba13dff5bf5dd71b72418717047f5b0f37da03d",
        "0503921d7f6a12805e72940b963c0cf3471c7b2a524950ca195d11062ee75ec076daf2d4bc358c4b190c0c98064fdd92",
        "12424ac32561493f3fe3c260708a12b7c620e7be00099a974e259ddc7d1f6395c3c811cdd19f1e8dbf3e9ecfdcbab8d6",
      ],
      "abcdef0123456789": [
        "121982811d2491fde9ba7ed31ef9ca474f0e1501297f68c298e9f4c0028add35aea8bb83d53c08cfc007c1e005723cd0",
        "190d119345b94fbd15497bcba94ecf7db2cbfd1e1fe7da034d26cbba169fb3968288b3fafb265f9ebd380512a71c3f2c",
        "05571a0f8d3c08d094576981f4a3b8eda0a8e771fcdcc8ecceaf1356a6acf17574518acb506e435b639353c2e14827c8",
        "0bb5e7572275c567462d91807de765611490205a941a5a6af3b1691bfe596c31225d3aabdf15faff860cb4ef17c7c3be",
      ],
    },
  },
} as const;

/** A point as bytes: x, the higher coefficient first, with the bit of the larger y. */
function compressed(numbers: readonly string[]): string {
  const half = numbers.length / 2;
  const [x, y] = [numbers.slice(0, half).toReversed(), numbers.slice(half).toReversed()];
  const deciding = y.map((each) => BigInt(`0x${each}`)).find((each) => each !== 0n) ?? 0n;
  const bytes = fromHex(x.join(""));
  bytes[0]! |= 0x80 | (2n * deciding > P ? 0x20 : 0);
  return toHex(bytes);
}

/** A scalar of CLVM, which may be negative and longer than the order. */
function scalarOf(bytes: Uint8Array): Uint8Array {
  const value = bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${toHex(bytes)}`));
  return fromHex(((value % R + R) % R).toString(16).padStart(64, "0"));
}

const pairsOf = (values: readonly Uint8Array[]) =>
  Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i]!, values[2 * i + 1]!] as const);

/** What an operator of CLVM answers; undefined where it fails. */
function answer(bls: Bls12381, operator: string, values: readonly Uint8Array[]): Uint8Array | undefined {
  const [group, what] = operator.split("_") as ["g1" | "g2", string];
  const [first, second] = values;
  const nil = new Uint8Array();
  if (operator === "bls_pairing_identity") return bls.isPairingOne(pairsOf(values)) === true ? nil : undefined;
  if (operator === "bls_verify") {
    const signed = pairsOf(values.slice(1)).map(([key, message]): SignedMessage => [key, message]);
    return bls.aggregateVerify(signed, first!) ? nil : undefined;
  }
  if (what === "map") {
    const standard = group === "g2" ? AUGMENTED_DST : text("BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_AUG_");
    return bls.hash(group, first!, second ?? standard);
  }
  if (what === "add" || what === "subtract") return bls.add(group, values, what === "subtract");
  return what === "negate" ? bls.negate(group, first!) : bls.multiply(group, first!, scalarOf(second!));
}

/** How many arguments an operator takes here; others are CLVM's matter. */
function fits(operator: string, count: number): boolean {
  if (operator === "bls_pairing_identity") return count % 2 === 0;
  if (operator === "bls_verify") return count % 2 === 1;
  if (operator.endsWith("_map")) return count === 1 || count === 2;
  if (operator.endsWith("_multiply")) return count === 2;
  return operator.includes("negate") ? count === 1 : true;
}

for (const engine of ENGINES) {
  describe(`bls12-381, ${engine}`, () => {
    const bls = makeBls12381({ from: engine });

    test("hashes messages to RFC 9380's points", () => {
      for (const group of ["g1", "g2"] as const) {
        const { tag, points } = RFC9380[group];
        for (const [message, point] of Object.entries(points)) {
          assert.equal(toHex(bls.hash(group, text(message), text(tag))), compressed(point), `${group} ${message}`);
        }
      }
    });

    test("gives the results of CLVM's operators", { skip: operatorsMissing() }, () => {
      const others = ["bls-zk", "blspy-g1", "blspy-g2", "blspy-hash", "blspy-pairing", "blspy-verify"];
      const cases = [
        // Without "strict" CLVM negates what is no point, too.
        ...operatorCases("test-bls-ops").filter(({ operator }) => !operator.endsWith("_negate")),
        ...operatorCases(...others.map((name) => `test-${name}`)),
      ].filter(({ operator, values }) =>
        /^(?:bls|g[12])_/.test(operator) && values !== undefined && fits(operator, values.length)
      );
      assert.ok(cases.length > 450, `${cases.length} cases`);
      for (const { line, operator, values, result } of cases) {
        const got = answer(bls, operator.replace("_strict", ""), values!);
        assert.equal(got && toHex(got), result && toHex(result), line);
      }
    });
  });
}
