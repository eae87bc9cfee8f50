/**
 * The v2 transport: everything from the first byte to the last of an encrypted connection, without the socket.
 *
 * @see BIP324, "Transport layer specification"; Bitcoin Core `src/net.cpp`, V2Transport
 * @module
 */
import { equalBytes } from "../../../codec/sized.ts";
import { NodeError } from "../../../core/errors.ts";
import { Gather } from "../../../core/gather.ts";
import type { Random } from "../../../core/ports.ts";
import { type Frame, type NegotiatedTransport, PAYLOAD_BYTES_MAX, TYPE_BYTES } from "../transport.ts";
import { LENGTH_BYTES, TAG_BYTES } from "./ciphers.ts";
import { type EphemeralKey, KEY_BYTES, makeKey } from "./elligator-swift.ts";
import { decodeContents, encodeType } from "./message-types.ts";
import { HEADER_BYTES, PacketCipher, TERMINATOR_BYTES } from "./packet-cipher.ts";

/** The most garbage that a side may send between its key and its terminator. */
export const GARBAGE_BYTES_MAX = 4_095;
/** The longest contents of a packet: a type in full and the longest payload. */
export const CONTENTS_BYTES_MAX = 1 + TYPE_BYTES + PAYLOAD_BYTES_MAX;
/** Messages packed before the keys are known wait; only `version` ever should. */
const WAITING_MAX = 8;
/** Core takes a connection for a v1 node's refusal only when it wrote at least this much: a v1 header's length. */
const V1_HEADER_BYTES = 24;
/** Where the network's magic ends in a v1 connection's first message, and what follows there. */
const V1_TYPE_AT = 4;
const V1_VERSION_TYPE = new TextEncoder().encode("version\0\0\0\0\0");
const NOTHING = new Uint8Array();

/** What a peer did against BIP324. Each ends the connection. */
export type V2FaultCode =
  /** A v1 `version` under another network's magic. */
  | "bad_magic"
  /** No terminator within the longest garbage. */
  | "garbage_unterminated"
  /** A packet that would hold more than the longest message. */
  | "oversize"
  /** A packet that does not authenticate: changed on the way, or not from the holder of the key. */
  | "packet_forged";

/**
 * How far a connection came, asked when it ends.
 *
 * - `retry_as_v1`: the peer hung up on our key without a byte of its own, as a node does that knows only v1: dial again
 *   at once with v1, once.
 * - `key_incomplete`: it ended after some bytes, but before the peer's key was whole.
 * - `handshake_incomplete`: keys were exchanged, but no version packet came.
 * - `established`: messages could flow.
 */
export type V2Outcome = "retry_as_v1" | "key_incomplete" | "handshake_incomplete" | "established";

/** Which side, which network. */
export interface V2Options {
  /** True for the side that made the connection. */
  readonly initiator: boolean;
  /** The network's magic, 4 bytes in wire order. */
  readonly magic: Uint8Array;
  /** How much garbage to send, 0 … {@link GARBAGE_BYTES_MAX}; drawn evenly when not given. */
  readonly garbageBytes?: number;
}

type Phase = "key" | "garbage" | "length" | "body";

/** One end of a BIP324 connection. Pure: bytes in, frames and bytes out. */
export class V2Transport implements NegotiatedTransport {
  readonly kind = "v2";
  readonly #initiator: boolean;
  readonly #magic: Uint8Array;
  readonly #key: EphemeralKey;
  readonly #garbage: Uint8Array;
  #cipher: PacketCipher | undefined;
  #phase: Phase = "key";
  /** Whether the peer's version packet came: what came before it carries no message. */
  #established = false;
  #failure: NodeError<V2FaultCode> | undefined;
  #bytesReceived = 0;
  #dropped = 0;
  droppedBytes = 0;
  readonly #gather = new Gather();
  /** Bytes that the phase waits for; in phase `garbage`, the most that there may be. */
  #need = KEY_BYTES;
  /** What the peer's next packet authenticates beside itself: its garbage, for the first one. */
  #aad: Uint8Array | undefined;
  #outgoing: Uint8Array[];
  #waiting: { readonly type: string; readonly payload: Uint8Array }[] = [];

