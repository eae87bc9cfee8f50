/**
 * What attackers hold in their hands: a socket from an address of their choice, and bytes that the other side reads.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import net from "node:net";
import tls from "node:tls";

/** A node under attack, and who attacks it. */
export interface Target {
  readonly chain: "bitcoin" | "chia";
  readonly host: string;
  readonly port: number;
}

/** A client certificate of Chia's network. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly ca: readonly string[];
}

/** How long an attacker waits for a connection or an answer. */
const PATIENCE_MS = 15_000;

/** A connection as an attacker has it. Every wait but that for its end rejects when it ends; one wait at a time. */
export class Wire {
  /** The node has said something since it was last asked. */
  received = 0;
  /** Is given what the node says; set by those who listen. */
  hear: (bytes: Uint8Array) => void = () => {};
  readonly #socket: net.Socket;
  readonly #meter: Meter;
  #ended = false;
  #wake = () => {};

  private constructor(socket: net.Socket, meter: Meter) {
    this.#socket = socket;
    this.#meter = meter;
    socket.on("data", (bytes: Uint8Array) => {
      this.received += bytes.length;
      meter.received += bytes.length;
      this.hear(bytes);
      this.#wake();
    });
    socket.on("drain", () => this.#wake());
    socket.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Connects from `source`; with a certificate over TLS. */
  static async open(target: Target, source: string, meter: Meter, certificate?: Certificate): Promise<Wire> {
    const where = { host: target.host, port: target.port, localAddress: source };
    const socket = certificate === undefined ? net.connect(where) : tls.connect({
      ...where,
      ...certificate,
      ca: [...certificate.ca],
      minVersion: "TLSv1.3",
      checkServerIdentity: () => undefined,
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => socket.destroy(new Error("no connection")), PATIENCE_MS);
    // For errors after the first, which have nobody else to hear them.
    socket.on("error", () => {});
    socket.once(certificate === undefined ? "connect" : "secureConnect", () => resolve());
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
    meter.attempts++;
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
    meter.connections++;
    return new Wire(socket, meter);
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Writes, and waits while the node reads slower than we write. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#ended) throw new Error("closed");
    this.#meter.sent += bytes.length;
    if (this.#socket.write(bytes)) return;
    await this.#until(() => this.#socket.writableNeedDrain === false, Infinity);
  }

  /** Waits until the node has said something that was not there yet. */
  async answer(): Promise<void> {
    await this.#until(() => this.received > 0, PATIENCE_MS);
    this.received = 0;
  }

  /** Waits for the end. */
  async end(): Promise<void> {
    await this.#until(() => this.#ended, Infinity);
  }

  /** Takes nothing any more: what the node has to say stays in its own buffers. */
  deafen(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }

  #until(isThere: () => boolean, ms: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (isThere()) resolve();
      else if (this.#ended) reject(new Error("closed"));
    };
    this.#wake = look;
    const timer = ms === Infinity ? undefined : setTimeout(() => reject(new Error("nothing came")), ms);
    look();
    return promise.finally(() => clearTimeout(timer));
  }
}

/** What attackers of one kind have done. */
export interface Meter {
  attempts: number;
  /** Sockets that opened. */
  connections: number;
  /** Handshakes that the node answered. */
  handshakes: number;
  /** Connections that the node ended. */
  ended: number;
  sent: number;
  received: number;
}

/** A meter at nothing. */
export const newMeter = (): Meter => ({ attempts: 0, connections: 0, handshakes: 0, ended: 0, sent: 0, received: 0 });

/** The request of a WebSocket. */
export const UPGRADE: Uint8Array = Buffer.from(
  "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
);

/** A binary WebSocket frame as a client sends it; its mask of zeros leaves the payload as it is. */
export function masked(payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.of(0x82, ...size, 0, 0, 0, 0), payload]);
}
