/**
 * From a socket to a peer that has introduced itself: the handshake under one deadline.
 *
 * @see spec section c, chia-blockchain 2.7.5 `chia/server/server.py` (incoming_connection, start_client)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { NodeError } from "../../core/errors.ts";
import { stopped } from "../../core/peers/peer.ts";
import type { MemoryAccount } from "../../core/peers/memory-budget.ts";
import type { Clock, PeerSocket } from "../../core/ports.ts";
import { Traffic } from "../../core/peers/traffic.ts";
import type { Turns } from "../../core/peers/turns.ts";
import { encodeHandshake, judgeHandshake, judgeWindows, type OwnHandshake, requireVersion } from "./handshake.ts";
import { PeerFault, politeEnd, rateFault, textHandshake, timeoutFault } from "./faults.ts";
import {
  Capability,
  configureWindowSizes,
  DEFAULT_CAPABILITIES,
  encodeEnvelope,
  handshake,
  type NodeType,
  sharedCapabilities,
} from "../protocol/mod.ts";
import { answerWithWindows, ownWindows, readWindows, RequestWindows } from "./request-windows.ts";
import type { Handshake } from "../types/mod.ts";

/** The longest handshake, in bytes of its body (`rate_limit_numbers.py`). */
const HANDSHAKE_BYTES_MAX = 10 * 1024;
/** What is before a body: type, whether there is an id, the id, the length. */
const HEAD_BYTES = 6;
const HEAD_BYTES_WITH_ID = 8;

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
  /** What counts the connection's messages; one of its own when absent. */
  readonly traffic?: Traffic;
  /** The line in which all peers of the node wait for their turns; one of its own when absent. */
  readonly turns?: Turns;
  /** Its part of the memory that peers may hold. */
  readonly memory?: MemoryAccount;
}

/** A socket whose handshake is done, with its only reader and its only writer. */
export interface Opened {
  readonly socket: PeerSocket;
  readonly peer: Handshake & { readonly nodeType: NodeType };
  readonly reader: ReadableStreamDefaultReader<Uint8Array | string>;
  readonly writer: WritableStreamDefaultWriter<Uint8Array | string>;
  readonly traffic: Traffic;
  /** The capabilities that both sides announce. */
  readonly shared: ReadonlySet<number>;
  /** Rate limits of version 3, where both sides have them. */
  readonly windows: RequestWindows | undefined;
}

async function readFrame(reader: Opened["reader"]): Promise<Uint8Array> {
  const { done, value } = await reader.read();
  if (done) throw new NodeError("closed", "network", "the peer closed the connection during the handshake");
  if (typeof value === "string") throw textHandshake();
  return value;
}

/** Rejects when the time is up or the signal aborts; `end` lets go of both. */
function deadline({ clock, handshakeTimeoutMs, signal }: SessionOptions) {
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(handshakeTimeoutMs, () => {
    reject(timeoutFault("INVALID_HANDSHAKE", `no handshake within ${handshakeTimeoutMs} ms`));
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
 * is checked afterwards, as in the reference). On failure the socket is closed with the reference's code.
 *
 * @throws PeerFault or NodeError with the reason
 */
export async function shakeHands(socket: PeerSocket, options: SessionOptions): Promise<Opened> {
  const { role, own, traffic = new Traffic(options.clock) } = options;
  const { late, end } = deadline(options);
  let reader: Opened["reader"] | undefined;
  try {
    const { readable, writable } = await Promise.race([socket.opened, late]);
    if (equalBytes(options.peerNodeId, options.ownNodeId)) {
      throw politeEnd("SELF_CONNECTION", "the peer shows our own certificate: it is this node");
    }
    reader = readable.getReader();
    const writer = writable.getWriter();
    const from = reader;
    const say = async (name: string, frame: Uint8Array) => {
      traffic.countSent(name, frame.length);
      await Promise.race([writer.write(frame), late]);
    };
    const hear = async (name: string) => {
      const frame = await Promise.race([readFrame(from), late]);
      traffic.countReceived(name, frame.length);
      // As the reference's rate limiter, which exempt hosts do not meet.
      const bodyBytes = frame.length - (frame[1] === 1 ? HEAD_BYTES_WITH_ID : HEAD_BYTES);
      if (name === handshake.name && options.enforceRates && bodyBytes > HANDSHAKE_BYTES_MAX) {
        throw rateFault(`a handshake of ${bodyBytes} bytes`);
      }
      return frame;
    };
    let capabilities = own.capabilities ?? DEFAULT_CAPABILITIES[own.nodeType];
    if (role === "dialler") await say(handshake.name, encodeHandshake(own));
    const peer = judgeHandshake(await hear(handshake.name), own.networkId);
    if (role === "acceptor") {
      capabilities = answerWithWindows(capabilities, peer.capabilities);
      await say(handshake.name, encodeHandshake({ ...own, capabilities }, peer.nodeType));
    }
    requireVersion(peer);
    const shared = sharedCapabilities(capabilities, peer.capabilities);
    let windows: RequestWindows | undefined;
    if (shared.has(Capability.RATE_LIMITS_V3)) {
      const { id, name, body } = configureWindowSizes;
      await say(name, encodeEnvelope({ type: id, id: null, data: body.encode(ownWindows()) }));
      windows = new RequestWindows(options.clock, readWindows(judgeWindows(await hear(name))));
    }
    socket.welcome?.();
    return { socket, peer, reader, writer, traffic, shared, windows };
  } catch (thrown) {
    socket.close(thrown instanceof PeerFault ? thrown.closing : { closeCode: 1000, reason: "" });
    reader?.cancel().catch(() => {});
    throw thrown;
  } finally {
    end();
  }
}
