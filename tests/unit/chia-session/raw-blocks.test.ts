import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readRespondBlocks } from "../../../lib/chia/chain/raw-blocks.ts";
import { recordedBlocks } from "../chia-chain/chain-1200.ts";

const raws = recordedBlocks().slice(0, 3);

/** A `respond_blocks` body that says it has `count` blocks. */
function bodyOf(count: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = new Uint8Array(12 + parts.reduce((sum, { length }) => sum + length, 0));
  new DataView(body.buffer).setUint32(8, count);
  let at = 12;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}

describe("readRespondBlocks()", () => {
  test("gives each block with its own bytes", () => {
    const blocks = readRespondBlocks(bodyOf(3, raws), 3);
    assert.deepEqual(blocks?.map(({ raw }) => raw), raws);
  });

  test("decodes nothing when there are more or fewer blocks than were asked for", () => {
    // What follows is no block: it would be an error of the codec.
    const garbage = [new Uint8Array(1_000).fill(0xff)];
    for (const count of [0, 2, 4, 0xffff_ffff]) assert.equal(readRespondBlocks(bodyOf(count, garbage), 3), undefined);
    assert.throws(() => readRespondBlocks(bodyOf(3, garbage), 3), { name: "CodecError" });
  });

  test("refuses a body that is cut short, or goes on", () => {
    const body = bodyOf(3, raws);
    for (const length of [0, 7, 11, 12, body.length - 1]) {
      assert.throws(() => readRespondBlocks(body.subarray(0, length), 3), { name: "CodecError" }, `${length} bytes`);
    }
    assert.throws(() => readRespondBlocks(bodyOf(3, [...raws, new Uint8Array(1)]), 3), { name: "CodecError" });
  });
});
