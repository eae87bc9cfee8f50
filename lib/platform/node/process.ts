/**
 * The process: its streams, signals and surroundings.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import os from "node:os";
import process from "node:process";
import { messageOf, NodeError } from "../../core/errors.ts";
import type { SignalName, TextOutput } from "../platform.ts";

/** Name and version of what runs us, like `deno 2.9.6`. */
export const runtime: string = process.versions["bun"] !== undefined
  ? `bun ${process.versions["bun"]}`
  : process.versions["deno"] !== undefined
  ? `deno ${process.versions["deno"]}`
  : `node ${process.versions.node}`;

/** Calls back on a signal until the returned function is called. */
export function onSignal(name: SignalName, handler: () => void): () => void {
  process.on(name, handler);
  return () => void process.off(name, handler);
}

/** An environment variable; an empty one counts as absent. */
export function environment(name: string): string | undefined {
  return process.env[name] || undefined;
}

/** Ends the process. */
export function exit(code: number): never {
  process.exit(code);
}

/** The user's folder. */
export function homeDir(): string {
  return os.homedir();
}

/** See `Platform.collectMemory`. */
export function collectMemory(): void {
  // Neither Node nor Deno lets itself be asked without a flag.
}

/** See `Platform.processName`. */
export function processName(): string {
  return `${os.hostname()}:${process.pid}`;
}

/** Resident bytes of the process. */
export function memoryUsage(): number {
  return process.memoryUsage().rss;
}

function output(stream: NodeJS.WriteStream): TextOutput {
  // The reader of a pipe may go first (`gemel … | head`): no reason to crash.
  stream.on("error", () => {});
  return {
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? 80;
    },
    write: (text) => new Promise((resolve) => void stream.write(text, () => resolve())),
  };
}

/** Standard output: data. */
export const stdout: TextOutput = output(process.stdout);
/** Standard error: talk. */
export const stderr: TextOutput = output(process.stderr);

/** Addresses of a host name by the system's resolver; see `Platform.resolveHost`. */
export async function resolveHost(name: string): Promise<string[]> {
  try {
    const found = await lookup(name, { all: true });
    return [...new Set(found.map(({ address }) => address))];
  } catch (cause) {
    throw new NodeError("name_not_found", "network", `${name}: ${messageOf(cause)}`, { cause });
  }
}
