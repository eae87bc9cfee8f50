/**
 * A socket and a transport: messages in, messages out, and what went over it.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { ByteDuplex } from "../../core/ports.ts";
import type { MemoryAccount } from "../../core/peers/memory-budget.ts";
import { OTHER_KINDS, type Traffic } from "../../core/peers/traffic.ts";
import { ENVELOPE_BYTES } from "../wire/framer.ts";
import { messageByType } from "../wire/registry.ts";
import type { Frame, NegotiatedTransport } from "../wire/transport.ts";
import { encodeType, PACKET_OVERHEAD_BYTES } from "../wire/v2/mod.ts";

/** Bytes that may wait for a peer that does not read; above, it is given up. */
const PENDING_BYTES_MAX = 16 * 1024 * 1024;
/** From here on nothing more that it says is handled until it reads (Core's send buffer). */
const PENDING_PAUSE_BYTES = 1_000_000;
/** What a waiting message costs beside its bytes. */
const PENDING_OVERHEAD_BYTES = 512;

/**
 * What the transport is given at once. A socket may deliver half a megabyte, which is twenty thousand messages: made into
 * objects together they would cost ten times their bytes, and their checksums would hold everybody else up.
 */
const SLICE_BYTES = 16 * 1024;
/** What it is given at once while a long message goes on. */
const LONG_SLICE_BYTES = 128 * 1024;
/** The memory that an unfinished message may take before hands are shaken. */
const STRANGER_BYTES_MAX = 64 * 1024;
/** What a stranger's transport is given at once. */
const STRANGER_SLICE_BYTES = 4 * 1024;

const NOTHING = new Uint8Array();

/** What a connection is counted by. */
export interface LinkOptions {
  readonly traffic: Traffic;
  /** Its part of the memory that peers may hold. */
  readonly memory?: MemoryAccount | undefined;
}

/** One connection's messages. */
export class Link {
  readonly duplex: ByteDuplex;
  readonly transport: NegotiatedTransport;
  readonly traffic: Traffic;
  readonly #memory: MemoryAccount | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** What came and was not given to the transport yet. */
  #rest: Uint8Array = NOTHING;
  #ready: Frame[] = [];
  #at = 0;
  #failure: unknown;
  #isDestroyed = false;
  #pendingBytes = 0;
  #room: PromiseWithResolvers<void> | undefined;
  /** Bytes that the socket took from us so far, framing and handshake included. */
  bytesWritten = 0;

  /** Bytes of messages that are complete: those that wait, and the one that was given last and is in work. */
  #readyBytes = 0;
  #inWorkBytes = 0;
  #isWelcome = false;

  constructor(duplex: ByteDuplex, transport: NegotiatedTransport, { traffic, memory }: LinkOptions) {
    this.duplex = duplex;
    this.transport = transport;
    this.traffic = traffic;
    this.#memory = memory;
    this.#reader = duplex.readable.getReader();
    this.#writer = duplex.writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.#drain();
  }

