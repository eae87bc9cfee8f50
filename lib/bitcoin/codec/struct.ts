/**
 * Structs: named fields one after another; lists of them; and fields that old peers leave off the end.
 *
 * @module
 */
import { CodecError, within } from "../../codec/error.ts";
import { badValue, type Codec, type Infer } from "./codec.ts";
import { COMPACT_SIZE_MAX, compactSizeBytes, readCompactSize, writeCompactSize } from "./compact-size.ts";

/** Field names, camelCase and in wire order, with their codecs. */
export type Fields = { readonly [name: string]: Codec<unknown> };
/** The value that fields describe. */
export type ValueOf<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };

/** A struct of the wire. */
export interface Struct<F extends Fields> extends Codec<ValueOf<F>> {
  /** The fields in wire order. */
  readonly fields: F;
}

/** Declares a struct; an error names the field. */
export function struct<const F extends Fields>(type: string, fields: F): Struct<F> {
  const keys = Object.keys(fields);
  const codecs = Object.values(fields);
  const count = keys.length;
  return {
    type,
    fields,
    minSize: codecs.reduce((sum, { minSize }) => sum + minSize, 0),
    maxSize: codecs.reduce((sum, { maxSize }) => sum + maxSize, 0),
    read(reader) {
      const value: Record<string, unknown> = {};
      let i = 0;
      try {
        for (; i < count; i++) value[keys[i]!] = codecs[i]!.read(reader);
      } catch (thrown) {
        throw within(keys[i]!, thrown);
      }
      return value as ValueOf<F>;
    },
    write(writer, value) {
      if (typeof value !== "object" || value === null) throw badValue(type, value);
      const record: Record<string, unknown> = value;
      let i = 0;
      let ended = false;
      try {
        for (; i < count; i++) {
          const field = record[keys[i]!];
          if (ended && field !== null) throw new CodecError("value", "a field after one that is left off");
          codecs[i]!.write(writer, field);
          ended ||= field === null;
        }
      } catch (thrown) {
        throw within(keys[i]!, thrown);
      }
    },
  };
}

/**
 * A CompactSize count, then the elements, `max` at most. The count is held against the bytes left before an element is
 * read ({@link CodecError} `count`), then against `max` (`limit`); nothing is allocated by the count alone.
 */
export function vector<T>(of: Codec<T>, max: number = COMPACT_SIZE_MAX): Codec<readonly T[]> {
  const type = max === COMPACT_SIZE_MAX ? `vector<${of.type}>` : `vector<${of.type},${max}>`;
  const elementMin = Math.max(1, of.minSize);
  return {
    type,
    minSize: 1,
    maxSize: max === COMPACT_SIZE_MAX ? Infinity : compactSizeBytes(max) + max * of.maxSize,
    read(reader) {
      const start = reader.offset;
      const count = readCompactSize(reader);
      if (count * elementMin > reader.left) {
        throw new CodecError("count", `${count} elements cannot be in ${reader.left} bytes`, start);
      }
      if (count > max) throw new CodecError("limit", `${count} elements where ${max} are the most`, start);
      const elements: T[] = [];
      try {
        for (let i = 0; i < count; i++) elements.push(of.read(reader));
      } catch (thrown) {
        throw within(`[${elements.length}]`, thrown);
      }
      return elements;
    },
    write(writer, value) {
      if (!Array.isArray(value) || value.length > max) throw badValue(type, value);
      writeCompactSize(writer, value.length);
      let i = 0;
      try {
        for (; i < value.length; i++) of.write(writer, value[i]);
      } catch (thrown) {
        throw within(`[${i}]`, thrown);
      }
    },
  };
}

/**
 * A field that may be missing with all that follow it, `null` then. Only the last fields of a message can be such: where
 * one is missing, the later ones must be too, or the bytes would read differently.
 */
export function tail<T>(of: Codec<T>): Codec<T | null> {
  return {
    type: `tail<${of.type}>`,
    minSize: 0,
    maxSize: of.maxSize,
    read: (reader) => reader.left === 0 ? null : of.read(reader),
    write(writer, value) {
      if (value !== null) of.write(writer, value);
    },
  };
}
