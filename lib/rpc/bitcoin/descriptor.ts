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
import { type ScriptTemplate, scriptTemplate } from "../../bitcoin/types/mod.ts";

/** The characters of a descriptor, in an order that makes the checksum good at finding likely mistakes. */
const INPUT_CHARS = "0123456789()[],'/*abcdefgh@:$%{}" + "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" +
  'ijklmnopqrstuvwxyzABCDEFGH`#"\\ ';
const CHECKSUM_CHARS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM_LENGTH = 8;
/** The generator's five words of 40 bits, upper and lower half: halves fit a number without a sign. */
const GENERATOR = [[0xf5dee, 0x51989], [0xa9fdc, 0xa3312], [0x1bab1, 0x0e32d], [0x3706b, 0x1677a], [0x644d6, 0x26ffd]];
/** The place of each character by its code; −1 for those that a descriptor cannot have. */
const PLACES = Int8Array.from({ length: 128 }, (_, code) => INPUT_CHARS.indexOf(String.fromCharCode(code)));

/** The eight characters behind `#`, of a descriptor without them (BIP380). Undefined for a character that none may have. */
export function descriptorChecksum(descriptor: string): string | undefined {
  let high = 0;
  let low = 1;
  const feed = (symbol: number) => {
    const top = high >>> 15;
    high = ((high & 0x7fff) << 5) | (low >>> 15);
    low = ((low & 0x7fff) << 5) ^ symbol;
    for (let bit = 0; bit < GENERATOR.length; bit++) {
      if (((top >> bit) & 1) === 0) continue;
      high ^= GENERATOR[bit]![0]!;
      low ^= GENERATOR[bit]![1]!;
    }
  };
  let group = 0;
  let grouped = 0;
  for (let i = 0; i < descriptor.length; i++) {
    const place = PLACES[descriptor.charCodeAt(i)] ?? -1;
    if (place < 0) return undefined;
    feed(place & 31);
    // The upper bits of three characters make one more symbol.
    group = group * 3 + (place >> 5);
    if (++grouped < 3) continue;
    feed(group);
    group = grouped = 0;
  }
  if (grouped > 0) feed(group);
  for (let i = 0; i < CHECKSUM_LENGTH; i++) feed(0);
  low ^= 1;
  let text = "";
  for (let i = CHECKSUM_LENGTH - 1; i >= 0; i--) {
    text += CHECKSUM_CHARS[(i >= 4 ? high >>> (5 * (i - 4)) : low >>> (5 * i)) & 31];
  }
  return text;
}

/**
 * The descriptor of an output's script, with its checksum.
 * @param address of the script, where it has one
 * @param inner the script that a P2WSH output commits to, where it is known
 */
export function inferDescriptor(script: Uint8Array, address: string | undefined, inner?: Uint8Array): string {
  const template = scriptTemplate(script);
  const text = keysDescriptor(template) ?? wrappedDescriptor(inner) ?? taprootDescriptor(template) ??
    (address === undefined ? `raw(${toHex(script)})` : `addr(${address})`);
  return `${text}#${descriptorChecksum(text)}`;
}

/** What names its keys: `pk(…)` and `multi(…)`. Hybrid keys cannot be described. */
function keysDescriptor(template: ScriptTemplate): string | undefined {
  if (template.type === "pubkey" && isPlainKey(template.publicKey)) return `pk(${toHex(template.publicKey)})`;
  if (template.type === "multisig" && template.publicKeys.every(isPlainKey)) {
    return `multi(${[template.required, ...template.publicKeys.map(toHex)].join(",")})`;
  }
  return undefined;
}

const isPlainKey = (key: Uint8Array) => key[0] === 2 || key[0] === 3 || key[0] === 4;

function wrappedDescriptor(inner: Uint8Array | undefined): string | undefined {
  const template = inner === undefined ? undefined : scriptTemplate(inner);
  if (template?.type !== "multisig") return undefined;
  const text = keysDescriptor(template);
  return text === undefined ? undefined : `wsh(${text})`;
}

/** `rawtr(…)` of a key that is a point of the curve. */
function taprootDescriptor(template: ScriptTemplate): string | undefined {
  if (template.type !== "witness_v1_taproot") return undefined;
  const key = toHex(template.program);
  try {
    schnorr.utils.lift_x(BigInt(`0x${key}`));
  } catch {
    return undefined;
  }
  return `rawtr(${key})`;
}
