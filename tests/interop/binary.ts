/**
 * The compiled program as a process: started with arguments, asked over its RPC with the token and authority of its data
 * folder, ended in whatever way a test wants.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Json, JsonObject } from "../../lib/codec/json.ts";
import { type Answer, objectOf, send, until } from "./call.ts";

/** The program under test: GEMEL_BINARY, or where `compile.sh` puts it. */
export const BINARY = process.env.GEMEL_BINARY ?? fileURLToPath(new URL("../../dist/gemel", import.meta.url));

/** Why the tests of the program cannot run, or undefined. Says `skipped: REASON` for the summary of a run. */
export function binaryMissing(): string | undefined {
  if (existsSync(BINARY)) return undefined;
  const reason = `${BINARY} is missing: run ./compile.sh first`;
  process.stdout.write(`skipped: ${reason}\n`);
  return reason;
}

/** A suite, or, where `missing` says why it cannot run, one skipped test in its place: so that a run can count it. */
export function suite(name: string, missing: string | undefined, body: () => void): void {
  if (missing === undefined) describe(name, body);
  else test(name, { skip: missing }, () => {});
}

/** A new temporary folder, and the function that removes it. */
export function temporaryFolder(name = "gemel-test-"): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), name));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** How a process is started. */
export interface LaunchOptions {
  /** A program (with arguments) that is to run ours: `unshare …`. */
  readonly through?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another program than {@link BINARY}. */
  readonly binary?: string;
}

/** A process and what it has printed. */
export class Launched {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  /** The exit code, or the signal that ended it, once all output is there. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(args: readonly string[], options: LaunchOptions = {}) {
    const [program = BINARY, ...rest] = [...(options.through ?? []), options.binary ?? BINARY, ...args];
    // Nothing of the caller's own settings may reach the program.
    const { PATH = "", LANG = "C.UTF-8" } = process.env;
    this.child = spawn(program, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH, LANG, HOME: "/nonexistent", NO_COLOR: "1", ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    alive.add(this.child);
    const decoder = new TextDecoder();
    this.child.stdout?.on("data", (part: Uint8Array) => (this.stdout += decoder.decode(part, { stream: true })));
    const errors = new TextDecoder();
    this.child.stderr?.on("data", (part: Uint8Array) => (this.stderr += errors.decode(part, { stream: true })));
    this.ended = new Promise((resolve) => {
      this.child.on("error", () => resolve(127));
      this.child.on("close", (code, signal) => {
        alive.delete(this.child);
        resolve(code ?? signal ?? 127);
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Sends a signal and waits for the end. */
  async kill(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals> {
    // Not child.kill(): Deno then reports this signal as the cause of the end, whatever the exit code was.
    if (alive.has(this.child)) process.kill(this.pid, signal);
    return await this.ended;
  }

  /** Waits for the end; kills it and throws with its output when that takes longer. */
  async end(timeoutMs: number): Promise<number | NodeJS.Signals> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => (timer = setTimeout(() => resolve("late"), timeoutMs)));
    const how = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    if (how !== "late") return how;
    await this.kill("SIGKILL");
    throw new Error(`did not end within ${timeoutMs} ms:\n${this.stderr}`);
  }
}

/** How a node is started. */
export interface GemelOptions extends LaunchOptions {
  /** The data folder; exists or is made. */
  readonly dir: string;
  /** Peers on loopback, by port. */
  readonly connect?: readonly number[];
  readonly args?: readonly string[];
  /** What to run; the simulator's network of Chia by default. */
  readonly chain?: readonly string[];
}

/** Arguments of a node on Bitcoin's regtest. */
export const REGTEST: readonly string[] = ["--chain", "bitcoin", "--network", "regtest"];

/** One event as `/events` gives it. */
export interface EventEnvelope {
  readonly id: number;
  readonly topic: string;
  readonly data: JsonObject;
}

const READY_TIMEOUT_MS = 20_000;

/** A node that runs: `gemel run`. */
export class Gemel {
  readonly dir: string;
  readonly process: Launched;
  readonly rpcPort: number;
  readonly #ca: string;
  readonly #token: string;

  private constructor(dir: string, launched: Launched, rpcPort: number) {
    this.dir = dir;
    this.process = launched;
    this.rpcPort = rpcPort;
    this.#ca = readFileSync(join(dir, "ssl", "ca.crt"), "utf8");
    this.#token = readFileSync(join(dir, "token"), "utf8").trim();
  }

  /** Starts the program and waits until it says that its RPC is ready. */
  static async start(options: GemelOptions): Promise<Gemel> {
    const peers = (options.connect ?? []).flatMap((port) => ["--connect", `127.0.0.1:${port}`]);
    const launched = new Launched([
      "run",
      ...(options.chain ?? ["--chain", "chia", "--network", "simulator0"]),
      ...["--data-dir", options.dir, "--rpc", "127.0.0.1:0", "--json"],
      ...peers,
      ...(options.args ?? []),
    ], options);
    let over: number | NodeJS.Signals | undefined;
    void launched.ended.then((how) => (over = how));
    const line = await until("the program's first line", READY_TIMEOUT_MS, () => {
      const end = launched.stdout.indexOf("\n");
      return Promise.resolve(end >= 0 ? launched.stdout.slice(0, end) : over === undefined ? undefined : "");
    }).catch(async (thrown) => {
      await launched.kill("SIGKILL");
      throw thrown;
    });
    if (line === "") throw new Error(`gemel ended with ${over}: ${launched.stderr}`);
    const { rpc } = JSON.parse(line) as { rpc: string };
    return new Gemel(options.dir, launched, Number(new URL(rpc).port));
  }

