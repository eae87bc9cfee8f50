/**
 * Message bodies from untrusted bytes.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { messageOf } from "../../core/errors.ts";
import { apiFault } from "./faults.ts";

/** The body of a message. @throws PeerFault (`1`, 10 s) when it does not parse exactly */
export function decodeBody<T>(
  message: { readonly name: string; readonly body: { decode(b: Uint8Array): T } },
  data: Uint8Array,
): T {
  try {
    return message.body.decode(data);
  } catch (thrown) {
    if (thrown instanceof CodecError) throw apiFault(`${message.name}: ${messageOf(thrown)}`, thrown);
    throw thrown;
  }
}
