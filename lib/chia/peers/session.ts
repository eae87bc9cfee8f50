/**
 * One Chia connection, from the handshake to its last frame. A session yields messages and, when it ends, the reason; it
 * knows no address book, chain or store.
 *
 * @see spec section b (dispatch, ids and replies), e (rate limits)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { addressText } from "../../core/address-text.ts";
import { messageOf, NodeError } from "../../core/errors.ts";
import { RateLimiter } from "../../core/peers/limiter.ts";
import { type PeerExit, type PeerSession, stopped } from "../../core/peers/peer.ts";
import type { PeerAddress, PeerSocket } from "../../core/ports.ts";
import { Replies } from "../../core/peers/replies.ts";
import type { Traffic } from "../../core/peers/traffic.ts";
import { type Turn, Turns } from "../../core/peers/turns.ts";
import { admit, type Incoming, readFrame } from "./admission.ts";
import { type Opened, type SessionOptions, shakeHands } from "./opening.ts";
import { Outbox } from "./outbox.ts";
import { chiaExitFor, closedBy } from "./exit.ts";
import { apiFault, PeerFault, protocolFault, rateFault } from "./faults.ts";
import {
  AGGREGATE_LIMIT,
  type Body,
  Capability,
  error as errorMessage,
  type Message,
  type RateLimit,
} from "../protocol/mod.ts";
import type { RequestWindows } from "./request-windows.ts";
import type { Infer } from "../streamable/mod.ts";

export type { Incoming, SessionOptions };

/** Handles what a peer sends unasked. A rejection with a {@link PeerFault} ends the session. */
export type IncomingHandler = (incoming: Incoming) => void | Promise<void>;

const INBOUND_PERCENT = 100;
/** Handlers of one peer that may run at once; at that, we stop reading. */
const HANDLERS_MAX = 16;
const LATE_IDS_MAX = 1_000;
/** Ids of our questions: the side that dialled has the lower half. */
const ID_RANGE = { dialler: [0, 0x7fff], acceptor: [0x8000, 0xffff] } as const;

/** A connection whose handshake is done. */
export class ChiaSession implements PeerSession<Incoming> {
  /** What the peer said of itself. */
  readonly peer: Opened["peer"];
  readonly nodeId: Uint8Array;
  readonly socket: PeerSocket;
  readonly traffic: Traffic;
  /** Unix milliseconds of the last frame that came. */
  lastMessageTime: number;
  readonly #options: SessionOptions;
  readonly #reader: Opened["reader"];
  readonly #outbox: Outbox;
  readonly #replies: Replies<Message, Incoming>;
  readonly #inbound: RateLimiter;
  readonly #v2: boolean;
  readonly #windows: RequestWindows | undefined;
  readonly #turn: Turn;
  readonly #handlers = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  /** Aborts when the session ends: by the peer, or as soon as {@link close} or {@link fail} is called. Kept, because the runtime's own property is slow. */
  readonly signal: AbortSignal = this.#ended.signal;
  #fault: Error | undefined;
  /** Bytes of messages whose handlers are not done. */
  #workBytes = 0;

