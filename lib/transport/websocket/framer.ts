/**
 * Bytes to WebSocket messages: synchronous, incremental, linear in the bytes whatever their borders.
 *
 * @see RFC 6455 sections 5 and 7
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { Gather } from "../../core/gather.ts";
import { applyMask, CLOSE, CONTROL_BYTES_MAX, isCloseCode, OPCODE } from "./frames.ts";

/** What a {@link Framer} makes of the bytes it is given. */
export type FramerEvent =
  | { readonly kind: "message"; readonly data: Uint8Array | string }
  | { readonly kind: "ping" | "pong"; readonly payload: Uint8Array }
  /** `closeCode` is 1005 when the frame carried none. */
  | { readonly kind: "close"; readonly closeCode: number; readonly reason: string }
  /** The stream broke a rule; nothing follows. `closeCode` is what to tell the other side. */
  | { readonly kind: "failed"; readonly closeCode: number; readonly error: NodeError };

/** Which end writes the bytes, and how much a message may hold. */
export interface FramerOptions {
  /** True for bytes from a client, which must be masked; false for a server's, which must not. */
  readonly masked: boolean;
  /** Bytes of one message, all its frames together. */
  readonly messageBytesMax: number;
  /** Bytes of the first message, when it may be less. */
  readonly firstMessageBytesMax?: number | undefined;
}

/** So many bytes are copied one by one. */
const COPIED_BYTES_MAX = 128;

class Violation extends Error {
  readonly closeCode: number;
  constructor(closeCode: number, message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}

/** Takes the bytes of `chunk` from `from` to `to` of a frame with `toCome` bytes to come, and unmasks them. */
function gather(
  into: Gather,
  chunk: Uint8Array,
  { from, to, toCome }: { readonly from: number; readonly to: number; readonly toCome: number },
  key: Uint8Array | undefined,
  phase: number,
): void {
  for (let at = from; at < to;) {
    const bytes = Math.min(into.reserve(toCome - (at - from)), to - at);
    const { tail, tailLength: start } = into;
    // Few bytes are quicker copied than read through a view.
    if (bytes <= COPIED_BYTES_MAX) { for (let i = 0; i < bytes; i++) tail[start + i] = chunk[at + i]!; }
    else tail.set(chunk.subarray(at, at + bytes), start);
    if (key !== undefined) applyMask(tail, key, phase + at - from, start, start + bytes);
    into.tailLength += bytes;
    at += bytes;
  }
}

/** A number of so many bytes, big endian. */
function wordOf(bytes: Uint8Array, at: number, length: number): number {
  let word = 0;
  for (let i = at; i < at + length; i++) word = word * 256 + bytes[i]!;
  return word;
}

/** Reads one direction of a WebSocket. Pure: no socket, no clock, no promise. */
export class Framer {
  readonly #options: FramerOptions;
  readonly #header = new Uint8Array(14);
  #headerHave = 0;
  #headerNeed = 2;
  readonly #message = new Gather();
  readonly #control = new Gather();
  /** Opcode of the message whose frames are being gathered; 0 between messages. */
  #messageOpcode = 0;
  #messageBytesMax: number;
  #frame: { readonly opcode: number; readonly final: boolean; readonly length: number; key?: Uint8Array } | undefined;
  #payloadHave = 0;
  #ended = false;
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(options: FramerOptions) {
    this.#options = options;
    this.#messageBytesMax = options.firstMessageBytesMax ?? options.messageBytesMax;
  }

  /** The memory that bytes of messages take which have begun and not ended, in bytes. */
  get heldBytes(): number {
    return this.#message.capacity + this.#control.capacity;
  }

  /** Lets go of what has begun. Nothing may be pushed after it. */
  release(): void {
    this.#ended = true;
    this.#message.clear();
    this.#control.clear();
  }

