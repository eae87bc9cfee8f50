/**
 * The usual forms of an output's script, and how each is made.
 *
 * @see Bitcoin Core `script/solver.cpp`; BIP141, BIP341, BIP433 (pay to anchor)
 * @module
 */
import { sha256 } from "../../codec/sha256.ts";
import { hash160 } from "../hash.ts";
import { Op, smallInteger } from "./opcodes.ts";
import { fromScriptNumber, isPayToScriptHash, isPushOnly, joinScript, ScriptReader, witnessProgram } from "./script.ts";

/** What an output asks of its spender, with the bytes that say to whom it pays. `type` as Core's RPC prints it. */
export type ScriptTemplate =
  | { readonly type: "pubkey"; readonly publicKey: Uint8Array }
  | { readonly type: "pubkeyhash" | "scripthash"; readonly hash: Uint8Array }
  | { readonly type: "multisig"; readonly required: number; readonly publicKeys: readonly Uint8Array[] }
  | { readonly type: "nulldata" | "nonstandard" }
  | {
    readonly type:
      | "witness_v0_keyhash"
      | "witness_v0_scripthash"
      | "witness_v1_taproot"
      | "anchor"
      | "witness_unknown";
    readonly version: number;
    readonly program: Uint8Array;
  };

/** The name of a template. */
export type ScriptType = ScriptTemplate["type"];

const MULTISIG_KEYS_MAX = 20;

/** Recognises the form of an output's script. Whether keys are points of the curve is not asked. */
export function scriptTemplate(script: Uint8Array): ScriptTemplate {
  if (isPayToScriptHash(script)) return { type: "scripthash", hash: script.subarray(2, 22) };
  const witness = witnessProgram(script);
  if (witness !== undefined) return witnessTemplate(witness.version, witness.program);
  if (script[0] === Op.OP_RETURN && isPushOnly(script, 1)) return { type: "nulldata" };
  const publicKey = payToPublicKey(script);
  if (publicKey !== undefined) return { type: "pubkey", publicKey };
  if (isPayToPublicKeyHash(script)) return { type: "pubkeyhash", hash: script.subarray(3, 23) };
  return multisig(script) ?? { type: "nonstandard" };
}

function witnessTemplate(version: number, program: Uint8Array): ScriptTemplate {
  const { length } = program;
  if (version === 0) {
    if (length === 20) return { type: "witness_v0_keyhash", version, program };
    return length === 32 ? { type: "witness_v0_scripthash", version, program } : { type: "nonstandard" };
  }
  if (version === 1 && length === 32) return { type: "witness_v1_taproot", version, program };
  if (version === 1 && length === 2 && program[0] === 0x4e && program[1] === 0x73) {
    return { type: "anchor", version, program };
  }
  return { type: "witness_unknown", version, program };
}

/** Whether bytes have the length that their first byte asks of a public key. */
export function isPublicKeySize(bytes: Uint8Array): boolean {
  const first = bytes[0];
  if (first === 2 || first === 3) return bytes.length === 33;
  return (first === 4 || first === 6 || first === 7) && bytes.length === 65;
}

function payToPublicKey(script: Uint8Array): Uint8Array | undefined {
  const { length } = script;
  if ((length !== 35 && length !== 67) || script[0] !== length - 2 || script[length - 1] !== Op.OP_CHECKSIG) {
    return undefined;
  }
  const key = script.subarray(1, length - 1);
  return isPublicKeySize(key) ? key : undefined;
}

function isPayToPublicKeyHash(script: Uint8Array): boolean {
  return script.length === 25 && script[0] === Op.OP_DUP && script[1] === Op.OP_HASH160 && script[2] === 20 &&
    script[23] === Op.OP_EQUALVERIFY && script[24] === Op.OP_CHECKSIG;
}

function multisig(script: Uint8Array): ScriptTemplate | undefined {
  if (script.at(-1) !== Op.OP_CHECKMULTISIG) return undefined;
  const reader = new ScriptReader(script);
  if (!reader.next()) return undefined;
  const required = pushedNumber(reader);
  if (required === undefined || required < 1 || required > MULTISIG_KEYS_MAX) return undefined;
  const publicKeys: Uint8Array[] = [];
  let more = reader.next();
  while (more && isPublicKeySize(reader.data)) {
    publicKeys.push(reader.data);
    more = reader.next();
  }
  if (!more || pushedNumber(reader) !== publicKeys.length) return undefined;
  if (publicKeys.length < required || publicKeys.length > MULTISIG_KEYS_MAX) return undefined;
  return reader.at === script.length - 1 ? { type: "multisig", required, publicKeys } : undefined;
}

/** The number that OP_1 … OP_16, or a push of one byte in its shortest form, puts on the stack. */
function pushedNumber(reader: ScriptReader): number | undefined {
  const { opcode, data } = reader;
  // A number of two bytes would exceed 20 keys; a byte below 17 or above 0x7f is not the shortest form.
  if (opcode === 1 && data[0]! > 16 && data[0]! < 0x80) return fromScriptNumber(data);
  return smallInteger(opcode);
}

/** OP_DUP OP_HASH160 hash OP_EQUALVERIFY OP_CHECKSIG. */
export function payToPublicKeyHash(hash: Uint8Array): Uint8Array {
  return joinScript(Op.OP_DUP, Op.OP_HASH160, hash.length, hash, Op.OP_EQUALVERIFY, Op.OP_CHECKSIG);
}

/** OP_HASH160 hash OP_EQUAL. */
export function payToScriptHash(hash: Uint8Array): Uint8Array {
  return joinScript(Op.OP_HASH160, hash.length, hash, Op.OP_EQUAL);
}

/** The output of a witness program: its version (0 … 16) as an opcode and the program as a push. */
export function payToWitness(version: number, program: Uint8Array): Uint8Array {
  if (!(Number.isInteger(version) && version >= 0 && version <= 16)) throw new RangeError(`no version ${version}`);
  if (program.length < 2 || program.length > 40) throw new RangeError(`a program of ${program.length} bytes`);
  return joinScript(version === 0 ? Op.OP_0 : Op.OP_1 + version - 1, program.length, program);
}

/** The P2SH output of a script. */
export function wrapInScriptHash(script: Uint8Array): Uint8Array {
  return payToScriptHash(hash160(script));
}

/** The P2WSH output of a script. */
export function wrapInWitnessScriptHash(script: Uint8Array): Uint8Array {
  return payToWitness(0, sha256(script));
}
