/**
 * Outgoing TCP and TLS connections.
 *
 * @module
 */
import net from "node:net";
import tls from "node:tls";
import { addressText } from "../../core/address-text.ts";
import { NodeError } from "../../core/errors.ts";
import type { ByteDuplex, Dialer, DialOptions, PeerAddress } from "../../core/ports.ts";
import { parseAuthorities, presentedCertificate, requireTlsChecks } from "./certificates.ts";
import { addressesOf, flowOf, socketDuplex } from "./duplex.ts";
import { connectionFailure } from "./failures.ts";

/** Time for TCP and TLS together when the caller names none. */
const DIAL_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;

/** Connects by IP literal. An abort rejects with the signal's reason, everything else with a `NodeError`. */
export const dialer: Dialer = {
  async dial(to: PeerAddress, options: DialOptions = {}): Promise<ByteDuplex> {
    if (net.isIP(to.host) === 0) throw new TypeError(`not an IP literal: ${to.host}`);
    if (!Number.isInteger(to.port) || to.port < 1 || to.port > 65_535) throw new RangeError(`port ${to.port}`);
    if (options.tls !== undefined) requireTlsChecks();
    options.signal?.throwIfAborted();
    return await connect(to, options);
  },
};

function connect(to: PeerAddress, options: DialOptions): Promise<ByteDuplex> {
  const { signal, timeoutMs = DIAL_TIMEOUT_MS } = options;
  return new Promise((resolve, reject) => {
    const { socket, below } = openSocket(to, options);
    const settle = (how: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      below?.off("error", onError);
      socket.off("close", onClose);
      how();
    };
    const fail = (reason: unknown) =>
      settle(() => {
        // An error that arrives after this one has no listener of its own and must not end the process.
        socket.on("error", () => {});
        below?.on("error", () => {});
        socket.destroy();
        below?.destroy();
        reject(reason);
      });
    const onAbort = () => fail(signal?.reason);
    const onError = (error: Error) => fail(connectionFailure(error, to));
    const onClose = () =>
      fail(new NodeError("connection_reset", "network", `${addressText(to)}: closed while connecting`));
    const timer = setTimeout(
      () => fail(new NodeError("timeout", "network", `${addressText(to)}: no connection in ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.on("error", onError);
    below?.on("error", onError);
    socket.on("close", onClose);
    socket.once(options.tls === undefined ? "connect" : "secureConnect", () => {
      try {
        const peerCertificate = options.tls === undefined
          ? undefined
          : presentedCertificate(socket as tls.TLSSocket, parseAuthorities(options.tls.authorities));
        (below ?? socket).setNoDelay(true);
        (below ?? socket).setKeepAlive(true, KEEP_ALIVE_MS);
        const duplex = socketDuplex(socket, {
          ...addressesOf(below ?? socket),
          ...(peerCertificate === undefined ? {} : { peerCertificate }),
          flow: flowOf(socket, below),
        });
        below?.on("error", (error) => duplex.destroy(connectionFailure(error, to)));
        settle(() => resolve(duplex));
      } catch (cause) {
        fail(connectionFailure(cause, to));
      }
    });
  });
}

/**
 * The socket, and the TCP socket below it where we must hold that ourselves: Deno's TLS needs it for back pressure,
 * while Bun's upgrade of an existing socket does not report `authorized` reliably (Bun issue 34798).
 */
function openSocket(to: PeerAddress, options: DialOptions): { socket: net.Socket; below?: net.Socket } {
  const target = {
    host: to.host,
    port: to.port,
    ...(options.localHost === undefined ? {} : { localAddress: options.localHost }),
  };
  if (options.tls === undefined) return { socket: net.connect(target) };
  const secure: tls.ConnectionOptions = {
    cert: options.tls.identity.certificate,
    key: options.tls.identity.privateKey,
    ca: [...options.tls.authorities],
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
  };
  if (!("Deno" in globalThis)) return { socket: tls.connect({ ...target, ...secure }) };
  const below = net.connect(target);
  return { socket: tls.connect({ ...secure, socket: below }), below };
}
