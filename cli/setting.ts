/**
 * What one setting of `gemel run` is. The tables of them, `node-settings.ts` and `chain-settings.ts`, give each setting's
 * flag, environment name, file key, default, help and document, and what its text means for the configuration.
 *
 * @module
 */
import {
  type BitcoinConfig,
  type ChiaConfig,
  type NodeConfig,
  NodeError,
  type PeerAddress,
  type ServerConfig,
} from "../mod.ts";

/** A mistake in the configuration: exit code 78. */
export function configError(message: string): NodeError {
  return new NodeError("CONFIG_INVALID", "self", message);
}

/** Chains that this version runs. */
export const CHAINS = ["chia", "bitcoin"] as const;
/** One of {@link CHAINS}. */
export type ChainName = (typeof CHAINS)[number];

/** One setting. Its key is the flag without dashes, the path in the file, and, in capitals, the environment name. */
export interface Setting {
  readonly key: string;
  /** What stands behind the flag in help; none: a switch, whose text is `true` or `false`. */
  readonly value?: string;
  /** May be given more than once, or as a list in the file. */
  readonly list?: true;
  /** A text of a list may hold commas. */
  readonly commas?: true;
  /** One line of `--help`. */
  readonly help: string;
  /** What the document says where one line is not enough. Markdown. */
  readonly document?: string;
  /** What holds when nobody set it, as it would be given. */
  readonly standard?: string;
  /** The same in words, where it is no value that could be given. */
  readonly standardWords?: string;
  /** What `config show` shows of a text, where that may hold a secret. */
  readonly shown?: (text: string) => string;
}

/** Texts of files, where a setting names one. */
export interface Files {
  /** Text of a file; throws when it cannot be read. */
  readText(path: string): Promise<string>;
}

/** A configuration in part: groups of values may be there in part too. */
export type NodePatch = {
  readonly [K in keyof NodeConfig]?: K extends "rpc" | "log" | "egress" ? Partial<NonNullable<NodeConfig[K]>>
    : K extends "database" ? "sqlite" | "memory" | Partial<ServerConfig>
    : NodeConfig[K];
};

/** A setting of the node as a whole. Of the two readers it has the one that fits: a list has its texts, others their one. */
export interface NodeSetting extends Setting {
  /** What a text means. Called with {@link Setting.standard} when nobody set it. @throws NodeError `CONFIG_INVALID` */
  readonly read?: (text: string) => NodePatch;
  readonly readAll?: (texts: readonly string[]) => NodePatch;
}

/** What a chain's setting is read against. */
export interface ChainContext extends Files {
  readonly chain: ChainName;
  readonly network: string;
  /** The port of the network's peers: where an address names none. */
  readonly port: number;
}

/** A chain's configuration in part. */
export type ChainPatch = Partial<Omit<ChiaConfig, "chain" | "network"> & Omit<BitcoinConfig, "chain" | "network">>;

/**
 * A setting that a chain has under its own name (`chia.listen`), and bare where one chain runs. Called only when it is
 * given: what is not comes from the library's defaults.
 */
export interface ChainSetting extends Setting {
  /** The one chain that has it; both when absent. */
  readonly only?: ChainName;
  /** What a text means. @throws NodeError `CONFIG_INVALID` */
  readonly read?: (text: string, context: ChainContext) => ChainPatch | Promise<ChainPatch>;
  readonly readAll?: (texts: readonly string[], context: ChainContext) => ChainPatch;
}

/** `on` or `off` as a boolean. */
export function isOn(text: string, key: string): boolean {
  if (text !== "on" && text !== "off") throw configError(`${key}: on or off`);
  return text === "on";
}

/** One of several words. `words` says them in the error when there are none better than the list. */
export function oneOf<T extends string>(text: string, key: string, known: readonly T[], words?: string): T {
  const found = known.find((each) => each === text);
  if (found === undefined) throw configError(`${key}: ${words ?? known.join(", ")}`);
  return found;
}

/** Reads places, each with a reader for one. */
export function placesOf(
  texts: readonly string[],
  key: string,
  port: number,
  read: (text: string, key: string, port: number) => PeerAddress,
): readonly PeerAddress[] {
  return texts.map((text) => read(text, key, port));
}
