/** BIP324's own test vectors. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { decodeKey, sharedSecret, xSwiftEc, xSwiftEcInverse } from "../../lib/bitcoin/wire/v2/elligator-swift.ts";
import { PacketCipher } from "../../lib/bitcoin/wire/v2/packet-cipher.ts";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { bitcoinCsv, bitcoinDataMissing } from "./bitcoin-data.ts";

const MAINNET = fromHex("f9beb4d9");
const PACKETS = "bips/bip324-packet_encoding.csv";
const INVERSES = "bips/bip324-xswiftec_inv.csv";

describe("BIP324 xswiftec_inv_test_vectors.csv", { skip: bitcoinDataMissing(INVERSES) }, () => {
  test("xSwiftEcInverse() gives the t of each of the eight cases, or none, and xSwiftEc() leads back", () => {
    let solutions = 0;
    const rows = bitcoinCsv(INVERSES);
    for (const row of rows) {
      const u = BigInt(`0x${row["u"]}`);
      const x = BigInt(`0x${row["x"]}`);
      for (let branch = 0; branch < 8; branch++) {
        const expected = row[`case${branch}_t`]!;
        const t = xSwiftEcInverse(x, u, branch);
        assert.equal(t?.toString(16).padStart(64, "0") ?? "", expected, `${row["comment"]}, case ${branch}`);
        if (t === undefined) continue;
        solutions++;
        assert.equal(xSwiftEc(u, t), x, `${row["comment"]}, case ${branch} back`);
      }
    }
    assert.equal(rows.length, 32);
    assert.ok(solutions > 60, `${solutions} solutions`);
  });
});

describe("BIP324 packet_encoding_test_vectors.csv", { skip: bitcoinDataMissing(PACKETS) }, () => {
  test("has the rows that this file expects", () => {
    assert.equal(bitcoinCsv(PACKETS).length, 7);
  });

  for (const [number, row] of (bitcoinDataMissing(PACKETS) ? [] : bitcoinCsv(PACKETS)).entries()) {
    const field = (name: string) => row[name]!;
    const index = Number(field("in_idx"));
    const initiator = field("in_initiating") === "1";
    const own = { privateKey: fromHex(field("in_priv_ours")), encoded: fromHex(field("in_ellswift_ours")) };
    const theirs = fromHex(field("in_ellswift_theirs"));

    test(`row ${number}: keys and session id`, () => {
      assert.equal(toHex(decodeKey(own.encoded)), field("mid_x_ours"));
      assert.equal(toHex(secp256k1.getPublicKey(own.privateKey).subarray(1)), field("mid_x_ours"));
      assert.equal(toHex(decodeKey(theirs)), field("mid_x_theirs"));
      assert.equal(toHex(sharedSecret(own, theirs, initiator)), field("mid_shared_secret"));
      const cipher = new PacketCipher({ own, theirs, initiator, magic: MAINNET });
      assert.equal(toHex(cipher.sendTerminator), field("mid_send_garbage_terminator"));
      assert.equal(toHex(cipher.receiveTerminator), field("mid_recv_garbage_terminator"));
      assert.equal(toHex(cipher.sessionId), field("out_session_id"));
    });

    test(`row ${number}: packet ${index} of ${field("in_contents").length / 2} × ${field("in_multiply")} bytes`, () => {
      const cipher = new PacketCipher({ own, theirs, initiator, magic: MAINNET });
      for (let i = 0; i < index; i++) cipher.seal(new Uint8Array());
      const contents = fromHex(field("in_contents").repeat(Number(field("in_multiply"))));
      const half = contents.length >>> 1;
      const packet = toHex(cipher.seal(contents.subarray(0, half), contents.subarray(half), {
        aad: fromHex(field("in_aad")),
        ignore: field("in_ignore") === "1",
      }));
      assert.ok(field("out_ciphertext") !== "" || field("out_ciphertext_endswith") !== "");
      if (field("out_ciphertext") !== "") assert.equal(packet, field("out_ciphertext"));
      else assert.ok(packet.endsWith(field("out_ciphertext_endswith")), packet.slice(-64));
      assert.equal(packet.length / 2, contents.length + 20);
    });
  }
});
