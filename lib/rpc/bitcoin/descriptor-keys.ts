/**
 * Keys in descriptors: public keys as hex, private keys (WIF), and extended keys with the path of a key that is derived from
 * them; each with where it comes from in brackets before it or without.
 *
 * @see BIP32; BIP380, "Key Expressions"; Bitcoin Core `script/descriptor.cpp` (ParsePubkey, ParsePubkeyInner)
 * @module
 */
import { createBase58check } from "@scure/base";
import { HDKey } from "@scure/bip32";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { fromHex, toHex } from "../../codec/hex.ts";
import { sha256 } from "../../codec/sha256.ts";
import { hash160, taggedHash } from "../../bitcoin/hash.ts";
import type { PaymentAddressPrefixes } from "../../bitcoin/types/mod.ts";
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
  /** As it is printed: where it comes from, and the key as hex. */
  readonly text: string;
}

/** A descriptor that is none, or that this node does not know: −5, as Core has it. */
export const descriptorFault = (message: string, data?: string): JsonRpcError =>
  new JsonRpcError(RpcCode.invalidAddressOrKey, message, data);

/** What is said where a path needs a private key. */
export const UNDERIVABLE = "Cannot derive script without private keys";

const HARDENED = 2 ** 31;
const FINGERPRINT_BYTES = 4;
/** Versions of extended keys and of private keys, of mainnet and of networks for tests (Core's `chainparams.cpp`). */
const MAIN = { extended: { public: 0x0488b21e, private: 0x0488ade4 }, wif: 128 };
const TEST = { extended: { public: 0x043587cf, private: 0x04358394 }, wif: 239 };
const base58check = createBase58check((bytes: Uint8Array) => new Uint8Array(sha256(bytes)));
const { Point } = secp256k1;

type Fault = (message: string) => JsonRpcError;

/** A key before it says where it comes from. */
interface FoundKey {
  readonly bytes: Uint8Array;
  /** The first bytes of the hash of the key that the path begins at. */
  readonly fingerprint: Uint8Array;
  readonly path: string;
}

/** Reads keys of one descriptor, whose derived keys have one number. */
export class DescriptorKeys {
  readonly #prefixes: PaymentAddressPrefixes;
  /** Extended keys by their text, and what the last step is taken from: most of a range's work. */
  readonly #extended = new Map<string, HDKey>();
  /** The number that stands for `*`. */
  index = 0;

  constructor(prefixes: PaymentAddressPrefixes) {
    this.#prefixes = prefixes;
  }

  /** A key with or without its origin. Throws −5. */
  parse(text: string, place: KeyPlace): DescriptorKey {
    const fault: Fault = (message) => descriptorFault(`${place.name}(): ${message}`);
    const parts = text.split("]");
    if (parts.length > 2) throw fault("Multiple ']' characters found for a single pubkey");
    const origin = parts.length === 2 ? originOf(parts[0]!, fault) : undefined;
    const { bytes, fingerprint, path } = this.#find(parts.at(-1)!, place, fault);
    const key = place.xOnly && bytes.length === 33 ? bytes.slice(1) : bytes;
    return { bytes: key, text: `[${origin ?? toHex(fingerprint)}${path}]${toHex(key)}` };
  }

  #find(text: string, place: KeyPlace, fault: Fault): FoundKey {
    const [first = "", ...steps] = text.split("/");
    if (first === "") throw fault("No key provided");
    if (first.trim() !== first) throw fault(`Key '${first.slice(0, 200)}' is invalid due to whitespace`);
    if (steps.length === 0) {
      const bytes = isHex(first) ? publicKey(first, place, fault) : this.#ofPrivate(first, place, fault);
      if (bytes !== undefined) return { bytes, fingerprint: hash160(bytes).slice(0, FINGERPRINT_BYTES), path: "" };
    }
    const root = this.#extendedKey(first, fault);
    const { key, path } = this.#derived(first, root, steps, fault);
    return { bytes: key.publicKey!, fingerprint: hash160(root.publicKey!).slice(0, FINGERPRINT_BYTES), path };
  }

  get #versions(): typeof MAIN {
    return this.#prefixes.bech32Hrp === "bc" ? MAIN : TEST;
  }

  /** The public key of a private one; undefined for text that is none. */
  #ofPrivate(text: string, { uncompressed }: KeyPlace, fault: Fault): Uint8Array | undefined {
    let secret: Uint8Array;
    try {
      secret = base58check.decode(text);
    } catch {
      return undefined;
    }
    const isCompressed = secret.length === 34 && secret[33] === 1;
    if (secret[0] !== this.#versions.wif || !(isCompressed || secret.length === 33)) return undefined;
    if (!isCompressed && !uncompressed) throw fault("Uncompressed keys are not allowed");
    return secp256k1.getPublicKey(secret.slice(1, 33), isCompressed);
  }

  #extendedKey(text: string, fault: Fault): HDKey {
    const known = this.#extended.get(text);
    if (known !== undefined) return known;
    try {
      const key = HDKey.fromExtendedKey(text, this.#versions.extended);
      this.#extended.set(text, key);
      return key;
    } catch {
      throw fault(`key '${text.slice(0, 200)}' is not valid`);
    }
  }

  /** The key at the end of a path. */
  #derived(name: string, root: HDKey, steps: readonly string[], fault: Fault): { key: HDKey; path: string } {
    const last = steps.at(-1) ?? "";
    const hasRange = /^\*['h]?$/.test(last);
    const numbers = (hasRange ? steps.slice(0, -1) : steps).map((step) => stepOf(step, fault));
    const prefix = `${name}/${numbers.join("/")}`;
    let key = this.#extended.get(prefix) ?? numbers.reduce((from, step) => derive(from, step), root);
    this.#extended.set(prefix, key);
    if (hasRange) {
      numbers.push(last === "*" ? this.index : this.index + HARDENED);
      key = derive(key, numbers.at(-1)!);
    }
    return { key, path: numbers.map(stepText).join("") };
  }
}

