/**
 * What a SOCKS5 proxy says when it makes no connection.
 *
 * @see RFC 1928 section 6; Tor proposal 304, "Extending SOCKS5 Onion Service Error Codes"
 * @module
 */
import { NodeError } from "../core/errors.ts";

const REPLIES: Readonly<Record<number, readonly [code: string, text: string]>> = {
  0x01: ["proxy_failed", "the proxy failed"],
  0x02: ["proxy_forbids", "the proxy's rules forbid it"],
  0x03: ["unreachable", "its network is unreachable"],
  0x04: ["unreachable", "the host is unreachable"],
  0x05: ["connection_refused", "connection refused"],
  0x06: ["timeout", "the time to live is over"],
  0x07: ["proxy_unsupported", "the proxy does not know the command CONNECT"],
  0x08: ["proxy_unsupported", "the proxy does not know this kind of address"],
  0xf0: ["unreachable", "the onion service has no descriptor"],
  0xf1: ["unreachable", "the onion service's descriptor is invalid"],
  0xf2: ["unreachable", "the introduction to the onion service failed"],
  0xf3: ["unreachable", "the rendezvous with the onion service failed"],
  0xf4: ["unreachable", "the onion service wants an authorisation"],
  0xf5: ["unreachable", "the onion service refuses the authorisation"],
  0xf6: ["unreachable", "the onion address is invalid"],
  0xf7: ["timeout", "the introduction to the onion service took too long"],
};

/** The error for a reply code other than 0, fault `network`; `target` is what was to be reached, as text. */
export function proxyRefusal(reply: number, target: string): NodeError {
  const [code, text] = REPLIES[reply] ?? ["proxy_failed", `the proxy refused with the unknown code ${reply}`];
  return new NodeError(code, "network", `${target}: ${text}`, { data: { reply } });
}
