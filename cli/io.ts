/**
 * What a command may touch outside itself. The real one speaks to the process; tests give their own.
 *
 * @module
 */
import { NodeError, type RpcClient } from "../mod.ts";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute } from "node:path";
import process from "node:process";
import type { ClientOptions } from "./connection.ts";
import { EXIT, failureOf, formatFailure } from "./failures.ts";
import { type StopSignal, takeSignals } from "./signals.ts";

/** The process as the commands see it. */
export interface CliIo {
  /** Data: the answer to what was asked. */
  out(text: string): void;
  /** Talk: progress, hints, errors. */
  err(text: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user's folder. Throws `HOME_UNKNOWN` where there is none: it is asked for only where a path needs it. */
  homeDir(): string;
  /** Standard error is a terminal that heeds escape codes. */
  readonly isTerminal: boolean;
  /** Its width. */
  columns(): number;
  /** Text of a file; rejects when it cannot be read. */
  readText(path: string): Promise<string>;
  /** All of standard input. */
  readInput(): Promise<string>;
  /** Makes a client of a node's RPC. */
  connect(options: ClientOptions): Promise<RpcClient>;
  /** Calls back on a signal to end until the returned function is called; without a handler the process ends at once. */
  onSignal(handler: (signal: StopSignal) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): never;
}

/** The real process, and how it ends. */
export interface ProcessIo extends CliIo {
  /** Ends the process when everything is written. */
  finish(code: number): Promise<never>;
}

/** The user's folder by HOME or the system's list of users. Throws `HOME_UNKNOWN`. */
function userFolder(): string {
  try {
    const folder = process.env.HOME || homedir();
    if (isAbsolute(folder)) return folder;
  } catch {
    // A user that the system does not know, as containers have them.
  }
  throw new NodeError("HOME_UNKNOWN", "self", "this user has no home folder");
}

/** The real process. */
export function processIo(): ProcessIo {
  const signals = takeSignals();
  let outputFailure: number | undefined;
  /**
   * A reader that is gone (`gemel … | head`) ends a command quietly, and a server not at all: it does not live by its
   * output. Output that cannot be stored is an error of the command.
   */
  const failed = (error: NodeJS.ErrnoException) => {
    if (outputFailure !== undefined) return;
    outputFailure = EXIT.ok;
    if (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED") {
      if (!signals.taken) process.exit(EXIT.ok);
      return;
    }
    const why = new NodeError("OUTPUT_FAILED", "self", `standard output cannot be written: ${error.message}`);
    const failure = failureOf(why);
    outputFailure = failure.exit;
    process.stderr.write(formatFailure(failure, process.argv.includes("--json")));
    if (!signals.taken) process.exit(failure.exit);
    process.kill(process.pid, "SIGTERM");
  };
  process.stdout.on("error", failed);
  // Talk that nobody hears (a closed pipe of the log, a full disk) changes nothing.
  process.stderr.on("error", () => {});
  return {
    out: (text) => void process.stdout.write(text, (error) => error && failed(error)),
    err: (text) => void process.stderr.write(text),
    environment: process.env,
    homeDir: userFolder,
    // A dumb terminal shows escape codes instead of heeding them.
    isTerminal: process.stderr.isTTY === true && process.env.TERM !== "dumb",
    columns: () => process.stderr.columns ?? 80,
    readText: (path) => readFile(path, "utf8"),
    readInput: async () => {
      const parts: Uint8Array[] = [];
      for await (const part of process.stdin) parts.push(part as Uint8Array);
      return new TextDecoder().decode(Buffer.concat(parts));
    },
    connect: async (options) => (await import("./connection.ts")).connectClient(options),
    onSignal: signals.onSignal,
    exit: (code) => process.exit(code),
    async finish(code) {
      // A pipe may still be taking what was written; the exit would cut it off.
      for (const stream of [process.stdout, process.stderr]) {
        await new Promise((resolve) => void stream.write("", resolve));
      }
      process.exit(outputFailure || code);
    },
  };
}
