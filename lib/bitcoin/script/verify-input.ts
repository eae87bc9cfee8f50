/**
 * Whether one input may spend its output.
 *
 * @see Bitcoin Core `script/interpreter.cpp` (VerifyScript)
 * @module
 */
import { isPayToScriptHash, isPushOnly, witnessProgram } from "../types/script.ts";
import type { ScriptError } from "./errors.ts";
import { ScriptFlag } from "./flags.ts";
import { execute } from "./interpreter.ts";
import { Machine, type Spend } from "./machine.ts";
import { isTrue } from "./numbers.ts";
import { verifyWitnessProgram } from "./witness-program.ts";

/** Why the input may not spend its output, or undefined when it may. */
export function verifyInput(spend: Spend): ScriptError | undefined {
  const { transaction, input, flags } = spend;
  const has = (flag: number) => (flags & flag) !== 0;
  const scriptSig = transaction.scriptSig(input);
  const { scriptPubKey } = transaction.spent[input]!;
  if (has(ScriptFlag.SIGPUSHONLY) && !isPushOnly(scriptSig)) return "SCRIPT_ERR_SIG_PUSHONLY";
  const program = has(ScriptFlag.WITNESS) ? witnessProgram(scriptPubKey) : undefined;
  if (program !== undefined && scriptSig.length === 0) {
    // Executed, it pushes its version and itself, by shortest opcodes: that ends well unless all its bytes are 0.
    if (!isTrue(program.program)) return "SCRIPT_ERR_EVAL_FALSE";
    return verifyWitnessProgram(spend, program, transaction.witness(input), false);
  }
  let stack: Uint8Array[] = [];
  // One after the other, with nothing carried over but the stack (CVE-2010-5141).
  const revealed = execute(new Machine(spend, "legacy", scriptSig, stack));
  if (revealed !== undefined) return revealed;
  const isP2sh = has(ScriptFlag.P2SH) && isPayToScriptHash(scriptPubKey);
  const before = isP2sh ? stack.slice() : stack;
  const error = executeToTrue(spend, scriptPubKey, stack);
  if (error !== undefined) return error;
  if (program !== undefined) return "SCRIPT_ERR_WITNESS_MALLEATED";

  let isClean = stack.length === 1;
  let isWitness = false;
  if (isP2sh) {
    if (!isPushOnly(scriptSig)) return "SCRIPT_ERR_SIG_PUSHONLY";
    stack = before;
    // The script that was compared with its hash: there is one, else comparing had failed.
    const script = stack.pop()!;
    const fault = executeToTrue(spend, script, stack);
    if (fault !== undefined) return fault;
    const nested = has(ScriptFlag.WITNESS) ? witnessProgram(script) : undefined;
    if (nested !== undefined) {
      // Nothing but the one push of it, by its shortest opcode: a program has at most 42 bytes.
      if (scriptSig.length !== script.length + 1 || scriptSig[0] !== script.length) {
        return "SCRIPT_ERR_WITNESS_MALLEATED_P2SH";
      }
      const nestedFault = verifyWitnessProgram(spend, nested, transaction.witness(input), true);
      if (nestedFault !== undefined) return nestedFault;
      isWitness = true;
    }
    isClean = isWitness || stack.length === 1;
  }
  if (has(ScriptFlag.CLEANSTACK) && !isClean) return "SCRIPT_ERR_CLEANSTACK";
  if (has(ScriptFlag.WITNESS) && !isWitness && transaction.hasWitness(input)) {
    return "SCRIPT_ERR_WITNESS_UNEXPECTED";
  }
  return undefined;
}

function executeToTrue(spend: Spend, script: Uint8Array, stack: Uint8Array[]): ScriptError | undefined {
  const error = execute(new Machine(spend, "legacy", script, stack));
  if (error !== undefined) return error;
  return stack.length > 0 && isTrue(stack[stack.length - 1]!) ? undefined : "SCRIPT_ERR_EVAL_FALSE";
}
