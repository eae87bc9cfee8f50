/**
 * Addresses as text.
 *
 * @module
 */
import type { PeerAddress } from "./ports.ts";

/** `host:port`, an IPv6 host in brackets. */
export function addressText({ host, port }: PeerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
