import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CONTENTS_BYTES_MAX, GARBAGE_BYTES_MAX, V2Transport } from "../../../lib/bitcoin/wire/v2/transport.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { concat, connected, end, feed, flipped, MAINNET, manualResponder, settle } from "./peers.ts";

const EMPTY = new Uint8Array();
const utf8 = new TextEncoder();

/** Matches a NodeError by the peer's fault. */
function fault(code: string) {
  return (error: unknown) => error instanceof NodeError && error.code === code && error.fault === "peer";
}

describe("V2Transport handshake", () => {
  for (const [ours, theirs] of [[0, 0], [GARBAGE_BYTES_MAX, GARBAGE_BYTES_MAX], [0, GARBAGE_BYTES_MAX], [17, 1]]) {
    for (const size of [1, 7, Infinity]) {
      test(`garbage of ${ours} and ${theirs} bytes in pieces of ${size}: both ends meet`, () => {
        const initiator = end(true, ours!);
        const responder = end(false, theirs!);
        settle(initiator, responder, size);
        assert.ok(initiator.established && responder.established);
        assert.equal(initiator.sessionId!.length, 32);
        assert.equal(toHex(initiator.sessionId!), toHex(responder.sessionId!));
        const payload = Uint8Array.of(1, 2, 3);
        assert.deepEqual(feed(responder, initiator.pack("ping", payload), size), [{ type: "ping", payload }]);
        assert.deepEqual(feed(initiator, responder.pack("verack", EMPTY), size), [{ type: "verack", payload: EMPTY }]);
      });
    }
  }

  test("garbage is of any length up to 4,095, by chance", () => {
    const bounds: number[] = [];
    const chance = new SeededRandom(3);
    const below = (bound: number) => (bounds.push(bound), bound - 1);
    const random = { bytes: (length: number) => chance.bytes(length), below };
    new V2Transport({ initiator: true, magic: MAINNET }, { random });
    assert.equal(bounds[0], GARBAGE_BYTES_MAX + 1);
  });

  test("pack() keeps messages until the keys are known, and drain() sends them in order", () => {
    const initiator = end(true, 3);
    assert.equal(initiator.pack("version", utf8.encode("first")).length, 0);
    assert.equal(initiator.pack("wtxidrelay", EMPTY).length, 0);
    const { b } = settle(initiator, end(false, 3));
    assert.deepEqual(b.map((frame) => frame.type), ["version", "wtxidrelay"]);
    assert.deepEqual(b[0]!.payload, utf8.encode("first"));
  });

  test("pack() refuses to keep more than a few messages", () => {
    const initiator = end(true, 3);
    for (let i = 0; i < 8; i++) initiator.pack("ping", EMPTY);
    assert.throws(
      () => initiator.pack("ping", EMPTY),
      (error) => error instanceof NodeError && error.fault === "self" && error.code === "transport_not_ready",
    );
  });

  test("the garbage is drawn between nothing and 4095 bytes, and the first bytes differ from connection to connection", () => {
    const random = new SeededRandom(5);
    const first = new Set<string>();
    const lengths = new Set<number>();
    for (let i = 0; i < 20; i++) {
      const sent = new V2Transport({ initiator: true, magic: MAINNET }, { random }).drain();
      assert.ok(sent.length >= 64 && sent.length <= 64 + GARBAGE_BYTES_MAX);
      lengths.add(sent.length);
      first.add(toHex(sent.subarray(0, 64)));
    }
    assert.equal(first.size, 20);
    assert.ok(lengths.size > 15);
  });

  test("a terminator that begins with part of itself is still found", () => {
    // Garbage that ends in the terminator's own first bytes: a search that skips ahead would miss the real one.
    const initiator = end(true, 0);
    const { key, cipher } = manualResponder(initiator.drain());
    const garbage = concat(cipher.sendTerminator.subarray(0, 9), cipher.sendTerminator.subarray(0, 15));
    const bytes = concat(key, garbage, cipher.sendTerminator, cipher.seal(EMPTY, EMPTY, { aad: garbage }));
    assert.deepEqual(feed(initiator, bytes, 1), []);
    assert.ok(initiator.established);
  });

  test("decoys come before and after the version packet, whose contents are not looked at", () => {
    const initiator = end(true, 0);
    const { key, cipher } = manualResponder(initiator.drain());
    const garbage = utf8.encode("garbage");
    const bytes = concat(
      key,
      garbage,
      cipher.sendTerminator,
      // The first packet vouches for the garbage, even when it is a decoy.
      cipher.seal(new Uint8Array(300), EMPTY, { aad: garbage, ignore: true }),
      cipher.seal(EMPTY, EMPTY, { ignore: true }),
      cipher.seal(utf8.encode("a version to come")),
      cipher.seal(new Uint8Array(70_000), EMPTY, { ignore: true }),
      cipher.seal(Uint8Array.of(18), Uint8Array.of(7)),
    );
    for (const size of [1, 1000, Infinity]) {
      const again = end(true, 0);
      again.drain();
      assert.deepEqual(feed(again, bytes, size), [{ type: "ping", payload: Uint8Array.of(7) }], `pieces of ${size}`);
    }
  });

  test("decoy() is thrown away by the other end", () => {
    const { initiator, responder } = connected();
    assert.deepEqual(feed(responder, initiator.decoy(0)), []);
    assert.deepEqual(feed(responder, initiator.decoy(5_000)), []);
    assert.equal(feed(responder, initiator.pack("ping", EMPTY))[0]!.type, "ping");
    assert.equal(responder.dropped, 0);
  });

  test("an initiator takes any 64 bytes for a key, even those that a responder would refuse", () => {
    const initiator = end(true, 0);
    initiator.drain();
    feed(initiator, concat(new Uint8Array(4), utf8.encode("version\0\0\0\0\0"), new Uint8Array(48)));
    assert.notEqual(initiator.sessionId, undefined);
  });

  test("garbage is held, and counted, until the first packet vouches for it", () => {
    const initiator = end(true, 0);
    const { key, cipher } = manualResponder(initiator.drain());
    const garbage = new Uint8Array(4_000).fill(5);
    feed(initiator, concat(key, garbage, cipher.sendTerminator));
    assert.ok(initiator.heldBytes >= garbage.length, `${initiator.heldBytes}`);
    feed(initiator, cipher.seal(EMPTY, EMPTY, { aad: garbage }));
    assert.ok(initiator.heldBytes < 100, `${initiator.heldBytes}`);
  });

  test("garbage of another length than may be sent is our own mistake", () => {
    for (const length of [-1, 4_096, 1.5, NaN]) assert.throws(() => end(true, length), RangeError);
    assert.equal(end(true, 4_095).drain().length, 64 + 4_095);
  });

  test("garbage without a terminator ends the connection at 4095 + 16 bytes and not before", () => {
    const initiator = end(true, 0);
    const { key } = manualResponder(initiator.drain());
    feed(initiator, key);
    feed(initiator, new Uint8Array(GARBAGE_BYTES_MAX + 15).fill(0xaa));
    assert.throws(() => feed(initiator, Uint8Array.of(0xaa)), fault("garbage_unterminated"));
    assert.throws(() => feed(initiator, EMPTY), fault("garbage_unterminated"), "and it stays ended");
  });
});

