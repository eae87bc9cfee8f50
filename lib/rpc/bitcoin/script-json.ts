/**
 * Scripts as `decodescript` and decoded outputs print them.
 *
 * @see Bitcoin Core `core_io.cpp` (ScriptToUniv), `rpc/rawtransaction.cpp` (decodescript)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { hash160 } from "../../bitcoin/hash.ts";
import {
  isUnspendable,
  Op,
  type PaymentAddressPrefixes,
  payToWitness,
  scriptAsm,
  ScriptReader,
  scriptTemplate,
  scriptToAddress,
  wrapInScriptHash,
  wrapInWitnessScriptHash,
} from "../../bitcoin/types/mod.ts";
import { inferDescriptor } from "./descriptor.ts";
import type { RpcObject } from "./json.ts";

/** Bytes of a push that a script may have. */
const ELEMENT_BYTES_MAX = 520;

/** An output's script: `asm`, `desc`, `hex`, `address` where it has one, `type`. */
export function scriptJson(
  script: Uint8Array,
  prefixes: PaymentAddressPrefixes,
  { hex = true, inner }: { readonly hex?: boolean; readonly inner?: Uint8Array } = {},
): RpcObject {
  const address = scriptToAddress(script, prefixes);
  return {
    asm: scriptAsm(script),
    desc: inferDescriptor(script, address, inner),
    hex: hex ? toHex(script) : undefined,
    address,
    type: scriptTemplate(script).type,
  };
}

/** What `decodescript` tells: the script, and the P2SH and segwit outputs that could stand for it. */
export function decodedScript(script: Uint8Array, prefixes: PaymentAddressPrefixes): RpcObject {
  const plain = scriptJson(script, prefixes, { hex: false });
  if (!canWrap(script)) return plain;
  const p2sh = scriptToAddress(wrapInScriptHash(script), prefixes);
  const segwit = segwitScript(script);
  if (segwit === undefined) return { ...plain, p2sh };
  return {
    ...plain,
    p2sh,
    segwit: {
      ...scriptJson(segwit, prefixes, { inner: script }),
      "p2sh-segwit": scriptToAddress(wrapInScriptHash(segwit), prefixes),
    },
  };
}

/** Whether a P2SH output makes sense for a script. */
function canWrap(script: Uint8Array): boolean {
  switch (scriptTemplate(script).type) {
    case "nulldata":
    case "scripthash":
    case "witness_unknown":
    case "witness_v1_taproot":
    case "anchor":
      return false;
  }
  if (!hasValidOpcodes(script) || isUnspendable(script)) return false;
  const reader = new ScriptReader(script);
  while (reader.next()) if (reader.opcode === Op.OP_CHECKSIGADD || isOpSuccess(reader.opcode)) return false;
  return true;
}

/** The witness output for a script; undefined for one that cannot have one: witness programs, uncompressed keys. */
function segwitScript(script: Uint8Array): Uint8Array | undefined {
  const template = scriptTemplate(script);
  switch (template.type) {
    case "pubkey":
      return isCompressed(template.publicKey) ? payToWitness(0, hash160(template.publicKey)) : undefined;
    case "pubkeyhash":
      return payToWitness(0, template.hash);
    case "multisig":
      return template.publicKeys.every(isCompressed) ? wrapInWitnessScriptHash(script) : undefined;
    case "nonstandard":
      return wrapInWitnessScriptHash(script);
    default:
      return undefined;
  }
}

const isCompressed = (key: Uint8Array) => key.length === 33;

/** Whether every opcode is one that Script has and no push is malformed or too long. */
export function hasValidOpcodes(script: Uint8Array): boolean {
  const reader = new ScriptReader(script);
  while (reader.next()) {
    if (reader.opcode > Op.OP_NOP10 || reader.dataEnd - reader.dataStart > ELEMENT_BYTES_MAX) return false;
  }
  return !reader.malformed;
}

/** The opcodes that make any tapscript valid (BIP342). */
function isOpSuccess(opcode: number): boolean {
  const ranges = [[80, 80], [98, 98], [126, 129], [131, 134], [137, 138], [141, 142], [149, 153], [187, 254]] as const;
  return ranges.some(([first, last]) => opcode >= first && opcode <= last);
}
