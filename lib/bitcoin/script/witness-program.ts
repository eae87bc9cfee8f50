/**
 * Spends of witness programs.
 *
 * @see BIP141, BIP341, BIP342; Bitcoin Core `script/interpreter.cpp` (VerifyWitnessProgram, ExecuteWitnessScript)
 * @module
 */
import { sha256 } from "../../codec/sha256.ts";
import { Writer } from "../../codec/writer.ts";
import { writeCompactSize } from "../codec/mod.ts";
import { Op } from "../types/opcodes.ts";
import { ScriptReader } from "../types/script.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { ScriptError } from "./errors.ts";
import { ScriptFlag } from "./flags.ts";
import { HashBuffer } from "./hash-buffer.ts";
import { execute } from "./interpreter.ts";
import { ELEMENT_BYTES_MAX, STACK_MAX } from "./limits.ts";
import { type Leaf, Machine, type ScriptVersion, type Spend } from "./machine.ts";
import { isTrue } from "./numbers.ts";
import { schnorrFault } from "./signature-operations.ts";
import { tagPrefix } from "../hash.ts";

const KEY_HASH_BYTES = 20;
const SCRIPT_HASH_BYTES = 32;
const TAPROOT_BYTES = 32;
const ANNEX_TAG = 0x50;
const CONTROL_BYTES_MIN = 33;
const NODE_BYTES = 32;
const CONTROL_BYTES_MAX = CONTROL_BYTES_MIN + 128 * NODE_BYTES;
const LEAF_MASK = 0xfe;
const LEAF_TAPSCRIPT = 0xc0;
/** Weight units that a leaf may spend beyond those of its witness. */
const BUDGET_EXTRA = 50;
/** The program of a pay-to-anchor output: OP_1 and these two bytes. */
const ANCHOR = Uint8Array.of(0x4e, 0x73);

const leafPrefix = tagPrefix("TapLeaf");
const branchHasher = new HashBuffer(tagPrefix("TapBranch"));
const tweakHasher = new HashBuffer(tagPrefix("TapTweak"));

/** Opcodes that make a leaf good wherever they stand: new ones will be among them. */
const isSuccess = new Uint8Array(256);
for (
  const [from, to] of [[80, 80], [98, 98], [126, 129], [131, 134], [137, 138], [141, 142], [149, 153], [
    187,
    254,
  ]] as const
) isSuccess.fill(1, from, to + 1);

/** A witness program: its version and its bytes. */
export interface WitnessProgram {
  readonly version: number;
  readonly program: Uint8Array;
}

/** Whether the input's witness spends the program; undefined when it does. */
export function verifyWitnessProgram(
  spend: Spend,
  { version, program }: WitnessProgram,
  witness: readonly Uint8Array[],
  isP2sh: boolean,
): ScriptError | undefined {
  if (version === 0) {
    if (program.length === SCRIPT_HASH_BYTES) {
      const script = witness.at(-1);
      if (script === undefined) return "SCRIPT_ERR_WITNESS_PROGRAM_WITNESS_EMPTY";
      if (!equalBytes(sha256(script), program)) return "SCRIPT_ERR_WITNESS_PROGRAM_MISMATCH";
      return executeWitness(spend, "v0", script, witness.slice(0, -1));
    }
    if (program.length === KEY_HASH_BYTES) {
      if (witness.length !== 2) return "SCRIPT_ERR_WITNESS_PROGRAM_MISMATCH";
      return executeWitness(spend, "v0", keyHashScript(program), witness.slice());
    }
    return "SCRIPT_ERR_WITNESS_PROGRAM_WRONG_LENGTH";
  }
  if (version === 1 && program.length === TAPROOT_BYTES && !isP2sh) {
    return (spend.flags & ScriptFlag.TAPROOT) === 0 ? undefined : verifyTaproot(spend, program, witness.slice());
  }
  if (version === 1 && !isP2sh && equalBytes(program, ANCHOR)) return undefined;
  return (spend.flags & ScriptFlag.DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM) === 0
    ? undefined
    : "SCRIPT_ERR_DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM";
}

/** What a key hash stands for: OP_DUP OP_HASH160 20 bytes OP_EQUALVERIFY OP_CHECKSIG. */
function keyHashScript(hash: Uint8Array): Uint8Array {
  const script = new Uint8Array(KEY_HASH_BYTES + 5);
  script[0] = Op.OP_DUP;
  script[1] = Op.OP_HASH160;
  script[2] = KEY_HASH_BYTES;
  for (let i = 0; i < KEY_HASH_BYTES; i++) script[3 + i] = hash[i]!;
  script[KEY_HASH_BYTES + 3] = Op.OP_EQUALVERIFY;
  script[KEY_HASH_BYTES + 4] = Op.OP_CHECKSIG;
  return script;
}

