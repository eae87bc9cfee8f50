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

test("a headers message has at most 2,000, read or written", () => {
  const payload = (count: number) => headersPayload(count, () => someHeaders(1)[0]!);
  const { headers } = HeadersMessage.decode(payload(2_000));
  assert.equal(headers.length, 2_000);
  assert.throws(() => HeadersMessage.decode(payload(2_001)), { name: "CodecError", code: "limit" });
  assert.equal(HeadersMessage.encode({ headers }).length, 3 + 2_000 * 81);
  assert.throws(() => HeadersMessage.encode({ headers: [...headers, headers[0]!] }), { name: "CodecError" });
});

test("headers are served in the very bytes that their message has", () => {
  for (const count of [0, 1, 2, 252, 253, 2_000]) {
    const kept = someHeaders(count);
    const headers = kept.map((bytes) => decodeHeader(new Reader(bytes)));
    assert.deepEqual(headersPayload(count, (i) => kept[i]!), HeadersMessage.encode({ headers }));
  }
});
