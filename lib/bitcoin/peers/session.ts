/**
 * One Bitcoin connection, from the handshake to its last message. A session yields messages and, when it ends, the reason;
 * it knows no address book, chain or store. It answers pings, and ends peers that fall silent.
 *
 * @see spec sections a.4 (order), f.2 (timers)
 * @module
 */
import { Reader } from "../../codec/reader.ts";
import { addressText } from "../../core/address-text.ts";
import { messageOf, NodeError } from "../../core/errors.ts";
import { exitFor, type PeerExit, type PeerSession, stopped } from "../../core/peers/peer.ts";
import type { ByteDuplex, Clock, PeerAddress, Random } from "../../core/ports.ts";
import type { Traffic } from "../../core/peers/traffic.ts";
import { type Turn, Turns } from "../../core/peers/turns.ts";
import { HeaderBatch } from "../headers/header-batch.ts";
import { type HandshakeOptions, type PeerIntroduction, shakeHands } from "./handshake.ts";
import { Link, type LinkOptions } from "./link.ts";
import { decodeFault, disconnecting, tooLate } from "./faults.ts";
import type { ConnectionType } from "./view.ts";
import { fromIp16, hostText, InventoryBatch } from "../types/mod.ts";
import { type AnyMessage, GetData, HeadersMessage, Inv, messageByType, Ping, Pong, SendTxRcncl } from "../wire/mod.ts";
import type { Message } from "../wire/message.ts";
import type { NegotiatedTransport } from "../wire/transport.ts";

/** Messages of so many entries that they are not made into objects before they are needed. */
const BATCHES: ReadonlyMap<AnyMessage, (payload: Uint8Array) => unknown> = new Map<
  AnyMessage,
  (payload: Uint8Array) => unknown
>([
  [HeadersMessage, HeaderBatch.fromPayload],
  [GetData, InventoryBatch.fromPayload],
  [Inv, InventoryBatch.fromPayload],
]);

/** A message as the session hands it on: declared and decoded. */
export interface Incoming {
  readonly message: AnyMessage;
  /** The decoded payload; `message` tells its type. That of `headers` is a {@link HeaderBatch}, those of `getdata` and `inv` are {@link InventoryBatch}es. */
  readonly body: unknown;
}

/** How a session is opened. */
export interface SessionOptions extends Omit<HandshakeOptions, "remote">, LinkOptions {
  readonly transport: NegotiatedTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
  /** Milliseconds for the handshake; a minute when absent. */
  readonly handshakeMs?: number;
  /** The line in which all peers of the node wait for their turns; one of its own when absent. */
  readonly turns?: Turns;
  /** Hears of the link when it stands; the function that comes back is called when the handshake is over. */
  readonly began?: (link: Link) => () => void;
  /** Hears, when the handshake fails, how many bytes the socket had taken from us. */
  readonly failed?: (bytesWritten: number) => void;
}

/** How long the handshake may take unless the operator says otherwise. */
const HANDSHAKE_MS = 60_000;
const PING_INTERVAL_MS = 120_000;
/** A peer is gone when it has sent, or taken, nothing for so long, or left a ping unanswered. */
const SILENCE_MS = 20 * 60_000;
/** How often the timers are checked when a ping is overdue; before it is, nothing can be. */
const WATCH_MS = 5_000;
/** From here on pings carry a nonce. */
const NONCE_VERSION = 60_001;

/** A connection whose handshake is done. */
export class BitcoinSession implements PeerSession<Incoming> {
  /** What the peer said of itself. */
  readonly peer: PeerIntroduction;
  readonly link: Link;
  readonly connectionType: ConnectionType;
  /** Milliseconds of the last and of the quickest ping; undefined before the first pong. */
  pingMs: number | undefined;
  minimumPingMs: number | undefined;
  /** Whether more is awaited than the first answer to a question: what was asked together comes in many messages. */
  awaitsMore: () => boolean = () => false;
  readonly #options: SessionOptions;
  readonly #ended = new AbortController();
  /** Kept, because the runtime's own property is slow, and this is read for every message. */
  readonly signal: AbortSignal = this.#ended.signal;
  readonly #startedAt: number;
  #fault: Error | undefined;
  #ping: { readonly nonce: bigint; readonly sentAt: number } | undefined;
  #nextPing = 0;
  /** What the socket had taken from us when we looked last, and when that had become more. */
  #taken = { bytes: 0, at: 0 };
  /** When each question was sent that has no answer yet; the first of each kind. */
  readonly #asked = new Map<AnyMessage, number>();
  readonly #turn: Turn;

  private constructor(link: Link, peer: PeerIntroduction, options: SessionOptions) {
    this.link = link;
    this.peer = peer;
    this.connectionType = options.connectionType;
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    this.#taken = { bytes: link.bytesWritten, at: this.#startedAt };
    this.#turn = (options.turns ?? new Turns(options.clock)).join();
  }

