/**
 * Connections inside one process: what a socket does, without a socket. For tests and for the simulated world.
 *
 * @module
 */
import { addressText } from "../core/address-text.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { ByteDuplex, Dialer, DialOptions, Listener, ListenOptions, PeerAddress } from "../core/ports.ts";

/** How a {@link duplexPair} behaves. */
export interface DuplexPairOptions {
  /** Bytes a direction holds before its writer must wait; 64 KiB by default. */
  readonly bufferBytes?: number;
  /** Cuts what is written into chunks of this many bytes, to try a reader at every border. */
  readonly segmentBytes?: number;
  /** Addresses of the two ends, the dialling one first. */
  readonly addresses?: readonly [PeerAddress, PeerAddress];
  /** DER certificates that the two ends show to each other, the dialling one's first. */
  readonly certificates?: readonly [Uint8Array | undefined, Uint8Array | undefined];
}

/** One direction: a bounded queue between a writable and a readable. */
class Pipe {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly ended: Promise<void>;
  readonly #end = Promise.withResolvers<void>();
  #reading!: ReadableStreamDefaultController<Uint8Array>;
  #writing!: WritableStreamDefaultController;
  #room: (() => void) | undefined;
  /** Undefined while open; null when it ended in order. */
  #failure: NodeError | null | undefined;
  #discard = false;

  constructor(bufferBytes: number, segmentBytes: number) {
    this.ended = this.#end.promise;
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#reading = controller),
      pull: () => this.#wake(),
      cancel: () => {
        this.#discard = true;
        this.#wake();
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: bufferBytes }));
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => void (this.#writing = controller),
      write: async (chunk) => {
        for (let at = 0; at < chunk.length; at += segmentBytes) {
          if (this.#failure) throw this.#failure;
          if (this.#discard) return;
          // A copy, as the kernel would make: the writer may reuse its buffer.
          this.#reading.enqueue(chunk.slice(at, at + segmentBytes));
          if ((this.#reading.desiredSize ?? 1) <= 0) await new Promise<void>((resolve) => (this.#room = resolve));
        }
        if (this.#failure) throw this.#failure;
      },
      close: () => this.#finish(null),
      abort: () => this.#finish(new NodeError("connection_reset", "network", "the connection was reset")),
    }, new ByteLengthQueuingStrategy({ highWaterMark: bufferBytes }));
  }

  /** Ends both sides with an error of their own. */
  destroy(readerSees: NodeError, writerSees: NodeError): void {
    if (this.#failure !== undefined) return;
    this.#writing.error(writerSees);
    this.#finish(readerSees);
  }

  #finish(failure: NodeError | null): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    if (!this.#discard) {
      if (failure === null) this.#reading.close();
      else this.#reading.error(failure);
    }
    this.#wake();
    this.#end.resolve();
  }

  #wake(): void {
    this.#room?.();
    this.#room = undefined;
  }
}

/** Two ends of one connection, the dialling one first. Back pressure, end and reset behave as with TCP. */
export function duplexPair(options: DuplexPairOptions = {}): [ByteDuplex, ByteDuplex] {
  const { bufferBytes = 64 * 1024, segmentBytes = Infinity, certificates } = options;
  const [near, far] = options.addresses ?? [{ host: "127.0.0.1", port: 50_000 }, { host: "127.0.0.1", port: 8_444 }];
  const there = new Pipe(bufferBytes, segmentBytes);
  const back = new Pipe(bufferBytes, segmentBytes);
  const closed = Promise.all([there.ended, back.ended]).then(() => {});
  const end = (
    incoming: Pipe,
    outgoing: Pipe,
    local: PeerAddress,
    remote: PeerAddress,
    shown?: Uint8Array,
  ): ByteDuplex => ({
    readable: incoming.readable,
    writable: outgoing.writable,
    local,
    remote,
    ...(shown === undefined ? {} : { peerCertificate: shown }),
    closed,
    destroy: (reason) => {
      const here = reason instanceof NodeError
        ? reason
        : new NodeError("closed", "network", "the connection was closed here", { cause: reason });
      const reset = new NodeError("connection_reset", "network", "the connection was reset");
      incoming.destroy(here, reset);
      outgoing.destroy(reset, here);
    },
  });
  return [end(back, there, near, far, certificates?.[1]), end(there, back, far, near, certificates?.[0])];
}

/**
 * A network of memory connections: what listens in it can be dialled in it. Certificates are shown to the other side,
 * not checked.
 */
export class MemoryNetwork {
  readonly #pair: Omit<DuplexPairOptions, "addresses" | "certificates">;
  readonly #listeners = new Map<string, { options: ListenOptions; open: number }>();
  #port = 49_152;

  constructor(pair: Omit<DuplexPairOptions, "addresses" | "certificates"> = {}) {
    this.#pair = pair;
  }

  /** A dialler whose connections come from `host`. */
  dialer(host = "127.0.0.1"): Dialer {
    return {
      dial: async (to, options = {}) => {
        options.signal?.throwIfAborted();
        return this.#dial({ host: options.localHost ?? host, port: this.#nextPort() }, to, options);
      },
    };
  }

  /** Opens a port of this network. Rejects with `PORT_IN_USE`. */
  async listen(options: ListenOptions): Promise<Listener> {
    const address = { host: options.host, port: options.port === 0 ? this.#nextPort() : options.port };
    const key = addressText(address);
    if (this.#listeners.has(key)) throw new NodeError("PORT_IN_USE", "self", `port ${key} is in use`);
    this.#listeners.set(key, { options, open: 0 });
    return {
      address,
      close: () => {
        this.#listeners.delete(key);
        return Promise.resolve();
      },
    };
  }

  #dial(from: PeerAddress, to: PeerAddress, options: DialOptions): ByteDuplex {
    const target = this.#listeners.get(addressText(to));
    if (target === undefined) {
      throw new NodeError("connection_refused", "network", `${addressText(to)}: connection refused`);
    }
    const { options: listening } = target;
    if ((listening.tls === undefined) !== (options.tls === undefined)) {
      throw new NodeError("tls_failed", "network", `${addressText(to)}: one side speaks TLS, the other does not`);
    }
    if (listening.admit?.(from.host) === false) {
      throw new NodeError("connection_reset", "network", `${addressText(to)}: connection reset`);
    }
    if (target.open >= (listening.connectionsMax ?? Infinity)) {
      throw new NodeError("connection_reset", "network", `${addressText(to)}: too many connections`);
    }
    const [near, far] = duplexPair({
      ...this.#pair,
      addresses: [from, to],
      certificates: [certificateOf(options.tls?.identity), certificateOf(listening.tls?.identity)],
    });
    target.open++;
    void far.closed.then(() => target.open--);
    try {
      listening.onConnection(far);
    } catch (cause) {
      far.destroy(new NodeError("closed", "self", messageOf(cause), { cause }));
    }
    return near;
  }

  #nextPort(): number {
    return this.#port++;
  }
}

/** DER of the first certificate of a PEM text. */
function certificateOf(identity: { readonly certificate: string } | undefined): Uint8Array | undefined {
  if (identity === undefined) return undefined;
  const body = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/.exec(identity.certificate)?.[1];
  if (body === undefined) throw new TypeError("not a PEM certificate");
  return Uint8Array.from(atob(body.replaceAll(/\s/g, "")), (character) => character.charCodeAt(0));
}
