/**
 * Opcodes that compute with numbers.
 *
 * @see Bitcoin Core `script/interpreter.cpp` (EvalScript)
 * @module
 */
import { Op } from "../types/opcodes.ts";
import type { ScriptError } from "./errors.ts";
import type { Machine } from "./machine.ts";
import { FALSE, readNumber, TRUE, writeNumber } from "./numbers.ts";

const UNDERFLOW = "SCRIPT_ERR_INVALID_STACK_OPERATION";

/** OP_1ADD … OP_WITHIN, those that are disabled left out. */
export function arithmeticOperation({ stack, isMinimal }: Machine, opcode: number): ScriptError | undefined {
  const { length } = stack;
  if (opcode <= Op.OP_0NOTEQUAL) {
    if (length < 1) return UNDERFLOW;
    const value = readNumber(stack[length - 1]!, isMinimal);
    if (Number.isNaN(value)) return "SCRIPT_ERR_SCRIPTNUM";
    stack[length - 1] = writeNumber(ofOne(opcode, value));
    return undefined;
  }
  if (opcode === Op.OP_WITHIN) return within(stack, isMinimal);
  if (length < 2) return UNDERFLOW;
  const first = readNumber(stack[length - 2]!, isMinimal);
  const second = readNumber(stack[length - 1]!, isMinimal);
  if (Number.isNaN(first) || Number.isNaN(second)) return "SCRIPT_ERR_SCRIPTNUM";
  stack.length = length - 2;
  const result = ofTwo(opcode, first, second);
  if (opcode !== Op.OP_NUMEQUALVERIFY) stack.push(writeNumber(result));
  else if (result === 0) return "SCRIPT_ERR_NUMEQUALVERIFY";
  return undefined;
}

function ofOne(opcode: number, value: number): number {
  switch (opcode) {
    case Op.OP_1ADD:
      return value + 1;
    case Op.OP_1SUB:
      return value - 1;
    case Op.OP_NEGATE:
      return -value;
    case Op.OP_ABS:
      return Math.abs(value);
    case Op.OP_NOT:
      return Number(value === 0);
    default: // OP_0NOTEQUAL
      return Number(value !== 0);
  }
}

function ofTwo(opcode: number, first: number, second: number): number {
  switch (opcode) {
    case Op.OP_ADD:
      return first + second;
    case Op.OP_SUB:
      return first - second;
    case Op.OP_BOOLAND:
      return Number(first !== 0 && second !== 0);
    case Op.OP_BOOLOR:
      return Number(first !== 0 || second !== 0);
    case Op.OP_NUMEQUAL:
    case Op.OP_NUMEQUALVERIFY:
      return Number(first === second);
    case Op.OP_NUMNOTEQUAL:
      return Number(first !== second);
    case Op.OP_LESSTHAN:
      return Number(first < second);
    case Op.OP_GREATERTHAN:
      return Number(first > second);
    case Op.OP_LESSTHANOREQUAL:
      return Number(first <= second);
    case Op.OP_GREATERTHANOREQUAL:
      return Number(first >= second);
    case Op.OP_MIN:
      return Math.min(first, second);
    default: // OP_MAX
      return Math.max(first, second);
  }
}

function within(stack: Uint8Array[], isMinimal: boolean): ScriptError | undefined {
  const { length } = stack;
  if (length < 3) return UNDERFLOW;
  const value = readNumber(stack[length - 3]!, isMinimal);
  const least = readNumber(stack[length - 2]!, isMinimal);
  const bound = readNumber(stack[length - 1]!, isMinimal);
  if (Number.isNaN(value) || Number.isNaN(least) || Number.isNaN(bound)) return "SCRIPT_ERR_SCRIPTNUM";
  stack.length = length - 3;
  stack.push(least <= value && value < bound ? TRUE : FALSE);
  return undefined;
}
