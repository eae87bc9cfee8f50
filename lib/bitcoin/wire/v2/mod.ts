/**
 * BIP324: the encrypted transport, and the choice between it and v1.
 *
 * @module
 */
export { decodeKey, encodeKey, type EphemeralKey, KEY_BYTES, makeKey, sharedSecret } from "./elligator-swift.ts";
export { InboundTransport } from "./inbound.ts";
export { decodeContents, encodeType } from "./message-types.ts";
export { type OpenedPacket, PACKET_OVERHEAD_BYTES, PacketCipher, type PacketCipherOptions } from "./packet-cipher.ts";
export {
  CONTENTS_BYTES_MAX,
  GARBAGE_BYTES_MAX,
  type V2FaultCode,
  type V2Options,
  type V2Outcome,
  V2Transport,
} from "./transport.ts";
