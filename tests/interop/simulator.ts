/**
 * chia-blockchain's own full node as a peer and as the measure of what is right; see `chia_sim.py`.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Json, JsonObject } from "../../lib/codec/json.ts";
import { type Answer, objectOf, send } from "./call.ts";
import { freePort } from "../support/free-port.ts";

const SCRIPT = fileURLToPath(new URL("chia_sim.py", import.meta.url));
const PYTHONS = ["python3", "python3.12", "python3.11", "python3.10", "python3.13"];
/** Making the virtual environment downloads and unpacks a few hundred megabytes. */
const SETUP_TIMEOUT_MS = 600_000;

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** The text of the script's `{"error": …}`, or whatever it printed. */
function saidError(out: string): string {
  const line = lastLine(out);
  try {
    return String((JSON.parse(line) as { error: unknown }).error);
  } catch {
    return line;
  }
}

let python = "";
let missing: string | undefined;

/**
 * Why there can be no simulator here, or undefined when there can. Makes the virtual environment the first time, which
 * takes a minute and the package index; says `skipped: REASON` so that a run's summary can show it.
 */
export function simulatorMissing(): string | undefined {
  if (python !== "" || missing !== undefined) return missing;
  const found = PYTHONS.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (found === undefined) missing = "there is no Python 3";
  else {
    const setup = spawnSync(found, [SCRIPT, "setup"], { encoding: "utf8", timeout: SETUP_TIMEOUT_MS });
    if (setup.status === 0) python = found;
    else missing = saidError(setup.stdout ?? "") || lastLine(setup.stderr ?? "") || "the set-up took too long";
  }
  if (missing !== undefined) process.stdout.write(`skipped: chia-blockchain cannot be run: ${missing}\n`);
  return missing;
}

/** Runs a command of the script; its JSON line, or an error with what the line says. */
function command(args: readonly string[]): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [SCRIPT, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (part: Uint8Array) => (out += new TextDecoder().decode(part)));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(JSON.parse(lastLine(out)));
      else reject(new Error(`chia_sim.py ${args[0]}: ${saidError(out)}`));
    });
  });
}

/** The tip of the simulator's chain. */
export interface SimulatorPeak {
  readonly height: number;
  readonly header_hash: string;
}

/** A simulator that runs. */
export class Simulator {
  readonly dir: string;
  readonly port: number;
  readonly rpcPort: number;
  readonly pid: number;
  /** Its consensus constants as a JSON file. */
  readonly constants: string;
  readonly #tls: { readonly ca: string; readonly cert: string; readonly key: string };

  private constructor(dir: string, state: Record<string, unknown>) {
    this.dir = dir;
    this.port = Number(state.port);
    this.rpcPort = Number(state.rpcPort);
    this.pid = Number(state.pid);
    this.constants = String(state.constants);
    const pem = (name: string) => readFileSync(String(state[name]), "utf8");
    this.#tls = { ca: pem("privateCaCrt"), cert: pem("privateCrt"), key: pem("privateKey") };
  }

  /**
   * Starts one in a temporary folder with a chain of `blocks`. It ends with this process, however that ends. Peers dial it
   * at `host`, on loopback unless told otherwise; it chooses `outbound` of those that it is told of, none by default.
   */
  static async start(
    options: {
      readonly blocks?: number;
      readonly spends?: boolean;
      readonly host?: string;
      readonly port?: number;
      readonly outbound?: number;
      /** The newest version of rate limits that it announces. */
      readonly rateLimits?: number;
    } = {},
  ): Promise<Simulator> {
    const dir = mkdtempSync(join(tmpdir(), "gemel-sim-"));
    try {
      const ports = ["--port", `${options.port ?? await freePort()}`, "--rpc-port", `${await freePort()}`];
      const limits = ["--rate-limits", `${options.rateLimits ?? 2}`];
      const reach = ["--host", options.host ?? "127.0.0.1", "--outbound", `${options.outbound ?? 0}`, ...limits];
      const blocks = ["--blocks", `${options.blocks ?? 0}`, ...(options.spends === true ? ["--spends"] : [])];
      const state = await command(["up", "--dir", dir, "--while", `${process.pid}`, ...ports, ...reach, ...blocks]);
      return new Simulator(dir, state);
    } catch (thrown) {
      rmSync(dir, { recursive: true, force: true });
      throw thrown;
    }
  }

  /** An RPC request exactly as given, and the answer exactly as it came. */
  send(path: string, body: string): Promise<Answer> {
    const headers = {
      "content-type": "application/json",
      "content-length": `${new TextEncoder().encode(body).length}`,
    };
    // Its certificate names no host; the private authority of its folder is what counts.
    const tls = { ...this.#tls, checkServerIdentity: () => undefined };
    return send({ host: "127.0.0.1", port: this.rpcPort, path: `/${path}`, method: "POST", headers, ...tls }, body);
  }

  /** An RPC call that has to succeed. */
  async call(path: string, body: Record<string, Json> = {}): Promise<JsonObject> {
    const answer = objectOf(await this.send(path, JSON.stringify(body)));
    if (answer.success !== true) throw new Error(`the simulator's ${path}: ${String(answer.error)}`);
    return answer;
  }

  async peak(): Promise<SimulatorPeak> {
    return await this.call("sim_peak") as unknown as SimulatorPeak;
  }

  /** Farms blocks and gives the new tip. In batches only the last block of each 64 is announced. */
  async farm(blocks: number, options: { readonly spends?: boolean; readonly batch?: boolean } = {}) {
    return await this.call("sim_farm", { blocks, spends: false, batch: false, ...options }) as unknown as SimulatorPeak;
  }

  /** Replaces the last `back` blocks by `back + more` others. */
  async reorg(back: number, more: number): Promise<SimulatorPeak> {
    return await this.call("sim_reorg", { back, new: more }) as unknown as SimulatorPeak;
  }

  /** Lets the simulator dial a peer on loopback. */
  async connect(port: number): Promise<void> {
    await this.call("open_connection", { host: "127.0.0.1", port });
  }

  /** Header hashes of the main chain from `start` up to its tip. */
  async hashes(start: number): Promise<string[]> {
    const { height } = await this.peak();
    const hashes: string[] = [];
    for (let from = start; from <= height; from += 500) {
      const end = Math.min(height + 1, from + 500);
      const { block_records } = await this.call("get_block_records", { start: from, end });
      for (const record of block_records as readonly JsonObject[]) hashes.push(String(record.header_hash));
    }
    return hashes;
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    try {
      await command(["down", "--dir", this.dir]);
    } finally {
      rmSync(this.dir, { recursive: true, force: true });
    }
  }
}
