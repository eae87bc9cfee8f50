/**
 * Stands between a client and a PostgreSQL server, and loses connections where a test wants it: before the commit reaches
 * the server, or before the answer comes back.
 *
 * @module
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/** What becomes of the next commit: it goes through; it gets no answer; it is kept back, and {@link PostgresProxy.release}d. */
export type CommitFate = "answered" | "unanswered" | "kept";

/** A port of loopback behind which is the server's. */
export class PostgresProxy {
  readonly #server: Server;
  readonly #serverPort: number;
  readonly #open = new Set<Socket>();
  /** What was kept back, and the way to the server. */
  #kept: { readonly bytes: Uint8Array; readonly to: Socket } | undefined;
  fate: CommitFate = "answered";
  /** Refuse all connections. */
  isShut = false;

  private constructor(serverPort: number) {
    this.#serverPort = serverPort;
    this.#server = createServer((client) => this.#serve(client));
  }

  static async start(serverPort: number): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(serverPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  #serve(client: Socket): void {
    client.on("error", () => {});
    if (this.isShut) return void client.destroy();
    const server = connect({ host: "127.0.0.1", port: this.#serverPort });
    server.on("error", () => {});
    for (const each of [client, server]) {
      this.#open.add(each);
      each.on("close", () => this.#open.delete(each));
    }
    let isCut = false;
    client.on("data", (bytes: Uint8Array) => {
      const isCommit = new TextDecoder("latin1").decode(bytes).includes("COMMIT");
      if (!isCommit || this.fate === "answered") return void server.write(bytes);
      isCut = true;
      if (this.fate === "kept") {
        this.#kept = { bytes: bytes.slice(), to: server };
        client.destroy();
      } else {
        server.write(bytes);
        // The answer of the server comes first, so that it is sure to have committed.
        server.once("data", () => client.destroy());
      }
      this.fate = "answered";
    });
    server.on("data", (bytes: Uint8Array) => void (!isCut && client.write(bytes)));
    client.on("close", () => void (!isCut && server.destroy()));
    server.on("close", () => client.destroy());
  }

  /** What was kept back reaches the server now; its answer. */
  async release(): Promise<string> {
    const { bytes, to } = this.#kept!;
    const answer = new Promise<Uint8Array>((resolve) => to.once("data", resolve));
    to.write(bytes);
    const text = new TextDecoder("latin1").decode(await answer);
    to.destroy();
    return text;
  }

  /** Ends every connection. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
