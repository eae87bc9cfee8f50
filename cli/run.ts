/**
 * `gemel run`: the node in the foreground.
 *
 * @module
 */
import {
  addressText,
  GEMEL_VERSION,
  type NodeConfig,
  NodeError,
  type PeerAddress,
  type RunningNode,
  startNode,
} from "../mod.ts";
import { join } from "node:path";
import process from "node:process";
import type { Command } from "commander";
import { addSettings, loadConfig } from "./context.ts";
import { showProgress } from "./display.ts";
import { failureOf, formatFailure } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { untilStopped } from "./lifetime.ts";
import { readingText } from "./progress.ts";
import { onUnforeseen } from "./unforeseen.ts";

/** What the banner and `version` say of the runtime: `bun 1.4.5, linux-x64`. */
export function runtimeText(): string {
  const { bun, deno } = process.versions;
  const runtime = bun !== undefined
    ? `bun ${bun}`
    : deno !== undefined
    ? `deno ${deno}`
    : `node ${process.versions.node}`;
  return `${runtime}, ${process.platform}-${process.arch}`;
}

/** The `curl` line with which anybody can try the node. */
export function curlLine({ config: { paths }, chia }: RunningNode, at: PeerAddress): string {
  const [data, path] = chia === undefined
    ? ['{"jsonrpc":"2.0","id":1,"method":"getblockchaininfo"}', ""]
    : ["{}", "get_blockchain_state"];
  return `curl --cacert ${quote(join(paths.ssl, "ca.crt"))} -H "Authorization: Bearer $(cat ${quote(paths.token)})" ` +
    `-d '${data}' https://${addressText(callable(at))}/${path}`;
}

/** Where the node is called from this machine: an address for everywhere is not one to call. */
function callable({ host, port }: PeerAddress) {
  return { host: ["0.0.0.0", "::"].includes(host) ? "127.0.0.1" : host, port };
}

function quote(path: string): string {
  return /^[\w./~+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** The lines that a node begins with. */
export function banner(config: NodeConfig, node: RunningNode): string {
  const lines = [`gemel ${GEMEL_VERSION} (${runtimeText()})  data ${config.paths.data}`];
  for (const chain of config.chains) {
    const peers = chain.connect.length === 0
      ? "peers by discovery"
      : `peers ${chain.connect.slice(0, 3).map(addressText).join(", ")}${chain.connect.length > 3 ? ", …" : ""}`;
    const handle = node.chains.find((each) => each.chain === chain.chain);
    const listen = handle?.listenAddress === undefined ? "" : `  listens on ${addressText(handle.listenAddress)}`;
    const { validation, reading } = handle?.progress() ?? {};
    const from = reading === undefined ? `${peers}${listen}` : readingText(reading);
    lines.push(`${chain.chain.padEnd(8)} ${chain.network}  ${from}  validation ${validation}`);
  }
  const { rpcAddress } = node;
  if (rpcAddress !== undefined) {
    lines.push(
      `rpc      https://${addressText(rpcAddress)}  token or client certificate`,
      `try      ${curlLine(node, rpcAddress)}`,
    );
  }
  return lines.join("\n") + "\n";
}

/** A record of the JSON log. */
function logLine(level: "info" | "error", msg: string): string {
  return JSON.stringify({ time: new Date().toISOString(), level, cat: "run", msg }) + "\n";
}

/** Lines for people as records of the JSON log. */
function logLines(text: string): string {
  return text.trimEnd().split("\n").map((msg) => logLine("info", msg)).join("");
}

/** Adds the command. */
export function addRun(program: Command, io: CliIo, setExit: (code: number) => void): void {
  addSettings(program.command("run"), (key) => !["rpc", "data-dir"].includes(key))
    .description("start the node in the foreground")
    .addHelpText(
      "after",
      "\nEach chain option has a form with the chain's name (--chia.network, --chia.connect, …).\n" +
        "The same names work in the environment (GEMEL_RUN_CHIA_NETWORK) and in config.toml.\n" +
        "\nExample:\n  $ gemel run --chain chia --network simulator0 --connect 127.0.0.1:38444 --data-dir ./data",
    )
    .action(async (_options: unknown, command: Command) => {
      const config = await loadConfig(command, io);
      const { json, quiet } = command.optsWithGlobals();
      try {
        setExit(await run(config, io, { json: json === true, quiet: quiet === true }));
      } catch (thrown) {
        if (config.log.format !== "json") throw thrown;
        // The configuration may be all that asks for objects.
        const failure = failureOf(thrown);
        io.err(formatFailure(failure, true));
        setExit(failure.exit);
      }
    });
}

/** Runs the node until it is told to stop; the exit code. */
async function run(config: NodeConfig, io: CliIo, options: RunOptions): Promise<number> {
  const isJson = config.log.format === "json";
  const stopTelling = onUnforeseen(process, (text) => io.err(isJson ? logLine("error", text) : `error: ${text}\n`));
  try {
    return await runNode(config, io, options);
  } finally {
    stopTelling();
  }
}

interface RunOptions {
  readonly json: boolean;
  readonly quiet: boolean;
}

/** What a node ends with that begins anew, in another role or with another store, and what it says then. */
const BEGINS_ANEW: Readonly<Record<string, readonly [level: "info" | "error", what: string]>> = {
  DATABASE_TAKEN_OVER: ["error", "this node stands by"],
  WRITER_WANTED: ["info", "this node may take over"],
  STORE_REPLACED: ["info", "this node reads it anew"],
};

/** Runs nodes one after another: one that another has taken over from stands by, until it may take over in its turn. */
async function runNode(config: NodeConfig, io: CliIo, options: RunOptions): Promise<number> {
  for (;;) {
    try {
      return await runOnce(config, io, options);
    } catch (thrown) {
      const [level, what] = (thrown instanceof NodeError ? BEGINS_ANEW[thrown.code] : undefined) ?? [];
      if (!(thrown instanceof NodeError) || level === undefined || config.role === "writer") throw thrown;
      const text = `${thrown.message}; ${what}`;
      io.err(config.log.format === "json" ? logLine(level, text) : `${level}: ${text}\n`);
    }
  }
}

async function runOnce(config: NodeConfig, io: CliIo, { json, quiet }: RunOptions): Promise<number> {
  const node = await startNode(config);
  const isJsonLog = config.log.format === "json";
  // One object a line, for what does not come from the log too.
  const talk: CliIo = isJsonLog ? { ...io, err: (text) => io.err(logLines(text)) } : io;
  if (json) {
    const rpc = node.rpcAddress && `https://${addressText(node.rpcAddress)}`;
    io.out(JSON.stringify({ event: "ready", rpc, data: config.paths.data }) + "\n");
  } else if (!quiet) talk.err(banner(config, node));
  const isJson = json || isJsonLog;
  // Lines of the log between redrawn bars would tear both: a bar only where the log is quiet.
  const isQuietLog = ["fatal", "error", "warning"].includes(config.log.level);
  const end = quiet ? () => {} : showProgress(node, io, { bar: io.isTerminal && !isJson && isQuietLog, json: isJson });
  return (await untilStopped([node], talk, { beforeStop: end })).exit;
}
