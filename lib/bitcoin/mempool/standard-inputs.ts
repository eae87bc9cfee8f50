/**
 * The usual forms of what is spent, and of how.
 *
 * @see Bitcoin Core `policy/policy.cpp` (ValidateInputsStandardness, IsWitnessStandard, SpendsNonAnchorWitnessProg); BIP54
 * @module
 */
import { Op, smallInteger } from "../types/opcodes.ts";
import { isPayToScriptHash, p2shSigOpCount, ScriptReader, sigOpCount, witnessProgram } from "../types/script.ts";
import { scriptTemplate } from "../types/script-template.ts";
import type { TxInput, TxOutput } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";

const P2SH_SIG_OPS_MAX = 15;
/** Signature operations outside of witnesses, of the scripts that are executed. */
const LEGACY_SIG_OPS_MAX = 2_500;
const PUSH_BYTES_MAX = 520;
const NEGATIVE_ONE = 0x81;
const P2WSH_SCRIPT_BYTES_MAX = 3_600;
const P2WSH_ITEMS_MAX = 100;
const WITNESS_ITEM_BYTES_MAX = 80;
const ANNEX_TAG = 0x50;
const LEAF_MASK = 0xfe;
const LEAF_TAPSCRIPT = 0xc0;
/** Bytes of the programs of P2WSH and of taproot. */
const PROGRAM_BYTES = 32;

/** What is spent, by input. */
export type Spent = readonly Pick<TxOutput, "scriptPubKey">[];

/** What a scriptSig of pushes leaves on top; undefined when it is malformed, null when it leaves nothing. */
function lastPushed(scriptSig: Uint8Array): Uint8Array | undefined | null {
  const reader = new ScriptReader(scriptSig);
  let top: Uint8Array | null = null;
  while (reader.next()) {
    const { opcode, data } = reader;
    if (opcode <= Op.OP_PUSHDATA4) top = data;
    else if (opcode === Op.OP_1NEGATE) top = Uint8Array.of(NEGATIVE_ONE);
    else {
      const number = smallInteger(opcode);
      if (number === undefined) return undefined;
      top = Uint8Array.of(number);
    }
    if (top.length > PUSH_BYTES_MAX) return undefined;
  }
  return reader.malformed ? undefined : top;
}

/** What is unusual about what the inputs spend, or about how many operations that takes; undefined when nothing is. */
export function unusualInputs({ inputs }: Transaction, spent: Spent): string | undefined {
  let sigOps = 0;
  for (const [i, { scriptSig }] of inputs.entries()) {
    const { scriptPubKey } = spent[i]!;
    sigOps += sigOpCount(scriptSig, true);
    sigOps += isPayToScriptHash(scriptPubKey)
      ? p2shSigOpCount(scriptPubKey, scriptSig)
      : sigOpCount(scriptPubKey, true);
    if (sigOps > LEGACY_SIG_OPS_MAX) return "non-witness sigops exceed bip54 limit";
  }
  for (const [i, { scriptSig }] of inputs.entries()) {
    const { type } = scriptTemplate(spent[i]!.scriptPubKey);
    if (type === "nonstandard") return `input ${i} script unknown`;
    if (type === "witness_unknown") return `input ${i} witness program is undefined`;
    if (type !== "scripthash") continue;
    const script = lastPushed(scriptSig);
    if (script === undefined) return `p2sh scriptsig malformed (input ${i})`;
    if (script === null) return `input ${i} P2SH redeemscript missing`;
    const count = sigOpCount(script, true);
    if (count > P2SH_SIG_OPS_MAX) {
      return `p2sh redeemscript sigops exceed limit (input ${i}: ${count} > ${P2SH_SIG_OPS_MAX})`;
    }
  }
  return undefined;
}

/** Whether every witness is of a usual form. */
export function hasUsualWitness({ inputs }: Transaction, spent: Spent): boolean {
  return inputs.every((input, i) => input.witness.length === 0 || isUsualWitness(input, spent[i]!.scriptPubKey));
}

function isUsualWitness({ scriptSig, witness }: TxInput, scriptPubKey: Uint8Array): boolean {
  if (scriptTemplate(scriptPubKey).type === "anchor") return false;
  const isNested = isPayToScriptHash(scriptPubKey);
  const script = isNested ? lastPushed(scriptSig) : scriptPubKey;
  const program = script ? witnessProgram(script) : undefined;
  if (program === undefined) return false;
  if (program.program.length !== PROGRAM_BYTES) return true;
  if (program.version === 0) return isUsualP2wsh(witness);
  return program.version !== 1 || isNested || isUsualTaproot(witness);
}

function isUsualP2wsh(witness: readonly Uint8Array[]): boolean {
  const items = witness.slice(0, -1);
  return witness.at(-1)!.length <= P2WSH_SCRIPT_BYTES_MAX && items.length <= P2WSH_ITEMS_MAX &&
    items.every(({ length }) => length <= WITNESS_ITEM_BYTES_MAX);
}

function isUsualTaproot(witness: readonly Uint8Array[]): boolean {
  if (witness.length < 2) return true;
  const control = witness.at(-1)!;
  if (control[0] === ANNEX_TAG) return false;
  if (control.length === 0) return false;
  if ((control[0]! & LEAF_MASK) !== LEAF_TAPSCRIPT) return true;
  return witness.slice(0, -2).every(({ length }) => length <= WITNESS_ITEM_BYTES_MAX);
}

/** Whether an input spends what needs a witness: where the transaction has none, it was taken off. */
export function needsWitness({ inputs }: Transaction, spent: Spent): boolean {
  return inputs.some(({ scriptSig }, i) => {
    const { scriptPubKey } = spent[i]!;
    const script = isPayToScriptHash(scriptPubKey) ? lastPushed(scriptSig) : scriptPubKey;
    return script ? witnessProgram(script) !== undefined && scriptTemplate(script).type !== "anchor" : false;
  });
}
