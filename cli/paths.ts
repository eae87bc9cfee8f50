/**
 * Where a node keeps what.
 *
 * @module
 */
import { isAbsolute, join, resolve } from "node:path";
import { type NodePaths, pathsBelow } from "../mod.ts";
import { configError } from "./setting.ts";

/** What the outside world is asked for paths. */
export interface PathSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user's folder; throws where there is none. */
  homeDir(): string;
}

/** Where things are by the XDG rules: config, data and state each in its own folder. Throws what `homeDir` throws. */
export function xdgPaths({ environment, homeDir }: PathSources): NodePaths {
  // The specification tells to ignore a relative path.
  const folder = (name: string, standard: string) => {
    const given = environment[name];
    return join(given !== undefined && isAbsolute(given) ? given : join(homeDir(), standard), "gemel");
  };
  const config = folder("XDG_CONFIG_HOME", ".config");
  return {
    data: folder("XDG_DATA_HOME", ".local/share"),
    ssl: join(config, "ssl"),
    token: join(config, "token"),
    state: join(folder("XDG_STATE_HOME", ".local/state"), "log"),
  };
}

/** The paths for a `--data-dir`, or the XDG ones without. Throws `CONFIG_INVALID` for a path that is not UTF-8. */
export function resolvePaths(dataDir: string | undefined, around: PathSources): NodePaths {
  const paths = dataDir === undefined ? xdgPaths(around) : pathsBelow(resolve(dataDir));
  for (const path of Object.values(paths)) {
    // The runtime has put this character in the place of bytes that it could not read: another folder than was meant.
    if (path.includes("\ufffd")) throw configError(`data-dir: ${JSON.stringify(path)} is not UTF-8`);
  }
  return paths;
}

/** The configuration file that is looked for when none is named. */
export function configPath(dataDir: string | undefined, around: PathSources): string {
  return dataDir === undefined
    ? join(xdgPaths(around).token, "..", "config.toml")
    : join(resolve(dataDir), "config.toml");
}
