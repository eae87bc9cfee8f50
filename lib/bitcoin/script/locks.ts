/**
 * Opcodes that ask for a lock time of the transaction, or of the input.
 *
 * @see BIP65, BIP112; Bitcoin Core `script/interpreter.cpp` (CheckLockTime, CheckSequence)
 * @module
 */
import {
  LOCKTIME_THRESHOLD,
  SEQUENCE_DISABLED,
  SEQUENCE_FINAL,
  SEQUENCE_IS_TIME,
  SEQUENCE_LENGTH,
} from "../types/lock-times.ts";
import type { ScriptError } from "./errors.ts";
import type { Machine, Spend } from "./machine.ts";
import { LOCK_TIME_BYTES, readNumber } from "./numbers.ts";

const SEQUENCE_MASK = SEQUENCE_IS_TIME | SEQUENCE_LENGTH;

/** OP_CHECKLOCKTIMEVERIFY. */
export function checkLockTime({ stack, isMinimal, spend }: Machine): ScriptError | undefined {
  const wanted = top(stack, isMinimal);
  if (typeof wanted === "string") return wanted;
  return isLockTimeMet(spend, wanted) ? undefined : "SCRIPT_ERR_UNSATISFIED_LOCKTIME";
}

/** OP_CHECKSEQUENCEVERIFY. */
export function checkSequence({ stack, isMinimal, spend }: Machine): ScriptError | undefined {
  const wanted = top(stack, isMinimal);
  if (typeof wanted === "string") return wanted;
  // Five bytes are more than 32 bits, of which the highest are not asked for.
  const low = wanted % 2 ** 32;
  if (low >= SEQUENCE_DISABLED) return undefined;
  return isSequenceMet(spend, low & SEQUENCE_MASK) ? undefined : "SCRIPT_ERR_UNSATISFIED_LOCKTIME";
}

/** The number on top, which stays there. */
function top(stack: readonly Uint8Array[], isMinimal: boolean): number | ScriptError {
  if (stack.length < 1) return "SCRIPT_ERR_INVALID_STACK_OPERATION";
  const wanted = readNumber(stack[stack.length - 1]!, isMinimal, LOCK_TIME_BYTES);
  if (Number.isNaN(wanted)) return "SCRIPT_ERR_SCRIPTNUM";
  return wanted < 0 ? "SCRIPT_ERR_NEGATIVE_LOCKTIME" : wanted;
}

function isLockTimeMet({ transaction, input }: Spend, wanted: number): boolean {
  const { lockTime } = transaction;
  return (wanted < LOCKTIME_THRESHOLD) === (lockTime < LOCKTIME_THRESHOLD) && wanted <= lockTime &&
    transaction.sequence(input) !== SEQUENCE_FINAL;
}

function isSequenceMet({ transaction, input }: Spend, wanted: number): boolean {
  const sequence = transaction.sequence(input);
  if (transaction.version < 2 || sequence >= SEQUENCE_DISABLED) return false;
  const own = sequence & SEQUENCE_MASK;
  return (wanted < SEQUENCE_IS_TIME) === (own < SEQUENCE_IS_TIME) && wanted <= own;
}
