/**
 * What the stories of a node under attack share: an honest peer, the attackers as a process of their own, and the measuring.
 *
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { descriptors, type Latency, processorSeconds, residentNow, RpcProbe } from "../support/process-figures.ts";
import type { Meter } from "./attackers-wire.ts";
import type { Gemel } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

/** What the node costs and how soon it answers, in one part of a story. */
export interface Part {
  readonly latency: Latency;
  /** The most resident memory that was seen, in bytes. */
  readonly residentMax: number;
  readonly descriptors: number;
  /** Processor time of the node as a share of one core. */
  readonly processor: number;
}

/** One line of `/v1/peers`. */
export interface PeerRow {
  readonly id: number;
  readonly host: string;
  readonly direction: string;
}

/** Twenty requests a second. */
const ASK_EVERY_MS = 50;
const SAMPLE_MS = 200;
const CALL_MS = 5_000;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Says how far a story is. */
export const note = (text: string): void => void process.stderr.write(`${Math.round(performance.now())} ms: ${text}\n`);

/** Ends this process at an error that nobody caught, but for the one that is no fault of a story. */
export function endAtErrors(): void {
  process.on("uncaughtException", (error: Error & { readonly code?: string }) => {
    // Bun's client has no listener on a kept connection between two requests.
    if (error.code === "ECONNRESET") return;
    process.stderr.write(`the story: ${error.stack ?? error}\n`);
    process.exit(1);
  });
}

/** A part in a line, for those who read a run. */
export function partLine(name: string, { latency, residentMax, descriptors, processor }: Part): string {
  return `${name}: RPC p50 ${latency.p50} ms, p99 ${latency.p99} ms of ${latency.answers}; ` +
    `at most ${Math.round(residentMax / 2 ** 20)} MiB, ${descriptors} descriptors, ${
      Math.round(processor * 100)
    }% of a core`;
}

/** The honest peer: a node of the reference. */
export interface Honest {
  readonly port: number;
  /** Makes blocks, and tells what the tip is then. */
  next(count?: number): Promise<string>;
  stop(): Promise<void>;
}

/** Starts a node of the reference at `host` with so many blocks. `port` is where btcd listens; the simulator chooses. */
export async function startHonest(isBitcoin: boolean, host: string, port: number, blocks = 40): Promise<Honest> {
  const missing = isBitcoin ? btcdMissing() : simulatorMissing();
  if (missing !== undefined) throw new Error(missing);
  if (!isBitcoin) {
    const simulator = await Simulator.start({ blocks, host });
    const next = async (count = 1) => (await simulator.farm(count)).header_hash;
    return { port: simulator.port, next, stop: () => simulator.stop() };
  }
  // With a peer to connect to, btcd dials nobody else: it would dial the node, of which it hears, from its own side too.
  const btcd = await Btcd.start({ blocks, extra: [`--listen=${host}:${port}`, "--connect=127.0.0.1:9"] });
  const next = async (count = 1) => (await btcd.rpc("generate", [count]) as string[]).at(-1)!;
  return { port, next, stop: () => btcd.stop() };
}

/** A node that is watched. */
export class Siege {
  readonly #isBitcoin: boolean;
  readonly #node: Gemel;
  /** Requests of these, each on a connection of its own, and those without an answer. */
  asked = 0;
  lost = 0;

  constructor(isBitcoin: boolean, node: Gemel) {
    this.#isBitcoin = isBitcoin;
    this.#node = node;
  }

  /**
   * An answer of the node. A request that fails is counted and made again, as clients do: Bun's client may also lose one
   * without a word when its connection is reset.
   */
  async answered<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      const none = Symbol();
      this.asked++;
      const answer = await Promise.race([ask(), sleep(CALL_MS).then(() => none)]).catch((thrown) => {
        note(`${thrown}`);
        return none;
      });
      if (answer !== none) return answer as T;
      this.lost++;
    }
  }

  async peers(): Promise<PeerRow[]> {
    return (await this.answered(() => this.#node.get("v1/peers"))).peers as unknown as PeerRow[];
  }

  /** The tip, its hash without 0x and its height −1 before there is one; and whether the node says that it is synced. */
  async tip(): Promise<{ readonly height: number; readonly hash: string; readonly synced: boolean }> {
    const { height, header_hash, synced } = await this.answered(() =>
      this.#node.status(this.#isBitcoin ? "bitcoin" : "chia")
    );
    return {
      height: typeof height === "number" ? height : -1,
      hash: String(header_hash).replace(/^0x/, ""),
      synced: synced === true,
    };
  }

  async hasTip(hash: string): Promise<true | undefined> {
    return (await this.tip()).hash === hash.replace(/^0x/, "") ? true : undefined;
  }

  /** Measures while something goes on. */
  async measured<T>(goesOn: () => Promise<T>): Promise<Part & { readonly result: T }> {
    const calls = this.#isBitcoin
      ? ["getpeerinfo", "getblockcount"].map((method) => ({ path: "/", body: JSON.stringify({ id: 1, method }) }))
      : ["get_connections", "get_blockchain_state"].map((route) => ({ path: `/${route}`, body: "{}" }));
    const { dir, rpcPort, process: { pid } } = this.#node;
    const probe = new RpcProbe(dir, rpcPort, calls, ASK_EVERY_MS);
    let residentMax = 0;
    const sampling = setInterval(() => (residentMax = Math.max(residentMax, residentNow(pid))), SAMPLE_MS);
    const began = performance.now();
    const spent = processorSeconds(pid);
    const result = await goesOn();
    const processor = (processorSeconds(pid) - spent) / ((performance.now() - began) / 1000);
    clearInterval(sampling);
    const latency = await probe.take();
    probe.close();
    await sleep(200);
    return { latency, residentMax, descriptors: descriptors(pid), processor, result };
  }
}

/** How long something took, −1 when it did not come. */
export async function timed(what: string, ms: number, look: () => Promise<true | undefined>): Promise<number> {
  const began = performance.now();
  return await until(what, ms, look).then(() => Math.round(performance.now() - began), () => -1);
}

/** Starts a program of attackers, which says `ready`, and at SIGTERM what each kind of them did. */
export function attack(
  program: string,
  args: readonly string[],
): { readonly ready: Promise<unknown>; end(): Promise<Record<string, Meter>> } {
  const script = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (part) => (out += part));
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  return {
    ready: until("the attackers", 60_000, () => Promise.resolve(out.includes("ready") ? true : undefined)),
    async end() {
      child.kill("SIGTERM");
      await closed;
      return JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, Meter>;
    },
  };
}
