/**
 * Addresses, their encodings, and scripts as Core prints them.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { base58, bech32, bech32m } from "@scure/base";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { mainnet, regtest, signet, testnet3, testnet4 } from "../../lib/bitcoin/networks/mod.ts";
import {
  addressToScript,
  decodeBase58Check,
  encodeBase58Check,
  isStrictDerSignature,
  PaymentAddressError,
  scriptAsm,
  scriptTemplate,
  scriptToAddress,
  wrapInScriptHash,
  wrapInWitnessScriptHash,
} from "../../lib/bitcoin/types/mod.ts";
import { bitcoinDataMissing, bitcoinJson } from "./bitcoin-data.ts";

const networks = { main: mainnet, test: testnet3, testnet4, signet, regtest } as const;
type Chain = keyof typeof networks;

describe("addresses", () => {
  test("base58_encode_decode.json", { skip: bitcoinDataMissing("core/base58_encode_decode.json") }, () => {
    for (const [upper, text] of bitcoinJson<[string, string][]>("core/base58_encode_decode.json")) {
      const hex = upper.toLowerCase();
      assert.equal(base58.encode(fromHex(hex)), text);
      assert.equal(toHex(base58.decode(text)), hex);
    }
  });

  type KeyIo = [text: string, hex: string, about: { chain: Chain; isPrivkey: boolean; tryCaseFlip?: boolean }];
  test("key_io_valid.json", { skip: bitcoinDataMissing("core/key_io_valid.json") }, () => {
    let addresses = 0;
    for (const [text, hex, { chain, isPrivkey, tryCaseFlip }] of bitcoinJson<KeyIo[]>("core/key_io_valid.json")) {
      const network = networks[chain];
      if (isPrivkey) {
        // Of keys, only that they are Base58Check of the right kind: this is no wallet.
        const payload = decodeBase58Check(text);
        assert.equal(payload[0], network.base58.secretKey);
        assert.equal(toHex(payload.subarray(1, 33)), hex);
        assert.equal(encodeBase58Check(payload), text);
        assert.throws(() => addressToScript(text, network), PaymentAddressError);
        continue;
      }
      assert.equal(toHex(addressToScript(text, network)), hex);
      assert.equal(scriptToAddress(fromHex(hex), network), text);
      if (tryCaseFlip === true) assert.equal(toHex(addressToScript(text.toUpperCase(), network)), hex);
      const foreign = chain === "main" ? regtest : mainnet;
      assert.throws(() => addressToScript(text, foreign), { name: "PaymentAddressError", code: "network" }, text);
      addresses++;
    }
    assert.ok(addresses >= 40, `${addresses} addresses`);
  });

  interface Bip173 {
    readonly valid: string[];
    readonly invalid: { string: string; reason: string }[];
    readonly validAddress: { string: string; scriptPubKey: string }[];
    readonly invalidAddress: { string: string; reason: string }[];
  }
  test("bip173.json", { skip: bitcoinDataMissing("bips/bip173.json") }, () => {
    const data = bitcoinJson<Bip173>("bips/bip173.json");
    for (const text of data.valid) assert.ok(bech32.decodeUnsafe(text), text);
    for (const { string, reason } of data.invalid) assert.equal(bech32.decodeUnsafe(string), undefined, reason);
    for (const { string, scriptPubKey } of data.validAddress) {
      const network = string.toLowerCase().startsWith("bc") ? mainnet : testnet3;
      const address = scriptToAddress(fromHex(scriptPubKey), network)!;
      assert.equal(toHex(addressToScript(address, network)), scriptPubKey);
      if (scriptPubKey.startsWith("00")) {
        assert.equal(address, string.toLowerCase());
        assert.equal(toHex(addressToScript(string, network)), scriptPubKey);
      } else {
        // BIP350 has since given versions 1 and up another checksum.
        assert.throws(() => addressToScript(string, network), { name: "PaymentAddressError", code: "variant" });
      }
    }
    for (const { string, reason } of data.invalidAddress) {
      for (const network of [mainnet, testnet3]) {
        assert.throws(() => addressToScript(string, network), PaymentAddressError, reason);
      }
    }
    assert.ok(data.validAddress.length >= 6 && data.invalidAddress.length >= 10);
  });

  test("a segwit address with the other checksum is refused", () => {
    const words = [...bech32.toWords(new Uint8Array(32).fill(7))];
    const wrongly = bech32.encode("bc", [1, ...words]);
    assert.throws(() => addressToScript(wrongly, mainnet), { name: "PaymentAddressError", code: "variant" });
    const old = bech32m.encode("bc", [0, ...words]);
    assert.throws(() => addressToScript(old, mainnet), { name: "PaymentAddressError", code: "variant" });
  });
});

describe("scripts as Core prints them", () => {
  interface Decoded {
    readonly asm: string;
    readonly type: string;
    readonly address?: string;
    readonly p2sh?: string;
    readonly segwit?: { asm: string; hex: string; type: string; address?: string; "p2sh-segwit": string };
  }
  test("rpc_decodescript.json", { skip: bitcoinDataMissing("core/rpc_decodescript.json") }, () => {
    const rows = bitcoinJson<[string, Decoded][]>("core/rpc_decodescript.json");
    for (const [hex, expected] of rows) {
      const script = fromHex(hex);
      assert.equal(scriptAsm(script), expected.asm, hex);
      assert.equal(scriptTemplate(script).type, expected.type, hex);
      assert.equal(scriptToAddress(script, regtest), expected.address, hex);
      if (expected.p2sh !== undefined) assert.equal(scriptToAddress(wrapInScriptHash(script), regtest), expected.p2sh);
      if (expected.segwit !== undefined) {
        const wrapped = wrapInWitnessScriptHash(script);
        assert.equal(toHex(wrapped), expected.segwit.hex);
        assert.equal(scriptAsm(wrapped), expected.segwit.asm);
        assert.equal(scriptTemplate(wrapped).type, expected.segwit.type);
        assert.equal(scriptToAddress(wrapped, regtest), expected.segwit.address);
        assert.equal(scriptToAddress(wrapInScriptHash(wrapped), regtest), expected.segwit["p2sh-segwit"]);
      }
    }
    assert.ok(rows.length >= 8);
  });

  test("sig_canonical.json: all strict DER", { skip: bitcoinDataMissing("bitcoinjs/sig_canonical.json") }, () => {
    const signatures = bitcoinJson<string[]>("bitcoinjs/sig_canonical.json");
    for (const hex of signatures) {
      assert.ok(isStrictDerSignature(fromHex(hex)), hex);
      assert.ok(!isStrictDerSignature(fromHex(hex + "00")), "one byte more");
      assert.ok(!isStrictDerSignature(fromHex(hex.slice(0, -2))), "one byte less");
    }
    assert.ok(signatures.length >= 3);
  });
});
