/**
 * What every kind of WebSocket takes.
 *
 * @module
 */
import type { Clock, Random } from "../../core/ports.ts";

/** What every kind of WebSocket takes. */
export interface WebSocketOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes of one incoming message; a longer one ends the connection with 1009. */
  readonly messageBytesMax: number;
  /** Time for the opening handshake, from the call; 30,000 by default. */
  readonly handshakeTimeoutMs?: number;
  /** Time for the closing handshake and the end of the byte stream; 5,000 by default. */
  readonly closeTimeoutMs?: number;
  /** Sends a ping this often. Off by default. */
  readonly pingIntervalMs?: number;
  /** Ends the connection when nothing at all arrives for so long after a ping; half the interval by default. */
  readonly pongTimeoutMs?: number;
  /** Ends the connection when nothing arrives for so long, unless it is the application that does not read. */
  readonly idleTimeoutMs?: number;
  /** Bytes of messages that wait for the application before reading stops, and that wait to be sent; 64 KiB. */
  readonly queueBytes?: number;
  /** Told what is held here of what came, in bytes of memory: begun messages, and what waits for the application. */
  readonly onHeld?: (bytes: number) => void;
  /** Bytes of the first message, when it may be less than the others; a longer one ends the connection with 1009. */
  readonly firstMessageBytesMax?: number;
  /** What begun messages may hold before {@link PeerSocket.welcome}; at that, nothing more is read. No bound by default. */
  readonly strangerBytesMax?: number;
  /** Ends the connection: at once while it opens, with close code 1001 afterwards. */
  readonly signal?: AbortSignal;
}
