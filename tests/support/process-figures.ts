/**
 * What a process costs and how soon its RPC answers, measured from outside. Linux only.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";

/** File descriptors that a process holds. */
export function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Resident memory in bytes. */
export function residentNow(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
}

/** Processor time so far in seconds, user and system. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** How long answers took, in milliseconds. */
export interface Latency {
  readonly answers: number;
  /** Requests that had no answer, or another than 200. */
  readonly failures: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** No answer by then is none. */
const ANSWER_TIMEOUT_MS = 15_000;

/** One request that is repeated. */
export interface RpcCall {
  readonly path: string;
  readonly body: string;
}

/** Asks a node's RPC at a steady pace over kept connections, whether or not the answers keep up, as clients do. */
export class RpcProbe {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #calls: readonly RpcCall[];
  readonly #options: { readonly ca: string; readonly token: string; readonly port: number };
  #times: number[] = [];
  #failures = 0;
  #waiting = 0;
  #next = 0;

  /** `dir`: the node's data folder, whose token and authority are used. */
  constructor(dir: string, port: number, calls: readonly RpcCall[], everyMs: number) {
    this.#calls = calls;
    const read = (name: string) => readFileSync(join(dir, name), "utf8").trim();
    this.#options = { ca: read("ssl/ca.crt"), token: read("token"), port };
    this.#timer = setInterval(() => this.#ask(), everyMs);
  }

  #ask(): void {
    const { path, body } = this.#calls[this.#next++ % this.#calls.length]!;
    const { ca, token, port } = this.#options;
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": `${body.length}`,
    };
    const began = performance.now();
    this.#waiting++;
    let isOver = false;
    const end = (isGood: boolean) => {
      if (isOver) return;
      isOver = true;
      this.#waiting--;
      this.#times.push(performance.now() - began);
      if (!isGood) this.#failures++;
    };
    const asked = request(
      { host: "127.0.0.1", port, path, method: "POST", headers, ca, agent: this.#agent },
      (response) => {
        response.on("data", () => {});
        response.on("end", () => end(response.statusCode === 200));
        response.on("error", () => end(false));
      },
    );
    asked.on("error", () => end(false));
    // Bun's client may lose a request without a word when the connection that it kept is reset.
    const timer = setTimeout(() => {
      end(false);
      asked.destroy();
    }, ANSWER_TIMEOUT_MS);
    asked.on("close", () => clearTimeout(timer));
    asked.end(body);
  }

  /** What was measured since the last time; waits for the answers that are still out. */
  async take(): Promise<Latency> {
    while (this.#waiting > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const times = this.#times.sort((a, b) => a - b);
    const at = (share: number) => Math.round(10 * (times[Math.floor(share * (times.length - 1))] ?? 0)) / 10;
    const taken = { answers: times.length, failures: this.#failures, p50: at(0.5), p99: at(0.99), max: at(1) };
    this.#times = [];
    this.#failures = 0;
    return taken;
  }

  /** Ends, and closes its connections. */
  close(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }
}
