/**
 * Executes a script: pushes, conditions, and which opcode is whose.
 *
 * @see Bitcoin Core `script/interpreter.cpp` (EvalScript)
 * @module
 */
import { Op } from "../types/opcodes.ts";
import { arithmeticOperation } from "./arithmetic.ts";
import type { ScriptError } from "./errors.ts";
import { ScriptFlag } from "./flags.ts";
import { checkLockTime, checkSequence } from "./locks.ts";
import { SCRIPT_BYTES_MAX } from "../types/script.ts";
import { ELEMENT_BYTES_MAX, OPCODES_MAX, STACK_MAX } from "./limits.ts";
import type { Machine } from "./machine.ts";
import { FALSE, isTrue, writeNumber } from "./numbers.ts";
import { checkMultisig, checkSignature, checkSignatureAdd } from "./signature-operations.ts";
import { stackOperation } from "./stack-operations.ts";

/** Opcodes that may not be in a script before tapscript, executed or not (CVE-2010-5137). */
const isDisabled = new Uint8Array(256);
for (
  const opcode of [
    Op.OP_CAT,
    Op.OP_SUBSTR,
    Op.OP_LEFT,
    Op.OP_RIGHT,
    Op.OP_INVERT,
    Op.OP_AND,
    Op.OP_OR,
    Op.OP_XOR,
    Op.OP_2MUL,
    Op.OP_2DIV,
    Op.OP_MUL,
    Op.OP_DIV,
    Op.OP_MOD,
    Op.OP_LSHIFT,
    Op.OP_RSHIFT,
  ]
) isDisabled[opcode] = 1;

/**
 * The conditions that the script is in. Of all that are nested, only how many there are and which is the first false one can
 * be told, so that nothing else is kept.
 */
class Conditions {
  depth = 0;
  /** The depth of the first false one, from 1 on; 0 when all are true. */
  #firstFalse = 0;

  get areTrue(): boolean {
    return this.#firstFalse === 0;
  }

  push(isTrue: boolean): void {
    this.depth++;
    if (!isTrue && this.areTrue) this.#firstFalse = this.depth;
  }

