/**
 * Known answers: one good signature of each kind, and the same with a bit changed, which every implementation must tell
 * apart before it is trusted. Made by @noble/curves from the SHA-256 of the texts `gemel known answer: key`, `: message` and
 * `: tweak`.
 *
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import type { Check, Secp256k1 } from "./mod.ts";

const DIGEST = "5b1fa5005f054f06acb974558b9a2c42a051e3d541f8822c189cea1c9f72b6df";
const X = "0aa870fdbf446ee2ff7ccaf64c95881977b7332619d4b92f451de15498c5a517";
const Y = "ed579fea01828b2b7c8d5b117b82665a3d4fd6cfcb2343c84ee805cf0985b41c";
const ECDSA = "093420142b218e915372825ed3ffc1fd45973ec8ac918348967574800a68d881" +
  "0b366b9e2fb3bbf7f8fdf679512c861d4c6fec7342d98087c664fe43c20b179a";
const SCHNORR = "121e1df35a240b45b80bd758f2f8872fe0dcf66acf259d1386e1e33cb6394551" +
  "5833a46c5e5b38bd45969f82bca6844e6d172b53a7672e74f5ecb9ae5c37f81c";
const TWEAK = "5b1a828e855acbcf1ef7f4618ad8b6665e85b2990e7420d2b73bfebd5824d71e";
const OUTPUT = "1fa81870b1a6442c50df64af06c3a5745b4b0540725e608e364deb0f339e4deb";
/** As many as make an implementation do what it does for many at once. */
const REPEATS = 25;

/** The checks with their verdicts. */
export function knownAnswers(): readonly { readonly check: Check; readonly isGood: boolean }[] {
  const digest = fromHex(DIGEST);
  const changed = (bytes: Uint8Array) => {
    const other = bytes.slice();
    other[40 % other.length]! ^= 1;
    return other;
  };
  const ecdsa = { kind: "ecdsa", digest, signature: fromHex(ECDSA) } as const;
  const schnorr = { kind: "schnorr", message: digest, signature: fromHex(SCHNORR), key: fromHex(X) } as const;
  const tweak = { kind: "tweak", internal: fromHex(X), tweak: fromHex(TWEAK), output: fromHex(OUTPUT) } as const;
  const good: Check[] = [
    { ...ecdsa, key: fromHex(`02${X}`) },
    { ...ecdsa, key: fromHex(`04${X}${Y}`) },
    { ...ecdsa, key: fromHex(`06${X}${Y}`) },
    schnorr,
    { ...tweak, isOdd: false },
  ];
  const bad: Check[] = [
    { ...ecdsa, key: fromHex(`03${X}`) },
    { ...ecdsa, key: fromHex(`07${X}${Y}`) },
    { ...ecdsa, signature: changed(ecdsa.signature), key: fromHex(`02${X}`) },
    { ...schnorr, signature: changed(schnorr.signature) },
    { ...schnorr, message: changed(digest) },
    { ...tweak, isOdd: true },
    { ...tweak, tweak: changed(tweak.tweak), isOdd: false },
  ];
  return [...good.map((check) => ({ check, isGood: true })), ...bad.map((check) => ({ check, isGood: false }))];
}

/** @throws Error when an implementation gives another answer */
export function selfTest(implementation: Secp256k1): void {
  const answers = knownAnswers();
  const verdicts = implementation.verdicts(answers.map(({ check }) => check));
  const wrong = answers.findIndex(({ isGood }, i) => verdicts[i] !== isGood);
  if (wrong >= 0) throw new Error(`secp256k1: known answer ${wrong} is not ${answers[wrong]!.isGood}`);
  if (implementation.engine === "portable") return;
  const good = answers.filter(({ check, isGood }) => isGood && check.kind === "schnorr").map(({ check }) => check);
  const many = Array.from({ length: REPEATS }, () => good[0]!);
  const [bad] = answers.filter(({ check, isGood }) => !isGood && check.kind === "schnorr");
  if (!implementation.areAllGood(many)) throw new Error("secp256k1: a sum of good signatures is not good");
  if (implementation.areAllGood([...many, bad!.check])) {
    throw new Error("secp256k1: a sum with a bad signature is good");
  }
}
