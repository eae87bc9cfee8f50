/**
 * A WebSocket over any two-way byte stream, from the opening handshake to the end of the connection.
 *
 * One loop reads the bytes and is the only one to do so; it stops while the application does not read, and while an
 * answer to a ping waits for the peer to read, so that neither side can make the other's queue grow.
 *
 * @see RFC 6455
 * @module
 */
import { messageOf, NodeError } from "../../core/errors.ts";
import type { ByteDuplex, CloseInfo, PeerAddress, PeerSocket } from "../../core/ports.ts";
import { CLOSE, encodeClose, encodeFrame, isCloseCode, OPCODE, type Opcode, REASON_BYTES_MAX } from "./frames.ts";
import { Framer, type FramerEvent } from "./framer.ts";
import { HeadReader } from "./handshake.ts";
import { InboundQueue } from "./inbound-queue.ts";
import { keepAlive } from "./keep-alive.ts";
import type { WebSocketOptions } from "./options.ts";

/** What an opening handshake may use: the raw stream, before there are frames. */
export interface OpeningStream {
  /** Reads up to the blank line of an HTTP head. */
  readHead(): Promise<readonly string[]>;
  write(bytes: Uint8Array): Promise<void>;
}

/** Thrown by an opening handshake that has already answered: the connection ends in order and `error` is reported. */
export class Refused extends Error {
  readonly error: NodeError;
  constructor(error: NodeError) {
    super(error.message);
    this.error = error;
  }
}

type Message = Uint8Array | string;

const NOTHING: Uint8Array = new Uint8Array();
const QUEUE_BYTES = 64 * 1024;
/** What the framer is given at once. Between two of these the connection checks whether there is room for more. */
const SLICE_BYTES = 64 * 1024;
/** What it is given at once of a stranger's. */
const STRANGER_SLICE_BYTES = 4 * 1024;
/** What is read after our close frame: what the peer had sent before it could know of it. */
const AFTER_CLOSE_BYTES = 1024 * 1024;

/** Both roles of a WebSocket; `open` does what differs before the first frame. */
export class WebSocketConnection implements PeerSocket {
  readonly opened: PeerSocket["opened"];
  readonly closed: Promise<Required<CloseInfo>>;
  readonly readable: ReadableStream<Message>;
  readonly writable: WritableStream<Message>;
  readonly remote: PeerAddress;
  readonly local: PeerAddress;
  readonly peerCertificate?: Uint8Array;
  readonly traffic = { bytesRead: 0, bytesWritten: 0 };
  minimumPingMs: number | undefined;
  /** When the ping was sent that has no answer yet. */
  #pingedAt: number | undefined;

  readonly #duplex: ByteDuplex;
  readonly #options: WebSocketOptions;
  readonly #masks: boolean;
  readonly #framer: Framer;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #opening = Promise.withResolvers<Awaited<PeerSocket["opened"]>>();
  readonly #closing = Promise.withResolvers<Required<CloseInfo>>();
  readonly #cancels = new Set<() => void>();
  readonly #incoming: InboundQueue;
  #state: "opening" | "open" | "closing" | "over" = "opening";
  #outgoing!: WritableStreamDefaultController;
  #room: (() => void) | undefined;
  /** Bytes behind the HTTP head: the first of the frames. */
  #rest = NOTHING;
  /** Bytes of the last read that were not given to the framer yet. */
  #unframedBytes = 0;
  #isWelcome: boolean;
  #lastReadMs: number;
  #bytesAfterClose = 0;
  /** What `onHeld` heard last. */
  #toldHeld = 0;
  /** Why we ended the connection, when it was us and not in order. */
  #failure: unknown;
  #result: Required<CloseInfo> = { closeCode: CLOSE.abnormal, reason: "" };

