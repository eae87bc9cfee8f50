/**
 * One Chia connection, from the handshake to its last frame. A session yields messages and, when it ends, the reason; it
 * knows no address book, chain or store.
 *
 * @see spec section b (dispatch, ids and replies), e (rate limits)
 * @module
 */
import { toHex } from "../codec/hex.ts";
import { equalBytes } from "../codec/sized.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import { RateLimiter } from "../core/limiter.ts";
import type { Clock, PeerSocket } from "../core/ports.ts";
import { Replies } from "../core/replies.ts";
import { encodeHandshake, judgeHandshake, type OwnHandshake } from "./handshake.ts";
import {
  apiFault,
  handshakeFault,
  PeerFault,
  politeEnd,
  protocolFault,
  rateFault,
  unsolicitedFault,
} from "./peer-fault.ts";
import {
  AGGREGATE_LIMIT,
  type Body,
  Capability,
  decodeEnvelope,
  DEFAULT_CAPABILITIES,
  encodeEnvelope,
  type Envelope,
  error as errorMessage,
  type Message,
  messageById,
  type NodeType,
  sharedCapabilities,
} from "./protocol/mod.ts";
import type { Infer } from "./streamable/mod.ts";
import type { Handshake } from "./types/mod.ts";

/** A message as the session hands it on: declared, its body still bytes. */
export interface Incoming {
  readonly message: Message;
  readonly id: number | null;
  readonly data: Uint8Array;
}

/** How a session ended. */
export interface PeerExit {
  readonly code: string;
  readonly fault: "peer" | "network" | "self";
  readonly message: string;
  readonly banSeconds: number;
}

/** Who handles what a peer sends unasked. A rejection with a {@link PeerFault} ends the session. */
export type IncomingHandler = (incoming: Incoming) => void | Promise<void>;

/** How a session is opened. */
export interface SessionOptions {
  readonly role: "dialler" | "acceptor";
  readonly own: OwnHandshake;
  /** SHA-256 of our certificate, to notice a connection to ourselves. */
  readonly ownNodeId: Uint8Array;
  /** SHA-256 of the peer's certificate. */
  readonly peerNodeId: Uint8Array;
  readonly clock: Clock;
  /** Time for the whole handshake: the reference allows 30 s when accepting and 120 s when dialling. */
  readonly handshakeTimeoutMs: number;
  /** Whether inbound rates are enforced; off only for hosts that are exempt by option. */
  readonly enforceRates: boolean;
  readonly signal?: AbortSignal;
}

const INBOUND_PERCENT = 100;
const OUTBOUND_PERCENT = 30;
const WALLET_OUTBOUND_PERCENT = 60;
/** Handlers of one peer that may run at once; at that, we stop reading. */
const HANDLERS_MAX = 16;
const LATE_IDS_MAX = 1_000;
const RATE_RETRY_MS = 1_000;
const WALLET = 6;

/** Replies that only come when asked for; unasked they cost 300 s (spec section b). */
const UNSOLICITED = new Set([
  "respond_block",
  "respond_blocks",
  "reject_block",
  "reject_blocks",
  "respond_transaction",
]);

async function readFrame(reader: ReadableStreamDefaultReader<Uint8Array | string>): Promise<Uint8Array> {
  const { done, value } = await reader.read();
  if (done) throw new NodeError("closed", "network", "the peer closed the connection during the handshake");
  if (typeof value === "string") throw politeEnd("TEXT_FRAME", "the peer sent a text frame");
  return value;
}

/** A connection whose handshake is done. */
export class ChiaSession {
  /** What the peer said of itself. */
  readonly peer: Handshake & { readonly nodeType: NodeType };
  readonly nodeId: Uint8Array;
  readonly socket: PeerSocket;
  /** Unix milliseconds of the last frame that came. */
  lastMessageTime: number;
  readonly #options: SessionOptions;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array | string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array | string>;
  readonly #replies: Replies<Message, Incoming>;
  readonly #inbound: RateLimiter;
  readonly #outbound: RateLimiter;
  readonly #v2: boolean;
  readonly #handlers = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  #fault: Error | undefined;

  private constructor(
    socket: PeerSocket,
    options: SessionOptions,
    peer: ChiaSession["peer"],
    reader: ChiaSession["socket"]["readable"] extends ReadableStream<infer F> ? ReadableStreamDefaultReader<F> : never,
    writer: WritableStreamDefaultWriter<Uint8Array | string>,
  ) {
    const { clock, own, role } = options;
    this.socket = socket;
    this.peer = peer;
    this.nodeId = options.peerNodeId;
    this.lastMessageTime = clock.now();
    this.#options = options;
    this.#reader = reader;
    this.#writer = writer;
    const capabilities = own.capabilities ?? DEFAULT_CAPABILITIES[own.nodeType];
    this.#v2 = sharedCapabilities(capabilities, peer.capabilities).has(Capability.RATE_LIMITS_V2);
    const range = role === "dialler" ? [0, 0x7fff] as const : [0x8000, 0xffff] as const;
    this.#replies = new Replies({ clock, range, lateMax: LATE_IDS_MAX });
    const limiter = (percentage: number, countRefused: boolean) =>
      new RateLimiter({ clock, aggregate: AGGREGATE_LIMIT, percentage, countRefused });
    this.#inbound = limiter(INBOUND_PERCENT, true);
    this.#outbound = limiter(own.nodeType === WALLET ? WALLET_OUTBOUND_PERCENT : OUTBOUND_PERCENT, false);
  }

