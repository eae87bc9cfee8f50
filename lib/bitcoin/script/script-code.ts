/**
 * The part of a script that a signature before segwit signs: without that signature, and without separators.
 *
 * @see Bitcoin Core `script/interpreter.cpp` (FindAndDelete, CTransactionSignatureSerializer), `script/script.cpp` (GetScriptOp)
 * @module
 */
import { Op } from "../types/opcodes.ts";
import { plainPush } from "../types/script.ts";

/** Where a push's bytes start, or `at + 1` of an opcode that pushes none; what is missing of a length is not skipped. */
function dataStart(script: Uint8Array, at: number): number {
  const opcode = script[at]!;
  if (opcode < Op.OP_PUSHDATA1 || opcode > Op.OP_PUSHDATA4) return at + 1;
  const width = opcode === Op.OP_PUSHDATA1 ? 1 : opcode === Op.OP_PUSHDATA2 ? 2 : 4;
  return at + 1 + width > script.length ? at + 1 : at + 1 + width;
}

/** One past the opcode at `at` with what it pushes; undefined when that runs over the end. */
function opcodeEnd(script: Uint8Array, at: number): number | undefined {
  const opcode = script[at]!;
  if (opcode > Op.OP_PUSHDATA4) return at + 1;
  const start = dataStart(script, at);
  let length = opcode;
  if (opcode >= Op.OP_PUSHDATA1) {
    if (start === at + 1) return undefined;
    length = 0;
    for (let i = start - 1; i > at; i--) length = length * 256 + script[i]!;
  }
  return start + length > script.length ? undefined : start + length;
}

function isAt(script: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (script.length - at < wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (script[at + i] !== wanted[i]) return false;
  return true;
}

/**
 * The script without any push of exactly these bytes, in this form, that starts where an opcode starts or where one was
 * removed; the same array when there is none.
 */
export function withoutPush(script: Uint8Array, data: Uint8Array): Uint8Array {
  if (data.length >= script.length) return script;
  const push = plainPush(data);
  let left: Uint8Array | undefined;
  let kept = 0;
  for (let at = 0; at < script.length;) {
    const from = at;
    while (isAt(script, at, push)) at += push.length;
    if (at > from && left === undefined) {
      left = script.slice();
      kept = from;
    }
    // Where the script is malformed the rest is kept as it is.
    const next = at < script.length ? opcodeEnd(script, at) ?? script.length : at;
    if (left !== undefined) {
      left.copyWithin(kept, at, next);
      kept += next - at;
    }
    at = next;
  }
  return left?.subarray(0, kept) ?? script;
}

/** A script code as it is hashed. */
export interface HashedCode {
  /** The length that is written before it. */
  readonly length: number;
  readonly pieces: readonly Uint8Array[];
}

/**
 * A script code without its OP_CODESEPARATORs. Of a malformed push at the end, the opcode and the bytes of its length are
 * hashed and the rest is not, though the length that is written before it counts all: Core's reader has come so far. Such a
 * script fails in the end, but for which reason may depend on it.
 */
export function withoutSeparators(script: Uint8Array): HashedCode {
  const pieces: Uint8Array[] = [];
  let from = 0;
  let separators = 0;
  let at = 0;
  while (at < script.length) {
    const next = opcodeEnd(script, at);
    if (next === undefined) {
      at = dataStart(script, at);
      break;
    }
    if (script[at] === Op.OP_CODESEPARATOR) {
      separators++;
      if (at > from) pieces.push(script.subarray(from, at));
      from = next;
    }
    at = next;
  }
  if (at > from) pieces.push(from === 0 && at === script.length ? script : script.subarray(from, at));
  return { length: script.length - separators, pieces };
}
