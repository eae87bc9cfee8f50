/**
 * As much of ASN.1's DER as a certificate needs. A library for it would be larger than the node's transport and takes
 * 200 ms to load, while RPC has to answer half a second after the start.
 *
 * @see ITU-T X.690
 * @module
 */

/** Tags in use: universal ones, and the constructed context tag for `[n]`. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
  context: 0xa0,
} as const;

/** One element: tag ‖ length ‖ the concatenated contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const content of contents) length += content.length;
  const size: number[] = [];
  if (length < 128) size.push(length);
  else {
    for (let left = length; left > 0; left = Math.floor(left / 256)) size.unshift(left % 256);
    size.unshift(0x80 | size.length);
  }
  const bytes = new Uint8Array(1 + size.length + length);
  bytes[0] = tag;
  bytes.set(size, 1);
  let at = 1 + size.length;
  for (const content of contents) {
    bytes.set(content, at);
    at += content.length;
  }
  return bytes;
}

/** SEQUENCE of encoded elements. */
export const sequence = (...contents: readonly Uint8Array[]): Uint8Array => element(TAG.sequence, ...contents);

/** INTEGER from a magnitude, big endian, of any length. */
export function integer(magnitude: Uint8Array): Uint8Array {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const digits = magnitude.subarray(start);
  return element(TAG.integer, (digits[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...digits) : digits);
}

/** BIT STRING of whole bytes. */
export const bitString = (bytes: Uint8Array): Uint8Array => element(TAG.bitString, Uint8Array.of(0), bytes);

/** OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [];
  for (const part of [40 * first + second, ...rest]) {
    const digits = [part % 128];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | left % 128);
    bytes.push(...digits);
  }
  return element(TAG.oid, Uint8Array.from(bytes));
}

/** A time to the second: UTCTime before 2050, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). */
export function time(date: Date): Uint8Array {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  const short = date.getUTCFullYear() < 2050;
  return element(short ? TAG.utcTime : TAG.generalizedTime, new TextEncoder().encode(short ? digits.slice(2) : digits));
}

/** An element that was read: its tag, its contents, and all of its bytes. */
export interface Element {
  readonly tag: number;
  readonly contents: Uint8Array;
  readonly whole: Uint8Array;
}

/** Reads the elements that make up `bytes`. @throws RangeError when they do not. */
export function elements(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    const tag = bytes[at++]!;
    let length = bytes[at++] ?? -1;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4) throw new RangeError("a DER length that is none");
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[at++] ?? NaN);
    }
    if (!(length >= 0 && at + length <= bytes.length)) throw new RangeError("a DER element is cut short");
    at += length;
    found.push({ tag, contents: bytes.subarray(at - length, at), whole: bytes.subarray(start, at) });
  }
  return found;
}

/** The date of a UTCTime or GeneralizedTime. */
export function readTime({ tag, contents }: Element): Date {
  const text = new TextDecoder().decode(contents);
  // RFC 5280: two-digit years below 50 are of this century.
  const digits = tag === TAG.utcTime ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits);
  if (parts === null) throw new RangeError("not a certificate's time");
  const [year = 0, month = 0, ...rest] = parts.slice(1).map(Number);
  return new Date(Date.UTC(year, month - 1, ...rest));
}

/** Text armour around DER (RFC 7468). */
export function toPem(label: string, der: Uint8Array): string {
  let binary = "";
  for (const byte of der) binary += String.fromCharCode(byte);
  const lines = btoa(binary).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The DER inside the first block of that label. @throws RangeError when there is none. */
export function fromPem(label: string, text: string): Uint8Array<ArrayBuffer> {
  const body = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(text)?.[1];
  if (body === undefined) throw new RangeError(`no PEM block "${label}"`);
  try {
    return Uint8Array.from(atob(body.replaceAll(/\s/g, "")), (character) => character.charCodeAt(0));
  } catch {
    throw new RangeError(`the PEM block "${label}" is not base64`);
  }
}