  /** A request exactly as given, and the answer exactly as it came. */
  send(path: string, body: string, method = "POST"): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${this.#token}`,
      "content-type": "application/json",
      ...(method === "GET" ? {} : { "content-length": `${new TextEncoder().encode(body).length}` }),
    };
    const to = { host: "127.0.0.1", port: this.rpcPort, path: `/${path}`, method, headers, ca: this.#ca };
    return send(to, method === "GET" ? undefined : body);
  }

  /** A Chia route that has to succeed. */
  async call(path: string, body: Record<string, Json> = {}): Promise<JsonObject> {
    const answer = objectOf(await this.send(path, JSON.stringify(body)));
    if (answer.success !== true) throw new Error(`gemel's ${path}: ${String(answer.error)}`);
    return answer;
  }

  /** A method of Bitcoin's JSON-RPC that has to succeed. */
  async btc(method: string, params: Json = []): Promise<Json> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const answer = objectOf(await this.send("", body));
    if (answer.error !== undefined) throw new Error(`gemel's ${method}: ${JSON.stringify(answer.error)}`);
    return answer.result ?? null;
  }

  /** Many calls of one method of Bitcoin's JSON-RPC in one request; results in their order. */
  async btcMany(method: string, calls: readonly Json[]): Promise<Json[]> {
    const body = JSON.stringify(calls.map((params, id) => ({ jsonrpc: "2.0", id, method, params })));
    const { text } = await this.send("", body);
    const answers = JSON.parse(text) as { id: number; result: Json; error?: unknown }[];
    return calls.map((_, id) => {
      const answer = answers.find((each) => each.id === id);
      if (answer === undefined || answer.error !== undefined) {
        throw new Error(`gemel's ${method}: ${text.slice(0, 300)}`);
      }
      return answer.result;
    });
  }

  /** The status of one chain. */
  async status(chain: string): Promise<JsonObject> {
    const { chains } = await this.get("v1/status");
    const found = (chains as JsonObject[]).find((each) => each.chain === chain);
    if (found === undefined) throw new Error(`no ${chain} in the status`);
    return found;
  }

  /** Waits until the Bitcoin tip is the given block. */
  async reachesBlock(hash: string, timeoutMs = 60_000): Promise<void> {
    await until(`the tip ${hash}`, timeoutMs, async () => {
      return (await this.status("bitcoin")).header_hash === hash ? true : undefined;
    });
  }

  /** A native route read with GET. */
  async get(path: string): Promise<JsonObject> {
    return objectOf(await this.send(path, "", "GET"));
  }

  /** Height and header hash of the tip, or undefined before the first block. */
  async peak(): Promise<{ readonly height: number; readonly header_hash: string } | undefined> {
    const { blockchain_state } = await this.call("get_blockchain_state");
    const { peak } = blockchain_state as { peak: { height: number; header_hash: string } | null };
    return peak ?? undefined;
  }

  /** Waits until the tip is the given block. */
  async reaches(header_hash: string, timeoutMs = 60_000): Promise<void> {
    await until(`the tip ${header_hash}`, timeoutMs, async () => {
      return (await this.peak())?.header_hash === header_hash ? true : undefined;
    });
  }

  /** Header hashes of the main chain from `start` up to its tip. */
  async hashes(start: number): Promise<string[]> {
    const height = (await this.peak())?.height ?? -1;
    const hashes: string[] = [];
    for (let from = start; from <= height; from += 500) {
      const { block_records } = await this.call("get_block_records", {
        start: from,
        end: Math.min(height + 1, from + 500),
      });
      for (const record of block_records as readonly JsonObject[]) hashes.push(String(record.header_hash));
    }
    return hashes;
  }

  /** Events after `since` in order, up to and with the first for which `isLast` holds. */
  events(since: number, isLast: (event: EventEnvelope) => boolean, timeoutMs = 30_000): Promise<EventEnvelope[]> {
    return new Promise((resolve, reject) => {
      const events: EventEnvelope[] = [];
      const headers = { authorization: `Bearer ${this.#token}`, accept: "text/event-stream" };
      const path = `/events?since=${since}`;
      const request = httpsRequest({
        host: "127.0.0.1",
        port: this.rpcPort,
        path,
        headers,
        ca: this.#ca,
        agent: false,
      });
      const end = (error?: Error) => {
        clearTimeout(timer);
        request.destroy();
        if (error === undefined) resolve(events);
        else reject(error);
      };
      const timer = setTimeout(
        () => end(new Error(`the event did not come; the last of ${events.length}: ${JSON.stringify(events.at(-1))}`)),
        timeoutMs,
      );
      request.on("error", end);
      request.on("response", (response) => {
        let rest = "";
        response.setEncoding("utf8");
        response.on("error", end);
        response.on("end", () => end(new Error("the stream of events ended")));
        response.on("data", (part: string) => {
          const lines = (rest + part).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines.filter((text) => text.startsWith("data: "))) {
            const event = JSON.parse(line.slice("data: ".length)) as EventEnvelope;
            events.push(event);
            if (isLast(event)) return end();
          }
        });
      });
      request.end();
    });
  }

  /** Ends the program and gives its exit code; `SIGKILL` is the sudden death that a test wants. */
  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals> {
    return this.process.kill(signal);
  }
}

/** Resident memory of a process in bytes now (`VmRSS`) or at its peak (`VmHWM`); Linux only. */
export function residentBytes(pid: number, which: "VmRSS" | "VmHWM"): number {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").split("\n").find((entry) => entry.startsWith(which));
  return Number(/\d+/.exec(line ?? "")?.[0] ?? 0) * 1024;
}
