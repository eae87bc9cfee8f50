import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chacha20, chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { LengthCipher, PacketAead, REKEY_INTERVAL } from "../../../lib/bitcoin/wire/v2/ciphers.ts";
import { Gather } from "../../../lib/core/gather.ts";
import { toHex } from "../../../lib/codec/hex.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

/** A nonce as the BIP writes it: LE32 ‖ LE64. */
function nonce(counter: number, epoch: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint32(0, counter, true);
  view.setBigUint64(4, BigInt(epoch), true);
  return new Uint8Array(view.buffer);
}

describe("LengthCipher", () => {
  test("is one stream per key; the next key is what follows 224 fields", () => {
    const cipher = new LengthCipher(KEY);
    let key = KEY;
    for (let epoch = 0; epoch < 3; epoch++) {
      const stream = chacha20(key, nonce(0, epoch), new Uint8Array(REKEY_INTERVAL * 3 + 32));
      for (let i = 0; i < REKEY_INTERVAL; i++) {
        const field = Uint8Array.of(9, 0, 0, 0, 9);
        cipher.apply(field, 1);
        assert.equal(toHex(field), `09${toHex(stream.subarray(i * 3, i * 3 + 3))}09`, `field ${i} of epoch ${epoch}`);
      }
      key = stream.slice(REKEY_INTERVAL * 3);
    }
  });
});

describe("PacketAead", () => {
  test("counts packets in the nonce; the next key is an encryption of zeros under a nonce of its own", () => {
    const aead = new PacketAead(KEY);
    let key = KEY;
    for (let epoch = 0; epoch < 3; epoch++) {
      for (let i = 0; i < REKEY_INTERVAL; i++) {
        const aad = Uint8Array.of(i);
        const packet = new Uint8Array(5 + 16).fill(7, 0, 5);
        aead.seal(packet, aad);
        const expected = chacha20poly1305(key, nonce(i, epoch), aad).encrypt(new Uint8Array(5).fill(7));
        assert.equal(toHex(packet), toHex(expected), `packet ${i} of epoch ${epoch}`);
      }
      key = chacha20poly1305(key, nonce(0xffffffff, epoch)).encrypt(new Uint8Array(32)).slice(0, 32);
    }
  });

  test("open() leaves its output and its count alone when the packet is forged", () => {
    const sealed = new Uint8Array(20);
    new PacketAead(KEY).seal(sealed);
    const aead = new PacketAead(KEY);
    const output = Uint8Array.of(1, 2, 3, 4);
    assert.equal(aead.open(sealed, output, Uint8Array.of(1)), false);
    assert.deepEqual(output, Uint8Array.of(1, 2, 3, 4));
    assert.equal(aead.open(sealed, output), true);
    assert.deepEqual(output, new Uint8Array(4));
    assert.throws(() => aead.open(sealed, new Uint8Array(5)), RangeError);
  });
});

describe("Gather", () => {
  test("the memory follows what came, not what was announced", () => {
    const gather = new Gather();
    gather.append(Uint8Array.of(1), 4_000_000);
    assert.ok(gather.peek().buffer.byteLength <= 65_536);
    gather.append(new Uint8Array(100_000), 4_000_000);
    assert.ok(gather.peek().buffer.byteLength <= 200_002);
    const taken = gather.take();
    assert.equal(taken.length, 100_001);
    assert.equal(taken[0], 1);
    assert.equal(gather.length, 0);
  });
});
