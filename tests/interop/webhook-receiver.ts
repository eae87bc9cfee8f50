/**
 * A receiver of webhooks on loopback that can fail, be slow, hang, die and come back. What it accepts it checks: the
 * signature by Node's own HMAC, and that nothing is missing between two deliveries.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the receiver does with the next deliveries. */
export type Mood = "well" | "failing" | "slow" | "hanging" | "busy";

const SLOW_MS = 700;

/** The receiver. */
export class WebhookReceiver {
  mood: Mood = "well";
  /** Read when a delivery comes: the node may have made it only now. */
  readonly #secret: () => string;
  #server: Server | undefined;
  #port = 0;
  /** Ids in the order in which they were accepted, repetitions included. */
  readonly accepted: number[] = [];
  /** Deliveries that came, by the mood in which they met the receiver. */
  readonly met = new Map<Mood, number>();
  /** What was wrong with a delivery. */
  readonly wrong: string[] = [];

  constructor(secret: () => string) {
    this.#secret = secret;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  get newest(): number {
    return this.accepted.reduce((newest, id) => Math.max(newest, id), 0);
  }

  /** Listens, on the port that it had before. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.#take(request, response).catch((thrown) => {
        // A sender that was killed breaks off in the middle.
        if (!request.destroyed || request.complete) this.wrong.push(String(thrown));
        response.destroy();
      });
    });
    await new Promise<void>((resolve) => void server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Dies: every connection is cut off. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => void server?.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { mood } = this;
    const parts: Uint8Array[] = [];
    for await (const part of request) parts.push(part as Uint8Array);
    const body = Buffer.concat(parts).toString();
    this.met.set(mood, (this.met.get(mood) ?? 0) + 1);
    this.#check(request.headers, body);
    if (mood === "failing") return void response.writeHead(500).end("broken");
    if (mood === "busy") return void response.writeHead(429, { "retry-after": "2" }).end();
    if (mood === "hanging") return;
    if (mood === "slow") await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    const { events } = JSON.parse(body).data as { events: { id: number; topic: string }[] };
    for (const { id, topic } of events) {
      if (topic === "gap" || id > this.newest + 1) this.wrong.push(`${topic} ${id} comes after ${this.newest}`);
      this.accepted.push(id);
    }
    response.writeHead(204).end();
  }

  #check(headers: IncomingMessage["headers"], body: string): void {
    const key = Buffer.from(this.#secret().trim().replace(/^whsec_/, ""), "base64");
    const timestamp = String(headers["webhook-timestamp"]);
    const signed = `${headers["webhook-id"]}.${timestamp}.${body}`;
    const right = `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
    assert.equal(headers["webhook-signature"], right);
    assert.ok(Math.abs(Date.now() / 1_000 - Number(timestamp)) < 60, `timestamp ${timestamp}`);
  }
}
