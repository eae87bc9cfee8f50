/**
 * Addresses as text.
 *
 * @module
 */
import type { PeerAddress } from "./ports.ts";

/**
 * `host:port`, an IPv6 host in brackets.
 *
 * @example
 * ```ts
 * import { addressText } from "gemel";
 *
 * assert.equal(addressText({ host: "2001:db8::1", port: 8444 }), "[2001:db8::1]:8444");
 * ```
 */
export function addressText({ host, port }: PeerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
