/**
 * How a message is declared. A declaration is all there is to a message: dispatch, limits, short ids, tests and
 * documents are derived from it.
 *
 * @module
 */
import { within } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { Codec } from "../codec/mod.ts";
import { PAYLOAD_BYTES_MAX } from "./transport.ts";

/**
 * What a fault in a payload costs the peer. `drop`: the message is ignored; `disconnect`: the connection ends;
 * `discourage`: and the address is not wanted for a while (Core's Misbehaving).
 */
export type Consequence = "drop" | "disconnect" | "discourage";

/**
 * When a message has its place. `handshake`: it is the handshake; `negotiation`: between version and verack only, and a
 * late one disconnects; `early`: from then on; `session`: after verack, ignored before.
 */
export type Phase = "handshake" | "negotiation" | "early" | "session";

/** What {@link message} takes. */
export interface MessageDeclaration<N extends string, T> {
  /** The type on the wire, ASCII, at most 12 characters. */
  readonly type: N;
  /** The one-byte type of BIP324; absent for messages that travel under their name there too. */
  readonly shortId?: number;
  /** What it is for and where it is specified; one sentence each. */
  readonly summary: string;
  readonly source: string;
  /** The payload. */
  readonly body: Codec<T>;
  readonly phase?: Phase;
  /** The lowest common protocol version at which it is sent. */
  readonly sinceVersion?: number;
  /** The messages that may answer it. A function, since declarations refer to later ones. */
  readonly replies?: () => readonly AnyMessage[];
  /** What a payload costs that does not decode; nearly always `drop`. */
  readonly malformed?: Consequence;
  /** What a payload costs that decodes but for a limit of a list, a string or a number ({@link CodecError} `limit`). */
  readonly excess?: Consequence;
  /** Whether bytes after the payload are a fault; they are ignored in all messages but one. */
  readonly strictEnd?: boolean;
  /** False for what is only ever received. */
  readonly sent?: boolean;
}

/** A declared message. */
export interface Message<N extends string = string, T = unknown> {
  readonly type: N;
  readonly shortId: number | undefined;
  readonly summary: string;
  readonly source: string;
  readonly body: Codec<T>;
  readonly phase: Phase;
  readonly sinceVersion: number;
  readonly replies: () => readonly AnyMessage[];
  readonly malformed: Consequence;
  readonly excess: Consequence;
  readonly strictEnd: boolean;
  readonly sent: boolean;
  /** The longest payload that its fields can have; what is longer ends in bytes that are ignored. */
  readonly bytesMax: number;
  /**
   * The payload's value; its byte fields share the memory of `payload`. Throws `CodecError`, whose message names
   * message, field and offset: `headers.headers[3].time: 2 bytes short at offset 327`.
   */
  decode(payload: Uint8Array): T;
  /** The payload. Throws `CodecError` `value` when a field does not fit. */
  encode(value: T): Uint8Array;
}

/**
 * A message of any type and body. Methods are checked bivariantly, which lets each message be one of these; `decode` gives
 * what `encode` takes.
 */
export type AnyMessage = Message<string, unknown>;

/** The decoded payload of a message. */
export type BodyOf<M> = M extends { decode(payload: Uint8Array): infer T } ? T : never;

/** Declares a message. */
export function message<const N extends string, T>(declaration: MessageDeclaration<N, T>): Message<N, T> {
  const { type, body, strictEnd = false } = declaration;
  return {
    shortId: undefined,
    phase: "session",
    sinceVersion: 0,
    replies: () => [],
    malformed: "drop",
    excess: "drop",
    sent: true,
    ...declaration,
    strictEnd,
    bytesMax: Math.min(body.maxSize, PAYLOAD_BYTES_MAX),
    decode(payload) {
      const reader = new Reader(payload);
      try {
        const value = body.read(reader);
        if (strictEnd) reader.finish();
        return value;
      } catch (thrown) {
        throw within(type, thrown);
      }
    },
    encode(value) {
      const writer = new Writer(body.minSize === body.maxSize ? body.minSize : Math.max(32, body.minSize));
      try {
        body.write(writer, value);
      } catch (thrown) {
        throw within(type, thrown);
      }
      return writer.finish();
    },
  };
}
