/**
 * Structs: named fields one after another, and the two ways in which Chia deviates from that.
 *
 * @module
 */
import { CodecError, within } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { sha256 } from "../../codec/sha256.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import type { Json, JsonObject } from "../../codec/json.ts";
import { badJson, badValue, type Codec, type Infer } from "./codec.ts";
import { option } from "./collections.ts";

/** Field names, camelCase and in wire order, with their codecs. */
export type Fields = { readonly [name: string]: Codec<unknown> };
/** The value that fields describe. */
export type ValueOf<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };
/** A value in the making, as a hand-written layout fills it. */
export type Draft<T> = { -readonly [K in keyof T]?: T[K] };

/** A Streamable struct. */
export interface Struct<F extends Fields> extends Codec<ValueOf<F>> {
  /** The reference's name of the struct. */
  readonly name: string;
  /** The fields in wire order, by camelCase name. */
  readonly fields: F;
  /**
   * The value of `bytes`, all of which must be used. Byte fields of the result share the memory of `bytes`.
   * Throws {@link CodecError}, whose message names struct, field and offset.
   */
  decode(bytes: Uint8Array): ValueOf<F>;
  /** The wire bytes. Throws {@link CodecError} `value` when a field does not fit. */
  encode(value: ValueOf<F>): Uint8Array;
  /**
   * SHA-256 of the wire bytes: what the reference calls `get_hash()`. Throws {@link CodecError} `hash` when the value
   * holds a version 2 proof of space, whose hash needs the proof's quality string.
   */
  hash(value: ValueOf<F>): Bytes32;
  toJson(value: ValueOf<F>): JsonObject;
}

/** The last fields of a struct (from `from` on) when their wire form is not one after another. */
export interface Layout<T> {
  readonly from: keyof T & string;
  readonly minSize: number;
  read(reader: Reader, into: Draft<T>): void;
  write(writer: Writer, value: T): void;
}

/** The writer that {@link Struct.hash} uses; a codec whose hash is not that of its bytes recognises it. */
export class HashWriter extends Writer {}

/** camelCase to snake_case, as JSON and error messages have it. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());
}

const PACKED = Symbol("packed optionals");
interface Packed<T> extends Codec<T | null> {
  readonly [PACKED]: { readonly of: Codec<T>; readonly partner: "next" | "previous" };
}

/**
 * The first of two neighbouring optionals that share one prefix byte: 00 none, 01 the first, 02 the second, 03 both.
 * The field after it must be {@link packedSecond}.
 */
export function packedFirst<T>(of: Codec<T>): Codec<T | null> {
  return packed(of, "next", 1);
}

/** The second of two optionals that share a prefix byte; see {@link packedFirst}. */
export function packedSecond<T>(of: Codec<T>): Codec<T | null> {
  return packed(of, "previous", 0);
}

function packed<T>(of: Codec<T>, partner: "next" | "previous", minSize: number): Packed<T> {
  const alone = (): never => {
    throw new TypeError(`packed ${of.type} stands alone`);
  };
  return { ...option(of), minSize, read: alone, write: alone, [PACKED]: { of, partner } };
}

/** One or more neighbouring fields that are read and written together. */
interface Step {
  readonly keys: readonly string[];
  readonly minSize: number;
  read(reader: Reader, into: Record<string, unknown>): void;
  write(writer: Writer, value: Record<string, unknown>): void;
}

function packedStep(firstKey: string, secondKey: string, first: Codec<unknown>, second: Codec<unknown>): Step {
  return {
    keys: [firstKey, secondKey],
    minSize: 1,
    read(reader, into) {
      const prefix = reader.u8();
      if (prefix > 3) throw new CodecError("option", `byte ${prefix} is not two optionals'`, reader.offset - 1);
      into[firstKey] = null;
      into[secondKey] = null;
      if (prefix & 1) into[firstKey] = named(firstKey, () => first.read(reader));
      if (prefix & 2) into[secondKey] = named(secondKey, () => second.read(reader));
    },
    write(writer, value) {
      const one = value[firstKey] ?? null;
      const two = value[secondKey] ?? null;
      writer.u8((one === null ? 0 : 1) | (two === null ? 0 : 2));
      if (one !== null) named(firstKey, () => first.write(writer, one));
      if (two !== null) named(secondKey, () => second.write(writer, two));
    },
  };
}

