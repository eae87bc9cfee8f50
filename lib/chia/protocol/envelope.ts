/**
 * The envelope that every message travels in: one per binary WebSocket message, without any other framing.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";

/** The largest message that a WebSocket of the protocol carries, in bytes. */
export const MESSAGE_BYTES_MAX = 50 * 1024 * 1024;

/** A message before its body is decoded. */
export interface Envelope {
  /** The message's number; see the registry. */
  readonly type: number;
  /**
   * Ties a reply to its request, or null. The side that dialled uses 0 … 32767 for its requests, the other the rest.
   */
  readonly id: number | null;
  /** The body. After decoding a view of the input. */
  readonly data: Uint8Array;
}

/**
 * Reads `type u8 ‖ id opt u16 ‖ data (u32 length)`; nothing may follow. Throws {@link CodecError}. Whether the type is a
 * known one is not asked here.
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const reader = new Reader(bytes);
  let field = "type";
  try {
    const type = reader.u8();
    field = "id";
    const mark = reader.u8();
    if (mark > 1) throw new CodecError("option", `byte ${mark} is not an optional's`, 1);
    const id = mark === 0 ? null : reader.u16();
    field = "data";
    const data = reader.take(reader.u32());
    reader.finish();
    return { type, id, data };
  } catch (thrown) {
    throw thrown instanceof CodecError ? thrown.within(field).within("Message") : thrown;
  }
}

/** Writes an envelope. Throws `RangeError` when type or id do not fit. */
export function encodeEnvelope({ type, id, data }: Envelope): Uint8Array {
  if (!Number.isInteger(type) || type < 0 || type > 0xff) throw new RangeError(`no message type: ${type}`);
  if (id !== null && !(Number.isInteger(id) && id >= 0 && id <= 0xffff)) throw new RangeError(`no message id: ${id}`);
  const writer = new Writer(8 + data.length);
  writer.u8(type);
  writer.u8(id === null ? 0 : 1);
  if (id !== null) writer.u16(id);
  writer.u32(data.length);
  writer.raw(data);
  return writer.finish();
}
