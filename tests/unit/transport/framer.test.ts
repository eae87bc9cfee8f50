import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { Framer, type FramerEvent } from "../../../lib/transport/websocket/framer.ts";
import { applyMask, encodeClose, encodeFrame, isCloseCode, OPCODE } from "../../../lib/transport/websocket/frames.ts";

const KEY = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const utf8 = (text: string) => new TextEncoder().encode(text);
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const client = (opcode: number, payload: Uint8Array, final = true) => encodeFrame(opcode as 1, payload, KEY, final);
const server = (messageBytesMax = 1_000_000) => new Framer({ masked: true, messageBytesMax });
const bytewise = (framer: Framer, bytes: Uint8Array): FramerEvent[] => {
  const events: FramerEvent[] = [];
  for (let i = 0; i < bytes.length; i++) events.push(...framer.push(bytes.subarray(i, i + 1)));
  return events;
};
/** What a framer makes of bytes, the same in one piece and byte by byte. */
const read = (bytes: Uint8Array, make = server): FramerEvent[] => {
  const whole = make().push(bytes);
  const pieces = bytewise(make(), bytes);
  assert.deepEqual(pieces.map(plain), whole.map(plain));
  return whole;
};
const plain = (event: FramerEvent) => event.kind === "failed" ? { ...event, error: event.error.message } : event;

