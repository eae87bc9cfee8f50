/**
 * An open port, down to sockets: limits, the TLS handshake's deadline, and who failed it. Peers and RPC share it.
 *
 * @module
 */
import net from "node:net";
import tls from "node:tls";
import { NodeError } from "../../core/errors.ts";
import type { Listener, PeerAddress } from "../../core/ports.ts";
import { addressesOf } from "./duplex.ts";
import { connectionFailure, listenFailure } from "./failures.ts";

/** Time for the TLS handshake when the caller names none. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 1_024;
const KEEP_ALIVE_MS = 60_000;

/** What {@link acceptSockets} takes. */
export interface AcceptOptions {
  readonly host: string;
  readonly port: number;
  readonly connectionsMax?: number | undefined;
  readonly handshakeTimeoutMs?: number | undefined;
  /** Without it, sockets are plain TCP. */
  readonly tls?: tls.TlsOptions;
  /** Asked at accept; false refuses the connection. */
  readonly admit?: ((host: string) => boolean) | undefined;
  /** Takes a socket that is ready, and the TCP socket that it was accepted as. What it throws is a failure. */
  readonly onSocket: (socket: net.Socket, raw: net.Socket) => void;
  readonly onFailure?: ((error: Error, remote: PeerAddress | undefined) => void) | undefined;
}

/** A connection from accept to the end of its TLS handshake. */
interface Pending {
  readonly raw: net.Socket;
  readonly remote: PeerAddress;
  readonly stopTimer: () => void;
  failed: boolean;
}

/** Opens a port. `close` ends connections in their handshake; those handed over belong to whoever got them. */
export async function acceptSockets(options: AcceptOptions): Promise<Listener> {
  const connectionsMax = options.connectionsMax ?? CONNECTIONS_MAX;
  const handshakeTimeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  /** Every TCP connection that is open, so that `connectionsMax` counts those in their handshake too. */
  const open = new Set<net.Socket>();
  const pending = new Map<string, Pending>();

  const fail = (entry: Pending, cause: unknown) => {
    if (entry.failed) return;
    entry.failed = true;
    forget(entry);
    entry.raw.destroy();
    options.onFailure?.(connectionFailure(cause, entry.remote), entry.remote);
  };
  const forget = (entry: Pending) => {
    entry.stopTimer();
    pending.delete(keyOf(entry.remote));
  };

  const onTcp = (raw: net.Socket) => {
    raw.on("error", () => {});
    // Not reported one by one: whoever refuses keeps count, and a flood must not fill the log.
    if (options.admit?.(addressesOf(raw).remote.host) === false) return void raw.destroy();
    if (open.size >= connectionsMax) {
      const { remote } = addressesOf(raw);
      raw.destroy();
      options.onFailure?.(new NodeError("connections_full", "self", "too many connections"), remote);
      return;
    }
    open.add(raw);
    raw.once("close", () => open.delete(raw));
    raw.setNoDelay(true);
    raw.setKeepAlive(true, KEEP_ALIVE_MS);
    if (options.tls === undefined) return options.onSocket(raw, raw);

    // The handshake's deadline is ours: the runtimes report theirs and leave the socket open.
    const timer = setTimeout(
      () => fail(entry, new NodeError("timeout", "network", `no TLS in ${handshakeTimeoutMs} ms`)),
      handshakeTimeoutMs,
    );
    const entry: Pending = {
      raw,
      remote: addressesOf(raw).remote,
      stopTimer: () => clearTimeout(timer),
      failed: false,
    };
    pending.set(keyOf(entry.remote), entry);
    raw.once("close", () => {
      if (pending.get(keyOf(entry.remote)) === entry) {
        fail(entry, new NodeError("tls_failed", "network", "closed during the TLS handshake"));
      }
    });
  };

  const onSecure = (socket: tls.TLSSocket) => {
    socket.on("error", () => {});
    const entry = pending.get(keyOf(addressesOf(socket).remote));
    if (entry === undefined || entry.failed) return void socket.destroy();
    forget(entry);
    try {
      options.onSocket(socket, entry.raw);
    } catch (cause) {
      socket.destroy();
      fail(entry, cause);
    }
  };

  const server = options.tls === undefined
    ? net.createServer(onTcp)
    : tls.createServer({ ...options.tls, handshakeTimeout: 2 * handshakeTimeoutMs }, onSecure);
  if (options.tls !== undefined) {
    server.on("connection", onTcp);
    // On Deno the failed socket has lost its address; the TCP socket's end then reports the failure.
    server.on("tlsClientError", (error: Error, socket: tls.TLSSocket) => {
      const entry = pending.get(keyOf(addressesOf(socket).remote));
      socket.destroy();
      if (entry !== undefined) fail(entry, error);
    });
  }
  const address = await openPort(server, options);
  return {
    address,
    async close() {
      for (const entry of [...pending.values()]) {
        forget(entry);
        entry.failed = true;
        entry.raw.destroy();
      }
      if (server.listening) server.close();
      // Connections that were handed over belong to their owners; only the port is waited for.
      while (server.listening) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}

/** Starts listening and tells where. */
function openPort(server: net.Server, where: PeerAddress): Promise<PeerAddress> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(listenFailure(error, where));
    server.once("error", onError);
    try {
      server.listen({ host: where.host, port: where.port }, () => {
        server.off("error", onError);
        // An accept that fails (out of file descriptors) is retried by the runtime and must not end the process.
        server.on("error", () => {});
        const bound = server.address() as net.AddressInfo;
        resolve({ host: bound.address, port: bound.port });
      });
    } catch (cause) {
      onError(cause as Error);
    }
  });
}

const keyOf = ({ host, port }: PeerAddress) => `${host} ${port}`;
