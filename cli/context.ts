/**
 * What every command starts from: the global flags, the configuration with its origins, a client of the node.
 *
 * @module
 */
import {
  addressText,
  fileTrouble,
  type NodeConfig,
  NodeError,
  type NodePaths,
  type RpcClient,
  rpcUrlFile,
} from "../mod.ts";
import { type Command, Option } from "commander";
import { parse, TomlError } from "smol-toml";
import { join } from "node:path";
import { buildConfig } from "./config-build.ts";
import { configPath, resolvePaths } from "./paths.ts";
import type { CliIo } from "./io.ts";
import { configError } from "./setting.ts";
import { environmentName, resolveSettings, SETTINGS, type Settings } from "./settings.ts";
import { parsePlace, parseTime } from "./values.ts";

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
  /** Throws `HOME_UNKNOWN` where the file would be in a home that there is not. */
  configFile(): string;
  readonly configFound: boolean;
}

/** A path, or undefined where it would be in a home that there is not. */
function pathIfHome(path: () => string): string | undefined {
  try {
    return path();
  } catch (thrown) {
    if (thrown instanceof NodeError && thrown.code === "HOME_UNKNOWN") return undefined;
    throw thrown;
  }
}

const namedConfig = (command: Command) => command.optsWithGlobals().config as string | undefined;

/** Where the configuration file is or would be, whether or not it is there. Throws `HOME_UNKNOWN`. */
export function configFileOf(command: Command, io: CliIo): string {
  const flag = flagsOf(command)["data-dir"];
  // An empty variable is as good as none.
  const dataDir = typeof flag === "string" ? flag : io.environment[environmentName("data-dir")] || undefined;
  return namedConfig(command) ?? configPath(dataDir, io);
}

/** Reads the configuration file and lays flags and environment over it. */
export async function loadSettings(command: Command, io: CliIo, more: Record<string, unknown> = {}): Promise<Loaded> {
  const flags = { ...flagsOf(command), ...more };
  const named = namedConfig(command);
  const configFile = () => configFileOf(command, io);
  const path = pathIfHome(configFile);
  const text = path === undefined ? undefined : await configText(path, named !== undefined, io);
  const sources = { flags, environment: io.environment };
  if (path === undefined || text === undefined) {
    return { settings: resolveSettings(sources), configFile, configFound: false };
  }
  const settings = resolveSettings({ ...sources, file: { path, content: parseConfig(text, path) } });
  return { settings, configFile, configFound: true };
}

/** Text of the configuration file; undefined when one that is only looked for is not there. */
async function configText(path: string, isNamed: boolean, io: CliIo): Promise<string | undefined> {
  try {
    return await io.readText(path);
  } catch (error) {
    const isAbsent = ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
    if (isNamed || !isAbsent) throw configError(`config: ${path} ${fileTrouble(error)}`);
    return undefined;
  }
}

/** Reads TOML. What is wrong with it is told with its line. */
function parseConfig(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw configError(`${path}: not TOML`);
    const [what = ""] = cause.message.split("\n");
    throw configError(`${path}:${cause.line}:${cause.column}: ${what}`);
  }
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

/** The client for the node that the flags, the environment or the file name. `--timeout` wins over `standard`'s. */
export async function openClient(
  command: Command,
  io: CliIo,
  standard: { readonly timeoutMs?: number } = {},
): Promise<RpcClient> {
  const options = command.optsWithGlobals();
  const { timeoutMs } = standard;
  const { settings } = await loadSettings(command, io);
  const dataDir = settings.get("data-dir")?.value;
  // Asked for where a path is missing: who names all of them needs no home.
  const paths = () => resolvePaths(dataDir === undefined ? undefined : String(dataDir), io);
  const caFile: string = options.cacert ?? join(paths().ssl, "ca.crt");
  const withCertificate = options.cert !== undefined && options.key !== undefined;
  return await io.connect({
    url: await nodeUrl(settings, paths, io),
    caFile,
    ...(!withCertificate && { tokenFile: options.tokenFile ?? paths().token }),
    ...(options.cert !== undefined && { certFile: options.cert }),
    ...(options.key !== undefined && { keyFile: options.key }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(options.timeout !== undefined && { timeoutMs: parseTime(options.timeout, "timeout") }),
  });
}

/** Where the node is: by `--rpc`, else by the running node's own word. */
async function nodeUrl(settings: Settings, paths: () => NodePaths, io: CliIo): Promise<string> {
  const named = settings.get("rpc");
  const file = pathIfHome(() => rpcUrlFile(paths()));
  // A node that may choose its port says which it chose.
  const isAnyPort = named !== undefined && named.origin !== "flag" && /:0$/.test(String(named.value));
  const told = (named === undefined || isAnyPort) && file !== undefined
    ? await io.readText(file).then((text) => text.trim(), () => undefined)
    : undefined;
  const rpc = (told ?? String(named?.value ?? "127.0.0.1:8555")).replace(/\/+$/, "");
  const [, scheme, place = rpc] = /^(https?:\/\/)?(.*)$/.exec(rpc) ?? [];
  const listen = parsePlace(place, "rpc", scheme === undefined ? 8555 : 443);
  // A node that listens everywhere is called here.
  const host = ["0.0.0.0", "::"].includes(listen.host) ? "127.0.0.1" : listen.host;
  return `${scheme ?? "https://"}${addressText({ ...listen, host })}`;
}