  /** Takes the next bytes and tells what they complete. After a close or a failure every byte is ignored. */
  push(chunk: Uint8Array): FramerEvent[] {
    const events: FramerEvent[] = [];
    let at = 0;
    try {
      while (!this.#ended) {
        if (this.#frame === undefined) {
          const more = Math.min(this.#headerNeed - this.#headerHave, chunk.length - at);
          for (let i = 0; i < more; i++) this.#header[this.#headerHave++] = chunk[at++]!;
          if (this.#headerHave < this.#headerNeed) break;
          if (this.#headerNeed === 2) this.#headerNeed = this.#startHeader();
          if (this.#headerHave < this.#headerNeed) continue;
          this.#startFrame();
        }
        const frame = this.#frame!;
        const into = frame.opcode >= 8 ? this.#control : this.#message;
        const left = frame.length - this.#payloadHave;
        const more = Math.min(left, chunk.length - at);
        if (more > 0) {
          gather(into, chunk, { from: at, to: at + more, toCome: left }, frame.key, this.#payloadHave);
          this.#payloadHave += more;
          at += more;
        }
        if (this.#payloadHave < frame.length) break;
        this.#frame = undefined;
        this.#headerHave = 0;
        this.#headerNeed = 2;
        const event = this.#endFrame(frame.opcode, frame.final);
        if (event !== undefined) events.push(event);
      }
    } catch (cause) {
      if (!(cause instanceof Violation)) throw cause;
      this.release();
      const code = cause.closeCode === CLOSE.tooBig ? "websocket_too_big" : "websocket_protocol";
      const error = new NodeError(code, "peer", cause.message, { data: { closeCode: cause.closeCode } });
      events.push({ kind: "failed", closeCode: cause.closeCode, error });
    }
    return events;
  }

  /** Judges the first two header bytes as soon as they are here; returns the header's whole length. */
  #startHeader(): number {
    const first = this.#header[0]!;
    const second = this.#header[1]!;
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    const masked = (second & 0x80) !== 0;
    const short = second & 0x7f;
    const fail = (message: string): never => {
      throw new Violation(CLOSE.protocolError, message);
    };
    if ((first & 0x70) !== 0) fail("reserved bits are set, and no extension was agreed on");
    if (masked !== this.#options.masked) fail(masked ? "a server's frame is masked" : "a client's frame is not masked");
    if (opcode >= 8) {
      if (opcode > OPCODE.pong) fail(`unknown opcode ${opcode}`);
      if (!final) fail("a control frame is fragmented");
      if (short > CONTROL_BYTES_MAX) fail("a control frame is longer than 125 bytes");
    } else {
      if (opcode > OPCODE.binary) fail(`unknown opcode ${opcode}`);
      if (opcode === OPCODE.continuation && this.#messageOpcode === 0) fail("a continuation of nothing");
      if (opcode !== OPCODE.continuation && this.#messageOpcode !== 0) fail("a new message inside another");
    }
    return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (masked ? 4 : 0);
  }

  #startFrame(): void {
    const header = this.#header;
    const opcode = header[0]! & 0x0f;
    const short = header[1]! & 0x7f;
    let length = short;
    if (short === 126) {
      length = wordOf(header, 2, 2);
      if (length < 126) throw new Violation(CLOSE.protocolError, "the length is not in its shortest form");
    } else if (short === 127) {
      const high = wordOf(header, 2, 4);
      length = high * 2 ** 32 + wordOf(header, 6, 4);
      if (high >= 2 ** 31) throw new Violation(CLOSE.protocolError, "the length has its top bit set");
      if (length < 65_536) throw new Violation(CLOSE.protocolError, "the length is not in its shortest form");
    }
    if (opcode < 8) {
      const whole = this.#message.length + length;
      if (whole > this.#messageBytesMax) {
        throw new Violation(CLOSE.tooBig, `a message of ${whole} bytes, above ${this.#messageBytesMax}`);
      }
      if (opcode !== OPCODE.continuation) this.#messageOpcode = opcode;
    }
    this.#payloadHave = 0;
    this.#frame = {
      opcode,
      final: (header[0]! & 0x80) !== 0,
      length,
      ...(this.#options.masked ? { key: header.slice(this.#headerNeed - 4, this.#headerNeed) } : {}),
    };
  }

  #endFrame(opcode: number, final: boolean): FramerEvent | undefined {
    switch (opcode) {
      case OPCODE.ping:
        return { kind: "ping", payload: this.#control.take() };
      case OPCODE.pong:
        return { kind: "pong", payload: this.#control.take() };
      case OPCODE.close:
        return this.#endClose(this.#control.take());
    }
    if (!final) return undefined;
    this.#messageBytesMax = this.#options.messageBytesMax;
    const bytes = this.#message.take();
    const text = this.#messageOpcode === OPCODE.text;
    this.#messageOpcode = 0;
    return { kind: "message", data: text ? this.#text(bytes) : bytes };
  }

  #endClose(payload: Uint8Array): FramerEvent {
    if (payload.length === 0) {
      this.#ended = true;
      return { kind: "close", closeCode: CLOSE.noStatus, reason: "" };
    }
    if (payload.length === 1) throw new Violation(CLOSE.protocolError, "a close code of one byte");
    const closeCode = payload[0]! * 256 + payload[1]!;
    if (!isCloseCode(closeCode)) throw new Violation(CLOSE.protocolError, `close code ${closeCode} may not be sent`);
    const reason = this.#text(payload.subarray(2));
    this.#ended = true;
    return { kind: "close", closeCode, reason };
  }

  #text(bytes: Uint8Array): string {
    try {
      return this.#utf8.decode(bytes);
    } catch {
      throw new Violation(CLOSE.invalidData, "text that is not UTF-8");
    }
  }
}
