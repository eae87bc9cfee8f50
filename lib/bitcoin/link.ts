/**
 * A socket and a transport: messages in, messages out, and what went over it.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { ByteDuplex, Clock } from "../core/ports.ts";
import { Traffic } from "../core/traffic.ts";
import { ENVELOPE_BYTES } from "./wire/framer.ts";
import type { Frame, NegotiatedTransport } from "./wire/transport.ts";
import { encodeType, PACKET_OVERHEAD_BYTES } from "./wire/v2/mod.ts";

/** Bytes that may wait for a peer that does not read; above, it is given up. Core's buffer is 1 MB beside what it pauses. */
const PENDING_BYTES_MAX = 16 * 1024 * 1024;

/** One connection's messages. */
export class Link {
  readonly duplex: ByteDuplex;
  readonly transport: NegotiatedTransport;
  readonly traffic: Traffic;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #ready: Frame[] = [];
  #at = 0;
  #failure: unknown;
  #pendingBytes = 0;
  /** Bytes that the socket took from us so far, framing and handshake included. */
  bytesWritten = 0;

  constructor(duplex: ByteDuplex, transport: NegotiatedTransport, clock: Clock) {
    this.duplex = duplex;
    this.transport = transport;
    this.traffic = new Traffic(clock);
    this.#reader = duplex.readable.getReader();
    this.#writer = duplex.writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.#drain();
  }

  /** Bytes that were sent and that the socket has not taken yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The next message; undefined when the peer ended the connection. Throws a `NodeError` for a breach of the transport. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#ready[this.#at];
      if (frame !== undefined) {
        this.#at += 1;
        this.traffic.countReceived(frame.type, this.#sizeOf(frame));
        return frame;
      }
      if (this.#failure !== undefined) throw this.#failure;
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#ready = [];
      this.#at = 0;
      try {
        for (const each of this.transport.push(value)) this.#ready.push(each);
      } catch (thrown) {
        // What came before the fault is still handled.
        this.#failure = thrown;
      }
      this.#drain();
    }
  }

  /**
   * Sends a message; resolves when the socket took it.
   *
   * @throws NodeError `closed`, or `send_queue_full` when the peer does not read
   */
  async send(type: string, payload: Uint8Array): Promise<void> {
    if (this.#pendingBytes > PENDING_BYTES_MAX) {
      throw new NodeError("send_queue_full", "peer", `${this.#pendingBytes} bytes wait for a peer that does not read`);
    }
    this.#drain();
    const bytes = this.transport.pack(type, payload);
    this.traffic.countSent(type, bytes.length);
    await this.#write(bytes);
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.duplex.destroy();
    this.#reader.cancel().catch(() => {});
  }

  /** Bytes of a message on the wire. */
  #sizeOf({ type, payload }: Frame): number {
    return payload.length +
      (this.transport.kind === "v2" ? PACKET_OVERHEAD_BYTES + encodeType(type).length : ENVELOPE_BYTES);
  }

  #drain(): void {
    const bytes = this.transport.drain();
    if (bytes.length > 0) this.#write(bytes).catch(() => {});
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#pendingBytes += bytes.length;
    try {
      await this.#writer.write(bytes);
      this.bytesWritten += bytes.length;
    } catch (cause) {
      throw new NodeError("closed", "network", "the connection is closed", { cause });
    } finally {
      this.#pendingBytes -= bytes.length;
    }
  }
}
