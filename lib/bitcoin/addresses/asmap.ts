/**
 * A map from addresses to autonomous systems, so that groups are who runs a network and not how it numbers it. The file
 * is a small program of bits: return, jump, match and default, walked with the address's bits as input.
 *
 * @see Bitcoin Core `util/asmap.cpp`; the file is what `-asmap` takes
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { sha256d } from "../hash.ts";
import { NetworkId } from "../types/net-address.ts";
import type { NetworkAddress } from "../types/net-address-text.ts";

/** The largest file that is read; Core's own is about 1.5 MB. */
export const ASMAP_BYTES_MAX = 8 * 1024 * 1024;

/** How many bits each length class of a number has, and the least value. */
interface NumberForm {
  readonly least: number;
  readonly classes: readonly number[];
}

const span = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const OPCODE: NumberForm = { least: 0, classes: [0, 0, 1] };
const NUMBER: NumberForm = { least: 1, classes: span(15, 24) };
const MATCH: NumberForm = { least: 2, classes: span(1, 8) };
const JUMP: NumberForm = { least: 17, classes: span(5, 30) };

const Op = { RETURN: 0, JUMP: 1, MATCH: 2, DEFAULT: 3 } as const;

const ADDRESS_BITS = 128;

/** A map that was checked: every address comes to an end in it. */
export class AsMap {
  /** SHA-256d of the file: names the map, so that a book notices when it has changed. */
  readonly checksum: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #bits: number;
  #at = 0;

  /** @throws NodeError `asmap_damaged` when an address could run off the map, or the map has parts that none reaches */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#bits = bytes.length * 8;
    this.checksum = sha256d(bytes);
    if (bytes.length > ASMAP_BYTES_MAX || !this.#isSound()) {
      throw new NodeError("asmap_damaged", "self", `the AS map of ${bytes.length} bytes is damaged`);
    }
  }

  /** The system that an address belongs to; 0 for one that is not on the map, and for networks other than IP. */
  lookup(address: NetworkAddress): number {
    const ip = ipBits(address);
    if (ip === undefined) return 0;
    let used = 0;
    let fallback = 0;
    this.#at = 0;
    while (this.#at < this.#bits) {
      const op = this.#number(OPCODE);
      if (op === Op.RETURN) return this.#number(NUMBER);
      if (op === Op.DEFAULT) {
        fallback = this.#number(NUMBER);
      } else if (op === Op.JUMP) {
        const distance = this.#number(JUMP);
        if (bitOf(ip, used++, true) === 1) this.#at += distance;
      } else {
        const pattern = this.#number(MATCH);
        for (let left = 30 - Math.clz32(pattern); left >= 0; left--) {
          if (bitOf(ip, used++, true) !== ((pattern >> left) & 1)) return fallback;
        }
      }
    }
    return fallback;
  }

  /** Whether all paths end in a return within an address's bits, and cover the file but for at most 7 zero bits. */
  #isSound(): boolean {
    /** Where branches that were jumped over begin, and how many bits of the address are left there. */
    const jumps: { readonly at: number; readonly bits: number }[] = [];
    let bits = ADDRESS_BITS;
    let previous: number = Op.JUMP;
    let incomplete = false;
    this.#at = 0;
    while (this.#at < this.#bits) {
      if (jumps.length > 0 && this.#at >= jumps.at(-1)!.at) return false;
      const op = this.#number(OPCODE);
      if (op === Op.RETURN) {
        // A return right after a default could have been the default.
        if (previous === Op.DEFAULT || this.#number(NUMBER) < 0) return false;
        const next = jumps.pop();
        if (next === undefined) return this.#isPadding();
        if (this.#at !== next.at) return false;
        bits = next.bits;
        previous = Op.JUMP;
        incomplete = false;
        continue;
      }
      if (op === Op.JUMP) {
        const distance = this.#number(JUMP);
        if (distance < 0 || distance > this.#bits - this.#at || bits === 0) return false;
        bits -= 1;
        const at = this.#at + distance;
        if (jumps.length > 0 && at >= jumps.at(-1)!.at) return false;
        jumps.push({ at, bits });
      } else if (op === Op.MATCH) {
        const pattern = this.#number(MATCH);
        if (pattern < 0) return false;
        const length = 31 - Math.clz32(pattern);
        // Two short matches in a row could have been one.
        if (previous !== Op.MATCH) incomplete = false;
        if (length < 8 && incomplete) return false;
        incomplete = length < 8;
        if (bits < length) return false;
        bits -= length;
      } else {
        if (op < 0 || previous === Op.DEFAULT || this.#number(NUMBER) < 0) return false;
      }
      previous = op;
    }
    return false;
  }

  #isPadding(): boolean {
    if (this.#bits - this.#at > 7) return false;
    while (this.#at < this.#bits) if (this.#bit() !== 0) return false;
    return true;
  }

  /** The next number of a form; −1 when the file ends within it. */
  #number({ least, classes }: NumberForm): number {
    let value = least;
    for (let i = 0; i < classes.length; i++) {
      const size = classes[i]!;
      const isLast = i === classes.length - 1;
      if (!isLast && this.#at >= this.#bits) return -1;
      if (!isLast && this.#bit() === 1) {
        value += 2 ** size;
        continue;
      }
      if (this.#bits - this.#at < size) return -1;
      for (let bit = size - 1; bit >= 0; bit--) value += this.#bit() * 2 ** bit;
      return value;
    }
    return -1;
  }

  #bit(): number {
    return bitOf(this.#bytes, this.#at++, false);
  }
}

/** A bit of an array, counted from a byte's highest bit or from its lowest. */
function bitOf(bytes: Uint8Array, index: number, highFirst: boolean): number {
  const within = index & 7;
  return ((bytes[index >> 3] ?? 0) >> (highFirst ? 7 - within : within)) & 1;
}

/** The 128 bits of an IP address, IPv4 as ::ffff:a.b.c.d, also where an IPv6 address only carries one. */
function ipBits(address: NetworkAddress): Uint8Array | undefined {
  const v4 = linkedIpv4(address);
  if (v4 !== undefined) return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4);
  return address.network === NetworkId.IPV6 ? address.address : undefined;
}

/** The IPv4 address that an address is or carries: 6to4, Teredo, NAT64 and SIIT do. */
export function linkedIpv4({ network, address }: NetworkAddress): Uint8Array | undefined {
  if (network === NetworkId.IPV4) return address;
  if (network !== NetworkId.IPV6) return undefined;
  const begins = (...bytes: readonly number[]) => bytes.every((byte, i) => address[i] === byte);
  if (begins(0x20, 0x02)) return address.slice(2, 6);
  if (begins(0x20, 0x01, 0, 0)) return address.slice(12).map((byte) => byte ^ 0xff);
  if (begins(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0)) return address.slice(12);
  return begins(0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0) ? address.slice(12) : undefined;
}