  private constructor({ socket, peer, reader, writer, traffic, shared, windows }: Opened, options: SessionOptions) {
    const { clock, own, role } = options;
    this.socket = socket;
    this.traffic = traffic;
    this.peer = peer;
    this.nodeId = options.peerNodeId;
    this.lastMessageTime = clock.now();
    this.#options = options;
    this.#turn = (options.turns ?? new Turns(clock)).join();
    this.#reader = reader;
    this.#v2 = shared.has(Capability.RATE_LIMITS_V2);
    this.#windows = windows;
    this.#replies = new Replies({ clock, range: ID_RANGE[role], lateMax: LATE_IDS_MAX });
    this.#inbound = new RateLimiter({
      clock,
      aggregate: AGGREGATE_LIMIT,
      percentage: INBOUND_PERCENT,
      countRefused: true,
    });
    this.#outbox = new Outbox({
      clock,
      writer,
      nodeType: own.nodeType,
      rateOf: (message) => this.#rateOf(message),
      signal: this.#ended.signal,
      isPaced: options.enforceRates,
      traffic,
      memory: options.memory,
    });
  }

  /** Shakes hands, see {@link shakeHands}. @throws PeerFault or NodeError with the reason; the socket is closed then */
  static async open(socket: PeerSocket, options: SessionOptions): Promise<ChiaSession> {
    return new ChiaSession(await shakeHands(socket, options), options);
  }

  get remote(): PeerAddress {
    return this.socket.remote;
  }

  /** Whether something was asked of the peer that has not come. */
  get isAwaited(): boolean {
    return this.#replies.open > 0;
  }

  /** Short text that names the peer in logs. */
  get label(): string {
    return `${addressText(this.socket.remote)} ${toHex(this.nodeId).slice(0, 8)}`;
  }

  /**
   * Reads until the end. Never throws: why it ended is its result. No handler runs any more when it has come; the socket
   * may still wait for the peer's close frame, see `socket.closed`.
   */
  async run(handle: IncomingHandler): Promise<PeerExit> {
    const abort = () => this.close();
    this.#options.signal?.addEventListener("abort", abort, { once: true });
    if (this.#options.signal?.aborted) abort();
    let exit: PeerExit;
    try {
      exit = await this.#read(handle);
    } catch (thrown) {
      const cause = this.#fault ?? thrown;
      this.#end(cause instanceof Error ? cause : new Error(messageOf(cause)));
      exit = chiaExitFor(cause);
    } finally {
      this.#options.signal?.removeEventListener("abort", abort);
    }
    this.#end(new NodeError("closed", "network", exit.message));
    await Promise.all(this.#handlers);
    return exit;
  }

  /** Sends a message that expects no reply, or the reply to `id`. Waits while our own rate is used up. */
  async send<B extends Body>(message: Message<string, B>, body: Infer<B>, id: number | null = null): Promise<void> {
    // The declared struct encodes its own body; the generic cannot see through Struct<Fields>.
    await this.sendBytes(message, (message.body as Body).encode(body as never), id);
  }

  /** {@link send} for a body that is already encoded. */
  async sendBytes(message: Message, data: Uint8Array, id: number | null = null): Promise<void> {
    const isAdmitted = this.#windows?.freesAnswer(message, id) === true ||
      await this.#outbox.admit(message, data.length);
    if (isAdmitted) await this.#outbox.write(message, data, id);
  }

  /**
   * Asks and waits for one of the declared replies, at most `timeoutMs` from sending. When `signal` aborts, the answer is
   * no longer waited for.
   *
   * @throws NodeError `timeout`, `closed`, `no_answer` (an empty reply), `refused` (an `error` message)
   */
  async request<B extends Body>(
    message: Message<string, B>,
    body: Infer<B>,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Incoming> {
    signal?.throwIfAborted();
    const data = (message.body as Body).encode(body as never);
    const windows = this.#windows?.tracks(message) ? this.#windows : undefined;
    if (windows === undefined) await this.#outbox.admit(message, data.length);
    else await windows.take(message, signal === undefined ? this.signal : AbortSignal.any([signal, this.signal]));
    const askedAt = this.#options.clock.monotonic();
    const { id, answer } = this.#replies.ask(message, timeoutMs);
    const giveUp = () => this.#replies.withdraw(id, stopped());
    signal?.addEventListener("abort", giveUp, { once: true });
    if (signal?.aborted) giveUp();
    try {
      // A peer that does not read must not hold us longer than one that does not answer.
      await Promise.race([this.#outbox.write(message, data, id), answer]);
      const reply = await answer;
      this.traffic.answered(message.name, this.#options.clock.monotonic() - askedAt);
      if (reply.data.length === 0) throw new NodeError("no_answer", "peer", `an empty answer to ${message.name}`);
      if (reply.message.id !== errorMessage.id) return reply;
      throw new NodeError("refused", "peer", `the peer answered ${message.name} with an error`);
    } finally {
      signal?.removeEventListener("abort", giveUp);
      giveUp();
      windows?.give(message);
    }
  }

  /** Counts what the peer handed over and what waits, see {@link MemoryAccount.hold}. */
  hold(bytes: number, letGo: () => void): () => void {
    return this.#options.memory?.hold(bytes, letGo) ?? (() => {});
  }

  /** Closes in order, for no fault. */
  close(): void {
    this.#end(stopped());
  }

  /** Ends the session for a fault that was found outside of it. */
  fail(fault: PeerFault): void {
    this.#end(fault);
  }

  async #read(handle: IncomingHandler): Promise<PeerExit> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      // From here on until its handler is done it is in work.
      const release = this.#work(value?.length ?? 0);
      const wait = this.#turn.next();
      if (wait !== undefined) await wait;
      if (this.#fault !== undefined) throw this.#fault;
      if (done) break;
      this.lastMessageTime = this.#options.clock.now();
      const running = this.#turn.work(() => this.#dispatch(value, handle));
      if (running === undefined) release();
      else void running.then(release);
      if (this.#handlers.size >= HANDLERS_MAX) await Promise.race(this.#handlers);
    }
    const { closeCode, reason } = await this.socket.closed;
    return closedBy(closeCode, reason);
  }

  #rateOf(message: Message): RateLimit {
    return (this.#v2 ? message.limits.v2 : undefined) ?? message.limits.v1;
  }

  /** Counts bytes as in work; the function that is given takes them off again. */
  #work(bytes: number): () => void {
    const { memory } = this.#options;
    memory?.set("work", this.#workBytes += bytes);
    return () => memory?.set("work", this.#workBytes -= bytes);
  }

  #dispatch(frame: Uint8Array | string, handle: IncomingHandler): Promise<void> | undefined {
    const incoming = readFrame(frame);
    const { message, id, data } = incoming;
    this.traffic.countReceived(message.name, frame.length);
    const isFree = this.#windows?.covers(message) === true;
    if (!isFree && !this.#inbound.take(message.id, this.#rateOf(message), data.length) && this.#options.enforceRates) {
      throw rateFault(`too many or too large: ${message.name} of ${data.length} bytes`);
    }
    if (id !== null && this.#isReply(incoming, id)) return undefined;
    admit(incoming, this.#options.own.nodeType, this.peer.nodeType);
    return this.#start(handle, incoming);
  }

  /** Routes a message by its id; true when it needs no further handling. */
  #isReply(incoming: Incoming, id: number): boolean {
    const question = this.#replies.questionOf(id);
    if (question === undefined) return this.#replies.excuse(id);
    const { message, data } = incoming;
    // An empty body is "no answer" whatever its type, and an error may answer anything.
    const fits = data.length === 0 || message.id === errorMessage.id ||
      question.replies().some((reply) => reply.id === message.id);
    if (!fits) throw protocolFault(`${message.name} in answer to ${question.name}`);
    return this.#replies.settle(id, incoming);
  }

  /** What it gives settles when the handler is done, and never rejects. */
  #start(handle: IncomingHandler, incoming: Incoming): Promise<void> | undefined {
    const { message } = incoming;
    if (this.#windows?.enter(message) === false && this.#options.enforceRates) {
      throw rateFault(`too many at a time: ${message.name}`);
    }
    const result = handle(incoming);
    if (result === undefined) {
      this.#windows?.leave(message);
      return undefined;
    }
    const running = result.catch((thrown) => {
      // A disk that fails us is nothing that the peer did.
      if (thrown instanceof NodeError && thrown.fault === "self") return this.#end(thrown);
      this.fail(
        thrown instanceof PeerFault ? thrown : apiFault(`${incoming.message.name}: ${messageOf(thrown)}`, thrown),
      );
    }).finally(() => {
      this.#windows?.leave(message);
      this.#handlers.delete(running);
    });
    this.#handlers.add(running);
    return running;
  }

  /** Closes the socket and lets go of all who wait. The first cause stands. */
  #end(cause: Error): void {
    this.#fault ??= cause;
    if (this.#ended.signal.aborted) return;
    const error = new NodeError("closed", "network", cause.message);
    this.#ended.abort(error);
    this.#replies.failAll(error);
    this.socket.close(cause instanceof PeerFault ? cause.closing : { closeCode: 1000, reason: "" });
    this.#reader.cancel().catch(() => {});
  }
}
