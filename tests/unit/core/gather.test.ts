import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Gather, PIECE_BYTES } from "../../../lib/core/gather.ts";

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => i * 7);

describe("Gather", () => {
  test("gives back what was appended, however it was cut, in memory of exactly that size", () => {
    for (const length of [1, 100, 4_096, PIECE_BYTES, PIECE_BYTES + 1, 300_000]) {
      for (const cut of [1, 1_000, 70_000, 300_000]) {
        if (length / cut > 5_000) continue;
        const gather = new Gather();
        const bytes = bytesOf(length);
        for (let at = 0; at < length; at += cut) {
          gather.append(bytes.subarray(at, at + cut), length - at);
          const here = Math.min(length, at + cut);
          assert.equal(gather.length, here);
          assert.ok(gather.capacity >= here && gather.capacity < here + PIECE_BYTES, `${gather.capacity} for ${here}`);
        }
        const whole = gather.take();
        assert.deepEqual(whole, bytes);
        assert.equal(whole.buffer.byteLength, length);
        assert.deepEqual([gather.length, gather.capacity], [0, 0]);
      }
    }
  });

  test("takes no more memory than is to come, and no less than is here: in pieces of 64 KiB at most", () => {
    const gather = new Gather();
    assert.equal(gather.reserve(10), 10);
    assert.equal(gather.reserve(5_000), 10, "what is there is used first");
    gather.append(bytesOf(10), 10);
    assert.equal(gather.reserve(1), 10, "as much as is here");
    const large = new Gather();
    assert.equal(large.reserve(1_000_000), PIECE_BYTES);
    const unknown = new Gather();
    assert.equal(unknown.reserve(0), 1, "at least one byte");
  });

  test("peek() shows what is here, and copies nothing that lies in one piece", () => {
    const gather = new Gather();
    gather.append(bytesOf(100), 200);
    assert.deepEqual(gather.peek(), bytesOf(100));
    assert.equal(gather.peek().buffer, gather.tail.buffer);
    const long = new Gather();
    long.append(bytesOf(100_000), 200_000);
    assert.deepEqual(long.peek(), bytesOf(100_000));
    assert.deepEqual(long.peek(), bytesOf(100_000), "and leaves it there");
  });

  test("clear() gives memory back at once, from 4 KiB on", () => {
    for (const [length, left] of [[4_095, 4_095], [4_096, 0], [PIECE_BYTES, 0]] as const) {
      const gather = new Gather();
      gather.append(new Uint8Array(length), length);
      const piece = gather.tail;
      gather.clear();
      assert.equal(piece.length, left);
      assert.deepEqual([gather.length, gather.capacity, gather.peek().length], [0, 0, 0]);
    }
    const several = new Gather();
    several.append(new Uint8Array(PIECE_BYTES), 200_000);
    const first = several.tail;
    several.append(new Uint8Array(PIECE_BYTES), 130_000);
    several.clear();
    assert.equal(first.length, 0, "full pieces too");
    // What was taken is its taker's own.
    const taken = new Gather();
    taken.append(bytesOf(5_000), 5_000);
    const whole = taken.take();
    taken.clear();
    assert.equal(whole.length, 5_000);
  });
});
