/**
 * CLVM programs inside structs. A program has no length prefix: where it ends is found by walking it.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { fromHex, toHex } from "../../codec/hex.ts";
import { referencesEnd } from "./back-references.ts";
import { badJson, badValue, type Codec } from "./codec.ts";
import { longAtomEnd, shortProgram } from "./atoms.ts";

/**
 * A serialised CLVM tree, kept byte for byte. Reading finds its end with the strictness of the reference's parser for
 * untrusted input: lengths need not be minimal, a back-reference must lead to a node. The encoder trusts its caller.
 */
export const Program: Codec<Uint8Array> = {
  type: "Program",
  minSize: 1,
  read(reader) {
    const end = programEnd(reader.bytes, reader.offset, reader.end);
    return reader.take(end - reader.offset);
  },
  write(writer, value) {
    if (!(value instanceof Uint8Array) || value.length === 0) throw badValue("Program", value);
    writer.raw(value);
  },
  toJson: (value) => "0x" + toHex(value),
  fromJson(json) {
    if (typeof json !== "string") throw badJson("Program", json);
    const bytes = fromHex(json);
    const end = programEnd(bytes, 0, bytes.length);
    if (end !== bytes.length) throw new CodecError("program", `${bytes.length - end} bytes after the program`, end);
    return bytes;
  },
};

/**
 * Where the program that starts at `start` ends. Time is linear in its length and memory constant, unless it holds
 * back-references. Throws {@link CodecError} `short` or `program`.
 */
export function programEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  // Without back-references a count of the nodes still to come is all that is needed, however deep the tree is.
  let missing = 1;
  while (missing > 0) {
    if (at >= end) throw shortProgram(at, end);
    const first = bytes[at++]!;
    if (first === 0xff) {
      missing++;
    } else {
      missing--;
      if (first > 0x80) {
        if (first < 0xc0) at += first & 0x3f;
        else if (first === 0xfe) return referencesEnd(bytes, start, end);
        else at = longAtomEnd(bytes, at, end, first);
      }
    }
  }
  if (at > end) throw shortProgram(at, end);
  return at;
}
