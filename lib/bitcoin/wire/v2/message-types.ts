/**
 * How a message is named inside a packet: by one byte, which the message's declaration gives, or by a zero and the
 * twelve bytes of v1. A short id that no declaration has is not understood, and such a message is ignored.
 *
 * @see BIP324, "Message types", and bip-0324/message_type_ids.md
 * @module
 */
import { messageByShortId, messageByType } from "../registry.ts";
import { type Frame, TYPE_BYTES } from "../transport.ts";

/**
 * What stands before the payload: the short id where the type has one, else a zero and the type padded with zeros.
 * Throws `RangeError` for a type that is empty, too long or not printable ASCII.
 */
export function encodeType(type: string): Uint8Array {
  const id = messageByType(type)?.shortId;
  if (id !== undefined) return Uint8Array.of(id);
  if (!/^[ -~]{1,12}$/.test(type)) throw new RangeError(`no message type: ${JSON.stringify(type)}`);
  const bytes = new Uint8Array(1 + TYPE_BYTES);
  for (let i = 0; i < type.length; i++) bytes[1 + i] = type.charCodeAt(i);
  return bytes;
}

/**
 * The message in a packet's contents; its payload shares their memory. Undefined when the contents name no type that
 * could be one, as Core does: such a message is dropped and the connection stays.
 */
export function decodeContents(contents: Uint8Array): Frame | undefined {
  if (contents.length === 0) return undefined;
  const id = contents[0]!;
  if (id !== 0) {
    const type = messageByShortId(id)?.type;
    return type === undefined ? undefined : { type, payload: contents.subarray(1) };
  }
  if (contents.length < 1 + TYPE_BYTES) return undefined;
  let type = "";
  let padding = false;
  for (let i = 1; i <= TYPE_BYTES; i++) {
    const byte = contents[i]!;
    if (byte === 0) padding = true;
    else if (padding || byte < 0x20 || byte > 0x7e) return undefined;
    else type += String.fromCharCode(byte);
  }
  return { type, payload: contents.subarray(1 + TYPE_BYTES) };
}