describe("V2Transport against a man in the middle", () => {
  test("another key: the terminator is never found", () => {
    const initiator = end(true, 0);
    const responder = end(false, GARBAGE_BYTES_MAX);
    feed(responder, flipped(initiator.drain(), 40));
    const answer = responder.drain();
    // What follows the key does not matter, so long as it is enough.
    assert.throws(() => feed(initiator, concat(answer, new Uint8Array(64))), fault("garbage_unterminated"));
  });

  test("changed garbage: the first packet does not authenticate", () => {
    const initiator = end(true, 100);
    const responder = end(false, 100);
    feed(responder, flipped(initiator.drain(), 64 + 50));
    assert.throws(() => settle(initiator, responder), fault("packet_forged"));
  });

  test("a changed byte anywhere in the version packet ends the connection", () => {
    for (const at of [3, 4, 10, 19]) {
      const initiator = end(true, 0);
      const responder = end(false, 0);
      feed(responder, initiator.drain());
      const answer = responder.drain();
      assert.equal(answer.length, 64 + 16 + 20);
      assert.throws(() => feed(initiator, flipped(answer, 64 + 16 + at)), fault("packet_forged"), `byte ${at}`);
    }
  });

  test("a changed header, contents or tag of a message ends the connection, and stays ended", () => {
    for (const at of [3, 4, 20, 104, 120]) {
      for (const size of [1, Infinity]) {
        const { initiator, responder } = connected();
        const packet = initiator.pack("tx", new Uint8Array(100));
        assert.equal(packet.length, 121);
        assert.throws(() => feed(responder, flipped(packet, at), size), fault("packet_forged"), `byte ${at}`);
        assert.throws(() => feed(responder, packet), fault("packet_forged"));
      }
    }
  });

  test("a packet that comes twice, or out of turn, ends the connection", () => {
    const { initiator, responder } = connected();
    const first = initiator.pack("ping", new Uint8Array(8));
    feed(responder, first);
    assert.throws(() => feed(responder, concat(first, new Uint8Array(CONTENTS_BYTES_MAX + 17))), NodeError);
    const other = connected();
    other.initiator.pack("ping", new Uint8Array(8));
    const late = other.initiator.pack("ping", new Uint8Array(8));
    assert.throws(() => feed(other.responder, concat(late, new Uint8Array(CONTENTS_BYTES_MAX + 17))), NodeError);
  });

  test("a length above that of the longest message ends the connection before anything is kept", () => {
    const initiator = end(true, 0);
    const { key, cipher } = manualResponder(initiator.drain());
    feed(initiator, concat(key, cipher.sendTerminator, cipher.seal(EMPTY)));
    const tooLong = cipher.seal(new Uint8Array(CONTENTS_BYTES_MAX + 1));
    assert.throws(() => feed(initiator, tooLong.subarray(0, 3)), fault("oversize"));
  });

  test("the longest message passes", () => {
    const { initiator, responder } = connected();
    const payload = new Uint8Array(4_000_000).fill(3);
    const [frame] = feed(responder, initiator.pack("sendheaders", payload), 65_536);
    assert.equal(frame!.type, "sendheaders");
    assert.equal(frame!.payload.length, 4_000_000);
    assert.throws(() => initiator.pack("block", new Uint8Array(4_000_001)), RangeError);
  });

  test("frames before a forged packet are given before the error", () => {
    const { initiator, responder } = connected();
    const bytes = concat(initiator.pack("ping", EMPTY), flipped(initiator.pack("pong", EMPTY), 5));
    const seen: string[] = [];
    assert.throws(() => {
      for (const frame of responder.push(bytes)) seen.push(frame.type);
    }, fault("packet_forged"));
    assert.deepEqual(seen, ["ping"]);
  });
});

