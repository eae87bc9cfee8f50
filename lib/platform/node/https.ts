/**
 * The HTTP servers below RPC, Fetch API above: with TLS and optional client certificates, and without on loopback.
 *
 * TLS is accepted by the same code as the peers' and its sockets are handed to an HTTP server that opens no port. The
 * runtimes' own HTTPS servers differ in what they time, count and show of a connection: Bun's never sees one that does
 * not finish its TLS handshake.
 *
 * @module
 */
import { getRequestListener } from "@hono/node-server";
import type { X509Certificate } from "node:crypto";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TlsOptions, TLSSocket } from "node:tls";
import { isLoopback } from "../../core/subnets.ts";
import { NodeError } from "../../core/errors.ts";
import type { HttpOptions, HttpsListener, HttpsOptions, HttpsRequestInfo, UpgradeRequest } from "../platform.ts";
import { acceptSockets } from "./accept.ts";
import { parseAuthorities, presentedCertificate, requireTlsChecks } from "./certificates.ts";
import { SHOWN, type Shown } from "./crowd.ts";
import { addressesOf, flowOf, socketDuplex } from "./duplex.ts";

const CONNECTIONS_MAX = 256;
/** Places that only those may have who have shown a secret. */
const KEPT_FOR_PROVEN = 32;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** How long a connection may wait for its next request. */
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
/** A connection is kept a little longer than it was said, for the request that is on its way. */
const KEEP_ALIVE_GRACE_MS = 1_000;
/** Time for answers under way when the listener closes. */
const ANSWER_GRACE_MS = 1_000;
const HEAD_BYTES_MAX = 16 * 1024;

/** One connection. */
interface Connection {
  readonly raw: Socket;
  /** What it has shown so far counts when there are more connections than may be. */
  readonly show: (shown: Shown) => void;
  /** Cuts the connection in `ms`, instead of what was set before; undefined lets it be. */
  cutIn(ms: number | undefined): void;
}

/** Serves HTTPS; see `Platform.serveHttps`. */
export async function serveHttps(options: HttpsOptions): Promise<HttpsListener> {
  requireTlsChecks();
  return await serve(options, {
    cert: options.identity.certificate,
    key: options.identity.privateKey,
    ca: [...options.clientAuthorities],
    minVersion: "TLSv1.2",
    requestCert: true,
    rejectUnauthorized: false,
  }, options.clientAuthorities);
}

/** Serves HTTP on loopback; see `Platform.serveHttp`. */
export async function serveHttp(options: HttpOptions): Promise<HttpsListener> {
  const { host } = options;
  // A name may lead anywhere, even one that looks like an address; only this one is reserved for loopback.
  if (host !== "localhost" && (isIP(host) === 0 || !isLoopback(host))) {
    throw new NodeError(
      "CONFIG_INVALID",
      "self",
      `HTTP without TLS is served on loopback only (127.0.0.1 or ::1), not on ${host}: secrets would travel in the clear`,
    );
  }
  return await serve(options, undefined);
}