  constructor(options: V2Options, dependencies: { readonly random: Random }) {
    const { random } = dependencies;
    const length = options.garbageBytes ?? random.below(GARBAGE_BYTES_MAX + 1);
    if (!Number.isInteger(length) || length < 0 || length > GARBAGE_BYTES_MAX) {
      throw new RangeError(`garbage ${length}`);
    }
    this.#initiator = options.initiator;
    this.#magic = options.magic;
    this.#key = makeKey(random);
    this.#garbage = random.bytes(length);
    this.#outgoing = [this.#key.encoded, this.#garbage];
  }

  /** The 32-byte session id, once the peer's key is known. */
  get sessionId(): Uint8Array | undefined {
    return this.#cipher?.sessionId;
  }

  /** Whether the peer's version packet was read, so that messages can come. */
  get established(): boolean {
    return this.#established;
  }

  /** Messages thrown away because they named no type: an unknown short id, or a name that is none. */
  get dropped(): number {
    return this.#dropped;
  }

  get heldBytes(): number {
    return this.#gather.capacity + (this.#aad?.length ?? 0);
  }

  /** What the end of the connection means, given how many bytes the socket took from us. */
  outcome(bytesWritten: number): V2Outcome {
    if (this.#established) return "established";
    if (this.#cipher !== undefined) return "handshake_incomplete";
    const refused = this.#initiator && this.#bytesReceived === 0 && bytesWritten >= V1_HEADER_BYTES;
    return refused ? "retry_as_v1" : "key_incomplete";
  }

  drain(): Uint8Array {
    const bytes = joined(this.#outgoing);
    this.#outgoing = [];
    return bytes;
  }

  /**
   * The packet that carries a message. Before the peer's key is known there is nothing to encrypt with: the message then
   * waits for a later {@link V2Transport.drain} and no bytes are returned. Throws `RangeError` for what no packet can
   * carry, and a `NodeError` (fault `self`) when too many messages wait.
   */
  pack(type: string, payload: Uint8Array): Uint8Array {
    if (payload.length > PAYLOAD_BYTES_MAX) throw new RangeError(`${type} of ${payload.length} bytes`);
    const head = encodeType(type);
    if (this.#cipher !== undefined) return this.#cipher.seal(head, payload);
    if (this.#waiting.length >= WAITING_MAX) {
      throw new NodeError("transport_not_ready", "self", `${type} before the peer's key, after ${WAITING_MAX} others`);
    }
    this.#waiting.push({ type, payload });
    return NOTHING;
  }

  /** A packet that the peer throws away, with `length` bytes of contents. Throws a `NodeError` before its key came. */
  decoy(length: number): Uint8Array {
    if (this.#cipher === undefined) throw new NodeError("transport_not_ready", "self", "a decoy before the peer's key");
    if (length > CONTENTS_BYTES_MAX) throw new RangeError(`a decoy of ${length} bytes`);
    return this.#cipher.seal(new Uint8Array(length), NOTHING, { ignore: true });
  }

  /**
   * Reads at once; what is returned gives the messages and then, when the peer broke a rule, throws a `NodeError` with a
   * {@link V2FaultCode}. Every later call throws the same.
   */
  push(chunk: Uint8Array): Iterable<Frame> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#bytesReceived += chunk.length;
    const frames: Frame[] = [];
    try {
      for (let at = 0; at < chunk.length;) at = this.#take(chunk, at, frames);
    } catch (cause) {
      if (!(cause instanceof NodeError)) throw cause;
      return thenThrow(frames, cause);
    }
    return frames;
  }

  /** Takes what the phase still needs from `at` on; returns where that ends. */
  #take(chunk: Uint8Array, at: number, frames: Frame[]): number {
    if (this.#phase === "garbage") return this.#takeGarbage(chunk, at);
    const end = Math.min(chunk.length, at + this.#need - this.#gather.length);
    const piece = chunk.subarray(at, end);
    if (this.#phase === "body" && piece.length === this.#need) {
      // The whole packet is here: it is decrypted from where it lies, into memory of its own.
      this.#openBody(piece, false, frames);
      return end;
    }
    this.#gather.append(piece, this.#need - this.#gather.length);
    if (this.#phase === "key") this.#refuseForeignV1();
    if (this.#gather.length < this.#need) return end;
    const bytes = this.#gather.take();
    if (this.#phase === "key") this.#agree(bytes);
    else if (this.#phase === "length") this.#openLength(bytes);
    else this.#openBody(bytes, true, frames);
    return end;
  }

  /** A node of another network that speaks v1 would otherwise be answered with a key and wait for ever. */
  #refuseForeignV1(): void {
    const end = V1_TYPE_AT + V1_VERSION_TYPE.length;
    if (this.#initiator || this.#gather.length < end) return;
    if (equalBytes(this.#gather.peek().subarray(V1_TYPE_AT, end), V1_VERSION_TYPE)) {
      this.#fail("bad_magic", "a v1 version message under another magic");
    }
  }

  #agree(theirs: Uint8Array): void {
    const cipher = new PacketCipher({ own: this.#key, theirs, initiator: this.#initiator, magic: this.#magic });
    this.#cipher = cipher;
    this.#key.privateKey.fill(0);
    this.#outgoing.push(cipher.sendTerminator, cipher.seal(NOTHING, NOTHING, { aad: this.#garbage }));
    for (const { type, payload } of this.#waiting) this.#outgoing.push(cipher.seal(encodeType(type), payload));
    this.#waiting = [];
    this.#expect("garbage", GARBAGE_BYTES_MAX + TERMINATOR_BYTES);
  }

  /** Reads up to and including the terminator, wherever it is; returns the position after what it took. */
  #takeGarbage(chunk: Uint8Array, start: number): number {
    const terminator = this.#cipher!.receiveTerminator;
    const last = terminator[TERMINATOR_BYTES - 1]!;
    const before = this.#gather.length;
    const end = Math.min(chunk.length, start + this.#need - before);
    this.#gather.append(chunk.subarray(start, end), this.#need - before);
    const bytes = this.#gather.peek();
    for (let i = Math.max(before, TERMINATOR_BYTES - 1); i < bytes.length; i++) {
      // What does not end in the right byte need not be compared: garbage is mostly passed over here.
      if (bytes[i] !== last) continue;
      const garbageEnd = i + 1 - TERMINATOR_BYTES;
      if (!equalBytes(bytes.subarray(garbageEnd, i + 1), terminator)) continue;
      this.#aad = bytes.slice(0, garbageEnd);
      this.#gather.clear();
      this.#expect("length", LENGTH_BYTES);
      return start + i + 1 - before;
    }
    if (bytes.length === this.#need) this.#fail("garbage_unterminated", `no terminator in ${bytes.length} bytes`);
    return end;
  }

  #openLength(field: Uint8Array): void {
    const length = this.#cipher!.openLength(field);
    if (length > CONTENTS_BYTES_MAX) this.#fail("oversize", `a packet of ${length} bytes`);
    this.#expect("body", HEADER_BYTES + length + TAG_BYTES);
  }

  #openBody(body: Uint8Array, inPlace: boolean, frames: Frame[]): void {
    const packet = this.#cipher!.open(body, this.#aad, inPlace);
    if (packet === undefined) this.#fail("packet_forged", `a packet of ${body.length} bytes does not authenticate`);
    this.#aad = undefined;
    this.#expect("length", LENGTH_BYTES);
    if (packet.ignore) return;
    if (!this.#established) {
      // The version packet: its contents are for versions to come and are ignored.
      this.#established = true;
      return;
    }
    const frame = decodeContents(packet.contents);
    if (frame !== undefined) return void frames.push(frame);
    this.#dropped++;
    this.droppedBytes += LENGTH_BYTES + body.length;
  }

  #expect(phase: Phase, bytes: number): void {
    this.#phase = phase;
    this.#need = bytes;
  }

  #fail(code: V2FaultCode, message: string): never {
    this.#failure = new NodeError(code, "peer", message);
    this.#gather.clear();
    throw this.#failure;
  }
}

/** The frames, then the error: what came before a fault is still to be handled. */
function* thenThrow(frames: readonly Frame[], failure: NodeError): Generator<Frame> {
  yield* frames;
  throw failure;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