  pop(): void {
    if (this.#firstFalse === this.depth) this.#firstFalse = 0;
    this.depth--;
  }

  /** The innermost one is turned. Below a false one nobody can tell. */
  toggle(): void {
    if (this.areTrue) this.#firstFalse = this.depth;
    else if (this.#firstFalse === this.depth) this.#firstFalse = 0;
  }
}

/** Executes the script of a machine; undefined when it came to its end without an error. */
export function execute(machine: Machine): ScriptError | undefined {
  const { script, stack, altStack, flags, isMinimal } = machine;
  const isLimited = machine.version !== "tapscript";
  if (isLimited && script.length > SCRIPT_BYTES_MAX) return "SCRIPT_ERR_SCRIPT_SIZE";
  const isConstant = machine.version === "legacy" && (flags & ScriptFlag.CONST_SCRIPTCODE) !== 0;
  const conditions = new Conditions();
  const { length } = script;
  let at = 0;
  for (let index = 0; at < length; index++) {
    const opcode = script[at++]!;
    if (opcode <= Op.OP_PUSHDATA4) {
      let size = opcode;
      if (opcode >= Op.OP_PUSHDATA1) {
        const width = opcode === Op.OP_PUSHDATA1 ? 1 : opcode === Op.OP_PUSHDATA2 ? 2 : 4;
        if (at + width > length) return "SCRIPT_ERR_BAD_OPCODE";
        size = 0;
        for (let i = at + width - 1; i >= at; i--) size = size * 256 + script[i]!;
        at += width;
      }
      const from = at;
      at += size;
      if (at > length) return "SCRIPT_ERR_BAD_OPCODE";
      if (size > ELEMENT_BYTES_MAX) return "SCRIPT_ERR_PUSH_SIZE";
      if (conditions.areTrue) {
        if (isMinimal && !isMinimalPush(opcode, size, script[from]!)) return "SCRIPT_ERR_MINIMALDATA";
        stack.push(size === 0 ? FALSE : script.subarray(from, at));
      }
    } else {
      if (isLimited && opcode > Op.OP_16 && ++machine.opcodes > OPCODES_MAX) return "SCRIPT_ERR_OP_COUNT";
      if (isDisabled[opcode] === 1) return "SCRIPT_ERR_DISABLED_OPCODE";
      if (isConstant && opcode === Op.OP_CODESEPARATOR) return "SCRIPT_ERR_OP_CODESEPARATOR";
      let error: ScriptError | undefined;
      if (opcode >= Op.OP_IF && opcode <= Op.OP_ENDIF) error = condition(machine, conditions, opcode);
      else if (!conditions.areTrue) error = undefined;
      else if (opcode === Op.OP_CODESEPARATOR) machine.separate(index, at);
      else error = operation(machine, opcode);
      if (error !== undefined) return error;
    }
    if (stack.length + altStack.length > STACK_MAX) return "SCRIPT_ERR_STACK_SIZE";
  }
  return conditions.depth > 0 ? "SCRIPT_ERR_UNBALANCED_CONDITIONAL" : undefined;
}

/** Whether no shorter opcode pushes the same. @param first the first of the bytes that are pushed, if there is one */
function isMinimalPush(opcode: number, size: number, first: number): boolean {
  if (size === 0) return opcode === Op.OP_0;
  // OP_1 … OP_16 and OP_1NEGATE push these.
  if (size === 1 && ((first >= 1 && first <= 16) || first === 0x81)) return false;
  if (size < Op.OP_PUSHDATA1) return opcode === size;
  if (size <= 0xff) return opcode === Op.OP_PUSHDATA1;
  return opcode === Op.OP_PUSHDATA2; // elements have at most 520 bytes
}

/** OP_IF … OP_ENDIF, which are read where nothing is executed too. OP_VERIF and OP_VERNOTIF are bad even there. */
function condition(machine: Machine, conditions: Conditions, opcode: number): ScriptError | undefined {
  if (opcode === Op.OP_IF || opcode === Op.OP_NOTIF) {
    let value = false;
    if (conditions.areTrue) {
      const top = machine.stack.pop();
      if (top === undefined) return "SCRIPT_ERR_INVALID_STACK_OPERATION";
      const isMinimal = top.length === 0 || (top.length === 1 && top[0] === 1);
      if (!isMinimal) {
        if (machine.version === "tapscript") return "SCRIPT_ERR_TAPSCRIPT_MINIMALIF";
        if (machine.version === "v0" && (machine.flags & ScriptFlag.MINIMALIF) !== 0) return "SCRIPT_ERR_MINIMALIF";
      }
      value = isTrue(top) === (opcode === Op.OP_IF);
    }
    conditions.push(value);
    return undefined;
  }
  if (opcode !== Op.OP_ELSE && opcode !== Op.OP_ENDIF) return "SCRIPT_ERR_BAD_OPCODE";
  if (conditions.depth === 0) return "SCRIPT_ERR_UNBALANCED_CONDITIONAL";
  if (opcode === Op.OP_ELSE) conditions.toggle();
  else conditions.pop();
  return undefined;
}

/** Any other opcode above the pushes. */
function operation(machine: Machine, opcode: number): ScriptError | undefined {
  const { stack, flags } = machine;
  if (opcode >= Op.OP_1 && opcode <= Op.OP_16) {
    stack.push(writeNumber(opcode - Op.OP_1 + 1));
    return undefined;
  }
  switch (opcode) {
    case Op.OP_1NEGATE:
      stack.push(writeNumber(-1));
      return undefined;
    case Op.OP_NOP:
      return undefined;
    case Op.OP_VERIFY: {
      const top = stack.pop();
      if (top === undefined) return "SCRIPT_ERR_INVALID_STACK_OPERATION";
      return isTrue(top) ? undefined : "SCRIPT_ERR_VERIFY";
    }
    case Op.OP_RETURN:
      return "SCRIPT_ERR_OP_RETURN";
    case Op.OP_CHECKSIG:
    case Op.OP_CHECKSIGVERIFY:
      return checkSignature(machine, opcode === Op.OP_CHECKSIGVERIFY);
    case Op.OP_CHECKMULTISIG:
    case Op.OP_CHECKMULTISIGVERIFY:
      return checkMultisig(machine, opcode === Op.OP_CHECKMULTISIGVERIFY);
    case Op.OP_CHECKSIGADD:
      return checkSignatureAdd(machine);
    case Op.OP_CHECKLOCKTIMEVERIFY:
      return (flags & ScriptFlag.CHECKLOCKTIMEVERIFY) !== 0 ? checkLockTime(machine) : undefined;
    case Op.OP_CHECKSEQUENCEVERIFY:
      return (flags & ScriptFlag.CHECKSEQUENCEVERIFY) !== 0 ? checkSequence(machine) : undefined;
  }
  if (opcode >= Op.OP_NOP1 && opcode <= Op.OP_NOP10) {
    return (flags & ScriptFlag.DISCOURAGE_UPGRADABLE_NOPS) !== 0 ? "SCRIPT_ERR_DISCOURAGE_UPGRADABLE_NOPS" : undefined;
  }
  return opcode >= Op.OP_1ADD && opcode <= Op.OP_WITHIN
    ? arithmeticOperation(machine, opcode)
    : stackOperation(machine, opcode);
}
