/**
 * Forms of signatures and keys: which are allowed by which rule, and what is in them.
 *
 * Before BIP66 signatures were read by OpenSSL, which took much that is no DER. What it took has to be taken for ever in
 * blocks of that time: {@link readLaxSignature}.
 *
 * @see Bitcoin Core `script/interpreter.cpp` (CheckSignatureEncoding, CheckPubKeyEncoding), `pubkey.cpp`, `pubkey.h`; BIP66,
 * BIP146
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import { isStrictDerSignature } from "../types/script-asm.ts";
import type { ScriptError } from "./errors.ts";
import { ScriptFlag } from "./flags.ts";

/** The order of the group, and half of it: 32 bytes each, big-endian. */
const ORDER = fromHex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
const HALF_ORDER = fromHex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
const SCALAR_BYTES = 32;
const COMPRESSED_BYTES = 33;
const UNCOMPRESSED_BYTES = 65;
const ANY_DER = ScriptFlag.DERSIG | ScriptFlag.LOW_S | ScriptFlag.STRICTENC;
const HASH_TYPE_ALL = 1;
const HASH_TYPE_SINGLE = 3;
const ANYONE_CAN_PAY = 0x80;
const TAG_SEQUENCE = 0x30;
const TAG_INTEGER = 0x02;

/** What these rules have against the form of a signature with its hash type. An empty one is never good, and always allowed. */
export function signatureFault(signature: Uint8Array, flags: number): ScriptError | undefined {
  const { length } = signature;
  if (length === 0 || (flags & ANY_DER) === 0) return undefined;
  if (!isStrictDerSignature(signature)) return "SCRIPT_ERR_SIG_DER";
  if ((flags & ScriptFlag.LOW_S) !== 0 && !hasLowS(signature)) return "SCRIPT_ERR_SIG_HIGH_S";
  if ((flags & ScriptFlag.STRICTENC) !== 0) {
    const hashType = signature[length - 1]! & ~ANYONE_CAN_PAY;
    if (hashType < HASH_TYPE_ALL || hashType > HASH_TYPE_SINGLE) return "SCRIPT_ERR_SIG_HASHTYPE";
  }
  return undefined;
}

/** What these rules have against the form of a key. */
export function keyFault(key: Uint8Array, flags: number, isWitnessV0: boolean): ScriptError | undefined {
  if ((flags & ScriptFlag.STRICTENC) !== 0 && !isCompressed(key) && !isUncompressed(key)) {
    return "SCRIPT_ERR_PUBKEYTYPE";
  }
  if (isWitnessV0 && (flags & ScriptFlag.WITNESS_PUBKEYTYPE) !== 0 && !isCompressed(key)) {
    return "SCRIPT_ERR_WITNESS_PUBKEYTYPE";
  }
  return undefined;
}

function isCompressed(key: Uint8Array): boolean {
  return key.length === COMPRESSED_BYTES && (key[0] === 2 || key[0] === 3);
}

function isUncompressed(key: Uint8Array): boolean {
  return key.length === UNCOMPRESSED_BYTES && key[0] === 4;
}

/** Whether bytes have the shape of a key, hybrid ones (6 and 7) included. Whether it is a point is another question. */
export function isKeyShaped(key: Uint8Array): boolean {
  const [kind] = key;
  return isCompressed(key) || (key.length === UNCOMPRESSED_BYTES && (kind === 4 || kind === 6 || kind === 7));
}

/** A number too large counts as none, and none is low: so does Core, where the signature is not good anyway. */
function hasLowS(signature: Uint8Array): boolean {
  const read = readLaxSignature(signature, signature.length - 1);
  return read !== undefined &&
    (compare(read, 0, ORDER) >= 0 || compare(read, SCALAR_BYTES, ORDER) >= 0 ||
      compare(read, SCALAR_BYTES, HALF_ORDER) <= 0);
}

/** The order of 32 bytes at `at` and a number: below, at or above 0. */
function compare(bytes: Uint8Array, at: number, number: Uint8Array): number {
  for (let i = 0; i < SCALAR_BYTES; i++) {
    const difference = bytes[at + i]! - number[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * r and s, 32 bytes each, of a signature of the first `end` bytes, in any form that OpenSSL once took: the length of the
 * whole is not read, lengths may be longer than they need to be, numbers count as positive, and what follows is ignored. A
 * number of more than 32 bytes makes all 64 bytes 0, which no key has signed. Undefined for what is no signature.
 */
export function readLaxSignature(bytes: Uint8Array, end: number): Uint8Array | undefined {
  if (end < 2 || bytes[0] !== TAG_SEQUENCE) return undefined;
  let at = 2;
  if (bytes[1]! >= 0x80) {
    const skipped = bytes[1]! - 0x80;
    if (skipped > end - at) return undefined;
    at += skipped;
  }
  const scalars = new Uint8Array(2 * SCALAR_BYTES);
  let isTooLarge = false;
  for (let to = SCALAR_BYTES; to <= scalars.length; to += SCALAR_BYTES) {
    if (end - at < 2 || bytes[at] !== TAG_INTEGER) return undefined;
    let length = bytes[at + 1]!;
    at += 2;
    if (length >= 0x80) {
      let width = length - 0x80;
      if (width > end - at) return undefined;
      for (; width > 0 && bytes[at] === 0; at++) width--;
      if (width >= 4) return undefined;
      length = 0;
      for (; width > 0; width--) length = (length << 8) + bytes[at++]!;
    }
    if (length > end - at) return undefined;
    const next = at + length;
    while (at < next && bytes[at] === 0) at++;
    if (next - at > SCALAR_BYTES) isTooLarge = true;
    else for (let i = next - at; i > 0; i--) scalars[to - i] = bytes[next - i]!;
    at = next;
  }
  return isTooLarge ? scalars.fill(0) : scalars;
}
