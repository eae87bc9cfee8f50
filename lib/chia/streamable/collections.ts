/**
 * Optionals, lists, arrays and tuples.
 *
 * @module
 */
import { CodecError, within } from "../../codec/error.ts";
import type { Json } from "../../codec/json.ts";
import { badJson, badValue, type Codec, type Infer } from "./codec.ts";

/** 00, or 01 and the value; absent is `null`. */
export function option<T>(of: Codec<T>): Codec<T | null> {
  return {
    type: `opt<${of.type}>`,
    minSize: 1,
    read(reader) {
      const byte = reader.u8();
      if (byte === 0) return null;
      if (byte === 1) return of.read(reader);
      throw new CodecError("option", `byte ${byte} is not an optional's`, reader.offset - 1);
    },
    write(writer, value) {
      if (value === null || value === undefined) return writer.u8(0);
      writer.u8(1);
      of.write(writer, value);
    },
    toJson: (value) => value === null || value === undefined ? null : of.toJson(value),
    fromJson: (json) => json === null || json === undefined ? null : of.fromJson(json),
  };
}

/**
 * A u32 count, then the elements. The count is held against the bytes left before anything is read: the encoding has no
 * maximum of its own. An element that can be empty counts as one byte there.
 */
export function list<T>(of: Codec<T>): Codec<readonly T[]> {
  const type = `list<${of.type}>`;
  const elementMin = Math.max(1, of.minSize);
  return {
    type,
    minSize: 4,
    read(reader) {
      const count = reader.u32();
      if (count * elementMin > reader.left) {
        throw new CodecError("count", `${count} elements cannot be in ${reader.left} bytes`, reader.offset - 4);
      }
      const elements: T[] = [];
      try {
        for (let i = 0; i < count; i++) elements.push(of.read(reader));
      } catch (thrown) {
        throw within(`[${elements.length}]`, thrown);
      }
      return elements;
    },
    write(writer, value) {
      if (!Array.isArray(value)) throw badValue(type, value);
      writer.u32(value.length);
      each(value, (element: T) => of.write(writer, element));
    },
    toJson: (value) => value.map((element) => of.toJson(element)),
    fromJson(json) {
      if (!Array.isArray(json)) throw badJson(type, json);
      return each(json, (element: Json) => of.fromJson(element));
    },
  };
}

/** Exactly `count` elements without a count. */
export function array<T>(of: Codec<T>, count: number): Codec<readonly T[]> {
  const type = `array<${of.type},${count}>`;
  return {
    type,
    minSize: count * of.minSize,
    read(reader) {
      const elements: T[] = [];
      try {
        for (let i = 0; i < count; i++) elements.push(of.read(reader));
      } catch (thrown) {
        throw within(`[${elements.length}]`, thrown);
      }
      return elements;
    },
    write(writer, value) {
      if (!Array.isArray(value) || value.length !== count) throw badValue(type, value);
      each(value, (element: T) => of.write(writer, element));
    },
    toJson: (value) => value.map((element) => of.toJson(element)),
    fromJson(json) {
      if (!Array.isArray(json) || json.length !== count) throw badJson(type, json);
      return each(json, (element: Json) => of.fromJson(element));
    },
  };
}

/** The values of a tuple of codecs. */
type Values<C extends readonly Codec<unknown>[]> = { readonly [K in keyof C]: Infer<C[K]> };

/** The elements one after another, each with its own type. */
export function tuple<const C extends readonly Codec<unknown>[]>(...of: C): Codec<Values<C>> {
  const type = `tuple<${of.map((codec) => codec.type).join(",")}>`;
  const codecs: readonly Codec<unknown>[] = of;
  return {
    type,
    minSize: codecs.reduce((sum, codec) => sum + codec.minSize, 0),
    read: (reader) => each(codecs, (codec) => codec.read(reader)) as unknown as Values<C>,
    write(writer, value) {
      const values: readonly unknown[] = value;
      if (!Array.isArray(values) || values.length !== codecs.length) throw badValue(type, values);
      each(codecs, (codec, i) => codec.write(writer, values[i]));
    },
    toJson(value) {
      const values: readonly unknown[] = value;
      return codecs.map((codec, i) => codec.toJson(values[i]));
    },
    fromJson(json) {
      if (!Array.isArray(json) || json.length !== codecs.length) throw badJson(type, json);
      const values: readonly Json[] = json;
      return each(codecs, (codec, i) => codec.fromJson(values[i]!)) as unknown as Values<C>;
    },
  };
}

/** Maps, and tells an error which element it came from. */
function each<T, R>(elements: readonly T[], map: (element: T, i: number) => R): R[] {
  const results: R[] = [];
  try {
    for (let i = 0; i < elements.length; i++) results.push(map(elements[i]!, i));
  } catch (thrown) {
    throw within(`[${results.length}]`, thrown);
  }
  return results;
}
