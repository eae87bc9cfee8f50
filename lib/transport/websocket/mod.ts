/**
 * WebSockets (RFC 6455) over any two-way byte stream. No extension is ever agreed on; binary and text messages.
 *
 * Failures are `NodeError`s: `websocket_handshake` (fault `peer`, or `network` when the server answered with another
 * status, which `data.status` tells), `websocket_protocol`, `websocket_too_big` (fault `peer`), `timeout`, `closed`.
 *
 * @module
 */
import { addressText } from "../../core/address-text.ts";
import { NodeError } from "../../core/errors.ts";
import type { ByteDuplex, PeerSocket } from "../../core/ports.ts";
import { type OpeningStream, Refused, WebSocketConnection } from "./connection.ts";
import type { WebSocketOptions } from "./options.ts";
import {
  base64,
  checkAnswer,
  handshakeFault,
  type OpeningRequest,
  parseRequest,
  type Refusal,
  refusalOf,
  writeAcceptance,
  writeRefusal,
  writeRequest,
} from "./handshake.ts";

export type { OpeningRequest, Refusal, WebSocketOptions };

/** How {@link connectWebSocket} asks. */
export interface ConnectOptions extends WebSocketOptions {
  /** Value of the Host header; the remote address by default. */
  readonly host?: string;
  /** Path and query, like `/ws`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How {@link acceptWebSocket} answers. */
export interface AcceptOptions extends WebSocketOptions {
  /** The only path that is answered; others get a 404. */
  readonly path: string;
  /** Looks at a request that is otherwise in order; what it returns is answered instead of a WebSocket. */
  readonly refuse?: (request: OpeningRequest) => Refusal | undefined;
}

/** Opens a WebSocket as the client of `duplex`, which it owns from here on. */
export function connectWebSocket(duplex: ByteDuplex, options: ConnectOptions): PeerSocket {
  const key = base64(options.random.bytes(16));
  const hostHeader = options.host ?? addressText(duplex.remote);
  const request = writeRequest(hostHeader, options.path, key, options.headers);
  return new WebSocketConnection(duplex, "client", options, async (stream) => {
    await stream.write(request);
    checkAnswer(await stream.readHead(), key);
  });
}

/** Answers a WebSocket request on `duplex` as its server, and owns it from here on. */
export function acceptWebSocket(duplex: ByteDuplex, options: AcceptOptions): PeerSocket {
  return new WebSocketConnection(duplex, "server", options, async (stream) => {
    let request: OpeningRequest;
    try {
      request = parseRequest(await stream.readHead());
    } catch (cause) {
      if (!(cause instanceof NodeError) || cause.code !== "websocket_handshake") throw cause;
      const isLong = (cause.data as { readonly status?: number } | undefined)?.status === 431;
      const answer = isLong
        ? { status: 431, reason: "Request Header Fields Too Large" }
        : { status: 400, reason: "Bad Request" };
      return await refuse(stream, answer, cause);
    }
    await answer(stream, request, options);
  });
}

/** As {@link acceptWebSocket}, for a request that an HTTP server has already read from `duplex`. */
export function upgradeWebSocket(duplex: ByteDuplex, request: OpeningRequest, options: AcceptOptions): PeerSocket {
  return new WebSocketConnection(duplex, "server", options, (stream) => answer(stream, request, options));
}

async function answer(stream: OpeningStream, request: OpeningRequest, options: AcceptOptions): Promise<void> {
  const wrong = refusalOf(request, options.path);
  if (wrong !== undefined) return await refuse(stream, wrong, handshakeFault(`refused: ${wrong.reason}`));
  const refusal = options.refuse?.(request);
  if (refusal !== undefined) {
    const error = new NodeError("websocket_handshake", "self", `refused by us: ${refusal.status} ${refusal.reason}`, {
      data: { status: refusal.status },
    });
    return await refuse(stream, refusal, error);
  }
  await stream.write(writeAcceptance(request));
}

async function refuse(stream: OpeningStream, refusal: Refusal, error: NodeError): Promise<never> {
  await stream.write(writeRefusal(refusal));
  throw new Refused(error);
}
