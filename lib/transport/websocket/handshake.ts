/**
 * The opening handshake: HTTP heads, in and out, and what makes them a WebSocket's.
 *
 * @see RFC 6455 sections 4 and 11.3
 * @module
 */
import { sha1 } from "@noble/hashes/legacy.js";
import { NodeError } from "../../core/errors.ts";

/** Bytes of an HTTP head, request or answer. */
export const HEAD_BYTES_MAX = 8 * 1024;

/** An HTTP request that may become a WebSocket. */
export interface OpeningRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** Values by lower-case name; a repeated header is joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
}

/** An HTTP answer that refuses. */
export interface Refusal {
  /** 400 to 599. */
  readonly status: number;
  /** Reason phrase of the status line; printable ASCII. */
  readonly reason: string;
}

/** The value of `Sec-WebSocket-Accept` for a key: base64(SHA-1(key ‖ the RFC's GUID)). */
export function acceptKey(key: string): string {
  return base64(sha1(new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)));
}

/** Base64 with padding (RFC 4648 section 4). */
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Finds the end of an HTTP head in bytes that arrive in any pieces, within {@link HEAD_BYTES_MAX}. */
export class HeadReader {
  readonly #bytes = new Uint8Array(HEAD_BYTES_MAX);
  #length = 0;

  /**
   * Takes the next bytes. Gives the head's lines once its blank line is here, and the bytes behind it.
   *
   * @throws NodeError `websocket_handshake` when the head is too long or not ASCII.
   */
  push(chunk: Uint8Array): { readonly lines: readonly string[]; readonly rest: Uint8Array } | undefined {
    const before = this.#length;
    const taken = Math.min(chunk.length, HEAD_BYTES_MAX - before);
    this.#bytes.set(chunk.subarray(0, taken), before);
    this.#length += taken;
    for (let i = Math.max(0, before - 3); i + 3 < this.#length; i++) {
      const b = this.#bytes;
      if (b[i] !== 13 || b[i + 1] !== 10 || b[i + 2] !== 13 || b[i + 3] !== 10) continue;
      let text = "";
      for (let k = 0; k < i; k++) {
        const byte = b[k]!;
        const allowed = byte === 9 || byte === 13 || byte === 10 || (byte >= 32 && byte < 127);
        if (!allowed) throw handshakeFault("a control character or a byte above 127 in the HTTP head");
        text += String.fromCharCode(byte);
      }
      const lines = text.split("\r\n");
      if (lines.some((line) => /[\r\n]/.test(line))) throw handshakeFault("a bare line break in the HTTP head");
      return { lines, rest: chunk.subarray(i + 4 - before) };
    }
    if (this.#length === HEAD_BYTES_MAX) throw handshakeFault(`an HTTP head above ${HEAD_BYTES_MAX} bytes`, 431);
    return undefined;
  }
}

/** The headers of a head's lines, less the first. */
function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const parts = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (parts === null) throw handshakeFault("a malformed HTTP header");
    const name = parts[1]!.toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? parts[2]! : `${before}, ${parts[2]}`);
  }
  return headers;
}

/** Reads the lines of a request head. @throws NodeError `websocket_handshake` */
export function parseRequest(lines: readonly string[]): OpeningRequest {
  const parts = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(lines[0] ?? "");
  if (parts === null) throw handshakeFault("not an HTTP/1.1 request");
  return { method: parts[1]!, target: parts[2]!, headers: parseHeaders(lines) };
}

/** Why a request does not open a WebSocket at `path`, or undefined when it does. The query part is not compared. */
export function refusalOf(request: OpeningRequest, path: string): Refusal | undefined {
  const { headers } = request;
  const bad = (reason: string): Refusal => ({ status: 400, reason });
  if (request.target.split("?", 1)[0] !== path) return { status: 404, reason: "Not Found" };
  if (request.method !== "GET") return { status: 405, reason: "Method Not Allowed" };
  if (!headers.has("host")) return bad("Host is missing");
  if (!hasToken(headers.get("upgrade"), "websocket") || !hasToken(headers.get("connection"), "upgrade")) {
    return { status: 426, reason: "Upgrade Required" };
  }
  if (headers.get("sec-websocket-version") !== "13") return { status: 426, reason: "Upgrade Required" };
  // 16 bytes in base64: 22 digits, the last of which carries two bits, and the padding.
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(headers.get("sec-websocket-key") ?? "")) return bad("Bad Sec-WebSocket-Key");
  if (headers.has("content-length") && headers.get("content-length") !== "0") return bad("A body is not allowed");
  if (headers.has("transfer-encoding")) return bad("A body is not allowed");
  return undefined;
}

/** The request that opens a WebSocket. `host` as in the Host header. */
export function writeRequest(
  host: string,
  path: string,
  key: string,
  extra: Readonly<Record<string, string>> = {},
): Uint8Array {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    ...Object.entries(extra).map(([name, value]) => `${name}: ${value}`),
  ];
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw new TypeError("path must be printable ASCII and start with a slash");
  if (lines.some((line) => /[^\x20-\x7e]/.test(line))) throw new TypeError("a header must be printable ASCII");
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** The answer that opens a WebSocket. Extensions and subprotocols that were offered are declined by silence. */
export function writeAcceptance(request: OpeningRequest): Uint8Array {
  const accept = acceptKey(request.headers.get("sec-websocket-key") ?? "");
  return new TextEncoder().encode(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
}

/** The answer that refuses one. */
export function writeRefusal({ status, reason }: Refusal): Uint8Array {
  const phrase = reason.replaceAll(/[^\x20-\x7e]/g, "?");
  const version = status === 426 ? "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n" : "";
  return new TextEncoder().encode(
    `HTTP/1.1 ${status} ${phrase}\r\n${version}Connection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}

/** Checks the server's answer to the request that carried `key`. @throws NodeError `websocket_handshake` */
export function checkAnswer(lines: readonly string[], key: string): void {
  const parts = /^HTTP\/1\.1 (\d{3})(?: (.*))?$/.exec(lines[0] ?? "");
  if (parts === null) throw handshakeFault("not an HTTP/1.1 answer");
  const status = Number(parts[1]);
  if (status !== 101) {
    throw new NodeError("websocket_handshake", "network", `refused: ${status} ${parts[2] ?? ""}`.trimEnd(), {
      data: { status, reason: parts[2] ?? "" },
    });
  }
  const headers = parseHeaders(lines);
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") throw handshakeFault("the answer lacks Upgrade");
  if (!hasToken(headers.get("connection"), "upgrade")) throw handshakeFault("the answer lacks Connection: Upgrade");
  if (headers.get("sec-websocket-accept") !== acceptKey(key)) throw handshakeFault("Sec-WebSocket-Accept is wrong");
  if (headers.has("sec-websocket-extensions")) throw handshakeFault("an extension that was not offered");
  if (headers.has("sec-websocket-protocol")) throw handshakeFault("a subprotocol that was not offered");
}

/** A peer that does not keep to the handshake. `status`: what a server answers to it. */
export function handshakeFault(message: string, status = 400): NodeError {
  return new NodeError("websocket_handshake", "peer", message, { data: { status } });
}

function hasToken(value: string | undefined, token: string): boolean {
  return value?.toLowerCase().split(",").some((part) => part.trim() === token) ?? false;
}