describe("Framer.push()", () => {
  test("reads the examples of RFC 6455 section 5.7", () => {
    assert.deepEqual(read(Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58)), [
      { kind: "message", data: "Hello" },
    ]);
    const client = () => new Framer({ masked: false, messageBytesMax: 100 });
    assert.deepEqual(read(Uint8Array.of(1, 3, 0x48, 0x65, 0x6c, 0x80, 2, 0x6c, 0x6f), client), [
      { kind: "message", data: "Hello" },
    ]);
    assert.deepEqual(read(Uint8Array.of(0x89, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f), client), [
      { kind: "ping", payload: utf8("Hello") },
    ]);
  });

  test("reads every form of length, on its borders, and what follows", () => {
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 65_537]) {
      const payload = Uint8Array.from({ length }, (_, i) => i * 7);
      const bytes = join(client(OPCODE.binary, payload), client(OPCODE.text, utf8("after")));
      const events = read(bytes);
      assert.deepEqual(events, [{ kind: "message", data: payload }, { kind: "message", data: "after" }]);
    }
  });

  test("joins fragments around control frames", () => {
    const bytes = join(
      client(OPCODE.text, utf8("κό"), false),
      client(OPCODE.ping, utf8("p")),
      // Cut inside a character: text is judged as a whole.
      client(OPCODE.continuation, utf8("σμε").subarray(0, 3), false),
      client(OPCODE.pong, new Uint8Array()),
      client(OPCODE.continuation, utf8("σμε").subarray(3)),
    );
    assert.deepEqual(read(bytes), [
      { kind: "ping", payload: utf8("p") },
      { kind: "pong", payload: new Uint8Array() },
      { kind: "message", data: "κόσμε" },
    ]);
  });

  test("keeps a byte order mark, which is text too", () => {
    assert.deepEqual(read(client(OPCODE.text, utf8("\ufeffx"))), [{ kind: "message", data: "\ufeffx" }]);
  });

  test("reads close codes and reasons, and nothing behind them", () => {
    const bytes = join(client(OPCODE.close, encodeClose(4_001, "bye ☂")), client(OPCODE.text, utf8("late")));
    assert.deepEqual(read(bytes), [{ kind: "close", closeCode: 4_001, reason: "bye ☂" }]);
    assert.deepEqual(read(client(OPCODE.close, new Uint8Array())), [{ kind: "close", closeCode: 1005, reason: "" }]);
  });

  const raw = (...bytes: number[]) => Uint8Array.from(bytes);
  const violations: readonly [string, Uint8Array, number][] = [
    ["a frame that is not masked", encodeFrame(OPCODE.text, utf8("x")), 1002],
    ["the first reserved bit", raw(0xc1, 0x80), 1002],
    ["the second reserved bit", raw(0xa1, 0x80), 1002],
    ["the third reserved bit", raw(0x91, 0x80), 1002],
    ["opcode 3", raw(0x83, 0x80), 1002],
    ["opcode 7", raw(0x87, 0x80), 1002],
    ["opcode 11", raw(0x8b, 0x80), 1002],
    ["opcode 15", raw(0x8f, 0x80), 1002],
    ["a continuation of nothing", raw(0x80, 0x80), 1002],
    ["a fragmented ping", raw(0x09, 0x80), 1002],
    ["a ping of 126 bytes", raw(0x89, 0xfe), 1002],
    ["16 bits for a length of 125", raw(0x82, 0xfe, 0, 125, 0, 0, 0, 0), 1002],
    ["64 bits for a length of 65,535", raw(0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0), 1002],
    ["a length with its top bit set", raw(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 1002],
    ["a close code of one byte", client(OPCODE.close, raw(3)), 1002],
    ["close code 999", client(OPCODE.close, encodeClose(999)), 1002],
    ["close code 1005", client(OPCODE.close, encodeClose(1005)), 1002],
    ["close code 1006", client(OPCODE.close, encodeClose(1006)), 1002],
    ["close code 1015", client(OPCODE.close, encodeClose(1015)), 1002],
    ["close code 2999", client(OPCODE.close, encodeClose(2999)), 1002],
    ["close code 5000", client(OPCODE.close, encodeClose(5000)), 1002],
    ["a close reason that is not UTF-8", client(OPCODE.close, raw(3, 0xe8, 0xff)), 1007],
    ["text that is not UTF-8", client(OPCODE.text, raw(0xce, 0xba, 0xed, 0xa0, 0x80)), 1007],
    ["text that ends inside a character", client(OPCODE.text, raw(0xce)), 1007],
    ["an overlong form", client(OPCODE.text, raw(0xc0, 0xaf)), 1007],
  ];
  for (const [what, bytes, closeCode] of violations) {
    test(`refuses ${what} with ${closeCode}`, () => {
      const events = read(join(client(OPCODE.text, utf8("before")), bytes, client(OPCODE.text, utf8("after"))));
      assert.deepEqual(events.map(({ kind }) => kind), ["message", "failed"]);
      const failed = events[1]!;
      assert.ok(failed.kind === "failed");
      assert.equal(failed.closeCode, closeCode);
      assert.equal(failed.error.fault, "peer");
      assert.equal(failed.error.code, "websocket_protocol");
    });
  }

  test("refuses a new message inside another", () => {
    const bytes = join(client(OPCODE.text, utf8("a"), false), client(OPCODE.text, utf8("b")));
    assert.equal(read(bytes)[0]?.kind, "failed");
  });

  test("refuses a server's masked frame", () => {
    const events = new Framer({ masked: false, messageBytesMax: 100 }).push(client(OPCODE.text, utf8("x")));
    assert.equal(events[0]?.kind, "failed");
  });

  test("refuses a message above the limit by its header alone, with 1009", () => {
    const header = client(OPCODE.binary, new Uint8Array(101)).subarray(0, 6);
    const [event] = server(100).push(header);
    assert.ok(event?.kind === "failed");
    assert.equal(event.closeCode, 1009);
    assert.equal(event.error.code, "websocket_too_big");
    assert.equal(server(100).push(client(OPCODE.binary, new Uint8Array(100)))[0]?.kind, "message");
  });

  test("counts all fragments towards the limit", () => {
    const framer = server(100);
    assert.deepEqual(framer.push(client(OPCODE.binary, new Uint8Array(60), false)), []);
    const [event] = framer.push(client(OPCODE.continuation, new Uint8Array(41)));
    assert.ok(event?.kind === "failed" && event.closeCode === 1009);
  });

  test("a header that announces 50 MB costs no 50 MB", () => {
    const header = Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1);
    const framers: Framer[] = [];
    const before = bufferBytes();
    for (let i = 0; i < 200; i++) {
      const framer = server(52_428_800);
      framer.push(header);
      framers.push(framer);
    }
    assert.equal(framers.length, 200);
    assert.ok(bufferBytes() - before < 400_000_000, "200 such headers would be 10 GB");
  });

  test("1-byte segments take time in proportion to the message", () => {
    const time = (length: number) => {
      const bytes = client(OPCODE.binary, new Uint8Array(length));
      const start = performance.now();
      const events = bytewise(server(10_000_000), bytes);
      assert.equal(events.length, 1);
      return performance.now() - start;
    };
    time(100_000);
    const small = time(250_000);
    // Quadratic growth would be 16 times; a loaded machine gets some room.
    assert.ok(time(1_000_000) < 12 * small + 50);
  });
});

const bufferBytes = () => process.memoryUsage().arrayBuffers ?? process.memoryUsage().rss;

describe("applyMask()", () => {
  test("is the same at every alignment, phase and length", () => {
    for (let offset = 0; offset < 4; offset++) {
      for (let phase = 0; phase < 5; phase++) {
        for (let length = 0; length < 20; length++) {
          const bytes = new Uint8Array(32).subarray(offset, offset + length);
          applyMask(bytes, KEY, phase);
          assert.deepEqual([...bytes], Array.from({ length }, (_, i) => KEY[(phase + i) % 4]));
        }
      }
    }
  });
});

describe("isCloseCode()", () => {
  test("knows what may travel", () => {
    for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]) {
      assert.ok(isCloseCode(code), `${code}`);
    }
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535]) {
      assert.ok(!isCloseCode(code), `${code}`);
    }
  });
});
