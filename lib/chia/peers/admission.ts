/**
 * Which frames are messages, and which messages a peer may send unasked.
 *
 * @see spec section b (dispatch checks), chia-blockchain 2.7.5 `ws_connection.py` `_read_one_message`, `_api_call`
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import { decodeBody } from "./decode-body.ts";
import { apiFault, politeEnd, protocolFault, unsolicitedFault } from "./faults.ts";
import { decodeEnvelope, type Envelope, error, type Message, messageById, NodeType } from "../protocol/mod.ts";

/** A message as the session hands it on: declared, its body still bytes. */
export interface Incoming {
  readonly message: Message;
  readonly id: number | null;
  readonly data: Uint8Array;
}

/** Replies that a full node takes only when it asked; unasked they cost 300 s (spec section b). */
const UNSOLICITED = new Set([
  "respond_block",
  "respond_blocks",
  "reject_block",
  "reject_blocks",
  "respond_transaction",
]);

/** An answer that costs less when nobody asked: 10 s (`full_node_api.py`, respond_compact_vdf). */
const UNSOLICITED_VDF = "respond_compact_vdf";

/** Reads a frame. @throws PeerFault `-4` when it is no message of a known type; a text frame ends without a word */
export function readFrame(frame: Uint8Array | string): Incoming {
  if (typeof frame === "string") throw politeEnd("TEXT_FRAME", "the peer sent a text frame");
  let envelope: Envelope;
  try {
    envelope = decodeEnvelope(frame);
  } catch (cause) {
    throw protocolFault(`a frame of ${frame.length} bytes is not a message: ${messageOf(cause)}`, cause);
  }
  const message = messageById(envelope.type);
  if (message === undefined) throw protocolFault(`unknown message type ${envelope.type}`);
  return { message, id: envelope.id, data: envelope.data };
}

/**
 * Refuses a message, which answers nothing that we asked, when a node of type `theirs` may not send it to one of type
 * `ours`. @throws PeerFault
 */
export function admit({ message, data }: Incoming, ours: NodeType, theirs: NodeType): void {
  const handled = message.id === error.id || message.handledBy.includes(ours);
  if (!handled || !message.sentBy.includes(theirs)) throw apiFault(`${message.name} from node type ${theirs}`);
  const isVdf = message.name === UNSOLICITED_VDF;
  if (ours !== NodeType.FULL_NODE || !(isVdf || UNSOLICITED.has(message.name)) || message.body === null) return;
  // The reference parses first, so that a body that is none is the cheaper fault.
  decodeBody({ name: message.name, body: message.body }, data);
  if (isVdf) throw protocolFault(`${message.name} that was not asked for`);
  throw unsolicitedFault(`${message.name} that was not asked for`);
}
