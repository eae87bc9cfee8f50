import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Frame, Transport } from "../../../lib/bitcoin/wire/transport.ts";
import { InboundTransport } from "../../../lib/bitcoin/wire/v2/inbound.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { concat, end, feed, MAINNET, REGTEST, settle } from "./peers.ts";

const EMPTY = new Uint8Array();
const VERSION = new TextEncoder().encode("version\0\0\0\0\0");

/** Keeps every byte that it is given. */
class RecordingV1 implements Transport {
  readonly droppedBytes = 0;
  readonly heldBytes = 0;
  received: Uint8Array = EMPTY;
  push(chunk: Uint8Array): Frame[] {
    this.received = concat(this.received, chunk);
    return [];
  }
  pack(): Uint8Array {
    return Uint8Array.of(1);
  }
}

function inbound() {
  const v1 = new RecordingV1();
  const made = { v1: 0 };
  const createV1 = () => {
    made.v1++;
    return v1;
  };
  const transport = new InboundTransport({ magic: MAINNET, garbageBytes: 9 }, {
    random: new SeededRandom(7),
    createV1,
  });
  return { transport, v1, made };
}

describe("InboundTransport", () => {
  for (const size of [1, 5, 16, 17, Infinity]) {
    test(`a v1 connection in pieces of ${size} reaches the v1 transport whole, and no key is sent`, () => {
      const { transport, v1, made } = inbound();
      const bytes = concat(MAINNET, VERSION, Uint8Array.from({ length: 60 }, (_, i) => i));
      feed(transport, bytes, size);
      assert.equal(transport.kind, "v1");
      assert.deepEqual(v1.received, bytes);
      assert.equal(transport.drain().length, 0);
      assert.equal(transport.sessionId, undefined);
      assert.deepEqual(transport.pack("verack", EMPTY), Uint8Array.of(1));
      assert.equal(made.v1, 1);
    });

    test(`a v2 connection in pieces of ${size} is answered`, () => {
      const { transport, v1 } = inbound();
      const initiator = end(true, 40);
      settle(initiator, transport, size);
      assert.equal(transport.kind, "v2");
      assert.ok(initiator.established && transport.v2!.established);
      assert.deepEqual(transport.sessionId, initiator.sessionId);
      assert.equal(feed(transport, initiator.pack("version", EMPTY), size)[0]!.type, "version");
      assert.equal(feed(initiator, transport.pack("verack", EMPTY), size)[0]!.type, "verack");
      assert.equal(v1.received.length, 0);
    });
  }

  test("the answer is sent at the first byte that is not v1's, and not before", () => {
    for (const same of [0, 1, 4, 15]) {
      const { transport } = inbound();
      const prefix = concat(MAINNET, VERSION);
      feed(transport, prefix.subarray(0, same));
      assert.equal(transport.drain().length, 0);
      assert.equal(transport.kind, "detecting");
      feed(transport, Uint8Array.of(prefix[same]! ^ 0x80));
      assert.equal(transport.kind, "v2");
      assert.equal(transport.drain().length, 64 + 9, `after ${same} equal bytes`);
    }
  });

  test("a key that begins like v1 is not lost", () => {
    // The initiator's key is not ours to choose, so the bytes of a v1 prefix stand for it; the session id needs all 64.
    const { transport } = inbound();
    const key = concat(MAINNET, VERSION.subarray(0, 11), new Uint8Array(49).fill(9));
    feed(transport, key, 15);
    assert.equal(transport.kind, "v2");
    const whole = inbound().transport;
    feed(whole, key);
    assert.deepEqual(transport.sessionId, whole.sessionId);
    assert.notEqual(transport.sessionId, undefined);
  });

  test("version under another network's magic ends the connection, as soon as 16 bytes are there", () => {
    for (const size of [1, 16, Infinity]) {
      const { transport } = inbound();
      const bytes = concat(REGTEST, VERSION);
      feed(transport, bytes.subarray(0, 15), size);
      assert.throws(
        () => feed(transport, bytes.subarray(15)),
        (error) => error instanceof NodeError && error.code === "bad_magic" && error.fault === "peer",
      );
    }
  });

  test("pack() before the peer spoke is our own fault", () => {
    assert.throws(
      () => inbound().transport.pack("version", EMPTY),
      (error) => error instanceof NodeError && error.fault === "self",
    );
  });
});
