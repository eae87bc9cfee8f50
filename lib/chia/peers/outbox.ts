/**
 * What one connection sends: each message waits until our own rate allows it.
 *
 * @see spec section e
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { RateLimiter } from "../../core/peers/limiter.ts";
import { stopped } from "../../core/peers/peer.ts";
import type { MemoryAccount } from "../../core/peers/memory-budget.ts";
import type { Clock } from "../../core/ports.ts";
import type { Traffic } from "../../core/peers/traffic.ts";
import { AGGREGATE_LIMIT, encodeEnvelope, type Message, NodeType, type RateLimit } from "../protocol/mod.ts";

/** We stay this far below what the other side enforces, as the reference does. */
const PERCENT = 30;
const WALLET_PERCENT = 60;
const RETRY_MS = 1_000;

/** What an {@link Outbox} needs. */
export interface OutboxParts {
  readonly clock: Clock;
  readonly writer: WritableStreamDefaultWriter<Uint8Array | string>;
  /** Our own node type: a wallet may send more. */
  readonly nodeType: NodeType;
  readonly rateOf: (message: Message) => RateLimit;
  /** Aborts when the session has ended. */
  readonly signal: AbortSignal;
  /** Whether our own rate holds here; the reference does not hold itself back where the other side does not count. */
  readonly isPaced: boolean;
  readonly traffic: Traffic;
  readonly memory?: MemoryAccount | undefined;
}

/** The sending side of a session. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #limiter: RateLimiter;
  /** Bytes that wait for our rate, or that the socket has not taken yet. */
  #waiting = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    const percentage = parts.nodeType === NodeType.WALLET ? WALLET_PERCENT : PERCENT;
    this.#limiter = new RateLimiter({
      clock: parts.clock,
      aggregate: AGGREGATE_LIMIT,
      percentage,
      countRefused: false,
    });
  }

  /**
   * Waits for room in our own rate. False for a message that is to be dropped instead.
   *
   * @throws NodeError `too_big` when no rate would ever let it through, or why the session ended
   */
  async admit(message: Message, bytes: number): Promise<boolean> {
    const { clock, signal, isPaced } = this.#parts;
    if (!isPaced) return true;
    const rate = this.#parts.rateOf(message);
    while (!this.#limiter.take(message.id, rate, bytes)) {
      // The reference drops peer lists that come too often and lets everything else wait.
      if (message.name === "respond_peers") return false;
      if (bytes > rate.bytesMax) throw new NodeError("too_big", "self", `${message.name} of ${bytes} bytes`);
      this.#hold(bytes);
      await clock.sleep(RETRY_MS, signal).finally(() => this.#hold(-bytes));
    }
    return true;
  }

  /** Writes an admitted message. @throws NodeError `closed` or `stopped` */
  async write(message: Message, data: Uint8Array, id: number | null): Promise<void> {
    const { writer, signal, traffic } = this.#parts;
    if (signal.aborted) throw stopped();
    const frame = encodeEnvelope({ type: message.id, id, data });
    traffic.countSent(message.name, frame.length);
    this.#hold(frame.length);
    try {
      await writer.write(frame);
    } catch (cause) {
      throw new NodeError("closed", "network", "the connection is closed", { cause });
    } finally {
      this.#hold(-frame.length);
    }
  }

  #hold(bytes: number): void {
    this.#parts.memory?.set("out", this.#waiting += bytes);
  }
}
