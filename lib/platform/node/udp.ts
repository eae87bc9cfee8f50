/**
 * Datagrams over UDP.
 *
 * @module
 */
import dgram from "node:dgram";
import net from "node:net";
import type { PeerAddress } from "../../core/ports.ts";
import { listenFailure } from "./failures.ts";

/** How a {@link UdpPort} is opened. */
export interface UdpOptions {
  /** An IP literal. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Called for each datagram; an exception in it is dropped with the datagram. */
  readonly onMessage: (bytes: Uint8Array, from: PeerAddress) => void;
}

/** An open port for datagrams. */
export interface UdpPort {
  readonly address: PeerAddress;
  /** Hands a datagram to the system. One that cannot be sent is lost, as any datagram may be. */
  send(bytes: Uint8Array, to: PeerAddress): void;
  /** Resolves when the port is given free. Safe to call more than once. */
  close(): Promise<void>;
}

/**
 * Opens a port for datagrams. Rejects with `PORT_IN_USE`, `PORT_FORBIDDEN` or `ADDRESS_NOT_AVAILABLE`, all fault `self`.
 */
export function openUdp({ host, port, onMessage }: UdpOptions): Promise<UdpPort> {
  const socket = dgram.createSocket({ type: net.isIPv6(host) ? "udp6" : "udp4" });
  let closing: Promise<void> | undefined;
  return new Promise((resolve, reject) => {
    const refused = (error: Error) => {
      socket.close();
      reject(listenFailure(error, { host, port }));
    };
    socket.once("error", refused);
    socket.on("message", (bytes, { address, port: from }) => {
      try {
        onMessage(bytes, { host: address, port: from });
      } catch {
        // Nobody waits for a datagram.
      }
    });
    socket.bind(port, host, () => {
      socket.off("error", refused);
      // An unreachable receiver is reported here, on a socket that serves others too.
      socket.on("error", () => {});
      const bound = socket.address();
      resolve({
        address: { host: bound.address, port: bound.port },
        send: (bytes, to) => {
          if (closing === undefined) socket.send(bytes, to.port, to.host, () => {});
        },
        close: () => closing ??= new Promise((closed) => void socket.close(() => closed())),
      });
    });
  });
}
