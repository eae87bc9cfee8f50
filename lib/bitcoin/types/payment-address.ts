/**
 * Payment addresses: the scripts of outputs as text. Where a peer is reached is a `PeerAddress` or a `NetAddress`.
 *
 * @see BIP173, BIP350; Bitcoin Core `key_io.cpp`
 * @module
 */
import { base58, bech32, bech32m } from "@scure/base";
import { equalBytes } from "../../codec/sized.ts";
import { sha256d } from "../hash.ts";
import { payToPublicKeyHash, payToScriptHash, payToWitness, scriptTemplate } from "./script-template.ts";

/** How a network's addresses begin; a `BitcoinNetwork` is one. */
export interface PaymentAddressPrefixes {
  /** The first byte of P2PKH and of P2SH addresses before Base58. */
  readonly base58: { readonly pubkeyHash: number; readonly scriptHash: number };
  /** Human-readable part of a segwit address, lower case. */
  readonly bech32Hrp: string;
}

/**
 * Why text is no address.
 *
 * - `encoding`: neither Base58Check nor Bech32, or a wrong checksum.
 * - `network`: well-formed, but of another network or kind of key.
 * - `length`: a hash or a program of a length that its kind cannot have.
 * - `version`: no such witness version.
 * - `variant`: the checksum of Bech32 where Bech32m belongs, or the other way.
 * - `padding`: bits left over in the last character.
 */
export type PaymentAddressErrorCode = "encoding" | "network" | "length" | "version" | "variant" | "padding";

/** Text that is no address of the network. */
export class PaymentAddressError extends Error {
  override readonly name = "PaymentAddressError";
  readonly code: PaymentAddressErrorCode;
  constructor(code: PaymentAddressErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The longest segwit address (BIP173). */
const BECH32_CHARS_MAX = 90;
/** Longer text than this is no Base58 address; decoding takes time that grows with the square of the length. */
const BASE58_CHARS_MAX = 120;

/** Text of `payload` and its checksum: the first four bytes of its SHA-256d. */
export function encodeBase58Check(payload: Uint8Array): string {
  const bytes = new Uint8Array(payload.length + 4);
  bytes.set(payload);
  bytes.set(sha256d(payload).subarray(0, 4), payload.length);
  return base58.encode(bytes);
}

/** The payload of Base58Check text. Throws {@link PaymentAddressError} `encoding`. */
export function decodeBase58Check(text: string): Uint8Array {
  if (text.length > BASE58_CHARS_MAX) throw new PaymentAddressError("encoding", "too long for Base58Check");
  let bytes: Uint8Array;
  try {
    bytes = base58.decode(text);
  } catch {
    throw new PaymentAddressError("encoding", "a character that is not Base58");
  }
  if (bytes.length < 4) throw new PaymentAddressError("encoding", "too short for a checksum");
  const payload = bytes.subarray(0, -4);
  if (!equalBytes(sha256d(payload).subarray(0, 4), bytes.subarray(-4))) {
    throw new PaymentAddressError("encoding", "the checksum is wrong");
  }
  return payload;
}

/** Text of a witness program: Bech32 for version 0, Bech32m from 1 on. */
export function encodeSegwitAddress(hrp: string, version: number, program: Uint8Array): string {
  const coder = version === 0 ? bech32 : bech32m;
  return coder.encode(hrp, [version, ...coder.toWords(program)], BECH32_CHARS_MAX);
}

/** Version and program of a segwit address. Throws {@link PaymentAddressError}. */
export function decodeSegwitAddress(
  hrp: string,
  text: string,
): { readonly version: number; readonly program: Uint8Array } {
  const plain = text.length > BECH32_CHARS_MAX ? undefined : bech32.decodeUnsafe(text);
  const modified = text.length > BECH32_CHARS_MAX ? undefined : bech32m.decodeUnsafe(text);
  const decoded = plain || modified;
  if (!decoded) throw new PaymentAddressError("encoding", "not Bech32, or the checksum is wrong");
  if (decoded.prefix !== hrp) throw new PaymentAddressError("network", `prefix ${decoded.prefix} where ${hrp} belongs`);
  const [version, ...words] = decoded.words;
  if (version === undefined) throw new PaymentAddressError("length", "no data");
  if (version > 16) throw new PaymentAddressError("version", `no witness version ${version}`);
  if ((version === 0) !== Boolean(plain)) {
    throw new PaymentAddressError("variant", `version ${version} has the checksum of ${plain ? "Bech32" : "Bech32m"}`);
  }
  let program: Uint8Array;
  try {
    program = bech32.fromWords(words);
  } catch {
    throw new PaymentAddressError("padding", "bits left over in the last character");
  }
  const { length } = program;
  if (length < 2 || length > 40 || (version === 0 && length !== 20 && length !== 32)) {
    throw new PaymentAddressError("length", `a program of ${length} bytes for version ${version}`);
  }
  return { version, program };
}

/** The address of an output, or undefined where its form has none: bare keys, multisig, data, the unusual. */
export function scriptToAddress(script: Uint8Array, prefixes: PaymentAddressPrefixes): string | undefined {
  const template = scriptTemplate(script);
  switch (template.type) {
    case "pubkeyhash":
      return encodeBase58Check(Uint8Array.of(prefixes.base58.pubkeyHash, ...template.hash));
    case "scripthash":
      return encodeBase58Check(Uint8Array.of(prefixes.base58.scriptHash, ...template.hash));
    case "witness_v0_keyhash":
    case "witness_v0_scripthash":
    case "witness_v1_taproot":
    case "anchor":
    case "witness_unknown":
      return encodeSegwitAddress(prefixes.bech32Hrp, template.version, template.program);
    default:
      return undefined;
  }
}

/** The script of the output that an address stands for. Throws {@link PaymentAddressError}. */
export function addressToScript(address: string, prefixes: PaymentAddressPrefixes): Uint8Array {
  // The human-readable part decides, as in Core: what starts like a segwit address is judged as one.
  if (looksLikeBech32(address, prefixes.bech32Hrp)) {
    const { version, program } = decodeSegwitAddress(prefixes.bech32Hrp, address);
    return payToWitness(version, program);
  }
  let payload: Uint8Array;
  try {
    payload = decodeBase58Check(address);
  } catch (thrown) {
    // Of another network, perhaps; that error says more.
    if (bech32.decodeUnsafe(address) || bech32m.decodeUnsafe(address)) decodeSegwitAddress(prefixes.bech32Hrp, address);
    throw thrown;
  }
  const [version] = payload;
  const isKey = version === prefixes.base58.pubkeyHash;
  if (!isKey && version !== prefixes.base58.scriptHash) {
    throw new PaymentAddressError("network", `version byte ${version ?? "none"}`);
  }
  if (payload.length !== 21) throw new PaymentAddressError("length", `a hash of ${payload.length - 1} bytes`);
  return isKey ? payToPublicKeyHash(payload.subarray(1)) : payToScriptHash(payload.subarray(1));
}

function looksLikeBech32(text: string, hrp: string): boolean {
  return text.slice(0, hrp.length + 1).toLowerCase() === `${hrp}1`;
}
