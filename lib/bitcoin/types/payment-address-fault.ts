/**
 * Why text is no address of a network, in Bitcoin Core's words.
 *
 * @see Bitcoin Core `key_io.cpp` DecodeDestination
 * @module
 */
import { base58, bech32, bech32m } from "@scure/base";
import { decodeBase58Check, PaymentAddressError, type PaymentAddressPrefixes } from "./payment-address.ts";
import { type Bech32Fault, locateBech32Errors } from "./bech32-errors.ts";

/** The longest text that is tried as Base58 to tell a wrong checksum from another encoding, in bytes that it stands for. */
const BASE58_BYTES_MAX = 100;
/** Longer text cannot stand for so few bytes: a character of Base58 has 5.86 bits. */
const BASE58_CHARS_MAX = 140;
const PROGRAM_BYTES_MAX = 40;

const fault = (error: string): Bech32Fault => ({ error, locations: [] });

/** What is wrong with text that `addressToScript` refused. */
export function paymentAddressFault(text: string, prefixes: PaymentAddressPrefixes): Bech32Fault {
  const { bech32Hrp } = prefixes;
  // What begins like a segwit address is judged as one.
  if (text.slice(0, bech32Hrp.length).toLowerCase() !== bech32Hrp) return fault(base58Fault(text, prefixes));
  // Both coders refuse what is too long, as Core's does.
  const plain = bech32.decodeUnsafe(text);
  const decoded = plain || bech32m.decodeUnsafe(text);
  return decoded ? fault(segwitFault(decoded, Boolean(plain), bech32Hrp)) : locateBech32Errors(text);
}

function base58Fault(text: string, { base58: { pubkeyHash, scriptHash } }: PaymentAddressPrefixes): string {
  try {
    const payload = decodeBase58Check(text);
    // Core reads no more than a version and a hash.
    if (payload.length <= 21) {
      const isKnown = payload[0] === pubkeyHash || payload[0] === scriptHash;
      return isKnown
        ? "Invalid length for Base58 address (P2PKH or P2SH)"
        : "Invalid or unsupported Base58-encoded address.";
    }
  } catch (thrown) {
    if (!(thrown instanceof PaymentAddressError)) throw thrown;
  }
  return isBase58(text)
    ? "Invalid checksum or length of Base58 address (P2PKH or P2SH)"
    : "Invalid or unsupported Segwit (Bech32) or Base58 encoding.";
}

function isBase58(text: string): boolean {
  if (text.length > BASE58_CHARS_MAX) return false;
  try {
    return base58.decode(text).length <= BASE58_BYTES_MAX;
  } catch {
    return false;
  }
}

function segwitFault(
  { prefix, words: [version, ...words] }: { readonly prefix: string; readonly words: readonly number[] },
  isPlain: boolean,
  hrp: string,
): string {
  if (version === undefined) return "Empty Bech32 data section";
  if (prefix !== hrp) {
    return `Invalid or unsupported prefix for Segwit (Bech32) address (expected ${hrp}, got ${prefix}).`;
  }
  if (version === 0 && !isPlain) return "Version 0 witness address must use Bech32 checksum";
  if (version !== 0 && isPlain) return "Version 1+ witness address must use Bech32m checksum";
  let length: number;
  try {
    length = bech32.fromWords(words).length;
  } catch {
    return "Invalid padding in Bech32 data section";
  }
  const size = `(${length} ${length === 1 ? "byte" : "bytes"})`;
  if (version === 0) return `Invalid Bech32 v0 address program size ${size}, per BIP141`;
  if (version > 16) return "Invalid Bech32 address witness version";
  return length < 2 || length > PROGRAM_BYTES_MAX ? `Invalid Bech32 address program size ${size}` : "";
}
