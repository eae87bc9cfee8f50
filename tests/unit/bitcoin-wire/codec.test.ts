/** CompactSize, lists and strings at their edges, and the limits of the messages. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { Reader } from "../../../lib/codec/reader.ts";
import { Writer } from "../../../lib/codec/writer.ts";
import {
  type Codec,
  COMPACT_SIZE_MAX,
  compactSize64,
  compactSizeBytes,
  hash,
  readCompactSize,
  readVarInt,
  u8,
  varBytes,
  varString,
  vector,
  writeCompactSize,
  writeVarInt,
} from "../../../lib/bitcoin/codec/mod.ts";
import * as wire from "../../../lib/bitcoin/wire/mod.ts";

const read = <T>(codec: Codec<T>, hex: string): T => codec.read(new Reader(fromHex(hex)));
const write = <T>(codec: Codec<T>, value: T): string => {
  const writer = new Writer();
  codec.write(writer, value);
  return toHex(writer.finish());
};

describe("CompactSize", () => {
  const forms: [number, string][] = [
    [0, "00"],
    [0xfc, "fc"],
    [0xfd, "fdfd00"],
    [0xffff, "fdffff"],
    [0x1_0000, "fe00000100"],
    [COMPACT_SIZE_MAX, "fe00000002"],
  ];
  test("has one form for each number", () => {
    for (const [value, hex] of forms) {
      const writer = new Writer();
      writeCompactSize(writer, value);
      assert.equal(toHex(writer.finish()), hex);
      assert.equal(readCompactSize(new Reader(fromHex(hex))), value);
      assert.equal(compactSizeBytes(value), hex.length / 2);
      assert.equal(write(compactSize64, BigInt(value)), hex);
      assert.equal(read(compactSize64, hex), BigInt(value));
    }
  });

  test("longer forms are refused", () => {
    for (const hex of ["fd0000", "fdfc00", "fe00000000", "feffff0000", "ff0000000000000000", "ffffffffff00000000"]) {
      assert.throws(() => readCompactSize(new Reader(fromHex(hex))), { code: "minimal" }, hex);
      assert.throws(() => read(compactSize64, hex), { code: "minimal" }, hex);
    }
  });

  test("a length above 0x02000000 is refused, a plain number is not", () => {
    for (const hex of ["fe01000002", "feffffffff", "ff0000000001000000", "ffffffffffffffffff"]) {
      assert.throws(() => readCompactSize(new Reader(fromHex(hex))), { code: "count" }, hex);
      assert.equal(write(compactSize64, read(compactSize64, hex)), hex);
    }
    assert.throws(() => writeCompactSize(new Writer(), COMPACT_SIZE_MAX + 1), { code: "value" });
  });

  test("VARINT refuses what is above 2^53 and comes back below", () => {
    for (const value of [0, 127, 128, 16_511, 16_512, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const writer = new Writer();
      writeVarInt(writer, value);
      assert.equal(readVarInt(new Reader(writer.finish())), value);
    }
    assert.throws(() => readVarInt(new Reader(new Uint8Array(20).fill(0xff))), { code: "limit" });
  });
});

describe("lists and strings", () => {
  test("a count is held against the bytes left before it is held against the limit", () => {
    const two = vector(hash, 2);
    assert.throws(() => read(two, "fe00000002" + "00".repeat(64)), { code: "count" });
    assert.throws(() => read(two, "03" + "00".repeat(64)), { code: "count" });
    assert.throws(() => read(two, "03" + "00".repeat(96)), { code: "limit" });
    assert.equal(read(two, "02" + "00".repeat(64)).length, 2);
    assert.throws(() => write(vector(u8, 2), [1, 2, 3]), { code: "value" });
  });

  test("an error says which element", () => {
    assert.throws(() => read(vector(varBytes(1)), "03" + "00" + "0101" + "020101"), {
      code: "limit",
      message: "[2]: 2 bytes where 1 are the most at offset 4",
    });
  });

  test("text is bytes, one a character", () => {
    const text = varString(4, 1);
    assert.equal(read(text, "0461ff0080"), "a\xff\0\x80");
    assert.equal(write(text, "a\xff\0\x80"), "0461ff0080");
    for (const bad of ["", "fives", "€"]) assert.throws(() => write(text, bad), { code: "value" }, bad);
    for (const hex of ["00", "056161616161"]) assert.throws(() => read(text, hex), { code: "limit" }, hex);
  });
});

describe("limits of messages", () => {
  const many = (count: number, element: string) => {
    const writer = new Writer();
    writeCompactSize(writer, count);
    return toHex(writer.finish()) + element.repeat(count);
  };
  const h = "11".repeat(32);
  const address = "00".repeat(30);
  const addressV2 = "00000000" + "00" + "01" + "04" + "7f000001" + "208d";
  /** Message, payload at the limit, payload above it, and what that costs the peer. */
  const cases: [wire.AnyMessage, string, string, wire.Consequence][] = [
    [wire.Addr, many(1000, address), many(1001, address), "discourage"],
    [wire.AddrV2, many(1000, addressV2), many(1001, addressV2), "discourage"],
    [wire.Inv, many(50_000, "01000000" + h), many(50_001, "01000000" + h), "discourage"],
    [wire.GetData, many(50_000, "01000000" + h), many(50_001, "01000000" + h), "discourage"],
    [wire.GetBlocks, "00000000" + many(101, h) + h, "00000000" + many(102, h) + h, "disconnect"],
    [wire.GetHeaders, "00000000" + many(101, h) + h, "00000000" + many(102, h) + h, "disconnect"],
    [wire.HeadersMessage, many(2000, "00".repeat(81)), many(2001, "00".repeat(81)), "discourage"],
    [
      wire.FilterLoad,
      many(36_000, "00") + "320000000000000000",
      many(36_001, "00") + "000000000000000000",
      "discourage",
    ],
    [wire.FilterLoad, "00" + "32000000" + "0000000000", "00" + "33000000" + "0000000000", "discourage"],
    [wire.FilterAdd, many(520, "00"), many(521, "00"), "discourage"],
    [wire.CFHeaders, "00" + h + h + many(2000, h), "00" + h + h + many(2001, h), "drop"],
    [wire.Feature, "0461626364" + many(512, "00"), "0461626364" + many(513, "00"), "disconnect"],
    [wire.Feature, "50" + "61".repeat(80) + "00", "51" + "61".repeat(81) + "00", "disconnect"],
    [wire.Feature, "0461626364" + "00", "03616263" + "00", "disconnect"],
  ];
  for (const [message, within, above, consequence] of cases) {
    test(`${message.type}: what is over a limit of ${message.bytesMax} bytes or so costs: ${consequence}`, () => {
      const payload = fromHex(within);
      assert.deepEqual(message.encode(message.decode(payload)), payload);
      assert.throws(() => message.decode(fromHex(above)), { name: "CodecError", code: "limit" });
      assert.equal(message.excess, consequence);
    });
  }

  test("a headers message of too many is over the limit before its headers are there", () => {
    assert.throws(() => wire.HeadersMessage.decode(fromHex("fdd107")), { code: "limit" });
    assert.throws(() => wire.HeadersMessage.decode(fromHex("fdd007")), { code: "count" });
  });

  test("only feature's faults disconnect", () => {
    assert.deepEqual(wire.messages.filter(({ malformed }) => malformed !== "drop").map(({ type }) => type), [
      "feature",
    ]);
    assert.throws(() => wire.Feature.decode(fromHex("046162636400" + "00")), { code: "trailing" });
  });

  test("addrv2 refuses the wrong length for a known network and takes any for others", () => {
    const entry = (network: string, length: number) =>
      fromHex("01" + "00000000" + "00" + network + toHex(Uint8Array.of(length)) + "00".repeat(length) + "0000");
    const lengths: [string, number][] = [["01", 4], ["02", 16], ["04", 32], ["05", 32], ["06", 16]];
    for (const [network, length] of lengths) {
      assert.equal(wire.AddrV2.decode(entry(network, length)).addresses.length, 1);
      assert.throws(() => wire.AddrV2.decode(entry(network, length + 1)), {
        code: "count",
        message: /^addrv2\.addresses\[0\]\.address: /,
      });
    }
    for (const network of ["03", "07", "aa"]) {
      assert.equal(wire.AddrV2.decode(entry(network, 99)).addresses[0]!.address.length, 99);
    }
    const long = fromHex("01" + "00000000" + "00" + "aa" + "fd0102" + "00".repeat(513) + "0000");
    // Of a code that drops the message: only too many entries cost more.
    assert.throws(() => wire.AddrV2.decode(long), { code: "count" });
    const services = fromHex("01" + "00000000" + "ff" + "ff".repeat(8) + "01" + "04" + "7f000001" + "208d");
    assert.equal(wire.AddrV2.decode(services).addresses[0]!.services, 2n ** 64n - 1n);
  });

  test("getblocktxn refuses an index above 16 bits, cmpctblock leaves a sum above to who rebuilds the block", () => {
    const at = (hex: string) => fromHex(h + hex);
    assert.deepEqual(wire.GetBlockTxn.decode(at("03" + "00" + "00" + "02")).indexes, [0, 1, 4]);
    assert.deepEqual(wire.GetBlockTxn.decode(at("01" + "fdffff")).indexes, [0xffff]);
    for (const hex of ["01" + "fe00000100", "02" + "fdffff" + "00"]) {
      assert.throws(() => wire.GetBlockTxn.decode(at(hex)), { code: "count", message: /^getblocktxn\.indexes\[/ });
    }
    const tx = "01000000" + "00" + "00" + "00000000";
    const compact = (prefilled: string) => fromHex("00".repeat(80) + "00".repeat(8) + "00" + prefilled);
    const { prefilled } = wire.CmpctBlock.decode(compact("02" + "fdffff" + tx + "00" + tx));
    assert.deepEqual(prefilled.map(({ index }) => index), [0xffff, 0x1_0000]);
    assert.throws(() => wire.CmpctBlock.decode(compact("01" + "fe00000100" + tx)), {
      message: /^cmpctblock\.prefilled\[0\]\.index: /,
    });
  });

  test("version: what old peers leave off is null, and a user agent over 256 bytes is an error", () => {
    const start = "7f110100" + "00".repeat(8) + "00".repeat(8) + "00".repeat(26);
    const old = wire.Version.decode(fromHex(start));
    assert.deepEqual([old.version, old.addrFrom, old.relay], [70015, null, null]);
    const full = start + "00".repeat(26) + "01".repeat(8);
    assert.throws(() => wire.Version.decode(fromHex(full + many(257, "61") + "00000000")), {
      code: "limit",
      message: /^version\.userAgent: /,
    });
    const read = wire.Version.decode(fromHex(full + many(256, "61") + "ffffffff" + "02"));
    assert.deepEqual([read.userAgent?.length, read.startHeight, read.relay], [256, -1, true]);
    assert.throws(() => wire.Version.encode({ ...read, nonce: null }), { code: "value" });
  });
});
