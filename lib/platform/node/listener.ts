/**
 * Incoming connections of peers: TCP, or TLS with a certificate from both sides.
 *
 * @module
 */
import type { TLSSocket } from "node:tls";
import { messageOf, NodeError } from "../../core/errors.ts";
import type { Listener, ListenOptions } from "../../core/ports.ts";
import { acceptSockets } from "./accept.ts";
import { parseAuthorities, presentedCertificate, requireTlsChecks } from "./certificates.ts";
import { addressesOf, flowOf, socketDuplex } from "./duplex.ts";
import { connectionFailure } from "./failures.ts";

/** Opens a port; see `Platform.listen`. */
export async function listen(options: ListenOptions): Promise<Listener> {
  if (options.tls !== undefined) requireTlsChecks();
  const authorities = parseAuthorities(options.tls?.authorities ?? []);
  return await acceptSockets({
    host: options.host,
    port: options.port,
    connectionsMax: options.connectionsMax,
    handshakeTimeoutMs: options.handshakeTimeoutMs,
    onFailure: options.onFailure,
    ...(options.tls === undefined ? {} : {
      tls: {
        cert: options.tls.identity.certificate,
        key: options.tls.identity.privateKey,
        ca: [...options.tls.authorities],
        minVersion: "TLSv1.3",
        requestCert: true,
        rejectUnauthorized: true,
      },
    }),
    admit: options.admit,
    onSocket: (socket, raw) => {
      const peerCertificate = options.tls === undefined
        ? undefined
        : presentedCertificate(socket as TLSSocket, authorities);
      const duplex = socketDuplex(socket, {
        ...addressesOf(socket),
        ...(peerCertificate === undefined ? {} : { peerCertificate }),
        flow: flowOf(socket, raw),
      });
      if (raw !== socket) raw.on("error", (error) => duplex.destroy(connectionFailure(error, duplex.remote)));
      try {
        options.onConnection(duplex);
      } catch (cause) {
        duplex.destroy(new NodeError("closed", "self", messageOf(cause), { cause }));
      }
    },
  });
}
