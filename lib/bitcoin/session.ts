/**
 * One Bitcoin connection, from the handshake to its last message. A session yields messages and, when it ends, the reason;
 * it knows no address book, chain or store. It answers pings, and ends peers that fall silent.
 *
 * @see spec sections a.4 (order), f.2 (timers)
 * @module
 */
import { addressText } from "../core/address-text.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import { type PeerExit, type PeerSession, stopped } from "../core/peer.ts";
import type { ByteDuplex, Clock, PeerAddress, Random } from "../core/ports.ts";
import type { Traffic } from "../core/traffic.ts";
import { HeaderBatch } from "./chain/header-batch.ts";
import { type HandshakeOptions, type PeerIntroduction, shakeHands } from "./handshake.ts";
import { Link } from "./link.ts";
import { decodeFault, disconnecting, exitFor } from "./peer-fault.ts";
import type { ConnectionType } from "./service.ts";
import { fromIp16, hostText } from "./types/mod.ts";
import { type AnyMessage, HeadersMessage, messageByType, Ping, Pong } from "./wire/mod.ts";
import type { Message } from "./wire/message.ts";
import type { NegotiatedTransport } from "./wire/transport.ts";

/** A message as the session hands it on: declared and decoded. */
export interface Incoming {
  readonly message: AnyMessage;
  /** The decoded payload; `message` tells its type. That of `headers` is a {@link HeaderBatch}. */
  readonly body: unknown;
}

/** How a session is opened. */
export interface SessionOptions extends Omit<HandshakeOptions, "remote"> {
  readonly transport: NegotiatedTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
  /** Hears, when the handshake fails, how many bytes the socket had taken from us. */
  readonly failed?: (bytesWritten: number) => void;
}

const HANDSHAKE_MS = 60_000;
const PING_INTERVAL_MS = 120_000;
/** A peer is gone when it has sent, or taken, nothing for so long, or left a ping unanswered. */
const SILENCE_MS = 20 * 60_000;
/** How often the timers are looked at when a ping is overdue; before it is, nothing can be. */
const WATCH_MS = 5_000;
/** From here on pings carry a nonce. */
const NONCE_VERSION = 60_001;
/** Messages that are handled before other peers get their turn. */
const YIELD_EVERY = 128;

/** A connection whose handshake is done. */
export class BitcoinSession implements PeerSession<Incoming> {
  /** What the peer said of itself. */
  readonly peer: PeerIntroduction;
  readonly link: Link;
  readonly connectionType: ConnectionType;
  /** Milliseconds of the last and of the quickest ping; undefined before the first pong. */
  pingMs: number | undefined;
  minimumPingMs: number | undefined;
  readonly #options: SessionOptions;
  readonly #ended = new AbortController();
  readonly #startedAt: number;
  #fault: Error | undefined;
  #ping: { readonly nonce: bigint; readonly sentAt: number } | undefined;
  #nextPing = 0;

  private constructor(link: Link, peer: PeerIntroduction, options: SessionOptions) {
    this.link = link;
    this.peer = peer;
    this.connectionType = options.connectionType;
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
  }

