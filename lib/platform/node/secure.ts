/**
 * TLS over a connection that stands already, such as one through a proxy.
 *
 * @module
 */
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers";
import tls from "node:tls";
import { addressText } from "../../core/address-text.ts";
import { NodeError } from "../../core/errors.ts";
import type { ByteDuplex, DialOptions } from "../../core/ports.ts";
import { parseAuthorities, presentedCertificate, requireTlsChecks } from "./certificates.ts";
import { type Flow, socketDuplex } from "./duplex.ts";
import { connectionFailure } from "./failures.ts";

/**
 * Speaks TLS as a client over `duplex`, with the checks of `dialer.dial`. Owns `duplex`: it ends with the connection
 * that is given, and when this rejects. An abort rejects with the signal's reason, everything else with a `NodeError`
 * (`certificate_refused`, fault `peer`; `tls_failed`, `connection_reset`, fault `network`). The caller keeps the time.
 */
export async function secureDuplex(
  duplex: ByteDuplex,
  options: NonNullable<DialOptions["tls"]>,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  try {
    requireTlsChecks();
    signal.throwIfAborted();
    return await handshake(duplex, options, signal);
  } catch (thrown) {
    duplex.destroy(thrown);
    throw thrown;
  }
}

function handshake(
  duplex: ByteDuplex,
  { identity, authorities }: NonNullable<DialOptions["tls"]>,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  const { remote, local } = duplex;
  const { stream, flow } = nodeStream(duplex);
  const socket = tls.connect({
    socket: stream,
    cert: identity.certificate,
    key: identity.privateKey,
    ca: [...authorities],
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
  });
  return new Promise((resolve, reject) => {
    const settle = (how: () => void) => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      socket.off("close", onClose);
      stream.off("error", onError);
      stream.off("close", onClose);
      how();
    };
    const fail = (reason: unknown) =>
      settle(() => {
        // An error that arrives after this one has no listener of its own and must not end the process.
        socket.on("error", () => {});
        stream.on("error", () => {});
        socket.destroy();
        stream.destroy();
        reject(reason);
      });
    const onAbort = () => fail(signal.reason);
    const onError = (error: Error) => fail(connectionFailure(error, remote));
    // Bun closes the stream below before it says what was wrong with a certificate.
    const onClose = () => void setImmediate(() => fail(closed()));
    const closed = () =>
      new NodeError("connection_reset", "network", `${addressText(remote)}: closed while connecting`);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", onError);
    socket.on("close", onClose);
    stream.on("error", onError);
    stream.on("close", onClose);
    socket.once("secureConnect", () => {
      try {
        const peerCertificate = presentedCertificate(socket, parseAuthorities(authorities));
        const secured = socketDuplex(socket, { remote, local, peerCertificate, flow });
        stream.on("error", (error) => secured.destroy(connectionFailure(error, remote)));
        settle(() => resolve(secured));
      } catch (cause) {
        fail(connectionFailure(cause, remote));
      }
    });
  });
}

/**
 * The connection as a stream of Node's. `Duplex.fromWeb` is not used: TLS must be able to stop the reading, and on Deno
 * `pause()` on the TLS socket does not come through (see `flowOf`).
 */
function nodeStream(duplex: ByteDuplex): { stream: Duplex; flow: Flow } {
  const reader = duplex.readable.getReader();
  const writer = duplex.writable.getWriter();
  writer.closed.catch(() => {});
  let isStopped = false;
  let isWanted = false;
  let isReading = false;
  const pump = async () => {
    if (isReading || isStopped || !isWanted) return;
    isReading = true;
    isWanted = false;
    try {
      const { value, done } = await reader.read();
      isReading = false;
      stream.push(done ? null : value);
    } catch (error) {
      stream.destroy(error as Error);
    }
  };
  const stream: Duplex = new Duplex({
    read: () => {
      isWanted = true;
      void pump();
    },
    // A copy: the stream below may keep the bytes longer than TLS does.
    write: (chunk: Uint8Array, _encoding, done) => void writer.write(Uint8Array.from(chunk)).then(() => done(), done),
    final: (done) => void writer.close().then(() => done(), done),
    destroy: (error, done) => {
      duplex.destroy(error ?? undefined);
      done(error);
    },
  });
  return {
    stream,
    flow: {
      stop: () => void (isStopped = true),
      start: () => {
        isStopped = false;
        void pump();
      },
    },
  };
}
