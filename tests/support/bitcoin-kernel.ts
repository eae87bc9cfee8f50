/**
 * Bitcoin Core's own engine from Python's package index: the library of py-bitcoinkernel (Core 31.99), and what reads its
 * database, in a virtual environment in the user's cache folder.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const PACKAGES = ["py-bitcoinkernel==0.1.0a5", "plyvel==1.5.1"];
/** Fetching them takes seconds; a package index that does not answer shall not hold the tests up. */
const INSTALL_MS = 120_000;

/** Where what is made of it may be kept. */
export const kernelFolder: string = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
  "gemel-bitcoin-kernel",
);

/** The engine, or why there can be none. */
export type BitcoinKernel =
  | { readonly python: string; readonly library: string }
  | { readonly missing: string };

let kernel: BitcoinKernel | undefined;

/** Core's engine. Installed the first time. */
export const bitcoinKernel = (): BitcoinKernel => kernel ??= prepare();

function prepare(): BitcoinKernel {
  const run = (program: string, ...args: readonly string[]) =>
    spawnSync(program, args, { encoding: "utf8", timeout: INSTALL_MS });
  const environment = join(kernelFolder, PACKAGES.join("-").replaceAll("==", "-"));
  const python = join(environment, "bin", "python");
  if (!existsSync(python) || run(python, "-c", "import pbk, plyvel").status !== 0) {
    mkdirSync(kernelFolder, { recursive: true });
    if (run("python3", "-m", "venv", environment).status !== 0) return { missing: "python3 makes no venv here" };
    const { status, stderr } = run(python, "-m", "pip", "install", "--quiet", ...PACKAGES);
    if (status !== 0) return { missing: `Core's engine cannot be had: ${(stderr ?? "").trim().split("\n").at(-1)}` };
  }
  const lib = join(environment, "lib");
  const library = readdirSync(lib)
    .map((version) => join(lib, version, "site-packages/pbk/_libs/libbitcoinkernel.so")).find(existsSync);
  return library === undefined ? { missing: "py-bitcoinkernel has no library here" } : { python, library };
}
