/**
 * A TCP proxy on loopback that lets only so many bytes of the far side through: the way to stop a sync in its middle
 * without a race against the clock.
 *
 * @module
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/** Passes bytes to and from `port`. */
export class Proxy {
  /** Bytes that came from the far side and were passed on, over all connections. */
  passed = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #allowed: number;

  private constructor(port: number, allowed: number) {
    this.#allowed = Math.floor(allowed);
    this.#server = createServer((near) => this.#join(near, connect(port, "127.0.0.1")));
  }

  /** Opens one towards a port on loopback that passes `allowed` bytes on and then holds the rest back. */
  static async open(port: number, allowed = Infinity): Promise<Proxy> {
    const proxy = new Proxy(port, allowed);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.on("error", reject);
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Whether the far side has sent more than may pass. */
  get isHolding(): boolean {
    return this.passed >= this.#allowed;
  }

  /** Lets so many further bytes through, on connections made from now on. */
  allow(bytes: number): void {
    this.#allowed = this.passed + Math.floor(bytes);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket, far: Socket): void {
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (part: Uint8Array) => void far.write(part));
    far.on("data", (part: Uint8Array) => {
      const open = part.subarray(0, Math.max(0, this.#allowed - this.passed));
      this.passed += open.length;
      if (open.length > 0) near.write(open);
      if (open.length < part.length) far.pause();
    });
  }
}
