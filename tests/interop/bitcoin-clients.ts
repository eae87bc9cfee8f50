/**
 * Clients of Bitcoin's JSON-RPC that others wrote, as processes: btcd's btcctl and two from PyPI.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const BTCCTL_VERSION = "v0.26.2";
const PYTHON_PACKAGES = ["python-bitcoinrpc==1.0", "python-bitcoinlib==0.12.2"];
const SCRIPT = fileURLToPath(new URL("bitcoin_clients.py", import.meta.url));
/** Getting and building them takes a minute or two. */
const SETUP_TIMEOUT_MS = 600_000;
const CALL_TIMEOUT_MS = 60_000;

const cache = join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "/tmp", ".cache"), "gemel-bitcoin-clients");
const environment = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/local/go/bin` };
const btcctlFolder = join(cache, `btcctl-${BTCCTL_VERSION}`);
const venv = join(cache, "venv");

function run(program: string, args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(program, args, { encoding: "utf8", timeout: SETUP_TIMEOUT_MS, env: { ...environment, ...env } });
}

function reasonOf({ stderr, stdout }: { readonly stderr: string | null; readonly stdout: string | null }): string {
  return (stderr || stdout || "it cannot be run").trim().split("\n").at(-1) ?? "";
}

/** Why there can be no btcctl here, or undefined. Builds it the first time; says `skipped: REASON`. */
export function btcctlMissing(): string | undefined {
  if (existsSync(join(btcctlFolder, "btcctl"))) return undefined;
  mkdirSync(btcctlFolder, { recursive: true });
  const built = run("go", ["install", `github.com/btcsuite/btcd/cmd/btcctl@${BTCCTL_VERSION}`], {
    GOBIN: btcctlFolder,
  });
  return built.status === 0 ? undefined : skipped(`btcctl cannot be had: ${reasonOf(built)}`);
}

/** Why there can be no Python clients here, or undefined. Installs them the first time; says `skipped: REASON`. */
export function pythonClientsMissing(): string | undefined {
  const python = join(venv, "bin", "python");
  if (existsSync(python) && run(python, ["-c", "import bitcoinrpc.authproxy, bitcoin.rpc"]).status === 0) {
    return undefined;
  }
  mkdirSync(cache, { recursive: true });
  const made = run("python3", ["-m", "venv", venv]);
  if (made.status !== 0) return skipped(`no Python environment: ${reasonOf(made)}`);
  const installed = run(python, ["-m", "pip", "install", "--quiet", ...PYTHON_PACKAGES]);
  return installed.status === 0 ? undefined : skipped(`the Python clients cannot be had: ${reasonOf(installed)}`);
}

function skipped(reason: string): string {
  process.stdout.write(`skipped: ${reason}\n`);
  return reason;
}

/** What a command printed and how it ended. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs btcctl against an address. Its own settings files are not read. */
export function btcctl(args: readonly string[]): Outcome {
  const env = { HOME: "/nonexistent", PATH: environment.PATH };
  const { status, stdout, stderr } = spawnSync(join(btcctlFolder, "btcctl"), ["-C", "/nonexistent", ...args], {
    encoding: "utf8",
    timeout: CALL_TIMEOUT_MS,
    env,
  });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

/** Runs one part of `bitcoin_clients.py`; what it printed as JSON. */
export function pythonClient(part: string, url: string, ...more: readonly string[]): Record<string, unknown> {
  const { status, stdout, stderr } = spawnSync(join(venv, "bin", "python"), [SCRIPT, part, url, ...more], {
    encoding: "utf8",
    timeout: CALL_TIMEOUT_MS,
  });
  if (status !== 0) throw new Error(`${part}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}
