/**
 * The least friendly surroundings that a user may have: a folder of somebody else's files, a uid that the system does not
 * know, no HOME, and 256 file descriptors.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { makeHostile } from "../support/hostile-folder.ts";
import { BINARY, temporaryFolder } from "./binary.ts";

/** A uid that no list of users has. */
const STRANGER = "54321";

/** Such surroundings, with the program as `dist/gemel` in them and as `gemel` in the PATH. */
export interface StrangePlace {
  readonly path: string;
  /** What runs a program there, to be put before it. */
  readonly through: readonly string[];
  /** Runs a line of a shell there, as a document has it. */
  shell(line: string, options?: { readonly env?: Record<string, string>; readonly timeoutMs?: number }): Ended;
  /** Whether code of the folder's files ran. */
  hasRun(): boolean;
  remove(): void;
}

/** How a line of a shell ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes the folder. Only root can become somebody else; others stay who they are, and say so. */
export function strangePlace(): StrangePlace {
  const folder = temporaryFolder("gemel-stranger-");
  const { path } = folder;
  const hasRun = makeHostile(path);
  mkdirSync(join(path, "dist"));
  symlinkSync(BINARY, join(path, "dist", "gemel"));
  const become = ["setpriv", "--reuid", STRANGER, "--regid", STRANGER, "--clear-groups", "--no-new-privs"];
  const can = process.getuid?.() === 0 && spawnSync(become[0]!, [...become.slice(1), "true"]).status === 0;
  if (can) spawnSync("chown", ["-R", `${STRANGER}:${STRANGER}`, path]);
  else process.stdout.write("this run stays its own user: only root becomes another (setpriv)\n");
  chmodSync(path, 0o755);
  const limited = ["bash", "-c", 'unset HOME; ulimit -n 256; exec "$@"', "bash"];
  const through = can ? [...become, ...limited] : limited;
  return {
    path,
    through,
    hasRun,
    shell(line, { env = {}, timeoutMs = 60_000 } = {}) {
      const [program = "", ...args] = [...through, "bash", "-c", line];
      const { status, stdout, stderr } = spawnSync(program, args, {
        cwd: path,
        encoding: "utf8",
        timeout: timeoutMs,
        env: { PATH: `${join(path, "dist")}:${process.env.PATH ?? ""}`, LANG: "C.UTF-8", NO_COLOR: "1", ...env },
      });
      return { status, stdout, stderr };
    },
    remove: folder.remove,
  };
}