  /**
   * Shakes hands. The dialler speaks first; the acceptor answers only a handshake that is right. On failure the socket is
   * closed with the reference's code.
   *
   * @throws PeerFault or NodeError with the reason
   */
  static async open(socket: PeerSocket, options: SessionOptions): Promise<ChiaSession> {
    const { role, own, clock } = options;
    let reader: ReadableStreamDefaultReader<Uint8Array | string> | undefined;
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(options.handshakeTimeoutMs, () => {
        reject(handshakeFault("INVALID_HANDSHAKE", `no handshake within ${options.handshakeTimeoutMs} ms`));
      });
      options.signal?.addEventListener("abort", () => reject(stopped()), { once: true });
    });
    late.catch(() => {});
    try {
      const { readable, writable } = await Promise.race([socket.opened, late]);
      if (equalBytes(options.peerNodeId, options.ownNodeId)) {
        throw politeEnd("SELF_CONNECTION", "the peer shows our own certificate: it is this node");
      }
      reader = readable.getReader();
      const writer = writable.getWriter();
      writer.closed.catch(() => {});
      if (role === "dialler") await Promise.race([writer.write(encodeHandshake(own)), late]);
      const peer = judgeHandshake(await Promise.race([readFrame(reader), late]), own.networkId);
      if (role === "acceptor") await Promise.race([writer.write(encodeHandshake(own, peer.nodeType)), late]);
      return new ChiaSession(socket, options, peer, reader, writer);
    } catch (thrown) {
      const fault = thrown instanceof PeerFault ? thrown.closing : { closeCode: 1000, reason: "" };
      socket.close(fault);
      reader?.cancel().catch(() => {});
      throw thrown;
    } finally {
      cancel();
    }
  }

  /** Aborts when the session has ended. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Short text that names the peer in logs. */
  get label(): string {
    return `${this.socket.remote.host}:${this.socket.remote.port} ${toHex(this.nodeId).slice(0, 8)}`;
  }

  /** Reads until the end. Never throws: why it ended is its result. */
  async run(handle: IncomingHandler): Promise<PeerExit> {
    const abort = () => this.close();
    this.#options.signal?.addEventListener("abort", abort, { once: true });
    let exit: PeerExit;
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.lastMessageTime = this.#options.clock.now();
        this.#dispatch(value, handle);
        if (this.#handlers.size >= HANDLERS_MAX) await Promise.race(this.#handlers);
        if (this.#fault !== undefined) throw this.#fault;
      }
      const { closeCode, reason } = await this.socket.closed;
      if (this.#fault !== undefined) throw this.#fault;
      exit = closedBy(closeCode, reason);
    } catch (thrown) {
      exit = this.#exitFor(this.#fault ?? thrown);
    } finally {
      this.#options.signal?.removeEventListener("abort", abort);
    }
    this.#end(exit);
    return exit;
  }

  /** Sends a message that expects no reply, or the reply to `id`. Waits while our own rate is used up. */
  async send<B extends Body>(
    message: Message<string, B>,
    body: Infer<B>,
    id: number | null = null,
  ): Promise<void> {
    // The declared struct encodes its own body; the generic cannot see through Struct<Fields>.
    await this.sendBytes(message, (message.body as Body).encode(body as never), id);
  }

  /** {@link send} for a body that is already encoded. */
  async sendBytes(message: Message, data: Uint8Array, id: number | null = null): Promise<void> {
    const rate = this.#rateOf(message);
    while (!this.#outbound.take(message.id, rate, data.length)) {
      // The reference drops peer lists that come too often and lets everything else wait.
      if (message.name === "respond_peers") return;
      if (data.length > rate.bytesMax) {
        throw new NodeError("too_big", "self", `${message.name} of ${data.length} bytes`);
      }
      await this.#options.clock.sleep(RATE_RETRY_MS, this.#ended.signal);
    }
    await this.#write({ type: message.id, id, data });
  }

  /**
   * Asks and waits for one of the declared replies, at most `timeoutMs` from sending.
   *
   * @throws NodeError `timeout`, `closed`, `no_answer` (an empty reply), `refused` (an `error` message)
   */
  async request<B extends Body>(message: Message<string, B>, body: Infer<B>, timeoutMs: number): Promise<Incoming> {
    const data = (message.body as Body).encode(body as never);
    const rate = this.#rateOf(message);
    while (!this.#outbound.take(message.id, rate, data.length)) {
      await this.#options.clock.sleep(RATE_RETRY_MS, this.#ended.signal);
    }
    const { id, answer } = this.#replies.ask(message, timeoutMs);
    await this.#write({ type: message.id, id, data });
    const reply = await answer;
    if (reply.message.id === errorMessage.id) {
      throw new NodeError("refused", "peer", `the peer answered ${message.name} with an error`);
    }
    return reply;
  }

  /** Closes in order, for no fault. */
  close(): void {
    this.#fault ??= stopped();
    this.socket.close({ closeCode: 1000, reason: "" });
    this.#reader.cancel().catch(() => {});
  }

  /** Ends the session for a fault that was found outside of it. */
  fail(fault: PeerFault): void {
    this.#fault ??= fault;
    this.socket.close(fault.closing);
    this.#reader.cancel().catch(() => {});
  }

  async #write(envelope: Envelope): Promise<void> {
    if (this.#ended.signal.aborted) throw stopped();
    try {
      await this.#writer.write(encodeEnvelope(envelope));
    } catch (cause) {
      throw new NodeError("closed", "network", "the connection is closed", { cause });
    }
  }

  #rateOf(message: Message) {
    return (this.#v2 ? message.limits.v2 : undefined) ?? message.limits.v1;
  }

  #dispatch(frame: Uint8Array | string, handle: IncomingHandler): void {
    if (typeof frame === "string") throw politeEnd("TEXT_FRAME", "the peer sent a text frame");
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(frame);
    } catch (cause) {
      throw protocolFault(`a frame of ${frame.length} bytes is not a message: ${messageOf(cause)}`, cause);
    }
    const message = messageById(envelope.type);
    if (message === undefined) throw protocolFault(`unknown message type ${envelope.type}`);
    const { id, data } = envelope;
    if (!this.#inbound.take(message.id, this.#rateOf(message), data.length) && this.#options.enforceRates) {
      throw rateFault(`too many or too large: ${message.name} of ${data.length} bytes`);
    }
    const incoming = { message, id, data };
    if (id !== null && this.#isReply(incoming, id)) return;
    this.#accept(incoming);
    this.#start(handle, incoming);
  }

  /** Routes a message by its id; true when it needs no further handling. */
  #isReply(incoming: Incoming, id: number): boolean {
    const question = this.#replies.questionOf(id);
    if (question === undefined) return this.#replies.excuse(id);
    const { message } = incoming;
    const replies = question.replies();
    if (message.id !== errorMessage.id && replies.length > 0 && !replies.some((reply) => reply.id === message.id)) {
      throw protocolFault(`${message.name} in answer to ${question.name}`);
    }
    return this.#replies.settle(id, incoming);
  }

  /** Refuses what this node type may not send or we do not handle. */
  #accept({ message }: Incoming): void {
    const { own } = this.#options;
    if (UNSOLICITED.has(message.name)) throw unsolicitedFault(`${message.name} that was not asked for`);
    const known = message.id === errorMessage.id || message.handledBy.includes(own.nodeType);
    if (!known || !message.sentBy.includes(this.peer.nodeType)) {
      throw apiFault(`${message.name} from node type ${this.peer.nodeType}`);
    }
  }

  #start(handle: IncomingHandler, incoming: Incoming): void {
    const result = handle(incoming);
    if (result === undefined) return;
    const running = result.catch((thrown) => {
      if (this.#ended.signal.aborted) return;
      this.fail(
        thrown instanceof PeerFault ? thrown : apiFault(`${incoming.message.name}: ${messageOf(thrown)}`, thrown),
      );
    }).finally(() => this.#handlers.delete(running));
    this.#handlers.add(running);
  }

  #exitFor(thrown: unknown): PeerExit {
    if (thrown instanceof PeerFault) {
      this.socket.close(thrown.closing);
      this.#reader.cancel().catch(() => {});
      return { code: thrown.code, fault: "peer", message: thrown.message, banSeconds: thrown.banSeconds };
    }
    this.socket.close({ closeCode: 1000, reason: "" });
    if (!(thrown instanceof NodeError)) {
      return { code: "internal", fault: "self", message: messageOf(thrown), banSeconds: 0 };
    }
    // The transport knows no prices: an oversized message is a breach of the rate, anything else of the protocol.
    const banSeconds = thrown.fault !== "peer" ? 0 : thrown.code === "websocket_too_big" ? 300 : 10;
    return { code: thrown.code, fault: thrown.fault, message: thrown.message, banSeconds };
  }

  #end(exit: PeerExit): void {
    this.#replies.failAll(new NodeError("closed", "network", exit.message));
    this.#ended.abort(new NodeError("closed", "network", exit.message));
  }
}

function stopped(): NodeError {
  return new NodeError("stopped", "self", "the connection was closed by this node");
}

function closedBy(closeCode: number, reason: string): PeerExit {
  const said = reason === "" ? "" : `, reason ${reason}`;
  return {
    code: "closed",
    fault: "network",
    message: `closed by the peer with code ${closeCode}${said}`,
    banSeconds: 0,
  };
}