/** The next key of a path. Throws −5 where that needs a private key. */
function derive(key: HDKey, step: number): HDKey {
  if (step >= HARDENED && key.privateKey === null) {
    throw descriptorFault(UNDERIVABLE);
  }
  return key.deriveChild(step);
}

const stepText = (step: number) => step >= HARDENED ? `/${step - HARDENED}h` : `/${step}`;

/** A step of a path, as BIP32 counts them. */
function stepOf(text: string, fault: Fault): number {
  const isHardened = text.endsWith("'") || text.endsWith("h");
  const digits = isHardened ? text.slice(0, -1) : text;
  if (!/^\d{1,10}$/.test(digits) || Number(digits) >= 2 ** 32) {
    throw fault(`Key path value '${digits.slice(0, 100)}' is not a valid uint32`);
  }
  if (Number(digits) >= HARDENED) throw fault(`Key path value ${Number(digits)} is out of range`);
  return Number(digits) + (isHardened ? HARDENED : 0);
}

function originOf(text: string, fault: Fault): string {
  if (!text.startsWith("[")) {
    const found = text.slice(0, 1);
    throw fault(`Key origin start '[ character expected but not found, got '${found === "" ? "]" : found}' instead`);
  }
  const [fingerprint = "", ...path] = text.slice(1).split("/");
  if (fingerprint.length !== 2 * FINGERPRINT_BYTES) {
    throw fault(`Fingerprint is not 4 bytes (${fingerprint.length} characters instead of 8 characters)`);
  }
  if (!isHex(fingerprint)) throw fault(`Fingerprint '${fingerprint}' is not hex`);
  return fingerprint.toLowerCase() + path.map((step) => stepText(stepOf(step, fault))).join("");
}

/** A key as hex. One of 32 bytes, where it may be, is the point with an even y. */
function publicKey(text: string, { uncompressed, xOnly }: KeyPlace, fault: Fault): Uint8Array {
  const bytes = fromHex(text.toLowerCase());
  if (xOnly && bytes.length === 32 && isPoint(withSign(bytes))) return withSign(bytes);
  if (bytes[0] === 6 || bytes[0] === 7) throw fault("Hybrid public keys are not allowed");
  if (bytes.length !== 33 && bytes.length !== 65 || !isPoint(bytes)) {
    throw fault(bytes.length === 32 ? `key '${text}' is not valid` : `Pubkey '${text.slice(0, 200)}' is invalid`);
  }
  if (bytes.length === 65 && !uncompressed) throw fault("Uncompressed keys are not allowed");
  return bytes;
}

/** A key of 32 bytes as the point with an even y. */
const withSign = (key: Uint8Array) => Uint8Array.of(2, ...key);

function isPoint(bytes: Uint8Array): boolean {
  try {
    Point.fromBytes(bytes);
    return true;
  } catch {
    return false;
  }
}

/** The key of a taproot output that commits to nothing but its internal key (BIP341). */
export function taprootOutputKey(internal: Uint8Array): Uint8Array {
  // A hash above the order would have to be refused: there is none that anybody could find.
  const tweak = BigInt(`0x${toHex(taggedHash("TapTweak", internal))}`) % Point.Fn.ORDER;
  const point = Point.fromBytes(withSign(internal)).add(Point.BASE.multiply(tweak));
  return point.toBytes(true).slice(1);
}