  constructor(
    duplex: ByteDuplex,
    role: "client" | "server",
    options: WebSocketOptions,
    open: (stream: OpeningStream) => Promise<void>,
  ) {
    const { queueBytes = QUEUE_BYTES, messageBytesMax, clock, signal } = options;
    this.#duplex = duplex;
    this.#options = options;
    this.#masks = role === "client";
    const { firstMessageBytesMax, strangerBytesMax } = options;
    this.#framer = new Framer({ masked: role === "server", messageBytesMax, firstMessageBytesMax });
    this.#isWelcome = strangerBytesMax === undefined;
    this.#reader = duplex.readable.getReader();
    this.#writer = duplex.writable.getWriter();
    this.#lastReadMs = clock.monotonic();
    this.remote = duplex.remote;
    this.local = duplex.local;
    if (duplex.peerCertificate !== undefined) this.peerCertificate = duplex.peerCertificate;
    this.opened = this.#opening.promise;
    this.closed = this.#closing.promise;
    // Callers that do not wait for `opened` still learn of a failure from the streams.
    this.opened.catch(() => {});

    const strategy = { highWaterMark: queueBytes, size: (message?: Message) => (message?.length ?? 0) + 1 };
    this.#incoming = new InboundQueue({ onTaken: () => this.#wake(), onCancel: () => this.close() });
    this.readable = this.#incoming.readable;
    this.writable = new WritableStream<Message>({
      start: (controller) => void (this.#outgoing = controller),
      write: (message) => this.#write(message),
      close: () => this.close(),
      abort: (reason) => this.#abandon(new NodeError("closed", "network", "the writer gave up", { cause: reason })),
    }, strategy);

    const onAbort = () => {
      if (this.#state === "opening") this.#abandon(signal?.reason);
      else this.close({ closeCode: CLOSE.goingAway });
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#cancels.add(() => signal?.removeEventListener("abort", onAbort));
    if (signal?.aborted) onAbort();
    void this.#run(open);
  }

  close(info: CloseInfo = {}): void {
    const { closeCode = CLOSE.normal, reason = "" } = info;
    if (!isCloseCode(closeCode)) throw new RangeError(`close code ${closeCode} may not be sent`);
    if (new TextEncoder().encode(reason).length > REASON_BYTES_MAX) throw new RangeError("close reason too long");
    if (this.#state === "opening") {
      this.#abandon(new NodeError("closed", "self", "closed while opening"));
    } else if (this.#state === "open") {
      this.#state = "closing";
      this.#armClose();
      this.#endStreams();
      this.#post(OPCODE.close, encodeClose(closeCode, reason));
    }
  }

  welcome(): void {
    this.#isWelcome = true;
    this.#wake();
  }

  /** The life of the connection; never rejects. */
  async #run(open: (stream: OpeningStream) => Promise<void>): Promise<void> {
    const { handshakeTimeoutMs = 30_000 } = this.#options;
    try {
      const stopDeadline = this.#after(handshakeTimeoutMs, () => {
        this.#abandon(new NodeError("timeout", "network", `no WebSocket in ${handshakeTimeoutMs} ms`));
      });
      await open({ readHead: () => this.#readHead(), write: (bytes) => this.#send(bytes) });
      stopDeadline();
      if (this.#state !== "opening") throw this.#failure;
      this.#state = "open";
      this.#opening.resolve({ readable: this.readable, writable: this.writable });
      this.#keepAlive();
      await this.#readFrames();
    } catch (cause) {
      if (cause instanceof Refused) {
        this.#failure = cause.error;
        this.#armClose();
      } else {
        this.#abandon(asNodeError(cause));
      }
    }
    const failure = this.#failure;
    this.#state = "over";
    this.#opening.reject(failure ?? new NodeError("closed", "network", "closed while opening"));
    this.#endStreams(failure);
    this.#framer.release();
    this.#unframedBytes = 0;
    this.#tellHeld();
    await this.#drain();
    for (const cancel of this.#cancels) cancel();
    this.#closing.resolve(this.#result);
  }

  async #readHead(): Promise<readonly string[]> {
    const head = new HeadReader();
    while (true) {
      const { done, value } = await this.#read();
      if (done) throw new NodeError("closed", "network", "the connection ended in the opening handshake");
      const found = head.push(value);
      if (found === undefined) continue;
      this.#rest = new Uint8Array(found.rest);
      return found.lines;
    }
  }

  /** Reads frames until a close frame, a violation or the end of the bytes. */
  async #readFrames(): Promise<void> {
    let chunk: Uint8Array = this.#rest;
    this.#rest = NOTHING;
    while (true) {
      for (let at = 0; at < chunk.length;) {
        const to = Math.min(chunk.length, at + (this.#isWelcome ? SLICE_BYTES : STRANGER_SLICE_BYTES));
        const slice = at === 0 && to === chunk.length ? chunk : chunk.subarray(at, to);
        at = to;
        this.#unframedBytes = chunk.length - at;
        for (const event of this.#framer.push(slice)) {
          if (event.kind === "message") {
            if (this.#state === "open") this.#incoming.put(event.data);
          } else if (event.kind === "ping") {
            if (this.#state === "open") await this.#frame(OPCODE.pong, event.payload);
          } else if (event.kind === "pong") {
            this.#ponged();
          } else if (event.kind === "close" || event.kind === "failed") {
            return this.#onEnd(event);
          }
        }
        this.#tellHeld();
        while (this.#stalled || this.#isFullStranger) await new Promise<void>((resolve) => (this.#room = resolve));
      }
      // The framer keeps copies.
      this.#duplex.release?.(chunk);
      const { done, value } = await this.#read();
      if (done) throw new NodeError("closed", "network", "the bytes ended without a close frame");
      chunk = value;
    }
  }

  #onEnd(event: Extract<FramerEvent, { closeCode: number }>): void {
    const answered = this.#state === "closing";
    this.#armClose();
    if (event.kind === "failed") {
      this.#failure = event.error;
      this.#result = { closeCode: event.closeCode, reason: event.error.message };
      if (!answered) this.#post(OPCODE.close, encodeClose(event.closeCode));
    } else {
      this.#result = { closeCode: event.closeCode, reason: event.reason };
      const echo = event.closeCode === CLOSE.noStatus ? undefined : event.closeCode;
      if (!answered) this.#post(OPCODE.close, encodeClose(echo));
    }
  }

  /** Counts what comes after we have said good-bye: a peer that goes on sending is not listened to until the time is up. */
  #afterClose(bytes: number): void {
    this.#bytesAfterClose += bytes;
    if (this.#bytesAfterClose > AFTER_CLOSE_BYTES) {
      this.#duplex.destroy(new NodeError("closed", "network", "the peer goes on after the close frame"));
    }
  }

  /** Ends the byte stream: the server first (RFC 6455 section 7.1.1), unless something went wrong. */
  async #drain(): Promise<void> {
    if (!this.#masks || this.#failure !== undefined) this.#writer.close().catch(() => {});
    try {
      for (let rest = await this.#reader.read(); !rest.done; rest = await this.#reader.read()) {
        this.#afterClose(rest.value.length);
      }
    } catch {
      // Reset or destroyed: it is over either way.
    }
    this.#writer.close().catch(() => {});
    await this.#duplex.closed;
  }

  async #read(): Promise<Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]>>> {
    const result = await this.#reader.read();
    if (result.value !== undefined) {
      this.traffic.bytesRead += result.value.length;
      if (this.#state === "closing") this.#afterClose(result.value.length);
      this.#lastReadMs = this.#options.clock.monotonic();
    }
    return result;
  }

  async #write(message: Message): Promise<void> {
    if (this.#state === "opening") await this.opened;
    if (this.#state !== "open") throw new NodeError("closed", "network", "the WebSocket is closed");
    if (typeof message === "string") await this.#frame(OPCODE.text, new TextEncoder().encode(message));
    else await this.#frame(OPCODE.binary, message);
  }

  #frame(opcode: Opcode, payload: Uint8Array): Promise<void> {
    return this.#send(encodeFrame(opcode, payload, this.#masks ? this.#options.random.bytes(4) : undefined));
  }

  /** Sends a frame without waiting; that it could not be sent shows in the reading. */
  #post(opcode: Opcode, payload: Uint8Array): void {
    this.#frame(opcode, payload).catch(() => {});
  }

  async #send(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
    this.traffic.bytesWritten += bytes.length;
  }

  /** The application has enough to read. */
  get #stalled(): boolean {
    return this.#state === "open" && this.#incoming.bytes >= (this.#options.queueBytes ?? QUEUE_BYTES);
  }

  /** It has begun more than may be held for a peer that has not introduced itself. */
  get #isFullStranger(): boolean {
    return !this.#isWelcome && this.#state === "open" && this.#failure === undefined &&
      this.#framer.heldBytes >= (this.#options.strangerBytesMax ?? Infinity);
  }

  #tellHeld(): void {
    const { onHeld } = this.#options;
    if (onHeld === undefined) return;
    const unread = this.#duplex.unreadBytes ?? 0;
    const held = this.#framer.heldBytes + this.#unframedBytes + this.#incoming.bytes + unread;
    if (held === this.#toldHeld) return;
    this.#toldHeld = held;
    onHeld(held);
  }

  #wake(): void {
    this.#tellHeld();
    this.#room?.();
    this.#room = undefined;
  }

