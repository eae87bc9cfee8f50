/**
 * Keys in descriptors: public keys as hex, with where they come from in brackets before them or without. Extended keys, from
 * which others are derived, and private keys are not known here.
 *
 * @see BIP380, "Key Expressions"; Bitcoin Core `script/descriptor.cpp` (ParsePubkey, ParsePubkeyInner)
 * @module
 */
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { fromHex, toHex } from "../../codec/hex.ts";
import { taggedHash } from "../../bitcoin/hash.ts";
import { isHex } from "./arguments.ts";
import { JsonRpcError, RpcCode } from "./error.ts";

/** Where a key stands. */
export interface KeyPlace {
  /** The function around it, for errors. */
  readonly name: string;
  /** Whether a key of 65 bytes may be there. */
  readonly uncompressed: boolean;
  /** Whether it is a key of 32 bytes, or one of 33 without its first. */
  readonly xOnly: boolean;
}

/** A key of a descriptor. */
export interface DescriptorKey {
  /** 33 or 65 bytes, or 32 where it has no sign. */
  readonly bytes: Uint8Array;
  /** As it is printed. */
  readonly text: string;
}

/** A descriptor that is none, or that this node does not know: −5, as Core has it. */
export const descriptorFault = (message: string, data?: string): JsonRpcError =>
  new JsonRpcError(RpcCode.invalidAddressOrKey, message, data);

const HARDENED = 2 ** 31;
const NOT_KNOWN = "extended and private keys are not supported: give public keys as hex";

/** A key with or without its origin. Throws −5. */
export function parseDescriptorKey(text: string, place: KeyPlace): DescriptorKey {
  const fault = (message: string, data?: string) => descriptorFault(`${place.name}(): ${message}`, data);
  const parts = text.split("]");
  if (parts.length > 2) throw fault("Multiple ']' characters found for a single pubkey");
  const origin = parts.length === 2 ? originOf(parts[0]!, fault) : "";
  const { bytes, text: shown } = parseKey(parts.at(-1)!, place, fault);
  return { bytes, text: origin + shown };
}

type Fault = (message: string, data?: string) => JsonRpcError;

function originOf(text: string, fault: Fault): string {
  if (!text.startsWith("[")) {
    const found = text.slice(0, 1);
    throw fault(`Key origin start '[ character expected but not found, got '${found === "" ? "]" : found}' instead`);
  }
  const [fingerprint = "", ...path] = text.slice(1).split("/");
  if (fingerprint.length !== 8) {
    throw fault(`Fingerprint is not 4 bytes (${fingerprint.length} characters instead of 8 characters)`);
  }
  if (!isHex(fingerprint)) throw fault(`Fingerprint '${fingerprint}' is not hex`);
  const steps = path.map((step) => {
    const isHardened = step.endsWith("'") || step.endsWith("h");
    const digits = isHardened ? step.slice(0, -1) : step;
    if (!/^\d{1,10}$/.test(digits) || Number(digits) >= 2 ** 32) {
      throw fault(`Key path value '${digits.slice(0, 100)}' is not a valid uint32`);
    }
    if (Number(digits) >= HARDENED) throw fault(`Key path value ${Number(digits)} is out of range`);
    return `/${Number(digits)}${isHardened ? "h" : ""}`;
  });
  return `[${fingerprint.toLowerCase()}${steps.join("")}]`;
}

function parseKey(text: string, { uncompressed, xOnly }: KeyPlace, fault: Fault): DescriptorKey {
  if (text === "") throw fault("No key provided");
  if (text.trim() !== text) throw fault(`Key '${text.slice(0, 200)}' is invalid due to whitespace`);
  if (!isHex(text)) throw fault(`key '${text.slice(0, 200)}' is not valid`, NOT_KNOWN);
  const bytes = fromHex(text.toLowerCase());
  if (xOnly && bytes.length === 32 && isPoint(withSign(bytes))) return { bytes, text: toHex(bytes) };
  if (bytes[0] === 6 || bytes[0] === 7) throw fault("Hybrid public keys are not allowed");
  if (bytes.length !== 33 && bytes.length !== 65 || !isPoint(bytes)) {
    throw fault(bytes.length === 32 ? `key '${text}' is not valid` : `Pubkey '${text.slice(0, 200)}' is invalid`);
  }
  if (bytes.length === 65 && !uncompressed) throw fault("Uncompressed keys are not allowed");
  const key = xOnly ? bytes.slice(1) : bytes;
  return { bytes: key, text: toHex(key) };
}

/** A key of 32 bytes as the point with an even y. */
const withSign = (key: Uint8Array) => Uint8Array.of(2, ...key);

function isPoint(bytes: Uint8Array): boolean {
  try {
    secp256k1.Point.fromBytes(bytes);
    return true;
  } catch {
    return false;
  }
}

/** The key of a taproot output that commits to nothing but its internal key (BIP341). */
export function taprootOutputKey(internal: Uint8Array): Uint8Array {
  const { Point } = secp256k1;
  // A hash above the order would have to be refused: there is none that anybody could find.
  const tweak = BigInt(`0x${toHex(taggedHash("TapTweak", internal))}`) % Point.Fn.ORDER;
  const point = Point.fromBytes(withSign(internal)).add(Point.BASE.multiply(tweak));
  return point.toBytes(true).slice(1);
}
