/**
 * The HTTPS server below RPC: TLS with optional client certificates, Fetch API above.
 *
 * @module
 */
import { getRequestListener } from "@hono/node-server";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import type net from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { ByteDuplex } from "../../core/ports.ts";
import type { HttpsListener, HttpsOptions, HttpsRequestInfo, UpgradeRequest } from "../platform.ts";
import { requireTlsChecks } from "./certificates.ts";
import { addressesOf, flowOf, socketDuplex } from "./duplex.ts";
import { openPort } from "./listener.ts";

const CONNECTIONS_MAX = 256;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_TIMEOUT_MS = 15_000;
const HEAD_BYTES_MAX = 16 * 1024;

/** Serves HTTPS; see `Platform.serveHttps`. */
export async function serveHttps(options: HttpsOptions): Promise<HttpsListener> {
  requireTlsChecks();
  const connectionsMax = options.connectionsMax ?? CONNECTIONS_MAX;
  const headersTimeoutMs = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
  const requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  /** Open TCP connections. */
  const open = new Set<net.Socket>();
  const upgraded = new Set<ByteDuplex>();
  const listener = getRequestListener(
    (request, env) => options.fetch(request, infoOf(env.incoming.socket as TLSSocket)),
    { overrideGlobalObjects: false },
  );

  const server = https.createServer({
    cert: options.identity.certificate,
    key: options.identity.privateKey,
    ca: [...options.clientAuthorities],
    minVersion: "TLSv1.2",
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: headersTimeoutMs,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxHeaderSize: HEAD_BYTES_MAX,
    connectionsCheckingInterval: 1_000,
  }, (incoming, outgoing) => void listener(incoming, outgoing));

  /** What a connection has to do before it is cut: finish TLS and send its first request. */
  const firstRequest = new Map<string, () => void>();
  const arrived = (socket: net.Socket) => firstRequest.get(keyOf(socket))?.();
  server.on("connection", (socket: net.Socket) => {
    socket.on("error", () => {});
    if (open.size >= connectionsMax) return void socket.destroy();
    open.add(socket);
    const key = keyOf(socket);
    const timer = setTimeout(() => socket.destroy(), 2 * headersTimeoutMs);
    const stop = () => {
      clearTimeout(timer);
      firstRequest.delete(key);
    };
    firstRequest.set(key, stop);
    socket.once("close", () => {
      stop();
      open.delete(socket);
    });
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    socket.on("error", () => {});
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.on("tlsClientError", (_error: Error, socket: TLSSocket) => void socket.destroy());
  server.on("clientError", (_error: Error, socket: Duplex) => {
    if (!socket.writable || socket.destroyed) return void socket.destroy();
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", () => socket.destroy());
  });
  server.on("request", (incoming: IncomingMessage) => arrived(incoming.socket));
  server.on("upgrade", (incoming: IncomingMessage, stream: Duplex, head: Uint8Array) => {
    arrived(incoming.socket);
    const socket = stream as TLSSocket;
    if (options.onUpgrade === undefined) return void socket.destroy();
    const duplex = socketDuplex(socket, {
      ...addressesOf(incoming.socket),
      flow: flowOf(socket, undefined),
      head: new Uint8Array(head),
    });
    upgraded.add(duplex);
    void duplex.closed.then(() => upgraded.delete(duplex));
    try {
      options.onUpgrade(upgradeRequest(incoming), duplex, infoOf(incoming.socket as TLSSocket));
    } catch (cause) {
      duplex.destroy(cause);
    }
  });

  const address = await openPort(server, options);
  return {
    address,
    async close() {
      if (server.listening) server.close();
      for (const duplex of [...upgraded]) duplex.destroy();
      server.closeAllConnections();
      for (const socket of [...open]) socket.destroy();
      while (server.listening) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}

function infoOf(socket: TLSSocket): HttpsRequestInfo {
  return { remote: addressesOf(socket).remote, authorized: socket.authorized === true };
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

const keyOf = (socket: net.Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