  /** Ends the connection at once. */
  #abandon(failure: unknown): void {
    if (this.#state === "over" || this.#failure !== undefined) return;
    this.#failure = failure;
    this.#endStreams(failure);
    this.#duplex.destroy(failure);
  }

  /** No more messages either way; with `failure`, because of it. What is queued for the application stays readable. */
  #endStreams(failure?: unknown): void {
    this.#incoming.close(failure);
    this.#outgoing.error(failure ?? new NodeError("closed", "network", "the WebSocket is closed"));
    this.#wake();
  }

  #armClose(): void {
    this.#after(this.#options.closeTimeoutMs ?? 5_000, () => {
      this.#duplex.destroy(new NodeError("timeout", "network", "the closing handshake took too long"));
    });
  }

  #ponged(): void {
    if (this.#pingedAt === undefined) return;
    const ms = this.#options.clock.monotonic() - this.#pingedAt;
    this.#pingedAt = undefined;
    this.minimumPingMs = Math.min(this.minimumPingMs ?? Infinity, ms);
  }

  #keepAlive(): void {
    const { clock, pingIntervalMs, pongTimeoutMs, idleTimeoutMs } = this.#options;
    keepAlive({
      ...{ clock, pingIntervalMs, pongTimeoutMs, idleTimeoutMs },
      isOpen: () => this.#state === "open",
      isStalled: () => this.#stalled,
      bytesRead: () => this.traffic.bytesRead,
      lastReadMs: () => this.#lastReadMs,
      ping: () => {
        this.#pingedAt = clock.monotonic();
        this.#post(OPCODE.ping, NOTHING);
      },
      timedOut: (why) => this.#timedOut(why),
      after: (ms, callback) => void this.#after(ms, callback),
    });
  }

  #timedOut(why: string): void {
    if (this.#state !== "open") return;
    this.#abandon(new NodeError("timeout", "network", why));
  }

  /** A timer that ends with the connection. */
  #after(ms: number, callback: () => void): () => void {
    const stop = this.#options.clock.after(ms, () => {
      this.#cancels.delete(stop);
      callback();
    });
    this.#cancels.add(stop);
    return () => {
      this.#cancels.delete(stop);
      stop();
    };
  }
}

function asNodeError(cause: unknown): NodeError {
  if (cause instanceof NodeError) return cause;
  return new NodeError("closed", "network", messageOf(cause), { cause });
}
