/**
 * The handshake: what each side says first, and which rules it must keep.
 *
 * @see chia-blockchain 2.7.5 `chia/server/ws_connection.py` `perform_handshake`; spec section c
 * @module
 */
import { printable } from "../../core/printable.ts";
import { CodecError } from "../../codec/error.ts";
import { apiFault, handshakeFault } from "./faults.ts";
import {
  type CapabilityEntry,
  configureWindowSizes,
  decodeEnvelope,
  DEFAULT_CAPABILITIES,
  encodeEnvelope,
  type Envelope,
  handshake,
  messageById,
  NodeType,
  PROTOCOL_VERSION,
} from "../protocol/mod.ts";
import { type ConfigureWindowSizes, Handshake } from "../types/mod.ts";

/** What we say of ourselves. */
export interface OwnHandshake {
  readonly networkId: string;
  readonly nodeType: NodeType;
  readonly softwareVersion: string;
  /** 0 when we do not listen. */
  readonly serverPort: number;
  readonly capabilities?: readonly CapabilityEntry[];
}

const SOFTWARE_VERSION_BYTES_MAX = 128;
/** PEP 440, as far as a peer's protocol version needs it: release, then pre, post, dev and local parts. */
const VERSION =
  /^\s*v?(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?\d*)?(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?(?:[-_.]?dev[-_.]?\d*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?\s*$/i;

/**
 * The handshake message, envelope and all.
 *
 * @param answerTo the peer's node type when we are the accepting side: the version is then that of the peer's type
 */
export function encodeHandshake(own: OwnHandshake, answerTo?: NodeType): Uint8Array {
  const data = Handshake.encode({
    networkId: own.networkId,
    protocolVersion: PROTOCOL_VERSION[answerTo ?? own.nodeType],
    softwareVersion: own.softwareVersion,
    serverPort: own.serverPort,
    nodeType: own.nodeType,
    capabilities: own.capabilities ?? DEFAULT_CAPABILITIES[own.nodeType],
  });
  return encodeEnvelope({ type: handshake.id, id: null, data });
}

function envelopeOf(frame: Uint8Array): Envelope {
  try {
    return decodeEnvelope(frame);
  } catch (cause) {
    throw handshakeFault("INVALID_PROTOCOL_MESSAGE", "the first frame is not a message", cause);
  }
}

/**
 * Reads and judges the peer's handshake, its rules in the reference's order; all but {@link requireVersion}.
 *
 * @throws PeerFault with the reference's error: `INVALID_PROTOCOL_MESSAGE` (-4) when the frame is no message of a known
 * type, `INVALID_HANDSHAKE` (-6) when it is another message or does not parse, `INCOMPATIBLE_NETWORK_ID` (110),
 * `UNKNOWN` (1) for a node type that does not exist
 */
export function judgeHandshake(frame: Uint8Array, networkId: string): Handshake & { readonly nodeType: NodeType } {
  const envelope = envelopeOf(frame);
  if (messageById(envelope.type) === undefined) {
    throw handshakeFault("INVALID_PROTOCOL_MESSAGE", `unknown message type ${envelope.type}`);
  }
  if (envelope.type !== handshake.id) {
    throw handshakeFault("INVALID_HANDSHAKE", `the first message has type ${envelope.type}`);
  }
  let said: Handshake;
  try {
    said = Handshake.decode(envelope.data);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw handshakeFault("INVALID_HANDSHAKE", cause.message, cause);
  }
  if (said.networkId !== networkId) {
    throw handshakeFault(
      "INCOMPATIBLE_NETWORK_ID",
      `the peer is on network ${printable(said.networkId)}, we are on ${networkId}`,
    );
  }
  const nodeType = Object.values(NodeType).find((type) => type === said.nodeType);
  if (nodeType === undefined) throw apiFault(`node type ${said.nodeType} does not exist`);
  if (new TextEncoder().encode(said.softwareVersion).length > SOFTWARE_VERSION_BYTES_MAX) {
    throw handshakeFault("INVALID_HANDSHAKE", "the software version is longer than 128 bytes");
  }
  return { ...said, nodeType };
}

/** Reads a peer's window sizes, which come after the handshakes. @throws PeerFault `INVALID_HANDSHAKE` */
export function judgeWindows(frame: Uint8Array): ConfigureWindowSizes {
  try {
    const { type, data } = decodeEnvelope(frame);
    if (type === configureWindowSizes.id) return configureWindowSizes.body.decode(data);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw handshakeFault("INVALID_HANDSHAKE", cause.message, cause);
  }
  throw handshakeFault("INVALID_HANDSHAKE", "no window sizes after the handshake");
}

/** The last rule, which the reference checks only after it has answered. @throws PeerFault `UNKNOWN` (1) */
export function requireVersion({ protocolVersion }: Handshake): void {
  if (!VERSION.test(protocolVersion)) throw apiFault("the protocol version is none");
}
