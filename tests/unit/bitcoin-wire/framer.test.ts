/** The v1 envelope: any cut of the stream, and each way in which it can be broken. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import type { NodeError } from "../../../lib/core/errors.ts";
import {
  ENVELOPE_BYTES,
  type Frame,
  packV1,
  PAYLOAD_BYTES_MAX,
  Ping,
  V1Transport,
  Verack,
} from "../../../lib/bitcoin/wire/mod.ts";

const MAGIC = fromHex("fabfb5da");
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const shown = (frames: Iterable<Frame>) => [...frames].map(({ type, payload }) => `${type} ${toHex(payload)}`);

/** What an iteration gave before it threw, and the code of what it threw. */
function drain(frames: Iterable<Frame>): { readonly types: string[]; readonly code: string | undefined } {
  const types: string[] = [];
  try {
    for (const { type } of frames) types.push(type);
    return { types, code: undefined };
  } catch (thrown) {
    assert.equal((thrown as NodeError).fault, "peer");
    return { types, code: (thrown as NodeError).code };
  }
}

const header = (type: string, length: number, checksum = "00000000"): Uint8Array => {
  const bytes = new Uint8Array(ENVELOPE_BYTES);
  bytes.set(MAGIC);
  bytes.set(new TextEncoder().encode(type), 4);
  new DataView(bytes.buffer).setUint32(16, length, true);
  bytes.set(fromHex(checksum), 20);
  return bytes;
};

describe("V1Transport.pack()", () => {
  test("writes magic, padded type, length and checksum", () => {
    assert.equal(
      toHex(new V1Transport(MAGIC).pack(Verack.type, Verack.encode({}))),
      "fabfb5da" + "76657261636b000000000000" + "00000000" + "5df6e0e2",
    );
  });

  test("refuses a type or a payload that no peer would take", () => {
    for (const type of ["", "thirteenchars", "a\0b", "ä"]) assert.throws(() => packV1(MAGIC, type, new Uint8Array()));
    assert.throws(() => packV1(MAGIC, "block", new Uint8Array(PAYLOAD_BYTES_MAX + 1)), RangeError);
  });
});

