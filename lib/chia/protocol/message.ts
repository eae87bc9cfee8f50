/**
 * How a message is declared. A declaration is all there is to a message: dispatch, rate limits, replies and tests are
 * derived from it.
 *
 * @module
 */
import type { Fields, Infer, Struct } from "../streamable/mod.ts";
import { NodeType } from "./enums.ts";

/**
 * How much of a message may come in a minute, per connection and direction. Counts what is in the envelope's `data`.
 * Windows are fixed minutes, as in the reference.
 */
export type RateLimit =
  | {
    /** Messages a minute. */
    readonly perMinute: number;
    /** Bytes of one message. */
    readonly bytesMax: number;
    /** Bytes a minute. */
    readonly totalBytesMax: number;
    /** Whether it also counts into {@link AGGREGATE_LIMIT}. */
    readonly aggregate: boolean;
    readonly unlimited?: false;
  }
  | {
    /** Only the size of each message is limited. */
    readonly unlimited: true;
    /** Bytes of one message. */
    readonly bytesMax: number;
  };

/** The limits of one message (chia-blockchain 2.7.5 `rate_limit_numbers.py`). */
export interface MessageLimits {
  readonly v1: RateLimit;
  /** In place of `v1` when both sides have the capability RATE_LIMITS_V2; absent when there is no difference. */
  readonly v2?: RateLimit;
  /**
   * Requests in flight when both sides have RATE_LIMITS_V3; null for a reply, which has no window. Absent when version 3
   * does not cover the message.
   */
  readonly v3Window?: number | null;
}

/** The body of a message: any struct. */
export type Body = Struct<Fields>;

/** What {@link message} takes. */
export interface MessageDeclaration<N extends string, B extends Body | null> {
  /** The number in the envelope. */
  readonly id: number;
  /** The reference's name. */
  readonly name: N;
  /** The struct in the envelope's `data`; null for the one message that has none. */
  readonly body: B;
  /** The nodes that may send it. */
  readonly sentBy: readonly NodeType[];
  /** The nodes that handle it unasked. */
  readonly handledBy: readonly NodeType[];
  /** The messages that may answer it. A function, since declarations refer to later ones. */
  readonly replies?: () => readonly Message[];
  /** Whether it is sent to many and never answered. */
  readonly broadcast?: boolean;
  readonly limits: MessageLimits;
}

/** A declared message. */
export interface Message<N extends string = string, B extends Body | null = Body | null> {
  readonly id: number;
  readonly name: N;
  readonly body: B;
  readonly sentBy: readonly NodeType[];
  readonly handledBy: readonly NodeType[];
  /** The messages that may answer it; empty when it expects none. */
  readonly replies: () => readonly Message[];
  readonly broadcast: boolean;
  readonly limits: MessageLimits;
}

/** The decoded body of a message; `null` for the message without one. */
export type BodyOf<M extends Message> = M["body"] extends Body ? Infer<M["body"]> : null;

/** Declares a message. */
export function message<const N extends string, B extends Body | null>(
  declaration: MessageDeclaration<N, B>,
): Message<N, B> {
  return { replies: () => [], broadcast: false, ...declaration };
}

/** Bytes in a kibibyte. */
export const KiB = 1024;
/** Bytes in a mebibyte. */
export const MiB = 1024 * 1024;

/** Every type of node. */
export const ANY_NODE: readonly NodeType[] = Object.values(NodeType);

/** The limit on the sum of all messages whose own limit has `aggregate`. */
export const AGGREGATE_LIMIT = { perMinute: 1000, totalBytesMax: 100 * MiB } as const;

/** A limit that also counts into {@link AGGREGATE_LIMIT}. */
export function aggregated(perMinute: number, bytesMax: number, totalBytesMax = perMinute * bytesMax): RateLimit {
  return { perMinute, bytesMax, totalBytesMax, aggregate: true };
}

/** A limit of the message alone. */
export function separate(perMinute: number, bytesMax: number, totalBytesMax = perMinute * bytesMax): RateLimit {
  return { perMinute, bytesMax, totalBytesMax, aggregate: false };
}

/** A limit on the size alone. */
export function unlimited(bytesMax: number): RateLimit {
  return { unlimited: true, bytesMax };
}
