/**
 * Opcodes that move, compare and hash elements.
 *
 * @see Bitcoin Core `script/interpreter.cpp` (EvalScript)
 * @module
 */
import { ripemd160, sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "../../codec/sha256.ts";
import { hash160, sha256d } from "../hash.ts";
import { Op } from "../types/opcodes.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { ScriptError } from "./errors.ts";
import type { Machine } from "./machine.ts";
import { FALSE, isTrue, readNumber, TRUE, writeNumber } from "./numbers.ts";

const UNDERFLOW = "SCRIPT_ERR_INVALID_STACK_OPERATION";

/** OP_TOALTSTACK … OP_EQUALVERIFY, and the hashes. Any other opcode is a bad one. */
export function stackOperation(machine: Machine, opcode: number): ScriptError | undefined {
  const { stack } = machine;
  const { length } = stack;
  switch (opcode) {
    case Op.OP_TOALTSTACK:
      if (length < 1) return UNDERFLOW;
      machine.altStack.push(stack.pop()!);
      return undefined;
    case Op.OP_FROMALTSTACK:
      if (machine.altStack.length < 1) return "SCRIPT_ERR_INVALID_ALTSTACK_OPERATION";
      stack.push(machine.altStack.pop()!);
      return undefined;
    case Op.OP_2DROP:
      if (length < 2) return UNDERFLOW;
      stack.length -= 2;
      return undefined;
    case Op.OP_2DUP:
      if (length < 2) return UNDERFLOW;
      stack.push(stack[length - 2]!, stack[length - 1]!);
      return undefined;
    case Op.OP_3DUP:
      if (length < 3) return UNDERFLOW;
      stack.push(stack[length - 3]!, stack[length - 2]!, stack[length - 1]!);
      return undefined;
    case Op.OP_2OVER:
      if (length < 4) return UNDERFLOW;
      stack.push(stack[length - 4]!, stack[length - 3]!);
      return undefined;
    case Op.OP_2ROT:
      if (length < 6) return UNDERFLOW;
      raise(stack, 5);
      raise(stack, 5);
      return undefined;
    case Op.OP_2SWAP:
      if (length < 4) return UNDERFLOW;
      raise(stack, 3);
      raise(stack, 3);
      return undefined;
    case Op.OP_IFDUP:
      if (length < 1) return UNDERFLOW;
      if (isTrue(stack[length - 1]!)) stack.push(stack[length - 1]!);
      return undefined;
    case Op.OP_DEPTH:
      stack.push(writeNumber(length));
      return undefined;
    case Op.OP_DROP:
      if (length < 1) return UNDERFLOW;
      stack.pop();
      return undefined;
    case Op.OP_DUP:
      if (length < 1) return UNDERFLOW;
      stack.push(stack[length - 1]!);
      return undefined;
    case Op.OP_NIP:
      if (length < 2) return UNDERFLOW;
      stack[length - 2] = stack.pop()!;
      return undefined;
    case Op.OP_OVER:
      if (length < 2) return UNDERFLOW;
      stack.push(stack[length - 2]!);
      return undefined;
    case Op.OP_PICK:
    case Op.OP_ROLL:
      return pick(machine, opcode === Op.OP_ROLL);
    case Op.OP_ROT:
      if (length < 3) return UNDERFLOW;
      raise(stack, 2);
      return undefined;
    case Op.OP_SWAP:
      if (length < 2) return UNDERFLOW;
      raise(stack, 1);
      return undefined;
    case Op.OP_TUCK: {
      if (length < 2) return UNDERFLOW;
      const top = stack[length - 1]!;
      stack[length - 1] = stack[length - 2]!;
      stack[length - 2] = top;
      stack.push(top);
      return undefined;
    }
    case Op.OP_SIZE:
      if (length < 1) return UNDERFLOW;
      stack.push(writeNumber(stack[length - 1]!.length));
      return undefined;
    case Op.OP_EQUAL:
    case Op.OP_EQUALVERIFY: {
      if (length < 2) return UNDERFLOW;
      const isEqual = equalBytes(stack.pop()!, stack.pop()!);
      if (opcode === Op.OP_EQUAL) stack.push(isEqual ? TRUE : FALSE);
      else if (!isEqual) return "SCRIPT_ERR_EQUALVERIFY";
      return undefined;
    }
    default:
      return hashOperation(stack, opcode);
  }
}

/** Moves the element that is `depth` below the top to the top. */
function raise(stack: Uint8Array[], depth: number): void {
  const top = stack.length - 1;
  const element = stack[top - depth]!;
  for (let i = top - depth; i < top; i++) stack[i] = stack[i + 1]!;
  stack[top] = element;
}

function pick({ stack, isMinimal }: Machine, isMoved: boolean): ScriptError | undefined {
  if (stack.length < 2) return UNDERFLOW;
  const depth = readNumber(stack[stack.length - 1]!, isMinimal);
  if (Number.isNaN(depth)) return "SCRIPT_ERR_SCRIPTNUM";
  stack.pop();
  if (depth < 0 || depth >= stack.length) return UNDERFLOW;
  if (isMoved) raise(stack, depth);
  else stack.push(stack[stack.length - 1 - depth]!);
  return undefined;
}

function hashOperation(stack: Uint8Array[], opcode: number): ScriptError | undefined {
  const hash = HASHES[opcode];
  if (hash === undefined) return "SCRIPT_ERR_BAD_OPCODE";
  if (stack.length < 1) return UNDERFLOW;
  stack.push(hash(stack.pop()!));
  return undefined;
}

const HASHES: Readonly<Record<number, (bytes: Uint8Array) => Uint8Array>> = {
  [Op.OP_RIPEMD160]: ripemd160,
  [Op.OP_SHA1]: sha1,
  [Op.OP_SHA256]: (bytes) => sha256(bytes),
  [Op.OP_HASH160]: hash160,
  [Op.OP_HASH256]: (bytes) => sha256d(bytes),
};
