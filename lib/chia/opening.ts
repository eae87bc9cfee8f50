/**
 * From a socket to a peer that has introduced itself: the handshake under one deadline.
 *
 * @see spec section c, chia-blockchain 2.7.5 `chia/server/server.py` (incoming_connection, start_client)
 * @module
 */
import { equalBytes } from "../codec/sized.ts";
import { NodeError } from "../core/errors.ts";
import { stopped } from "../core/peer.ts";
import type { Clock, PeerSocket } from "../core/ports.ts";
import { encodeHandshake, judgeHandshake, type OwnHandshake, requireVersion } from "./handshake.ts";
import { handshakeFault, PeerFault, politeEnd } from "./peer-fault.ts";
import type { NodeType } from "./protocol/mod.ts";
import type { Handshake } from "./types/mod.ts";

/** How a session is opened. */
export interface SessionOptions {
  readonly role: "dialler" | "acceptor";
  readonly own: OwnHandshake;
  /** SHA-256 of our certificate, to notice a connection to ourselves. */
  readonly ownNodeId: Uint8Array;
  /** SHA-256 of the peer's certificate. */
  readonly peerNodeId: Uint8Array;
  readonly clock: Clock;
  /** Time for the whole handshake: the reference allows 30 s when accepting and 120 s when dialling. */
  readonly handshakeTimeoutMs: number;
  /** Whether inbound rates are enforced; off only for hosts that are exempt by option. */
  readonly enforceRates: boolean;
  readonly signal?: AbortSignal;
}

/** A socket whose handshake is done, with its only reader and its only writer. */
export interface Opened {
  readonly socket: PeerSocket;
  readonly peer: Handshake & { readonly nodeType: NodeType };
  readonly reader: ReadableStreamDefaultReader<Uint8Array | string>;
  readonly writer: WritableStreamDefaultWriter<Uint8Array | string>;
}

async function readFrame(reader: Opened["reader"]): Promise<Uint8Array> {
  const { done, value } = await reader.read();
  if (done) throw new NodeError("closed", "network", "the peer closed the connection during the handshake");
  if (typeof value === "string") throw politeEnd("TEXT_FRAME", "the peer sent a text frame");
  return value;
}

/** Rejects when the time is up or the signal aborts; `end` lets go of both. */
function deadline({ clock, handshakeTimeoutMs, signal }: SessionOptions) {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const cancel = clock.after(handshakeTimeoutMs, () => {
    reject(handshakeFault("INVALID_HANDSHAKE", `no handshake within ${handshakeTimeoutMs} ms`));
  });
  const abort = () => reject(stopped());
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  return {
    late: promise,
    end: () => {
      cancel();
      signal?.removeEventListener("abort", abort);
    },
  };
}

/**
 * Shakes hands. The dialler speaks first; the acceptor answers only a handshake that is right (but for its version, which
 * is looked at afterwards, as in the reference). On failure the socket is closed with the reference's code.
 *
 * @throws PeerFault or NodeError with the reason
 */
export async function shakeHands(socket: PeerSocket, options: SessionOptions): Promise<Opened> {
  const { role, own } = options;
  const { late, end } = deadline(options);
  let reader: Opened["reader"] | undefined;
  try {
    const { readable, writable } = await Promise.race([socket.opened, late]);
    if (equalBytes(options.peerNodeId, options.ownNodeId)) {
      throw politeEnd("SELF_CONNECTION", "the peer shows our own certificate: it is this node");
    }
    reader = readable.getReader();
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    if (role === "dialler") await Promise.race([writer.write(encodeHandshake(own)), late]);
    const peer = judgeHandshake(await Promise.race([readFrame(reader), late]), own.networkId);
    if (role === "acceptor") await Promise.race([writer.write(encodeHandshake(own, peer.nodeType)), late]);
    requireVersion(peer);
    return { socket, peer, reader, writer };
  } catch (thrown) {
    socket.close(thrown instanceof PeerFault ? thrown.closing : { closeCode: 1000, reason: "" });
    reader?.cancel().catch(() => {});
    throw thrown;
  } finally {
    end();
  }
}
