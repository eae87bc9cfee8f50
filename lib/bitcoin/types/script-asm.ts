/**
 * Scripts as text, in the form that Core's RPC prints.
 *
 * @see Bitcoin Core `core_io.cpp`, ScriptToAsmStr
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { Op, opcodeName } from "./opcodes.ts";
import { fromScriptNumber, isUnspendable, ScriptReader } from "./script.ts";

/** Hash types, the last byte of a signature, and their names as Core prints them. */
export const HASH_TYPES: Readonly<Record<number, string>> = {
  0x01: "ALL",
  0x02: "NONE",
  0x03: "SINGLE",
  0x81: "ALL|ANYONECANPAY",
  0x82: "NONE|ANYONECANPAY",
  0x83: "SINGLE|ANYONECANPAY",
};

/**
 * The script's opcodes with spaces between: pushes of up to four bytes as decimal numbers, longer ones as hex, others by
 * name; `[error]` ends it at a malformed push. With `sighash`, as for a scriptSig, the hash type of what looks like a
 * signature is shown by name: `3044…[ALL]`.
 */
export function scriptAsm(script: Uint8Array, { sighash = false }: { readonly sighash?: boolean } = {}): string {
  const words: string[] = [];
  const reader = new ScriptReader(script);
  const showHashType = sighash && !isUnspendable(script);
  while (reader.next()) {
    if (reader.opcode > Op.OP_PUSHDATA4) {
      words.push(opcodeName(reader.opcode));
      continue;
    }
    const { data } = reader;
    if (data.length <= 4) {
      words.push(String(fromScriptNumber(data)));
      continue;
    }
    const hashType = showHashType && isStrictDerSignature(data) ? HASH_TYPES[data.at(-1)!] : undefined;
    words.push(hashType === undefined ? toHex(data) : `${toHex(data.subarray(0, -1))}[${hashType}]`);
  }
  if (reader.malformed) words.push("[error]");
  return words.join(" ");
}

/**
 * Whether bytes are a DER signature with a hash type behind it, in the only form that BIP66 allows:
 * `30 length 02 length R 02 length S type`, R and S positive and without needless zeros.
 */
export function isStrictDerSignature(bytes: Uint8Array): boolean {
  const { length } = bytes;
  if (length < 9 || length > 73 || bytes[0] !== 0x30 || bytes[1] !== length - 3) return false;
  const rLength = bytes[3]!;
  if (5 + rLength >= length) return false;
  const sLength = bytes[5 + rLength]!;
  if (rLength + sLength + 7 !== length) return false;
  return isDerInteger(bytes, 2, rLength) && isDerInteger(bytes, 4 + rLength, sLength);
}

function isDerInteger(bytes: Uint8Array, at: number, length: number): boolean {
  if (bytes[at] !== 0x02 || length === 0) return false;
  const first = bytes[at + 2]!;
  if (first >= 0x80) return false;
  return !(length > 1 && first === 0 && bytes[at + 3]! < 0x80);
}
