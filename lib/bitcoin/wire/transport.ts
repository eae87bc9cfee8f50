/**
 * What the two Bitcoin transports have in common: bytes from the socket become frames, and messages become bytes for
 * the socket. Both are synchronous and hold no socket: the session feeds them and writes what they give.
 *
 * @module
 */

/** One message as it left the transport: its type and its payload, not yet decoded. */
export interface Frame {
  /** The message type, ASCII without padding, at most 12 characters: `"version"`, `"headers"`, … */
  readonly type: string;
  /** The payload. May alias the transport's buffer only when nothing will overwrite it: it is the receiver's to keep. */
  readonly payload: Uint8Array;
}

/** The longest payload that a peer may send, in bytes: Core's `MAX_PROTOCOL_MESSAGE_LENGTH` (net.h). */
export const PAYLOAD_BYTES_MAX = 4_000_000;

/** The length of the message type field of the v1 envelope, and of a type without short id in v2. */
export const TYPE_BYTES = 12;

/** A Bitcoin transport, v1 or v2. */
export interface Transport {
  /** Bytes of the messages that were thrown away, framing included: a bad checksum, a type that is none. */
  readonly droppedBytes: number;
  /**
   * Takes bytes as they came from the socket, in any cut, and gives the messages that they complete, in order. When the
   * peer broke the transport's rules, iterating throws a `NodeError` (fault `peer`) after the messages before that;
   * later calls throw it at once or when iterated, and the transport is unusable.
   */
  push(chunk: Uint8Array): Iterable<Frame>;
  /** The memory that bytes take which are not yet a message, in bytes. What was passed over is not among it. */
  readonly heldBytes: number;
  /** The bytes that carry one message. Throws `RangeError` when the type or the payload is too long. */
  pack(type: string, payload: Uint8Array): Uint8Array;
}

/** What a transport is at the moment, as `transport_protocol_type` of `getpeerinfo` names it. */
export type TransportKind = "detecting" | "v1" | "v2";

/**
 * A transport with a handshake of its own. Its driver writes what {@link NegotiatedTransport.drain} gives after
 * making it and after every chunk pushed, before anything that it packs later.
 */
export interface NegotiatedTransport extends Transport {
  readonly kind: TransportKind;
  /** BIP324's session id, 32 bytes that both ends can compare; absent in v1 and before the keys are known. */
  readonly sessionId: Uint8Array | undefined;
  /** Bytes that must be written now and that no message caused. Empty when there are none. */
  drain(): Uint8Array;
}