  /** Shakes hands within a minute. @throws BitcoinFault or NodeError with the reason; the socket is closed then */
  static async open(duplex: ByteDuplex, options: SessionOptions): Promise<BitcoinSession> {
    const { clock, signal } = options;
    const link = new Link(duplex, options.transport, options);
    const leave = options.began?.(link) ?? (() => {});
    const { promise: late, reject } = Promise.withResolvers<never>();
    const { handshakeMs = HANDSHAKE_MS } = options;
    const cancel = clock.after(handshakeMs, () => {
      reject(tooLate("handshake_timeout", `no handshake within ${handshakeMs / 1000} s`));
    });
    const abort = () => reject(stopped());
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    const shaking = shakeHands(link, { ...options, remote: duplex.remote });
    try {
      const peer = await Promise.race([shaking, late]);
      link.welcome();
      return new BitcoinSession(link, peer, options);
    } catch (thrown) {
      options.failed?.(link.bytesWritten);
      link.destroy();
      throw thrown;
    } finally {
      leave();
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

  get label(): string {
    return addressText(this.remote);
  }

  get traffic(): Traffic {
    return this.link.traffic;
  }

  /** Whether data was asked of the peer that has not come. */
  get isAwaited(): boolean {
    return this.awaitsMore() || this.#asked.has(GetData);
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

  /**
   * Sends a message; resolves when the socket took it. `awaits`: whether the peer counts as awaited until it has answered.
   * @throws NodeError `closed` or `send_queue_full`
   */
  send<T>(message: Message<string, T>, body: T, awaits = true): Promise<void> {
    let payload: Uint8Array;
    try {
      payload = message.encode(body);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    return this.sendBytes(message, payload, awaits);
  }

  /** {@link send} for a payload that is already encoded. */
  sendBytes(message: AnyMessage, payload: Uint8Array, awaits = true): Promise<void> {
    if (this.#fault !== undefined) return Promise.reject(stopped());
    if (awaits && message.replies().length > 0 && !this.#asked.has(message)) {
      this.#asked.set(message, this.#options.clock.monotonic());
    }
    const overflow = this.link.overflow();
    if (overflow === undefined) return this.link.send(message.type, payload);
    this.#end(overflow);
    return Promise.reject(overflow);
  }

  /**
   * Counts what this peer handed over and what waits for its turn, until the returned function is called.
   * @see MemoryAccount.hold
   */
  hold(bytes: number, letGo: () => void): () => void {
    return this.#options.memory?.hold(bytes, letGo) ?? (() => {});
  }

  /** {@link send} when nobody waits for it: a peer that has gone is no error. */
  post<T>(message: Message<string, T>, body: T, awaits = true): void {
    this.send(message, body, awaits).catch(() => {});
  }

  /** Pings now. */
  ping(): void {
    const { clock, random } = this.#options;
    this.#nextPing = clock.monotonic() + PING_INTERVAL_MS;
    if (this.peer.commonVersion < NONCE_VERSION) return this.post(Ping, { nonce: null });
    const nonce = new Reader(random.bytes(8)).u64() | 1n;
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
    for (;;) {
      const frame = await this.link.next();
      // A peer that does not read our answers gets no more of them, and no message goes before its turn.
      const wait = this.link.room() ?? this.#turn.next();
      if (wait !== undefined) await wait;
      if (this.#fault !== undefined) throw this.#fault;
      if (frame === undefined) {
        return { code: "closed", fault: "network", message: "closed by the peer" };
      }
      const message = messageByType(frame.type);
      const handled = this.#turn.work(() => message && this.#dispatch(message, frame.payload, handle));
      // One message of a peer at a time, in their order: a slow handler stops the reading.
      if (handled !== undefined) await handled;
    }
  }

  #dispatch(
    message: AnyMessage,
    payload: Uint8Array,
    handle: (incoming: Incoming) => void | Promise<void>,
  ): void | Promise<void> {
    this.#noteAnswer(message);
    // A second version or verack means nothing.
    if (message.phase === "handshake") return;
    // We offer no reconciliation, so that an offer of it means nothing whenever it comes.
    if (message === SendTxRcncl) return;
    if (message.phase === "negotiation") throw disconnecting("late_negotiation", `${message.type} after verack`);
    let body: unknown;
    try {
      body = (BATCHES.get(message) ?? message.decode)(payload);
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

  #noteAnswer(message: AnyMessage): void {
    if (this.#asked.size === 0) return;
    for (const [question, askedAt] of this.#asked) {
      if (!question.replies().includes(message)) continue;
      this.#asked.delete(question);
      this.traffic.answered(question.type, this.#options.clock.monotonic() - askedAt);
    }
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
      this.#noteTaken();
      const silence = this.#silence();
      if (silence !== undefined) this.#end(tooLate("silent", silence));
      else if (clock.monotonic() >= this.#nextPing && this.#ping === undefined) this.ping();
      await clock.sleep(Math.max(WATCH_MS, this.#nextPing - clock.monotonic()), this.signal).catch(() => {});
    }
  }

  /** Only what the socket took counts: by the pings that we send, a peer that reads nothing would seem alive. */
  #noteTaken(): void {
    const { bytesWritten: bytes, pendingBytes } = this.link;
    if (pendingBytes > 0 && bytes === this.#taken.bytes) return;
    this.#taken = { bytes, at: this.#options.clock.monotonic() };
  }

  #silence(): string | undefined {
    const { clock, handshakeMs = HANDSHAKE_MS } = this.#options;
    // A peer has the time that the operator gives it before it is judged at all (Core's ShouldRunInactivityChecks).
    if (clock.monotonic() - this.#startedAt <= handshakeMs) return undefined;
    if ((this.pingWaitMs ?? 0) > SILENCE_MS) return "left a ping unanswered for 20 minutes";
    // By the monotonic clock: a wall clock that is set right must not end every connection.
    const now = clock.monotonic();
    if (now - this.traffic.received.lastAt > SILENCE_MS) return "sent nothing for 20 minutes";
    return now - this.#taken.at > SILENCE_MS ? "took nothing for 20 minutes" : undefined;
  }

  /** Ends the connection. The first cause stands. */
  #end(cause: Error): void {
    this.#fault ??= cause;
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(new NodeError("closed", "network", cause.message));
    this.link.destroy();
  }
}
