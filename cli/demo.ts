/**
 * `gemel demo`: two nodes on loopback. One serves a recorded Chia chain and mines Bitcoin blocks on regtest, the other
 * finds it, syncs both chains, and goes on following.
 *
 * @module
 */
import {
  type ChainConfig,
  DEFAULTS,
  freezeConfig,
  type LogConfig,
  type NodeConfig,
  NodeError,
  pathsBelow,
  type RpcConfig,
  type RunningNode,
  startNode,
} from "../mod.ts";
import { Buffer } from "node:buffer";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Command } from "commander";
import { wantsColor } from "./context.ts";
import { showProgress } from "./display.ts";
import type { CliIo } from "./io.ts";
import { untilStopped } from "./lifetime.ts";
import { banner } from "./run.ts";
import { parseAddress, parseLogLevel } from "./values.ts";

/** Blocks that come one by one after the sync, so that following shows. */
const LIVE_BLOCKS = 60;
/** How many of those `--exit-when-synced` waits for. */
const LIVE_BLOCKS_SHORT = 3;
/** Bitcoin blocks of regtest that the serving node mines before the other comes. */
const MINED_BLOCKS = 200;

/** The recorded chain that is part of the program. */
export interface DemoChain {
  readonly network: string;
  readonly constantsJson: string;
  /** Streamable FullBlocks in height order. */
  readonly blocks: readonly Uint8Array[];
}

/** Reads the recording: base64 of gzip of (u32 length, FullBlock), again and again. */
export async function demoChain(): Promise<DemoChain> {
  const { default: recorded } = await import("./demo-chain.json", { with: { type: "json" } });
  const bytes = new Uint8Array(gunzipSync(Buffer.from(recorded.blocks, "base64")));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at);
    blocks.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return { network: recorded.network, constantsJson: JSON.stringify(recorded.constants), blocks };
}

/** A new folder in the system's for temporary files. @throws NodeError `DATA_FOLDER_UNWRITABLE` */
async function temporaryFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), "gemel-demo-"));
  } catch (cause) {
    throw new NodeError("DATA_FOLDER_UNWRITABLE", "self", `no folder can be made in ${tmpdir()}`, { cause });
  }
}

function configOf(chains: readonly ChainConfig[], folder: string, rpc: RpcConfig, log: LogConfig): NodeConfig {
  return freezeConfig<NodeConfig>({
    chains,
    paths: pathsBelow(folder),
    database: "sqlite",
    cacheBytesMax: DEFAULTS.cacheBytesMax,
    rpc,
    log,
    // Both ends are ours and on loopback; the pace of the demo is not to hang on rate limits.
    allowLoopbackExempt: true,
    shutdownTimeoutMs: DEFAULTS.shutdownTimeoutMs,
  });
}

/** Adds the command. */
export function addDemo(program: Command, io: CliIo, setExit: (code: number) => void): void {
  program.command("demo")
    .description(
      "two nodes on loopback: one serves a recorded Chia chain and mines Bitcoin's regtest, the other syncs both",
    )
    .option("--exit-when-synced", "end once synced and following, with exit code 0")
    .option("--log-level <level>", "as for run", "warning")
    .addHelpText("after", "\nExample:\n  $ gemel demo --exit-when-synced")
    .action(async (options: { exitWhenSynced?: boolean; logLevel: string }, command: Command) => {
      const globals = command.optsWithGlobals();
      const given = globals.dataDir as string | undefined;
      const folder = given === undefined ? await temporaryFolder() : resolve(given);
      try {
        const log: LogConfig = {
          ...parseLogLevel(options.logLevel, "log-level"),
          format: globals.json ? "json" : "text",
          color: wantsColor(command, io),
        };
        // Without a wish any free port does: a node that already runs on 8555 is no reason to fail.
        const listen = parseAddress(globals.rpc ?? "127.0.0.1:0", "rpc");
        setExit(
          await demo(io, folder, { ...DEFAULTS.rpc, listen }, log, {
            exitWhenSynced: options.exitWhenSynced === true,
            json: globals.json === true,
            quiet: globals.quiet === true,
          }),
        );
      } finally {
        if (given === undefined) await rm(folder, { recursive: true, force: true });
      }
    });
}

