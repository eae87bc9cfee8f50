/**
 * Signatures of secp256k1 by every implementation: the vectors of BIP340, Wycheproof's of ECDSA as libsecp256k1 has them, and
 * chia's of the operator `secp256k1_verify`.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 as platformSha256 } from "#platform";
import { fromHex } from "../../lib/codec/hex.ts";
import { ENGINES } from "../../lib/engine/engine.ts";
import { type Check, makeSecp256k1, type Secp256k1 } from "../../lib/engine/secp256k1/mod.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { bitcoinCsv, bitcoinDataMissing, bitcoinJson } from "./bitcoin-data.ts";
import { operatorCases, operatorsMissing } from "./clvm-operators.ts";

const BIP340 = "bips/bip340-test-vectors.csv";
const WYCHEPROOF = "secp256k1/wycheproof_ecdsa_secp256k1_sha256_bitcoin.json";
const ORDER = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n;

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: string;
    }[];
  }[];
}

const sha256 = (bytes: Uint8Array) => platformSha256([bytes]);

/** One positive integer of a strict DER signature, as 32 bytes; what it begins with, and the rest. */
function derInteger(bytes: Uint8Array): readonly [value: Uint8Array, rest: Uint8Array] | undefined {
  const [tag, length = 0, first = 0, second = 0] = bytes;
  if (tag !== 2 || length === 0 || length > bytes.length - 2 || first >= 0x80) return undefined;
  if (length > 1 && first === 0 && second < 0x80) return undefined;
  const digits = bytes.subarray(first === 0 ? 3 : 2, 2 + length);
  if (digits.length > 32) return undefined;
  const value = new Uint8Array(32);
  value.set(digits, 32 - digits.length);
  return [value, bytes.subarray(2 + length)];
}

/** r and s of a strict DER signature (BIP66), with a low s (BIP146); undefined for anything else. */
function compactOf(der: Uint8Array): Uint8Array | undefined {
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  const r = derInteger(der.subarray(2));
  const s = r && derInteger(r[1]);
  if (s === undefined || s[1].length > 0) return undefined;
  const isLow = BigInt(`0x${Buffer.from(s[0]).toString("hex")}`) <= ORDER / 2n;
  return isLow ? Uint8Array.of(...r![0], ...s[0]) : undefined;
}

/** Verdicts of all at once and of each alone. */
function verdictsOf(secp: Secp256k1, checks: readonly Check[]): boolean[] {
  const together = secp.verdicts(checks);
  assert.deepEqual(checks.map((check) => secp.verdicts([check])[0]), together);
  assert.equal(secp.areAllGood(checks), together.every((isGood) => isGood));
  const good = checks.filter((_, i) => together[i]);
  assert.equal(secp.areAllGood(good), true);
  return together;
}

for (const engine of ENGINES) {
  describe(`secp256k1, ${engine}`, () => {
    const random = new SeededRandom(1);
    const secp = makeSecp256k1({ sha256, fillRandom: (bytes) => bytes.set(random.bytes(bytes.length)), from: engine });

    test("judges the vectors of BIP340", { skip: bitcoinDataMissing(BIP340) }, () => {
      const rows = bitcoinCsv(BIP340);
      const checks = rows.map((row): Check => ({
        kind: "schnorr",
        message: fromHex(row["message"]!),
        signature: fromHex(row["signature"]!),
        key: fromHex(row["public key"]!),
      }));
      assert.ok(rows.length >= 15);
      assert.deepEqual(verdictsOf(secp, checks), rows.map((row) => row["verification result"] === "TRUE"));
    });

    test("judges Wycheproof's ECDSA signatures", { skip: bitcoinDataMissing(WYCHEPROOF) }, () => {
      const cases = bitcoinJson<Wycheproof>(WYCHEPROOF).testGroups.flatMap(({ publicKey, tests }) =>
        tests.map((each) => ({ ...each, key: fromHex(publicKey.uncompressed), compact: compactOf(fromHex(each.sig)) }))
      );
      const checks = cases.flatMap(({ key, msg, compact: signature }): Check[] =>
        signature === undefined ? [] : [{ kind: "ecdsa", digest: sha256(fromHex(msg)), signature, key }]
      );
      const verdicts = verdictsOf(secp, checks);
      const good = cases.filter(({ compact }) => compact !== undefined && verdicts.shift());
      assert.deepEqual(
        good.map(({ tcId }) => tcId),
        cases.filter(({ result }) => result === "valid").map(({ tcId }) => tcId),
      );
      assert.ok(checks.length > good.length + 10, `${checks.length - good.length} bad ones came past DER`);
    });

    test("judges chia's vectors of secp256k1_verify", { skip: operatorsMissing() }, () => {
      const cases = operatorCases("test-secp256k1", "test-secp-verify").filter(({ operator, values }) =>
        operator === "secp256k1_verify" && values?.length === 3
      );
      const checks = cases.map(({ values }): Check => {
        const [key, digest, signature] = values as [Uint8Array, Uint8Array, Uint8Array];
        return { kind: "ecdsa", digest, signature, key };
      });
      assert.ok(cases.length > 40);
      assert.deepEqual(verdictsOf(secp, checks), cases.map(({ result }) => result !== undefined));
    });
  });
}