describe("V1Transport.push()", () => {
  const ping = packV1(MAGIC, "ping", Ping.encode({ nonce: 7n }));
  const large = packV1(MAGIC, "block", new Uint8Array(200_000).map((_, i) => i % 251));
  const stream = join(ping, packV1(MAGIC, "verack", new Uint8Array()), large, ping);

  test("gives the same messages whatever the cut", () => {
    const whole = shown(new V1Transport(MAGIC).push(stream));
    assert.deepEqual(whole.map((text) => text.slice(0, 20)), [
      "ping 070000000000000",
      "verack ",
      "block 00010203040506",
      "ping 070000000000000",
    ]);
    for (const size of [1, 2, 7, 23, 24, 25, 1_000, 65_536, 65_537]) {
      const transport = new V1Transport(MAGIC);
      const found: string[] = [];
      for (let at = 0; at < stream.length; at += size) {
        found.push(...shown(transport.push(stream.subarray(at, at + size))));
      }
      assert.deepEqual(found, whole, `cut every ${size}`);
      assert.equal(transport.pendingBytes, 0);
    }
  });

  test("a length that is here in part is not judged, whatever the message before was", () => {
    // 0x3d0900 bytes, then 0xffff: with the highest byte still that of the message before it would be too many.
    const long = packV1(MAGIC, "block", new Uint8Array(PAYLOAD_BYTES_MAX));
    const next = packV1(MAGIC, "tx", new Uint8Array(0xffff));
    const transport = new V1Transport(MAGIC);
    for (let at = 0; at < long.length; at += 65_536) drain(transport.push(long.subarray(at, at + 65_536)));
    for (const [from, to] of [[0, 17], [17, 18], [18, 19], [19, next.length - 1]] as const) {
      assert.deepEqual(drain(transport.push(next.subarray(from, to))), { types: [], code: undefined }, `${to} bytes`);
    }
    assert.deepEqual(drain(transport.push(next.subarray(-1))), { types: ["tx"], code: undefined });
  });

  test("a long payload that lies in one chunk is not copied, a short one is", () => {
    const long = packV1(MAGIC, "tx", new Uint8Array(600));
    const chunk = join(long, ping);
    const shares = [...new V1Transport(MAGIC).push(chunk)].map(({ payload }) => payload.buffer === chunk.buffer);
    assert.deepEqual(shares, [true, false]);
  });

  test("a payload that is half of its chunk is not copied, and less than half is", () => {
    const shares = (payloadBytes: number, chunkBytes: number) => {
      const chunk = new Uint8Array(chunkBytes);
      chunk.set(packV1(MAGIC, "tx", new Uint8Array(payloadBytes)));
      // What follows begins another message.
      chunk.set(MAGIC, ENVELOPE_BYTES + payloadBytes);
      const [frame] = [...new V1Transport(MAGIC).push(chunk.subarray(0, ENVELOPE_BYTES + payloadBytes))];
      return frame!.payload.buffer === chunk.buffer;
    };
    assert.deepEqual([shares(2_000, 4_000), shares(2_000, 4_001)], [true, false]);
  });

  test("a payload is a plain Uint8Array even when the socket gives Buffers", () => {
    for (const { payload } of new V1Transport(MAGIC).push(Buffer.from(ping))) {
      assert.equal(payload.constructor, Uint8Array);
    }
  });

  test("one byte at a time costs as much as the bytes, not their square", () => {
    const payload = new Uint8Array(2_000_000);
    const bytes = packV1(MAGIC, "tx", payload);
    const transport = new V1Transport(MAGIC);
    // What is copied can be counted: every growth of the buffer is a call of `set` with what was gathered.
    const { set } = Uint8Array.prototype;
    let copied = 0;
    Uint8Array.prototype.set = function (this: Uint8Array, from: ArrayLike<number>, at?: number) {
      copied += from.length;
      // Told at once: the square of two million would take hours.
      assert.ok(copied < 4 * bytes.length, `${copied} bytes were copied`);
      set.call(this, from, at);
    };
    let frames = 0;
    try {
      for (let i = 0; i < bytes.length; i++) frames += [...transport.push(bytes.subarray(i, i + 1))].length;
    } finally {
      Uint8Array.prototype.set = set;
    }
    assert.equal(frames, 1);
    assert.ok(copied >= bytes.length, "the count counts");
  });

  test("wrong magic ends the stream at its first byte, after the messages before it", () => {
    const transport = new V1Transport(MAGIC);
    assert.deepEqual(drain(transport.push(join(ping, fromHex("f9")))), { types: ["ping"], code: "bad_magic" });
    assert.throws(() => transport.push(ping), { code: "bad_magic" });
    assert.deepEqual(drain(new V1Transport(MAGIC).push(fromHex("fabfb5d9"))), { types: [], code: "bad_magic" });
    assert.deepEqual(drain(new V1Transport(MAGIC).push(fromHex("fabfb5"))), { types: [], code: undefined });
  });

  test("a length above the limit ends the stream with its header, and nothing is allocated for it", () => {
    for (const length of [PAYLOAD_BYTES_MAX + 1, 0xffff_ffff]) {
      const transport = new V1Transport(MAGIC);
      assert.deepEqual(drain(transport.push(join(ping, header("tx", length)))), { types: ["ping"], code: "oversize" });
      assert.ok(transport.pendingBytes <= ENVELOPE_BYTES);
    }
    const transport = new V1Transport(MAGIC);
    assert.deepEqual(drain(transport.push(header("tx", PAYLOAD_BYTES_MAX))), { types: [], code: undefined });
  });

  test("a header alone does not make room for what it announces", () => {
    const transport = new V1Transport(MAGIC);
    const made: number[] = [];
    const Original = globalThis.Uint8Array;
    globalThis.Uint8Array = new Proxy(Original, {
      construct(target, args: unknown[]) {
        if (typeof args[0] === "number") made.push(args[0]);
        return Reflect.construct(target, args) as object;
      },
    });
    try {
      drain(transport.push(join(header("block", PAYLOAD_BYTES_MAX), Original.of(1, 2, 3))));
    } finally {
      globalThis.Uint8Array = Original;
    }
    assert.ok(Math.max(...made) <= 64 * 1024, `${Math.max(...made)} bytes at once`);
  });

  test("a bad checksum drops that message alone, and is counted", () => {
    const transport = new V1Transport(MAGIC);
    const spoiled = ping.slice();
    spoiled[ENVELOPE_BYTES]! ^= 1;
    assert.deepEqual(drain(transport.push(join(spoiled, ping))), { types: ["ping"], code: undefined });
    assert.deepEqual(transport.dropped, { checksum: 1, type: 0 });
  });

  test("a malformed type drops that message alone, and is counted", () => {
    const transport = new V1Transport(MAGIC);
    for (const type of ["pi\0ng", "ping\x1f", "ping\x7f"]) {
      assert.deepEqual(drain(transport.push(join(header(type, 0, "5df6e0e2"), ping))).types, ["ping"]);
    }
    assert.deepEqual(transport.dropped, { checksum: 0, type: 3 });
    // Unknown but well-formed ones are for whoever dispatches to ignore.
    assert.deepEqual(drain(transport.push(header("!~ twelve ch", 0, "5df6e0e2"))).types, ["!~ twelve ch"]);
  });

  test("types that a hash cannot tell apart are told apart", () => {
    const transport = new V1Transport(MAGIC);
    // 31 times the one character and the other: "Aa" and "BB" have the same sum.
    const types = ["xAaAa", "xBBAa", "xAaBB", "xBBBB"];
    for (let round = 0; round < 2; round++) {
      const frames = [...transport.push(join(...types.map((type) => packV1(MAGIC, type, new Uint8Array()))))];
      assert.deepEqual(frames.map(({ type }) => type), types);
    }
  });

  test("pendingBytes counts what is here of a message that is not complete, header and payload", () => {
    const transport = new V1Transport(MAGIC);
    const bytes = packV1(MAGIC, "inv", new Uint8Array(1_000));
    let at = 0;
    for (const to of [1, 24, 25, 600, 1_023]) {
      assert.deepEqual([...transport.push(bytes.subarray(at, to))], []);
      at = to;
      assert.equal(transport.pendingBytes, to);
      assert.ok(transport.heldBytes >= to);
    }
    assert.equal([...transport.push(bytes.subarray(at))].length, 1);
    assert.deepEqual([transport.pendingBytes, transport.heldBytes], [0, 0]);
  });
});