async function demo(
  io: CliIo,
  folder: string,
  rpc: RpcConfig,
  log: LogConfig,
  options: { readonly exitWhenSynced: boolean; readonly json: boolean; readonly quiet: boolean },
): Promise<number> {
  const { network, constantsJson, blocks } = await demoChain();
  const atStart = blocks.length - LIVE_BLOCKS;
  const chia = { ...DEFAULTS.chia, chain: "chia", network, constantsJson } as const;
  const bitcoin = { ...DEFAULTS.bitcoin, chain: "bitcoin", network: "regtest" } as const;
  const everyMs = options.exitWhenSynced ? 300 : 2_000;
  const anyPort = { host: "127.0.0.1", port: 0 };
  const server = await startNode(configOf(
    [
      { ...chia, outbound: 0, listen: [anyPort], replay: { blocks, atStart, everyMs } },
      { ...bitcoin, outbound: 0, listen: [anyPort], mining: { atStart: MINED_BLOCKS, everyMs } },
    ],
    join(folder, "server"),
    { ...DEFAULTS.rpc, listen: anyPort },
    { ...log, level: "error" },
  ));
  const nodes: RunningNode[] = [server];
  let end = () => {};
  try {
    const [chiaListens, bitcoinListens] = server.chains.map(({ listenAddress }) => listenAddress);
    if (chiaListens === undefined || bitcoinListens === undefined) {
      throw new NodeError("DEMO_FAILED", "self", "the serving node does not listen");
    }
    const follower = await startNode(configOf(
      [{ ...chia, connect: [chiaListens] }, { ...bitcoin, connect: [bitcoinListens] }],
      join(folder, "node"),
      rpc,
      log,
    ));
    nodes.push(follower);
    if (!options.quiet) io.err(banner(follower.config, follower));
    if (!options.quiet) end = showProgress(follower, io, { bar: io.isTerminal && !options.json, json: options.json });
    const controller = new AbortController();
    const done = options.exitWhenSynced
      ? reached(
        follower,
        { chia: atStart - 1 + LIVE_BLOCKS_SHORT, bitcoin: MINED_BLOCKS + LIVE_BLOCKS_SHORT },
        controller.signal,
      )
      : undefined;
    // Of the two ends of a race the other is left; its failure is then nobody's business.
    done?.catch(() => {});
    const last = done?.then(() => summary(follower, options.json));
    last?.catch(() => {});
    try {
      const until = last?.then(() => {});
      const { exit } = await untilStopped(nodes, io, { ...(until && { until }), beforeStop: end });
      if (exit === 0 && last !== undefined) io.out(await last);
      return exit;
    } finally {
      controller.abort();
    }
  } catch (error) {
    await Promise.allSettled(nodes.map((node) => node.stop()));
    end();
    throw error;
  }
}

/** Waits until the node stands at these heights and says that it is synced. */
async function reached(
  node: RunningNode,
  heights: Readonly<Record<string, number>>,
  signal: AbortSignal,
): Promise<void> {
  const isThere = () =>
    node.chains.every((chain) => {
      const { synced, height = -1 } = chain.progress();
      return synced && height >= (heights[chain.chain] ?? 0);
    });
  if (isThere()) return;
  for await (const _event of node.subscribe({ topics: ["*.block", "*.sync"], since: 0, signal })) if (isThere()) return;
}

/** The last lines: what was synced, Chia's last. */
function summary(node: RunningNode, json: boolean): string {
  const lines = [...node.chains].reverse().map(({ chain, progress }) => {
    const { height, hash, validation } = progress();
    if (json) return JSON.stringify({ chain, height: height ?? null, header_hash: hash ?? null, validation });
    const name = chain === "chia" ? "" : `${chain} `;
    return `synced: ${name}height ${height} header hash ${hash} validation ${validation}`;
  });
  return lines.join("\n") + "\n";
}
