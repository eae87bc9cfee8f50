/**
 * btcd's own nodes as peers and as the measure of what is right; see `btcd_net.py`.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { send } from "./call.ts";

const SCRIPT = fileURLToPath(new URL("btcd_net.py", import.meta.url));
/** Building btcd takes a minute or two, and the module proxy. */
const SETUP_TIMEOUT_MS = 600_000;
/** Where the Go tools are when they are not on the path. */
const GO_FOLDER = "/usr/local/go/bin";

const environment = () => ({ ...process.env, PATH: `${process.env.PATH ?? ""}:${GO_FOLDER}` });

let missing: string | undefined | null = null;

/** Why there can be no btcd here, or undefined when there can. Builds it the first time; says `skipped: REASON`. */
export function btcdMissing(): string | undefined {
  if (missing !== null) return missing;
  missing = undefined;
  if (spawnSync("python3", ["--version"]).status !== 0) missing = "there is no Python 3";
  else {
    const setup = spawnSync("python3", [SCRIPT, "setup"], {
      encoding: "utf8",
      timeout: SETUP_TIMEOUT_MS,
      env: environment(),
    });
    if (setup.status !== 0) missing = `btcd cannot be had: ${(setup.stderr || setup.stdout).trim().split("\n").at(-1)}`;
  }
  if (missing !== undefined) process.stdout.write(`skipped: ${missing}\n`);
  return missing;
}

const running = new Set<string>();
process.on("exit", () => {
  for (const dir of running) spawnSync("python3", [SCRIPT, "down", "--wipe", "--dir", dir]);
});

/** What the script tells of a node. */
export interface BtcdNode {
  readonly port: number;
  readonly rpc_port: number;
  readonly rpc_user: string;
  readonly rpc_pass: string;
  readonly rpc_cert: string;
  readonly pid: number;
  readonly best: string;
  readonly height: number;
}

/** One or more btcd nodes on regtest. Node 1 is meant unless told otherwise. */
export class Btcd {
  readonly #dir: string;
  readonly node: BtcdNode;

  private constructor(dir: string, node: BtcdNode) {
    this.#dir = dir;
    this.node = node;
  }

  /** Starts a node that has mined `blocks` blocks; 112 or more give coins to spend. */
  static async start(
    options: { readonly blocks?: number; readonly extra?: readonly string[]; readonly v2?: boolean } = {},
  ): Promise<Btcd> {
    const dir = mkdtempSync(join(tmpdir(), "gemel-btcd-"));
    running.add(dir);
    const extra = (options.extra ?? []).map((each) => `--extra=${each}`);
    const v2 = options.v2 === true ? ["--v2"] : [];
    const args = ["up", "--blocks", `${options.blocks ?? 0}`, "--dir", dir, ...v2, ...extra];
    const node = await run(args) as unknown as BtcdNode;
    return new Btcd(dir, node);
  }

  get port(): number {
    return this.node.port;
  }

  #run(args: readonly string[]): Promise<Record<string, unknown>> {
    return run([...args, "--dir", this.#dir]);
  }

  /** One call of node 1's own RPC. */
  async rpc(method: string, params: readonly unknown[] = []): Promise<unknown> {
    const [result] = await this.batch([[method, params]]);
    return result;
  }

  /** Many calls of node 1's own RPC in one request; results in their order. */
  async batch(calls: readonly (readonly [method: string, params: readonly unknown[]])[]): Promise<unknown[]> {
    const { rpc_port: port, rpc_user, rpc_pass, rpc_cert } = this.node;
    const ca = readFileSync(rpc_cert, "utf8");
    const authorization = `Basic ${btoa(`${rpc_user}:${rpc_pass}`)}`;
    const body = JSON.stringify(calls.map(([method, params], id) => ({ jsonrpc: "2.0", id, method, params })));
    const headers = { authorization, "content-type": "application/json", "content-length": `${body.length}` };
    const answer = await send({ host: "127.0.0.1", port, path: "/", method: "POST", headers, ca }, body);
    const answers = JSON.parse(answer.text) as { id: number; result: unknown; error: unknown }[];
    return calls.map(([method], id) => {
      const { result, error } = answers.find((each) => each.id === id) ?? { result: null, error: "no answer" };
      if (error !== null && error !== undefined) throw new Error(`btcd's ${method}: ${JSON.stringify(error)}`);
      return result;
    });
  }

  /** Mines empty blocks. */
  async generate(count: number, on = 1): Promise<void> {
    await this.#run(["generate", "--on", `${on}`, `${count}`]);
  }

  /** Mines blocks of signed transactions of every kind. */
  async fill(blocks: number, transactions: number): Promise<void> {
    await this.#run(["fill", `${blocks}`, `${transactions}`]);
  }

  /** Sends signed transactions of every kind to a node, and leaves them unmined: their txids. */
  async send(count: number, on = 1): Promise<readonly string[]> {
    const { txs } = await this.#run(["tx", `${count}`, "--on", `${on}`]) as unknown as { txs: { txid: string }[] };
    return txs.map(({ txid }) => txid);
  }

  /** The same, but handed to any node that speaks Core's JSON-RPC: `http://USER:PASSWORD@HOST:PORT`. */
  async sendTo(to: string, count: number): Promise<readonly string[]> {
    const { txs } = await this.#run(["tx", `${count}`, "--to", to]) as unknown as { txs: { txid: string }[] };
    return txs.map(({ txid }) => txid);
  }

  /** The txids of a node's mempool. */
  async mempool(on = 1): Promise<readonly string[]> {
    return await this.#run(["rpc", "getrawmempool", "--on", `${on}`]) as unknown as readonly string[];
  }

  /** Replaces the last `depth` blocks by one more. */
  async reorg(depth: number): Promise<{ readonly best: string; readonly height: number; readonly old_best: string }> {
    return await this.#run(["reorg", `${depth}`]) as never;
  }

  /** Another node, which dials the first and is in sync with it. */
  async second(): Promise<BtcdNode> {
    return await this.#run(["second-node"]) as unknown as BtcdNode;
  }

  async partition(): Promise<void> {
    await this.#run(["partition"]);
  }

  async heal(): Promise<void> {
    await this.#run(["heal"]);
  }

  /** Hash and height of a node's tip. */
  async tip(on = 1): Promise<{ readonly best: string; readonly height: number }> {
    const { nodes } = await this.#run(["status"]) as unknown as { nodes: BtcdNode[] };
    const node = nodes[on - 1];
    if (node === undefined) throw new Error(`there is no node ${on}`);
    return node;
  }

  async stop(): Promise<void> {
    await this.#run(["down", "--wipe"]);
    running.delete(this.#dir);
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function run(args: readonly string[]): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const child = spawn("python3", [SCRIPT, ...args], { env: environment() });
    let [out, err] = ["", ""];
    child.stdout.on("data", (part) => (out += part));
    child.stderr.on("data", (part) => (err += part));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0) return reject(new Error(`btcd_net.py ${args.join(" ")}: ${err || out}`));
      try {
        resolve(JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, unknown>);
      } catch {
        reject(new Error(`btcd_net.py ${args.join(" ")} printed ${out}`));
      }
    });
  });
}
