import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeHeader } from "../../../lib/bitcoin/types/header.ts";
import { HeadersMessage, headersPayload } from "../../../lib/bitcoin/wire/mod.ts";
import { Reader } from "../../../lib/codec/reader.ts";

/** Headers of 80 bytes without meaning. */
function someHeaders(count: number): Uint8Array[] {
  return Array.from(
    { length: count },
    (_, i) => Uint8Array.from({ length: 80 }, (_, k) => (7 * i + 13 * k + 5) & 0xff),
  );
}

test("headers are served in the very bytes that their message has", () => {
  for (const count of [0, 1, 2, 252, 253, 2_000]) {
    const kept = someHeaders(count);
    const headers = kept.map((bytes) => decodeHeader(new Reader(bytes)));
    assert.deepEqual(headersPayload(count, (i) => kept[i]!), HeadersMessage.encode({ headers }));
  }
});
