/**
 * A socket as two Web Streams. `Duplex.toWeb` is not used: it keeps no hold of how a connection ended, and on Deno it
 * cannot slow a TLS sender down.
 *
 * @module
 */
import type { Socket } from "node:net";
import { NodeError } from "../../core/errors.ts";
import type { ByteDuplex, PeerAddress } from "../../core/ports.ts";
import { connectionFailure } from "./failures.ts";

/** Bytes that wait for a reader, and for the socket, before the other side of the stream is stopped. */
const BUFFER_BYTES = 64 * 1024;
/** A runtime that goes on delivering after it was told to stop loses the connection here. */
const OVERRUN_BYTES = 64 * 1024 * 1024;

/** Smaller chunks are left to the collector. */
const RELEASED_BYTES_MIN = 4 * 1024;

/** Stops and starts reading from the network. */
export interface Flow {
  stop(): void;
  start(): void;
}

interface ReadHandle {
  readStop(): unknown;
  readStart(): unknown;
}

/**
 * How reading from `socket` is stopped. Deno 2.9 ignores `pause()` on a TLS socket: it goes on reading, buffers without
 * bound and then loses the end of the stream. There the TCP socket below it is stopped at its handle instead.
 */
export function flowOf(socket: Socket, below: Socket | undefined): Flow {
  const handle = "Deno" in globalThis && below !== undefined && below !== socket
    ? (below as unknown as { _handle?: Partial<ReadHandle> | null })._handle
    : undefined;
  if (typeof handle?.readStop === "function" && typeof handle.readStart === "function") {
    return { stop: () => void handle.readStop?.(), start: () => void handle.readStart?.() };
  }
  return { stop: () => void socket.pause(), start: () => void socket.resume() };
}

/** What {@link socketDuplex} is made of. */
export interface SocketParts {
  readonly remote: PeerAddress;
  readonly local: PeerAddress;
  readonly peerCertificate?: Uint8Array;
  readonly flow: Flow;
  /** Bytes that were read from the socket before it came here. */
  readonly head?: Uint8Array;
}

/**
 * Takes over a connected socket. Must be called before the socket had a chance to deliver data: in the callback that
 * gave it.
 *
 * The readable closes when the other side ended its sending and errors with a `NodeError` when the connection broke or
 * was destroyed. A write after the end rejects.
 */
export function socketDuplex(socket: Socket, parts: SocketParts): ByteDuplex {
  let reading: ReadableStreamDefaultController<Uint8Array> | undefined;
  let writing: WritableStreamDefaultController | undefined;
  let stopped = false;
  let ended: NodeError | undefined;
  const waiters = new Set<() => void>();
  const wake = () => {
    for (const waiter of waiters) waiter();
    waiters.clear();
  };

  const closed = Promise.withResolvers<void>();
  /** The connection is over, for `error` or in order. Called once; later calls find nothing to do. */
  const finish = (error: NodeError) => {
    if (ended !== undefined) return;
    ended = error;
    reading?.error(error);
    reading = undefined;
    writing?.error(error);
    wake();
  };

  const readable = new ReadableStream<Uint8Array>({
    start: (controller) => {
      reading = controller;
      if (parts.head !== undefined && parts.head.length > 0) controller.enqueue(parts.head);
    },
    pull: () => {
      if (!stopped) return;
      stopped = false;
      parts.flow.start();
    },
    // Nobody reads any more, but the bytes must go somewhere or the end of the stream is never seen.
    cancel: () => {
      reading = undefined;
      if (stopped) parts.flow.start();
    },
  }, new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }));

  const writable = new WritableStream<Uint8Array>({
    start: (controller) => {
      writing = controller;
    },
    write: async (chunk) => {
      if (ended !== undefined) throw ended;
      if (chunk.length === 0 || socket.write(chunk)) return;
      if (!socket.writableNeedDrain) return;
      await new Promise<void>((resolve) => waiters.add(resolve));
      if (ended !== undefined) throw ended;
    },
    close: async () => {
      if (ended !== undefined) return;
      await new Promise<void>((resolve) => {
        waiters.add(resolve);
        socket.end(resolve);
      });
    },
    abort: (reason) => destroy(reason),
  }, new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }));

  const destroy = (reason?: unknown) => {
    finish(
      reason instanceof NodeError
        ? reason
        : new NodeError("closed", "network", "the connection was closed here", { cause: reason }),
    );
    socket.destroy();
  };

  socket.on("drain", wake);
  socket.on("data", (chunk: Uint8Array) => {
    if (reading === undefined) return;
    // The runtime's own Buffer class is kept inside: its `slice` shares memory where Uint8Array's copies.
    reading.enqueue(new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength));
    const room = reading.desiredSize ?? 0;
    if (room > 0) return;
    if (room < -OVERRUN_BYTES) return destroy(new NodeError("overrun", "network", "the reader is too slow"));
    if (stopped) return;
    stopped = true;
    parts.flow.stop();
  });
  socket.on("end", () => {
    const controller = reading;
    reading = undefined;
    try {
      controller?.close();
    } catch {
      // The reader cancelled in the same turn.
    }
    // Neither protocol uses a half-open connection: what is already queued is sent, then our side ends too.
    if (!socket.destroyed) socket.end();
  });
  socket.on("error", (error) => finish(connectionFailure(error, parts.remote)));
  socket.on("close", () => {
    const clean = reading === undefined;
    finish(new NodeError(clean ? "closed" : "connection_reset", "network", "the connection ended"));
    closed.resolve();
  });
  if (socket.destroyed) closed.resolve();
  // A socket that arrives paused (after an HTTP upgrade) would never deliver.
  socket.resume();

  return {
    readable,
    writable,
    get unreadBytes() {
      return reading === undefined ? 0 : BUFFER_BYTES - (reading.desiredSize ?? BUFFER_BYTES);
    },
    release: ({ buffer, byteLength }) => {
      // One that is a part of another buffer is not ours alone.
      if (byteLength === buffer.byteLength && byteLength >= RELEASED_BYTES_MIN) (buffer as ArrayBuffer).transfer(0);
    },
    remote: parts.remote,
    local: parts.local,
    ...(parts.peerCertificate === undefined ? {} : { peerCertificate: parts.peerCertificate }),
    closed: closed.promise,
    destroy,
  };
}

/** Both addresses of a connected socket. */
export function addressesOf(socket: Socket): { remote: PeerAddress; local: PeerAddress } {
  return {
    remote: { host: plainHost(socket.remoteAddress), port: socket.remotePort ?? 0 },
    local: { host: plainHost(socket.localAddress), port: socket.localPort ?? 0 },
  };
}

/** An IPv4 address that a dual-stack socket shows in its IPv6 form, in its own form. */
function plainHost(host: string | undefined): string {
  if (host === undefined) return "";
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(host) ? host.slice(7) : host;
}
