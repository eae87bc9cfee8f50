/**
 * The one reader of a host and a port as people write them.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import type { PeerAddress } from "./ports.ts";

const NAME_CHARS_MAX = 253;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;

/**
 * Whether a text is a host as it stands before a port: an IPv4 address of four decimal parts, an IPv6 address (without
 * brackets) or a name. What only looks like a number is none: the system would read `0` as 0.0.0.0 and `127.1` as
 * 127.0.0.1.
 *
 * @example
 * ```ts
 * import { isHost } from "gemel";
 *
 * assert.ok(isHost("node.example") && isHost("::1"));
 * assert.ok(!isHost("127.1"));
 * ```
 */
export function isHost(text: string): boolean {
  if (text.includes(":")) return isIpv6(text);
  if (isIpv4(text)) return true;
  const labels = text.replace(/\.$/, "").split(".");
  return text.length <= NAME_CHARS_MAX && labels.every((label) => LABEL.test(label)) && !isNumeric(labels.at(-1)!);
}

/**
 * Reads `HOST:PORT` and, where there is a standard port, `HOST`; HOST is a dotted quad, an IPv6 address in brackets or a
 * name.
 *
 * @throws RangeError that says what was probably meant
 *
 * @example
 * ```ts
 * import { parseHostPort } from "gemel";
 *
 * assert.deepEqual(parseHostPort("[::1]", 8444), { host: "::1", port: 8444 });
 * assert.throws(() => parseHostPort("localhost"), RangeError);
 * ```
 */
export function parseHostPort(text: string, standardPort?: number): PeerAddress {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = portText === undefined ? standardPort : Number(portText);
  const isGood = host !== undefined && isHost(host) && host.includes(":") === (bracketed !== undefined);
  if (!isGood || port === undefined || port > 65_535) throw new RangeError(meaningOf(text, standardPort));
  return { host, port };
}

/** What is wrong with a text that is no `HOST:PORT`, and what may have been meant. */
function meaningOf(text: string, standardPort: number | undefined): string {
  const no = `${JSON.stringify(text)} is no HOST:PORT`;
  const [, portOnly] = /^:?([0-9]{1,5})$/.exec(text) ?? [];
  if (portOnly !== undefined) {
    return `${no}: a port needs a host, as in 127.0.0.1:${portOnly}, or 0.0.0.0:${portOnly} for every address`;
  }
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) return `${no}: without ${scheme}`;
  const [, host = text, port] = /^([^:]*):([0-9]*)$/.exec(text) ?? [];
  if (port !== undefined && Number(port) > 65_535) return `${no}: ports end at 65535`;
  if (isIpv6(text)) return `${no}: an IPv6 address stands in brackets, as in [${text}]:${standardPort ?? "PORT"}`;
  if (/^(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+))*\.?$/i.test(host)) {
    return `${no}: an IPv4 address has four decimal parts from 0 to 255, as in 127.0.0.1`;
  }
  if (isHost(host) && standardPort === undefined) return `${no}: the port is missing`;
  return `${no} (a dotted quad, [IPv6] or a name)`;
}

function isIpv4(text: string): boolean {
  return /^(?:(?:0|[1-9][0-9]{0,2})(?:\.(?!$)|$)){4}$/.test(text) && ipaddr.IPv4.isValidFourPartDecimal(text);
}

function isIpv6(text: string): boolean {
  return !text.includes("%") && ipaddr.IPv6.isValid(text);
}

/** Whether the last label of a name is one that a resolver would take for a number. */
function isNumeric(label: string): boolean {
  return /^(?:[0-9]+|0x[0-9a-f]*)$/i.test(label);
}
