/** Scripts: walking, counting, recognising, printing. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { hash160, taggedHash } from "../../../lib/bitcoin/hash.ts";
import { mainnet } from "../../../lib/bitcoin/networks/mod.ts";
import {
  addressToScript,
  fromScriptNumber,
  isPushOnly,
  isUnspendable,
  opcodeName,
  p2shSigOpCount,
  payToWitness,
  pushData,
  scriptAsm,
  scriptNumber,
  scriptTemplate,
  scriptToAddress,
  sigOpCount,
  witnessProgram,
  witnessSigOpCount,
  wrapInScriptHash,
} from "../../../lib/bitcoin/types/mod.ts";

const key33 = "02" + "11".repeat(32);
const key65 = "04" + "22".repeat(64);
const push = (hex: string) => toHex(pushData(fromHex(hex)));

describe("scriptTemplate()", () => {
  const forms: [hex: string, type: string][] = [
    ["21" + key33 + "ac", "pubkey"],
    ["41" + key65 + "ac", "pubkey"],
    ["41" + "06" + "22".repeat(64) + "ac", "pubkey"],
    ["21" + "05" + "11".repeat(32) + "ac", "nonstandard"],
    ["41" + "02" + "22".repeat(64) + "ac", "nonstandard"],
    ["76a914" + "33".repeat(20) + "88ac", "pubkeyhash"],
    ["76a914" + "33".repeat(20) + "88ad", "nonstandard"],
    ["a914" + "33".repeat(20) + "87", "scripthash"],
    ["a94c14" + "33".repeat(20) + "87", "nonstandard"],
    ["0014" + "33".repeat(20), "witness_v0_keyhash"],
    ["0020" + "33".repeat(32), "witness_v0_scripthash"],
    ["0015" + "33".repeat(21), "nonstandard"],
    ["5120" + "33".repeat(32), "witness_v1_taproot"],
    ["51024e73", "anchor"],
    ["51024e74", "witness_unknown"],
    ["5114" + "33".repeat(20), "witness_unknown"],
    ["6028" + "33".repeat(40), "witness_unknown"],
    ["6029" + "33".repeat(41), "nonstandard"],
    ["600133", "nonstandard"],
    ["4f0233" + "33", "nonstandard"],
    ["6a", "nulldata"],
    ["6a0400112233", "nulldata"],
    ["6a51", "nulldata"],
    ["6aac", "nonstandard"],
    ["6a0500112233", "nonstandard"],
    ["5121" + key33 + "51ae", "multisig"],
    ["5121" + key33 + "41" + key65 + "52ae", "multisig"],
    ["5221" + key33 + "51ae", "nonstandard"],
    ["5121" + key33 + "52ae", "nonstandard"],
    ["0021" + key33 + "51ae", "nonstandard"],
    ["5121" + key33 + "51ae61", "nonstandard"],
    ["51ae", "nonstandard"],
    ["0114" + ("21" + key33).repeat(20) + "0114ae", "multisig"],
    ["0101" + ("21" + key33).repeat(20) + "0114ae", "nonstandard"],
    ["51" + ("21" + key33).repeat(17) + "0111ae", "multisig"],
    ["51" + ("21" + key33).repeat(21) + "0115ae", "nonstandard"],
    ["", "nonstandard"],
    ["ae", "nonstandard"],
  ];
  for (const [hex, type] of forms) {
    test(`${hex.length > 60 ? hex.slice(0, 57) + "…" : hex || "nothing"} is ${type}`, () => {
      assert.equal(scriptTemplate(fromHex(hex)).type, type);
    });
  }

  test("tells to whom an output pays", () => {
    const multisig = scriptTemplate(fromHex("5221" + key33 + "41" + key65 + "52ae"));
    assert.deepEqual(multisig, { type: "multisig", required: 2, publicKeys: [fromHex(key33), fromHex(key65)] });
    assert.deepEqual(scriptTemplate(fromHex("21" + key33 + "ac")), { type: "pubkey", publicKey: fromHex(key33) });
  });
});

describe("sigOpCount()", () => {
  const counts: [hex: string, legacy: number, accurate: number][] = [
    ["", 0, 0],
    ["ac", 1, 1],
    ["adacad", 3, 3],
    ["ae", 20, 20],
    ["53ae", 20, 3],
    ["60af", 20, 16],
    ["00ae", 20, 20],
    ["5361ae", 20, 20],
    ["0103ae", 20, 20],
    ["02acacac", 1, 1],
    ["ba", 0, 0],
    // Counting ends at a push over the end; what was counted stands.
    ["ac05acac", 1, 1],
    ["ac4c", 1, 1],
    ["ac4d0100", 1, 1],
    ["ac4effffffffac", 1, 1],
    ["4c01acac", 1, 1],
  ];
  for (const [hex, legacy, accurate] of counts) {
    test(`${hex || "nothing"}: ${legacy}, ${accurate} with keys counted`, () => {
      assert.equal(sigOpCount(fromHex(hex), false), legacy);
      assert.equal(sigOpCount(fromHex(hex), true), accurate);
    });
  }

  test("in what a P2SH input reveals", () => {
    const redeem = fromHex("5221" + key33 + "21" + key33 + "52ae");
    const output = wrapInScriptHash(redeem);
    const reveal = pushData(redeem);
    assert.equal(p2shSigOpCount(output, reveal), 2);
    assert.equal(p2shSigOpCount(output, Uint8Array.of(0x51, ...reveal)), 2);
    assert.equal(p2shSigOpCount(output, Uint8Array.of(0x61, ...reveal)), 0, "not only pushes");
    assert.equal(p2shSigOpCount(output, Uint8Array.of(...reveal, 0x05)), 0, "malformed");
    assert.equal(p2shSigOpCount(redeem, reveal), 0, "no P2SH output");
  });

  test("in witnesses", () => {
    const script = fromHex("5221" + key33 + "21" + key33 + "52ae");
    const scriptHash = payToWitness(0, sha256(script));
    const keyHash = payToWitness(0, new Uint8Array(20));
    const nothing = new Uint8Array();
    assert.equal(witnessSigOpCount(keyHash, nothing, []), 1);
    assert.equal(witnessSigOpCount(scriptHash, nothing, [nothing, script]), 2);
    assert.equal(witnessSigOpCount(scriptHash, nothing, []), 0);
    assert.equal(witnessSigOpCount(wrapInScriptHash(keyHash), pushData(keyHash), []), 1);
    assert.equal(witnessSigOpCount(wrapInScriptHash(scriptHash), pushData(scriptHash), [script]), 2);
    assert.equal(witnessSigOpCount(payToWitness(1, new Uint8Array(32)), nothing, [script]), 0);
  });
});

describe("scriptAsm()", () => {
  const forms: [hex: string, asm: string][] = [
    ["", ""],
    ["00", "0"],
    ["4f515260", "-1 1 2 16"],
    ["0100", "0"],
    ["0180", "0"],
    ["0181", "-1"],
    ["02ff00", "255"],
    ["04ffffff7f", "2147483647"],
    ["04ffffffff", "-2147483647"],
    ["0500112233ff", "00112233ff"],
    ["4c0105", "5"],
    ["4d0500" + "aa".repeat(5), "aaaaaaaaaa"],
    ["76a988ac", "OP_DUP OP_HASH160 OP_EQUALVERIFY OP_CHECKSIG"],
    [
      "b1b2b0babbfffe",
      "OP_CHECKLOCKTIMEVERIFY OP_CHECKSEQUENCEVERIFY OP_NOP1 OP_CHECKSIGADD OP_UNKNOWN OP_INVALIDOPCODE OP_UNKNOWN",
    ],
    ["ac02", "OP_CHECKSIG [error]"],
    ["4c", "[error]"],
  ];
  for (const [hex, asm] of forms) {
    test(`${hex || "nothing"}: ${asm}`, () => assert.equal(scriptAsm(fromHex(hex)), asm));
  }

  test("shows the hash type of signatures where asked to", () => {
    const der = "3006020101020101";
    for (
      const [byte, name] of [["01", "ALL"], ["02", "NONE"], ["03", "SINGLE"], ["83", "SINGLE|ANYONECANPAY"]] as const
    ) {
      const script = fromHex(push(der + byte));
      assert.equal(scriptAsm(script, { sighash: true }), `${der}[${name}]`);
      assert.equal(scriptAsm(script), der + byte);
    }
    assert.equal(scriptAsm(fromHex(push(der + "04")), { sighash: true }), der + "04", "no such type");
    assert.equal(scriptAsm(fromHex("6a" + push(der + "01")), { sighash: true }), `OP_RETURN ${der}01`);
    for (const bad of ["3006020181020101", "300702020001020101", "3006020101020100", "3006020101030101"]) {
      assert.match(scriptAsm(fromHex(push(bad + "01")), { sighash: true }), bad.endsWith("00") ? /ALL/ : /^[0-9a-f]+$/);
    }
  });

  test("opcodeName() has Core's names", () => {
    assert.deepEqual([0x00, 0x4f, 0x51, 0x60, 0x50, 0x62, 0xb1, 0xb3, 0xba, 0xbb].map(opcodeName), [
      "0",
      "-1",
      "1",
      "16",
      "OP_RESERVED",
      "OP_VER",
      "OP_CHECKLOCKTIMEVERIFY",
      "OP_NOP4",
      "OP_CHECKSIGADD",
      "OP_UNKNOWN",
    ]);
  });
});

describe("pieces of scripts", () => {
  test("pushData() takes the shortest form", () => {
    assert.deepEqual(["", "01", "10", "11", "81", "00", "aabb"].map(push), [
      "00",
      "51",
      "60",
      "0111",
      "4f",
      "0100",
      "02aabb",
    ]);
    assert.equal(push("aa".repeat(75)).slice(0, 2), "4b");
    assert.equal(push("aa".repeat(76)).slice(0, 4), "4c4c");
    assert.equal(push("aa".repeat(256)).slice(0, 6), "4d0001");
    assert.equal(push("aa".repeat(65_536)).slice(0, 10), "4e00000100");
  });

  test("scriptNumber() and fromScriptNumber() are inverse", () => {
    for (const value of [0, 1, -1, 127, 128, -128, 255, 256, 32_767, -32_768, 840_000, 2 ** 31, -(2 ** 31), 2 ** 40]) {
      assert.equal(fromScriptNumber(scriptNumber(value)), value);
    }
    assert.equal(toHex(scriptNumber(128)), "8000");
    assert.equal(toHex(scriptNumber(-255)), "ff80");
    assert.equal(toHex(scriptNumber(227_931)), "5b7a03");
  });

  test("isPushOnly(), isUnspendable(), witnessProgram()", () => {
    assert.equal(isPushOnly(fromHex("00504f600155")), true);
    assert.equal(isPushOnly(fromHex("0061")), false);
    assert.equal(isPushOnly(fromHex("0255")), false);
    assert.equal(isUnspendable(fromHex("6a")), true);
    assert.equal(isUnspendable(new Uint8Array(10_000)), false);
    assert.equal(isUnspendable(new Uint8Array(10_001)), true);
    assert.equal(witnessProgram(fromHex("0002aabbcc")), undefined);
    assert.deepEqual(witnessProgram(fromHex("6002aabb")), { version: 16, program: fromHex("aabb") });
  });
});

describe("addresses", () => {
  const refused: [address: string, code: string][] = [
    ["", "encoding"],
    ["1", "encoding"],
    ["1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "encoding"],
    ["1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN0", "encoding"],
    ["2N7DoyDHbFNzcR4hyKmYTBQ2T3xhTkuYm8q", "encoding"],
    ["tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "network"],
    ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "encoding"],
    ["x".repeat(10_000), "encoding"],
  ];
  for (const [address, code] of refused) {
    test(`${address.slice(0, 50) || "nothing"}: ${code}`, () => {
      assert.throws(() => addressToScript(address, mainnet), { name: "PaymentAddressError", code });
    });
  }

  test("of every kind that has one come back", () => {
    const hash = hash160(fromHex(key33));
    const scripts = [
      "76a914" + toHex(hash) + "88ac",
      "a914" + toHex(hash) + "87",
      "0014" + toHex(hash),
      "0020" + "33".repeat(32),
      "5120" + "33".repeat(32),
      "51024e73",
      "6028" + "33".repeat(40),
    ];
    for (const hex of scripts) {
      assert.equal(toHex(addressToScript(scriptToAddress(fromHex(hex), mainnet)!, mainnet)), hex);
    }
    for (const hex of ["21" + key33 + "ac", "6a", "5121" + key33 + "51ae", ""]) {
      assert.equal(scriptToAddress(fromHex(hex), mainnet), undefined);
    }
    assert.equal(scriptToAddress(fromHex("51024e73"), mainnet), "bc1pfeessrawgf");
  });

  test("taggedHash() is BIP340's", () => {
    // The tag hash of BIP340/challenge begins the preimage twice.
    const tag = sha256(new TextEncoder().encode("BIP0340/challenge"));
    const expected = sha256(Uint8Array.of(...tag, ...tag, 1, 2, 3));
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(taggedHash("BIP0340/challenge", Uint8Array.of(1), Uint8Array.of(2, 3)), expected);
    }
  });
});
