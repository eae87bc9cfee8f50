/**
 * Scripts as bytes: walking their opcodes, building them, and the questions that need no interpreter.
 *
 * @see Bitcoin Core `script/script.h`, `script/script.cpp`
 * @module
 */
import { Op, smallInteger } from "./opcodes.ts";

/** Bytes of a script before tapscript: a longer one can never be run (Core's MAX_SCRIPT_SIZE). */
export const SCRIPT_BYTES_MAX = 10_000;
/** Signature checks that a CHECKMULTISIG counts as when its number of keys is not read. */
const MULTISIG_KEYS_MAX = 20;

/**
 * Walks the opcodes of a script without allocating: {@link ScriptReader.next} moves to the next one and tells whether
 * there was one. A push that runs over the end is malformed: the walk ends there, with {@link ScriptReader.malformed} set.
 */
export class ScriptReader {
  readonly script: Uint8Array;
  /** Where the next opcode is. */
  at = 0;
  opcode = 0;
  /** Where the pushed bytes start and end; equal for an opcode that pushes none. */
  dataStart = 0;
  dataEnd = 0;
  malformed = false;

  constructor(script: Uint8Array) {
    this.script = script;
  }

  next(): boolean {
    const { script, at } = this;
    if (at >= script.length) return false;
    const opcode = script[at]!;
    let start = at + 1;
    let length = 0;
    if (opcode <= Op.OP_PUSHDATA4) {
      if (opcode < Op.OP_PUSHDATA1) {
        length = opcode;
      } else {
        const width = opcode === Op.OP_PUSHDATA1 ? 1 : opcode === Op.OP_PUSHDATA2 ? 2 : 4;
        if (start + width > script.length) return this.#fail();
        for (let i = 0; i < width; i++) length += script[start + i]! * 2 ** (8 * i);
        start += width;
      }
      if (start + length > script.length) return this.#fail();
    }
    this.opcode = opcode;
    this.dataStart = start;
    this.dataEnd = this.at = start + length;
    return true;
  }

  #fail(): false {
    this.malformed = true;
    this.at = this.script.length;
    return false;
  }

  /** The bytes that the current opcode pushes: a view. Empty for OP_0 and for what pushes none. */
  get data(): Uint8Array {
    return this.script.subarray(this.dataStart, this.dataEnd);
  }
}

/** Whether every opcode pushes (OP_RESERVED counts as one that does) and none is malformed. */
export function isPushOnly(script: Uint8Array, from = 0): boolean {
  const reader = new ScriptReader(script);
  reader.at = from;
  while (reader.next()) if (reader.opcode > Op.OP_16) return false;
  return !reader.malformed;
}

/** Whether no input can ever spend such an output: it starts with OP_RETURN or is longer than a script may be. */
export function isUnspendable(script: Uint8Array): boolean {
  return script[0] === Op.OP_RETURN || script.length > SCRIPT_BYTES_MAX;
}

/** Whether it is exactly OP_HASH160, 20 bytes, OP_EQUAL. */
export function isPayToScriptHash(script: Uint8Array): boolean {
  return script.length === 23 && script[0] === Op.OP_HASH160 && script[1] === 20 && script[22] === Op.OP_EQUAL;
}

/** Version and program of a witness program: one small number and one direct push of 2 … 40 bytes, nothing else. */
export function witnessProgram(
  script: Uint8Array,
): { readonly version: number; readonly program: Uint8Array } | undefined {
  if (script.length < 4 || script.length > 42 || script[1]! + 2 !== script.length) return undefined;
  const version = script[0] === Op.OP_0 ? 0 : smallInteger(script[0]!);
  return version === undefined ? undefined : { version, program: script.subarray(2) };
}

/**
 * How many signature checks a script holds by mere counting (Core's GetSigOpCount). `accurate` takes the number of keys
 * of a multisig from the opcode before it, otherwise each counts as 20. Counting ends at a malformed push, and what was
 * counted stands.
 */
