/**
 * Every struct against bytes, hash and JSON of chia-blockchain 2.7.5 and chia_rs 0.48.0.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { Reader } from "../../lib/codec/reader.ts";
import { sha256 } from "../../lib/codec/sha256.ts";
import { Writer } from "../../lib/codec/writer.ts";
import type { Json } from "../../lib/codec/json.ts";
import { type Codec, type Fields, Program, type Struct } from "../../lib/chia/streamable/mod.ts";
import * as types from "../../lib/chia/types/mod.ts";
import { goldenJson } from "./chia-data.ts";

interface Vector {
  readonly type: string;
  readonly shape: string;
  readonly json: Json;
  readonly hex: string;
  readonly hash?: string;
  readonly hashError?: string;
}

/** chia_rs spells two names in its own way. */
const ALIASES: Record<string, string> = { RequestSesInfo: "RequestSESInfo", RespondSesInfo: "RespondSESInfo" };
const PLAIN: Record<string, Codec<Uint8Array>> = { Program };

const structs = new Map(Object.entries(types as unknown as Record<string, Struct<Fields>>));
const { vectors } = goldenJson<{ vectors: Vector[] }>("streamable.json.gz");

const shortName = (type: string) => type.slice(type.lastIndexOf(".") + 1);
const structOf = (type: string) => structs.get(ALIASES[shortName(type)] ?? shortName(type));

/**
 * The vectors' JSON in the form that we print. They hold big integers as decimal text (JSON.parse would round them); the
 * Python structs print empty bytes as `0x`, the Rust ones as nothing.
 */
function expected(json: Json, type: string): Json {
  const walk = (value: Json): Json => {
    if (typeof value === "string" && /^-?[0-9]{16,39}$/.test(value)) return BigInt(value);
    if (value === "0x") return "";
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    const fields = Object.fromEntries(Object.entries(value).map(([key, field]) => [key, walk(field)]));
    // The object that a vector was made from may hold generator fields that its version does not write.
    if ("transactions_generator_buffer" in fields) {
      if (fields.version === 0) fields.transactions_generator_buffer = null;
      if (fields.version === 1) {
        Object.assign(fields, { transactions_generator: null, transactions_generator_ref_list: [] });
      }
    }
    return fields;
  };
  const result = walk(json);
  // chia_rs calls the envelope's type `msg_type`, the Python class and the wire table call it `type`.
  if (type === "chia_rs.Message") {
    const { msg_type, ...rest } = result as Record<string, Json>;
    return { type: msg_type!, ...rest };
  }
  return result;
}

describe("golden vectors of the Streamable encoding", () => {
  const ours = vectors.filter(({ type }) => structOf(type) !== undefined);

  test("nearly every type of the reference has a struct", () => {
    const without = new Set(vectors.map(({ type }) => shortName(type)).filter((name) => structOf(name) === undefined));
    assert.deepEqual([...without].sort(), ["Program"]);
    assert.ok(ours.length > 850, `${ours.length} vectors`);
  });

  test("decode() and encode() give the same bytes back", () => {
    for (const { type, shape, hex } of ours) {
      const struct = structOf(type)!;
      assert.equal(toHex(struct.encode(struct.decode(fromHex(hex)))), hex, `${type} ${shape}`);
    }
  });

  test("toJson() prints what the reference prints", () => {
    for (const { type, shape, hex, json } of ours) {
      const struct = structOf(type)!;
      assert.deepEqual(struct.toJson(struct.decode(fromHex(hex))), expected(json, type), `${type} ${shape}`);
    }
  });

  test("fromJson() reads what the reference prints", () => {
    for (const { type, shape, hex, json } of ours) {
      const struct = structOf(type)!;
      assert.equal(toHex(struct.encode(struct.fromJson(expected(json, type)))), hex, `${type} ${shape}`);
    }
  });

  test("hash() is the reference's get_hash()", () => {
    // Python's own structs hash their bytes whatever they hold. We refuse there too: nothing commits to such a hash.
    const odd = (v: Vector) =>
      !v.type.startsWith("chia_rs.") && /"version":1,"plot_index"/.test(JSON.stringify(v.json));
    const hashed = ours.filter((vector) => vector.hash !== undefined && !odd(vector));
    for (const { type, shape, hex, hash } of hashed) {
      const struct = structOf(type)!;
      assert.equal("0x" + toHex(struct.hash(struct.decode(fromHex(hex)))), hash, `${type} ${shape}`);
    }
    assert.ok(hashed.length > 830, `${hashed.length} hashes`);
  });

  test("hash() refuses what the reference refuses: proofs of version 1 in it", () => {
    const refused = ours.filter(({ hashError }) => hashError !== undefined);
    for (const { type, hex } of refused) {
      const struct = structOf(type)!;
      assert.throws(() => struct.hash(struct.decode(fromHex(hex))), { name: "CodecError", code: "hash" }, type);
    }
    assert.ok(refused.length >= 18);
  });

  test("programs on their own", () => {
    const plain = vectors.filter(({ type }) => PLAIN[shortName(type)] !== undefined);
    for (const { type, hex, json, hash } of plain) {
      const codec = PLAIN[shortName(type)]!;
      const reader = new Reader(fromHex(hex));
      const value = codec.read(reader);
      reader.finish();
      const writer = new Writer();
      codec.write(writer, value);
      assert.equal(toHex(writer.finish()), hex);
      assert.equal(codec.toJson(value), json);
      assert.deepEqual(codec.fromJson(json), value);
      if (hash !== undefined) assert.equal("0x" + toHex(sha256(value)), hash);
    }
    assert.ok(plain.length > 0);
  });
});
