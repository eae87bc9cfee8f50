/**
 * All messages, by type and by short id.
 *
 * @module
 */
import * as addresses from "./addresses.ts";
import * as bloom from "./bloom.ts";
import * as compactBlocks from "./compact-blocks.ts";
import * as filters from "./filters.ts";
import * as handshake from "./handshake.ts";
import * as headers from "./headers.ts";
import * as inventory from "./inventory.ts";
import * as keepalive from "./keepalive.ts";
import type { AnyMessage } from "./message.ts";
import { TYPE_BYTES } from "./transport.ts";

/** The modules export their limits and structs too; a message is what has a type and a body. */
function isMessage(exported: unknown): exported is AnyMessage {
  return typeof exported === "object" && exported !== null && "body" in exported && "phase" in exported;
}

/** Every message of the protocol, in alphabetical order. */
export const messages: readonly AnyMessage[] = [
  addresses,
  bloom,
  compactBlocks,
  filters,
  handshake,
  headers,
  inventory,
  keepalive,
].flatMap((module) => Object.values<unknown>(module).filter(isMessage)).sort((a, b) => a.type < b.type ? -1 : 1);

const byType = new Map<string, AnyMessage>();
const byShortId: (AnyMessage | undefined)[] = [];
for (const message of messages) {
  const { type, shortId } = message;
  if (byType.has(type) || type.length > TYPE_BYTES) throw new TypeError(`two messages ${type}`);
  byType.set(type, message);
  if (shortId === undefined) continue;
  if (byShortId[shortId] !== undefined) throw new TypeError(`two messages of short id ${shortId}`);
  byShortId[shortId] = message;
}

/** The message of this type, such as `getheaders`, if there is one. Others are ignored: the protocol grows by them. */
export function messageByType(type: string): AnyMessage | undefined {
  return byType.get(type);
}

/** The message of this one-byte type (BIP324), if there is one. */
export function messageByShortId(shortId: number): AnyMessage | undefined {
  return byShortId[shortId];
}
