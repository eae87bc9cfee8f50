/** Two ends of a v2 connection, and a peer written by hand that does what a well-behaved one would not. */
import type { Frame } from "../../../lib/bitcoin/wire/transport.ts";
import { makeKey } from "../../../lib/bitcoin/wire/v2/elligator-swift.ts";
import { PacketCipher } from "../../../lib/bitcoin/wire/v2/packet-cipher.ts";
import { V2Transport } from "../../../lib/bitcoin/wire/v2/transport.ts";
import { fromHex } from "../../../lib/codec/hex.ts";
import type { Random } from "../../../lib/core/ports.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

export const MAINNET = fromHex("f9beb4d9");
export const REGTEST = fromHex("fabfb5da");

/** Anything that reads bytes and may have bytes to send. */
interface End {
  push(chunk: Uint8Array): Iterable<Frame>;
  drain(): Uint8Array;
}

/** An end with garbage of a given length. */
export function end(initiator: boolean, garbageBytes: number, seed = 1): V2Transport {
  const random = new SeededRandom(seed * 2 + (initiator ? 1 : 0));
  return new V2Transport({ initiator, magic: MAINNET, garbageBytes }, { random });
}

/** The bytes in pieces of `size`. */
export function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Gives `bytes` to an end in pieces; returns the frames. */
export function feed(to: End, bytes: Uint8Array, size = Infinity): Frame[] {
  const frames: Frame[] = [];
  if (size === Infinity) frames.push(...to.push(bytes));
  else for (const piece of pieces(bytes, size)) frames.push(...to.push(piece));
  return frames;
}

/** Carries what both have to send until neither has anything; returns what each read. */
export function settle(a: End, b: End, size = Infinity): { a: Frame[]; b: Frame[] } {
  const read: { a: Frame[]; b: Frame[] } = { a: [], b: [] };
  for (;;) {
    const fromA = a.drain();
    const fromB = b.drain();
    if (fromA.length === 0 && fromB.length === 0) return read;
    read.b.push(...feed(b, fromA, size));
    read.a.push(...feed(a, fromB, size));
  }
}

/** Two ends that finished their handshake. */
export function connected(seed = 1): { initiator: V2Transport; responder: V2Transport } {
  const initiator = end(true, 11, seed);
  const responder = end(false, 5, seed);
  settle(initiator, responder);
  return { initiator, responder };
}

/**
 * The answering side by hand: gives its cipher once it has seen the other's key. `drained` is what the initiator sent
 * first.
 */
export function manualResponder(drained: Uint8Array, random: Random = new SeededRandom(99)) {
  const own = makeKey(random);
  const cipher = new PacketCipher({ own, theirs: drained.slice(0, 64), initiator: false, magic: MAINNET });
  return { key: own.encoded, cipher };
}

/** All parts one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A copy with one bit changed. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}
