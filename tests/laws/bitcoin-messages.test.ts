/**
 * What is true of every message of Bitcoin's protocol: round trip, bytes behind it, every truncation, garbage.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import process from "node:process";
import fc from "fast-check";
import { CodecError } from "../../lib/codec/error.ts";
import { messages, PAYLOAD_BYTES_MAX } from "../../lib/bitcoin/wire/mod.ts";
import type { Fields } from "../../lib/bitcoin/codec/mod.ts";
import { arbitraryOf } from "./bitcoin-arbitrary.ts";

const SEED = Number(process.env.GEMEL_SEED ?? 20_260_901);
const RUNS = Number(process.env.GEMEL_RUNS ?? 40);
const options = { seed: SEED, numRuns: RUNS };

/** All cuts of a short payload, some hundred of a long one; always the first and the last byte. */
function cuts(length: number): number[] {
  const step = Math.max(1, Math.floor(length / 100));
  return [...new Set([...Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step), length - 1])]
    .filter((cut) => cut >= 0 && cut < length);
}

function decodeError(decode: () => unknown): CodecError | undefined {
  try {
    decode();
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof CodecError, String(thrown));
    return thrown;
  }
}

describe(`laws of every message (seed ${SEED})`, () => {
  for (const message of messages) {
    const { type } = message;
    const arbitrary = arbitraryOf(message.body);
    const fields: Fields = (message.body as Partial<{ fields: Fields }>).fields ?? {};
    const ends = Object.values(fields).some((field) => field.type.startsWith("tail<") || field.type === "rest");
    const names = Object.keys(fields);

    /** An error says which message, which field, and where. */
    const checkPlace = (error: CodecError, length: number) => {
      const path = names.length > 0 ? names.map((name) => `${type}.${name}`) : [`${type}.`];
      assert.ok(path.some((start) => error.path.startsWith(start)), error.message);
      assert.ok(error.offset >= 0 && error.offset <= length, error.message);
      assert.ok(error.message.endsWith(` at offset ${error.offset}`), error.message);
    };

    test(`${type}: round trips`, () => {
      fc.assert(
        fc.property(arbitrary, (value) => {
          const payload = message.encode(value);
          assert.ok(payload.length >= message.body.minSize && payload.length <= message.bytesMax);
          const decoded = message.decode(payload);
          assert.deepEqual(decoded, value);
          assert.deepEqual(message.encode(decoded), payload);
        }),
        options,
      );
    });

    test(`${type}: bytes behind it are ${message.strictEnd ? "an error" : "ignored"}`, () => {
      fc.assert(
        fc.property(arbitrary, fc.uint8Array({ minLength: 1, maxLength: 5 }), (value, extra) => {
          const payload = message.encode(value);
          const longer = Uint8Array.of(...payload, ...extra);
          // Where fields may be missing, what follows is not behind the message but in it.
          if (ends) return void decodeError(() => message.decode(longer));
          if (!message.strictEnd) return assert.deepEqual(message.encode(message.decode(longer)), payload);
          assert.throws(() => message.decode(longer), { name: "CodecError", code: "trailing" });
        }),
        options,
      );
    });

    test(`${type}: a truncation is an error, or a value that has its bytes`, () => {
      fc.assert(
        fc.property(arbitrary, (value) => {
          const payload = message.encode(value);
          for (const cut of cuts(payload.length)) {
            const short = payload.subarray(0, cut);
            const error = decodeError(() => assert.deepEqual(message.encode(message.decode(short)), short));
            if (error === undefined) assert.ok(ends, `cut at ${cut} of ${payload.length}`);
            else checkPlace(error, cut);
          }
        }),
        { ...options, numRuns: Math.max(5, Math.floor(RUNS / 4)) },
      );
    });

    test(`${type}: garbage gives an error with its place, or a value that comes back`, () => {
      const attempt = (payload: Uint8Array) => {
        let value;
        const error = decodeError(() => value = message.decode(payload));
        if (error !== undefined) {
          if (error.code !== "trailing") checkPlace(error, payload.length);
          return;
        }
        // A bool of 2 and a header's count of transactions do not come back as they were; the values do.
        const again = message.encode(value);
        assert.ok(again.length <= payload.length);
        assert.deepEqual(message.encode(message.decode(again)), again);
      };
      const garbage = fc.uint8Array({ maxLength: 400 });
      const damaged = fc.tuple(arbitrary, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([value, at, byte]) => {
        const payload = message.encode(value);
        if (payload.length > 0) payload[at % payload.length] = byte;
        return payload;
      });
      fc.assert(fc.property(fc.oneof(garbage, damaged), attempt), { ...options, numRuns: RUNS * 4 });
    });
  }

  test("every message of the protocol is registered, with its short id of BIP324", () => {
    const withShortId = messages.filter(({ shortId }) => shortId !== undefined)
      .sort((a, b) => a.shortId! - b.shortId!).map(({ shortId, type }) => `${shortId} ${type}`);
    assert.deepEqual(withShortId, [
      "1 addr",
      "2 block",
      "3 blocktxn",
      "4 cmpctblock",
      "5 feefilter",
      "6 filteradd",
      "7 filterclear",
      "8 filterload",
      "9 getblocks",
      "10 getblocktxn",
      "11 getdata",
      "12 getheaders",
      "13 headers",
      "14 inv",
      "15 mempool",
      "16 merkleblock",
      "17 notfound",
      "18 ping",
      "19 pong",
      "20 sendcmpct",
      "21 tx",
      "22 getcfilters",
      "23 cfilter",
      "24 getcfheaders",
      "25 cfheaders",
      "26 getcfcheckpt",
      "27 cfcheckpt",
      "28 addrv2",
      "37 feature",
    ]);
    const withoutShortId = messages.filter(({ shortId }) => shortId === undefined).map(({ type }) => type);
    assert.deepEqual(withoutShortId, [
      "getaddr",
      "reject",
      "sendaddrv2",
      "sendheaders",
      "sendtxrcncl",
      "verack",
      "version",
      "wtxidrelay",
    ]);
    for (const { bytesMax } of messages) assert.ok(bytesMax <= PAYLOAD_BYTES_MAX);
    for (const { replies } of messages) for (const reply of replies()) assert.ok(messages.includes(reply));
  });
});
