/**
 * The settings of `gemel run` as they were given: flags, environment and file over one another.
 * Precedence is flag, environment, file, default; a key that nobody knows is an error with the nearest known name.
 *
 * @module
 */
import { CHAIN_SETTINGS } from "./chain-settings.ts";
import { NODE_SETTINGS } from "./node-settings.ts";
import { CHAINS, configError, type Setting } from "./setting.ts";

/** Every setting, chain settings both bare and with their chain's name. */
export const SETTINGS: readonly Setting[] = [
  ...NODE_SETTINGS,
  ...CHAIN_SETTINGS,
  ...CHAINS.flatMap((chain) =>
    CHAIN_SETTINGS.filter(({ only }) => only === undefined || only === chain)
      .map((setting): Setting => ({ ...setting, key: `${chain}.${setting.key}` }))
  ),
];

/** Where a value came from. */
export type Origin = "flag" | "environment" | "file" | "default";
/** A value as it was given: text, or texts where a setting takes several. */
export interface Given {
  readonly value: string | readonly string[];
  readonly origin: Origin;
}
/** What was given, by key; what was not is absent. */
export type Settings = ReadonlyMap<string, Given>;

/** The environment's name of a setting: `chia.max-peers` is `GEMEL_RUN_CHIA_MAX_PEERS`. */
export function environmentName(key: string): string {
  return "GEMEL_RUN_" + key.toUpperCase().replaceAll(/[.-]/g, "_");
}

/** What is known from where. The file is parsed TOML. */
export interface Sources {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly path: string; readonly content: Readonly<Record<string, unknown>> };
}

/** Lays the sources over one another. Throws {@link configError} for unknown keys and values of the wrong kind. */
export function resolveSettings(sources: Sources): Settings {
  const settings = new Map<string, Given>();
  const fromFile = sources.file === undefined ? new Map<string, unknown>() : flatten(sources.file.content);
  for (const key of fromFile.keys()) {
    requireKnown(
      key,
      SETTINGS.map((setting) => setting.key),
      `${sources.file!.path}: `,
    );
  }
  const names = new Map(SETTINGS.map(({ key }) => [environmentName(key), key]));
  for (const name of Object.keys(sources.environment)) {
    if (name.startsWith("GEMEL_RUN_")) requireKnown(name, [...names.keys()], "environment: ");
  }
  for (const setting of SETTINGS) {
    const { key } = setting;
    const flag = sources.flags[key];
    const environment = sources.environment[environmentName(key)];
    const file = fromFile.get(key);
    if (flag !== undefined) settings.set(key, { value: textOf(setting, flag, `--${key}`), origin: "flag" });
    else if (environment !== undefined && environment.trim() !== "") {
      settings.set(key, { value: textOf(setting, environment, environmentName(key)), origin: "environment" });
    } else if (file !== undefined) {
      settings.set(key, { value: textOf(setting, file, `${sources.file!.path}: ${key}`), origin: "file" });
    }
  }
  return settings;
}

/** `{chia: {network: …}}` as `chia.network`. */
function flatten(table: Readonly<Record<string, unknown>>, prefix = ""): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [name, value] of Object.entries(table)) {
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
    if (!isTable) flat.set(prefix + name, value);
    else {for (const [key, inner] of flatten(value as Record<string, unknown>, `${prefix}${name}.`)) {
        flat.set(key, inner);
      }}
  }
  return flat;
}

function textOf(setting: Setting, value: unknown, where: string): string | string[] {
  const scalar = (item: unknown): string => {
    if (typeof item === "string" || typeof item === "number" || typeof item === "bigint" || typeof item === "boolean") {
      return String(item);
    }
    throw configError(`${where}: a text${setting.list ? " or a list of texts" : ""} is needed`);
  };
  if (setting.list) {
    const items = Array.isArray(value) ? value.map(scalar) : [scalar(value)];
    // Commas belong to the value of some settings.
    const parts = (setting.commas ? items : items.flatMap((item) => item.split(",")).map((item) => item.trim()))
      .filter((item) => item !== "");
    if (parts.length === 0 && items.length > 0) throw configError(`${where}: a value is needed`);
    return parts;
  }
  if (Array.isArray(value)) throw configError(`${where}: one value, not a list`);
  const text = scalar(value);
  if (text.trim() === "") throw configError(`${where}: a value is needed`);
  if (setting.value === undefined && !["true", "false"].includes(text)) throw configError(`${where}: true or false`);
  return text;
}

function requireKnown(name: string, known: readonly string[], where: string): void {
  if (known.includes(name)) return;
  const near = nearest(name, known);
  throw configError(`${where}there is no setting ${name}${near === undefined ? "" : `; did you mean ${near}?`}`);
}

/** The known name with the fewest edits, when they are few enough to be a slip. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = edits(name, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