/** @param stack the witness, of which this takes what it needs */
function verifyTaproot(spend: Spend, program: Uint8Array, stack: Uint8Array[]): ScriptError | undefined {
  if (stack.length === 0) return "SCRIPT_ERR_WITNESS_PROGRAM_WITNESS_EMPTY";
  let annexHash: Uint8Array | undefined;
  if (stack.length >= 2 && stack[stack.length - 1]![0] === ANNEX_TAG) {
    const annex = stack.pop()!;
    annexHash = sha256(compactSize(annex.length), annex);
  }
  if (stack.length === 1) {
    return schnorrFault(spend, stack[0]!, program, { annexHash, leafHash: undefined, separatorAt: 0 });
  }
  const control = stack.pop()!;
  const script = stack.pop()!;
  const { length } = control;
  if (length < CONTROL_BYTES_MIN || length > CONTROL_BYTES_MAX || (length - CONTROL_BYTES_MIN) % NODE_BYTES !== 0) {
    return "SCRIPT_ERR_TAPROOT_WRONG_CONTROL_SIZE";
  }
  const leafVersion = control[0]! & LEAF_MASK;
  const leafHash = sha256(leafPrefix, Uint8Array.of(leafVersion), compactSize(script.length), script);
  const internal = control.subarray(1, CONTROL_BYTES_MIN);
  tweakHasher.copy(internal);
  tweakHasher.copy(merkleRoot(control, leafHash));
  const tweak = tweakHasher.sha256();
  const check = { kind: "tweak", internal, tweak, output: program, isOdd: (control[0]! & 1) === 1 } as const;
  if (!spend.checker.isGood(check, true)) return "SCRIPT_ERR_WITNESS_PROGRAM_MISMATCH";
  if (leafVersion === LEAF_TAPSCRIPT) {
    const budget = spend.transaction.witnessBytes(spend.input) + BUDGET_EXTRA;
    return executeWitness(spend, "tapscript", script, stack, { annexHash, leafHash, budget });
  }
  return (spend.flags & ScriptFlag.DISCOURAGE_UPGRADABLE_TAPROOT_VERSION) === 0
    ? undefined
    : "SCRIPT_ERR_DISCOURAGE_UPGRADABLE_TAPROOT_VERSION";
}

function compactSize(value: number): Uint8Array {
  const writer = new Writer(5);
  writeCompactSize(writer, value);
  return writer.finish();
}

/** The root that a control block leads to from a leaf. The smaller of two children comes first. */
function merkleRoot(control: Uint8Array, leaf: Uint8Array): Uint8Array {
  let root = leaf;
  for (let at = CONTROL_BYTES_MIN; at < control.length; at += NODE_BYTES) {
    let difference = 0;
    for (let i = 0; i < NODE_BYTES && difference === 0; i++) difference = root[i]! - control[at + i]!;
    if (difference < 0) branchHasher.copy(root);
    branchHasher.copy(control, at, at + NODE_BYTES);
    if (difference >= 0) branchHasher.copy(root);
    root = branchHasher.sha256();
  }
  return root;
}

function executeWitness(
  spend: Spend,
  version: ScriptVersion,
  script: Uint8Array,
  stack: Uint8Array[],
  leaf?: Leaf,
): ScriptError | undefined {
  if (version === "tapscript") {
    // Comes before everything else, limits of elements included.
    const reader = new ScriptReader(script);
    while (reader.next()) {
      if (isSuccess[reader.opcode] === 0) continue;
      return (spend.flags & ScriptFlag.DISCOURAGE_OP_SUCCESS) === 0 ? undefined : "SCRIPT_ERR_DISCOURAGE_OP_SUCCESS";
    }
    if (reader.malformed) return "SCRIPT_ERR_BAD_OPCODE";
    if (stack.length > STACK_MAX) return "SCRIPT_ERR_STACK_SIZE";
  }
  for (const { length } of stack) if (length > ELEMENT_BYTES_MAX) return "SCRIPT_ERR_PUSH_SIZE";
  const error = execute(new Machine(spend, version, script, stack, leaf));
  if (error !== undefined) return error;
  if (stack.length !== 1) return "SCRIPT_ERR_CLEANSTACK";
  return isTrue(stack[0]!) ? undefined : "SCRIPT_ERR_EVAL_FALSE";
}
