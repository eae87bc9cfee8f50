/**
 * What every command starts from: the global flags, the configuration with its origins, a client of the node.
 *
 * @module
 */
import { addressText, type NodeConfig, type RpcClient, rpcUrlFile } from "../mod.ts";
import { type Command, Option } from "commander";
import { parse } from "smol-toml";
import { join } from "node:path";
import { buildConfig, configPath, resolvePaths } from "./config-build.ts";
import type { CliIo } from "./io.ts";
import { configError, resolveSettings, SETTINGS, type Settings } from "./settings.ts";
import { parseAddress, parseTime } from "./values.ts";

/** Adds the flags of every setting to a command. Only what is given becomes a value: the defaults come later. */
export function addSettings(command: Command, wanted: (key: string) => boolean = () => true): Command {
  for (const setting of SETTINGS) {
    if (!wanted(setting.key)) continue;
    const flag = `--${setting.key}${setting.value === undefined ? "" : ` <${setting.value.toLowerCase()}>`}`;
    const standard = setting.standard === undefined ? "" : ` (default ${setting.standard})`;
    const option = new Option(flag, setting.help + standard);
    // A chain's own form is the same again; it would only double the help.
    if (setting.key.includes(".")) option.hideHelp();
    if (setting.list) option.argParser((value: string, before: string[] = []) => [...before, value]);
    command.addOption(option);
  }
  return command;
}

/** The options of a command by setting key. Commander camel-cases the names of flags. */
export function flagsOf(command: Command): Record<string, unknown> {
  const options = command.optsWithGlobals();
  const flags: Record<string, unknown> = {};
  for (const { key } of SETTINGS) {
    const name = key.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (Object.hasOwn(options, name)) flags[key] = options[name];
  }
  return flags;
}

/** Settings and where the file is that they may have come from. */
export interface Loaded {
  readonly settings: Settings;
  readonly configFile: string;
  readonly configFound: boolean;
}

/** Reads the configuration file and lays flags and environment over it. */
export async function loadSettings(command: Command, io: CliIo, more: Record<string, unknown> = {}): Promise<Loaded> {
  const flags = { ...flagsOf(command), ...more };
  const dataDir = typeof flags["data-dir"] === "string" ? flags["data-dir"] : io.environment.GEMEL_RUN_DATA_DIR;
  const named = command.optsWithGlobals().config as string | undefined;
  const configFile = named ?? configPath(dataDir, io);
  let text: string | undefined;
  try {
    text = await io.readText(configFile);
  } catch (error) {
    // A file that was asked for by name must be there; the one that is only looked for need not.
    const isAbsent = ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
    if (named !== undefined || !isAbsent) {
      throw configError(`${configFile} cannot be read`);
    }
  }
  if (text === undefined) {
    return { settings: resolveSettings({ flags, environment: io.environment }), configFile, configFound: false };
  }
  let content: Record<string, unknown>;
  try {
    content = parse(text);
  } catch (cause) {
    throw configError(`${configFile}: ${cause instanceof Error ? cause.message.split("\n")[0] : "not TOML"}`);
  }
  const file = { path: configFile, content };
  return { settings: resolveSettings({ flags, environment: io.environment, file }), configFile, configFound: true };
}

/** Whether colours are wanted: on a terminal, unless NO_COLOR or --no-color says otherwise. */
export function wantsColor(command: Command, io: CliIo): boolean {
  const noColor = io.environment.NO_COLOR !== undefined && io.environment.NO_COLOR !== "";
  return io.isTerminal && !noColor && command.optsWithGlobals().color !== false;
}

/** The node's configuration. */
export async function loadConfig(command: Command, io: CliIo, more: Record<string, unknown> = {}): Promise<NodeConfig> {
  const { settings } = await loadSettings(command, io, more);
  return await buildConfig(settings, { ...io, readText: io.readText, color: wantsColor(command, io) });
}

/** The client for the node that the flags, the environment or the file name. */
export async function openClient(command: Command, io: CliIo): Promise<RpcClient> {
  const options = command.optsWithGlobals();
  const { settings } = await loadSettings(command, io);
  const dataDir = settings.get("data-dir")?.value;
  const paths = resolvePaths(dataDir === undefined ? undefined : String(dataDir), io);
  const named = settings.get("rpc");
  // Unless somebody says otherwise, the running node's own word on where it is.
  const told = named === undefined || named.origin === "default"
    ? await io.readText(rpcUrlFile(paths)).then((text) => text.trim()).catch(() => undefined)
    : undefined;
  const rpc = (told ?? String(named?.value ?? "127.0.0.1:8555")).replace(/\/+$/, "");
  const listen = /^https?:\/\//.test(rpc) ? undefined : parseAddress(rpc, "rpc", 8555);
  // A node that listens everywhere is called here.
  const host = listen === undefined ? "" : ["0.0.0.0", "::"].includes(listen.host) ? "127.0.0.1" : listen.host;
  return await io.connect({
    url: listen === undefined ? rpc : `https://${addressText({ ...listen, host })}`,
    caFile: options.cacert ?? join(paths.ssl, "ca.crt"),
    tokenFile: options.tokenFile ?? paths.token,
    ...(options.cert !== undefined && { certFile: options.cert }),
    ...(options.key !== undefined && { keyFile: options.key }),
    timeoutMs: parseTime(options.timeout ?? "30s", "timeout"),
  });
}
