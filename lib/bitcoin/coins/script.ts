/**
 * Scripts as Core's coins have them: six forms that nearly all early outputs have are a byte and a hash or a coordinate,
 * all others are their length and themselves.
 *
 * @see Bitcoin Core `compressor.cpp`, `compressor.h` (ScriptCompression)
 * @module
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { CodecError } from "../../codec/error.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";
import { readVarInt, writeVarInt } from "../codec/mod.ts";
import { Op } from "../types/opcodes.ts";
import { SCRIPT_BYTES_MAX } from "../types/script.ts";

/** Numbers below this are forms, and all others lengths. */
const FORMS = 6;
const FORM = { keyHash: 0, scriptHash: 1, evenKey: 2, oddKey: 3, evenFullKey: 4, oddFullKey: 5 } as const;
const { OP_RETURN, OP_EQUAL, OP_EQUALVERIFY, OP_DUP, OP_HASH160, OP_CHECKSIG } = Op;
const HASH_BYTES = 20;
const COORDINATE_BYTES = 32;
const FULL_KEY_BYTES = 65;

/** The form of a script; −1 for one that is kept as it is. */
function formOf(script: Uint8Array): number {
  const [first, second, third] = [script[0]!, script[1]!, script[2]!];
  switch (script.length) {
    case 25:
      return first === OP_DUP && second === OP_HASH160 && third === HASH_BYTES && script[23] === OP_EQUALVERIFY &&
          script[24] === OP_CHECKSIG
        ? FORM.keyHash
        : -1;
    case 23:
      return first === OP_HASH160 && second === HASH_BYTES && script[22] === OP_EQUAL ? FORM.scriptHash : -1;
    case 35:
      return first === 33 && script[34] === OP_CHECKSIG && (second === 2 || second === 3) ? second : -1;
    case 67:
      return first === FULL_KEY_BYTES && second === 4 && script[66] === OP_CHECKSIG && isPoint(script.slice(1, 66))
        ? FORM.evenFullKey | (script[65]! & 1)
        : -1;
    default:
      return -1;
  }
}

/** Where what is kept of a script of a form begins. */
const keptFrom = (form: number) => form === FORM.keyHash ? 3 : 2;
/** And how many bytes it has. */
const keptBytes = (form: number) => form <= FORM.scriptHash ? HASH_BYTES : COORDINATE_BYTES;

/** Whether a full key is a point of the curve: only then its second coordinate can be computed again. */
function isPoint(key: Uint8Array): boolean {
  try {
    secp256k1.Point.fromBytes(key);
    return true;
  } catch {
    return false;
  }
}

/** Writes a script: VARINT form ‖ 20 or 32 bytes, or VARINT length + 6 ‖ script. */
export function writeScript(writer: Writer, script: Uint8Array): void {
  const form = formOf(script);
  if (form < 0) {
    writeVarInt(writer, script.length + FORMS);
    writer.raw(script);
    return;
  }
  writer.u8(form);
  const from = keptFrom(form);
  for (let i = from, end = from + keptBytes(form); i < end; i++) writer.u8(script[i]!);
}

/**
 * Reads what {@link writeScript} wrote. One that is longer than a script may be becomes OP_RETURN, as in Core.
 * @throws CodecError `short`; `value` for a full key that is no point
 */
export function readScript(reader: Reader): Uint8Array {
  const { offset } = reader;
  const number = readVarInt(reader);
  if (number < FORMS) return expand(number, reader, offset);
  const length = number - FORMS;
  reader.need(length);
  if (length <= SCRIPT_BYTES_MAX) return reader.bytes.slice(reader.offset, reader.offset += length);
  reader.skip(length);
  return Uint8Array.of(OP_RETURN);
}

function expand(form: number, reader: Reader, offset: number): Uint8Array {
  const kept = reader.take(keptBytes(form));
  switch (form) {
    case FORM.keyHash:
      return framed([OP_DUP, OP_HASH160, HASH_BYTES], kept, [OP_EQUALVERIFY, OP_CHECKSIG]);
    case FORM.scriptHash:
      return framed([OP_HASH160, HASH_BYTES], kept, [OP_EQUAL]);
    case FORM.evenKey:
    case FORM.oddKey:
      return framed([COORDINATE_BYTES + 1, form], kept, [OP_CHECKSIG]);
    default:
      try {
        const key = secp256k1.Point.fromBytes(framed([form - 2], kept, []));
        return framed([FULL_KEY_BYTES], key.toBytes(false), [OP_CHECKSIG]);
      } catch {
        throw new CodecError("value", "a full key that is no point of the curve", offset);
      }
  }
}

function framed(before: readonly number[], bytes: Uint8Array, after: readonly number[]): Uint8Array {
  const whole = new Uint8Array(before.length + bytes.length + after.length);
  whole.set(before);
  whole.set(bytes, before.length);
  whole.set(after, before.length + bytes.length);
  return whole;
}