/** Runs `work`, and puts the field's name into an error that comes out. */
function named<R>(key: string, work: () => R): R {
  try {
    return work();
  } catch (thrown) {
    throw within(snakeCase(key), thrown);
  }
}

/** Splits the fields into plain ones at the front and steps for the rest. */
function compile(fields: Fields, layout?: Layout<Record<string, unknown>>): Step[] {
  const keys = Object.keys(fields);
  const steps: Step[] = [];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    const codec = fields[key]!;
    if (layout?.from === key) {
      steps.push({ ...layout, keys: keys.slice(i) });
      break;
    }
    const mark = (codec as Partial<Packed<unknown>>)[PACKED];
    if (mark === undefined) {
      steps.push({
        keys: [key],
        minSize: codec.minSize,
        read(reader, into) {
          into[key] = codec.read(reader);
        },
        write: (writer, value) => codec.write(writer, value[key]),
      });
      continue;
    }
    const nextKey = keys[++i];
    const partner = nextKey === undefined ? undefined : (fields[nextKey] as Partial<Packed<unknown>>)[PACKED];
    if (mark.partner !== "next" || partner?.partner !== "previous") throw new TypeError(`${key} has no partner`);
    steps.push(packedStep(key, nextKey!, mark.of, partner.of));
  }
  return steps;
}

/**
 * Declares a struct. `fields` are in wire order; `layout` takes over from one of them on where the wire form is not the
 * plain sequence.
 *
 * @example
 * ```ts
 * import { bytes32, type Infer, struct, u64 } from "./mod.ts";
 *
 * const Coin = struct("Coin", { parentCoinInfo: bytes32, puzzleHash: bytes32, amount: u64 });
 * type Coin = Infer<typeof Coin>;
 * const coin: Coin = Coin.decode(new Uint8Array(72));
 * assert.equal(coin.amount, 0n);
 * ```
 */
export function struct<const F extends Fields>(name: string, fields: F, layout?: Layout<ValueOf<F>>): Struct<F> {
  type Value = ValueOf<F>;
  const steps = compile(fields, layout as unknown as Layout<Record<string, unknown>> | undefined);
  const count = steps.length;
  const entries = Object.entries(fields).map(([key, codec]) => ({ key, codec, wireName: snakeCase(key) }));
  /** A single field is to blame by name; a step of several names its own. */
  const blame = (step: Step, thrown: unknown) =>
    step.keys.length === 1 ? within(snakeCase(step.keys[0]!), thrown) : thrown;

  const self: Struct<F> = {
    name,
    type: name,
    fields,
    minSize: steps.reduce((sum, step) => sum + step.minSize, 0),
    read(reader) {
      const value: Record<string, unknown> = {};
      let i = 0;
      try {
        for (; i < count; i++) steps[i]!.read(reader, value);
      } catch (thrown) {
        throw blame(steps[i]!, thrown);
      }
      return value as Value;
    },
    write(writer, value) {
      if (typeof value !== "object" || value === null) throw badValue(name, value);
      let i = 0;
      try {
        for (; i < count; i++) steps[i]!.write(writer, value);
      } catch (thrown) {
        throw blame(steps[i]!, thrown);
      }
    },
    decode(bytes) {
      const reader = new Reader(bytes);
      try {
        const value = self.read(reader);
        reader.finish();
        return value;
      } catch (thrown) {
        throw within(name, thrown);
      }
    },
    encode(value) {
      const writer = new Writer(Math.max(64, self.minSize));
      named0(name, () => self.write(writer, value));
      return writer.finish();
    },
    hash(value) {
      const writer = new HashWriter(Math.max(64, self.minSize));
      named0(name, () => self.write(writer, value));
      return sha256(writer.view());
    },
    toJson(value) {
      const json: Record<string, Json> = {};
      for (const { key, codec, wireName } of entries) json[wireName] = codec.toJson(value[key]);
      return json;
    },
    fromJson(json) {
      if (!isObject(json)) throw badJson(name, json);
      const value: Record<string, unknown> = {};
      for (const { key, codec, wireName } of entries) {
        const field = Object.hasOwn(json, wireName) ? json[wireName]! : null;
        value[key] = named(key, () => codec.fromJson(field));
      }
      return value as Value;
    },
  };
  return self;
}

/** Runs `work`, and puts the struct's name into an error that comes out. */
function named0<R>(name: string, work: () => R): R {
  try {
    return work();
  } catch (thrown) {
    throw within(name, thrown);
  }
}

function isObject(json: Json): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