async function serve(
  options: HttpOptions,
  tls: TlsOptions | undefined,
  clientAuthorities: readonly string[] = [],
): Promise<HttpsListener> {
  const headersTimeoutMs = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
  const keepAliveMs = options.keepAliveTimeoutMs ?? KEEP_ALIVE_TIMEOUT_MS;
  const requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const connections = new Map<Duplex, Connection>();
  const answers = new Set<ServerResponse>();
  const authorities = parseAuthorities(clientAuthorities);
  const authorized = new WeakMap<Duplex, boolean>();
  const infoOf = (socket: TLSSocket): HttpsRequestInfo => {
    let isAuthorized = authorized.get(socket);
    if (isAuthorized === undefined) authorized.set(socket, isAuthorized = showsCertificate(socket, authorities));
    return {
      remote: addressesOf(socket).remote,
      authorized: isAuthorized,
      proved: () => connections.get(socket)?.show(SHOWN.secret),
    };
  };
  const listener = getRequestListener(
    (request, env) => options.fetch(request, infoOf(env.incoming.socket as TLSSocket)),
    { overrideGlobalObjects: false },
  );

  // What a client is told of the time that its connection is kept is the time that it is kept.
  const server = http.createServer(
    { maxHeaderSize: HEAD_BYTES_MAX, keepAliveTimeout: keepAliveMs },
    (incoming, outgoing) => {
      const connection = connections.get(incoming.socket);
      if (connection !== undefined) timeRequest(connection, incoming, outgoing);
      connection?.show(SHOWN.request);
      answers.add(outgoing);
      outgoing.once("close", () => answers.delete(outgoing));
      void listener(incoming, outgoing);
    },
  );
  /** The body has its time, the answer takes what it takes, and then the next request has its own. */
  const timeRequest = (connection: Connection, incoming: IncomingMessage, outgoing: ServerResponse) => {
    connection.cutIn(requestTimeoutMs);
    incoming.once("end", () => {
      if (!outgoing.writableFinished) connection.cutIn(undefined);
    });
    outgoing.once("finish", () => connection.cutIn(keepAliveMs + KEEP_ALIVE_GRACE_MS));
  };
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Duplex) => {
    if (!socket.writable || socket.destroyed) return void socket.destroy();
    const isLong = error.code === "HPE_HEADER_OVERFLOW";
    const status = isLong ? "431 Request Header Fields Too Large" : "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
  });
  const { onUpgrade } = options;
  // Where nothing but HTTP is spoken, the wish to leave it is passed over (RFC 9110, section 7.8).
  if (onUpgrade !== undefined) {
    server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
      const connection = connections.get(socket);
      if (connection === undefined) return void socket.destroy();
      connection.cutIn(undefined);
      connection.show(SHOWN.request);
      const duplex = socketDuplex(socket as TLSSocket, {
        ...addressesOf(socket as TLSSocket),
        flow: flowOf(socket as TLSSocket, connection.raw),
        head: new Uint8Array(head),
      });
      try {
        onUpgrade(upgradeRequest(incoming), duplex, infoOf(socket as TLSSocket));
      } catch (cause) {
        duplex.destroy(cause);
      }
    });
  }

  const port = await acceptSockets({
    host: options.host,
    port: options.port,
    connectionsMax: options.connectionsMax ?? CONNECTIONS_MAX,
    keptForProven: KEPT_FOR_PROVEN,
    onFailure: (error) => {
      if (error instanceof NodeError && error.code === "TOO_MANY_FILES") options.onFailure?.(error);
    },
    handshakeTimeoutMs: headersTimeoutMs,
    ...(tls !== undefined && { tls }),
    onSocket: (socket, raw, show) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const connection: Connection = {
        raw,
        show,
        cutIn: (ms) => {
          clearTimeout(timer);
          if (ms !== undefined && connections.has(socket)) timer = setTimeout(() => socket.destroy(), ms);
        },
      };
      connections.set(socket, connection);
      socket.once("close", () => {
        connections.delete(socket);
        clearTimeout(timer);
      });
      connection.cutIn(headersTimeoutMs);
      server.emit("connection", socket);
    },
  });
  return {
    address: port.address,
    async close() {
      await port.close();
      // The caller who asked for this stop waits for the answer.
      await settled([...answers], ANSWER_GRACE_MS);
      for (const [socket, { raw }] of [...connections]) {
        socket.destroy();
        raw.destroy();
      }
    },
  };
}

/** Waits until the answers are out, at most `ms`. */
async function settled(answers: readonly ServerResponse[], ms: number): Promise<void> {
  if (answers.length === 0) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([
    late,
    Promise.all(answers.map((answer) => new Promise((resolve) => answer.once("close", resolve)))),
  ]);
  clearTimeout(timer);
}

/**
 * Whether the client showed a certificate that one of `authorities` signed. The runtime's own word is not enough: the
 * environment can make it say yes (NODE_TLS_REJECT_UNAUTHORIZED).
 */
function showsCertificate(socket: TLSSocket, authorities: readonly X509Certificate[]): boolean {
  if (authorities.length === 0 || socket.authorized !== true) return false;
  try {
    presentedCertificate(socket, authorities);
    return true;
  } catch {
    return false;
  }
}

function upgradeRequest(incoming: IncomingMessage): UpgradeRequest {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    const name = incoming.rawHeaders[i]!.toLowerCase();
    const value = incoming.rawHeaders[i + 1]!;
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { method: incoming.method ?? "GET", target: incoming.url ?? "/", headers };
}
