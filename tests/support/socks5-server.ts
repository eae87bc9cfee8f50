/**
 * A SOCKS5 server on loopback, for tests: RFC 1928's CONNECT with or without RFC 1929's credentials, over real sockets.
 * Names are looked up in a table of its own.
 *
 * @module
 */
import net from "node:net";
import type { PeerAddress } from "../../lib/core/ports.ts";

/** How {@link startSocks5Server} behaves. */
export interface Socks5ServerOptions {
  /** Whether a pair of credentials is good. Absent: no credentials are asked for. */
  readonly accepts?: (user: string, password: string) => boolean;
  /** Where each name lies; any other is answered with "host unreachable". */
  readonly names?: Readonly<Record<string, string>>;
}

/** A running server. */
export interface Socks5Server {
  readonly address: PeerAddress;
  /** What was asked for, with the user that asked. */
  readonly requests: { readonly host: string; readonly port: number; readonly type: number; readonly user: string }[];
  close(): Promise<void>;
}

/** Reads exact numbers of bytes from a socket, and gives the socket up with what is left. */
class Intake {
  readonly #socket: net.Socket;
  #bytes: Uint8Array = new Uint8Array(0);
  #wake: (() => void) | undefined;
  readonly #onData = (chunk: Uint8Array) => {
    this.#bytes = Uint8Array.from([...this.#bytes, ...chunk]);
    this.#wake?.();
  };

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("data", this.#onData);
  }

  async take(length: number): Promise<Uint8Array> {
    while (this.#bytes.length < length) await new Promise<void>((resolve) => (this.#wake = resolve));
    const taken = this.#bytes.slice(0, length);
    this.#bytes = this.#bytes.slice(length);
    return taken;
  }

  release(): Uint8Array {
    this.#socket.off("data", this.#onData);
    return this.#bytes;
  }
}

const REPLY_OF: Readonly<Record<string, number>> = { ECONNREFUSED: 5, ENETUNREACH: 3, EHOSTUNREACH: 4 };

/** Opens the server on a free port of 127.0.0.1. */
export async function startSocks5Server(options: Socks5ServerOptions = {}): Promise<Socks5Server> {
  const requests: Socks5Server["requests"] = [];
  const sockets = new Set<net.Socket>();
  const keep = (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("close", () => void sockets.delete(socket));
    socket.on("error", () => {});
  };
  const serve = async (socket: net.Socket) => {
    const intake = new Intake(socket);
    const [, count = 0] = await intake.take(2);
    const methods = await intake.take(count);
    const method = options.accepts === undefined ? 0 : 2;
    if (!methods.includes(method)) return void socket.end(Uint8Array.of(5, 0xff));
    socket.write(Uint8Array.of(5, method));
    let user = "";
    if (options.accepts !== undefined) {
      const text = async () => new TextDecoder().decode(await intake.take((await intake.take(1))[0] ?? 0));
      await intake.take(1);
      user = await text();
      const isGood = options.accepts(user, await text());
      if (!isGood) return void socket.end(Uint8Array.of(1, 1));
      socket.write(Uint8Array.of(1, 0));
    }
    const [, , , type = 0] = await intake.take(4);
    const bytes = await intake.take(type === 1 ? 4 : type === 4 ? 16 : (await intake.take(1))[0] ?? 0);
    const [high = 0, low = 0] = await intake.take(2);
    const port = high * 256 + low;
    const host = type === 1
      ? bytes.join(".")
      : type === 3
      ? new TextDecoder().decode(bytes)
      : Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16)).join(":");
    requests.push({ host, port, type, user });
    const refuse = (reply: number) => void socket.end(Uint8Array.of(5, reply, 0, 1, 0, 0, 0, 0, 0, 0));
    const place = type === 3 ? options.names?.[host] : host;
    if (place === undefined) return refuse(4);
    const target = net.connect({ host: place, port });
    keep(target);
    const onRefused = (error: Error & { code?: string }) => refuse(REPLY_OF[error.code ?? ""] ?? 1);
    target.once("error", onRefused);
    target.once("connect", () => {
      target.off("error", onRefused);
      socket.write(Uint8Array.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 0));
      const early = intake.release();
      if (early.length > 0) target.write(early);
      socket.pipe(target).pipe(socket);
      socket.on("close", () => target.destroy());
      target.on("close", () => socket.destroy());
    });
  };
  const server = net.createServer({ noDelay: true }, (socket) => {
    keep(socket);
    serve(socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", () => resolve()));
  return {
    address: { host: "127.0.0.1", port: (server.address() as net.AddressInfo).port },
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