describe("V2Transport messages", () => {
  test("a message under an unknown id, or without a type, is dropped and counted; the connection stays", () => {
    const initiator = end(true, 0);
    const { key, cipher } = manualResponder(initiator.drain());
    const version = cipher.seal(EMPTY);
    const odd = [
      cipher.seal(Uint8Array.of(29), utf8.encode("uproof")),
      cipher.seal(Uint8Array.of(255)),
      cipher.seal(EMPTY),
      cipher.seal(Uint8Array.of(0), utf8.encode("short")),
      cipher.seal(Uint8Array.of(0), utf8.encode("ab\0c\0\0\0\0\0\0\0\0")),
    ];
    const good = cipher.seal(Uint8Array.of(0), utf8.encode("a type of 12"));
    const bytes = concat(key, cipher.sendTerminator, version, ...odd, good);
    assert.deepEqual(feed(initiator, bytes), [{ type: "a type of 12", payload: EMPTY }]);
    assert.deepEqual([initiator.dropped, initiator.droppedBytes], [5, concat(...odd).length]);
  });

  test("1000 messages each way cross four changes of key", () => {
    const { initiator, responder } = connected();
    for (let i = 0; i < 1_000; i++) {
      const payload = Uint8Array.of(i, i >>> 8);
      assert.deepEqual(feed(responder, initiator.pack("inv", payload)), [{ type: "inv", payload }]);
      assert.deepEqual(feed(initiator, responder.pack("getdata", payload)), [{ type: "getdata", payload }]);
    }
  });

  test("a payload that was handed over is not overwritten by what follows", () => {
    const { initiator, responder } = connected();
    const frames = feed(
      responder,
      concat(...[1, 2, 3].map((n) => initiator.pack("tx", new Uint8Array(500).fill(n)))),
      333,
    );
    assert.deepEqual(frames.map((frame) => frame.payload[499]), [1, 2, 3]);
    assert.deepEqual(frames.map((frame) => frame.payload.every((byte, _, all) => byte === all[0])), [true, true, true]);
  });

  // Whatever is said, by whom, and however the bytes are cut: it arrives, in order.
  test("any conversation in any cut arrives", () => {
    const message = fc.record({
      byInitiator: fc.boolean(),
      type: fc.constantFrom("tx", "inv", "version", "addrv2", "zzzzzzzzzzzz"),
      payload: fc.uint8Array({ maxLength: 600 }),
      decoy: fc.option(fc.nat(100), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.nat(1_000),
        fc.nat(GARBAGE_BYTES_MAX),
        fc.nat(GARBAGE_BYTES_MAX),
        fc.array(message, { maxLength: 20 }),
        fc.integer({ min: 1, max: 900 }),
        (seed, garbageA, garbageB, messages, size) => {
          const initiator = end(true, garbageA, seed);
          const responder = end(false, garbageB, seed);
          settle(initiator, responder, size);
          const sent = { a: [] as Uint8Array[], b: [] as Uint8Array[] };
          for (const { byInitiator, type, payload, decoy } of messages) {
            const from = byInitiator ? initiator : responder;
            const line = byInitiator ? sent.a : sent.b;
            if (decoy !== undefined) line.push(from.decoy(decoy));
            line.push(from.pack(type, payload));
          }
          const expected = (byInitiator: boolean) =>
            messages.filter((m) => m.byInitiator === byInitiator).map(({ type, payload }) => ({ type, payload }));
          // Text, because a failure shows it in one line.
          const shown = (frames: readonly { type: string; payload: Uint8Array }[]) =>
            frames.map(({ type, payload }) => `${type} ${toHex(payload)}`);
          assert.deepEqual(shown(feed(responder, concat(...sent.a), size)), shown(expected(true)));
          assert.deepEqual(shown(feed(initiator, concat(...sent.b), size)), shown(expected(false)));
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("V2Transport.outcome()", () => {
  test("retry_as_v1 only when the peer sent nothing and took at least a v1 header's worth", () => {
    const initiator = end(true, 0);
    assert.equal(initiator.outcome(64), "retry_as_v1");
    assert.equal(initiator.outcome(24), "retry_as_v1");
    assert.equal(initiator.outcome(23), "key_incomplete");
    feed(initiator, Uint8Array.of(1));
    assert.equal(initiator.outcome(64), "key_incomplete");
    assert.equal(end(false, 0).outcome(64), "key_incomplete");
  });

  test("handshake_incomplete after the keys, established after the version packet", () => {
    const initiator = end(true, 0);
    const { key, cipher } = manualResponder(initiator.drain());
    feed(initiator, key);
    assert.equal(initiator.outcome(200), "handshake_incomplete");
    feed(initiator, concat(cipher.sendTerminator, cipher.seal(EMPTY)));
    assert.equal(initiator.outcome(200), "established");
  });
});