export function sigOpCount(script: Uint8Array, accurate: boolean): number {
  const reader = new ScriptReader(script);
  let count = 0;
  let last: number = Op.OP_INVALIDOPCODE;
  while (reader.next()) {
    const { opcode } = reader;
    if (opcode === Op.OP_CHECKSIG || opcode === Op.OP_CHECKSIGVERIFY) count++;
    else if (opcode === Op.OP_CHECKMULTISIG || opcode === Op.OP_CHECKMULTISIGVERIFY) {
      count += (accurate ? smallInteger(last) : undefined) ?? MULTISIG_KEYS_MAX;
    }
    last = opcode;
  }
  return count;
}

/** The signature checks in the script that a P2SH input reveals: the last push of a scriptSig that only pushes. */
export function p2shSigOpCount(scriptPubKey: Uint8Array, scriptSig: Uint8Array): number {
  if (!isPayToScriptHash(scriptPubKey)) return 0;
  const reader = new ScriptReader(scriptSig);
  let last: Uint8Array = new Uint8Array();
  while (reader.next()) {
    if (reader.opcode > Op.OP_16) return 0;
    last = reader.data;
  }
  return reader.malformed ? 0 : sigOpCount(last, true);
}

/** The signature checks of a witness program (BIP141): P2WPKH 1, P2WSH as counted in its script, others none. */
export function witnessSigOpCount(
  scriptPubKey: Uint8Array,
  scriptSig: Uint8Array,
  witness: readonly Uint8Array[],
): number {
  let found = witnessProgram(scriptPubKey);
  if (found === undefined && isPayToScriptHash(scriptPubKey) && isPushOnly(scriptSig)) {
    const reader = new ScriptReader(scriptSig);
    while (reader.next());
    found = witnessProgram(reader.data);
  }
  if (found?.version !== 0) return 0;
  if (found.program.length === 20) return 1;
  const script = witness.at(-1);
  return found.program.length === 32 && script !== undefined ? sigOpCount(script, true) : 0;
}

/** A push of `data` in its shortest form: a number opcode, a direct push or OP_PUSHDATA. */
export function pushData(data: Uint8Array): Uint8Array {
  const { length } = data;
  if (length === 1 && data[0]! >= 1 && data[0]! <= 16) return Uint8Array.of(Op.OP_1 + data[0]! - 1);
  if (length === 1 && data[0] === 0x81) return Uint8Array.of(Op.OP_1NEGATE);
  return plainPush(data);
}

/** A push of `data` as Core serialises it: by its length alone, no number has an opcode of its own. */
export function plainPush(data: Uint8Array): Uint8Array {
  const { length } = data;
  if (length < Op.OP_PUSHDATA1) return Uint8Array.of(length, ...data);
  const head = length <= 0xff
    ? [Op.OP_PUSHDATA1, length]
    : length <= 0xffff
    ? [Op.OP_PUSHDATA2, length & 0xff, length >> 8]
    : [Op.OP_PUSHDATA4, length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff, length >>> 24];
  const script = new Uint8Array(head.length + length);
  script.set(head);
  script.set(data, head.length);
  return script;
}

/** A number as Script has it: little-endian, sign in the highest bit, no byte too many; empty for 0. */
export function scriptNumber(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) throw new RangeError(`no integer: ${value}`);
  const bytes: number[] = [];
  for (let rest = Math.abs(value); rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
  if (bytes.length === 0) return new Uint8Array();
  const negative = value < 0 ? 0x80 : 0;
  if (bytes.at(-1)! >= 0x80) bytes.push(negative);
  else bytes[bytes.length - 1]! |= negative;
  return Uint8Array.from(bytes);
}

/** The value of a number of at most six bytes, whatever its form. Throws a RangeError for a longer one. */
export function fromScriptNumber(bytes: Uint8Array): number {
  if (bytes.length > 6) throw new RangeError(`a number of ${bytes.length} bytes`);
  let value = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = i === bytes.length - 1 ? bytes[i]! & 0x7f : bytes[i]!;
    value += byte * 2 ** (8 * i);
  }
  return bytes.length > 0 && (bytes.at(-1)! & 0x80) !== 0 ? -value : value;
}

/** The script of several pieces. */
export function joinScript(...pieces: readonly (Uint8Array | number)[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => typeof piece === "number" ? [piece] : [...piece]));
}