  /** Shakes hands within a minute. @throws BitcoinFault or NodeError with the reason; the socket is closed then */
  static async open(duplex: ByteDuplex, options: SessionOptions): Promise<BitcoinSession> {
    const { clock, signal } = options;
    const link = new Link(duplex, options.transport, clock);
    const { promise: late, reject } = Promise.withResolvers<never>();
    late.catch(() => {});
    const cancel = clock.after(HANDSHAKE_MS, () => {
      reject(disconnecting("handshake_timeout", `no handshake within ${HANDSHAKE_MS / 1000} s`));
    });
    const abort = () => reject(stopped());
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    const shaking = shakeHands(link, { ...options, remote: duplex.remote });
    shaking.catch(() => {});
    try {
      return new BitcoinSession(link, await Promise.race([shaking, late]), options);
    } catch (thrown) {
      options.failed?.(link.bytesWritten);
      link.destroy();
      throw thrown;
    } finally {
      cancel();
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Where the peer that we dialled sees us come from, by its own word. */
  get seenAs(): PeerAddress | undefined {
    const { seenAs } = this.peer;
    const place = seenAs && fromIp16(seenAs.ip);
    const host = place && hostText(place.network, place.address);
    return seenAs === undefined || host === undefined ? undefined : { host, port: seenAs.port };
  }

  get remote(): PeerAddress {
    return this.link.duplex.remote;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get label(): string {
    return addressText(this.remote);
  }

  get traffic(): Traffic {
    return this.link.traffic;
  }

  /** Milliseconds that an outstanding ping has waited. */
  get pingWaitMs(): number | undefined {
    return this.#ping === undefined ? undefined : this.#options.clock.monotonic() - this.#ping.sentAt;
  }

  async run(handle: (incoming: Incoming) => void | Promise<void>): Promise<PeerExit> {
    const abort = () => this.close();
    this.#options.signal?.addEventListener("abort", abort, { once: true });
    if (this.#options.signal?.aborted) abort();
    const watching = this.#watch();
    let exit: PeerExit;
    try {
      exit = await this.#read(handle);
    } catch (thrown) {
      exit = exitFor(this.#fault ?? thrown);
    } finally {
      this.#options.signal?.removeEventListener("abort", abort);
    }
    this.#end(new NodeError("closed", "network", exit.message));
    await watching;
    return exit;
  }

  /** Sends a message; resolves when the socket took it. @throws NodeError `closed` or `send_queue_full` */
  async send<T>(message: Message<string, T>, body: T): Promise<void> {
    await this.sendBytes(message, message.encode(body));
  }

  /** {@link send} for a payload that is already encoded. */
  async sendBytes(message: AnyMessage, payload: Uint8Array): Promise<void> {
    if (this.#ended.signal.aborted) throw stopped();
    try {
      await this.link.send(message.type, payload);
    } catch (thrown) {
      if (thrown instanceof NodeError && thrown.code === "send_queue_full") this.#end(thrown);
      throw thrown;
    }
  }

  /** {@link send} when nobody waits for it: a peer that has gone is no error. */
  post<T>(message: Message<string, T>, body: T): void {
    this.send(message, body).catch(() => {});
  }

  /** Pings now. */
  ping(): void {
    const { clock, random } = this.#options;
    this.#nextPing = clock.monotonic() + PING_INTERVAL_MS;
    if (this.peer.commonVersion < NONCE_VERSION) return this.post(Ping, { nonce: null });
    const nonce = new DataView(random.bytes(8).buffer).getBigUint64(0) | 1n;
    this.#ping = { nonce, sentAt: clock.monotonic() };
    this.post(Ping, { nonce });
  }

  close(): void {
    this.#end(stopped());
  }

  /** Ends the session for a reason that was found outside of it. */
  fail(fault: Error): void {
    this.#end(fault);
  }

  async #read(handle: (incoming: Incoming) => void | Promise<void>): Promise<PeerExit> {
    for (let count = 1;; count++) {
      const frame = await this.link.next();
      if (this.#fault !== undefined) throw this.#fault;
      if (frame === undefined) {
        return { code: "closed", fault: "network", message: "closed by the peer", banSeconds: 0 };
      }
      const message = messageByType(frame.type);
      if (message === undefined) continue;
      const handled = this.#dispatch(message, frame.payload, handle);
      // One message of a peer at a time, in their order: whoever is slow to handle stops the reading.
      if (handled !== undefined) await handled;
      if (count % YIELD_EVERY === 0) await this.#options.clock.sleep(0, this.signal);
    }
  }

  #dispatch(
    message: AnyMessage,
    payload: Uint8Array,
    handle: (incoming: Incoming) => void | Promise<void>,
  ): void | Promise<void> {
    // A second version or verack means nothing.
    if (message.phase === "handshake") return;
    if (message.phase === "negotiation") throw disconnecting("late_negotiation", `${message.type} after verack`);
    let body: unknown;
    try {
      // Headers come by the million: they are not made into objects first.
      body = message === HeadersMessage ? HeaderBatch.fromPayload(payload) : message.decode(payload);
    } catch (thrown) {
      const fault = decodeFault(message, thrown);
      if (fault !== undefined) throw fault;
      if (message === Pong) this.#ping = undefined;
      return;
    }
    if (message === Ping) return this.#onPing(body as { readonly nonce: bigint | null });
    if (message === Pong) return this.#onPong(body as { readonly nonce: bigint | null });
    const result = handle({ message, body });
    return result?.catch((thrown) => {
      throw thrown instanceof NodeError
        ? thrown
        : new NodeError("internal", "self", messageOf(thrown), { cause: thrown });
    });
  }

  #onPing({ nonce }: { readonly nonce: bigint | null }): void {
    if (nonce !== null && this.peer.commonVersion >= NONCE_VERSION) this.post(Pong, { nonce });
  }

  #onPong({ nonce }: { readonly nonce: bigint | null }): void {
    const ping = this.#ping;
    if (ping === undefined) return;
    if (nonce === ping.nonce) {
      this.pingMs = this.#options.clock.monotonic() - ping.sentAt;
      this.minimumPingMs = Math.min(this.minimumPingMs ?? Infinity, this.pingMs);
      this.#ping = undefined;
    } else if (nonce === null || nonce === 0n) this.#ping = undefined;
  }

  /** Pings, and ends a peer that fell silent. */
  async #watch(): Promise<void> {
    const { clock } = this.#options;
    while (!this.signal.aborted) {
      const silence = this.#silence();
      if (silence !== undefined) this.#end(disconnecting("silent", silence));
      else if (clock.monotonic() >= this.#nextPing && this.#ping === undefined) this.ping();
      await clock.sleep(Math.max(WATCH_MS, this.#nextPing - clock.monotonic()), this.signal).catch(() => {});
    }
  }

  #silence(): string | undefined {
    const { clock } = this.#options;
    if ((this.pingWaitMs ?? 0) > SILENCE_MS) return "left a ping unanswered for 20 minutes";
    const now = clock.now();
    const age = clock.monotonic() - this.#startedAt;
    if (age < SILENCE_MS) return undefined;
    if (now - this.traffic.received.lastTime > SILENCE_MS) return "sent nothing for 20 minutes";
    return this.link.pendingBytes > 0 && now - this.traffic.sent.lastTime > SILENCE_MS
      ? "took nothing for 20 minutes"
      : undefined;
  }

  /** Ends the connection. The first cause stands. */
  #end(cause: Error): void {
    this.#fault ??= cause;
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(new NodeError("closed", "network", cause.message));
    this.link.destroy();
  }
}
