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
import { Crowd, SHOWN, type Shown } from "./crowd.ts";
import { descriptorsLeft, descriptorsReserved, reserveDescriptors, takeDescriptor } from "./descriptors.ts";
import { connectionFailure } from "./failures.ts";
import { type OpenPort, openPort } from "./open-port.ts";

/** Time for the TLS handshake when the caller names none. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 1_024;
const KEEP_ALIVE_MS = 60_000;
/** Descriptors that no connection gets, for files, beside the sixteen or so that a node has open in any case. */
const KEPT_DESCRIPTORS = 8;
/** With so few left the next accept may fail, of which the runtimes say nothing. */
const ACCEPTING_NEEDS = 2;
/** How often it is told that there are none left. */
const WARN_EVERY_MS = 60_000;

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
  /**
   * Of `connectionsMax`, the places for those only who have shown a secret. When it is given, the connection that has shown
   * least goes for a newcomer, and the descriptors of all places are kept from other ports; without it newcomers are refused.
   */
  readonly keptForProven?: number | undefined;
  /**
   * Takes a socket that is ready, the TCP socket that it was accepted as, and what is to be called when it shows more. What
   * it throws is a failure.
   */
  readonly onSocket: (socket: net.Socket, raw: net.Socket, show: (shown: Shown) => void) => void;
  readonly onFailure?: ((error: Error, remote: PeerAddress | undefined) => void) | undefined;
}

/** A connection from accept to the end of its TLS handshake. */
interface Pending {
  readonly raw: net.Socket;
  readonly remote: PeerAddress;
  readonly stopTimer: () => void;
  failed: boolean;
}

/** Opens a port. `close` ends connections in their handshake; those handed over belong to the code that got them. */
export async function acceptSockets(options: AcceptOptions): Promise<Listener> {
  const connectionsMax = options.connectionsMax ?? CONNECTIONS_MAX;
  const handshakeTimeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  const { keptForProven } = options;
  /** Every TCP connection that is open, so that `connectionsMax` counts those in their handshake too. */
  const open = new Crowd<net.Socket>(connectionsMax, keptForProven ?? 0);
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
    // Not reported one by one: the code that refuses keeps count, and a flood must not fill the log.
    if (options.admit?.(addressesOf(raw).remote.host) === false) return void raw.destroy();
    if (descriptorsLeft() <= ACCEPTING_NEEDS) {
      raw.destroy();
      return port?.pause();
    }
    // Strangers who take all descriptors keep neither those out who have the secret, nor this port closed.
    const isShort = !hasRoom();
    if (isShort) warn("connections are refused, or take the place of another");
    else takeDescriptor();
    const isFull = keptForProven === undefined && (isShort || open.size >= connectionsMax);
    const leaving = isFull ? raw : isShort ? open.exchange(raw) : open.enter(raw);
    if (leaving !== undefined) {
      const { remote } = addressesOf(leaving);
      leaving.destroy();
      options.onFailure?.(new NodeError("connections_full", "self", "too many connections"), remote);
      if (leaving === raw) return;
    }
    raw.once("close", () => open.leave(raw));
    raw.setNoDelay(true);
    raw.setKeepAlive(true, KEEP_ALIVE_MS);
    const show = (shown: Shown) => open.show(raw, shown);
    if (options.tls === undefined) return options.onSocket(raw, raw, show);

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
      const show = (shown: Shown) => open.show(entry.raw, shown);
      show(SHOWN.tls);
      options.onSocket(socket, entry.raw, show);
    } catch (cause) {
      socket.destroy();
      fail(entry, cause);
    }
  };

  const makeServer = () => {
    if (options.tls === undefined) return net.createServer(onTcp);
    const server = tls.createServer({ ...options.tls, handshakeTimeout: 2 * handshakeTimeoutMs }, onSecure);
    server.on("connection", onTcp);
    // On Deno the failed socket has lost its address; the TCP socket's end then reports the failure.
    server.on("tlsClientError", (error: Error, socket: tls.TLSSocket) => {
      const entry = pending.get(keyOf(addressesOf(socket).remote));
      socket.destroy();
      if (entry !== undefined) fail(entry, error);
    });
    return server;
  };
  const untaken = () => Math.max(0, connectionsMax - open.size);
  const release = keptForProven === undefined ? undefined : reserveDescriptors(untaken);
  const hasRoom = () => {
    return descriptorsLeft() > KEPT_DESCRIPTORS + (keptForProven === undefined ? descriptorsReserved() : 0);
  };
  let warnedAt = -Infinity;
  const warn = (what: string) => {
    const now = performance.now();
    if (now - warnedAt < WARN_EVERY_MS) return;
    warnedAt = now;
    options.onFailure?.(new NodeError("TOO_MANY_FILES", "self", `out of file descriptors: ${what}`), undefined);
  };
  const onPause = (ms: number) => warn(`no connections are accepted for ${Math.ceil(ms / 1000)} s at a time`);
  let port: OpenPort | undefined;
  const opened = port = await openPort({
    where: { host: options.host, port: options.port },
    makeServer,
    hasRoom: () => descriptorsLeft() > ACCEPTING_NEEDS,
    onPause,
  }).catch((thrown) => {
    release?.();
    throw thrown;
  });
  return {
    address: opened.address,
    async close() {
      release?.();
      for (const entry of [...pending.values()]) {
        forget(entry);
        entry.failed = true;
        entry.raw.destroy();
      }
      // Connections that were handed over belong to their owners; only the port is waited for.
      await opened.close();
    },
  };
}

const keyOf = ({ host, port }: PeerAddress) => `${host} ${port}`;
