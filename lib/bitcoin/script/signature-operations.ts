/**
 * Opcodes that check signatures.
 *
 * A signature with its one key may be taken on trust and judged later. In a multisig the next question depends on the answer,
 * so that it is judged at once, unless there are as many keys left as signatures: then each must fit the key that it meets.
 *
 * @see Bitcoin Core `script/interpreter.cpp` (EvalChecksig, EvalScript); BIP342
 * @module
 */
import { isKeyShaped, keyFault, readLaxSignature, signatureFault } from "./encodings.ts";
import type { ScriptError } from "./errors.ts";
import { ScriptFlag } from "./flags.ts";
import { OPCODES_MAX } from "./limits.ts";
import type { Machine, Spend } from "./machine.ts";
import { FALSE, readNumber, TRUE, writeNumber } from "./numbers.ts";
import { withoutPush } from "./script-code.ts";
import { legacyDigest } from "./sighash-legacy.ts";
import { taprootDigest, type TaprootExtra, witnessV0Digest } from "./sighash-witness.ts";

const UNDERFLOW = "SCRIPT_ERR_INVALID_STACK_OPERATION";
/** Keys of a multisig. */
const KEYS_MAX = 20;
const X_ONLY_KEY_BYTES = 32;
const SCHNORR_BYTES = 64;
/**
 * Bytes of a transaction from which on a signature before segwit is judged at once. Its digest hashes the transaction; if it were
 * bad and taken on trust, the input would be executed again, and the transaction hashed again for each of its signatures.
 */
const DEFERRED_BYTES_MAX = 32_768;
/** Weight units of a signature in a leaf. */
const SIGNATURE_WEIGHT = 50;

/** OP_CHECKSIG and OP_CHECKSIGVERIFY. */
export function checkSignature(machine: Machine, isVerify: boolean): ScriptError | undefined {
  const { stack } = machine;
  const { length } = stack;
  if (length < 2) return UNDERFLOW;
  const verdict = judge(machine, stack[length - 2]!, stack[length - 1]!);
  if (typeof verdict === "string") return verdict;
  stack.length = length - 2;
  if (!isVerify) stack.push(verdict ? TRUE : FALSE);
  else if (!verdict) return "SCRIPT_ERR_CHECKSIGVERIFY";
  return undefined;
}

/** OP_CHECKSIGADD. */
export function checkSignatureAdd(machine: Machine): ScriptError | undefined {
  const { stack, isMinimal } = machine;
  const { length } = stack;
  if (machine.version !== "tapscript") return "SCRIPT_ERR_BAD_OPCODE";
  if (length < 3) return UNDERFLOW;
  const count = readNumber(stack[length - 2]!, isMinimal);
  if (Number.isNaN(count)) return "SCRIPT_ERR_SCRIPTNUM";
  const verdict = judge(machine, stack[length - 3]!, stack[length - 1]!);
  if (typeof verdict === "string") return verdict;
  stack.length = length - 3;
  stack.push(writeNumber(verdict ? count + 1 : count));
  return undefined;
}

function judge(machine: Machine, signature: Uint8Array, key: Uint8Array): ScriptError | boolean {
  if (machine.version === "tapscript") return judgeTapscript(machine, signature, key);
  const { flags } = machine;
  const code = codeFor(machine, machine.code, signature);
  if (typeof code === "string") return code;
  const fault = signatureFault(signature, flags) ?? keyFault(key, flags, machine.version === "v0");
  if (fault !== undefined) return fault;
  const isGood = isGoodEcdsa(machine, code, signature, key, true);
  if (!isGood && (flags & ScriptFlag.NULLFAIL) !== 0 && signature.length > 0) return "SCRIPT_ERR_SIG_NULLFAIL";
  return isGood;
}

/** The order of these rules is consensus: an unknown kind of key is paid for, and an empty key is refused at last. */
function judgeTapscript(machine: Machine, signature: Uint8Array, key: Uint8Array): ScriptError | boolean {
  const isSigned = signature.length > 0;
  if (isSigned) {
    machine.budget -= SIGNATURE_WEIGHT;
    if (machine.budget < 0) return "SCRIPT_ERR_TAPSCRIPT_VALIDATION_WEIGHT";
  }
  if (key.length === 0) return "SCRIPT_ERR_TAPSCRIPT_EMPTY_PUBKEY";
  if (key.length === X_ONLY_KEY_BYTES) {
    const fault = isSigned ? schnorrFault(machine.spend, signature, key, machine) : undefined;
    if (fault !== undefined) return fault;
  } else if ((machine.flags & ScriptFlag.DISCOURAGE_UPGRADABLE_PUBKEYTYPE) !== 0) {
    return "SCRIPT_ERR_DISCOURAGE_UPGRADABLE_PUBKEYTYPE";
  }
  return isSigned;
}

