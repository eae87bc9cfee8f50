/**
 * Envelopes and bodies of every message against bytes of chia-blockchain 2.7.5.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { decodeEnvelope, encodeEnvelope, messageById, messages } from "../../lib/chia/protocol/mod.ts";
import type { Fields, Struct } from "../../lib/chia/streamable/mod.ts";
import { NewSignagePointHarvester } from "../../lib/chia/types/mod.ts";
import { goldenJson } from "./chia-data.ts";

interface Golden {
  readonly types: Record<string, number>;
  readonly withoutVector: readonly string[];
  readonly vectors: readonly {
    readonly type: number;
    readonly name: string;
    readonly id: number | null;
    readonly payloadType: string;
    readonly payload: string;
    readonly hex: string;
  }[];
  readonly invalid: readonly { readonly why: string; readonly hex: string; readonly accepted: boolean }[];
}

const golden = goldenJson<Golden>("messages.json.gz");

describe("golden vectors of messages", () => {
  test("names and numbers are the reference's", () => {
    assert.deepEqual(Object.fromEntries(messages.map(({ name, id }) => [name, id])), golden.types);
  });

  test("decodeEnvelope() and encodeEnvelope() agree with the reference", () => {
    for (const { type, id, payload, hex, name } of golden.vectors) {
      const envelope = decodeEnvelope(fromHex(hex));
      assert.deepEqual({ ...envelope, data: toHex(envelope.data) }, { type, id, data: payload }, name);
      assert.equal(toHex(encodeEnvelope(envelope)), hex, name);
    }
    assert.ok(golden.vectors.length > 300);
  });

  test("each body decodes as the struct that its message declares, and back", () => {
    const seen = new Set<string>();
    // Message 91 (none_response) has a number and no body; the reference's generator gave it an empty one.
    for (const { type, payload, payloadType, name } of golden.vectors.filter(({ type }) => type !== 91)) {
      // Message 66 has two layouts; the vectors have the one for peers before protocol version 0.0.38.
      const body: Struct<Fields> = type === 66 ? NewSignagePointHarvester : messageById(type)!.body!;
      assert.equal(body.name.toLowerCase(), payloadType.slice(payloadType.lastIndexOf(".") + 1).toLowerCase(), name);
      assert.equal(toHex(body.encode(body.decode(fromHex(payload)))), payload, name);
      seen.add(name);
    }
    assert.equal(seen.size, messages.length - golden.withoutVector.length - 1);
  });

  test("decodeEnvelope() refuses what the reference refuses", () => {
    for (const { hex, why, accepted } of golden.invalid) {
      assert.equal(accepted, false);
      assert.throws(() => decodeEnvelope(fromHex(hex)), { name: "CodecError" }, why);
    }
    assert.ok(golden.invalid.length >= 7);
  });

  test("encodeEnvelope() refuses numbers that do not fit", () => {
    const data = new Uint8Array();
    assert.throws(() => encodeEnvelope({ type: 256, id: null, data }), RangeError);
    assert.throws(() => encodeEnvelope({ type: 1, id: 65536, data }), RangeError);
    assert.throws(() => encodeEnvelope({ type: 1, id: -1, data }), RangeError);
  });

  test("the examples of the protocol's description", () => {
    assert.equal(toHex(encodeEnvelope({ type: 43, id: null, data: new Uint8Array() })), "2b0000000000");
    assert.equal(toHex(encodeEnvelope({ type: 26, id: 7, data: fromHex("0000000501") })), "1a010007000000050000000501");
  });
});
