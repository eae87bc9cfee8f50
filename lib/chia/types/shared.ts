/**
 * Messages between any two nodes.
 *
 * @module
 */
import { bytes, i16, type Infer, list, option, str, struct, tuple, u16, u8 } from "../streamable/mod.ts";

/** The envelope of every message: type, id of the request if one is awaited, and the body's bytes. */
export const Message = struct("Message", {
  type: u8,
  id: option(u16),
  data: bytes,
});
/** The value of the struct of this name. */
export type Message = Infer<typeof Message>;

/** The first message in both directions. `capabilities` are number and value, where value `"1"` means yes. */
export const Handshake = struct("Handshake", {
  networkId: str,
  protocolVersion: str,
  softwareVersion: str,
  serverPort: u16,
  nodeType: u8,
  capabilities: list(tuple(u16, str)),
});
/** The value of the struct of this name. */
export type Handshake = Infer<typeof Handshake>;

/** How many requests of each type may be in flight (type, window); part of rate limits version 3. */
export const ConfigureWindowSizes = struct("ConfigureWindowSizes", {
  settings: list(tuple(u8, u16)),
});
/** The value of the struct of this name. */
export type ConfigureWindowSizes = Infer<typeof ConfigureWindowSizes>;

/** Why a request failed, when both sides know this message. */
export const Error = struct("Error", {
  code: i16,
  message: str,
  data: option(bytes),
});
/** The value of the struct of this name. */
export type Error = Infer<typeof Error>;