/** What is wrong with a signature of BIP340 in a witness, by its form, its hash type or itself; undefined for nothing. */
export function schnorrFault(
  { transaction, input, checker }: Spend,
  signature: Uint8Array,
  key: Uint8Array,
  extra: TaprootExtra,
): ScriptError | undefined {
  const { length } = signature;
  if (length !== SCHNORR_BYTES && length !== SCHNORR_BYTES + 1) return "SCRIPT_ERR_SCHNORR_SIG_SIZE";
  const hashType = length === SCHNORR_BYTES ? 0 : signature[SCHNORR_BYTES]!;
  // What no byte says is not to be said by one.
  if (length > SCHNORR_BYTES && hashType === 0) return "SCRIPT_ERR_SCHNORR_SIG_HASHTYPE";
  const message = taprootDigest(transaction, input, hashType, extra);
  if (message === undefined) return "SCRIPT_ERR_SCHNORR_SIG_HASHTYPE";
  const check = { kind: "schnorr", message, signature: signature.subarray(0, SCHNORR_BYTES), key } as const;
  return checker.isGood(check, true) ? undefined : "SCRIPT_ERR_SCHNORR_SIG";
}

/** What is signed of a script: before segwit, without the signature itself. */
function codeFor({ version, flags }: Machine, code: Uint8Array, signature: Uint8Array): Uint8Array | ScriptError {
  if (version !== "legacy") return code;
  const left = withoutPush(code, signature);
  return left !== code && (flags & ScriptFlag.CONST_SCRIPTCODE) !== 0 ? "SCRIPT_ERR_SIG_FINDANDDELETE" : left;
}

/**
 * Whether a signature, with its hash type as the last byte, is one by a key.
 * @param code what is signed of the script @param mayDefer takes it on trust where that is cheap, to be judged later
 */
export function isGoodEcdsa(
  machine: Machine,
  code: Uint8Array,
  signature: Uint8Array,
  key: Uint8Array,
  mayDefer: boolean,
): boolean {
  if (signature.length === 0 || !isKeyShaped(key)) return false;
  const end = signature.length - 1;
  const scalars = readLaxSignature(signature, end);
  if (scalars === undefined) return false;
  const { transaction, input, checker } = machine.spend;
  const hashType = signature[end]!;
  const isV0 = machine.version === "v0";
  let digest = machine.digests.of(code, hashType);
  if (digest === undefined) {
    digest = (isV0 ? witnessV0Digest : legacyDigest)(transaction, input, code, hashType);
    machine.digests.keep(hashType, digest);
  }
  const isCheap = transaction.bytes.length <= DEFERRED_BYTES_MAX;
  return checker.isGood({ kind: "ecdsa", digest, signature: scalars, key }, mayDefer && (isV0 || isCheap));
}

/** OP_CHECKMULTISIG and OP_CHECKMULTISIGVERIFY: an element too many, signatures, their count, keys, their count. */
export function checkMultisig(machine: Machine, isVerify: boolean): ScriptError | undefined {
  const { stack, flags, isMinimal } = machine;
  if (machine.version === "tapscript") return "SCRIPT_ERR_TAPSCRIPT_CHECKMULTISIG";
  let at = stack.length - 1;
  if (at < 0) return UNDERFLOW;
  const keys = readNumber(stack[at]!, isMinimal);
  if (Number.isNaN(keys)) return "SCRIPT_ERR_SCRIPTNUM";
  if (keys < 0 || keys > KEYS_MAX) return "SCRIPT_ERR_PUBKEY_COUNT";
  machine.opcodes += keys;
  if (machine.opcodes > OPCODES_MAX) return "SCRIPT_ERR_OP_COUNT";
  const lastKey = at - 1;
  at = lastKey - keys;
  if (at < 0) return UNDERFLOW;
  const signatures = readNumber(stack[at]!, isMinimal);
  if (Number.isNaN(signatures)) return "SCRIPT_ERR_SCRIPTNUM";
  if (signatures < 0 || signatures > keys) return "SCRIPT_ERR_SIG_COUNT";
  const lastSignature = at - 1;
  at = lastSignature - signatures;
  if (at < 0) return UNDERFLOW;
  const verdict = judgeMultisig(machine, lastSignature, signatures, lastKey, keys);
  if (typeof verdict === "string") return verdict;
  if (!verdict && (flags & ScriptFlag.NULLFAIL) !== 0) {
    for (let i = lastSignature; i > at; i--) if (stack[i]!.length > 0) return "SCRIPT_ERR_SIG_NULLFAIL";
  }
  if ((flags & ScriptFlag.NULLDUMMY) !== 0 && stack[at]!.length > 0) return "SCRIPT_ERR_SIG_NULLDUMMY";
  stack.length = at;
  if (!isVerify) stack.push(verdict ? TRUE : FALSE);
  else if (!verdict) return "SCRIPT_ERR_CHECKMULTISIGVERIFY";
  return undefined;
}

function judgeMultisig(
  machine: Machine,
  lastSignature: number,
  signatures: number,
  lastKey: number,
  keys: number,
): ScriptError | boolean {
  const { stack, flags } = machine;
  let code = machine.code;
  for (let i = 0; i < signatures; i++) {
    const left = codeFor(machine, code, stack[lastSignature - i]!);
    if (typeof left === "string") return left;
    code = left;
  }
  let [signaturesLeft, keysLeft] = [signatures, keys];
  while (signaturesLeft > 0) {
    const signature = stack[lastSignature - (signatures - signaturesLeft)]!;
    const key = stack[lastKey - (keys - keysLeft)]!;
    const fault = signatureFault(signature, flags) ?? keyFault(key, flags, machine.version === "v0");
    if (fault !== undefined) return fault;
    if (isGoodEcdsa(machine, code, signature, key, signaturesLeft === keysLeft)) signaturesLeft--;
    keysLeft--;
    if (signaturesLeft > keysLeft) return false;
  }
  return true;
}