  /** Bytes that were sent and that the socket has not taken yet, with what they cost us. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Resolves when the peer has read enough of what we sent it; nothing when it has. */
  room(): Promise<void> | undefined {
    if (this.#pendingBytes <= PENDING_PAUSE_BYTES) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Hands are shaken: from here on its messages may be as long as messages are. */
  welcome(): void {
    this.#isWelcome = true;
  }

  /** The next message; undefined when the connection has ended, on either side. Throws a `NodeError` for a breach of the transport. */
  async next(): Promise<Frame | undefined> {
    this.#readyBytes -= this.#inWorkBytes;
    this.#inWorkBytes = 0;
    this.#account();
    for (;;) {
      // What a peer left behind is not handled: there is nobody to answer.
      if (this.#isDestroyed) return undefined;
      const frame = this.#ready[this.#at];
      if (frame !== undefined) {
        this.#at += 1;
        this.#inWorkBytes = this.#sizeOf(frame);
        // A peer may make names up.
        const kind = messageByType(frame.type) === undefined ? OTHER_KINDS : frame.type;
        this.traffic.completeReceived(kind, this.#inWorkBytes);
        return frame;
      }
      if (this.#failure !== undefined) throw this.#failure;
      // The handshake asks for the next message, and this one has no end yet.
      if (!this.#isWelcome && this.transport.heldBytes >= STRANGER_BYTES_MAX) {
        throw new NodeError("too_long_for_stranger", "peer", "a long message before the handshake has ended");
      }
      if (this.#rest.length === 0) {
        const { done, value } = await this.#reader.read();
        if (done) return undefined;
        if (this.#isDestroyed) return undefined;
        this.#rest = value;
        this.traffic.passReceived(value.length);
        this.#account();
      }
      // Nothing came of the last slice: it lies within a message.
      const length = this.#isWelcome ? this.#ready.length === 0 ? LONG_SLICE_BYTES : SLICE_BYTES : STRANGER_SLICE_BYTES;
      const isAll = this.#rest.length <= length;
      const value = isAll ? this.#rest : this.#rest.subarray(0, length);
      this.#rest = isAll ? NOTHING : this.#rest.subarray(length);
      this.#ready = [];
      this.#at = 0;
      const dropped = this.transport.droppedBytes;
      try {
        for (const each of this.transport.push(value)) {
          this.#ready.push(each);
          this.#readyBytes += this.#sizeOf(each);
        }
      } catch (thrown) {
        // What came before the fault is still handled.
        this.#failure = thrown;
      }
      const lost = this.transport.droppedBytes - dropped;
      if (lost > 0) this.traffic.completeReceived(OTHER_KINDS, lost);
      this.#account();
      this.#drain();
    }
  }

  /** Why nothing can be sent just now: more waits for the peer than it may leave unread. */
  overflow(): NodeError | undefined {
    if (this.#pendingBytes <= PENDING_BYTES_MAX) return undefined;
    return new NodeError("send_queue_full", "peer", `${this.#pendingBytes} bytes wait for a peer that does not read`);
  }

  /**
   * Sends a message; resolves when the socket took it.
   *
   * @throws NodeError `closed`, or `send_queue_full` when the peer does not read
   */
  send(type: string, payload: Uint8Array): Promise<void> {
    const overflow = this.overflow();
    if (overflow !== undefined) return Promise.reject(overflow);
    this.#drain();
    let bytes: Uint8Array;
    try {
      bytes = this.transport.pack(type, payload);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    this.traffic.countSent(type, bytes.length);
    return this.#write(bytes);
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#rest = NOTHING;
    this.#ready = [];
    this.#readyBytes = this.#inWorkBytes;
    this.#account();
    this.duplex.destroy();
    this.#reader.cancel().catch(() => {});
  }

  /** What came is held in these places. It is counted where it lies: what a transport passes over is in none of them. */
  #account(): void {
    const unread = this.duplex.unreadBytes ?? 0;
    this.#memory?.set("in", unread + this.#rest.length + this.transport.heldBytes + this.#readyBytes);
  }

  /** Bytes of a message on the wire. */
  #sizeOf({ type, payload }: Frame): number {
    return payload.length +
      (this.transport.kind === "v2" ? PACKET_OVERHEAD_BYTES + encodeType(type).length : ENVELOPE_BYTES);
  }

  #drain(): void {
    const bytes = this.transport.drain();
    if (bytes.length === 0) return;
    this.traffic.passSent(bytes.length);
    this.#write(bytes).catch(() => {});
  }

  #pend(bytes: number): void {
    this.#memory?.set("out", this.#pendingBytes += bytes);
    if (this.#pendingBytes > PENDING_PAUSE_BYTES) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** One promise, where an asynchronous function would make five: this is done for every message. */
  #write(bytes: Uint8Array): Promise<void> {
    const { length } = bytes;
    this.#pend(length + PENDING_OVERHEAD_BYTES);
    return this.#writer.write(bytes).then(() => {
      this.#pend(-length - PENDING_OVERHEAD_BYTES);
      this.bytesWritten += length;
    }, (cause) => {
      this.#pend(-length - PENDING_OVERHEAD_BYTES);
      throw new NodeError("closed", "network", "the connection is closed", { cause });
    });
  }
}
