/**
 * Output descriptors as they can be told from a script alone, which is what `decodescript` and decoded outputs show.
 *
 * Unlike Core this knows no miniscript: a script of a P2WSH output that is one is described by its address.
 *
 * @see BIP380, BIP381, BIP383, BIP385, BIP386; Bitcoin Core `script/descriptor.cpp` (InferScript)
 * @module
 */
import { schnorr } from "@noble/curves/secp256k1.js";
import { toHex } from "../../codec/hex.ts";
import { type AddressPrefixes, scriptTemplate, scriptToAddress } from "../../bitcoin/types/mod.ts";

/** The characters of a descriptor, in an order that makes the checksum good at finding likely mistakes. */
const INPUT_CHARS = "0123456789()[],'/*abcdefgh@:$%{}" + "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" +
  'ijklmnopqrstuvwxyzABCDEFGH`#"\\ ';
const CHECKSUM_CHARS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0xf5dee51989n, 0xa9fdca3312n, 0x1bab10e32dn, 0x3706b1677an, 0x644d626ffdn];
const CHECKSUM_LENGTH = 8;

/** The eight characters behind `#`, of a descriptor without them (BIP380). Undefined for a character that none may have. */
export function descriptorChecksum(descriptor: string): string | undefined {
  let state = 1n;
  const feed = (value: number) => {
    const top = state >> 35n;
    state = ((state & 0x7ffffffffn) << 5n) ^ BigInt(value);
    GENERATOR.forEach((word, bit) => {
      if (((top >> BigInt(bit)) & 1n) === 1n) state ^= word;
    });
  };
  let group = 0;
  let grouped = 0;
  for (const character of descriptor) {
    const position = INPUT_CHARS.indexOf(character);
    if (position < 0) return undefined;
    feed(position & 31);
    // The upper bits of three characters make one more symbol.
    group = group * 3 + (position >> 5);
    if (++grouped < 3) continue;
    feed(group);
    group = grouped = 0;
  }
  if (grouped > 0) feed(group);
  for (let i = 0; i < CHECKSUM_LENGTH; i++) feed(0);
  state ^= 1n;
  let text = "";
  for (let i = CHECKSUM_LENGTH - 1; i >= 0; i--) text += CHECKSUM_CHARS[Number((state >> BigInt(5 * i)) & 31n)];
  return text;
}

/**
 * The descriptor of an output's script, with its checksum.
 * @param inner the script that a P2WSH output commits to, where it is known
 */
export function inferDescriptor(script: Uint8Array, prefixes: AddressPrefixes, inner?: Uint8Array): string {
  const text = keysDescriptor(script) ?? wrappedDescriptor(inner) ?? taprootDescriptor(script) ??
    addressDescriptor(script, prefixes) ?? `raw(${toHex(script)})`;
  return `${text}#${descriptorChecksum(text)}`;
}

/** What names its keys: `pk(…)` and `multi(…)`. Hybrid keys cannot be described. */
function keysDescriptor(script: Uint8Array): string | undefined {
  const template = scriptTemplate(script);
  if (template.type === "pubkey" && isPlainKey(template.publicKey)) return `pk(${toHex(template.publicKey)})`;
  if (template.type === "multisig" && template.publicKeys.every(isPlainKey)) {
    return `multi(${[template.required, ...template.publicKeys.map(toHex)].join(",")})`;
  }
  return undefined;
}

const isPlainKey = (key: Uint8Array) => key[0] === 2 || key[0] === 3 || key[0] === 4;

function wrappedDescriptor(inner: Uint8Array | undefined): string | undefined {
  if (inner === undefined || scriptTemplate(inner).type !== "multisig") return undefined;
  const text = keysDescriptor(inner);
  return text === undefined ? undefined : `wsh(${text})`;
}

/** `rawtr(…)` of a key that is a point of the curve. */
function taprootDescriptor(script: Uint8Array): string | undefined {
  const template = scriptTemplate(script);
  if (template.type !== "witness_v1_taproot") return undefined;
  const key = toHex(template.program);
  try {
    schnorr.utils.lift_x(BigInt(`0x${key}`));
  } catch {
    return undefined;
  }
  return `rawtr(${key})`;
}

function addressDescriptor(script: Uint8Array, prefixes: AddressPrefixes): string | undefined {
  const address = scriptToAddress(script, prefixes);
  return address === undefined ? undefined : `addr(${address})`;
}
